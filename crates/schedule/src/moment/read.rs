//! From a text to what it says, piece by piece, each of which may change what those before it said.

use super::grammar::{Format, Grammar};
use super::token::{Token, Unit};
use super::zone::offset;
use super::{Clock, Counted, EndOfMonth, MAX_CHARS, Offset, Parts, Weekday, WeekdayFrom};
use crate::Error;

/// Why a piece is refused.
pub(super) type Refused = &'static str;

pub(super) const NOT_UNDERSTOOD: Refused =
    "is no date, time, unit or time zone, such as `-7 days` or `first day of last month midnight`";
const SECOND_DATE: Refused = "is a second date";
const SECOND_TIME: Refused = "is a second time of day";
const SECOND_ZONE: Refused = "is a second time zone";
pub(super) const NO_WORD: Refused = "is no word of dates and times, nor a time zone that is the same everywhere";
const TOO_LARGE: Refused = "is too large a number";

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Parts, Error> {
    let refused =
        |word: &str, position: usize, reason: Refused| Error::Moment { word: word.to_owned(), position, reason };
    let trimmed = text.trim_ascii();
    if trimmed.is_empty() {
        return Err(refused(text, 1, "is empty"));
    }
    if text.chars().count() > MAX_CHARS {
        return Err(refused("the text", 1, "is longer than 250 characters"));
    }
    let Some((grammar, mut cache)) = Grammar::compiled() else {
        return Err(refused(text, 1, NOT_UNDERSTOOD));
    };
    // Some formats ask for an end, or for what stands for it.
    let bytes = [trimmed.as_bytes(), b"\0"].concat();
    let mut reader = Reader::default();
    let mut at = 0;
    while at < trimmed.len() {
        let found = grammar.next(&mut cache, &bytes, at);
        let letters = bytes[..at].iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let taken = match found {
            // `7 dayz` would be seven days by the clock of UTC.
            Some((Format::Zone, _)) if letters > 0 && bytes[at].is_ascii_alphabetic() => {
                at -= letters;
                Err(NO_WORD)
            }
            Some((format, end)) => reader.take(format, &bytes[at..end]).map(|()| end),
            None => Err(NOT_UNDERSTOOD),
        };
        at = taken.map_err(|reason| {
            let start =
                trimmed.char_indices().map(|(start, _)| start).take_while(|start| *start <= at).last().unwrap_or(0);
            let rest = &trimmed[start..];
            let length = rest.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(rest.len());
            // What was understood by itself and is one too many is named whole.
            let whole = found.map_or(0, |(_, end)| end.min(trimmed.len()).saturating_sub(start));
            let word = rest.get(..length.max(whole)).unwrap_or(rest).trim();
            let lead = text.len() - text.trim_ascii_start().len();
            refused(word, text[..lead + start].chars().count() + 1, reason)
        })?;
    }
    reader.parts.timed = reader.times > 0;
    Ok(reader.parts)
}

#[derive(Default)]
struct Reader {
    parts: Parts,
    /// Times of day so far; a word for midnight takes them back.
    times: u8,
    /// The zone came with a count of seconds since 1970, which is in UTC, as may be said again.
    counted: bool,
    /// `next week` and the like was read.
    by_week: bool,
}

impl Reader {
    fn take(&mut self, format: Format, text: &[u8]) -> Result<(), Refused> {
        let mut token = Token::new(text);
        match format {
            Format::Now | Format::Gap => {}
            Format::Midnight => self.unsay_time(),
            Format::Yesterday => {
                self.unsay_time();
                self.parts.steps.days = -1;
            }
            Format::Tomorrow => {
                self.unsay_time();
                self.parts.steps.days = 1;
            }
            Format::Noon => {
                self.unsay_time();
                self.time(Clock { hours: 12, ..Clock::default() })?;
            }
            Format::Timestamp => self.timestamp(&mut token)?,
            Format::EndOfMonth => {
                let last = matches!(token.peek(), Some(b'l' | b'L'));
                self.parts.end_of_month = Some(if last { EndOfMonth::Last } else { EndOfMonth::First });
            }
            Format::BackOf | Format::FrontOf => {
                let hour = token.small();
                let (mut hours, minutes) = if format == Format::BackOf { (hour, 15) } else { (hour - 1, 45) };
                token.skip_spaces();
                if token.peek().is_some() {
                    hours += token.half_day(hours);
                }
                self.unsay_time();
                self.time(Clock { hours, minutes, ..Clock::default() })?;
            }
            Format::WeekdayOf => {
                let (count, this) = token.ordinal();
                self.parts.counted = Some(if count > 0 { Counted::FromFirst } else { Counted::FromNext });
                let from = if count > 0 || this { WeekdayFrom::Today } else { WeekdayFrom::Tomorrow };
                self.step(&mut token, count, from, true)?;
            }
            Format::Time12 | Format::Time12Fraction => {
                let mut clock = clock(&mut token, format == Format::Time12Fraction);
                clock.hours += token.half_day(clock.hours);
                self.time(clock)?;
            }
            Format::Time24 => self.time(clock(&mut token, true))?,
            Format::SixDigits => {
                let (hours, minutes, seconds) = (token.small(), token.small(), token.small());
                self.time(Clock { hours, minutes, seconds, micros: 0 })?;
            }
            Format::FourDigits => match self.times {
                0 => {
                    let (hours, minutes) = (token.small(), token.small());
                    self.time(Clock { hours, minutes, ..Clock::default() })?;
                }
                1 => {
                    self.parts.year = token.number(4).map(|(year, _)| year);
                    self.times = 2;
                }
                _ => return Err(SECOND_TIME),
            },
            Format::Year => self.parts.year = token.number(4).map(|(year, _)| year),
            Format::Ago => self.turn_around(),
            Format::Weekday => {
                self.unsay_time();
                let day = match token.unit() {
                    Some(Unit::Weekday(day)) => day,
                    // What PHP makes of `weekday` by itself.
                    _ => 1,
                };
                let from = if self.by_week { WeekdayFrom::Week } else { WeekdayFrom::Today };
                self.parts.weekday = Some(Weekday { day, from });
            }
            Format::WordWeek => {
                let (count, _) = token.ordinal();
                self.parts.steps.days += count * 7;
                self.by_week = true;
                let day = self.parts.weekday.map_or(1, |weekday| weekday.day);
                self.parts.weekday = Some(Weekday { day, from: WeekdayFrom::Week });
            }
            Format::Word => {
                let (count, this) = token.ordinal();
                let from = if this { WeekdayFrom::Today } else { WeekdayFrom::Tomorrow };
                self.step(&mut token, count, from, true)?;
            }
            Format::Number => {
                let count = token.signed().ok_or(TOO_LARGE)?;
                self.step(&mut token, count, WeekdayFrom::Today, false)?;
            }
            Format::Zone => self.zone(&mut token)?,
            _ => self.date_and_time(format, &mut token)?,
        }
        Ok(())
    }

