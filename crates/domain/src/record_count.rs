//! How many records a collection has, as far as that is certain.
//!
//! Records are written apart from this count, so a change is announced before and told after. One change at a time leaves it
//! certain; changes side by side, and one of which nothing is heard, leave it in doubt until somebody has counted all while
//! nothing changed.

use crate::{CollectionName, OrgCode, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A change of which nothing is heard for so long is over: far beyond what a request takes.
const LONGEST_CHANGE: Duration = Duration::from_hours(1);

/// The count of a collection's records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordCount {
    /// The org.
    pub org: OrgCode,
    /// The collection.
    pub collection: CollectionName,
    /// How many there are, unless that is in doubt.
    records: u64,
    /// Changes that have begun and not ended.
    under_way: u32,
    /// Whether it has to be counted anew.
    is_doubtful: bool,
    /// Grows with everything that happens to the count, from 1.
    moves: u64,
    /// How often it was counted anew; changes that began before are not waited for any more.
    round: u64,
    /// When something last happened to it.
    moved_at: Timestamp,
}

/// What a change did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountChange {
    /// Records that were not there before.
    pub added: u64,
    /// Records that are not there any more.
    pub removed: u64,
}

/// How much had happened to a count, for [`RecordCount::settle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CountMark(u64);

impl RecordCount {
    /// The count of a collection with so many records; `None` = nobody knows.
    pub fn new(org: OrgCode, collection: CollectionName, records: Option<u64>, now: Timestamp) -> Self {
        let is_doubtful = records.is_none();
        let records = records.unwrap_or(0);
        Self { org, collection, records, under_way: 0, is_doubtful, moves: 1, round: 0, moved_at: now }
    }

    /// How many records there are, where that is certain.
    pub fn certain(&self) -> Option<u64> {
        (self.under_way == 0 && !self.is_doubtful).then_some(self.records)
    }

    /// Which round it is: what [`RecordCount::end`] takes.
    pub fn round(&self) -> u64 {
        self.round
    }

    /// A change begins.
    #[must_use]
    pub fn begin(self, now: Timestamp) -> Self {
        // What changes side by side may be of the same records.
        let is_doubtful = self.is_doubtful || self.under_way > 0;
        Self { under_way: self.under_way.saturating_add(1), is_doubtful, ..self }.moved(now)
    }

    /// A change that began in `round` ends; `None` = nobody knows what it did.
    #[must_use]
    pub fn end(self, round: u64, change: Option<CountChange>, now: Timestamp) -> Self {
        if round != self.round {
            return Self { is_doubtful: true, ..self }.moved(now);
        }
        let CountChange { added, removed } = change.unwrap_or_default();
        let left = self.records.saturating_add(added).checked_sub(removed);
        let is_doubtful = self.is_doubtful || change.is_none() || left.is_none();
        let under_way = self.under_way.saturating_sub(1);
        Self { records: left.unwrap_or(0), under_way, is_doubtful, ..self }.moved(now)
    }

    /// What counting that begins now needs, to settle what is in doubt; `None` while a change is under way.
    pub fn mark(&self, now: Timestamp) -> Option<CountMark> {
        let is_still = self.under_way == 0 || self.moved_at.after(LONGEST_CHANGE) <= now;
        is_still.then_some(CountMark(self.moves))
    }

    /// All were counted since `mark`; `None` if something has happened meanwhile.
    #[must_use]
    pub fn settle(self, mark: CountMark, records: u64, now: Timestamp) -> Option<Self> {
        let settled = Self { records, under_way: 0, is_doubtful: false, round: self.round + 1, ..self };
        (mark.0 == settled.moves).then(|| settled.moved(now))
    }

    fn moved(self, now: Timestamp) -> Self {
        Self { moves: self.moves.saturating_add(1), moved_at: now, ..self }
    }
}

impl CountMark {
    /// That of a count that nobody keeps yet.
    pub const NONE: Self = Self(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    fn count(records: Option<u64>) -> RecordCount {
        RecordCount::new("demo".parse().unwrap(), "things".parse().unwrap(), records, at(0))
    }

    fn added(added: u64) -> CountChange {
        CountChange { added, removed: 0 }
    }

    #[test]
    fn one_change_after_another_is_counted() {
        let loaded = count(Some(5)).begin(at(1));
        assert_eq!(loaded.certain(), None, "a change is under way");
        let loaded = loaded.end(0, Some(added(3)), at(2));
        assert_eq!(loaded.certain(), Some(8));
        let emptied = loaded.begin(at(3)).end(0, Some(CountChange { added: 0, removed: 8 }), at(4));
        assert_eq!(emptied.certain(), Some(0));
    }

    #[test]
    fn changes_side_by_side_and_unknown_ones_leave_it_in_doubt() {
        let both = count(Some(5)).begin(at(1)).begin(at(2)).end(0, Some(added(1)), at(3)).end(0, Some(added(1)), at(4));
        assert_eq!(both.certain(), None);
        assert_eq!(count(Some(5)).begin(at(1)).end(0, None, at(2)).certain(), None);
        assert_eq!(count(None).begin(at(1)).end(0, Some(added(1)), at(2)).certain(), None);
        let too_many = Some(CountChange { added: 0, removed: 9 });
        assert_eq!(count(Some(5)).begin(at(1)).end(0, too_many, at(2)).certain(), None);
    }

    #[test]
    fn a_count_of_all_settles_it_unless_something_happened_meanwhile() {
        let doubtful = count(None);
        let mark = doubtful.mark(at(1)).unwrap();
        assert_eq!(doubtful.clone().settle(mark, 7, at(2)).unwrap().certain(), Some(7));
        assert_eq!(doubtful.begin(at(1)).end(0, Some(added(1)), at(2)).settle(mark, 7, at(3)), None);
    }

    #[test]
    fn a_change_that_is_not_heard_of_is_waited_for_for_an_hour() {
        let lost = count(Some(5)).begin(at(0));
        assert_eq!(lost.mark(at(3599)), None);
        let settled = lost.clone().settle(lost.mark(at(3600)).unwrap(), 6, at(3601)).unwrap();
        assert_eq!(settled.certain(), Some(6));
        // It ends after all: what it wrote was counted, or was not.
        assert_eq!(settled.end(0, Some(added(1)), at(3602)).certain(), None);
    }
}
