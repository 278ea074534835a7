//! Storage that an org uses, counted exactly once.

use crate::{OrgCode, Timestamp};
use serde::{Deserialize, Serialize};

/// Bytes that an org's archives and files take, and that its running exports and files on their way have reserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// The org.
    pub org: OrgCode,
    /// Bytes of what exists: Σ of what its terminal exports and its files hold.
    pub used_bytes: u64,
    /// Bytes that running exports and announced files have reserved.
    pub reserved_bytes: u64,
    /// When the sum is to be recounted, if anything has changed since it last was.
    #[serde(default)]
    pub recount_at: Option<Timestamp>,
    /// A recount under way.
    #[serde(default)]
    pub recount: Option<Recount>,
    /// The days on which something changed, oldest first, and the last one before those that are kept.
    #[serde(default)]
    pub days: Vec<UsageDay>,
}

/// How much of the storage was taken on a day of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageDay {
    /// Days since 1970-01-01.
    pub day: i64,
    /// Bytes of what existed when the day was over, or exist now.
    pub used_bytes: u64,
    /// Bytes that were reserved when the day was over, or are now.
    pub reserved_bytes: u64,
    /// Most bytes, used and reserved together, at any time of the day.
    pub most_bytes: u64,
}

/// Days that are told of, today among them.
const DAYS: i64 = 31;

/// How far a recount is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recount {
    /// What is counted; `None` at the beginning and at the end.
    pub after: Option<String>,
    /// Bytes that exist, of what is counted.
    pub used_bytes: u64,
    /// Bytes that are reserved, of what is counted.
    pub reserved_bytes: u64,
}

/// A reservation that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "storage quota exceeded: {used_bytes} bytes used, {needed_bytes} more needed, {limit_bytes} allowed; delete exports or ask the operator for more"
)]
pub struct QuotaExceeded {
    /// Used and reserved so far.
    pub used_bytes: u64,
    /// What was asked for on top.
    pub needed_bytes: u64,
    /// The quota.
    pub limit_bytes: u64,
}

impl Usage {
    /// No storage used.
    pub fn empty(org: OrgCode) -> Self {
        Self { org, used_bytes: 0, reserved_bytes: 0, recount_at: None, recount: None, days: Vec::new() }
    }

    /// Reserves `bytes` more.
    ///
    /// # Errors
    /// [`QuotaExceeded`] when used, reserved and `bytes` together are over `quota_bytes`.
    pub fn reserve(mut self, bytes: u64, quota_bytes: Option<u64>, now: Timestamp) -> Result<Self, QuotaExceeded> {
        let taken = self.used_bytes.saturating_add(self.reserved_bytes);
        if let Some(limit) = quota_bytes
            && taken.saturating_add(bytes) > limit
        {
            return Err(QuotaExceeded { used_bytes: taken, needed_bytes: bytes, limit_bytes: limit });
        }
        self.reserved_bytes = self.reserved_bytes.saturating_add(bytes);
        Ok(self.changed(now))
    }

    /// Gives a reservation of `reserved` bytes back and counts `held` bytes that exist instead.
    #[must_use]
    pub fn settle(mut self, reserved: u64, held: u64, now: Timestamp) -> Self {
        self.reserved_bytes = self.reserved_bytes.saturating_sub(reserved);
        self.used_bytes = self.used_bytes.saturating_add(held);
        self.changed(now)
    }

    /// Gives `held` bytes back that no longer exist.
    #[must_use]
    pub fn release(mut self, held: u64, now: Timestamp) -> Self {
        self.used_bytes = self.used_bytes.saturating_sub(held);
        self.changed(now)
    }

    /// After a change: a recount that is under way counts for nothing, and the day has another end.
    fn changed(mut self, now: Timestamp) -> Self {
        self.recount = None;
        let Self { used_bytes, reserved_bytes, .. } = self;
        let (today, taken) = (now.day(), used_bytes.saturating_add(reserved_bytes));
        match self.days.last_mut() {
            // Not earlier, although clocks may disagree.
            Some(last) if last.day >= today => {
                let most_bytes = last.most_bytes.max(taken);
                *last = UsageDay { day: last.day, used_bytes, reserved_bytes, most_bytes };
            }
            last => {
                let before = last.map_or(0, |last| last.used_bytes.saturating_add(last.reserved_bytes));
                let most_bytes = before.max(taken);
                self.days.push(UsageDay { day: today, used_bytes, reserved_bytes, most_bytes });
            }
        }
        // The last day before those that are told of says what they began with.
        let old = self.days.iter().take_while(|day| day.day <= today - DAYS).count();
        self.days.drain(..old.saturating_sub(1));
        self
    }