    /// The formats with a date in them.
    fn date_and_time(&mut self, format: Format, token: &mut Token<'_>) -> Result<(), Refused> {
        match format {
            Format::MonthDaySlash => {
                self.month_day((Some(token.small()), token.small()))?;
                if token.peek() == Some(b'/') {
                    self.parts.year = token.year();
                }
            }
            Format::YearMonthDay => {
                let year = match token.peek() {
                    Some(b'+' | b'-') => token.signed(),
                    _ => token.year(),
                };
                self.date(year, Some(token.small()), Some(token.small()))?;
            }
            Format::YearMonth => self.date(token.year(), Some(token.small()), Some(1))?,
            Format::DayMonthYear => {
                let day = token.small();
                token.skip_day_ending();
                let numeric = token.bytes().get(1).is_some_and(u8::is_ascii_digit);
                let month = if numeric { Some(token.small()) } else { token.month() };
                self.date(token.year(), month, Some(day))?;
            }
            Format::MonthYear => {
                let month = token.month();
                self.date(token.year(), month, Some(1))?;
            }
            Format::YearMonthName => {
                let year = token.year();
                let month = token.month();
                let day = token.number(2).map_or(1, |(day, _)| day);
                self.date(year, month, Some(day))?;
            }
            Format::MonthDay => {
                self.month_day((token.month(), token.small()))?;
                self.parts.year = token.year();
            }
            Format::DayMonth => {
                let day = token.small();
                token.skip_day_ending();
                self.month_day((token.month(), day))?;
            }
            Format::Month => {
                let month = token.month();
                self.dated()?;
                self.parts.month = month;
            }
            Format::DateTime => {
                let number = |digits: usize, token: &mut Token<'_>| token.number(digits).map(|(number, _)| number);
                let (year, month, day) = (number(4, token), number(2, token), number(2, token));
                let (hours, minutes, seconds) = (token.small(), token.small(), token.small());
                let micros = if token.peek() == Some(b'.') { token.micros() } else { 0 };
                self.time(Clock { hours, minutes, seconds, micros })?;
                self.date(year, month, day)?;
                if token.peek().is_some() {
                    self.parts.zone = Some(offset(token)?);
                }
            }
            Format::YearAndDay => {
                let year = token.number(4).map(|(year, _)| year);
                let day = token.number(3).map(|(day, _)| day);
                self.date(year, Some(1), day)?;
            }
            Format::Week => {
                let (year, _) = token.number(4).ok_or(NOT_UNDERSTOOD)?;
                let week = token.small();
                let day = token.number(1).map_or(1, |(day, _)| day);
                self.date(Some(year), Some(1), Some(1))?;
                self.parts.steps.days = super::resolve::days_to_week(year, week, day);
            }
            Format::CommonLog => {
                let day = token.small();
                let month = token.month();
                let year = token.number(4).map(|(year, _)| year);
                let (hours, minutes, seconds) = (token.small(), token.small(), token.small());
                self.time(Clock { hours, minutes, seconds, micros: 0 })?;
                self.date(year, month, Some(day))?;
                self.parts.zone = Some(offset(token)?);
            }
            Format::MonthDayTime12 | Format::MonthDayTime24 => {
                self.month_day((token.month(), token.small()))?;
                let mut clock = clock(token, true);
                if format == Format::MonthDayTime12 {
                    clock.hours += token.half_day(clock.hours);
                }
                self.time(clock)?;
                if format == Format::MonthDayTime24 && token.peek().is_some() {
                    self.parts.zone = Some(offset(token)?);
                }
            }
            _ => return Err(NOT_UNDERSTOOD),
        }
        Ok(())
    }

