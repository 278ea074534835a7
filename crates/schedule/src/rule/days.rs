//! Which days a rule takes.

use super::{DayParts, Frequency, Rule, WeekdayPart};
use jiff::civil::{Date, DateTime, Weekday};

/// The choice of days of a rule, filled up from its start where the rule says nothing.
#[derive(Clone, Debug)]
pub(super) struct DayFilter {
    parts: DayParts,
    /// Ordinals of weekdays count within the month, not within the year.
    ordinals_in_month: bool,
    week_start: Weekday,
}

impl DayFilter {
    pub(super) fn new(rule: &Rule, start: DateTime) -> Self {
        let mut parts = rule.days.clone();
        let silent = parts.week_numbers.is_empty()
            && parts.year_days.is_empty()
            && parts.month_days.is_empty()
            && parts.weekdays.is_empty();
        if silent {
            match rule.frequency {
                Frequency::Yearly => {
                    if parts.months.is_empty() {
                        parts.months.push(start.month());
                    }
                    parts.month_days.push(i16::from(start.day()));
                }
                Frequency::Monthly => parts.month_days.push(i16::from(start.day())),
                Frequency::Weekly => parts.weekdays.push(WeekdayPart { ordinal: None, weekday: start.weekday() }),
                Frequency::Daily | Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => {}
            }
        }
        let ordinals_in_month = rule.frequency == Frequency::Monthly || !parts.months.is_empty();
        Self { parts, ordinals_in_month, week_start: rule.week_start }
    }

    /// Whether every day is taken.
    pub(super) fn takes_all(&self) -> bool {
        self.parts == DayParts::default()
    }

    /// Whether this day is taken: by every part that there is.
    pub(super) fn takes(&self, date: Date) -> bool {
        let parts = &self.parts;
        let year_days = || [date.day_of_year(), date.day_of_year() - date.days_in_year() - 1];
        let month_days = || {
            let day = i16::from(date.day());
            [day, day - i16::from(date.days_in_month()) - 1]
        };
        (parts.months.is_empty() || parts.months.contains(&date.month()))
            && has_any(&parts.month_days, month_days)
            && (parts.weekdays.is_empty() || parts.weekdays.iter().any(|part| self.takes_weekday(*part, date)))
            && has_any(&parts.year_days, year_days)
            && has_any(&parts.week_numbers, || week_numbers(date, self.week_start))
    }

    fn takes_weekday(&self, part: WeekdayPart, date: Date) -> bool {
        if part.weekday != date.weekday() {
            return false;
        }
        let (day, days) = if self.ordinals_in_month {
            (i16::from(date.day()), i16::from(date.days_in_month()))
        } else {
            (date.day_of_year(), date.days_in_year())
        };
        match part.ordinal {
            None => true,
            Some(ordinal) if ordinal > 0 => (day - 1) / 7 + 1 == ordinal,
            Some(ordinal) => (days - day) / 7 + 1 == -ordinal,
        }
    }
}

/// Whether one of two ways to number a day is in the list; an empty list has everything.
fn has_any(list: &[i16], numbers: impl FnOnce() -> [i16; 2]) -> bool {
    list.is_empty() || numbers().iter().any(|number| list.contains(number))
}

/// The number of a day's week, from the year's first and from its last. Week 1 is the first with four days in the year.
fn week_numbers(date: Date, week_start: Weekday) -> [i16; 2] {
    // The year of a week is the year of its fourth day.
    let into_week = date.weekday().since(week_start);
    let fourth = date.saturating_add(jiff::SignedDuration::from_hours(24 * i64::from(3 - into_week)));
    let week = (fourth.day_of_year() - 1) / 7 + 1;
    let weeks_left = (fourth.days_in_year() - fourth.day_of_year()) / 7;
    [week, -1 - weeks_left]
}
