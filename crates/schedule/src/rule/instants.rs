//! The instants of a series: those of its rule from its start on, counted, and up to its end.

use super::elapsed::Elapsed;
use super::periods::Periods;
use super::{End, Frequency, Recurrence};
use crate::Zone;
use crate::work::Work;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

enum Source<'a> {
    Periods(Box<Periods<'a>>),
    Elapsed(Box<Elapsed<'a>>),
}

/// The instants of a series strictly after one; fewer where a search costs too much.
pub(crate) struct Instants<'a> {
    source: Source<'a>,
    start: Timestamp,
    after: Timestamp,
    /// There is none after it.
    until: Timestamp,
    /// No period that begins after this day has one of them.
    last_day: Date,
    /// How many there can still be.
    left: u64,
    last: Option<Timestamp>,
    work: Work,
    /// All of them share what one may cost.
    of_one_search: bool,
}

impl<'a> Instants<'a> {
    /// The instants of `series` strictly after `after`.
    pub(super) fn new(series: &'a Recurrence, after: Timestamp, zone: &'a Zone) -> Self {
        let Recurrence { rule, start } = series;
        let mut left = match rule.end {
            End::Count(count) => count,
            End::Never | End::At(_) | End::AtLocal(_) => u64::MAX,
        };
        let until = rule.until(zone).unwrap_or(Timestamp::MAX);
        // What is counted is counted from the start.
        let reach = if matches!(rule.end, End::Count(_)) { *start } else { after };
        let source = if rule.frequency >= Frequency::Daily {
            Source::Periods(Box::new(Periods::new(rule, *start, reach, zone)))
        } else {
            let elapsed = Elapsed::new(rule, *start, until, zone);
            Source::Elapsed(Box::new(if elapsed.is_plain() {
                // One instant a period: what is left out need not be counted one by one.
                let elapsed = elapsed.from(after);
                left = left.saturating_sub(elapsed.period().unsigned_abs());
                elapsed
            } else {
                elapsed.from(reach)
            }))
        };
        let last_day = zone.local(until).0.date().saturating_add(2.days());
        let work = Work::new();
        Self { source, start: *start, after, until, last_day, left, last: None, work, of_one_search: false }
    }

    /// The same, but all of them together cost no more than one may.
    pub(super) fn of_one_search(self) -> Self {
        Self { of_one_search: true, ..self }
    }

    /// Whether there may be more, which were not looked for because that costs too much.
    pub(crate) fn is_given_up(&self) -> bool {
        self.work.is_spent()
    }

    /// Whether there was any, told or only counted.
    pub(crate) fn has_counted(&self) -> bool {
        self.last.is_some()
    }
}

impl Iterator for Instants<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        if !self.of_one_search && !self.work.is_spent() {
            self.work.refill();
        }
        while self.left > 0 {
            let at = match &mut self.source {
                Source::Periods(periods) => periods.next(self.last_day, &mut self.work),
                Source::Elapsed(elapsed) => elapsed.next(&mut self.work),
            }?;
            if at < self.start || self.last.is_some_and(|last| at <= last) {
                continue;
            }
            if at > self.until {
                self.left = 0;
                break;
            }
            self.last = Some(at);
            self.left -= 1;
            if at > self.after {
                return Some(at);
            }
        }
        None
    }
}
