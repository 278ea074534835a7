//! What the oracle demands of what clients were told.

use super::Oracle;
use waybill_domain::{Export, ExportId, OrgCode};

impl Oracle {
    /// A create was answered with success.
    pub(in crate::simulator) fn accepted(&mut self, org: &OrgCode, id: ExportId, request: &str) {
        self.accepted.insert(id, org.clone());
        let made = self.requests.get(request).copied();
        self.demand(made == Some(id), || format!("request {request} was answered with {id} and made {made:?}"));
    }

    /// Somebody asks for the end of an export.
    pub(in crate::simulator) fn asks_to_end(&mut self, id: ExportId) {
        self.asked_to_end.insert(id);
    }

    /// A cancel was answered with success.
    pub(in crate::simulator) fn canceled(&mut self, id: ExportId) {
        self.canceled.insert(id);
    }

    /// A delete was answered with success.
    pub(in crate::simulator) fn deleted(&mut self, id: ExportId) {
        self.deleted.insert(id);
    }

    /// Whether an export's delete was answered by now.
    pub(in crate::simulator) fn is_deleted(&self, id: ExportId) -> bool {
        self.deleted.contains(&id)
    }

    /// Whether an export's row is removed, or to be removed.
    pub(in crate::simulator) fn is_gone_or_going(&self, export: &Export) -> bool {
        let seen = self.orgs.get(&export.org).and_then(|org| org.exports.get(&export.seq.0));
        seen.is_none_or(|seen| seen.gone || seen.export.deleted)
    }

    /// Exports of an org that clients know.
    pub(in crate::simulator) fn known(&self, org: &OrgCode) -> Vec<ExportId> {
        self.accepted.iter().filter(|(_, of)| *of == org).map(|(id, _)| *id).collect()
    }
}
