//! Daily, weekly, monthly and yearly rules: periods of the calendar, and times on the wall clock of their days.

use super::days::DayFilter;
use super::{Frequency, Rule};
use crate::Zone;
use crate::pace::Pace;
use crate::work::Work;
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

    /// How many are before `time`.
    fn count_before(&self, time: Time) -> usize {
        let before = |list: &[i8], value: i8| list.partition_point(|other| *other < value);
        let hours = before(&self.hours, time.hour());
        let mut count = hours * self.minutes.len() * self.seconds.len();
        if self.hours.get(hours) == Some(&time.hour()) {
            let minutes = before(&self.minutes, time.minute());
            count += minutes * self.seconds.len();
            if self.minutes.get(minutes) == Some(&time.minute()) {
                count += before(&self.seconds, time.second());
            }
        }
        count
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
    pace: Pace<'a>,
    filter: DayFilter,
    times: Times,
    /// First day of the period that comes next; `None` when there is none any more.
    next_period: Option<Date>,
    period: Period,
    /// Times before this one cannot hold what is asked for.
    reach: DateTime,
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
        let mut pace = Pace::new(zone, reach.max(start));
        let is_even = pace.is_even_around(reach.max(start));
        let reached = zone.local(reach.max(start)).0;
        // A clock change of a day, as Samoa's, moves an instant by a day.
        let reached = if is_even { reached } else { reached.saturating_sub(2.days()) };
        let first = first_day(rule, local.date());
        let mut periods = Self {
            rule,
            pace,
            filter: DayFilter::new(rule, local),
            times,
            next_period: Some(first),
            period: Period::default(),
            reach: reached.max(local.date().to_datetime(Time::midnight())),
            waiting: BTreeSet::new(),
            held: None,
        };
        let ahead = whole_periods(rule.frequency, first, reached.date()) / i64::from(rule.interval);
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

    /// Goes on to the next period that holds anything and does not begin after `last`.
    fn turn(&mut self, last: Date, work: &mut Work) -> Option<()> {
        // However many periods are left out between two: after as many as there are in a cycle, all have been seen.
        for _ in 0..periods_of_cycle(self.rule.frequency) {
            let first = self.next_period.filter(|first| *first <= last)?;
            self.next_period = self.add(first, 1);
            let mut days = Vec::new();
            let mut day = Some(first);
            for _ in 0..days_of(self.rule.frequency, first) {
                work.look()?;
                days.extend(day.filter(|day| self.filter.takes(*day)));
                day = day.and_then(|day| day.tomorrow().ok());
            }
            let chosen = self.chosen(days.len() * self.times.len());
            if days.is_empty() || chosen.as_ref().is_some_and(Vec::is_empty) {
                continue;
            }
            let reached = self.reach.date();
            let early = days.iter().take_while(|day| **day < reached).count();
            let today = days.get(early).filter(|day| **day == reached);
            let early_today = today.map_or(0, |_| self.times.count_before(self.reach.time()));
            let next_rank = early * self.times.len() + early_today;
            let later = |chosen: Vec<usize>| chosen.into_iter().filter(|rank| *rank >= next_rank).collect::<Vec<_>>();
            self.period = Period { days, chosen: chosen.map(|chosen| later(chosen).into_iter()), next_rank };
            return Some(());
        }
        None
    }

    /// The ranks that `BYSETPOS` chooses out of `total`; `None` = all.
    fn chosen(&self, total: usize) -> Option<Vec<usize>> {
        let rank = |position: &i16| {
            let distance = usize::from(position.unsigned_abs());
            if *position > 0 { Some(distance - 1).filter(|rank| *rank < total) } else { total.checked_sub(distance) }
        };
        let ranks: BTreeSet<usize> = self.rule.positions.iter().filter_map(rank).collect();
        (!self.rule.positions.is_empty()).then(|| ranks.into_iter().collect())
    }

    /// The next local time, in order.
    fn next_local(&mut self, last: Date, work: &mut Work) -> Option<DateTime> {
        loop {
            work.look()?;
            let rank = if let Some(chosen) = &mut self.period.chosen {
                chosen.next()
            } else {
                self.period.next_rank += 1;
                self.period.next_rank.checked_sub(1)
            };
            let day = rank.and_then(|rank| self.period.days.get(rank / self.times.len()));
            match (rank, day) {
                (Some(rank), Some(day)) => return Some(day.to_datetime(self.times.get(rank % self.times.len())?)),
                _ => self.turn(last, work)?,
            }
        }
    }

    /// The next instant, of a period that does not begin after the day `last`; `None` also when there is no work left.
    pub(super) fn next(&mut self, last: Date, work: &mut Work) -> Option<Timestamp> {
        loop {
            if let Some(held) = self.held {
                if self.waiting.first().is_some_and(|first| *first < held) {
                    return self.waiting.pop_first();
                }
                self.held = None;
                return Some(held);
            }
            match self.next_local(last, work).and_then(|local| self.pace.reading(local)) {
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

/// How many periods there are in the 400 years after which the calendar repeats itself, weekdays included.
fn periods_of_cycle(frequency: Frequency) -> u32 {
    const DAYS: u32 = 146_097;
    match frequency {
        Frequency::Yearly => 400,
        Frequency::Monthly => 400 * 12,
        Frequency::Weekly => DAYS / 7,
        Frequency::Daily | Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => DAYS,
    }
}
