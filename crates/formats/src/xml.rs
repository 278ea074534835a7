//! A record's selected parts as an XML element on one line.
//!
//! A property is an element of its name; `null` is an empty one with `xsi:nil="true"`, what is missing is left out. An
//! object holds the elements of its members, an array one `item` element for each of its own. What XML 1.0 cannot hold
//! becomes U+FFFD.

use crate::encoder::Scratch;
use crate::json::find;
use crate::selection::{Branch, Selection};
use crate::shape::Shape;
use crate::xml_name::ElementName;
use waybill_record::{Document, Handle, Kind, Text, Value};

/// A selection, compiled with the names of its elements.
#[derive(Clone, Debug)]
pub(crate) struct Markup {
    root: ElementName,
    record: ElementName,
    tags: Vec<Tag>,
}

/// The element of a twig; `inside` are those of the twigs inside it.
#[derive(Clone, Debug)]
struct Tag {
    name: ElementName,
    inside: Vec<Tag>,
}

/// Memory that elements of undeclared names reuse.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    names: Vec<ElementName>,
    text: String,
}

struct Writing<'a, 'r> {
    record: &'a Document<'r>,
    found: &'a mut Vec<Option<Handle>>,
    strings: &'a mut Strings,
    out: &'a mut Vec<u8>,
}

impl Markup {
    /// Compiles a selection for records of this shape.
    pub(crate) fn compile(selection: &Selection, shape: &Shape) -> Self {
        Self {
            root: ElementName::of(&shape.collection),
            record: ElementName::of(&shape.singular),
            tags: tags(selection.root()),
        }
    }

    /// The declaration and the start of the root.
    pub(crate) fn prologue(&self) -> Vec<u8> {
        let mut out = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<".to_vec();
        out.extend_from_slice(self.root.safe.as_bytes());
        write_attribute("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance", &mut out);
        out.extend_from_slice(&self.root.attributes);
        out.extend_from_slice(b">\n");
        out
    }

    /// The end of the root.
    pub(crate) fn epilogue(&self) -> Vec<u8> {
        format!("</{}>\n", self.root.safe).into_bytes()
    }

    /// Appends the element of one record.
    pub(crate) fn write(&self, record: &Document<'_>, selection: &Selection, scratch: &mut Scratch, out: &mut Vec<u8>) {
        scratch.found.clear();
        let mut writing = Writing { record, found: &mut scratch.found, strings: &mut scratch.strings, out };
        start(&self.record, writing.out);
        writing.write_parts(selection.root(), &self.tags, record.root());
        end(&self.record, writing.out);
        out.push(b'\n');
    }
}

fn tags(branch: &Branch) -> Vec<Tag> {
    let tag = |twig: &crate::selection::Twig| Tag {
        name: ElementName::of(&twig.label),
        inside: twig.within().map(tags).unwrap_or_default(),
    };
    branch.twigs.iter().map(tag).collect()
}

impl Writing<'_, '_> {
    /// Appends the elements of an object's selected parts.
    fn write_parts(&mut self, branch: &Branch, tags: &[Tag], object: Value<'_>) {
        let base = find(branch, object, self.found);
        for (position, (twig, tag)) in branch.twigs.iter().zip(tags).enumerate() {
            let Some(value) = self.found[base + position].map(|handle| self.record.value(handle)) else { continue };
            let Some(inside) = twig.within() else {
                self.write_element(&tag.name, value, 0);
                continue;
            };
            match value.kind() {
                Kind::Object => {
                    start(&tag.name, self.out);
                    self.write_parts(inside, &tag.inside, value);
                    end(&tag.name, self.out);
                }
                Kind::Array => {
                    start(&tag.name, self.out);
                    for item in value.elements().filter(|item| item.kind() == Kind::Object) {
                        self.out.extend_from_slice(b"<item>");
                        self.write_parts(inside, &tag.inside, item);
                        self.out.extend_from_slice(b"</item>");
                    }
                    end(&tag.name, self.out);
                }
                // A reference to nothing is one, too.
                Kind::Null if twig.link.is_some() => self.write_element(&tag.name, value, 0),
                // A scalar has nothing inside.
                _ => {}
            }
        }
        self.found.truncate(base);
    }

