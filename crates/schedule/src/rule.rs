//! Recurrence rules (RFC 5545, section 3.3.10) and the series that they make from a start.

mod days;
mod elapsed;
mod parse;
mod periods;

use crate::Zone;
use elapsed::Elapsed;
use jiff::civil::{DateTime, Weekday};
use jiff::{SignedDuration, Timestamp};
use periods::Periods;
use std::fmt;
use std::str::FromStr;

/// The largest `COUNT`: a series that ends by number is counted from its start at every question.
pub const MAX_COUNT: u64 = 100_000;
/// How many periods in a row may hold nothing before the search is given up.
const SEARCH_PERIODS: u32 = 100_000;

/// A recurrence rule that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    text: String,
    frequency: Frequency,
    interval: u32,
    end: End,
    /// Sorted, without repetition, as are all the lists.
    seconds: Vec<i8>,
    minutes: Vec<i8>,
    hours: Vec<i8>,
    days: DayParts,
    positions: Vec<i16>,
    week_start: Weekday,
}

/// The parts that choose days; one that is empty chooses all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct DayParts {
    months: Vec<i8>,
    week_numbers: Vec<i16>,
    year_days: Vec<i16>,
    month_days: Vec<i16>,
    weekdays: Vec<WeekdayPart>,
}

/// `MO`, `2MO`, `-1FR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WeekdayPart {
    /// Which of the month or the year; `None` = every one.
    ordinal: Option<i16>,
    weekday: Weekday,
}

/// Ordered from often to rare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Frequency {
    Secondly,
    Minutely,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// When a series ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Never,
    /// After so many instants.
    Count(u64),
    /// With this instant.
    At(Timestamp),
    /// With this time on the wall clock.
    AtLocal(DateTime),
}

/// A recurrence rule from a start on. The start is an occurrence only if the rule says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence {
    rule: Rule,
    start: Timestamp,
}

impl Recurrence {
    /// The series of `rule` from `start` on, which counts in whole seconds.
    pub fn new(rule: Rule, start: Timestamp) -> Self {
        let start = Timestamp::from_second(start.as_second()).unwrap_or(start);
        Self { rule, start }
    }

    /// The rule.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The start.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// The first instant, which may be the start itself; `None` when the rule has none.
    pub fn first(&self, zone: &Zone) -> Option<Timestamp> {
        let before = self.start.checked_sub(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MIN);
        self.next_after(before, zone)
    }

    /// The next instant strictly after `after`.
    pub(crate) fn next_after(&self, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        self.instants_after(after, zone).next()
    }

    /// The instants strictly after `after`.
    pub(crate) fn instants_after<'a>(
        &'a self,
        after: Timestamp,
        zone: &'a Zone,
    ) -> impl Iterator<Item = Timestamp> + use<'a> {
        let counted = matches!(self.rule.end, End::Count(_));
        // What is counted is counted from the start.
        let reach = if counted { self.start } else { after };
        let (skipped, series) = self.series(reach, after, zone);
        let until = self.rule.until(zone);
        let count = match self.rule.end {
            End::Count(count) => count.saturating_sub(skipped),
            End::Never | End::At(_) | End::AtLocal(_) => u64::MAX,
        };
        let start = self.start;
        let mut last = None;
        series
            .filter(move |at| *at >= start && last.replace(*at).is_none_or(|last| last < *at))
            .take(usize::try_from(count).unwrap_or(usize::MAX))
            .take_while(move |at| until.is_none_or(|until| *at <= until))
            .skip_while(move |at| *at <= after)
    }

    /// The instants from about `reach` on, in order, some perhaps twice, and how many from the start were left out.
    fn series<'a>(
        &'a self,
        reach: Timestamp,
        after: Timestamp,
        zone: &'a Zone,
    ) -> (u64, Box<dyn Iterator<Item = Timestamp> + 'a>) {
        if self.rule.frequency >= Frequency::Daily {
            return (0, Box::new(Periods::new(&self.rule, self.start, reach, zone)));
        }
        let elapsed = Elapsed::new(&self.rule, self.start, zone);
        if elapsed.is_plain() {
            // One instant a period: what is left out need not be counted one by one.
            let elapsed = elapsed.from(after);
            (elapsed.period().unsigned_abs(), Box::new(elapsed))
        } else {
            (0, Box::new(elapsed.from(reach)))
        }
    }

    /// The shortest time between two of the first instants, in seconds, by a clock that is never changed.
    pub(crate) fn shortest_gap_secs(&self, zone: &Zone, first: usize) -> Option<i64> {
        let utc = Zone::utc();
        let local_start = zone.local(self.start).0;
        let start = jiff::tz::Offset::UTC.to_timestamp(local_start).unwrap_or(self.start);
        let unchanged = Self { rule: self.rule.clone(), start };
        let before = start.checked_sub(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MIN);
        let instants: Vec<i64> = unchanged.instants_after(before, &utc).take(first).map(Timestamp::as_second).collect();
        instants.windows(2).filter_map(|pair| Some(pair.last()? - pair.first()?)).min()
    }
}

impl Rule {
    /// The last instant that there can be.
    fn until(&self, zone: &Zone) -> Option<Timestamp> {
        match self.end {
            End::At(at) => Some(at),
            End::AtLocal(local) => match zone.reading(local)? {
                crate::zone::Reading::Shown(at) | crate::zone::Reading::Skipped(at) => Some(at),
            },
            End::Never | End::Count(_) => None,
        }
    }
}

impl Frequency {
    /// Seconds of a period, where it has always the same number.
    fn unit_secs(self) -> i64 {
        match self {
            Self::Secondly => 1,
            Self::Minutely => 60,
            Self::Hourly => 3600,
            Self::Daily | Self::Weekly | Self::Monthly | Self::Yearly => 24 * 3600,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Rule {
    type Err = crate::Error;

    /// Reads a rule, with or without `RRULE:` in front.
    fn from_str(text: &str) -> Result<Self, crate::Error> {
        parse::parse(text)
    }
}
