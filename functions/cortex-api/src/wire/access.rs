//! Access levels: what a caller may do with an export.

use waybill_domain::{Export, Principal};

/// May read.
const READ: u8 = 4;
/// May also change and delete: what an owner gets.
const DELETE: u8 = 7;

/// The caller's level on an export.
pub(crate) fn level(principal: &Principal, export: &Export) -> u8 {
    if principal.is_admin() || principal.account == export.creator { DELETE } else { READ }
}