    /// Appends one value whole; `depth` counts the objects and arrays around it.
    fn write_element(&mut self, name: &ElementName, value: Value<'_>, depth: usize) {
        if value.kind() == Kind::Null {
            self.out.push(b'<');
            self.out.extend_from_slice(name.safe.as_bytes());
            self.out.extend_from_slice(&name.attributes);
            self.out.extend_from_slice(b" xsi:nil=\"true\"/>");
            return;
        }
        start(name, self.out);
        match value.kind() {
            Kind::Object => {
                let mut inner = self.take_name(depth);
                for (key, member) in value.members() {
                    if let Some(key) = key.text() {
                        inner.set(self.decoded(key));
                        self.write_element(&inner, member, depth + 1);
                    }
                }
                self.strings.names[depth] = inner;
            }
            Kind::Array => {
                let mut inner = self.take_name(depth);
                inner.set("item");
                for item in value.elements() {
                    self.write_element(&inner, item, depth + 1);
                }
                self.strings.names[depth] = inner;
            }
            Kind::Text => {
                if let Some(text) = value.text() {
                    let text = text_of(text, &mut self.strings.text);
                    write_escaped(text, Place::Content, self.out);
                }
            }
            _ => self.out.extend_from_slice(value.source()),
        }
        end(name, self.out);
    }

    /// The name that elements at this depth reuse; to be put back.
    fn take_name(&mut self, depth: usize) -> ElementName {
        let names = &mut self.strings.names;
        if names.len() <= depth {
            names.resize_with(depth + 1, ElementName::default);
        }
        std::mem::take(&mut names[depth])
    }

    fn decoded<'t>(&'t mut self, text: Text<'t>) -> &'t str {
        text_of(text, &mut self.strings.text)
    }
}

/// What a text stands for, decoded into `memory` where it is escaped.
fn text_of<'t>(text: Text<'t>, memory: &'t mut String) -> &'t str {
    if !text.is_escaped() {
        return text.source();
    }
    memory.clear();
    text.decode_into(memory);
    memory
}

fn start(name: &ElementName, out: &mut Vec<u8>) {
    out.push(b'<');
    out.extend_from_slice(name.safe.as_bytes());
    out.extend_from_slice(&name.attributes);
    out.push(b'>');
}

fn end(name: &ElementName, out: &mut Vec<u8>) {
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.safe.as_bytes());
    out.push(b'>');
}

/// Appends ` name="value"`.
pub(crate) fn write_attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    write_escaped(value, Place::Attribute, out);
    out.push(b'"');
}

/// Where a text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Content,
    /// Between double quotes.
    Attribute,
}

/// Appends text so that a reader gets it back, line ends included; what XML 1.0 cannot hold becomes U+FFFD.
fn write_escaped(text: &str, place: Place, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let (replacement, length): (&[u8], usize) = match byte {
            b'&' => (b"&amp;", 1),
            b'<' => (b"&lt;", 1),
            b'>' => (b"&gt;", 1),
            // Readers turn a carriage return of the source into a line feed.
            b'\r' => (b"&#13;", 1),
            b'\t' | b'\n' if place == Place::Content => continue,
            // Readers turn white space of attributes into spaces.
            b'\t' => (b"&#9;", 1),
            b'\n' => (b"&#10;", 1),
            b'"' if place == Place::Attribute => (b"&quot;", 1),
            0..=0x1F => (REPLACEMENT, 1),
            // U+FFFE and U+FFFF.
            0xEF if matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])) => (REPLACEMENT, 3),
            _ => continue,
        };
        out.extend_from_slice(&bytes[copied..at]);
        out.extend_from_slice(replacement);
        copied = at + length;
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// U+FFFD.
const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();
