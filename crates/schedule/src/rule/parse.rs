//! From the text of a recurrence rule to its parts, with the name and the place of what is wrong or not honoured.

use super::{CostlyParts, DayParts, End, Frequency, MAX_COUNT, Rule, WeekdayPart};
use crate::Error;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::Offset;
use std::str::FromStr;

const FREQUENCIES: [(&str, Frequency); 7] = [
    ("SECONDLY", Frequency::Secondly),
    ("MINUTELY", Frequency::Minutely),
    ("HOURLY", Frequency::Hourly),
    ("DAILY", Frequency::Daily),
    ("WEEKLY", Frequency::Weekly),
    ("MONTHLY", Frequency::Monthly),
    ("YEARLY", Frequency::Yearly),
];
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];
/// The longest text that is read.
const MAX_CHARS: usize = 10_000;
const PREFIX: &str = "RRULE:";

/// `NAME=VALUE`, and the position of its first character.
struct Part {
    name: String,
    value: String,
    position: usize,
}

impl Part {
    fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::RulePart { part: self.name.clone(), position: self.position, reason: reason.into() }
    }

    fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Error> {
        let found = words.iter().find(|(word, _)| *word == self.value);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(format!("`{}` is none of {}", self.value, words.join(", ")))
        })
    }

    /// One number from 1 to `high`.
    fn number(&self, high: u64) -> Result<u64, Error> {
        let number = self.value.parse().ok().filter(|_| self.value.bytes().all(|byte| byte.is_ascii_digit()));
        let number = number.filter(|number| (1..=high).contains(number));
        number.ok_or_else(|| self.wrong(format!("`{}` is no whole number from 1 to {high}", self.value)))
    }

    /// A list of numbers, sorted.
    fn list<T: FromStr + Ord>(&self, expected: &str, good: impl Fn(&T) -> bool) -> Result<Vec<T>, Error> {
        let mut list = Vec::new();
        for text in self.value.split(',') {
            let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|number| plain && good(number));
            list.push(number.ok_or_else(|| self.wrong(format!("`{text}` is no whole number {expected}")))?);
        }
        list.sort_unstable();
        list.dedup();
        Ok(list)
    }

    /// Numbers from the first, or from the last where they are negative.
    fn signed(&self, high: i16) -> Result<Vec<i16>, Error> {
        let expected = format!("from 1 to {high} or from -{high} to -1");
        self.list(&expected, |number: &i16| *number != 0 && (-high..=high).contains(number))
    }

    /// Numbers of a clock.
    fn clock(&self, high: i8) -> Result<Vec<i8>, Error> {
        self.list(&format!("from 0 to {high}"), |number| (0..=high).contains(number))
    }

    fn weekdays(&self) -> Result<Vec<WeekdayPart>, Error> {
        self.value.split(',').map(|text| self.weekday(text)).collect()
    }

    fn weekday(&self, text: &str) -> Result<WeekdayPart, Error> {
        let wrong = || self.wrong(format!("`{text}` is no day such as `MO`, `2MO` or `-1MO`, up to 53"));
        let (ordinal, day) = text.split_at_checked(text.len().saturating_sub(2)).ok_or_else(wrong)?;
        let weekday = WEEKDAYS.iter().find(|(word, _)| *word == day).map(|(_, weekday)| *weekday).ok_or_else(wrong)?;
        if ordinal.is_empty() {
            return Ok(WeekdayPart { ordinal: None, weekday });
        }
        let number = ordinal.parse::<i16>().ok().filter(|number| *number != 0 && (-53..=53).contains(number));
        Ok(WeekdayPart { ordinal: Some(number.ok_or_else(wrong)?), weekday })
    }

    fn until(&self) -> Result<End, Error> {
        let wrong = || self.wrong(format!("`{}` is no time such as `20271231T235959Z`", self.value));
        let (local, utc) = self.value.strip_suffix('Z').map_or((self.value.as_str(), false), |local| (local, true));
        let shape: String = local.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
        match (shape.as_str(), utc) {
            ("00000000T000000", true) => {
                let local = DateTime::strptime("%Y%m%dT%H%M%S", local).map_err(|_| wrong())?;
                Ok(End::At(Offset::UTC.to_timestamp(local).map_err(|_| wrong())?))
            }
            ("00000000T000000", false) => {
                Ok(End::AtLocal(DateTime::strptime("%Y%m%dT%H%M%S", local).map_err(|_| wrong())?))
            }
            // As the family reads it: midnight, with which the day begins.
            ("00000000", false) => {
                Ok(End::AtLocal(Date::strptime("%Y%m%d", local).map_err(|_| wrong())?.at(0, 0, 0, 0)))
            }
            _ => Err(wrong()),
        }
    }
}

