//! From the text of a cron expression to its fields, with the field and the character of what is wrong.

use super::{Cron, has};
use crate::{CronField, Error};

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// Most days that each month can have.
const MONTH_DAYS: [i8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const NICKNAMES: [(&str, &str); 5] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
];
/// The longest text that is read: room for every value of every field, one by one.
const MAX_CHARS: usize = 1000;

/// What a field may hold.
struct Kind {
    field: CronField,
    low: u32,
    high: u32,
    names: &'static [&'static str],
    /// The number of the first name.
    first_name: u32,
}

const KINDS: [Kind; 5] = [
    Kind { field: CronField::Minute, low: 0, high: 59, names: &[], first_name: 0 },
    Kind { field: CronField::Hour, low: 0, high: 23, names: &[], first_name: 0 },
    Kind { field: CronField::DayOfMonth, low: 1, high: 31, names: &[], first_name: 0 },
    Kind { field: CronField::Month, low: 1, high: 12, names: &MONTHS, first_name: 1 },
    Kind { field: CronField::DayOfWeek, low: 0, high: 7, names: &WEEKDAYS, first_name: 0 },
];

/// A piece of the expression and the position of its first character.
#[derive(Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Piece<'a> {
    /// Its pieces between separators.
    fn split(self, separator: char) -> impl Iterator<Item = Piece<'a>> {
        let mut position = self.position;
        self.text.split(separator).map(move |text| {
            let piece = Piece { text, position };
            position += text.chars().count() + 1;
            piece
        })
    }

    /// What stands before and after the first separator.
    fn divide(self, separator: char) -> (Self, Option<Self>) {
        match self.text.split_once(separator) {
            Some((before, after)) => {
                let position = self.position + before.chars().count() + 1;
                (Piece { text: before, ..self }, Some(Piece { text: after, position }))
            }
            None => (self, None),
        }
    }
}

/// Reads a cron expression.
pub(super) fn parse(text: &str) -> Result<Cron, Error> {
    if text.chars().count() > MAX_CHARS {
        return Err(Error::Cron { reason: format!("has more than {MAX_CHARS} characters") });
    }
    let expression = nickname(text)?.unwrap_or(text);
    let pieces: Vec<Piece<'_>> = pieces(expression);
    let [minute, hour, day_of_month, month, day_of_week] = pieces.as_slice() else {
        let reason =
            format!("has {} fields and must have five: minute, hour, day of month, month, day of week", pieces.len());
        return Err(Error::Cron { reason });
    };
    let [of_minutes, of_hours, of_month_days, of_months, of_weekdays] = &KINDS;
    let starred = |piece: &Piece<'_>| piece.text.starts_with('*');
    let cron = Cron {
        text: text.to_owned(),
        minutes: of_minutes.read(*minute)?,
        hours: of_hours.read(*hour)?,
        days_of_month: of_month_days.read(*day_of_month)?,
        months: of_months.read(*month)?,
        days_of_week: sundays_together(of_weekdays.read(*day_of_week)?),
        either_day: !starred(day_of_month) && !starred(day_of_week),
        fixed: !minute.text.contains('*') && !hour.text.contains('*'),
    };
    if !cron.either_day && !has_a_day(&cron) {
        let reason = format!("no month of `{}` has a day of `{}`: this is never due", month.text, day_of_month.text);
        return Err(Error::CronField { field: CronField::DayOfMonth, position: day_of_month.position, reason });
    }
    Ok(cron)
}

/// What a word that begins with `@` stands for.
fn nickname(text: &str) -> Result<Option<&'static str>, Error> {
    let word = text.trim();
    if !word.starts_with('@') {
        return Ok(None);
    }
    let found = NICKNAMES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
    if let Some((_, expression)) = found {
        return Ok(Some(expression));
    }
    let known = NICKNAMES.map(|(name, _)| name).join(", ");
    Err(Error::Cron { reason: format!("`{word}` is none of {known}") })
}

/// The pieces between white space.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut position = 1;
    for word in text.split(char::is_whitespace) {
        if !word.is_empty() {
            pieces.push(Piece { text: word, position });
        }
        position += word.chars().count() + 1;
    }
    pieces
}

impl Kind {
    fn wrong(&self, piece: Piece<'_>, reason: impl Into<String>) -> Error {
        Error::CronField { field: self.field, position: piece.position, reason: reason.into() }
    }

    /// A field, as bits.
    fn read(&self, field: Piece<'_>) -> Result<u64, Error> {
        field.split(',').try_fold(0, |bits, item| Ok(bits | self.read_item(item)?))
    }

    /// One item of a list.
    fn read_item(&self, item: Piece<'_>) -> Result<u64, Error> {
        let (range, step) = item.divide('/');
        let (low, high) = match range.divide('-') {
            (Piece { text: "*", .. }, None) => (self.low, self.high),
            (one, None) => {
                let value = self.value(one)?;
                if step.is_some() {
                    let reason = format!("a step needs a range: write `{value}-{}{}`", self.high, after(item, range));
                    return Err(self.wrong(item, reason));
                }
                (value, value)
            }
            (low, Some(high)) => (self.value(low)?, self.value(high)?),
        };
        if low > high {
            return Err(self.wrong(range, format!("`{}` ends before it begins", range.text)));
        }
        let step = step.map_or(Ok(1), |step| self.step(step))?;
        let values = (low..=high).step_by(step);
        Ok(values.fold(0, |bits, value| bits | 1_u64 << value))
    }

    fn step(&self, step: Piece<'_>) -> Result<usize, Error> {
        match step.text.parse::<usize>() {
            Ok(number) if number > 0 && is_number(step.text) => Ok(number),
            _ => Err(self.wrong(step, format!("`{}` is no step: a whole number, 1 or more", step.text))),
        }
    }

    /// A number or a name.
    fn value(&self, piece: Piece<'_>) -> Result<u32, Error> {
        let (low, high) = (self.low, self.high);
        let text = piece.text;
        if is_number(text) {
            let number = text.parse().ok().filter(|number| (low..=high).contains(number));
            return number.ok_or_else(|| self.wrong(piece, format!("`{text}` is not between {low} and {high}")));
        }
        let found = (self.first_name..).zip(self.names).find(|(_, name)| text.eq_ignore_ascii_case(name));
        match found {
            Some((number, _)) => Ok(number),
            None if text.is_empty() => Err(self.wrong(piece, "a value is missing")),
            None => {
                let or_name = match (self.names.first(), self.names.last()) {
                    (Some(first), Some(last)) => format!(", or a name from `{first}` to `{last}`"),
                    _ => String::new(),
                };
                Err(self.wrong(
                    piece,
                    format!(
                        "`{text}` is not understood: a number from {low} to {high}{or_name}, `*`, `,`, `-` and `/`"
                    ),
                ))
            }
        }
    }
}

/// What follows `range` in `item`.
fn after<'a>(item: Piece<'a>, range: Piece<'_>) -> &'a str {
    item.text.get(range.text.len()..).unwrap_or_default()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// 7 is Sunday as well.
fn sundays_together(bits: u64) -> u64 {
    (bits | bits >> 7) & 0x7f
}

fn has_a_day(cron: &Cron) -> bool {
    (1..)
        .zip(MONTH_DAYS)
        .any(|(month, days)| has(cron.months, month) && (1..=days).any(|day| has(cron.days_of_month, day)))
}
