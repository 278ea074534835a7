//! The archive's own description, its last entry.

use crate::assembly::AssemblyHeader;
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
    entries: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Counts {
    records: u64,
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

/// The manifest as JSON, two spaces a level, a newline at the end.
pub(crate) fn manifest(
    header: &AssemblyHeader,
    encoder: &Encoder,
    records: u64,
    entries: &[EntrySummary],
) -> Result<Vec<u8>, serde_json::Error> {
    let manifest = Manifest {
        version: 1,
        export: &header.export,
        org: header.org.as_deref(),
        collection: &header.collection,
        format: encoder.format().mime(),
        raw_cells: encoder.raw_cells(),
        request: &header.request,
        counts: Counts { records },
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
    text.push(b'\n');
    Ok(text)
}
