//! Moments: dates and times in words, relative to when they are asked for, as PHP understands them.

mod grammar;
mod read;
mod resolve;
mod token;
mod zone;

use crate::{Error, Zone};
use jiff::Timestamp;
use std::fmt;
use std::str::FromStr;

/// The longest text that is read.
const MAX_CHARS: usize = 250;

/// A text in PHP's date and time formats that was understood: `first day of last month midnight`, `-7 days`,
/// `2026-02-28T12:00:00Z +1 month`. What it leaves open is taken from the instant at which it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    text: String,
    parts: Parts,
}

impl Moment {
    /// The instant that it means at `now`; without a zone of its own, by the clock of UTC.
    ///
    /// # Errors
    /// It lies outside the years -9999 to 9999.
    pub fn at(&self, now: Timestamp) -> Result<Timestamp, Error> {
        resolve::resolve(&self.parts, now).ok_or_else(|| Error::Moment {
            word: self.text.clone(),
            position: 1,
            reason: "lies outside the years -9999 to 9999",
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Moment {
    type Err = Error;

    /// # Errors
    /// The first word that is not understood, or contradicts what is before it.
    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(Self { text: text.to_owned(), parts: read::read(text)? })
    }
}

/// What a text says; `None` = left open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Parts {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    time: Option<Clock>,
    /// A date was written: without a time it means midnight.
    dated: bool,
    /// A time was written, and not unsaid by a word that means midnight.
    timed: bool,
    zone: Option<Offset>,
    steps: Steps,
    weekday: Option<Weekday>,
    counted: Option<Counted>,
    end_of_month: Option<EndOfMonth>,
}

/// A time of day; hours beyond 23 and the like run over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Clock {
    hours: i64,
    minutes: i64,
    seconds: i64,
    micros: i64,
}

/// What a text adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Steps {
    years: i64,
    months: i64,
    days: i64,
    hours: i64,
    minutes: i64,
    seconds: i64,
    micros: i64,
}

/// A day of the week to go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Weekday {
    /// 0 is Sunday; below 0 it was turned around by `ago`.
    day: i64,
    from: WeekdayFrom,
}

/// Where the way to a day of the week begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WeekdayFrom {
    /// Behind the day itself.
    Tomorrow,
    /// With the day itself.
    Today,
    /// In the day's week, Monday first.
    Week,
}

/// What else days are counted by; the last that is written counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    /// `first monday of`: from the beginning of the month.
    FromFirst,
    /// `last monday of`: from the beginning of the next month.
    FromNext,
    /// Monday to Friday.
    WorkingDays(i64),
}

/// `first day of` and `last day of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndOfMonth {
    First,
    Last,
}

/// How far from UTC the clock is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Offset {
    Seconds(i64),
    Zone(Zone),
}
