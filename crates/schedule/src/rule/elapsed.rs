//! Hourly, minutely and secondly rules: periods of elapsed time, whatever clocks do meanwhile.

use super::days::DayFilter;
use super::{Frequency, Rule};
use crate::Zone;
use crate::pace::Pace;
use crate::work::Work;
use jiff::Timestamp;
use jiff::tz::Offset;

const DAY_SECS: i64 = 24 * 3600;
/// After all that can be told.
const BEYOND: i64 = i64::MAX / 4;

/// The instants of a rule, in order.
pub(super) struct Elapsed<'a> {
    rule: &'a Rule,
    pace: Pace<'a>,
    filter: DayFilter,
    times: ClockTimes,
    /// The day that was looked at last, in days since the epoch, and whether it is taken.
    day: Option<(i64, bool)>,
    /// Where in a period instants can be, in seconds after its beginning; sorted.
    offsets: Vec<i64>,
    /// When the first period begins, in seconds since the epoch: the full hour, minute or second of the start.
    first_period: i64,
    /// The period that comes next.
    period: i64,
    found: std::vec::IntoIter<i64>,
    /// No period that ends after it is asked for.
    limit: i64,
    /// Without `BYSETPOS` a period need not be held as a whole: where in it the search goes on.
    rank: Option<usize>,
}

/// The times of the day that a rule takes; bits.
#[derive(Clone, Copy, Debug)]
struct ClockTimes {
    hours: u64,
    minutes: u64,
    seconds: u64,
}

impl ClockTimes {
    fn new(rule: &Rule) -> Self {
        let bits = |list: &[i8], count: u32| {
            let given = list.iter().filter_map(|value| 1_u64.checked_shl(u32::try_from(*value).ok()?));
            if list.is_empty() { (1 << count) - 1 } else { given.fold(0, |bits, bit| bits | bit) }
        };
        Self { hours: bits(&rule.hours, 24), minutes: bits(&rule.minutes, 60), seconds: bits(&rule.seconds, 60) }
    }

    /// The first of them that is not before `second` of the day.
    fn from(self, second: i64) -> Option<i64> {
        let (hour, minute) = (second / 3600, second / 60 % 60);
        let same_minute = next_bit(self.seconds, second % 60)
            .filter(|_| has_bit(self.hours, hour) && has_bit(self.minutes, minute))
            .map(|second| hour * 3600 + minute * 60 + second);
        let same_hour = || {
            let minute = next_bit(self.minutes, minute + 1).filter(|_| has_bit(self.hours, hour))?;
            Some(hour * 3600 + minute * 60 + next_bit(self.seconds, 0)?)
        };
        let later = || {
            let hour = next_bit(self.hours, hour + 1)?;
            Some(hour * 3600 + next_bit(self.minutes, 0)? * 60 + next_bit(self.seconds, 0)?)
        };
        same_minute.or_else(same_hour).or_else(later)
    }
}

fn has_bit(bits: u64, place: i64) -> bool {
    next_bit(bits, place) == Some(place)
}

/// The first place from `place` on that has a bit.
fn next_bit(bits: u64, place: i64) -> Option<i64> {
    let rest = bits.checked_shr(u32::try_from(place).ok()?)?;
    (rest != 0).then(|| place + i64::from(rest.trailing_zeros()))
}

