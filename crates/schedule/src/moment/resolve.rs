//! From what a text says and an instant to the instant that it means.

use super::{Clock, Counted, EndOfMonth, Offset, Parts, Weekday, WeekdayFrom};
use crate::Zone;
use crate::zone::Reading;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

const DAY_SECONDS: i64 = 86_400;

/// The instant that `parts` mean at `now`; `None` outside the years that can be told.
pub(super) fn resolve(parts: &Parts, now: Timestamp) -> Option<Timestamp> {
    let (today, _) = Zone::utc().local(now);
    let nothing_said = parts.time.is_none() && parts.year.is_none() && parts.month.is_none() && parts.day.is_none();
    let clock = match parts.time {
        Some(clock) if !parts.dated || parts.timed => clock,
        _ if parts.dated => Clock::default(),
        _ => Clock {
            hours: i64::from(today.hour()),
            minutes: i64::from(today.minute()),
            seconds: i64::from(today.second()),
            micros: if nothing_said { i64::from(today.subsec_nanosecond() / 1000) } else { 0 },
        },
    };
    let mut civil = Civil {
        year: parts.year.unwrap_or_else(|| i64::from(today.year())),
        month: parts.month.unwrap_or_else(|| i64::from(today.month())),
        day: parts.day.unwrap_or_else(|| i64::from(today.day())),
        clock,
    };
    let mut steps = parts.steps;
    if let Some(from @ (Counted::FromFirst | Counted::FromNext)) = parts.counted {
        civil.day = 1;
        civil.month += std::mem::take(&mut steps.months) + i64::from(from == Counted::FromNext);
    }
    civil.go_to_end_of_month(parts.end_of_month);
    civil.normalize();
    if let Some(weekday) = parts.weekday {
        civil.day += days_to(weekday, civil.weekday(), steps.days);
    }
    civil.normalize();
    civil.clock.micros += steps.micros;
    civil.clock.seconds = civil.clock.seconds.checked_add(steps.seconds)?;
    civil.clock.minutes += steps.minutes;
    civil.clock.hours += steps.hours;
    civil.day = civil.day.checked_add(steps.days)?;
    civil.month += steps.months;
    civil.year += steps.years;
    civil.go_to_end_of_month(parts.end_of_month);
    civil.normalize();
    if let Some(Counted::WorkingDays(count)) = parts.counted {
        civil.day += working_days(count, civil.weekday());
        civil.normalize();
    }
    civil.instant(parts.zone.as_ref())
}

/// A date and time by a calendar that knows no bounds.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    clock: Clock,
}

impl Civil {
    fn go_to_end_of_month(&mut self, end: Option<EndOfMonth>) {
        match end {
            Some(EndOfMonth::First) => self.day = 1,
            // Day 0 of the next month.
            Some(EndOfMonth::Last) => {
                self.day = 0;
                self.month += 1;
            }
            None => {}
        }
    }

    /// Days since 1970-01-01, and microseconds of the day.
    fn count(&self) -> (i64, i64) {
        let Clock { hours, minutes, seconds, micros } = self.clock;
        // None of these came from more than 250 characters of 13 digits a number.
        let micros = i128::from(micros)
            + (i128::from(seconds) + i128::from(minutes) * 60 + i128::from(hours) * 3600) * 1_000_000;
        let day = i128::from(DAY_SECONDS) * 1_000_000;
        let more_days = i64::try_from(micros.div_euclid(day)).unwrap_or(i64::MAX / 4);
        let days = days_before(self.year, self.month) + (self.day - 1);
        (days.saturating_add(more_days), i64::try_from(micros.rem_euclid(day)).unwrap_or(0))
    }

    /// Lets what runs over run into the next larger unit.
    fn normalize(&mut self) {
        let (days, micros) = self.count();
        (self.year, self.month, self.day) = date_of(days);
        self.clock = Clock {
            hours: micros / 3_600_000_000,
            minutes: micros / 60_000_000 % 60,
            seconds: micros / 1_000_000 % 60,
            micros: micros % 1_000_000,
        };
    }

    fn weekday(&self) -> i64 {
        (self.count().0 + 4).rem_euclid(7)
    }

    fn instant(&self, zone: Option<&Offset>) -> Option<Timestamp> {
        let (days, micros) = self.count();
        let small = |value: i64| i8::try_from(value).ok();
        let midnight =
            DateTime::new(i16::try_from(self.year).ok()?, small(self.month)?, small(self.day)?, 0, 0, 0, 0).ok()?;
        let behind = match zone {
            Some(Offset::Zone(zone)) => {
                let local = midnight.checked_add(SignedDuration::from_micros(micros)).ok()?;
                return Some(match zone.reading(local)? {
                    Reading::Shown(at) | Reading::Skipped(at) => at,
                });
            }
            Some(Offset::Seconds(seconds)) => *seconds,
            None => 0,
        };
        let seconds = days.checked_mul(DAY_SECONDS)?.checked_add(micros / 1_000_000)?.checked_sub(behind)?;
        Timestamp::new(seconds, i32::try_from(micros % 1_000_000 * 1000).ok()?).ok()
    }
}

/// Days from 1970-01-01 to the first of a month, which may lie outside 1 to 12 (H. Hinnant, "chrono-Compatible Low-Level
/// Date Algorithms").
fn days_before(year: i64, month: i64) -> i64 {
    let months = year * 12 + (month - 1) - 2;
    let (year, from_march) = (months.div_euclid(12), months.rem_euclid(12));
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * from_march + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The date of a count of days since 1970-01-01.
fn date_of(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

/// Days from the first of January to a day of a week (ISO 8601; 0 is the day before Monday).
pub(super) fn days_to_week(year: i64, week: i64, day: i64) -> i64 {
    let first = (days_before(year, 1) + 4).rem_euclid(7);
    let before_first_week = if first > 4 { 7 - first } else { -first };
    before_first_week + (week - 1) * 7 + day
}

/// How far a day of the week is from the day `today` of the week; `days` are added afterwards.
fn days_to(wanted: Weekday, today: i64, days: i64) -> i64 {
    let day = wanted.day;
    if wanted.from == WeekdayFrom::Week {
        let day = match (day, today) {
            (0, 1..) => 7,
            (day, 0) if day != 0 => day - 7,
            _ => day,
        };
        return day - today;
    }
    if day < 0 {
        return -(7 - (day.abs() - today));
    }
    let ahead = day - today;
    let too_near = if wanted.from == WeekdayFrom::Today { -1 } else { 0 };
    if (days < 0 && ahead < 0) || (days >= 0 && ahead <= too_near) { ahead + 7 } else { ahead }
}

/// How many days `count` days from Monday to Friday take, from the day `today` of the week.
fn working_days(count: i64, today: i64) -> i64 {
    let (weeks, rest) = (count / 5, count % 5);
    let weekend = match (count > 0, rest == 0, today) {
        (true, true, 0) => -2,
        (true, true, 6) | (false, false, 0) => -1,
        (true, false, 6) | (false, true, 0) => 1,
        (false, true, 6) => 2,
        (true, false, _) if today + rest > 5 => 2,
        (false, false, _) if today + rest < 1 => -2,
        _ => 0,
    };
    weeks * 7 + rest + weekend
}
