//! Recurrence rules (RFC 5545, section 3.3.10) and the series that they make from a start.

mod days;
mod elapsed;
mod instants;
mod parse;
mod periods;

use crate::{Error, Zone};
pub(crate) use instants::Instants;
use jiff::civil::{DateTime, Weekday};
use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::str::FromStr;

/// The largest `COUNT`: a series that ends by number is counted from its start at every question.
pub const MAX_COUNT: u64 = 100_000;

/// A recurrence rule that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    text: String,
    /// Where the parts stand that a search depends on most.
    costly: CostlyParts,
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

/// The parts that a search depends on most, with the character that each begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CostlyParts {
    count: Option<usize>,
    /// `INTERVAL` where it is given, else `FREQ`.
    step: (&'static str, usize),
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
    pub(crate) fn instants_after<'a>(&'a self, after: Timestamp, zone: &'a Zone) -> Instants<'a> {
        Instants::new(self, after, zone)
    }

    /// What is said of a rule whose search was given up, after something was counted or before.
    pub(crate) fn costs_too_much(&self, has_counted: bool) -> Error {
        let (step, step_position) = self.rule.costly.step;
        let (part, position, reason) = match self.rule.costly.count {
            Some(position) if has_counted => (
                "COUNT",
                position,
                "counting the instants from the start takes too long: end the series with UNTIL, or give a smaller COUNT \
                 or a later start",
            ),
            _ => (
                step,
                step_position,
                "the search takes too long: periods never, or hardly ever, hold what the parts that begin with BY choose; \
                 give a larger FREQ, another INTERVAL or fewer of those parts",
            ),
        };
        Error::RulePart { part: part.to_owned(), position, reason: reason.to_owned() }
    }

    /// The shortest time between two of the first instants, in seconds, by a clock that is never changed.
    pub(crate) fn shortest_gap_secs(&self, zone: &Zone, first: usize) -> Option<i64> {
        let utc = Zone::utc();
        let local_start = zone.local(self.start).0;
        let start = jiff::tz::Offset::UTC.to_timestamp(local_start).unwrap_or(self.start);
        let unchanged = Self { rule: self.rule.clone(), start };
        let before = start.checked_sub(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MIN);
        let compared = unchanged.instants_after(before, &utc).of_one_search().take(first);
        let instants: Vec<i64> = compared.map(Timestamp::as_second).collect();
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
