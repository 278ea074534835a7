//! A record's selected parts as a JSON:API resource object on one line.

use crate::encoder::Scratch;
use crate::json::{find, write_key, write_member, write_object};
use crate::selection::{Branch, Selection, Twig};
use crate::shape::{Holds, Shape};
use waybill_record::{Document, Handle, Kind, Value};

/// What attributes and relationships must not be called.
const RESERVED: [&str; 2] = ["id", "type"];

/// What a twig of the record itself becomes.
#[derive(Clone, Debug)]
enum Place {
    /// The resource's own id, which is always there; what to do with a value that is none.
    Id(Section),
    /// What is called as JSON:API calls something else: beside the attributes.
    Meta,
    /// An attribute.
    Attribute,
    /// A relationship, unless the value is no id; the beginning of a link up to the id.
    Relationship(Vec<u8>),
    /// A relationship to a record that stands in its place: the beginning of a link, and what else of the record goes out, which no
    /// attribute of the same name may hold.
    Linked(Vec<u8>, Branch),
}

/// Where a value of a twig goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Nowhere,
    Attributes,
    Relationships,
    Meta,
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
        self.write_section(Section::Attributes, record, branch, found, out);
        out.extend_from_slice(b"},\"relationships\":{");
        self.write_section(Section::Relationships, record, branch, found, out);
        out.push(b'}');
        let end = out.len();
        out.extend_from_slice(b",\"meta\":{");
        if self.write_section(Section::Meta, record, branch, found, out) {
            out.push(b'}');
        } else {
            out.truncate(end);
        }
        out.push(b'}');
    }

    /// Appends the members of one section; whether there are any.
    fn write_section(
        &self,
        section: Section,
        record: &Document<'_>,
        branch: &Branch,
        found: &mut Vec<Option<Handle>>,
        out: &mut Vec<u8>,
    ) -> bool {
        let mut first = true;
        for (position, (twig, place)) in branch.twigs.iter().zip(&self.places).enumerate() {
            let Some(value) = found[position].map(|handle| record.value(handle)) else { continue };
            if place.section_of(value) != section {
                continue;
            }
            let (head, beside) = match place {
                Place::Relationship(head) if section == Section::Relationships => (head, None),
                Place::Linked(head, beside) if section == Section::Relationships => (head, Some(beside)),
                _ => {
                    write_member(record, twig, value, &mut first, found, out);
                    continue;
                }
            };
            write_key(twig, &mut first, out);
            out.extend_from_slice(b"{\"data\":");
            Links { head, beside, record, found: &mut *found, out: &mut *out }.write(value);
            out.push(b'}');
        }
        !first
    }
}

impl Place {
    fn section_of(&self, value: Value<'_>) -> Section {
        match self {
            Self::Id(_) if is_id(value) => Section::Nowhere,
            Self::Id(other) => *other,
            Self::Meta => Section::Meta,
            Self::Relationship(_) if is_linkage(value, &is_id) => Section::Relationships,
            Self::Linked(..) if is_linkage(value, &|value| id_of(value).is_some()) => Section::Relationships,
            Self::Attribute | Self::Relationship(_) | Self::Linked(..) => Section::Attributes,
        }
    }
}

fn place(twig: &Twig, shape: &Shape) -> Place {
    let reserved = RESERVED.contains(&twig.label.as_str());
    if twig.name == "_id" {
        return Place::Id(if reserved { Section::Meta } else { Section::Attributes });
    }
    if reserved {
        return Place::Meta;
    }
    if let (Some(collection), Some(inside)) = (&twig.link, &twig.inside) {
        return Place::Linked(link_head(collection), inside.beside_id());
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

/// The id that a reference is, or that of the record in its place.
fn id_of(value: Value<'_>) -> Option<Value<'_>> {
    let id = if value.kind() == Kind::Object { value.get("_id") } else { Some(value) };
    id.filter(|id| is_id(*id))
}

/// Whether the value names a record, several, or none.
fn is_linkage(value: Value<'_>, names_one: &dyn Fn(Value<'_>) -> bool) -> bool {
    match value.kind() {
        Kind::Array => value.elements().all(names_one),
        Kind::Null => true,
        _ => names_one(value),
    }
}

/// The links of one relationship under way.
struct Links<'a, 'r> {
    head: &'a [u8],
    beside: Option<&'a Branch>,
    record: &'a Document<'r>,
    found: &'a mut Vec<Option<Handle>>,
    out: &'a mut Vec<u8>,
}

impl Links<'_, '_> {
    fn write(&mut self, value: Value<'_>) {
        match value.kind() {
            Kind::Null => self.out.extend_from_slice(b"null"),
            Kind::Array => {
                self.out.push(b'[');
                for (position, element) in value.elements().enumerate() {
                    if position > 0 {
                        self.out.push(b',');
                    }
                    self.write_one(element);
                }
                self.out.push(b']');
            }
            _ => self.write_one(value),
        }
    }

    fn write_one(&mut self, value: Value<'_>) {
        self.out.extend_from_slice(self.head);
        if let Some(id) = id_of(value) {
            self.out.extend_from_slice(b",\"id\":");
            write_id(id, self.out);
        }
        if let Some(beside) = self.beside.filter(|_| value.kind() == Kind::Object) {
            let end = self.out.len();
            self.out.extend_from_slice(b",\"meta\":");
            let start = self.out.len();
            write_object(self.record, beside, value, self.found, self.out);
            if self.out[start..] == *b"{}" {
                self.out.truncate(end);
            }
        }
        self.out.push(b'}');
    }
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
