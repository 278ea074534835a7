//! `$project`: rows in another form.

use super::expression::{Expression, ObjectWriter};
use serde::{Deserialize, Serialize};
use waybill_record::{Kind, Value};

/// The form that rows are given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Projection {
    /// Whether what is not named stays.
    pub keeps_rest: bool,
    /// What is named, in order.
    pub members: Vec<Member>,
}

/// A member that a projection names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub what: What,
}

/// What becomes of a member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    /// It stays.
    Keep,
    /// It goes.
    Drop,
    /// The same for the members of the object, or of the objects of the array, that it is.
    Inside(Vec<Member>),
    /// It is computed of the whole row.
    Compute(Expression),
}

impl Projection {
    /// Appends a row in its new form, as JSON without white space.
    pub(super) fn write(&self, row: Value<'_>, out: &mut Vec<u8>) {
        if self.keeps_rest {
            write_rest(&self.members, row, out);
        } else {
            let mut object = ObjectWriter::begin(out);
            write_members(&self.members, Some(row), row, &mut object);
            object.end();
        }
    }
}

fn write_members(members: &[Member], value: Option<Value<'_>>, row: Value<'_>, object: &mut ObjectWriter<'_>) {
    for Member { name, what } in members {
        let found = value.and_then(|value| value.get(name));
        object.member(name, |out| match what {
            What::Keep => found.is_some_and(|found| {
                found.write_compact(out);
                true
            }),
            What::Drop => false,
            What::Compute(expression) => expression.write(row, out),
            What::Inside(members) => write_inside(members, found, row, out),
        });
    }
}

/// Writes the named members of what is there. Where nothing is, an object of those that are computed.
fn write_inside(members: &[Member], found: Option<Value<'_>>, row: Value<'_>, out: &mut Vec<u8>) -> bool {
    match found.map(|found| (found, found.kind())) {
        Some((found, Kind::Array)) => {
            out.push(b'[');
            let start = out.len();
            for element in found.elements() {
                let before = out.len();
                if before > start {
                    out.push(b',');
                }
                if matches!(element.kind(), Kind::Object | Kind::Array) {
                    write_inside(members, Some(element), row, out);
                } else {
                    out.truncate(before);
                }
            }
            out.push(b']');
            true
        }
        found => {
            let object_there = found.filter(|(_, kind)| *kind == Kind::Object).map(|(found, _)| found);
            let mut object = ObjectWriter::begin(out);
            write_members(members, object_there, row, &mut object);
            let written = object_there.is_some() || !object.is_empty();
            object.end();
            written
        }
    }
}

fn write_rest(members: &[Member], value: Value<'_>, out: &mut Vec<u8>) {
    match value.kind() {
        Kind::Object => {
            out.push(b'{');
            let start = out.len();
            for (key, inner) in value.members() {
                let named = members.iter().find(|member| key.key_is(&member.name)).map(|member| &member.what);
                if matches!(named, Some(What::Drop)) {
                    continue;
                }
                if out.len() > start {
                    out.push(b',');
                }
                out.extend_from_slice(key.source());
                out.push(b':');
                match named {
                    Some(What::Inside(members)) => write_rest(members, inner, out),
                    _ => inner.write_compact(out),
                }
            }
            out.push(b'}');
        }
        Kind::Array => {
            out.push(b'[');
            for (position, element) in value.elements().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_rest(members, element, out);
            }
            out.push(b']');
        }
        _ => value.write_compact(out),
    }
}
