//! An errand: what an ended export brings to one address, claimed by one worker at a time and tried until it is done or given up.

mod attempt;
mod share;

pub use attempt::{Attempt, Backoff};
pub use share::ErrandShare;

use crate::{Epoch, ExportId, OrgCode, Seq, Timestamp, WorkerId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most attempts that are kept on record; older ones are dropped first.
const MAX_ATTEMPTS_KEPT: usize = 50;

/// What becomes of an attempt whose worker is gone.
const UNEXPLAINED: &str = "whoever was sending it ended unexplained";

/// What an errand brings.
pub trait Carried {
    /// What stands before the number in the names of such errands, and tells them from those of other kinds.
    const MARK: &'static str;

    /// What was brought so far is no longer there.
    fn lost(&mut self) {}
}

/// Bringing something of an ended export to one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Errand<T> {
    /// The org.
    pub org: OrgCode,
    /// The export.
    pub export: ExportId,
    /// The export's row.
    pub seq: Seq,
    /// Its place among the export's errands of its kind, from 0.
    pub number: u16,
    /// What is brought, and where to.
    pub what: T,
    /// When the export ended.
    pub created_at: Timestamp,
    /// When the export goes; there is nothing to bring then.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: ErrandState,
    /// When it was last rung for because nobody came.
    pub rung_at: Option<Timestamp>,
    /// Number of the current or last lease.
    pub epoch: Epoch,
    /// Attempts that failed since the last one that got further than all before.
    pub failures: u32,
    /// When the first of those failed.
    pub failing_since: Option<Timestamp>,
    /// How many attempts were begun.
    pub attempt_count: u32,
    /// The last of them, oldest first.
    pub attempts: Vec<Attempt>,
    /// Since when it waits for its org's other errands alone.
    #[serde(default)]
    pub crowded_since: Option<Timestamp>,
}

/// Where an errand stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase", deny_unknown_fields)]
pub enum ErrandState {
    /// Nobody sends it.
    Waiting {
        /// When it is to be begun or gone on with.
        at: Timestamp,
    },
    /// Somebody does.
    Sending {
        /// Who.
        worker: WorkerId,
        /// Until when that worker is believed to be alive.
        lease_until: Timestamp,
    },
    /// It has arrived.
    Done {
        /// When.
        at: Timestamp,
    },
    /// It was given up.
    Failed {
        /// When.
        at: Timestamp,
        /// Why, for whoever set the address up.
        message: String,
        /// Whether the address said that it will take nothing again.
        gone: bool,
    },
}

/// How an attempt failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Miss {
    /// Why, in words that help.
    pub message: String,
    /// Whether another attempt is of no use.
    pub is_final: bool,
    /// How long the address asks to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether what was sent so far is no longer there.
    pub is_lost: bool,
    /// Whether the address will take nothing again.
    pub is_gone: bool,
}

impl Miss {
    /// One after which no other attempt is of use.
    pub fn finally(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_final: true, ..Self::default() }
    }
}

/// Why a transition is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ErrandRefused {
    /// It has ended.
    #[error("the errand has ended")]
    Ended,
    /// It has not.
    #[error("the errand has not ended")]
    NotEnded,
    /// Its time has not come.
    #[error("the errand waits")]
    NotYet,
    /// Somebody sends it.
    #[error("the errand is being run")]
    Busy,
    /// A later lease has taken it.
    #[error("the lease is stale")]
    StaleEpoch,
}

impl<T: Carried> Errand<T> {
    /// How long after its time the sweeper looks whether somebody came.
    const LOOK_AFTER: Duration = Duration::from_secs(15);
    /// How long it is left alone after it was rung for: longer than a message waits behind others on most days.
    const LOOK_AGAIN: Duration = Duration::from_mins(1);
    /// The shortest and the longest time between two looks whether its org may have another errand under way, about.
    const SHORTEST_CROWD: Duration = Duration::from_secs(2);
    const LONGEST_CROWD: Duration = Duration::from_secs(30);
    /// How much longer than its export it stays on record.
    const KEPT_LONGER: Duration = Duration::from_hours(24);

    /// One that is to be begun at once.
    pub fn new(
        (org, export, seq, number): (OrgCode, ExportId, Seq, u16),
        what: T,
        (created_at, expires_at): (Timestamp, Timestamp),
    ) -> Self {
        Self {
            org,
            export,
            seq,
            number,
            what,
            created_at,
            expires_at,
            state: ErrandState::Waiting { at: created_at },
            rung_at: None,
            epoch: Epoch(0),
            failures: 0,
            failing_since: None,
            attempt_count: 0,
            attempts: Vec::new(),
            crowded_since: None,
        }
    }

