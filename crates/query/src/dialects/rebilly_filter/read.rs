//! From the text of a filter to the tree, clause by clause, with the place of what is wrong.

use super::{FilterError, MAX_VALUES, Names};
use crate::decimal;
use crate::evaluate::lower;
use crate::filter::{Filter, Operand, Test};
use crate::instant::Instant;
use std::cmp::Ordering;
use waybill_record::{Path, PropertyType};

/// One character of a filter.
#[derive(Clone, Copy)]
struct Glyph {
    is: char,
    /// A backslash before it has taken its meaning off.
    plain: bool,
    /// Where it stands, counted from 1.
    position: usize,
}

impl Glyph {
    fn means(self, sign: char) -> bool {
        self.is == sign && !self.plain
    }
}

/// Reads one filter.
pub(super) struct Reader<'a> {
    text: &'a str,
    names: Names<'a>,
    values: usize,
}

/// A clause under way.
struct Clause<'a> {
    glyphs: &'a [Glyph],
    path: Path,
    of: PropertyType,
}

/// What one value asks.
enum Wanted {
    Operands(Vec<Operand>),
    Between(Option<Operand>, Option<Operand>),
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, names: Names<'a>) -> Self {
        Self { text, names, values: 0 }
    }

    pub(super) fn filter(mut self) -> Result<Filter, FilterError> {
        if self.text.trim().is_empty() {
            return Ok(Filter::everything());
        }
        let glyphs = self.glyphs()?;
        let mut parts = Vec::new();
        for clause in glyphs.split(|glyph| glyph.means(';')) {
            parts.push(self.clause(clause)?);
        }
        Ok(Filter::All(parts))
    }

    fn glyphs(&self) -> Result<Vec<Glyph>, FilterError> {
        let mut glyphs = Vec::new();
        let mut chars = (1..).zip(self.text.chars());
        while let Some((position, is)) = chars.next() {
            if is != '\\' {
                glyphs.push(Glyph { is, plain: false, position });
                continue;
            }
            let Some((_, is)) = chars.next() else {
                let reason = "a backslash at the end takes the meaning off nothing".to_owned();
                return Err(FilterError { clause: self.text.to_owned(), position, reason });
            };
            glyphs.push(Glyph { is, plain: true, position });
        }
        Ok(glyphs)
    }

    /// A fault at the first of `at`, or behind everything.
    fn wrong(&self, clause: &[Glyph], at: &[Glyph], reason: impl Into<String>) -> FilterError {
        let end = self.text.chars().count() + 1;
        let position = at.first().map_or(end, |glyph| glyph.position);
        let written = |glyph: &Glyph| if glyph.plain { format!("\\{}", glyph.is) } else { glyph.is.to_string() };
        FilterError { clause: clause.iter().map(written).collect(), position, reason: reason.into() }
    }

    fn clause(&mut self, glyphs: &[Glyph]) -> Result<Filter, FilterError> {
        let Some(colon) = glyphs.iter().position(|glyph| glyph.means(':')) else {
            let reason = "a clause is `field:value`; a `;` stands between two of them";
            return Err(self.wrong(glyphs, glyphs, reason));
        };
        let (field, values) = (trimmed(&glyphs[..colon]), &glyphs[colon + 1..]);
        let name = text_of(field);
        let path = name.parse::<Path>().map_err(|error| self.wrong(glyphs, field, format!("`{name}`: {error}")))?;
        let Some((path, of)) = self.names.property(path) else {
            return Err(self.wrong(glyphs, field, format!("`{name}` is no property")));
        };
        let clause = Clause { glyphs, path, of };
        let (mut wanted, mut ranges, mut denied) = (None::<Vec<Operand>>, Vec::new(), Vec::new());
        let mut all_denied = false;
        for (position, value) in values.split(|glyph| glyph.means(',')).enumerate() {
            let value = trimmed(value);
            let (negated, value) = match value.split_first() {
                Some((sign, rest)) if sign.means('!') => (true, trimmed(rest)),
                _ => (false, value),
            };
            all_denied = if position == 0 { negated } else { all_denied };
            let value = if value.is_empty() {
                // The place of what is missing: behind the colon or comma.
                let behind = values.split(|glyph| glyph.means(',')).nth(position).and_then(<[Glyph]>::first);
                let at: &[Glyph] = behind.map_or(&glyphs[colon..=colon], std::slice::from_ref);
                return Err(self.wrong(glyphs, at, "a value is missing; write `null` for nothing"));
            } else {
                self.value(&clause, value)?
            };
            match (negated || all_denied, value) {
                (false, Wanted::Operands(operands)) => wanted.get_or_insert_default().extend(operands),
                (false, Wanted::Between(low, high)) => ranges.push(Test::Between(low, high)),
                (true, Wanted::Operands(operands)) => denied.push(Test::Fails(vec![Test::OneOf(operands)])),
                (true, Wanted::Between(low, high)) => denied.push(Test::Fails(vec![Test::Between(low, high)])),
            }
        }
        let property = |test| Filter::Property { path: clause.path.clone(), test };
        let mut parts: Vec<Filter> = denied.into_iter().map(property).collect();
        // Of an empty list nothing is wanted: that is met by nothing.
        ranges.extend(wanted.map(Test::OneOf));
        if !ranges.is_empty() {
            parts.push(Filter::Any(ranges.into_iter().map(property).collect()));
        }
        Ok(Filter::All(parts))
    }

    fn value(&mut self, clause: &Clause<'_>, value: &[Glyph]) -> Result<Wanted, FilterError> {
        self.count(clause, value, 1)?;
        if let Some((_, name)) = value.split_first().filter(|(sign, _)| sign.means('@')) {
            return self.list(clause, value, &text_of(name));
        }
        let dots = value.windows(2).position(|pair| pair.iter().all(|glyph| glyph.means('.')));
        if let Some(dots) = dots
            && let Some(range) = self.range(clause, value, dots)?
        {
            return Ok(range);
        }
        let text = text_of(value);
        // A word whose meaning was taken off is text.
        let operands = if value.iter().any(|glyph| glyph.plain) && clause.of == PropertyType::Any {
            Some(vec![Operand::AnyCase(lower(&text))])
        } else if text == "null" && !value.iter().any(|glyph| glyph.plain) {
            Some(vec![Operand::Null])
        } else {
            operands(clause.of, &text)
        };
        let wrong = || self.wrong(clause.glyphs, value, format!("`{text}` is not {}", expected(clause.of)));
        Ok(Wanted::Operands(operands.ok_or_else(wrong)?))
    }

    fn list(&mut self, clause: &Clause<'_>, value: &[Glyph], name: &str) -> Result<Wanted, FilterError> {
        let Some(values) = (self.names.lists)(name) else {
            return Err(self.wrong(clause.glyphs, value, format!("there is no list `{name}`")));
        };
        self.count(clause, value, values.len())?;
        let mut all = Vec::new();
        for text in values {
            let wrong = || {
                let reason = format!("`{text}` of the list `{name}` is not {}", expected(clause.of));
                self.wrong(clause.glyphs, value, reason)
            };
            all.extend(operands(clause.of, &text).ok_or_else(wrong)?);
        }
        Ok(Wanted::Operands(all))
    }

    /// What stands on both sides of two dots; `None` where that is a text with two dots in it.
    fn range(&self, clause: &Clause<'_>, value: &[Glyph], dots: usize) -> Result<Option<Wanted>, FilterError> {
        let (low, high) = (trimmed(&value[..dots]), trimmed(&value[dots + 2..]));
        let wrong = |at, reason: String| Err(self.wrong(clause.glyphs, at, reason));
        if !matches!(clause.of, PropertyType::Number | PropertyType::Date | PropertyType::Any) {
            return Ok(None);
        }
        let of = match clause.of {
            PropertyType::Any => {
                let ends = || [low, high].into_iter().filter(|end| !end.is_empty()).map(text_of);
                let fits = |of| ends().next().is_some() && ends().all(|end| bound(of, &end).is_some());
                match (fits(PropertyType::Number), fits(PropertyType::Date)) {
                    (true, _) => PropertyType::Number,
                    (_, true) => PropertyType::Date,
                    _ => return Ok(None),
                }
            }
            of => of,
        };
        if low.is_empty() && high.is_empty() {
            return wrong(value, "a range has a low or a high end, or both".to_owned());
        }
        let end = |end: &[Glyph]| {
            if end.is_empty() {
                return Ok(None);
            }
            let text = text_of(end);
            let wrong = || self.wrong(clause.glyphs, end, format!("`{text}` is not {}", expected(of)));
            bound(of, &text).ok_or_else(wrong).map(Some)
        };
        let (from, to) = (end(low)?, end(high)?);
        let reversed = match (&from, &to) {
            (Some(Operand::Number(from)), Some(Operand::Number(to))) => decimal::compare(from, to) == Ordering::Greater,
            (Some(Operand::Instant(from)), Some(Operand::Instant(to))) => from > to,
            _ => false,
        };
        if reversed {
            return wrong(value, "the range ends before it begins".to_owned());
        }
        Ok(Some(Wanted::Between(from, to)))
    }

    fn count(&mut self, clause: &Clause<'_>, value: &[Glyph], more: usize) -> Result<(), FilterError> {
        self.values += more;
        if self.values > MAX_VALUES {
            return Err(self.wrong(clause.glyphs, value, format!("there are more than {MAX_VALUES} values")));
        }
        Ok(())
    }
}

