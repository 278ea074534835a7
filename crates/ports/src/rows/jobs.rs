//! Rows of jobs, their slots and their runs.

use super::{Due, DueKind, Entity, org_key};
use crate::RowKey;
use waybill_domain::{Job, JobId, OrgCode, Run, RunId, Slot, Timestamp};

/// Prefix of job rows.
pub(crate) const JOB: &str = "JOB#";

pub(crate) fn job_key(org: &OrgCode, id: &JobId) -> RowKey {
    org_key(org, format!("{JOB}{id}"))
}

/// Prefix of the slots of a job; instants follow in 15 digits.
pub(crate) fn slot_prefix(job: &JobId) -> String {
    format!("SLOT#{job}#")
}

pub(crate) fn slot_key(org: &OrgCode, job: &JobId, at: Timestamp) -> RowKey {
    org_key(org, format!("{}{:015}", slot_prefix(job), at.as_millis()))
}

/// Prefix of the runs of a job; their beginnings follow in 15 digits.
pub(crate) fn run_prefix(job: &JobId) -> String {
    format!("RUN#{job}#")
}

pub(crate) fn run_key(org: &OrgCode, job: &JobId, started_at: Timestamp, id: RunId) -> RowKey {
    org_key(org, format!("{}{:015}#{id}", run_prefix(job), started_at.as_millis()))
}

impl Entity for Job {
    fn key(&self) -> RowKey {
        job_key(&self.org, &self.id)
    }

    fn due(&self) -> Option<Due> {
        let at = self.deleted_at.or(self.next_run_at);
        at.map(|at| Due { kind: DueKind::Job, at })
    }

    fn due_org(&self) -> Option<&OrgCode> {
        Some(&self.org)
    }
}

impl Entity for Slot {
    fn key(&self) -> RowKey {
        slot_key(&self.org, &self.job, self.at)
    }

    fn drop_after(&self) -> Option<Timestamp> {
        Some(self.expires_at())
    }
}

impl Entity for Run {
    fn key(&self) -> RowKey {
        run_key(&self.org, &self.job, self.started_at, self.id)
    }

    fn drop_after(&self) -> Option<Timestamp> {
        Some(self.expires_at())
    }
}