    /// Its name to the address, the same at every attempt.
    pub fn id(&self) -> String {
        format!("{}-{}{}", self.export, T::MARK, self.number)
    }

    /// Whether it has ended.
    pub fn is_ended(&self) -> bool {
        self.ended_at().is_some()
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self.state {
            ErrandState::Done { at } | ErrandState::Failed { at, .. } => Some(at),
            ErrandState::Waiting { .. } | ErrandState::Sending { .. } => None,
        }
    }

    /// Why the last attempt that ended badly did.
    pub fn last_error(&self) -> Option<&str> {
        match &self.state {
            ErrandState::Failed { message, .. } => Some(message),
            ErrandState::Done { .. } => None,
            _ => self.attempts.iter().rev().find_map(|attempt| attempt.error.as_deref()),
        }
    }

    /// When somebody has to look at it; `None` once it has ended.
    pub fn due_at(&self) -> Option<Timestamp> {
        let at = match self.state {
            ErrandState::Waiting { at } => at.after(Self::LOOK_AFTER),
            ErrandState::Sending { lease_until, .. } => lease_until,
            ErrandState::Done { .. } | ErrandState::Failed { .. } => return None,
        };
        Some(self.rung_at.map_or(at, |rung| at.max(rung.after(Self::LOOK_AGAIN))))
    }

    /// From when on the store may drop it.
    pub fn drop_after(&self) -> Timestamp {
        self.expires_at.after(Self::KEPT_LONGER)
    }

    /// Takes the right to an attempt, under the next epoch. One whose worker is gone is [`Errand::abandoned`] first.
    ///
    /// # Errors
    /// [`ErrandRefused::Ended`], [`ErrandRefused::NotYet`], [`ErrandRefused::Busy`].
    pub fn claim(mut self, worker: WorkerId, now: Timestamp, lease: Duration) -> Result<Self, ErrandRefused> {
        match self.state {
            ErrandState::Waiting { at } if at <= now => {}
            ErrandState::Waiting { .. } => return Err(ErrandRefused::NotYet),
            ErrandState::Sending { .. } => return Err(ErrandRefused::Busy),
            ErrandState::Done { .. } | ErrandState::Failed { .. } => return Err(ErrandRefused::Ended),
        }
        self.rung_at = None;
        self.crowded_since = None;
        self.epoch = Epoch(self.epoch.0.saturating_add(1));
        self.state = ErrandState::Sending { worker, lease_until: now.after(lease) };
        // An attempt whose invocation ran out of time goes on.
        if self.attempts.last().is_none_or(|last| last.ended_at.is_some()) {
            self.attempt_count = self.attempt_count.saturating_add(1);
            self.attempts.push(Attempt::new(self.attempt_count, now));
            let surplus = self.attempts.len().saturating_sub(MAX_ATTEMPTS_KEPT);
            self.attempts.drain(..surplus);
        }
        Ok(self)
    }

    /// Its org has as many errands under way as it may: it waits, the longer the longer it does already, by about half as much more.
    /// `jitter`, below 1000, keeps those that wait apart.
    #[must_use]
    pub fn put_off(mut self, now: Timestamp, jitter: u32) -> Self {
        let since = *self.crowded_since.get_or_insert(now);
        let pause = (now.since(since) / 2).clamp(Self::SHORTEST_CROWD, Self::LONGEST_CROWD);
        self.rung_at = None;
        self.state = ErrandState::Waiting { at: now.after(pause / 2 + pause * jitter.min(999) / 1000) };
        self
    }

    fn assert_held(&self, epoch: Epoch) -> Result<(), ErrandRefused> {
        match self.state {
            _ if self.epoch != epoch => Err(ErrandRefused::StaleEpoch),
            ErrandState::Sending { .. } => Ok(()),
            ErrandState::Waiting { .. } => Err(ErrandRefused::NotYet),
            ErrandState::Done { .. } | ErrandState::Failed { .. } => Err(ErrandRefused::Ended),
        }
    }

    /// Its worker is alive.
    ///
    /// # Errors
    /// [`ErrandRefused`] when it is no longer that worker's.
    pub fn renewed(mut self, epoch: Epoch, now: Timestamp, lease: Duration) -> Result<Self, ErrandRefused> {
        self.assert_held(epoch)?;
        if let ErrandState::Sending { lease_until, .. } = &mut self.state {
            *lease_until = now.after(lease);
        }
        Ok(self)
    }

