//! One piece of a text, read from front to back.

/// What units a number can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Micros(i64),
    Seconds,
    Minutes,
    Hours,
    Days(i64),
    Months,
    Years,
    /// A day of the week, 0 is Sunday.
    Weekday(i64),
    /// Monday to Friday.
    WorkingDays,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const ROMAN: [&str; 12] = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const ORDINALS: [&str; 12] = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth",
];

/// A piece whose shape its format has established.
pub(super) struct Token<'a> {
    rest: &'a [u8],
}

impl<'a> Token<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { rest: text.strip_suffix(b"\0").unwrap_or(text) }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.rest
    }

    fn skip_while(&mut self, skipped: impl Fn(u8) -> bool) {
        let count = self.rest.iter().take_while(|byte| skipped(**byte)).count();
        self.rest = &self.rest[count..];
    }

    fn take_while(&mut self, taken: impl Fn(u8) -> bool) -> &'a [u8] {
        let count = self.rest.iter().take_while(|byte| taken(**byte)).count();
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        taken
    }

    /// Goes past `byte`, if it is next.
    pub(super) fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.rest = &self.rest[usize::from(found)..];
        found
    }

    /// The next number, and of how many digits, wherever it begins; at most `digits` are read.
    pub(super) fn number(&mut self, digits: usize) -> Option<(i64, usize)> {
        self.skip_while(|byte| !byte.is_ascii_digit());
        let length = self.rest.iter().take(digits).take_while(|byte| byte.is_ascii_digit()).count();
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some((std::str::from_utf8(taken).ok()?.parse().ok()?, length))
    }

    /// The next number, or nothing where there is none.
    pub(super) fn small(&mut self) -> i64 {
        self.number(2).map_or(0, |(number, _)| number)
    }

    /// The next number with any count of signs before it.
    pub(super) fn signed(&mut self) -> Option<i64> {
        self.skip_while(|byte| !byte.is_ascii_digit() && !matches!(byte, b'+' | b'-'));
        let signs = self.take_while(|byte| matches!(byte, b'+' | b'-'));
        let negative = signs.iter().fold(false, |negative, sign| negative ^ (*sign == b'-'));
        let (number, _) = self.number(24)?;
        Some(if negative { -number } else { number })
    }

    /// The digits of a fraction behind its point, as millionths.
    pub(super) fn micros(&mut self) -> i64 {
        self.skip_while(|byte| !byte.is_ascii_digit());
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        (0..6).fold(0, |micros, place| {
            micros * 10 + digits.get(place).map_or(0, |digit| i64::from(digit.wrapping_sub(b'0')))
        })
    }

    /// The next year; two digits stand for 1970 to 2069.
    pub(super) fn year(&mut self) -> Option<i64> {
        let (year, digits) = self.number(4)?;
        Some(match year {
            0..70 if digits < 4 => year + 2000,
            70..100 if digits < 4 => year + 1900,
            _ => year,
        })
    }

    /// Letters, in lower case.
    fn word(&mut self) -> String {
        let word = self.take_while(|byte| byte.is_ascii_alphabetic());
        String::from_utf8_lossy(word).to_ascii_lowercase()
    }

    /// The name of a month, with whatever stands before it.
    pub(super) fn month(&mut self) -> Option<i64> {
        self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'-' | b'.' | b'/'));
        let word = self.word();
        let roman = ROMAN.iter().position(|name| *name == word);
        let found = roman.or_else(|| MONTHS.iter().position(|name| word.get(..3) == Some(name)))?;
        i64::try_from(found + 1).ok()
    }

    /// Behind the number of a day, its ending.
    pub(super) fn skip_day_ending(&mut self) {
        let ending = self.rest.get(..2).map(<[u8]>::to_ascii_lowercase);
        if matches!(ending.as_deref(), Some(b"st" | b"nd" | b"rd" | b"th")) {
            self.rest = &self.rest[2..];
        }
    }

    /// A word that counts, and whether it is `this`.
    pub(super) fn ordinal(&mut self) -> (i64, bool) {
        self.skip_spaces();
        let word = self.word();
        match word.as_str() {
            "next" => (1, false),
            "last" | "previous" => (-1, false),
            "this" => (0, true),
            "eight" => (8, false),
            _ => {
                let found = ORDINALS.iter().position(|name| *name == word);
                (found.and_then(|at| i64::try_from(at + 1).ok()).unwrap_or(0), false)
            }
        }
    }

    /// A unit, or the name of a day.
    pub(super) fn unit(&mut self) -> Option<Unit> {
        self.skip_spaces();
        let word = self.take_while(|byte| !b" ,\t;:/.-()".contains(&byte));
        let word = String::from_utf8_lossy(word).to_ascii_lowercase();
        let plural = word.strip_suffix('s').filter(|word| word.len() > 2);
        Some(match plural.unwrap_or(&word) {
            "ms" | "msec" | "millisecond" => Unit::Micros(1000),
            "µs" | "µsec" | "usec" | "microsecond" => Unit::Micros(1),
            "sec" | "second" => Unit::Seconds,
            "min" | "minute" => Unit::Minutes,
            "hour" => Unit::Hours,
            "day" => Unit::Days(1),
            "week" => Unit::Days(7),
            "fortnight" | "forthnight" => Unit::Days(14),
            "month" => Unit::Months,
            "year" => Unit::Years,
            "weekday" => Unit::WorkingDays,
            name => {
                let day = WEEKDAYS.iter().position(|day| name.get(..3) == Some(day))?;
                Unit::Weekday(i64::try_from(day).ok()?)
            }
        })
    }

    /// What half of the day adds to `hours`.
    pub(super) fn half_day(&mut self, hours: i64) -> i64 {
        self.skip_while(|byte| !matches!(byte, b'A' | b'a' | b'P' | b'p'));
        match (self.peek(), hours) {
            (Some(b'A' | b'a'), 12) => -12,
            (Some(b'P' | b'p'), hours) if hours != 12 => 12,
            _ => 0,
        }
    }

    /// Spaces, those that do not break included.
    pub(super) fn skip_spaces(&mut self) {
        loop {
            let kinds: [&[u8]; 4] = [b" ", b"\t", b"\xC2\xA0", b"\xE2\x80\xAF"];
            let Some(rest) = kinds.iter().find_map(|space| self.rest.strip_prefix(*space)) else { break };
            self.rest = rest;
        }
    }

    /// Digits and colons: the size of an offset.
    pub(super) fn offset_digits(&mut self) -> &'a [u8] {
        self.take_while(|byte| byte.is_ascii_digit() || byte == b':')
    }

    /// The name of a zone, without parentheses.
    pub(super) fn zone_name(&mut self) -> &'a [u8] {
        self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'('));
        self.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+'))
    }
}