    /// The days until now, oldest first, at most 31 of them and none before `since`.
    pub fn by_day(&self, since: Timestamp, now: Timestamp) -> Vec<UsageDay> {
        let first = since.day().max(now.day() - DAYS + 1);
        let of = |day| {
            let last = self.days.iter().take_while(|known| known.day <= day).last();
            match last {
                Some(known) if known.day == day => *known,
                Some(UsageDay { used_bytes, reserved_bytes, .. }) => {
                    let most_bytes = used_bytes.saturating_add(*reserved_bytes);
                    UsageDay { day, used_bytes: *used_bytes, reserved_bytes: *reserved_bytes, most_bytes }
                }
                None => UsageDay { day, used_bytes: 0, reserved_bytes: 0, most_bytes: 0 },
            }
        };
        (first..=now.day()).map(of).collect()
    }

    /// Has the sum recounted at `at` or earlier.
    #[must_use]
    pub fn recount_by(mut self, at: Timestamp) -> Self {
        self.recount_at = Some(self.recount_at.map_or(at, |earlier| earlier.min(at)));
        self
    }

    /// Takes note of how far a recount is that goes on at `at`, unless something changes: then it starts over.
    #[must_use]
    pub fn recounting(mut self, recount: Recount, at: Timestamp) -> Self {
        self.recount = Some(recount);
        self.recount_at = Some(at);
        self
    }

    /// The sum of a recount that has come to its end.
    #[must_use]
    pub fn recounted(self, recount: &Recount, now: Timestamp) -> Self {
        let Recount { used_bytes, reserved_bytes, .. } = *recount;
        let changed = (used_bytes, reserved_bytes) != (self.used_bytes, self.reserved_bytes);
        let counted = Self { used_bytes, reserved_bytes, days: self.days, ..Self::empty(self.org) };
        if changed { counted.changed(now) } else { counted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_millis(day * 86_400_000 + 5)
    }

    #[test]
    fn a_reservation_over_the_quota_says_used_needed_and_limit() {
        let usage =
            Usage::empty("demo".parse().unwrap()).reserve(60, Some(100), day(1)).unwrap().settle(60, 70, day(1));
        assert_eq!(
            usage.clone().reserve(31, Some(100), day(1)),
            Err(QuotaExceeded { used_bytes: 70, needed_bytes: 31, limit_bytes: 100 })
        );
        let Usage { used_bytes, reserved_bytes, .. } = usage.release(70, day(1));
        assert_eq!((used_bytes, reserved_bytes), (0, 0));
    }

    #[test]
    fn days_without_changes_are_as_the_last_one_with_some_ended() {
        let usage = Usage::empty("demo".parse().unwrap()).reserve(60, None, day(100)).unwrap();
        let usage = usage.settle(60, 10, day(100)).settle(0, 5, day(102)).release(10, day(102)).release(1, day(101));
        let days = |usage: &Usage, since: i64, now: i64| -> Vec<(i64, u64, u64)> {
            usage.by_day(day(since), day(now)).iter().map(|day| (day.day, day.used_bytes, day.most_bytes)).collect()
        };
        let expected = [(99, 0, 0), (100, 10, 60), (101, 10, 10), (102, 4, 15), (103, 4, 4)];
        assert_eq!(days(&usage, 99, 103), expected, "what a slow clock says belongs to the last day that is known");
        let later = usage.release(3, day(140));
        assert_eq!(later.days.iter().map(|day| day.day).collect::<Vec<_>>(), [102, 140]);
        let told = days(&later, 0, 140);
        assert_eq!((told.len(), told[0], told[30]), (31, (110, 4, 4), (140, 1, 4)));
    }
}
