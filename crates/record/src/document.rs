//! Views on a scanned record.

use crate::path::Path;
use crate::scan::{Node, NodeKind};
use crate::text::Text;

/// A scanned record.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    text: &'a str,
    nodes: &'a [Node],
    compact: bool,
}

/// One value of a record.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    document: Document<'a>,
    index: usize,
}

/// Where a value lies on the tape: a [`Value`] without its borrow, to be given back to the same document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle(u32);

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number, see [`Value::number`].
    Number,
    /// A string, see [`Value::text`].
    Text,
    /// An array, see [`Value::elements`].
    Array,
    /// An object, see [`Value::members`].
    Object,
}

/// An index into the tape or a position in the text; on the platforms we build for it always fits.
#[inline]
fn index(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

impl<'a> Document<'a> {
    /// `nodes` must be the result of scanning `text`.
    pub(crate) fn new(text: &'a str, nodes: &'a [Node], compact: bool) -> Self {
        Self { text, nodes, compact }
    }

    /// The record as a value; always an object.
    #[inline]
    pub fn root(&self) -> Value<'a> {
        Value { document: *self, index: 0 }
    }

    /// Whether the source has no white space between its tokens, so that any part of it fits on one line.
    pub fn is_compact(&self) -> bool {
        self.compact
    }

    /// The source bytes, with white space around them if there was any.
    pub fn source(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// The value behind a handle that one of this document's values gave.
    #[inline]
    pub fn value(&self, handle: Handle) -> Value<'a> {
        Value { document: *self, index: index(handle.0) }
    }

    /// The value that `path` leads to through objects; arrays are not searched.
    pub fn get(&self, path: &Path) -> Option<Value<'a>> {
        path.segments().iter().try_fold(self.root(), |value, name| value.get(name))
    }
}

impl<'a> Value<'a> {
    #[inline]
    fn node(&self) -> Node {
        self.document.nodes[self.index]
    }

    /// What it is.
    #[inline]
    pub fn kind(&self) -> Kind {
        match self.node().kind {
            NodeKind::Null => Kind::Null,
            NodeKind::True | NodeKind::False => Kind::Boolean,
            NodeKind::Number => Kind::Number,
            NodeKind::PlainText | NodeKind::EscapedText => Kind::Text,
            NodeKind::Array => Kind::Array,
            NodeKind::Object => Kind::Object,
        }
    }

    /// Where it lies; see [`Document::value`].
    #[inline]
    pub fn handle(&self) -> Handle {
        // A tape has no more nodes than its text has bytes, and those are counted in 32 bits.
        Handle(u32::try_from(self.index).unwrap_or(u32::MAX))
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        self.node().kind == NodeKind::Null
    }

    /// Its source bytes, verbatim: quotes, escapes and any white space inside included.
    #[inline]
    pub fn source(&self) -> &'a [u8] {
        let node = self.node();
        &self.document.text.as_bytes()[index(node.start)..index(node.end)]
    }

    /// The truth value of a boolean.
    pub fn boolean(&self) -> Option<bool> {
        match self.node().kind {
            NodeKind::True => Some(true),
            NodeKind::False => Some(false),
            _ => None,
        }
    }

    /// The text of a number, verbatim.
    pub fn number(&self) -> Option<&'a str> {
        let node = self.node();
        if node.kind != NodeKind::Number {
            return None;
        }
        self.document.text.get(index(node.start)..index(node.end))
    }

    /// The string, still escaped.
    #[inline]
    pub fn text(&self) -> Option<Text<'a>> {
        let node = self.node();
        let escaped = match node.kind {
            NodeKind::PlainText => false,
            NodeKind::EscapedText => true,
            _ => return None,
        };
        // The quotes are one byte each.
        let source = self.document.text.get(index(node.start) + 1..index(node.end) - 1)?;
        Some(Text::new(source, escaped))
    }

    /// The elements of an array in order; empty for anything else.
    pub fn elements(&self) -> Elements<'a> {
        let node = self.node();
        Elements {
            document: self.document,
            at: self.index + 1,
            end: if node.kind == NodeKind::Array { index(node.next) } else { self.index + 1 },
        }
    }

    /// The members of an object in order, each a key (a text) and its value; empty for anything else.
    #[inline]
    pub fn members(&self) -> Members<'a> {
        let node = self.node();
        Members {
            document: self.document,
            at: self.index + 1,
            end: if node.kind == NodeKind::Object { index(node.next) } else { self.index + 1 },
        }
    }

    /// The member called `name`; the last one if there are several, `None` for anything but an object.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        let mut found = None;
        for (key, value) in self.members() {
            if key.key_is(name) {
                found = Some(value);
            }
        }
        found
    }

    /// Whether this key of an object (or any text) stands for `name`.
    #[inline]
    pub fn key_is(&self, name: &str) -> bool {
        self.text().is_some_and(|text| text.is(name))
    }

    /// Appends the value as JSON without white space; strings and numbers stay as they are written.
    pub fn write_compact(&self, out: &mut Vec<u8>) {
        if self.document.compact {
            out.extend_from_slice(self.source());
            return;
        }
        match self.kind() {
            Kind::Object => {
                out.push(b'{');
                for (position, (key, value)) in self.members().enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(key.source());
                    out.push(b':');
                    value.write_compact(out);
                }
                out.push(b'}');
            }
            Kind::Array => {
                out.push(b'[');
                for (position, value) in self.elements().enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    value.write_compact(out);
                }
                out.push(b']');
            }
            _ => out.extend_from_slice(self.source()),
        }
    }
}

/// Iterator over the elements of an array.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    document: Document<'a>,
    at: usize,
    end: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        if self.at >= self.end {
            return None;
        }
        let value = Value { document: self.document, index: self.at };
        self.at = index(value.node().next);
        Some(value)
    }
}

/// Iterator over the members of an object: key and value.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    document: Document<'a>,
    at: usize,
    end: usize,
}

impl<'a> Iterator for Members<'a> {
    type Item = (Value<'a>, Value<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let key = Value { document: self.document, index: self.at };
        let value = Value { document: self.document, index: self.at + 1 };
        self.at = index(value.node().next);
        Some((key, value))
    }
}
