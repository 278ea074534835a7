//! Expressions: what a stage computes of a row.

use super::schema::{Field, FieldKind};
use crate::instant::Instant;
use crate::sort_key::write_value;
use crate::sum::Sum;
use serde::{Deserialize, Serialize};
use waybill_record::{Kind, Path, PropertyType, Value};

/// A value computed of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Expression {
    /// What stands at a path; through arrays, an array of what their objects have there.
    Path {
        /// The path; `None` = the whole row.
        path: Option<Path>,
        /// As what it is compared.
        kind: PropertyType,
        /// Whether it is, or becomes, an array.
        array: bool,
    },
    /// JSON.
    Constant(String),
    /// An array; what is missing is `null` in it.
    Array(Vec<Expression>),
    /// A document; what is missing is left out.
    Document(Vec<(String, Expression)>),
    /// A function of others.
    Call(Function, Vec<Expression>),
}

/// The functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Function {
    /// The first of its arguments that is there and not `null`.
    IfNull,
    /// Texts one behind the other; `null` if one is none.
    Concat,
    /// Text in lower case; empty for nothing.
    ToLower,
    /// Text in upper case; empty for nothing.
    ToUpper,
    /// The length of an array; `null` for anything else.
    Size,
    /// The exact sum of numbers; `null` if one is none.
    Add,
    /// The exact difference of two numbers; `null` if one is none.
    Subtract,
    /// The year of an instant, in UTC; `null` for anything else.
    Year,
    /// The month of an instant, from 1, in UTC.
    Month,
    /// The day of the month of an instant, from 1, in UTC.
    DayOfMonth,
    /// The hour of an instant, in UTC.
    Hour,
}

impl Function {
    /// All, by their operators, with how many arguments each takes.
    pub(super) const ALL: [(&'static str, Self, usize, usize); 11] = [
        ("$ifNull", Self::IfNull, 2, 20),
        ("$concat", Self::Concat, 1, 20),
        ("$toLower", Self::ToLower, 1, 1),
        ("$toUpper", Self::ToUpper, 1, 1),
        ("$size", Self::Size, 1, 1),
        ("$add", Self::Add, 1, 20),
        ("$subtract", Self::Subtract, 2, 2),
        ("$year", Self::Year, 1, 1),
        ("$month", Self::Month, 1, 1),
        ("$dayOfMonth", Self::DayOfMonth, 1, 1),
        ("$hour", Self::Hour, 1, 1),
    ];

    fn result(self) -> PropertyType {
        match self {
            Self::IfNull => PropertyType::Any,
            Self::Concat | Self::ToLower | Self::ToUpper => PropertyType::String,
            _ => PropertyType::Number,
        }
    }

    /// Appends the result for arguments that are JSON, `None` those that are missing.
    fn write(self, arguments: &[Option<String>], out: &mut Vec<u8>) {
        let texts = || arguments.iter().map(|argument| argument.as_deref().and_then(text_of));
        let result = match self {
            Self::IfNull => {
                let present = arguments.iter().flatten().find(|argument| *argument != "null");
                present.cloned()
            }
            Self::Concat => texts().collect::<Option<Vec<String>>>().map(|parts| quoted(&parts.concat())),
            Self::ToLower => Some(quoted(&texts().flatten().collect::<String>().to_lowercase())),
            Self::ToUpper => Some(quoted(&texts().flatten().collect::<String>().to_uppercase())),
            Self::Size => size(arguments).map(|size| size.to_string()),
            Self::Add | Self::Subtract => self.added(arguments),
            Self::Year | Self::Month | Self::DayOfMonth | Self::Hour => {
                let instant = texts().next().flatten().and_then(|text| Instant::parse(&text));
                instant.map(|instant| {
                    let (year, month, day, hour) = instant.civil();
                    match self {
                        Self::Year => year.to_string(),
                        Self::Month => month.to_string(),
                        Self::Hour => hour.to_string(),
                        _ => day.to_string(),
                    }
                })
            }
        };
        out.extend_from_slice(result.as_deref().unwrap_or("null").as_bytes());
    }

    fn added(self, arguments: &[Option<String>]) -> Option<String> {
        let mut sum = Sum::default();
        for (position, argument) in arguments.iter().enumerate() {
            let number = argument.as_deref().filter(|text| is_number(text))?;
            sum.add(number, self == Self::Subtract && position > 0).ok()?;
        }
        Some(sum.text())
    }
}

impl Expression {
    /// The type of what it gives, and whether that is an array.
    pub(super) fn kind(&self) -> (PropertyType, bool) {
        match self {
            Self::Path { kind, array, .. } => (*kind, *array),
            Self::Constant(text) => (constant_kind(text), false),
            Self::Array(_) => (PropertyType::Any, true),
            Self::Document(_) => (PropertyType::Document, false),
            Self::Call(Function::IfNull, arguments) => {
                let mut kinds = arguments.iter().map(Self::kind);
                let first = kinds.next().unwrap_or((PropertyType::Any, false));
                if kinds.all(|kind| kind == first) { first } else { (PropertyType::Any, false) }
            }
            Self::Call(function, _) => (function.result(), false),
        }
    }

