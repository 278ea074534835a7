//! Rows of exports.

use super::{Due, DueKind, Entity, org_key};
use crate::RowKey;
use waybill_domain::{
    ChangeWindow, Export, ExportAlias, ExportAliasPointer, ExportId, ExportPointer, ExportSpec, IdempotencyRecord,
    KeyId, OrgCode, Seq, Timestamp, Usage,
};

/// Prefix of export rows; sequence numbers follow in 20 digits.
pub(crate) const EXPORT: &str = "EXPORT#";

pub(crate) fn export_key(org: &OrgCode, seq: Seq) -> RowKey {
    org_key(org, format!("{EXPORT}{:020}", seq.0))
}

pub(crate) fn spec_key(org: &OrgCode, seq: Seq) -> RowKey {
    org_key(org, format!("SPEC#{:020}", seq.0))
}

pub(crate) fn pointer_key(org: &OrgCode, id: ExportId) -> RowKey {
    org_key(org, format!("EXPORTID#{id}"))
}

pub(crate) fn alias_key(org: &OrgCode, alias: &ExportAlias) -> RowKey {
    org_key(org, format!("EXPORTALIAS#{alias}"))
}

pub(crate) fn changes_key(org: &OrgCode) -> RowKey {
    org_key(org, "CHANGES")
}

pub(crate) fn usage_key(org: &OrgCode) -> RowKey {
    org_key(org, "USAGE")
}

pub(crate) fn idempotency_key(org: &OrgCode, caller: KeyId, scope: &str) -> RowKey {
    org_key(org, format!("IDEMPOTENCY#{caller}#{scope}"))
}

impl Entity for Export {
    fn key(&self) -> RowKey {
        export_key(&self.org, self.seq)
    }

    fn due(&self) -> Option<Due> {
        let admission = self.admission_at().map(|at| Due { kind: DueKind::Admit, at });
        let expires = self.is_terminal() && !self.deleted;
        let expiry = expires.then_some(Due { kind: DueKind::Expiry, at: self.expires_at });
        let cleanup = self.cleanup_at.map(|at| Due { kind: DueKind::Cleanup, at });
        [cleanup, admission, expiry].into_iter().flatten().min_by_key(|due| due.at)
    }

    fn due_org(&self) -> Option<&OrgCode> {
        Some(&self.org)
    }
}

impl Entity for ExportSpec {
    fn key(&self) -> RowKey {
        spec_key(&self.org, self.seq)
    }
}

impl Entity for ExportPointer {
    fn key(&self) -> RowKey {
        pointer_key(&self.org, self.id)
    }
}

impl Entity for ExportAliasPointer {
    fn key(&self) -> RowKey {
        alias_key(&self.org, &self.alias)
    }
}

impl Entity for ChangeWindow {
    fn key(&self) -> RowKey {
        changes_key(&self.org)
    }

    fn drop_after(&self) -> Option<Timestamp> {
        Some(self.ends_at())
    }
}

impl Entity for IdempotencyRecord {
    fn key(&self) -> RowKey {
        idempotency_key(&self.org, self.caller, &self.scope)
    }

    fn drop_after(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

impl Entity for Usage {
    fn key(&self) -> RowKey {
        usage_key(&self.org)
    }

    fn due(&self) -> Option<Due> {
        self.recount_at.map(|at| Due { kind: DueKind::Usage, at })
    }

    fn due_org(&self) -> Option<&OrgCode> {
        Some(&self.org)
    }
}
