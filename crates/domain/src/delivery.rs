//! A delivery: one finished file on its way to one destination, who sends it, how far it is, and how it came out.

mod attempt;
mod plan;
mod upload;

pub use attempt::{Backoff, DeliveryAttempt};
pub use plan::{DeliveryPlan, MAX_NOTIFIED};
pub use upload::{Delivered, Upload};

use crate::{Epoch, ExportId, JobId, OrgCode, RunId, SealedDestination, Seq, Timestamp, WorkerId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most attempts that are kept on record; older ones are dropped first.
const MAX_ATTEMPTS_KEPT: usize = 50;

/// Handing the file of one export to one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// The org.
    pub org: OrgCode,
    /// The export.
    pub export: ExportId,
    /// The export's row.
    pub seq: Seq,
    /// Its place among the export's deliveries, from 0.
    pub number: u16,
    /// The job whose run waits for it, and when that run began.
    pub run: Option<DeliveredRun>,
    /// Where it goes.
    pub destination: SealedDestination,
    /// What goes there.
    pub file: DeliveredFile,
    /// When the export ended.
    pub created_at: Timestamp,
    /// From when on the file is gone.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: DeliveryState,
    /// When it was last rung for because nobody came.
    pub rung_at: Option<Timestamp>,
    /// Number of the current or last lease.
    pub epoch: Epoch,
    /// How far the destination has it; `None` = not begun.
    pub upload: Option<Upload>,
    /// The most bytes that the destination ever had.
    pub most_sent_bytes: u64,
    /// Attempts that failed since the last one that got further than all before.
    pub failures: u32,
    /// When the first of those failed.
    pub failing_since: Option<Timestamp>,
    /// How many attempts were begun.
    pub attempt_count: u32,
    /// The last of them, oldest first.
    pub attempts: Vec<DeliveryAttempt>,
}

/// The run that waits for a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveredRun {
    /// The job.
    pub job: JobId,
    /// When the run began.
    pub started_at: Timestamp,
    /// Its id.
    pub id: RunId,
}

/// The file that is delivered: an object of ours, and its name there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveredFile {
    /// Key of the object.
    pub key: String,
    /// Its name at the destination; safe.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// SHA-256, hex.
    pub sha256: String,
    /// Records in it.
    pub records: u64,
}

/// Where a delivery stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase", deny_unknown_fields)]
pub enum DeliveryState {
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
    Delivered {
        /// When.
        at: Timestamp,
        /// Where, and how long it is there.
        held: Delivered,
    },
    /// It was given up.
    Failed {
        /// When.
        at: Timestamp,
        /// Why, for whoever set the destination up.
        message: String,
        /// Whether the destination said that it will take nothing again.
        #[serde(default)]
        gone: bool,
    },
}

/// How an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// Why, in words that help.
    pub message: String,
    /// Whether another attempt is of no use.
    pub is_final: bool,
    /// How long the destination asks to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether what was sent so far is no longer there.
    pub is_lost: bool,
    /// Whether the destination will take nothing again.
    pub is_gone: bool,
}

/// Why a transition is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryRefused {
    /// It has ended.
    #[error("the delivery has ended")]
    Ended,
    /// It has not.
    #[error("the delivery has not ended")]
    NotEnded,
    /// Its time has not come.
    #[error("the delivery waits")]
    NotYet,
    /// Somebody sends it.
    #[error("the delivery is being sent")]
    Busy,
    /// A later lease has taken it.
    #[error("the lease is stale")]
    StaleEpoch,
}

impl Delivery {
    /// How long after its time the sweeper looks whether somebody came.
    pub const LOOK_AFTER: Duration = Duration::from_secs(15);
    /// How long it is left alone after it was rung for: longer than a message waits behind others on most days.
    const LOOK_AGAIN: Duration = Duration::from_mins(1);
    /// How much longer than its export it stays on record.
    const KEPT_LONGER: Duration = Duration::from_hours(24);

    /// A delivery that is to begin at once; to a destination that is switched off, one that has failed.
    pub fn new(
        (org, export, seq, number): (OrgCode, ExportId, Seq, u16),
        run: Option<DeliveredRun>,
        destination: SealedDestination,
        file: DeliveredFile,
        (created_at, expires_at): (Timestamp, Timestamp),
    ) -> Self {
        let state = match &destination.off {
            None => DeliveryState::Waiting { at: created_at },
            Some(off) => {
                let since = off.at;
                let message = format!(
                    "nothing was sent: the destination is switched off since {since}, because {}; put the job again to switch it on",
                    off.reason
                );
                DeliveryState::Failed { at: created_at, message, gone: false }
            }
        };
        Self {
            org,
            export,
            seq,
            number,
            run,
            destination,
            file,
            created_at,
            expires_at,
            state,
            rung_at: None,
            epoch: Epoch(0),
            upload: None,
            most_sent_bytes: 0,
            failures: 0,
            failing_since: None,
            attempt_count: 0,
            attempts: Vec::new(),
        }
    }

