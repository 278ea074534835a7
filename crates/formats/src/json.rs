//! A record's selected parts as a JSON object on one line.

use crate::encoder::Scratch;
use crate::selection::{Branch, Selection, Twig};
use waybill_record::{Document, Handle, Kind, Value};

/// Appends the selected parts of `record`: what is missing is left out, `null` stays, strings and numbers stay as they
/// are written. A path through an array selects from each of its objects.
pub(crate) fn write(record: &Document<'_>, selection: &Selection, scratch: &mut Scratch, out: &mut Vec<u8>) {
    scratch.found.clear();
    write_object(record, selection.root(), record.root(), &mut scratch.found, out);
}

/// `found` is a stack: each level takes as many places on top of it as it has twigs.
pub(crate) fn write_object(
    record: &Document<'_>,
    branch: &Branch,
    object: Value<'_>,
    found: &mut Vec<Option<Handle>>,
    out: &mut Vec<u8>,
) {
    let base = find(branch, object, found);
    out.push(b'{');
    let mut first = true;
    for (position, twig) in branch.twigs.iter().enumerate() {
        if let Some(handle) = found[base + position] {
            write_member(record, twig, record.value(handle), &mut first, found, out);
        }
    }
    out.push(b'}');
    found.truncate(base);
}

/// Puts where the twigs' values lie on top of the stack; gives the place of the first.
pub(crate) fn find(branch: &Branch, object: Value<'_>, found: &mut Vec<Option<Handle>>) -> usize {
    let base = found.len();
    found.resize(base + branch.twigs.len(), None);
    for (key, value) in object.members() {
        if let Some(position) = branch.keys.find(key) {
            found[base + position] = Some(value.handle());
        }
    }
    base
}

/// Appends key and value of a twig, or nothing where it has nothing.
pub(crate) fn write_member(
    record: &Document<'_>,
    twig: &Twig,
    value: Value<'_>,
    first: &mut bool,
    found: &mut Vec<Option<Handle>>,
    out: &mut Vec<u8>,
) {
    match twig.within() {
        None => {
            write_key(twig, first, out);
            value.write_compact(out);
        }
        Some(inside) => match value.kind() {
            Kind::Object => {
                write_key(twig, first, out);
                write_object(record, inside, value, found, out);
            }
            Kind::Array => {
                write_key(twig, first, out);
                write_array(record, inside, value, found, out);
            }
            // A reference to nothing is one, too.
            Kind::Null if twig.link.is_some() => {
                write_key(twig, first, out);
                out.extend_from_slice(b"null");
            }
            // A scalar has nothing inside.
            _ => {}
        },
    }
}

fn write_array(
    record: &Document<'_>,
    inside: &Branch,
    array: Value<'_>,
    found: &mut Vec<Option<Handle>>,
    out: &mut Vec<u8>,
) {
    out.push(b'[');
    let mut first = true;
    for element in array.elements() {
        if element.kind() != Kind::Object {
            continue;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        write_object(record, inside, element, found, out);
    }
    out.push(b']');
}

pub(crate) fn write_key(twig: &Twig, first: &mut bool, out: &mut Vec<u8>) {
    if !*first {
        out.push(b',');
    }
    *first = false;
    out.extend_from_slice(&twig.json_key);
}
