//! A signal: one message that tells one address that an export has ended; who sends it, and how it came out.

use crate::{Backoff, Email, Epoch, ExportId, OrgCode, Seq, Timestamp, WebhookId, WorkerId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SignalEvent {
    /// An export is ready.
    #[serde(rename = "data-export-completed")]
    Completed,
    /// An export failed.
    #[serde(rename = "data-export-failed")]
    Failed,
}

impl SignalEvent {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Completed, Self::Failed];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "data-export-completed",
            Self::Failed => "data-export-failed",
        }
    }
}

/// Whom a signal is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase", deny_unknown_fields)]
pub enum SignalTo {
    /// A webhook of the org, as it is set up when the message is sent.
    Webhook {
        /// Its id.
        id: WebhookId,
    },
    /// Somebody, by mail.
    Mail {
        /// Where to.
        address: Email,
    },
}

/// Telling one address that an export has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// The org.
    pub org: OrgCode,
    /// The export.
    pub export: ExportId,
    /// The export's row.
    pub seq: Seq,
    /// Its place among the export's signals, from 0.
    pub number: u16,
    /// What is told.
    pub event: SignalEvent,
    /// Whom.
    pub to: SignalTo,
    /// When the export ended.
    pub created_at: Timestamp,
    /// When the export goes; there is nothing to tell then.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: SignalState,
    /// When it was last rung for because nobody came.
    pub rung_at: Option<Timestamp>,
    /// Number of the current or last lease.
    pub epoch: Epoch,
    /// How many attempts were begun.
    pub attempts: u32,
    /// When the first attempt failed.
    pub failing_since: Option<Timestamp>,
}

/// Where a signal stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase", deny_unknown_fields)]
pub enum SignalState {
    /// Nobody sends it.
    Waiting {
        /// When it is to be sent.
        at: Timestamp,
    },
    /// Somebody does.
    Sending {
        /// Who.
        worker: WorkerId,
        /// Until when that worker is believed to be alive.
        lease_until: Timestamp,
    },
    /// It was taken.
    Sent {
        /// When.
        at: Timestamp,
    },
    /// It was given up.
    Failed {
        /// When.
        at: Timestamp,
        /// Why.
        message: String,
    },
}

/// Why a transition is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignalRefused {
    /// It has ended.
    #[error("the signal has ended")]
    Ended,
    /// Its time has not come.
    #[error("the signal waits")]
    NotYet,
    /// Somebody sends it.
    #[error("the signal is being sent")]
    Busy,
    /// A later lease has taken it.
    #[error("the lease is stale")]
    StaleEpoch,
}

impl Signal {
    /// How long after its time the sweeper looks whether somebody came.
    const LOOK_AFTER: Duration = Duration::from_secs(15);
    /// How long it is left alone after it was rung for.
    const LOOK_AGAIN: Duration = Duration::from_mins(1);
    /// How much longer than its export it stays on record.
    const KEPT_LONGER: Duration = Duration::from_hours(24);

    /// A signal that is to be sent at once.
    pub fn new(
        (org, export, seq, number): (OrgCode, ExportId, Seq, u16),
        (event, to): (SignalEvent, SignalTo),
        (created_at, expires_at): (Timestamp, Timestamp),
    ) -> Self {
        Self {
            org,
            export,
            seq,
            number,
            event,
            to,
            created_at,
            expires_at,
            state: SignalState::Waiting { at: created_at },
            rung_at: None,
            epoch: Epoch(0),
            attempts: 0,
            failing_since: None,
        }
    }

    /// The message's name to whom it is for, the same at every attempt, and none that a delivery has.
    pub fn id(&self) -> String {
        format!("{}-s{}", self.export, self.number)
    }