    /// Its name to the destination, the same at every attempt.
    pub fn id(&self) -> String {
        format!("{}-{}", self.export, self.number)
    }

    /// Whether it has ended.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, DeliveryState::Delivered { .. } | DeliveryState::Failed { .. })
    }

    /// What the destination holds, once it has arrived.
    pub fn held(&self) -> Option<&Delivered> {
        match &self.state {
            DeliveryState::Delivered { held, .. } => Some(held),
            _ => None,
        }
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self.state {
            DeliveryState::Delivered { at, .. } | DeliveryState::Failed { at, .. } => Some(at),
            DeliveryState::Waiting { .. } | DeliveryState::Sending { .. } => None,
        }
    }

    /// Why the last attempt that ended badly did.
    pub fn last_error(&self) -> Option<&str> {
        match &self.state {
            DeliveryState::Failed { message, .. } => Some(message),
            DeliveryState::Delivered { .. } => None,
            _ => self.attempts.iter().rev().find_map(|attempt| attempt.error.as_deref()),
        }
    }

    /// When somebody has to look at it; `None` once it has ended.
    pub fn due_at(&self) -> Option<Timestamp> {
        match self.state {
            DeliveryState::Waiting { at } => {
                let rung = self.rung_at.map_or(at, |rung| rung.after(Self::LOOK_AGAIN));
                Some(at.after(Self::LOOK_AFTER).max(rung))
            }
            DeliveryState::Sending { lease_until, .. } => {
                let rung = self.rung_at.map_or(lease_until, |rung| rung.after(Self::LOOK_AGAIN));
                Some(lease_until.max(rung))
            }
            DeliveryState::Delivered { .. } | DeliveryState::Failed { .. } => None,
        }
    }

    /// From when on the store may drop it.
    pub fn drop_after(&self) -> Timestamp {
        self.expires_at.after(Self::KEPT_LONGER)
    }

    /// Takes the right to send it, under the next epoch.
    ///
    /// # Errors
    /// [`DeliveryRefused::Ended`], [`DeliveryRefused::NotYet`], [`DeliveryRefused::Busy`].
    pub fn claim(mut self, worker: WorkerId, now: Timestamp, lease: Duration) -> Result<Self, DeliveryRefused> {
        match self.state {
            DeliveryState::Waiting { at } if at <= now => {}
            DeliveryState::Waiting { .. } => return Err(DeliveryRefused::NotYet),
            DeliveryState::Sending { .. } => return Err(DeliveryRefused::Busy),
            DeliveryState::Delivered { .. } | DeliveryState::Failed { .. } => return Err(DeliveryRefused::Ended),
        }
        self.rung_at = None;
        self.epoch = Epoch(self.epoch.0.saturating_add(1));
        self.state = DeliveryState::Sending { worker, lease_until: now.after(lease) };
        // An attempt whose invocation ran out of time goes on.
        if self.attempts.last().is_none_or(|last| last.ended_at.is_some()) {
            self.attempt_count = self.attempt_count.saturating_add(1);
            self.attempts.push(DeliveryAttempt {
                number: self.attempt_count,
                started_at: now,
                ended_at: None,
                error: None,
                sent_bytes: 0,
            });
            let surplus = self.attempts.len().saturating_sub(MAX_ATTEMPTS_KEPT);
            self.attempts.drain(..surplus);
        }
        Ok(self)
    }

    /// Whether it is being sent under `epoch`.
    pub fn is_held(&self, epoch: Epoch) -> bool {
        self.assert_held(epoch).is_ok()
    }

    fn assert_held(&self, epoch: Epoch) -> Result<(), DeliveryRefused> {
        match self.state {
            _ if self.epoch != epoch => Err(DeliveryRefused::StaleEpoch),
            DeliveryState::Sending { .. } => Ok(()),
            DeliveryState::Waiting { .. } => Err(DeliveryRefused::NotYet),
            DeliveryState::Delivered { .. } | DeliveryState::Failed { .. } => Err(DeliveryRefused::Ended),
        }
    }

    /// Its worker is alive.
    ///
    /// # Errors
    /// [`DeliveryRefused`] when it is no longer that worker's.
    pub fn renewed(mut self, epoch: Epoch, now: Timestamp, lease: Duration) -> Result<Self, DeliveryRefused> {
        self.assert_held(epoch)?;
        if let DeliveryState::Sending { lease_until, .. } = &mut self.state {
            *lease_until = now.after(lease);
        }
        Ok(self)
    }

    /// The destination has it as far as `upload` says.
    ///
    /// # Errors
    /// As [`Delivery::renewed`].
    pub fn advanced(
        self,
        epoch: Epoch,
        upload: Upload,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Self, DeliveryRefused> {
        let mut delivery = self.renewed(epoch, now, lease)?;
        let sent_bytes = upload.sent_bytes(delivery.file.size_bytes);
        // Only what was never there before: a destination that loses everything again and again is given up.
        if sent_bytes > delivery.most_sent_bytes {
            delivery.most_sent_bytes = sent_bytes;
            delivery.failures = 0;
            delivery.failing_since = None;
        }
        if let Some(last) = delivery.attempts.last_mut() {
            last.sent_bytes = sent_bytes;
        }
        delivery.upload = Some(upload);
        Ok(delivery)
    }

    /// Time is up: the next invocation goes on.
    ///
    /// # Errors
    /// As [`Delivery::renewed`].
    pub fn paused(mut self, epoch: Epoch, now: Timestamp) -> Result<Self, DeliveryRefused> {
        self.assert_held(epoch)?;
        self.state = DeliveryState::Waiting { at: now };
        Ok(self)
    }

    /// An attempt failed: another one comes later, or it is given up.
    ///
    /// # Errors
    /// As [`Delivery::renewed`].
    pub fn missed(
        mut self,
        epoch: Epoch,
        miss: Miss,
        now: Timestamp,
        backoff: &Backoff,
    ) -> Result<Self, DeliveryRefused> {
        self.assert_held(epoch)?;
        if let Some(last) = self.attempts.last_mut() {
            last.ended_at = Some(now);
            last.error = Some(miss.message.clone());
        }
        if miss.is_lost {
            self.upload = None;
        }
        self.failures = self.failures.saturating_add(1);
        let since = *self.failing_since.get_or_insert(now);
        let wait = backoff.pause_after(self.failures).max(miss.retry_after.unwrap_or_default());
        let at = now.after(wait);
        let too_late = at > since.after(backoff.give_up_after) || at >= self.expires_at;
        self.state = if miss.is_final || too_late {
            DeliveryState::Failed { at: now, message: miss.message, gone: miss.is_gone }
        } else {
            DeliveryState::Waiting { at }
        };
        Ok(self)
    }

    /// It has arrived.
    ///
    /// # Errors
    /// As [`Delivery::renewed`].
    pub fn arrived(mut self, epoch: Epoch, held: Delivered, now: Timestamp) -> Result<Self, DeliveryRefused> {
        self.assert_held(epoch)?;
        if let Some(last) = self.attempts.last_mut() {
            last.ended_at = Some(now);
            last.sent_bytes = held.size_bytes;
        }
        self.state = DeliveryState::Delivered { at: now, held };
        Ok(self)
    }

    /// Begins anew, on somebody's request, to `destination`.
    ///
    /// # Errors
    /// [`DeliveryRefused::NotEnded`].
    pub fn again(mut self, destination: SealedDestination, now: Timestamp) -> Result<Self, DeliveryRefused> {
        if !self.is_ended() {
            return Err(DeliveryRefused::NotEnded);
        }
        self.state = DeliveryState::Waiting { at: now };
        self.destination = destination;
        self.upload = None;
        self.most_sent_bytes = 0;
        self.failures = 0;
        self.failing_since = None;
        Ok(self)
    }

    /// As it is once it was rung for, when it is due and nobody came.
    #[must_use]
    pub fn rung(mut self, now: Timestamp) -> Option<Self> {
        self.due_at().filter(|due| *due <= now)?;
        self.rung_at = Some(now);
        Some(self)
    }

    /// Whether whoever was sending it is gone.
    pub fn is_abandoned(&self, now: Timestamp) -> bool {
        matches!(self.state, DeliveryState::Sending { lease_until, .. } if lease_until <= now)
    }

    /// An attempt that ended unexplained counts as one that failed.
    ///
    /// # Errors
    /// [`DeliveryRefused::Busy`] while its worker may be alive.
    pub fn abandoned(self, now: Timestamp, backoff: &Backoff) -> Result<Self, DeliveryRefused> {
        if !self.is_abandoned(now) {
            return Err(DeliveryRefused::Busy);
        }
        let message = "whoever was sending it ended unexplained".to_owned();
        let miss = Miss { message, is_final: false, retry_after: None, is_lost: false, is_gone: false };
        let epoch = self.epoch;
        self.missed(epoch, miss, now, backoff)
    }
}

#[cfg(test)]
mod tests;