    /// Time is up: the next invocation goes on.
    ///
    /// # Errors
    /// As [`Errand::renewed`].
    pub fn paused(mut self, epoch: Epoch, now: Timestamp) -> Result<Self, ErrandRefused> {
        self.assert_held(epoch)?;
        self.state = ErrandState::Waiting { at: now };
        Ok(self)
    }

    /// An attempt failed: another one comes later, or it is given up.
    ///
    /// # Errors
    /// As [`Errand::renewed`].
    pub fn missed(
        mut self,
        epoch: Epoch,
        miss: Miss,
        now: Timestamp,
        backoff: &Backoff,
    ) -> Result<Self, ErrandRefused> {
        self.assert_held(epoch)?;
        if miss.is_lost {
            self.what.lost();
        }
        let since = self.count_failure(&miss.message, now);
        let wait = backoff.pause_after(self.failures).max(miss.retry_after.unwrap_or_default());
        let at = now.after(wait);
        let too_late = at > since.after(backoff.give_up_after) || at >= self.expires_at;
        self.state = if miss.is_final || too_late {
            let asked = miss.retry_after.filter(|asked| !miss.is_final && *asked == wait);
            let message = match asked {
                Some(asked) => format!(
                    "{}; it asks to be left alone for {} s, longer than there is to try",
                    miss.message,
                    asked.as_secs()
                ),
                None => miss.message,
            };
            ErrandState::Failed { at: now, message, gone: miss.is_gone }
        } else {
            ErrandState::Waiting { at }
        };
        Ok(self)
    }

    /// Ends the attempt under way as one that failed; gives since when all of them do.
    fn count_failure(&mut self, message: &str, now: Timestamp) -> Timestamp {
        if let Some(last) = self.attempts.last_mut() {
            last.ended_at = Some(now);
            last.error = Some(message.to_owned());
        }
        self.failures = self.failures.saturating_add(1);
        *self.failing_since.get_or_insert(now)
    }

    /// It has arrived.
    ///
    /// # Errors
    /// As [`Errand::renewed`].
    pub fn done(mut self, epoch: Epoch, now: Timestamp) -> Result<Self, ErrandRefused> {
        self.assert_held(epoch)?;
        if let Some(last) = self.attempts.last_mut() {
            last.ended_at = Some(now);
        }
        self.state = ErrandState::Done { at: now };
        Ok(self)
    }

    /// There is nothing to bring any more; whoever sends it finds out by the next thing that it records.
    ///
    /// # Errors
    /// [`ErrandRefused::Ended`].
    pub fn given_up(mut self, message: &str, now: Timestamp) -> Result<Self, ErrandRefused> {
        if self.is_ended() {
            return Err(ErrandRefused::Ended);
        }
        if let Some(last) = self.attempts.last_mut().filter(|last| last.ended_at.is_none()) {
            last.ended_at = Some(now);
            last.error = Some(message.to_owned());
        }
        self.state = ErrandState::Failed { at: now, message: message.to_owned(), gone: false };
        Ok(self)
    }

    /// As it is once it was rung for, when it is due and nobody came.
    #[must_use]
    pub fn rung(mut self, now: Timestamp) -> Option<Self> {
        self.due_at().filter(|due| *due <= now)?;
        self.rung_at = Some(now);
        Some(self)
    }

    /// Whether somebody sends it who is believed to be alive.
    pub fn is_being_run(&self, now: Timestamp) -> bool {
        matches!(self.state, ErrandState::Sending { lease_until, .. } if lease_until > now)
    }

    /// Whether whoever was sending it is gone.
    pub fn is_abandoned(&self, now: Timestamp) -> bool {
        matches!(self.state, ErrandState::Sending { lease_until, .. } if lease_until <= now)
    }

    /// An attempt that ended unexplained counts as one that failed.
    ///
    /// # Errors
    /// [`ErrandRefused::Busy`] while its worker may be alive.
    pub fn abandoned(self, now: Timestamp, backoff: &Backoff) -> Result<Self, ErrandRefused> {
        if !self.is_abandoned(now) {
            return Err(ErrandRefused::Busy);
        }
        let (epoch, message) = (self.epoch, UNEXPLAINED.to_owned());
        self.missed(epoch, Miss { message, ..Miss::default() }, now, backoff)
    }
}

#[cfg(test)]
mod tests;