impl<'a> Elapsed<'a> {
    /// The instants of `rule` from the period of `start` on, up to `limit`.
    pub(super) fn new(rule: &'a Rule, start: Timestamp, limit: Timestamp, zone: &'a Zone) -> Self {
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
            pace: Pace::new(zone, start),
            filter: DayFilter::new(rule, local),
            times: ClockTimes::new(rule),
            day: None,
            offsets,
            first_period: start.as_second() - into_period,
            period: 0,
            found: Vec::new().into_iter(),
            limit: limit.as_second().saturating_add(rule.frequency.unit_secs()),
            rank: None,
        }
    }

    /// Whether nothing is left out: there is one instant in each period.
    pub(super) fn is_plain(&self) -> bool {
        let rule = self.rule;
        self.filter.takes_all() && rule.hours.is_empty() && rule.minutes.is_empty() && rule.seconds.is_empty()
    }

    /// Goes on to the period that `reach` is in.
    pub(super) fn from(mut self, reach: Timestamp) -> Self {
        let period = (reach.as_second() - self.first_period).div_euclid(self.step());
        self.period = self.period.max(period);
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

    fn begin(&self) -> Option<i64> {
        self.step().checked_mul(self.period)?.checked_add(self.first_period)
    }

    /// Goes on to the first period that ends after `second`.
    fn skip_to(&mut self, second: i64) {
        let last_past = (second - self.first_period - self.rule.frequency.unit_secs()).div_euclid(self.step());
        self.period = self.period.max(last_past + 1);
    }

    fn takes_day(&mut self, day: i64) -> Option<bool> {
        match self.day {
            Some((known, taken)) if known == day => Some(taken),
            _ => {
                let date = Offset::UTC.to_datetime(Timestamp::from_second(day * DAY_SECS).ok()?).date();
                let taken = self.filter.takes(date);
                self.day = Some((day, taken));
                Some(taken)
            }
        }
    }

    /// The first second from `second` on whose day and time of the day are taken: from the day down, so that what is left
    /// out is not gone through. `BEYOND` when there is none up to the limit.
    fn hope(&mut self, second: i64, work: &mut Work) -> Option<i64> {
        let mut second = second;
        while second <= self.limit {
            work.look()?;
            let (offset, end) = self.pace.at(second)?;
            let (day, into_day) = ((second + offset).div_euclid(DAY_SECS), (second + offset).rem_euclid(DAY_SECS));
            let time = if self.takes_day(day)? { self.times.from(into_day) } else { None };
            let found = day * DAY_SECS + time.unwrap_or(DAY_SECS) - offset;
            if found < end && time.is_some() {
                return Some(found);
            }
            // From a change on, the clock shows something else.
            second = found.min(end);
        }
        Some(BEYOND)
    }

    /// The next second that is taken within the period that begins with `begin`, from the offset of `rank` on, and the rank
    /// after it; without one, the second from which on there may be one.
    fn within(&mut self, begin: i64, rank: usize, work: &mut Work) -> Option<Result<(i64, usize), i64>> {
        let mut rank = rank;
        loop {
            let Some(offset) = self.offsets.get(rank) else {
                return Some(Err(begin + self.rule.frequency.unit_secs()));
            };
            let second = begin + offset;
            let hope = self.hope(second, work)?;
            if hope == second {
                return Some(Ok((second, rank + 1)));
            }
            if hope - begin >= self.rule.frequency.unit_secs() {
                return Some(Err(hope));
            }
            rank = self.offsets.partition_point(|offset| begin + offset < hope);
        }
    }

    /// What the next period that holds anything holds, if it has to be known as a whole.
    fn turn(&mut self, work: &mut Work) -> Option<Vec<i64>> {
        let begin = self.begin()?;
        let (mut found, mut rank) = (Vec::new(), 0);
        let hope = loop {
            match self.within(begin, rank, work)? {
                Ok((second, next)) => {
                    found.push(second);
                    rank = next;
                }
                Err(hope) => break hope,
            }
        };
        self.skip_to(hope);
        Some(found)
    }

    /// What `BYSETPOS` chooses.
    fn chosen(&self, found: Vec<i64>) -> Vec<i64> {
        let total = found.len();
        let chosen = |rank: usize| {
            let from_first = i16::try_from(rank + 1).ok();
            let from_last = i16::try_from(total - rank).ok().map(|distance| -distance);
            [from_first, from_last].into_iter().flatten().any(|position| self.rule.positions.contains(&position))
        };
        found.into_iter().enumerate().filter(|(rank, _)| chosen(*rank)).map(|(_, at)| at).collect()
    }

    /// The next instant; `None` also when there is no work left.
    pub(super) fn next(&mut self, work: &mut Work) -> Option<Timestamp> {
        loop {
            if let Some(at) = self.found.next() {
                return Timestamp::from_second(at).ok();
            }
            let begin = self.begin().filter(|begin| *begin <= self.limit)?;
            if self.rule.positions.is_empty() {
                let rank = self.rank.take().unwrap_or(0);
                match self.within(begin, rank, work)? {
                    Ok((second, rank)) => {
                        self.rank = Some(rank);
                        return Timestamp::from_second(second).ok();
                    }
                    Err(hope) => self.skip_to(hope),
                }
            } else {
                let found = self.turn(work)?;
                self.found = self.chosen(found).into_iter();
            }
        }
    }
}
