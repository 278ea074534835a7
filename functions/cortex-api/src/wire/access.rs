//! Access levels: what a caller may do with an export.

use waybill_domain::{Export, Principal, export_level};

/// The caller's level on an export.
pub(crate) fn level(principal: &Principal, export: &Export) -> u8 {
    export_level(principal, export.creator).number()
}
