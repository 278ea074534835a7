//! Sort keys: bytes that stand in the same order to each other as the values that they were made of.
//!
//! Values of different types are ordered as the documents' home database orders them (its manual, "Comparison/Sort
//! Order"): empty arrays, nothing and `null`, numbers, texts, documents, arrays, ids, booleans, instants. A value counts as
//! an id or an instant where the definition says so; one that is declared a date and writes none is a text.
//!
//! **Invariant:** no key is the beginning of another, so keys can be put one behind the other, and turned over.

use crate::decimal;
use crate::instant::Instant;
use waybill_record::{Kind, PropertyType, Text, Value};

/// Ends a text, a document or an array: below everything that could go on there.
const END: u8 = 0;
const EMPTY_ARRAY: u8 = 1;
const NOTHING: u8 = 2;
const NUMBER: u8 = 3;
const TEXT: u8 = 4;
const DOCUMENT: u8 = 5;
const ARRAY: u8 = 6;
const ID: u8 = 7;
const BOOLEAN: u8 = 8;
const INSTANT: u8 = 9;

/// What a sort term finds in a record.
#[derive(Clone, Copy)]
enum Found<'a> {
    Missing,
    EmptyArray,
    Value(Value<'a>),
}

/// Appends the key of what `segments` lead to from `value`, declared as `kind`.
///
/// Of an array, and through arrays, the least value counts where the order is ascending, the greatest where it is
/// descending; then the key is turned over.
pub(crate) fn write_term(
    value: Value<'_>,
    segments: &[String],
    kind: PropertyType,
    descending: bool,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let mut best = start;
    visit(value, segments, &mut |found| {
        let candidate = out.len();
        write_found(found, kind, out);
        let (kept, new) = out[start..].split_at(candidate - start);
        let better = kept.is_empty() || if descending { new > kept } else { new < kept };
        if better {
            out.copy_within(candidate.., start);
            best = start + out.len() - candidate;
        }
        out.truncate(best);
    });
    if descending {
        for byte in &mut out[start..] {
            *byte = !*byte;
        }
    }
}

/// Appends the key of one value as it is, an array as a whole; `None` is nothing.
pub(crate) fn write_value(value: Option<Value<'_>>, kind: PropertyType, out: &mut Vec<u8>) {
    write_found(value.map_or(Found::Missing, Found::Value), kind, out);
}

/// Gives everything that `segments` lead to, at least once.
fn visit<'a>(value: Value<'a>, segments: &[String], take: &mut impl FnMut(Found<'a>)) {
    let Some((name, rest)) = segments.split_first() else {
        if value.kind() != Kind::Array {
            return take(Found::Value(value));
        }
        let mut elements = value.elements().peekable();
        if elements.peek().is_none() {
            take(Found::EmptyArray);
        }
        return elements.for_each(|element| take(Found::Value(element)));
    };
    match value.kind() {
        Kind::Object => match value.get(name) {
            Some(inner) => visit(inner, rest, take),
            None => take(Found::Missing),
        },
        Kind::Array => {
            let mut objects = value.elements().filter(|element| element.kind() == Kind::Object).peekable();
            if objects.peek().is_none() {
                take(Found::Missing);
            }
            objects.for_each(|object| visit(object, segments, take));
        }
        _ => take(Found::Missing),
    }
}

fn write_found(found: Found<'_>, kind: PropertyType, out: &mut Vec<u8>) {
    let value = match found {
        Found::Missing => return out.push(NOTHING),
        Found::EmptyArray => return out.push(EMPTY_ARRAY),
        Found::Value(value) => value,
    };
    match kind {
        PropertyType::Date => {
            if let Some(instant) = value.text().and_then(|text| Instant::parse(&text.decoded())) {
                out.push(INSTANT);
                return out.extend_from_slice(&instant.key());
            }
        }
        PropertyType::ObjectId | PropertyType::Reference => {
            let id = if value.kind() == Kind::Object { value.get("_id") } else { Some(value) };
            if let Some(text) = id.and_then(|id| id.text()) {
                out.push(ID);
                return write_text(&text.decoded().to_ascii_lowercase(), out);
            }
        }
        _ => {}
    }
    out.push(rank(value));
    write_body(value, out);
}

fn rank(value: Value<'_>) -> u8 {
    match value.kind() {
        Kind::Null => NOTHING,
        Kind::Number => NUMBER,
        Kind::Text => TEXT,
        Kind::Object => DOCUMENT,
        Kind::Array => ARRAY,
        Kind::Boolean => BOOLEAN,
    }
}

/// Appends what tells values of one rank apart. Documents go member by member in the order in which they are written: by
/// type, then name, then value.
fn write_body(value: Value<'_>, out: &mut Vec<u8>) {
    match value.kind() {
        Kind::Null => {}
        Kind::Boolean => out.push(u8::from(value.boolean() == Some(true))),
        Kind::Number => decimal::write_key(value.number().unwrap_or("0"), out),
        Kind::Text => write_source(value.text(), out),
        Kind::Object => {
            for (name, member) in value.members() {
                out.push(rank(member));
                write_source(name.text(), out);
                write_body(member, out);
            }
            out.push(END);
        }
        Kind::Array => {
            for element in value.elements() {
                out.push(rank(element));
                write_body(element, out);
            }
            out.push(END);
        }
    }
}

fn write_source(text: Option<Text<'_>>, out: &mut Vec<u8>) {
    match text {
        Some(text) if text.is_escaped() => write_text(&text.decoded(), out),
        Some(text) => write_text(text.source(), out),
        None => out.push(END),
    }
}

/// UTF-8 sorts as its code points do and has no byte above F4: each is written one higher, so that 0 ends the text.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend(text.bytes().map(|byte| byte.wrapping_add(1)));
    out.push(END);
}
