//! A run: an export seen from its job, or what an outside runner says that it did.

use crate::{Delivery, ErrandState, Export, JobId, OrgCode, RunId, Seq, State, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long runs and slots stay on record.
pub const RUN_LIFETIME: Duration = Duration::from_hours(400 * 24);

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// It waits or runs.
    Running,
    /// It arrived everywhere.
    Success,
    /// It did not.
    Failed,
}

/// One run of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The org.
    pub org: OrgCode,
    /// The job.
    pub job: JobId,
    /// Its id.
    pub id: RunId,
    /// When it began.
    pub started_at: Timestamp,
    /// Where it stands.
    pub status: RunStatus,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Records.
    pub record_count: Option<u64>,
    /// Bytes that were delivered.
    pub file_size: Option<u64>,
    /// Where they are.
    pub destination_path: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// The instant at which it was due; `None` = somebody asked for it, or it ran elsewhere.
    pub slot: Option<Timestamp>,
    /// The export that it is; `None` = none was made, or it ran elsewhere.
    pub export: Option<Seq>,
    /// How many deliveries are still on their way.
    #[serde(default)]
    pub deliveries_open: u32,
}

impl Run {
    /// The run that `export` is, when it is one of a job.
    pub fn of(export: &Export) -> Option<Self> {
        let of = export.job.as_ref()?;
        Some(Self {
            org: export.org.clone(),
            job: of.job.clone(),
            id: export.id.into(),
            started_at: export.created_at,
            status: RunStatus::Running,
            completed_at: None,
            record_count: None,
            file_size: None,
            destination_path: None,
            error: None,
            slot: of.slot,
            export: Some(export.seq),
            deliveries_open: 0,
        })
    }

    /// The run after its export has ended; `open` deliveries are still on their way. Unchanged while the export has not ended.
    #[must_use]
    pub fn settled(mut self, export: &Export, open: u32) -> Self {
        let (status, error) = match &export.state {
            State::Scheduled { .. } | State::Queued { .. } | State::Running { .. } => return self,
            State::Ready { .. } if open > 0 => (RunStatus::Running, None),
            State::Ready { .. } => (RunStatus::Success, None),
            State::Failed { failure, .. } => (RunStatus::Failed, Some(failure.message.clone())),
            State::Canceled { .. } => (RunStatus::Failed, Some("canceled".to_owned())),
        };
        self.status = status;
        self.error = error;
        self.record_count = Some(export.progress.records);
        self.completed_at = export.finished_at().filter(|_| status != RunStatus::Running);
        self.deliveries_open = open;
        self
    }

    /// The run, given where all deliveries of its export stand: on its way while one is, then a success if all have arrived.
    #[must_use]
    pub fn delivered(mut self, deliveries: &[&Delivery]) -> Self {
        let open = deliveries.iter().filter(|delivery| !delivery.is_ended()).count();
        let failed = deliveries.iter().filter(|delivery| matches!(delivery.state, ErrandState::Failed { .. }));
        let last = failed.max_by_key(|delivery| delivery.ended_at());
        self.deliveries_open = u32::try_from(open).unwrap_or(u32::MAX);
        self.status = match last {
            _ if open > 0 => RunStatus::Running,
            Some(_) => RunStatus::Failed,
            None => RunStatus::Success,
        };
        let ended = self.status != RunStatus::Running;
        self.error = last.filter(|_| ended).and_then(|delivery| delivery.last_error()).map(str::to_owned);
        self.completed_at = deliveries.iter().filter_map(|delivery| delivery.ended_at()).max().filter(|_| ended);
        // What is really there, of the first destination that has it.
        let held = deliveries.iter().find_map(|delivery| delivery.what.held.as_ref());
        self.file_size = held.map(|held| held.size_bytes);
        self.destination_path = held.map(|held| held.destination_path.clone());
        self
    }

    /// The run of an export that nobody finds any more and that never told its end.
    #[must_use]
    pub fn lost(self) -> Self {
        let error = Some("the export is gone and left no word of its end".to_owned());
        Self { status: RunStatus::Failed, completed_at: Some(self.started_at), error, ..self }
    }

    /// From when on it is not there any more.
    pub fn expires_at(&self) -> Timestamp {
        self.started_at.after(RUN_LIFETIME)
    }
}
