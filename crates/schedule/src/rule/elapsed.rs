//! Hourly, minutely and secondly rules: periods of elapsed time, whatever clocks do meanwhile.

use super::days::DayFilter;
use super::{Frequency, Rule};
use crate::Zone;
use jiff::Timestamp;
use jiff::civil::DateTime;

/// How much is looked at before the search is given up: a period costs as much as ten of its seconds.
const SEARCH_WORK: usize = 1_000_000;
const PERIOD_WORK: usize = 10;

/// The instants of a rule, in order.
pub(super) struct Elapsed<'a> {
    rule: &'a Rule,
    zone: &'a Zone,
    filter: DayFilter,
    /// Where in a period instants can be, in seconds after its beginning; sorted.
    offsets: Vec<i64>,
    /// When the first period begins, in seconds since the epoch: the full hour, minute or second of the start.
    first_period: i64,
    /// The period that comes next.
    period: i64,
    found: std::vec::IntoIter<Timestamp>,
}

impl<'a> Elapsed<'a> {
    /// The instants of `rule` from the period of `start` on.
    pub(super) fn new(rule: &'a Rule, start: Timestamp, zone: &'a Zone) -> Self {
        let local = zone.local(start).0;
        let (minute, second) = (i64::from(local.minute()), i64::from(local.second()));
        let seconds: Vec<i64> =
            if rule.seconds.is_empty() { vec![second] } else { rule.seconds.iter().copied().map(i64::from).collect() };
        let offsets = match rule.frequency {
            Frequency::Secondly => vec![0],
            Frequency::Minutely => seconds,
            // A clock change may shift the minutes of a period, so each of them is looked at.
            _ => {
                let minutes = if rule.minutes.is_empty() { minute..minute + 1 } else { 0..60 };
                minutes.flat_map(|minute| seconds.iter().map(move |second| minute * 60 + second)).collect()
            }
        };
        let into_period = (minute * 60 + second) % rule.frequency.unit_secs();
        Self {
            rule,
            zone,
            filter: DayFilter::new(rule, local),
            offsets,
            first_period: start.as_second() - into_period,
            period: 0,
            found: Vec::new().into_iter(),
        }
    }

    /// Whether nothing is left out: there is one instant in each period.
    pub(super) fn is_plain(&self) -> bool {
        let rule = self.rule;
        self.filter.takes_all() && rule.hours.is_empty() && rule.minutes.is_empty() && rule.seconds.is_empty()
    }

    /// Goes on to the period that `reach` is in.
    pub(super) fn from(mut self, reach: Timestamp) -> Self {
        self.period = self.period.max(self.period_at(reach.as_second()));
        self
    }

    /// The period that comes next.
    pub(super) fn period(&self) -> i64 {
        self.period
    }

    /// Seconds from one period to the next.
    fn step(&self) -> i64 {
        self.rule.frequency.unit_secs() * i64::from(self.rule.interval)
    }

    /// The last period that does not begin after `second`.
    fn period_at(&self, second: i64) -> i64 {
        (second - self.first_period).div_euclid(self.step())
    }

    fn local(&self, second: i64) -> Option<DateTime> {
        Some(self.zone.local(Timestamp::from_second(second).ok()?).0)
    }

    fn takes(&self, local: DateTime) -> bool {
        let rule = self.rule;
        let takes = |list: &[i8], value: i8| list.is_empty() || list.contains(&value);
        takes(&rule.seconds, local.second())
            && takes(&rule.minutes, local.minute())
            && takes(&rule.hours, local.hour())
            && self.filter.takes(local.date())
    }

    /// The first second after `second` at which a period may hold something again, when nothing of `local`'s day, hour or
    /// minute is taken: at the next change of the clock at the latest.
    fn hopeless_until(&self, second: i64, local: DateTime) -> Option<i64> {
        let rule = self.rule;
        let misses = |list: &[i8], value: i8| !list.is_empty() && !list.contains(&value);
        let into_hour = i64::from(local.minute()) * 60 + i64::from(local.second());
        let left = if !self.filter.takes(local.date()) {
            24 * 3600 - i64::from(local.hour()) * 3600 - into_hour
        } else if misses(&rule.hours, local.hour()) {
            3600 - into_hour
        } else if misses(&rule.minutes, local.minute()) {
            60 - i64::from(local.second())
        } else {
            return None;
        };
        let change = self.zone.span(Timestamp::from_second(second).ok()?).end.map(Timestamp::as_second);
        Some(change.map_or(second + left, |change| change.min(second + left)))
    }

    /// What the next period holds, and how much was looked at; goes on to the period after it, or over all those that
    /// hold nothing for sure.
    fn turn(&mut self) -> Option<(Vec<Timestamp>, usize)> {
        let begin = self.step().checked_mul(self.period)?.checked_add(self.first_period)?;
        self.period += 1;
        if let Some(hope) = self.hopeless_until(begin, self.local(begin)?)
            && hope >= begin + self.rule.frequency.unit_secs()
        {
            self.period = self.period.max(self.period_at(hope));
            return Some((Vec::new(), PERIOD_WORK));
        }
        let mut found = Vec::new();
        for offset in &self.offsets {
            if self.takes(self.local(begin + offset)?) {
                found.push(Timestamp::from_second(begin + offset).ok()?);
            }
        }
        Some((found, PERIOD_WORK + self.offsets.len()))
    }

    /// What `BYSETPOS` chooses.
    fn chosen(&self, found: Vec<Timestamp>) -> Vec<Timestamp> {
        if self.rule.positions.is_empty() {
            return found;
        }
        let total = found.len();
        let chosen = |rank: usize| {
            let from_first = i16::try_from(rank + 1).ok();
            let from_last = i16::try_from(total - rank).ok().map(|distance| -distance);
            [from_first, from_last].into_iter().flatten().any(|position| self.rule.positions.contains(&position))
        };
        found.into_iter().enumerate().filter(|(rank, _)| chosen(*rank)).map(|(_, at)| at).collect()
    }
}

impl Iterator for Elapsed<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        let mut work = 0;
        while work < SEARCH_WORK {
            if let Some(at) = self.found.next() {
                return Some(at);
            }
            let (found, looked_at) = self.turn()?;
            self.found = self.chosen(found).into_iter();
            work += looked_at;
        }
        self.found.next()
    }
}