    /// Whether it has ended.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, SignalState::Sent { .. } | SignalState::Failed { .. })
    }

    /// When somebody has to look at it; `None` once it has ended.
    pub fn due_at(&self) -> Option<Timestamp> {
        let at = match self.state {
            SignalState::Waiting { at } => at.after(Self::LOOK_AFTER),
            SignalState::Sending { lease_until, .. } => lease_until,
            SignalState::Sent { .. } | SignalState::Failed { .. } => return None,
        };
        Some(self.rung_at.map_or(at, |rung| at.max(rung.after(Self::LOOK_AGAIN))))
    }

    /// From when on the store may drop it.
    pub fn drop_after(&self) -> Timestamp {
        self.expires_at.after(Self::KEPT_LONGER)
    }

    /// Takes the right to send it, under the next epoch. One whose worker is gone may have arrived; it is sent again under the same name.
    ///
    /// # Errors
    /// [`SignalRefused::Ended`], [`SignalRefused::NotYet`], [`SignalRefused::Busy`].
    pub fn claim(mut self, worker: WorkerId, now: Timestamp, lease: Duration) -> Result<Self, SignalRefused> {
        match self.state {
            SignalState::Waiting { at } if at <= now => {}
            SignalState::Waiting { .. } => return Err(SignalRefused::NotYet),
            SignalState::Sending { lease_until, .. } if lease_until <= now => {
                self.failing_since.get_or_insert(now);
            }
            SignalState::Sending { .. } => return Err(SignalRefused::Busy),
            SignalState::Sent { .. } | SignalState::Failed { .. } => return Err(SignalRefused::Ended),
        }
        self.rung_at = None;
        self.epoch = Epoch(self.epoch.0.saturating_add(1));
        self.attempts = self.attempts.saturating_add(1);
        self.state = SignalState::Sending { worker, lease_until: now.after(lease) };
        Ok(self)
    }

    fn assert_held(&self, epoch: Epoch) -> Result<(), SignalRefused> {
        match self.state {
            _ if self.epoch != epoch => Err(SignalRefused::StaleEpoch),
            SignalState::Sending { .. } => Ok(()),
            SignalState::Waiting { .. } => Err(SignalRefused::NotYet),
            SignalState::Sent { .. } | SignalState::Failed { .. } => Err(SignalRefused::Ended),
        }
    }

    /// It was taken.
    ///
    /// # Errors
    /// [`SignalRefused`] when it is no longer that worker's.
    pub fn sent(mut self, epoch: Epoch, now: Timestamp) -> Result<Self, SignalRefused> {
        self.assert_held(epoch)?;
        self.state = SignalState::Sent { at: now };
        Ok(self)
    }

    /// An attempt failed: another one comes later, or, with `is_final` or when it is too late, none.
    ///
    /// # Errors
    /// As [`Signal::sent`].
    pub fn missed(
        mut self,
        epoch: Epoch,
        (message, is_final, retry_after): (String, bool, Option<Duration>),
        now: Timestamp,
        backoff: &Backoff,
    ) -> Result<Self, SignalRefused> {
        self.assert_held(epoch)?;
        let since = *self.failing_since.get_or_insert(now);
        let at = now.after(backoff.pause_after(self.attempts).max(retry_after.unwrap_or_default()));
        let too_late = at > since.after(backoff.give_up_after) || at >= self.expires_at;
        self.state =
            if is_final || too_late { SignalState::Failed { at: now, message } } else { SignalState::Waiting { at } };
        Ok(self)
    }

    /// As it is once it was rung for, when it is due and nobody came.
    #[must_use]
    pub fn rung(mut self, now: Timestamp) -> Option<Self> {
        self.due_at().filter(|due| *due <= now)?;
        self.rung_at = Some(now);
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(90);

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    fn signal() -> Signal {
        let (id, day) = (WebhookId::from_bytes([1; 12]), 86_400);
        let of = ("demo".parse().unwrap(), ExportId::from_bytes([2; 12]), Seq(1), 0);
        Signal::new(of, (SignalEvent::Completed, SignalTo::Webhook { id }), (at(0), at(7 * day)))
    }

    #[test]
    fn one_worker_at_a_time_sends_and_a_late_one_writes_nothing() {
        let held = signal().claim(WorkerId(1), at(0), LEASE).unwrap();
        assert_eq!(held.clone().claim(WorkerId(2), at(89), LEASE), Err(SignalRefused::Busy));
        let next = held.claim(WorkerId(2), at(90), LEASE).unwrap();
        assert_eq!(next.clone().sent(Epoch(1), at(91)), Err(SignalRefused::StaleEpoch));
        let sent = next.sent(Epoch(2), at(91)).unwrap();
        assert_eq!((sent.attempts, sent.due_at()), (2, None));
        assert_eq!(sent.claim(WorkerId(3), at(200), LEASE), Err(SignalRefused::Ended));
    }

    #[test]
    fn what_fails_is_tried_again_for_a_day_with_growing_pauses() {
        let (mut signal, mut now, mut begun) = (signal(), at(0), Vec::new());
        while !signal.is_ended() {
            begun.push(now.as_secs());
            signal = signal.claim(WorkerId(1), now, LEASE).unwrap();
            let epoch = signal.epoch;
            signal = signal.missed(epoch, ("503".into(), false, None), now, &Backoff::default()).unwrap();
            if let SignalState::Waiting { at } = signal.state {
                assert_eq!(signal.clone().claim(WorkerId(2), now, LEASE), Err(SignalRefused::NotYet));
                now = at;
            }
        }
        assert_eq!(begun[..5], [0, 10, 70, 370, 3970]);
        assert_eq!((begun.len(), begun.last()), (27, Some(&83_170)));
    }

    #[test]
    fn who_asks_for_patience_gets_it_and_who_is_gone_is_asked_no_more() {
        let held = signal().claim(WorkerId(1), at(0), LEASE).unwrap();
        let miss = ("429".to_owned(), false, Some(Duration::from_mins(2)));
        let waits = held.clone().missed(Epoch(1), miss, at(0), &Backoff::default()).unwrap();
        assert_eq!(waits.state, SignalState::Waiting { at: at(120) });
        let gone = held.missed(Epoch(1), ("410".into(), true, None), at(1), &Backoff::default()).unwrap();
        assert_eq!(gone.state, SignalState::Failed { at: at(1), message: "410".into() });
    }

    #[test]
    fn one_that_nobody_came_for_is_due_a_little_later_and_then_left_alone_for_a_while() {
        assert_eq!(signal().due_at(), Some(at(15)));
        assert_eq!(signal().rung(at(14)), None);
        let rung = signal().rung(at(20)).unwrap();
        assert_eq!(rung.due_at(), Some(at(80)));
        let held = rung.claim(WorkerId(1), at(21), LEASE).unwrap();
        assert_eq!(held.due_at(), Some(at(111)));
    }
}
