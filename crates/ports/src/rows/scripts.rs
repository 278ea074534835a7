//! Rows of after-scripts: what they run with, keep and log. All of them are in a table of their own, which is all that whoever runs them reaches.

use super::{Due, DueKind, Entity, org_partition};
use crate::{RowKey, Table};
use waybill_domain::{ExportId, LogEntry, OrgCode, ScriptCounter, ScriptRun, ScriptValue, Timestamp};

/// Prefix of the lines of a log; the time follows in 15 digits.
pub(crate) const LOG: &str = "LOG#";
/// Prefix of values that scripts keep.
pub(crate) const VALUE: &str = "CACHE#";
/// Prefix of numbers that scripts count with.
pub(crate) const COUNTER: &str = "COUNTER#";

fn script_key(org: &OrgCode, sk: String) -> RowKey {
    RowKey { table: Table::Scripts, pk: org_partition(org), sk }
}

pub(crate) fn run_key(org: &OrgCode, export: ExportId) -> RowKey {
    script_key(org, format!("SCRIPT#{export}"))
}

pub(crate) fn value_key(org: &OrgCode, key: &str) -> RowKey {
    script_key(org, format!("{VALUE}{key}"))
}

pub(crate) fn counter_key(org: &OrgCode, key: &str) -> RowKey {
    script_key(org, format!("{COUNTER}{key}"))
}

impl Entity for ScriptRun {
    fn key(&self) -> RowKey {
        run_key(&self.org, self.export)
    }

    fn due(&self) -> Option<Due> {
        self.due_at.map(|at| Due { kind: DueKind::Script, at })
    }

    fn due_org(&self) -> Option<&OrgCode> {
        Some(&self.org)
    }

    fn drop_after(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

impl Entity for LogEntry {
    fn key(&self) -> RowKey {
        script_key(&self.org, format!("{LOG}{:015}#{}", self.at.as_millis(), self.id))
    }

    fn drop_after(&self) -> Option<Timestamp> {
        Some(self.expires_at())
    }
}

impl Entity for ScriptValue {
    fn key(&self) -> RowKey {
        value_key(&self.org, &self.key)
    }

    fn drop_after(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

impl Entity for ScriptCounter {
    fn key(&self) -> RowKey {
        counter_key(&self.org, &self.key)
    }
}
