//! Daily, weekly, monthly and yearly rules: periods of the calendar, and times on the wall clock of their days.

use super::days::DayFilter;
use super::{Frequency, Rule, SEARCH_PERIODS};
use crate::Zone;
use crate::zone::Reading;
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use std::collections::BTreeSet;

/// The times of a day: every combination of these.
#[derive(Debug)]
struct Times {
    hours: Vec<i8>,
    minutes: Vec<i8>,
    seconds: Vec<i8>,
}

impl Times {
    fn len(&self) -> usize {
        self.hours.len() * self.minutes.len() * self.seconds.len()
    }

    /// The one of that rank.
    fn get(&self, rank: usize) -> Option<Time> {
        let (rank, second) = (rank / self.seconds.len(), rank % self.seconds.len());
        let (hour, minute) = (rank / self.minutes.len(), rank % self.minutes.len());
        Time::new(*self.hours.get(hour)?, *self.minutes.get(minute)?, *self.seconds.get(second)?, 0).ok()
    }
}

/// What a period holds: the times of its days, by rank, and the ranks that are still to come.
#[derive(Debug, Default)]
struct Period {
    days: Vec<Date>,
    /// `None`: all of them.
    chosen: Option<std::vec::IntoIter<usize>>,
    next_rank: usize,
}

/// The instants of a rule, in order; some may come twice in a row.
pub(super) struct Periods<'a> {
    rule: &'a Rule,
    zone: &'a Zone,
    filter: DayFilter,
    times: Times,
    /// First day of the period that comes next; `None` when there is none any more.
    next_period: Option<Date>,
    period: Period,
    /// Days before this one cannot hold what is asked for.
    reach: Date,
    /// Instants whose local times the clock was put forward over: later local times may come before them.
    waiting: BTreeSet<Timestamp>,
    /// An instant whose turn comes after those that waited.
    held: Option<Timestamp>,
}

impl<'a> Periods<'a> {
    /// The instants of `rule` from `start` on; those much before `reach` are left out.
    pub(super) fn new(rule: &'a Rule, start: Timestamp, reach: Timestamp, zone: &'a Zone) -> Self {
        let local = zone.local(start).0;
        let or_start = |list: &[i8], own: i8| if list.is_empty() { vec![own] } else { list.to_vec() };
        let times = Times {
            hours: or_start(&rule.hours, local.hour()),
            minutes: or_start(&rule.minutes, local.minute()),
            seconds: or_start(&rule.seconds, local.second()),
        };
        // A clock change of a day, as Samoa's, moves an instant by a day.
        let reach = zone.local(reach.max(start)).0.date().saturating_sub(2.days());
        let first = first_day(rule, local.date());
        let mut periods = Self {
            rule,
            zone,
            filter: DayFilter::new(rule, local),
            times,
            next_period: Some(first),
            period: Period::default(),
            reach: reach.max(local.date()),
            waiting: BTreeSet::new(),
            held: None,
        };
        let ahead = whole_periods(rule.frequency, first, reach) / i64::from(rule.interval);
        periods.next_period = periods.add(first, ahead.max(0));
        periods
    }

    /// The first day of the period that is `steps` intervals after the one that begins with `first`.
    fn add(&self, first: Date, steps: i64) -> Option<Date> {
        let count = steps.checked_mul(i64::from(self.rule.interval))?;
        let span = match self.rule.frequency {
            Frequency::Yearly => jiff::Span::new().try_years(count),
            Frequency::Monthly => jiff::Span::new().try_months(count),
            Frequency::Weekly => jiff::Span::new().try_weeks(count),
            Frequency::Daily | Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => {
                jiff::Span::new().try_days(count)
            }
        };
        first.checked_add(span.ok()?).ok()
    }

    /// Goes on to the next period that holds anything.
    fn turn(&mut self) -> Option<()> {
        for _ in 0..SEARCH_PERIODS {
            let first = self.next_period?;
            self.next_period = self.add(first, 1);
            let days: Vec<Date> = first
                .series(1.day())
                .take(days_of(self.rule.frequency, first))
                .filter(|day| self.filter.takes(*day))
                .collect();
            if days.is_empty() {
                continue;
            }
            let chosen =
                (!self.rule.positions.is_empty()).then(|| self.chosen(days.len() * self.times.len()).into_iter());
            let early = days.iter().take_while(|day| **day < self.reach).count();
            let next_rank = early * self.times.len();
            self.period = Period { days, chosen, next_rank };
            return Some(());
        }
        None
    }

    /// The ranks that `BYSETPOS` chooses out of `total`.
    fn chosen(&self, total: usize) -> Vec<usize> {
        let rank = |position: &i16| {
            let distance = usize::from(position.unsigned_abs());
            if *position > 0 { Some(distance - 1).filter(|rank| *rank < total) } else { total.checked_sub(distance) }
        };
        let ranks: BTreeSet<usize> = self.rule.positions.iter().filter_map(rank).collect();
        ranks.into_iter().collect()
    }

    /// The next local time, in order.
    fn next_local(&mut self) -> Option<DateTime> {
        for _ in 0..SEARCH_PERIODS {
            let rank = if let Some(chosen) = &mut self.period.chosen {
                chosen.next()
            } else {
                self.period.next_rank += 1;
                self.period.next_rank.checked_sub(1)
            };
            let day = rank.and_then(|rank| self.period.days.get(rank / self.times.len()));
            match (rank, day) {
                (Some(rank), Some(day)) => return Some(day.to_datetime(self.times.get(rank % self.times.len())?)),
                _ => self.turn()?,
            }
        }
        None
    }
}

impl Iterator for Periods<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        loop {
            if let Some(held) = self.held {
                if self.waiting.first().is_some_and(|first| *first < held) {
                    return self.waiting.pop_first();
                }
                self.held = None;
                return Some(held);
            }
            match self.next_local().and_then(|local| self.zone.reading(local)) {
                Some(Reading::Shown(at)) => self.held = Some(at),
                Some(Reading::Skipped(at)) => {
                    self.waiting.insert(at);
                }
                None => return self.waiting.pop_first(),
            }
        }
    }
}

/// The first day of the period that `date` is in.
fn first_day(rule: &Rule, date: Date) -> Date {
    match rule.frequency {
        Frequency::Yearly => date.first_of_year(),
        Frequency::Monthly => date.first_of_month(),
        Frequency::Weekly => {
            let into_week = i64::from(date.weekday().since(rule.week_start));
            date.saturating_sub(SignedDuration::from_hours(24 * into_week))
        }
        Frequency::Daily | Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => date,
    }
}

fn days_of(frequency: Frequency, first: Date) -> usize {
    let days = match frequency {
        Frequency::Yearly => first.days_in_year(),
        Frequency::Monthly => i16::from(first.days_in_month()),
        Frequency::Weekly => 7,
        Frequency::Daily | Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => 1,
    };
    usize::from(days.unsigned_abs())
}

/// How many periods begin after the one that begins with `first`, up to and including the one with `date` in it.
fn whole_periods(frequency: Frequency, first: Date, date: Date) -> i64 {
    let years = i64::from(date.year()) - i64::from(first.year());
    let days = || date.duration_since(first).as_hours() / 24;
    match frequency {
        Frequency::Yearly => years,
        Frequency::Monthly => years * 12 + i64::from(date.month()) - i64::from(first.month()),
        Frequency::Weekly => days() / 7,
        Frequency::Daily | Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => days(),
    }
}
