//! One record after another, in one of the formats.

use crate::csv::{self, Slot};
use crate::format::Format;
use crate::json;
use crate::selection::Selection;
use waybill_record::{Document, Handle};

/// Writes the selected parts of records in a format.
#[derive(Clone, Debug)]
pub struct Encoder {
    format: Format,
    selection: Selection,
    raw_cells: bool,
}

/// Memory that encoding records reuses; one per thread, usable with any encoder.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) found: Vec<Option<Handle>>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) text: String,
    pub(crate) cell: Vec<u8>,
}

impl Scratch {
    /// Empty memory.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Encoder {
    /// An encoder; `raw_cells` leaves text cells of a table as they are, even when a spreadsheet would take them for
    /// formulas.
    pub fn new(format: Format, selection: Selection, raw_cells: bool) -> Self {
        Self { format, selection, raw_cells }
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
        match self.format {
            Format::Ndjson => Vec::new(),
            Format::Json => b"[".to_vec(),
            Format::Csv => csv::header(&self.selection, self.raw_cells),
        }
    }

    /// The bytes between two pages that have records.
    pub fn separator(&self) -> &'static [u8] {
        match self.format {
            Format::Ndjson | Format::Csv => b"",
            Format::Json => b",",
        }
    }

    /// The bytes behind the last record.
    pub fn epilogue(&self) -> &'static [u8] {
        match self.format {
            Format::Ndjson | Format::Csv => b"",
            Format::Json => b"\n]\n",
        }
    }

    /// Appends one record to the bytes of its page; `first` tells whether it is the page's first.
    pub fn encode(&self, record: &Document<'_>, first: bool, scratch: &mut Scratch, out: &mut Vec<u8>) {
        match self.format {
            Format::Ndjson => {
                json::write(record, &self.selection, scratch, out);
                out.push(b'\n');
            }
            Format::Json => {
                out.extend_from_slice(if first { b"\n" } else { b",\n" });
                json::write(record, &self.selection, scratch, out);
            }
            Format::Csv => csv::write(record, &self.selection, self.raw_cells, scratch, out),
        }
    }
}