/// Reads a recurrence rule.
pub(super) fn parse(text: &str) -> Result<Rule, Error> {
    let parts = parts(text)?;
    let mut rule = Rule {
        text: text.trim().to_owned(),
        costly: costly(&parts),
        frequency: Frequency::Daily,
        interval: 1,
        end: End::Never,
        seconds: Vec::new(),
        minutes: Vec::new(),
        hours: Vec::new(),
        days: DayParts::default(),
        positions: Vec::new(),
        week_start: Weekday::Monday,
    };
    for part in &parts {
        read(part, &mut rule)?;
    }
    if !parts.iter().any(|part| part.name == "FREQ") {
        return Err(Error::RulePart { part: "FREQ".into(), position: 1, reason: "is missing".into() });
    }
    for part in &parts {
        if parts.iter().any(|other| part.name == other.name && other.position < part.position) {
            return Err(part.wrong("is given twice"));
        }
        assert_allowed(part, &parts, rule.frequency)?;
        if part.name == "BYSETPOS" {
            assert_reachable(&rule, part)?;
        }
    }
    Ok(rule)
}

fn costly(parts: &[Part]) -> CostlyParts {
    let position = |name: &str| parts.iter().find(|part| part.name == name).map(|part| part.position);
    let interval = position("INTERVAL").map(|position| ("INTERVAL", position));
    CostlyParts {
        count: position("COUNT"),
        step: interval.unwrap_or_else(|| ("FREQ", position("FREQ").unwrap_or_default())),
    }
}

fn parts(text: &str) -> Result<Vec<Part>, Error> {
    if text.chars().count() > MAX_CHARS {
        let reason = format!("has more than {MAX_CHARS} characters");
        return Err(Error::RulePart { part: "RRULE".into(), position: 1, reason });
    }
    let rule = text.trim();
    let mut position = 1 + text.chars().take_while(|letter| letter.is_whitespace()).count();
    let bare = rule
        .get(PREFIX.len()..)
        .filter(|_| rule.get(..PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX)));
    if bare.is_some() {
        position += PREFIX.len();
    }
    let mut parts = Vec::new();
    for text in bare.unwrap_or(rule).split(';') {
        assert_named(text, position, rule)?;
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let part = Part { name: name.to_ascii_uppercase(), value: value.to_ascii_uppercase(), position };
        if !text.contains('=') || value.is_empty() {
            return Err(part.wrong("a part is a name, `=` and a value"));
        }
        position += text.chars().count() + 1;
        parts.push(part);
    }
    Ok(parts)
}

/// What a part is, where it cannot be told by its name.
fn assert_named(text: &str, position: usize, rule: &str) -> Result<(), Error> {
    let wrong = |part: &str, reason: &str| {
        let (part, reason) = (part.to_owned(), reason.to_owned());
        Err(Error::RulePart { part, position, reason })
    };
    let name = text.split('=').next().unwrap_or_default().trim();
    if name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("DTSTART")) {
        wrong("DTSTART", "is not honoured inside a rule: it is the start, given beside it as `start`")
    } else if rule.is_empty() {
        wrong("RRULE", "is empty: a rule is one such as `FREQ=DAILY`")
    } else if text.contains(['\n', '\r']) {
        wrong("RRULE", "has several lines: a rule is one line, and other properties than RRULE are not honoured")
    } else if text.is_empty() {
        wrong("RRULE", "a part is missing here: `;` stands between two parts, neither first nor last nor twice")
    } else if name.is_empty() {
        wrong("RRULE", "a name is missing before `=`")
    } else {
        Ok(())
    }
}

