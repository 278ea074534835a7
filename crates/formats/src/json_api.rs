//! A record's selected parts as a JSON:API resource object on one line.

use crate::encoder::Scratch;
use crate::json::{find, write_key, write_member};
use crate::selection::{Selection, Twig};
use crate::shape::{Holds, Shape};
use waybill_record::{Document, Kind, Value};

/// What a twig of the record itself becomes.
#[derive(Clone, Debug)]
enum Place {
    /// The resource's own id, which is always there.
    Id,
    /// An attribute.
    Attribute,
    /// A relationship, unless the value is no id; the beginning of a link up to the id.
    Relationship(Vec<u8>),
}

/// A selection, compiled with the references that the definition declares.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    /// Its beginning up to the id.
    head: Vec<u8>,
    places: Vec<Place>,
}

impl Resource {
    /// Compiles a selection for records of this shape.
    pub(crate) fn compile(selection: &Selection, shape: &Shape) -> Self {
        let places = selection.root().twigs.iter().map(|twig| place(twig, shape)).collect();
        Self { head: link_head(&shape.collection), places }
    }

    /// Appends the resource of one record.
    ///
    /// It has an `id` even when `_id` is not selected. A reference that is missing is left out, `null` is a link to
    /// nothing, and what cannot be an id (an expanded record, say) stays an attribute.
    pub(crate) fn write(&self, record: &Document<'_>, selection: &Selection, scratch: &mut Scratch, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        if let Some(id) = record.root().get("_id").filter(|id| is_id(*id)) {
            out.extend_from_slice(b",\"id\":");
            write_id(id, out);
        }
        let (branch, found) = (selection.root(), &mut scratch.found);
        found.clear();
        find(branch, record.root(), found);
        out.extend_from_slice(b",\"attributes\":{");
        let mut first = true;
        for (position, twig) in branch.twigs.iter().enumerate() {
            let Some(value) = found[position].map(|handle| record.value(handle)) else { continue };
            let stays = match self.places[position] {
                Place::Id => !is_id(value),
                Place::Attribute => true,
                Place::Relationship(_) => !is_linkage(value),
            };
            if stays {
                write_member(record, twig, value, &mut first, found, out);
            }
        }
        out.extend_from_slice(b"},\"relationships\":{");
        let mut first = true;
        for (position, twig) in branch.twigs.iter().enumerate() {
            let Some(value) = found[position].map(|handle| record.value(handle)) else { continue };
            if let Place::Relationship(head) = &self.places[position]
                && is_linkage(value)
            {
                write_key(twig, &mut first, out);
                out.extend_from_slice(b"{\"data\":");
                write_linkage(head, value, out);
                out.push(b'}');
            }
        }
        out.extend_from_slice(b"}}");
    }
}

fn place(twig: &Twig, shape: &Shape) -> Place {
    if twig.name == "_id" {
        return Place::Id;
    }
    let holds = shape.properties.iter().find(|property| property.name == twig.name).map(|property| &property.holds);
    match holds {
        Some(Holds::Reference(collection)) if twig.within().is_none() => Place::Relationship(link_head(collection)),
        _ => Place::Attribute,
    }
}

/// The names of collections hold no character that JSON escapes.
fn link_head(collection: &str) -> Vec<u8> {
    format!("{{\"type\":\"{collection}\"").into_bytes()
}

fn is_id(value: Value<'_>) -> bool {
    matches!(value.kind(), Kind::Text | Kind::Number)
}

/// Whether the value names a record, several, or none.
fn is_linkage(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Array => value.elements().all(is_id),
        Kind::Null => true,
        _ => is_id(value),
    }
}

fn write_linkage(head: &[u8], value: Value<'_>, out: &mut Vec<u8>) {
    match value.kind() {
        Kind::Null => out.extend_from_slice(b"null"),
        Kind::Array => {
            out.push(b'[');
            for (position, id) in value.elements().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_link(head, id, out);
            }
            out.push(b']');
        }
        _ => write_link(head, value, out),
    }
}

fn write_link(head: &[u8], id: Value<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(head);
    out.extend_from_slice(b",\"id\":");
    write_id(id, out);
    out.push(b'}');
}

/// An id is a string, whatever it is in the record.
fn write_id(id: Value<'_>, out: &mut Vec<u8>) {
    if id.kind() == Kind::Number {
        out.push(b'"');
        out.extend_from_slice(id.source());
        out.push(b'"');
    } else {
        out.extend_from_slice(id.source());
    }
}
