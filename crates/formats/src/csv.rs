//! A record's selected parts as a line of RFC 4180.

use crate::encoder::Scratch;
use crate::selection::{Branch, Selection};
use waybill_record::{Document, Handle, Kind, Path, Value};

/// What a column of the current record holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    /// Nothing.
    Missing,
    /// One value.
    Value(Handle),
    /// What the rest of the column's path, from this segment on, finds in the objects of an array.
    Gather(Handle, usize),
}

/// The header line: the names of the columns, or their paths, their segments joined by `joint`.
pub(crate) fn header(selection: &Selection, joint: &str, raw_cells: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for (position, path) in selection.columns().iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        match selection.names().get(position) {
            Some(name) => write_text(name, raw_cells, &mut out),
            None => write_text(&path.segments().join(joint), raw_cells, &mut out),
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// Appends the line of one record.
pub(crate) fn write(
    record: &Document<'_>,
    selection: &Selection,
    raw_cells: bool,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) {
    scratch.slots.clear();
    scratch.slots.resize(selection.columns().len(), Slot::Missing);
    fill(selection.root(), record.root(), 1, &mut scratch.slots);
    write_line(record, selection.columns(), raw_cells, scratch, out);
}

/// Appends the line that the slots make.
pub(crate) fn write_line(
    record: &Document<'_>,
    columns: &[Path],
    raw_cells: bool,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    for (position, path) in columns.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        match scratch.slots[position] {
            Slot::Missing => {}
            Slot::Value(handle) => {
                let value = record.value(handle);
                write_value(value, raw_cells, &mut scratch.text, &mut scratch.cell, out);
            }
            Slot::Gather(handle, depth) => {
                scratch.cell.clear();
                scratch.cell.push(b'[');
                gather(record.value(handle), &path.segments()[depth..], &mut scratch.cell);
                scratch.cell.push(b']');
                write_quoted_if_needed(&scratch.cell, out);
            }
        }
    }
    if out.len() == start {
        // A line without a byte is no record to most readers.
        out.extend_from_slice(b"\"\"");
    }
    out.extend_from_slice(b"\r\n");
}

/// Finds the columns' values in `object`, whose properties are the segments before `depth`.
fn fill(branch: &Branch, object: Value<'_>, depth: usize, slots: &mut [Slot]) {
    for (key, value) in object.members() {
        let Some(position) = branch.keys.find(key) else {
            continue;
        };
        let twig = &branch.twigs[position];
        if let Some(column) = twig.column {
            slots[column] = Slot::Value(value.handle());
        }
        let Some(inside) = &twig.inside else {
            continue;
        };
        // A key may come twice; what the first one held must not shine through.
        let slot = match value.kind() {
            Kind::Array => Slot::Gather(value.handle(), depth),
            _ => Slot::Missing,
        };
        for &column in &twig.inner_columns {
            slots[column] = slot;
        }
        if value.kind() == Kind::Object {
            fill(inside, value, depth + 1, slots);
        }
    }
}

/// Appends, with commas between, what `segments` lead to in the objects of an array, and of arrays inside. An element in which they
/// lead to nothing has a `null`, so that cells of one array line up.
fn gather(array: Value<'_>, segments: &[String], cell: &mut Vec<u8>) {
    for element in array.elements() {
        gather_from(element, segments, cell);
    }
}

fn gather_from(value: Value<'_>, segments: &[String], cell: &mut Vec<u8>) {
    let Some((name, rest)) = segments.split_first() else {
        separate(cell);
        return value.write_compact(cell);
    };
    match value.get(name) {
        Some(inner) if !rest.is_empty() && inner.kind() == Kind::Array => gather(inner, rest, cell),
        Some(inner) => gather_from(inner, rest, cell),
        None => {
            separate(cell);
            cell.extend_from_slice(b"null");
        }
    }
}

fn separate(cell: &mut Vec<u8>) {
    if cell.len() > 1 {
        cell.push(b',');
    }
}

fn write_value(value: Value<'_>, raw_cells: bool, text: &mut String, cell: &mut Vec<u8>, out: &mut Vec<u8>) {
    match value.kind() {
        Kind::Null => {}
        Kind::Boolean | Kind::Number => out.extend_from_slice(value.source()),
        Kind::Text => {
            let Some(source) = value.text() else { return };
            if source.is_escaped() {
                text.clear();
                source.decode_into(text);
                write_text(text, raw_cells, out);
            } else {
                write_text(source.source(), raw_cells, out);
            }
        }
        Kind::Array | Kind::Object => {
            cell.clear();
            value.write_compact(cell);
            write_quoted_if_needed(cell, out);
        }
    }
}

/// Writes a text cell, kept from being a formula unless `raw_cells`.
fn write_text(text: &str, raw_cells: bool, out: &mut Vec<u8>) {
    if !raw_cells && starts_formula(text) {
        if needs_quotes(text.as_bytes()) {
            out.extend_from_slice(b"\"'");
            write_doubling_quotes(text.as_bytes(), out);
            out.push(b'"');
        } else {
            out.push(b'\'');
            out.extend_from_slice(text.as_bytes());
        }
        return;
    }
    write_quoted_if_needed(text.as_bytes(), out);
}

/// Whether a spreadsheet may take the text for a formula: `= + - @`, their full-width forms, TAB, CR or LF first.
fn starts_formula(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r' | b'\n') => true,
        // Where the full-width forms begin.
        Some(0xEF) => text.starts_with(['\u{FF1D}', '\u{FF0B}', '\u{FF0D}', '\u{FF20}']),
        _ => false,
    }
}

/// Whether the cell holds a quote, a comma or a line end.
fn needs_quotes(cell: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let holds = |word: u64, byte: u64| {
        let found = word ^ (ONES * byte);
        found.wrapping_sub(ONES) & !found
    };
    let mut words = cell.chunks_exact(8);
    let mut found = 0;
    for word in words.by_ref() {
        let word = word.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
        found |= holds(word, 0x22) | holds(word, 0x2C) | holds(word, 0x0D) | holds(word, 0x0A);
    }
    found & HIGH != 0 || words.remainder().iter().any(|byte| matches!(byte, b'"' | b',' | b'\r' | b'\n'))
}

fn write_quoted_if_needed(cell: &[u8], out: &mut Vec<u8>) {
    if needs_quotes(cell) {
        out.push(b'"');
        write_doubling_quotes(cell, out);
        out.push(b'"');
    } else {
        out.extend_from_slice(cell);
    }
}

fn write_doubling_quotes(mut cell: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(b'"', cell) {
        let (before, rest) = cell.split_at(at + 1);
        out.extend_from_slice(before);
        out.push(b'"');
        cell = rest;
    }
    out.extend_from_slice(cell);
}