/// The text without the blanks around it that mean nothing.
fn trimmed(glyphs: &[Glyph]) -> &[Glyph] {
    let blank = |glyph: &Glyph| glyph.means(' ') || glyph.means('\t');
    let start = glyphs.iter().take_while(|glyph| blank(glyph)).count();
    let rest = &glyphs[start..];
    &rest[..rest.len() - rest.iter().rev().take_while(|glyph| blank(glyph)).count()]
}

fn text_of(glyphs: &[Glyph]) -> String {
    glyphs.iter().map(|glyph| glyph.is).collect()
}

/// A literal as the property's type has it.
fn operands(of: PropertyType, text: &str) -> Option<Vec<Operand>> {
    let one = |operand: Option<Operand>| operand.map(|operand| vec![operand]);
    let any_case = Operand::AnyCase(lower(text));
    match of {
        PropertyType::Number | PropertyType::Date => one(bound(of, text)),
        PropertyType::Boolean => one(boolean(text)),
        PropertyType::ObjectId | PropertyType::Reference => {
            let is_id = text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            one(is_id.then(|| Operand::Id(text.to_ascii_lowercase())))
        }
        PropertyType::String | PropertyType::Binary => Some(vec![any_case]),
        PropertyType::Any => {
            let readings = [boolean(text), bound(PropertyType::Number, text), bound(PropertyType::Date, text)];
            Some(readings.into_iter().flatten().chain([any_case]).collect())
        }
        _ => None,
    }
}

fn boolean(text: &str) -> Option<Operand> {
    match text {
        "true" => Some(Operand::Boolean(true)),
        "false" => Some(Operand::Boolean(false)),
        _ => None,
    }
}

/// What can be the end of a range.
fn bound(of: PropertyType, text: &str) -> Option<Operand> {
    match of {
        PropertyType::Number => {
            let number = serde_json::from_str::<serde_json::Number>(text).ok();
            number.map(|_| Operand::Number(text.to_owned()))
        }
        _ => Instant::parse(text).map(Operand::Instant),
    }
}

fn expected(of: PropertyType) -> &'static str {
    match of {
        PropertyType::Number => "a number",
        PropertyType::Date => "a date and time like `2026-01-31T00:00:00Z`",
        PropertyType::Boolean => "true or false",
        PropertyType::ObjectId | PropertyType::Reference => "an id of 24 hex digits",
        PropertyType::String | PropertyType::Binary | PropertyType::Any => "text",
        _ => "`null`: name a property inside",
    }
}
