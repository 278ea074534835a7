//! One record after another, in one of the formats.

use crate::csv::{self, Slot};
use crate::detailed_csv::Detail;
use crate::format::Format;
use crate::json;
use crate::json_api::Resource;
use crate::pdf::Sheets;
use crate::selection::Selection;
use crate::shape::Shape;
use crate::xml::{Markup, Strings};
use waybill_record::{Document, Handle};

/// Writes the selected parts of records in a format.
#[derive(Clone, Debug)]
pub struct Encoder {
    format: Format,
    writer: Writer,
    selection: Selection,
    raw_cells: bool,
}

/// A format with what it makes of the selection ahead of the first record.
#[derive(Clone, Debug)]
enum Writer {
    Ndjson,
    Json,
    Csv,
    DetailedCsv(Detail),
    Xml(Markup),
    JsonApi(Resource),
    Pdf(Sheets),
}

/// A record that a format cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Its arrays are so long, and what they would repeat so large, that its lines would take over 32 MiB.
    #[error("its arrays make over 32 MiB of lines; choose fewer columns, or another format")]
    TooManyLines,
    /// It cannot be set on pages.
    #[error("no document can be made of it; choose another format")]
    NoDocument,
}

/// Memory that encoding records reuses; one per thread, usable with any encoder.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) found: Vec<Option<Handle>>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) text: String,
    pub(crate) cell: Vec<u8>,
    pub(crate) strings: Strings,
}

impl Scratch {
    /// Empty memory.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Encoder {
    /// An encoder for records of the collection that `shape` describes; `raw_cells` leaves text cells of a table as they
    /// are, even when a spreadsheet would take them for formulas.
    pub fn new(format: Format, selection: Selection, shape: &Shape, raw_cells: bool) -> Self {
        let writer = match format {
            Format::Ndjson => Writer::Ndjson,
            Format::Json => Writer::Json,
            Format::Csv => Writer::Csv,
            Format::DetailedCsv => Writer::DetailedCsv(Detail::compile(&selection, &shape.properties)),
            Format::Xml => Writer::Xml(Markup::compile(&selection, shape)),
            Format::JsonApi => Writer::JsonApi(Resource::compile(&selection, shape)),
            Format::Pdf => Writer::Pdf(Sheets::compile(shape)),
        };
        Self { format, writer, selection, raw_cells }
    }

    /// Its format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Its selection.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Whether text cells are left as they are.
    pub fn raw_cells(&self) -> bool {
        self.raw_cells
    }

    /// The bytes before the first record.
    pub fn prologue(&self) -> Vec<u8> {
        match &self.writer {
            Writer::Ndjson | Writer::Pdf(_) => Vec::new(),
            Writer::Json | Writer::JsonApi(_) => b"[".to_vec(),
            Writer::Csv => csv::header(&self.selection, ".", self.raw_cells),
            Writer::DetailedCsv(_) => csv::header(&self.selection, "/", self.raw_cells),
            Writer::Xml(markup) => markup.prologue(),
        }
    }

    /// The bytes between two pages that have records.
    pub fn separator(&self) -> &'static [u8] {
        match &self.writer {
            Writer::Ndjson | Writer::Csv | Writer::DetailedCsv(_) | Writer::Xml(_) | Writer::Pdf(_) => b"",
            Writer::Json | Writer::JsonApi(_) => b",",
        }
    }

    /// The bytes behind the last record.
    pub fn epilogue(&self) -> Vec<u8> {
        match &self.writer {
            Writer::Ndjson | Writer::Csv | Writer::DetailedCsv(_) | Writer::Pdf(_) => Vec::new(),
            Writer::Json | Writer::JsonApi(_) => b"\n]\n".to_vec(),
            Writer::Xml(markup) => markup.epilogue(),
        }
    }

    /// Appends one record to the bytes of its page; `first` tells whether it is the page's first.
    ///
    /// # Errors
    /// A record that the format cannot hold; the page is then of no use.
    pub fn encode(
        &self,
        record: &Document<'_>,
        first: bool,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let selection = &self.selection;
        match &self.writer {
            Writer::Ndjson => {
                json::write(record, selection, scratch, out);
                out.push(b'\n');
            }
            Writer::Json => {
                out.extend_from_slice(if first { b"\n" } else { b",\n" });
                json::write(record, selection, scratch, out);
            }
            Writer::Csv => csv::write(record, selection, self.raw_cells, scratch, out),
            Writer::DetailedCsv(detail) => detail.write(record, selection, self.raw_cells, scratch, out)?,
            Writer::Xml(markup) => markup.write(record, selection, scratch, out),
            Writer::Pdf(sheets) => {
                if !sheets.write(record, selection, scratch, out) {
                    return Err(EncodeError::NoDocument);
                }
            }
            Writer::JsonApi(resource) => {
                out.extend_from_slice(if first { b"\n" } else { b",\n" });
                resource.write(record, selection, scratch, out);
            }
        }
        Ok(())
    }
}
