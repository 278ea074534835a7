//! The lane: an org's queue of exports and the lease on the right to advance it.

use crate::{Epoch, ExportId, OrgCode, Seq, Ticket, Timestamp, WorkerId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The counter that orders an org's exports, and when its lane is next looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// The org.
    pub org: OrgCode,
    /// The next free number.
    pub next: u64,
    /// When the sweeper looks at the lane; `None` while it is empty.
    pub due_at: Option<Timestamp>,
    /// When the last number was taken, as its export says.
    pub taken_at: Option<Timestamp>,
}

impl Sequence {
    /// The counter of an org without exports.
    pub fn new(org: OrgCode) -> Self {
        Self { org, next: 1, due_at: None, taken_at: None }
    }

    /// Takes one number as the place of creation and of entry, and has the lane looked at by `due_at` or earlier.
    ///
    /// The third value is when the export was created: `now`, or a millisecond after the one before it where clocks disagree, so that
    /// times of creation follow the order of creation.
    #[must_use]
    pub fn take(self, now: Timestamp, due_at: Timestamp) -> (Seq, Ticket, Timestamp, Self) {
        let (seq, created_at, counter) = self.take_seq(now);
        (seq, Ticket(seq.0), created_at, counter.looked_at_by(due_at))
    }

    /// Takes one number as the place of creation alone, for an export that enters the lane later; with when it was created, as
    /// [`Sequence::take`] says.
    #[must_use]
    pub fn take_seq(mut self, now: Timestamp) -> (Seq, Timestamp, Self) {
        let number = self.next;
        self.next = number.saturating_add(1);
        let created_at = self.taken_at.map_or(now, |last| now.max(last.after(Duration::from_millis(1))));
        self.taken_at = Some(created_at);
        (Seq(number), created_at, self)
    }

    /// Takes one number as the place of entry alone, for an export whose time has come, and has the lane looked at by `due_at` or
    /// earlier.
    #[must_use]
    pub fn take_ticket(mut self, due_at: Timestamp) -> (Ticket, Self) {
        let number = self.next;
        self.next = number.saturating_add(1);
        (Ticket(number), self.looked_at_by(due_at))
    }

    /// Has the lane looked at by `due_at` or earlier.
    #[must_use]
    pub fn looked_at_by(mut self, due_at: Timestamp) -> Self {
        self.due_at = Some(self.due_at.map_or(due_at, |earlier| earlier.min(due_at)));
        self
    }
}

/// One export in the lane; exists exactly while the export is queued or running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueEntry {
    /// The org.
    pub org: OrgCode,
    /// Its place.
    pub ticket: Ticket,
    /// The export's row.
    pub seq: Seq,
    /// The export.
    pub export: ExportId,
}

/// Who may advance an org's exports, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lane {
    /// The org.
    pub org: OrgCode,
    /// Number of the current or last lease.
    pub epoch: Epoch,
    /// The current lease.
    pub lease: Option<Lease>,
    /// Before then nobody starts (a service asked for patience).
    pub not_before: Option<Timestamp>,
    /// Since when services have been asking for patience without a break while the export at the head did not get on.
    pub throttled_since: Option<Timestamp>,
    /// How many times in a row; sets the next pause.
    pub throttles: u32,
}

/// A right to advance a lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// Who holds it.
    pub owner: WorkerId,
    /// Until when, unless renewed.
    pub until: Timestamp,
    /// Since when.
    pub taken_at: Timestamp,
}

/// Why a lane cannot be taken or a lease not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaneRefused {
    /// Somebody else holds it.
    #[error("the lane is held until {until}")]
    Held {
        /// End of that lease.
        until: Timestamp,
    },
    /// A service asked for patience.
    #[error("the lane waits until {until}")]
    NotBefore {
        /// End of the pause.
        until: Timestamp,
    },
    /// The lease is no longer the caller's.
    #[error("the lease was lost")]
    Lost,
}

impl Lane {
    /// A lane that nobody has held.
    pub fn new(org: OrgCode) -> Self {
        Self { org, epoch: Epoch(0), lease: None, not_before: None, throttled_since: None, throttles: 0 }
    }

