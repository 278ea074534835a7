//! A job: a schedule, and what is exported each time; its slots, each decided once.

use crate::{
    AccountId, Delivery, ErrandState, ExportId, JobId, JobTemplate, OrgCode, RUN_LIFETIME, Seq, Surface, SwitchedOff,
    Timestamp,
};
use serde::{Deserialize, Serialize};

/// Most jobs of an org.
pub const MAX_JOBS: usize = 1000;

/// A schedule and a template from which exports are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The org.
    pub org: OrgCode,
    /// Its id.
    pub id: JobId,
    /// The surface that it was made through.
    pub surface: Surface,
    /// Who made it.
    pub creator: AccountId,
    /// When.
    pub created_at: Timestamp,
    /// When it was last changed by somebody.
    pub updated_at: Timestamp,
    /// What was asked for.
    pub request: JobRequest,
    /// How many times what was asked for has changed: a slot of an earlier one cannot fire.
    pub generation: u64,
    /// When it is due next; `None` = never, or it is paused.
    pub next_run_at: Option<Timestamp>,
    /// Every slot up to this instant is decided.
    pub decided_through: Timestamp,
    /// When it last made an export.
    pub last_run_at: Option<Timestamp>,
    /// The row of the last export that it made.
    pub last_export: Option<Seq>,
    /// When it was deleted: invisible from then on, its rows removed soon after.
    pub deleted_at: Option<Timestamp>,
}

/// What somebody asks of a job; replaced whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobRequest {
    /// A name for people.
    pub name: String,
    /// More for people.
    pub description: Option<String>,
    /// What is exported.
    pub template: JobTemplate,
    /// When.
    pub schedule: JobSchedule,
    /// The IANA zone of the schedule.
    pub zone: String,
    /// Whether it is due at all.
    pub active: bool,
}

/// When a job is due, as its maker wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase", deny_unknown_fields)]
pub enum JobSchedule {
    /// By a cron expression.
    Cron {
        /// The expression.
        cron: String,
    },
    /// By a recurrence rule.
    Rrule {
        /// The rule.
        rrule: String,
        /// Where the series begins.
        start: Timestamp,
    },
}

/// Slots of a job that were decided: one that fired, or some that did not, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// The org.
    pub org: OrgCode,
    /// The job.
    pub job: JobId,
    /// Which of its schedules.
    pub generation: u64,
    /// The slot, or the first of several.
    pub at: Timestamp,
    /// All instants of the schedule from `at` up to and with this one share the outcome.
    pub through: Timestamp,
    /// What became of it.
    pub outcome: SlotOutcome,
    /// When that was decided.
    pub decided_at: Timestamp,
}

/// What became of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase", deny_unknown_fields)]
pub enum SlotOutcome {
    /// It made an export.
    Fired {
        /// The export.
        export: ExportId,
    },
    /// It was left out.
    Skipped {
        /// Why.
        reason: Skipped,
    },
    /// No export could be made.
    Failed {
        /// Why, for people.
        message: String,
    },
}

/// Why a slot was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Skipped {
    /// Nobody looked for longer than an hour after it.
    Late,
    /// A later slot was due when somebody looked.
    Superseded,
    /// The job's export before it waited or ran.
    Busy,
    /// The job was changed, paused or deleted before anybody looked.
    Changed,
}

impl Slot {
    /// From when on it is not on record any more.
    pub fn expires_at(&self) -> Timestamp {
        self.at.max(self.decided_at).after(RUN_LIFETIME)
    }
}

/// Why a transition of a job is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobRefused {
    /// It is not due at that instant.
    #[error("the job is not due")]
    NotDue,
}

impl Job {
    /// A job whose schedule is due next at `next`.
    pub fn new(
        (org, id): (OrgCode, JobId),
        (surface, creator): (Surface, AccountId),
        request: JobRequest,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let next_run_at = next.filter(|_| request.active);
        Self {
            org,
            id,
            surface,
            creator,
            created_at: now,
            updated_at: now,
            request,
            generation: 1,
            next_run_at,
            decided_through: now,
            last_run_at: None,
            last_export: None,
            deleted_at: None,
        }
    }

    /// The instant after which a changed schedule begins: no slot that is decided is decided again, whatever clocks say.
    pub fn begins_after(&self, now: Timestamp) -> Timestamp {
        self.decided_through.max(now)
    }

    /// What is asked of it from now on; `next` = its first slot after [`Job::begins_after`].
    #[must_use]
    pub fn changed(self, request: JobRequest, next: Option<Timestamp>, now: Timestamp) -> Self {
        let next_run_at = next.filter(|_| request.active);
        Self {
            decided_through: self.begins_after(now),
            generation: self.generation.saturating_add(1),
            updated_at: now,
            request,
            next_run_at,
            ..self
        }
    }

    /// Takes note that its slots up to and with `through` are decided; `next` = the one after, `ran` = the export that was made.
    ///
    /// # Errors
    /// [`JobRefused::NotDue`] when it is paused, deleted, or due only after `through`.
    pub fn decided(
        self,
        through: Timestamp,
        next: Option<Timestamp>,
        ran: Option<(Timestamp, Seq)>,
    ) -> Result<Self, JobRefused> {
        let due = self.next_run_at.is_some_and(|at| at <= through);
        if self.deleted_at.is_some() || !due {
            return Err(JobRefused::NotDue);
        }
        let job = Self { decided_through: through, next_run_at: next, ..self };
        Ok(match ran {
            Some((at, export)) => job.ran(at, export),
            None => job,
        })
    }

    /// Takes note of an export that it made.
    #[must_use]
    pub fn ran(self, at: Timestamp, export: Seq) -> Self {
        Self { last_run_at: Some(at), last_export: Some(export), ..self }
    }

    /// Takes note of how a delivery of one of its exports ended: a destination that will take nothing again is switched off, and one that
    /// took something is on. `None` when that changes nothing, or the job sends it elsewhere by now.
    #[must_use]
    pub fn told(mut self, delivery: &Delivery) -> Option<Self> {
        let off = match &delivery.state {
            ErrandState::Failed { at, message, gone: true } => Some(SwitchedOff { at: *at, reason: message.clone() }),
            ErrandState::Done { .. } => None,
            _ => return None,
        };
        let destination = self.request.template.destinations.get_mut(usize::from(delivery.number))?;
        if !destination.is_set_up_as(&delivery.what.destination) || destination.off.is_some() == off.is_some() {
            return None;
        }
        destination.off = off;
        Some(self)
    }

    /// Whether the destination `number` is switched off.
    pub fn is_off(&self, number: u16) -> bool {
        self.request.template.destinations.get(usize::from(number)).is_some_and(|one| one.off.is_some())
    }

    /// Deletes it.
    #[must_use]
    pub fn deleted(self, now: Timestamp) -> Self {
        Self { deleted_at: Some(now), next_run_at: None, updated_at: now, ..self }
    }
}
