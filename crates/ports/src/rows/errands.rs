//! Rows of errands: deliveries and signals.

use super::{Due, DueKind, Entity, org_key};
use crate::{DeliveryMessage, RowKey};
use serde::{Serialize, de::DeserializeOwned};
use waybill_domain::{Carried, Errand, ErrandShare, ExportId, OrgCode, Shipment, Timestamp, Told};

/// What tells the kinds of errands apart in rows and messages.
pub trait ErrandKind: Carried + Serialize + DeserializeOwned + Clone + Send + Sync {
    /// Prefix of their rows.
    const ROW: &'static str;
    /// What they are due for.
    const DUE: DueKind;

    /// What rings for one.
    fn message(org: OrgCode, export: ExportId, number: u16) -> DeliveryMessage;
}

impl ErrandKind for Shipment {
    const ROW: &'static str = "DELIVERY";
    const DUE: DueKind = DueKind::Delivery;

    fn message(org: OrgCode, export: ExportId, number: u16) -> DeliveryMessage {
        DeliveryMessage::AdvanceV1 { org, export, number }
    }
}

impl ErrandKind for Told {
    const ROW: &'static str = "SIGNAL";
    const DUE: DueKind = DueKind::Signal;

    fn message(org: OrgCode, export: ExportId, number: u16) -> DeliveryMessage {
        DeliveryMessage::SignalV1 { org, export, number }
    }
}

/// Prefix of an export's errands of a kind; numbers follow in 3 digits.
pub(crate) fn errand_prefix<T: ErrandKind>(export: ExportId) -> String {
    format!("{}#{export}#", T::ROW)
}

pub(crate) fn errand_key<T: ErrandKind>(org: &OrgCode, export: ExportId, number: u16) -> RowKey {
    org_key(org, format!("{}{number:03}", errand_prefix::<T>(export)))
}

impl<T: ErrandKind> Entity for Errand<T> {
    fn key(&self) -> RowKey {
        errand_key::<T>(&self.org, self.export, self.number)
    }

    fn due(&self) -> Option<Due> {
        self.due_at().map(|at| Due { kind: T::DUE, at })
    }

    fn due_org(&self) -> Option<&OrgCode> {
        Some(&self.org)
    }

    fn drop_after(&self) -> Option<Timestamp> {
        Some(Errand::drop_after(self))
    }
}

pub(crate) fn share_key(org: &OrgCode, kind: &str) -> RowKey {
    org_key(org, format!("SHARE#{kind}"))
}

impl Entity for ErrandShare {
    fn key(&self) -> RowKey {
        share_key(&self.org, &self.kind)
    }
}