    /// Whether somebody holds it at `now`.
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.until >= now)
    }

    /// Takes the lane under a new epoch.
    ///
    /// # Errors
    /// [`LaneRefused::Held`] while a lease runs, [`LaneRefused::NotBefore`] during a pause.
    pub fn acquire(mut self, owner: WorkerId, now: Timestamp, lease: Duration) -> Result<Self, LaneRefused> {
        if let Some(held) = self.lease.as_ref().filter(|held| held.until >= now) {
            return Err(LaneRefused::Held { until: held.until });
        }
        if let Some(until) = self.paused_until(now) {
            return Err(LaneRefused::NotBefore { until });
        }
        self.epoch = self.epoch.next();
        self.lease = Some(Lease { owner, until: now.after(lease), taken_at: now });
        self.not_before = None;
        Ok(self)
    }

    /// How long the holder of a lane has for ending an export that is to stop; then whoever comes ends it.
    pub const STOP_GRACE: Duration = Duration::from_secs(12);

    /// Takes the lane to end the export at its head, whose end was asked for at `asked_at`: during a pause too, which stays on, and
    /// from a holder that has not ended it within [`Lane::STOP_GRACE`], counted from when it could have known. As after every other acquisition, what that one still writes
    /// is stale.
    ///
    /// # Errors
    /// [`LaneRefused::Held`] while a lease runs and its holder still has time.
    pub fn acquire_to_stop(
        mut self,
        owner: WorkerId,
        now: Timestamp,
        lease: Duration,
        asked_at: Timestamp,
    ) -> Result<Self, LaneRefused> {
        let overdue = |held: &Lease| now >= asked_at.max(held.taken_at).after(Self::STOP_GRACE);
        if let Some(held) = self.lease.as_ref().filter(|held| held.until >= now && !overdue(held)) {
            return Err(LaneRefused::Held { until: held.until });
        }
        self.epoch = self.epoch.next();
        self.lease = Some(Lease { owner, until: now.after(lease), taken_at: now });
        Ok(self)
    }

    /// Until when nobody starts, if a pause is on.
    pub fn paused_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.not_before.filter(|until| *until > now)
    }

    /// Whether `owner` holds it under `epoch`; the lease's end does not matter, since nobody else has taken it.
    ///
    /// # Errors
    /// [`LaneRefused::Lost`] otherwise.
    pub fn assert_holder(&self, owner: WorkerId, epoch: Epoch) -> Result<(), LaneRefused> {
        let mine = self.epoch == epoch && self.lease.as_ref().is_some_and(|lease| lease.owner == owner);
        if mine { Ok(()) } else { Err(LaneRefused::Lost) }
    }

    /// Extends the lease.
    ///
    /// # Errors
    /// [`LaneRefused::Lost`] when it is no longer `owner`'s under `epoch`.
    pub fn renew(
        mut self,
        owner: WorkerId,
        epoch: Epoch,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Self, LaneRefused> {
        self.assert_holder(owner, epoch)?;
        if let Some(held) = &mut self.lease {
            held.until = now.after(lease);
        }
        Ok(self)
    }

    /// Gives the lane back.
    ///
    /// # Errors
    /// [`LaneRefused::Lost`] when it is no longer `owner`'s under `epoch`.
    pub fn release(mut self, owner: WorkerId, epoch: Epoch) -> Result<Self, LaneRefused> {
        self.assert_holder(owner, epoch)?;
        self.lease = None;
        Ok(self)
    }

    /// Longest time that services may refuse before the export fails.
    pub const PATIENCE: Duration = Duration::from_hours(24);

    /// Pauses the lane because a service asked for patience, 1 s doubling to 15 min, or as long as the service said; `jitter` is in `0..=1000` thousandths that are added in proportion of a quarter.
    #[must_use]
    pub fn pause(mut self, now: Timestamp, asked: Option<Duration>, jitter: u32) -> Self {
        let doubled = 1_u64 << self.throttles.min(10);
        let base = asked.map_or(doubled, |asked| asked.as_secs().max(1)).min(900);
        let millis = base.saturating_mul(1000 + u64::from(jitter.min(1000)) / 4);
        self.not_before = Some(now.after(Duration::from_millis(millis.min(900_000))));
        self.throttled_since = self.throttled_since.or(Some(now));
        self.throttles = self.throttles.saturating_add(1);
        self
    }

    /// Forgets earlier pauses: something was done.
    #[must_use]
    pub fn progressed(mut self) -> Self {
        self.throttled_since = None;
        self.throttles = 0;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(90);

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    fn lane() -> Lane {
        Lane::new("demo".parse().unwrap())
    }

    #[test]
    fn a_held_lane_is_refused_and_an_expired_lease_can_be_taken_over() {
        let held = lane().acquire(WorkerId(1), at(0), LEASE).unwrap();
        assert_eq!(held.clone().acquire(WorkerId(2), at(90), LEASE), Err(LaneRefused::Held { until: at(90) }));
        let taken = held.acquire(WorkerId(2), at(91), LEASE).unwrap();
        assert_eq!(taken.epoch, Epoch(2));
        assert_eq!(taken.renew(WorkerId(1), Epoch(1), at(92), LEASE), Err(LaneRefused::Lost));
    }

    #[test]
    fn whoever_comes_to_end_an_export_passes_a_pause_at_once_and_a_lease_after_its_grace() {
        let held = lane().pause(at(0), None, 0).acquire(WorkerId(1), at(2), LEASE).unwrap().pause(at(2), None, 0);
        let early = held.clone().acquire_to_stop(WorkerId(2), at(21), LEASE, at(10));
        assert_eq!(early, Err(LaneRefused::Held { until: at(92) }));
        let taken = held.clone().acquire_to_stop(WorkerId(2), at(22), LEASE, at(10)).unwrap();
        let again = taken.clone().acquire_to_stop(WorkerId(3), at(33), LEASE, at(10));
        assert_eq!(again, Err(LaneRefused::Held { until: at(112) }), "who came to end it has time for it, too");
        assert_eq!((taken.epoch, taken.not_before), (Epoch(2), held.not_before));
        let free = held.release(WorkerId(1), Epoch(1)).unwrap();
        let free = free.pause(at(10), Some(Duration::from_mins(5)), 0);
        let taken = free.acquire_to_stop(WorkerId(2), at(11), LEASE, at(10)).unwrap();
        assert_eq!(taken.paused_until(at(11)), Some(at(310)), "the next export waits as long as it would have");
    }

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour() {
        let mut lane = lane();
        let mut last = 0;
        for _ in 0..14 {
            lane = lane.pause(at(0), None, 0);
            let pause = lane.not_before.unwrap().as_millis();
            assert!(pause >= last && pause <= 900_000);
            last = pause;
        }
        assert_eq!(last, 900_000);
        assert_eq!(lane.clone().acquire(WorkerId(1), at(899), LEASE), Err(LaneRefused::NotBefore { until: at(900) }));
        assert!(lane.acquire(WorkerId(1), at(900), LEASE).is_ok());
    }

    #[test]
    fn creation_never_puts_off_a_look_at_the_lane() {
        let (first, _, created, sequence) = Sequence::new("demo".parse().unwrap()).take(at(5), at(60));
        let (second, ticket, later, sequence) = sequence.take(at(4), at(90));
        assert!(created < later, "though the second clock is behind");
        assert_eq!((first, second, ticket), (Seq(1), Seq(2), Ticket(2)));
        assert_eq!(sequence.due_at, Some(at(60)));
    }

    #[test]
    fn who_is_created_early_and_enters_late_stands_behind_those_who_entered_meanwhile() {
        let (scheduled, _, sequence) = Sequence::new("demo".parse().unwrap()).take_seq(at(5));
        assert_eq!(sequence.due_at, None, "nothing is in the lane yet");
        let (_, meanwhile, _, sequence) = sequence.take(at(6), at(60));
        let (ticket, sequence) = sequence.take_ticket(at(30));
        assert_eq!((scheduled, meanwhile, ticket, sequence.next), (Seq(1), Ticket(2), Ticket(3), 4));
        assert_eq!(sequence.due_at, Some(at(30)));
    }
}