    /// The field that it makes, called `name`.
    pub(super) fn field(&self, name: &str) -> Field {
        if let Self::Document(members) = self {
            let inner = members.iter().map(|(name, member)| member.field(name)).collect();
            return Field::new(name, FieldKind::Document(inner), false);
        }
        let (kind, array) = self.kind();
        Field::new(name, FieldKind::Value(kind), array)
    }

    /// Appends what it gives of a row as JSON without white space; `false`, with nothing appended, when there is nothing.
    pub(super) fn write(&self, row: Value<'_>, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Path { path: None, .. } => {
                row.write_compact(out);
                true
            }
            Self::Path { path: Some(path), .. } => write_path(row, path.segments(), out),
            Self::Constant(text) => {
                out.extend_from_slice(text.as_bytes());
                true
            }
            Self::Array(elements) => {
                out.push(b'[');
                for (position, element) in elements.iter().enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    if !element.write(row, out) {
                        out.extend_from_slice(b"null");
                    }
                }
                out.push(b']');
                true
            }
            Self::Document(members) => {
                let mut object = ObjectWriter::begin(out);
                for (name, member) in members {
                    object.member(name, |out| member.write(row, out));
                }
                object.end();
                true
            }
            Self::Call(function, arguments) => {
                let arguments: Vec<Option<String>> = arguments.iter().map(|argument| argument.text(row)).collect();
                function.write(&arguments, out);
                true
            }
        }
    }

    fn text(&self, row: Value<'_>) -> Option<String> {
        let mut out = Vec::new();
        if !self.write(row, &mut out) {
            return None;
        }
        String::from_utf8(out).ok()
    }

    /// Appends the key of a value that this expression has given: equal for equal values, in their order.
    pub(super) fn write_key(&self, value: Option<Value<'_>>, out: &mut Vec<u8>) {
        match (self, value) {
            (Self::Document(members), Some(value)) => {
                for (name, member) in members {
                    member.write_key(value.get(name), out);
                }
            }
            _ => write_value(value, self.kind().0, out),
        }
    }
}

/// Writes the members of an object, commas between them.
pub(super) struct ObjectWriter<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> ObjectWriter<'o> {
    pub(super) fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Writes a member, unless `write` has nothing to write. Names hold no character that JSON escapes.
    pub(super) fn member(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>) -> bool) {
        let before = self.out.len();
        if !self.empty {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        if write(self.out) {
            self.empty = false;
        } else {
            self.out.truncate(before);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }

    pub(super) fn end(self) {
        self.out.push(b'}');
    }
}

fn write_path(value: Value<'_>, segments: &[String], out: &mut Vec<u8>) -> bool {
    let Some((name, rest)) = segments.split_first() else {
        value.write_compact(out);
        return true;
    };
    match value.kind() {
        Kind::Object => value.get(name).is_some_and(|inner| write_path(inner, rest, out)),
        Kind::Array => {
            out.push(b'[');
            let start = out.len();
            for element in value.elements() {
                let before = out.len();
                if before > start {
                    out.push(b',');
                }
                if element.kind() != Kind::Object || !write_path(element, segments, out) {
                    out.truncate(before);
                }
            }
            out.push(b']');
            true
        }
        _ => false,
    }
}

fn constant_kind(text: &str) -> PropertyType {
    match text.as_bytes().first() {
        Some(b'"') => PropertyType::String,
        Some(b't' | b'f') => PropertyType::Boolean,
        Some(b'-' | b'0'..=b'9') => PropertyType::Number,
        _ => PropertyType::Any,
    }
}

/// Whether JSON is a number.
pub(super) fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

fn text_of(json: &str) -> Option<String> {
    if json.starts_with('"') { serde_json::from_str(json).ok() } else { None }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn size(arguments: &[Option<String>]) -> Option<usize> {
    let json = arguments.first()?.as_deref().filter(|json| json.starts_with('['))?;
    serde_json::from_str::<Vec<&serde_json::value::RawValue>>(json).ok().map(|elements| elements.len())
}
