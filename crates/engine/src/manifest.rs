//! The archive's own description, its last entry.

use crate::assembly::AssemblyHeader;
use crate::file_assembly::FileTally;
use crate::files::FileRef;
use serde::Serialize;
use waybill_archive::EntrySummary;
use waybill_formats::Encoder;

/// What `manifest.json` says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    version: u32,
    export: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<&'a str>,
    collection: &'a str,
    format: &'a str,
    /// Present where text cells may hold formulas.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    raw_cells: bool,
    request: &'a serde_json::Value,
    counts: Counts,
    /// Where each collection has an entry of its own: which, and with how many records.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    collections: Vec<SectionLine<'a>>,
    entries: Vec<Entry<'a>>,
}

/// The records of one of several collections.
#[derive(Serialize)]
pub(crate) struct SectionLine<'a> {
    pub(crate) collection: &'a str,
    /// The entry that they lie in.
    pub(crate) name: &'a str,
    pub(crate) records: u64,
}

/// How much is in the archive.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    records: u64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    files: Option<FileCounts>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileCounts {
    files: u64,
    file_bytes: u64,
    missing_files: u64,
}

impl Counts {
    pub(crate) fn new(records: u64, files: Option<FileTally>) -> Self {
        let counts = |tally: FileTally| FileCounts {
            files: tally.count,
            file_bytes: tally.size_bytes,
            missing_files: tally.missing,
        };
        Self { records, files: files.map(counts) }
    }
}

/// A file that is in the archive, whole or not.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileLine<'a> {
    /// Present where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    collection: Option<&'a str>,
    record: &'a str,
    property: &'a str,
    id: &'a str,
    filename: &'a str,
    mime: &'a str,
    name: &'a str,
    offset: u64,
    size: u64,
    compressed_size: u64,
    crc32: String,
    sha256: &'a str,
    /// Present where it is not whole: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<&'a str>,
}

impl<'a> FileLine<'a> {
    pub(crate) fn new(
        file: &'a FileRef,
        (collection, property): (Option<&'a str>, &'a str),
        entry: &'a EntrySummary,
        broken: Option<&'a str>,
    ) -> Self {
        Self {
            collection,
            record: &file.record,
            property,
            id: &file.id,
            filename: &file.name,
            mime: &file.media_type,
            name: entry.name.as_str(),
            offset: entry.offset,
            size: entry.size,
            compressed_size: entry.compressed_size,
            crc32: format!("{:08x}", entry.crc32),
            sha256: &entry.sha256,
            broken,
        }
    }
}

/// The document of a record.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DocumentLine<'a> {
    record: &'a str,
    name: &'a str,
    offset: u64,
    size: u64,
    compressed_size: u64,
    crc32: String,
    sha256: &'a str,
}

impl<'a> DocumentLine<'a> {
    pub(crate) fn new(record: &'a str, entry: &'a EntrySummary) -> Self {
        Self {
            record,
            name: entry.name.as_str(),
            offset: entry.offset,
            size: entry.size,
            compressed_size: entry.compressed_size,
            crc32: format!("{:08x}", entry.crc32),
            sha256: &entry.sha256,
        }
    }
}

/// A file that a record names and that is not in the archive.
#[derive(Serialize)]
pub(crate) struct MissingFile<'a> {
    /// Present where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    collection: Option<&'a str>,
    record: &'a str,
    property: &'a str,
    id: &'a str,
    filename: &'a str,
    missing: &'a str,
}

impl<'a> MissingFile<'a> {
    pub(crate) fn new(file: &'a FileRef, (collection, property): (Option<&'a str>, &'a str), missing: &'a str) -> Self {
        Self { collection, record: &file.record, property, id: &file.id, filename: &file.name, missing }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    name: &'a str,
    offset: u64,
    size: u64,
    compressed_size: u64,
    /// Eight hexadecimal digits, as other tools print it.
    crc32: String,
    sha256: &'a str,
}

/// The manifest as JSON, two spaces a level, as far as the lines of what it lists (`listed`), each of which begins with its own separator.
pub(crate) fn manifest_head(
    header: &AssemblyHeader,
    encoder: &Encoder,
    (counts, collections): (Counts, Vec<SectionLine<'_>>),
    entries: &[EntrySummary],
    listed: bool,
) -> Result<Vec<u8>, serde_json::Error> {
    let manifest = Manifest {
        version: 1,
        export: &header.export,
        org: header.org.as_deref(),
        collection: &header.collection,
        format: encoder.format().mime(),
        raw_cells: encoder.raw_cells(),
        request: &header.request,
        counts,
        collections,
        entries: entries
            .iter()
            .map(|entry| Entry {
                name: entry.name.as_str(),
                offset: entry.offset,
                size: entry.size,
                compressed_size: entry.compressed_size,
                crc32: format!("{:08x}", entry.crc32),
                sha256: &entry.sha256,
            })
            .collect(),
    };
    let mut text = serde_json::to_vec_pretty(&manifest)?;
    // The last line is the closing brace.
    text.truncate(text.len().saturating_sub(2));
    if listed {
        text.extend_from_slice(b",\n  \"files\": [");
    }
    Ok(text)
}

/// What comes behind those lines.
pub(crate) fn manifest_tail(lines: Option<u64>) -> &'static [u8] {
    match lines {
        None => b"\n}\n",
        Some(0) => b"]\n}\n",
        Some(_) => b"\n  ]\n}\n",
    }
}