/// Refuses positions of which no period can have as many.
fn assert_reachable(rule: &Rule, part: &Part) -> Result<(), Error> {
    use Frequency as F;
    let count = |list: &[i8]| list.len().max(1);
    let (hours, minutes, seconds) = (count(&rule.hours), count(&rule.minutes), count(&rule.seconds));
    let most = match rule.frequency {
        F::Yearly => 366 * hours * minutes * seconds,
        F::Monthly => 31 * hours * minutes * seconds,
        F::Weekly => 7 * hours * minutes * seconds,
        F::Daily => hours * minutes * seconds,
        // A clock that is put back may show a minute twice.
        F::Hourly => 2 * minutes * seconds,
        F::Minutely => seconds,
        F::Secondly => 1,
    };
    if rule.positions.iter().all(|position| usize::from(position.unsigned_abs()) > most) {
        return Err(part.wrong(format!("is never met: no period holds more than {most}")));
    }
    Ok(())
}

fn read(part: &Part, rule: &mut Rule) -> Result<(), Error> {
    match part.name.as_str() {
        "FREQ" => rule.frequency = part.word(&FREQUENCIES)?,
        "INTERVAL" => rule.interval = u32::try_from(part.number(u32::MAX.into())?).unwrap_or(u32::MAX),
        "COUNT" => rule.end = End::Count(part.number(MAX_COUNT)?),
        "UNTIL" => rule.end = part.until()?,
        "BYSECOND" if part.value.split(',').any(|second| second == "60") => {
            return Err(part.wrong("leap seconds are not honoured: 59 is the last"));
        }
        "BYSECOND" => rule.seconds = part.clock(59)?,
        "BYMINUTE" => rule.minutes = part.clock(59)?,
        "BYHOUR" => rule.hours = part.clock(23)?,
        "BYDAY" => rule.days.weekdays = part.weekdays()?,
        "BYMONTHDAY" => rule.days.month_days = part.signed(31)?,
        "BYYEARDAY" => rule.days.year_days = part.signed(366)?,
        "BYWEEKNO" => rule.days.week_numbers = part.signed(53)?,
        "BYMONTH" => rule.days.months = part.list("from 1 to 12", |month| (1..=12).contains(month))?,
        "BYSETPOS" => rule.positions = part.signed(366)?,
        "WKST" => rule.week_start = part.word(&WEEKDAYS)?,
        _ => return Err(part.wrong("is not honoured")),
    }
    Ok(())
}

/// What RFC 5545 forbids in company.
fn assert_allowed(part: &Part, parts: &[Part], frequency: Frequency) -> Result<(), Error> {
    use Frequency as F;
    let given = |name: &str| parts.iter().any(|part| part.name == name);
    let reason = match part.name.as_str() {
        "COUNT" if given("UNTIL") => "does not go together with UNTIL",
        "BYWEEKNO" if frequency != F::Yearly => "goes together with FREQ=YEARLY only",
        "BYYEARDAY" if matches!(frequency, F::Daily | F::Weekly | F::Monthly) => {
            "does not go together with FREQ=DAILY, WEEKLY or MONTHLY"
        }
        "BYMONTHDAY" if frequency == F::Weekly => "does not go together with FREQ=WEEKLY",
        "BYDAY" if part.value.contains(|letter: char| letter.is_ascii_digit()) => {
            if !matches!(frequency, F::Monthly | F::Yearly) {
                "has numbers only with FREQ=MONTHLY or YEARLY"
            } else if given("BYWEEKNO") {
                "has no numbers together with BYWEEKNO"
            } else {
                return Ok(());
            }
        }
        "BYSETPOS" if !parts.iter().any(|part| part.name.starts_with("BY") && part.name != "BYSETPOS") => {
            "needs another part that begins with BY"
        }
        _ => return Ok(()),
    };
    Err(part.wrong(reason))
}