    fn unsay_time(&mut self) {
        self.times = 0;
        self.parts.time = Some(Clock::default());
    }

    fn time(&mut self, clock: Clock) -> Result<(), Refused> {
        if self.times > 0 {
            return Err(SECOND_TIME);
        }
        self.times = 1;
        self.parts.time = Some(clock);
        Ok(())
    }

    fn dated(&mut self) -> Result<(), Refused> {
        if self.parts.dated {
            return Err(SECOND_DATE);
        }
        self.parts.dated = true;
        Ok(())
    }

    fn date(&mut self, year: Option<i64>, month: Option<i64>, day: Option<i64>) -> Result<(), Refused> {
        self.dated()?;
        self.parts.year = Some(year.ok_or(TOO_LARGE)?);
        self.parts.month = month;
        self.parts.day = day;
        Ok(())
    }

    fn month_day(&mut self, (month, day): (Option<i64>, i64)) -> Result<(), Refused> {
        self.dated()?;
        self.parts.month = month;
        self.parts.day = Some(day);
        Ok(())
    }

    fn timestamp(&mut self, token: &mut Token<'_>) -> Result<(), Refused> {
        if self.parts.zone.is_some() {
            return Err(SECOND_ZONE);
        }
        let negative = token.bytes().get(1) == Some(&b'-');
        let seconds = token.signed().ok_or(TOO_LARGE)?;
        let micros = if token.skip(b'.') { token.micros() } else { 0 };
        self.unsay_time();
        self.parts.dated = false;
        (self.parts.year, self.parts.month, self.parts.day) = (Some(1970), Some(1), Some(1));
        let steps = &mut self.parts.steps;
        steps.seconds = steps.seconds.checked_add(seconds).ok_or(TOO_LARGE)?;
        steps.micros = if negative { -micros } else { micros };
        self.parts.zone = Some(Offset::Seconds(0));
        self.counted = true;
        Ok(())
    }

    /// Adds `count` of the unit that follows.
    fn step(&mut self, token: &mut Token<'_>, count: i64, from: WeekdayFrom, resets: bool) -> Result<(), Refused> {
        let unit = token.unit().ok_or(NOT_UNDERSTOOD)?;
        let steps = &mut self.parts.steps;
        let (sum, by) = match unit {
            Unit::Micros(by) => (&mut steps.micros, by),
            Unit::Seconds => (&mut steps.seconds, 1),
            Unit::Minutes => (&mut steps.minutes, 1),
            Unit::Hours => (&mut steps.hours, 1),
            Unit::Days(by) => (&mut steps.days, by),
            Unit::Months => (&mut steps.months, 1),
            Unit::Years => (&mut steps.years, 1),
            Unit::Weekday(day) => {
                steps.days += (if count > 0 { count - 1 } else { count }) * 7;
                self.by_week = false;
                self.parts.weekday = Some(Weekday { day, from });
                if resets {
                    self.unsay_time();
                }
                return Ok(());
            }
            Unit::WorkingDays => {
                self.parts.counted = Some(Counted::WorkingDays(count));
                if resets {
                    self.unsay_time();
                }
                return Ok(());
            }
        };
        *sum = count.checked_mul(by).and_then(|added| sum.checked_add(added)).ok_or(TOO_LARGE)?;
        Ok(())
    }

    /// `ago`: everything added so far is taken away instead.
    fn turn_around(&mut self) {
        let steps = &mut self.parts.steps;
        for step in [
            &mut steps.years,
            &mut steps.months,
            &mut steps.days,
            &mut steps.hours,
            &mut steps.minutes,
            &mut steps.seconds,
        ] {
            *step = -*step;
        }
        if let Some(weekday) = &mut self.parts.weekday {
            weekday.day = if weekday.day == 0 { -7 } else { -weekday.day };
        }
        if let Some(Counted::WorkingDays(days)) = &mut self.parts.counted {
            *days = -*days;
        }
    }

    fn zone(&mut self, token: &mut Token<'_>) -> Result<(), Refused> {
        let zone = offset(token)?;
        if self.counted && zone == Offset::Seconds(0) {
            return Ok(());
        }
        if self.parts.zone.is_some() {
            return Err(SECOND_ZONE);
        }
        self.parts.zone = Some(zone);
        Ok(())
    }
}

/// Hours, minutes, seconds and a fraction, as far as they are there.
fn clock(token: &mut Token<'_>, with_fraction: bool) -> Clock {
    let follows = |token: &Token<'_>| matches!(token.peek(), Some(b':' | b'.'));
    let mut clock = Clock { hours: token.small(), ..Clock::default() };
    if follows(token) {
        clock.minutes = token.small();
        if follows(token) {
            clock.seconds = token.small();
            if with_fraction && follows(token) {
                clock.micros = token.micros();
            }
        }
    }
    clock
}
