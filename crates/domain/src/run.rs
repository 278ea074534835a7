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
    /// Records in what was delivered, or made where nothing is delivered; 0 once it has failed and is nowhere.
    pub record_count: Option<u64>,
    /// Bytes that were delivered, to the first destination that has them.
    pub file_size: Option<u64>,
    /// Where they are.
    pub destination_path: Option<String>,
    /// Why it failed; while it runs, why the last attempt to deliver did, and when the next one is due.
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
        self.record_count = match status {
            RunStatus::Running => None,
            RunStatus::Success => Some(export.progress.records),
            RunStatus::Failed => Some(0),
        };
        self.completed_at = export.finished_at().filter(|_| status != RunStatus::Running);
        self.deliveries_open = open;
        self
    }

    /// The run, given where all deliveries of its export stand: on its way while one is, then a success if all have arrived. What it says
    /// of what is there is said of the first destination that has it, be the run a failure for the sake of another one or not.
    #[must_use]
    pub fn delivered(mut self, deliveries: &[&Delivery]) -> Self {
        let open = deliveries.iter().filter(|delivery| !delivery.is_ended()).count();
        let has_failed = deliveries.iter().any(|delivery| matches!(delivery.state, ErrandState::Failed { .. }));
        self.deliveries_open = u32::try_from(open).unwrap_or(u32::MAX);
        self.status = match has_failed {
            _ if open > 0 => RunStatus::Running,
            true => RunStatus::Failed,
            false => RunStatus::Success,
        };
        let ended = self.status != RunStatus::Running;
        let last = deliveries.iter().filter_map(|delivery| trouble(delivery)).max_by_key(|(at, _)| *at);
        self.error = last.map(|(_, words)| words);
        self.completed_at = deliveries.iter().filter_map(|delivery| delivery.ended_at()).max().filter(|_| ended);
        let there = deliveries.iter().find_map(|delivery| Some((delivery, delivery.what.held.as_ref()?)));
        self.record_count = there.map(|(delivery, _)| delivery.what.file.records).or(ended.then_some(0));
        self.file_size = there.map(|(_, held)| held.size_bytes);
        self.destination_path = there.map(|(_, held)| held.destination_path.clone());
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

/// When a delivery failed last, and why, if it has not got any further since.
fn trouble(delivery: &Delivery) -> Option<(Timestamp, String)> {
    let words = delivery.last_error()?;
    match delivery.state {
        ErrandState::Failed { at, .. } => Some((at, words.to_owned())),
        ErrandState::Waiting { at } if delivery.failures > 0 => {
            let failed_at = delivery.attempts.iter().rev().find_map(|attempt| attempt.ended_at)?;
            Some((failed_at, format!("{words}; the next attempt is due at {at}")))
        }
        ErrandState::Sending { .. } if delivery.failures > 0 => {
            let failed_at = delivery.attempts.iter().rev().find_map(|attempt| attempt.ended_at)?;
            Some((failed_at, format!("{words}; another attempt is under way")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
