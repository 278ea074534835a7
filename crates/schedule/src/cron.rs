//! Cron expressions: five fields in the dialect of Vixie's cron, and when they match.

mod parse;

use crate::Zone;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use std::fmt;
use std::str::FromStr;

/// How many days of the months that match are looked at before the search is given up. The rarest day there is, a 29th of
/// February of one weekday, comes after at most 40 years: 1 160 days of February.
const SEARCH_DAYS: u32 = 3000;

/// A cron expression that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    text: String,
    minutes: u64,
    hours: u64,
    days_of_month: u64,
    months: u64,
    /// Bit 0 is Sunday.
    days_of_week: u64,
    /// Both day fields are restricted: one of them is enough.
    either_day: bool,
    /// Neither minute nor hour has a `*`: due once at each of its times, whatever clocks do.
    fixed: bool,
}

/// A search through local times, with what is left of its bound.
struct Search<'a> {
    cron: &'a Cron,
    days_left: u32,
}

impl Cron {
    /// The next instant strictly after `after`.
    pub(crate) fn next_after(&self, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let mut search = Search { cron: self, days_left: SEARCH_DAYS };
        let mut span = zone.span(after);
        let mut from = next_minute(span.offset.to_datetime(after))?;
        let mut reached = zone.reached_before(&span);
        loop {
            let start = if self.fixed { from.max(reached) } else { from };
            if let Some(local) = search.first(start, span.local_end()) {
                return span.offset.to_timestamp(local).ok();
            }
            if search.days_left == 0 {
                return None;
            }
            reached = reached.max(span.local_end());
            let start = span.end?;
            span = zone.span(start);
            // Not the span's own start: where a zone had no clock before (Antarctica/Troll), that lies further back.
            from = span.offset.to_datetime(start);
            // The clock was put forward over these: a fixed time is due now instead of never.
            if self.fixed && reached < from && search.first(reached, from).is_some() {
                return Some(start);
            }
        }
    }

    fn takes(&self, date: Date) -> bool {
        let month_day = has(self.days_of_month, date.day());
        let weekday = has(self.days_of_week, date.weekday().to_sunday_zero_offset());
        if self.either_day { month_day || weekday } else { month_day && weekday }
    }

    /// The times of a day, in minutes since midnight, that are not before `from`.
    fn minutes_from(&self, from: i32) -> impl Iterator<Item = i32> {
        let hours = (i8::try_from(from / 60).unwrap_or(24)..24).filter(|hour| has(self.hours, *hour));
        let times = hours.flat_map(|hour| {
            (0..60)
                .filter(|minute| has(self.minutes, *minute))
                .map(move |minute| i32::from(hour) * 60 + i32::from(minute))
        });
        times.skip_while(move |minute| *minute < from)
    }

    /// The shortest time between two times at which it is due, in minutes, by a clock that is never changed; `None` when
    /// it is due on days that never follow each other, once a day.
    pub(crate) fn shortest_gap_minutes(&self) -> Option<i64> {
        let times: Vec<i32> = self.minutes_from(0).collect();
        let within = times.windows(2).filter_map(|pair| Some(pair.last()? - pair.first()?)).min();
        let over_midnight = || Some(times.first()? + 24 * 60 - times.last()?).filter(|_| self.has_neighbouring_days());
        within.into_iter().chain(over_midnight()).min().map(i64::from)
    }

    fn has_neighbouring_days(&self) -> bool {
        let due = |date: &Date| has(self.months, date.month()) && self.takes(*date);
        let mut days = std::iter::successors(Some(jiff::civil::date(2000, 1, 1)), |date| date.tomorrow().ok());
        let mut before = false;
        // A cycle of weekdays and leap years.
        days.by_ref().take(28 * 366).any(|date| {
            let now = due(&date);
            std::mem::replace(&mut before, now) && now
        })
    }
}

impl Search<'_> {
    /// The first matching local time from `from` on and before `until`.
    fn first(&mut self, from: DateTime, until: DateTime) -> Option<DateTime> {
        let mut from = from;
        while from < until && self.days_left > 0 {
            let date = from.date();
            if !has(self.cron.months, date.month()) {
                from = date.last_of_month().tomorrow().ok()?.to_datetime(jiff::civil::Time::midnight());
                continue;
            }
            self.days_left -= 1;
            if self.cron.takes(date) {
                let rest = i32::from(from.second() > 0 || from.subsec_nanosecond() > 0);
                let minute = i32::from(from.hour()) * 60 + i32::from(from.minute()) + rest;
                if let Some(found) = self.cron.minutes_from(minute).next() {
                    let found = date.at(i8::try_from(found / 60).ok()?, i8::try_from(found % 60).ok()?, 0, 0);
                    return Some(found).filter(|found| *found < until);
                }
            }
            from = date.tomorrow().ok()?.to_datetime(jiff::civil::Time::midnight());
        }
        None
    }
}

/// The first full minute after `local`.
fn next_minute(local: DateTime) -> Option<DateTime> {
    let full = local.date().at(local.hour(), local.minute(), 0, 0);
    full.checked_add(jiff::SignedDuration::from_mins(1)).ok()
}

/// Whether `bits` has `value`.
fn has(bits: u64, value: i8) -> bool {
    u32::try_from(value).ok().and_then(|value| bits.checked_shr(value)).is_some_and(|bits| bits & 1 == 1)
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Cron {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self, crate::Error> {
        parse::parse(text)
    }
}
