//! A record's selected parts as a PDF document of its own: a title, a table of paths and values with its header on every page,
//! and page numbers.
//!
//! What an encoder writes are frames, one a record, each with the record's `_id` in front of its document ([`documents`]): a
//! document is a file of its own, so it has to be told apart from its neighbours.

mod font;
mod layout;
mod rows;
mod write;

use crate::encoder::Scratch;
use crate::json;
use crate::selection::Selection;
use crate::shape::Shape;
use waybill_record::{Document, Tape};

/// What stands in front of a document: how long the `_id` is, and how long the document.
pub const DOCUMENT_HEAD_BYTES: usize = 8;

/// What documents are called.
#[derive(Clone, Debug)]
pub(crate) struct Sheets {
    /// What one record is called, as a title begins.
    title: String,
}

/// A document of a record, as an encoder wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordDocument<'a> {
    /// The record's `_id`.
    pub id: &'a str,
    /// The document.
    pub bytes: &'a [u8],
}

/// The documents in the bytes that an encoder of a format that makes some wrote.
pub fn documents(mut frames: &[u8]) -> impl Iterator<Item = RecordDocument<'_>> {
    std::iter::from_fn(move || {
        let (head, rest) = frames.split_first_chunk::<DOCUMENT_HEAD_BYTES>()?;
        let length = |at: usize| usize::try_from(u32::from_le_bytes(*head.get(at..)?.first_chunk()?)).ok();
        let (id, rest) = rest.split_at_checked(length(0)?)?;
        let (bytes, rest) = rest.split_at_checked(length(4)?)?;
        frames = rest;
        Some(RecordDocument { id: std::str::from_utf8(id).ok()?, bytes })
    })
}

impl Sheets {
    pub(crate) fn compile(shape: &Shape) -> Self {
        let mut letters = shape.singular.chars();
        let title = letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
        Self { title }
    }

    /// Appends the frame of one record; `false` when it cannot be written.
    pub(crate) fn write(
        &self,
        record: &Document<'_>,
        selection: &Selection,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> bool {
        let id = record.root().get("_id").and_then(|id| id.text()).map(|id| id.decoded().into_owned());
        let id = id.unwrap_or_default();
        let mut text = std::mem::take(&mut scratch.cell);
        text.clear();
        json::write(record, selection, scratch, &mut text);
        // What was just written from a record that was read can be read.
        let joint = if selection.names().is_empty() { '.' } else { '/' };
        let rows = Tape::new().scan(&text).map(|selected| rows::rows(selected.root(), joint)).unwrap_or_default();
        scratch.cell = text;
        let Some(bytes) = write::write(&self.title, &id, &rows) else { return false };
        let lengths = (u32::try_from(id.len()), u32::try_from(bytes.len()));
        let (Ok(id_bytes), Ok(document_bytes)) = lengths else { return false };
        out.extend_from_slice(&id_bytes.to_le_bytes());
        out.extend_from_slice(&document_bytes.to_le_bytes());
        out.extend_from_slice(id.as_bytes());
        out.extend_from_slice(&bytes);
        true
    }
}
