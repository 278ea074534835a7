//! Files of records: which of them an export takes along, and their bytes made ready for its archive.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use waybill_archive::{DeflateError, Level, deflate_block, plain_crc32, stored_block};
use waybill_record::{Document, Kind, Value};

/// A file that a record names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRef {
    /// The record's `_id`.
    #[serde(rename = "r")]
    pub record: String,
    /// Which of the plan's file properties.
    #[serde(rename = "p")]
    pub property: usize,
    /// Its place in the property's array, from 1.
    #[serde(rename = "n")]
    pub number: u32,
    /// Its id; empty when the value says none.
    #[serde(rename = "i")]
    pub id: String,
    /// What it is called.
    #[serde(rename = "f")]
    pub name: String,
    /// Its media type.
    #[serde(rename = "m")]
    pub media_type: String,
    /// Its size in bytes.
    #[serde(rename = "s")]
    pub size_bytes: u64,
}

/// Files in the order of their records, each as a line of JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileRefs {
    lines: Vec<u8>,
    count: u64,
    size_bytes: u64,
}

impl FileRefs {
    /// The lines, each a [`FileRef`] as JSON with a line break.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sizes together, in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Appends those of the next chunk.
    pub fn append(&mut self, next: &Self) {
        self.lines.extend_from_slice(&next.lines);
        self.count += next.count;
        self.size_bytes = self.size_bytes.saturating_add(next.size_bytes);
    }

    fn push(&mut self, file: &FileRef) {
        if serde_json::to_writer(&mut self.lines, file).is_ok() {
            self.lines.push(b'\n');
            self.count += 1;
            self.size_bytes = self.size_bytes.saturating_add(file.size_bytes);
        }
    }

    /// Appends the files that `record` names in `properties`, the first of which is the plan's at the place `first`.
    pub(crate) fn collect(&mut self, (first, properties): (usize, &[String]), record: &Document<'_>) {
        let root = record.root();
        for (property, name) in (first..).zip(properties) {
            let Some(value) = root.get(name).filter(|value| !value.is_null()) else { continue };
            if value.kind() == Kind::Array {
                for (number, element) in (1..).zip(value.elements()).filter(|(_, element)| !element.is_null()) {
                    self.push(&named(root, property, number, element));
                }
            } else {
                self.push(&named(root, property, 1, value));
            }
        }
    }
}

fn named(root: Value<'_>, property: usize, number: u32, value: Value<'_>) -> FileRef {
    let text = |value: Value<'_>, name: &str| {
        let text = value.get(name).and_then(|member| member.text());
        text.map(|text| text.decoded().into_owned()).unwrap_or_default()
    };
    let size = value.get("size").and_then(|size| size.number()?.parse().ok());
    FileRef {
        record: text(root, "_id"),
        property,
        number,
        id: text(value, "_id"),
        name: text(value, "filename"),
        media_type: text(value, "mime"),
        size_bytes: size.unwrap_or(0),
    }
}

/// A piece of a file, ready to be assembled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePiece {
    pub(crate) plain: Bytes,
    pub(crate) deflated: Vec<u8>,
    pub(crate) crc32: u32,
}

impl FilePiece {
    /// A piece of a file; not compressed where that would gain nothing.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn new(plain: Bytes, precompressed: bool, level: Level) -> Result<Self, DeflateError> {
        let mut deflated = if precompressed { Vec::new() } else { deflate_block(&plain, level)? };
        if precompressed || deflated.len() > plain.len() {
            deflated = stored_block(&plain);
        }
        Ok(Self { crc32: plain_crc32(&plain), plain, deflated })
    }

    /// Its plain size in bytes.
    pub fn size_bytes(&self) -> u64 {
        u64::try_from(self.plain.len()).unwrap_or(u64::MAX)
    }
}
