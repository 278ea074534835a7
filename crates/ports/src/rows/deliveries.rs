//! Rows of deliveries.

use super::{Due, DueKind, Entity, org_key};
use crate::RowKey;
use waybill_domain::{Delivery, ExportId, OrgCode, Timestamp};

/// Prefix of the deliveries of an export; numbers follow in 3 digits.
pub(crate) fn delivery_prefix(export: ExportId) -> String {
    format!("DELIVERY#{export}#")
}

pub(crate) fn delivery_key(org: &OrgCode, export: ExportId, number: u16) -> RowKey {
    org_key(org, format!("{}{number:03}", delivery_prefix(export)))
}

impl Entity for Delivery {
    fn key(&self) -> RowKey {
        delivery_key(&self.org, self.export, self.number)
    }

    fn due(&self) -> Option<Due> {
        self.due_at().map(|at| Due { kind: DueKind::Delivery, at })
    }

    fn due_org(&self) -> Option<&OrgCode> {
        Some(&self.org)
    }

    fn drop_after(&self) -> Option<Timestamp> {
        Some(Delivery::drop_after(self))
    }
}
