//! Checks a downloaded archive against what the API and its own manifest say.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use super::client::DataFile;

/// The entry that describes the others.
const MANIFEST: &str = "manifest.json";
/// Lines of the beginning that are shown, and characters of each.
const SHOWN: (usize, usize) = (4, 110);

/// A whole archive.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) size_bytes: u64,
    /// Hex.
    pub(super) sha256: String,
    pub(super) entries: Vec<Entry>,
    pub(super) records: u64,
    /// First lines of the records, cut.
    pub(super) beginning: Vec<String>,
}

/// An entry of an archive.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) size_bytes: u64,
    pub(super) packed_bytes: u64,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    format: String,
    counts: Counts,
    entries: Vec<Described>,
}

#[derive(Debug, Deserialize)]
struct Counts {
    records: u64,
}

#[derive(Debug, Deserialize)]
struct Described {
    name: String,
    size: u64,
    sha256: String,
}

/// Reads the archive at `path` from its first byte to its last; `records` are expected in it.
pub(super) fn check(path: &Path, expected: &DataFile, records: u64) -> Result<Checked> {
    let (size_bytes, sha256) = digest(File::open(path)?)?;
    ensure!(size_bytes == expected.size, "it has {size_bytes} bytes, the API says {}", expected.size);
    ensure!(sha256.starts_with(&expected.etag), "its SHA-256 is {sha256}, the API says {}...", expected.etag);
    let mut zip = ZipArchive::new(BufReader::new(File::open(path)?))?;
    let entries = entries(&mut zip)?;
    // Reading an entry to its end compares its CRC-32.
    let manifest: Manifest = serde_json::from_reader(zip.by_name(MANIFEST)?).context("its manifest cannot be read")?;
    let described: BTreeSet<&str> = manifest.entries.iter().map(|entry| entry.name.as_str()).collect();
    let named: BTreeSet<&str> =
        entries.iter().map(|entry| entry.name.as_str()).filter(|name| *name != MANIFEST).collect();
    ensure!(described == named, "its entries are {named:?}, its manifest says {described:?}");
    for entry in &manifest.entries {
        let (size, sha256) = digest(zip.by_name(&entry.name)?)?;
        ensure!(size == entry.size, "{} has {size} bytes, the manifest says {}", entry.name, entry.size);
        ensure!(sha256 == entry.sha256, "{} has SHA-256 {sha256}, the manifest says {}", entry.name, entry.sha256);
    }
    let first = manifest.entries.first().context("it has no entry")?;
    let counted = count(BufReader::new(zip.by_name(&first.name)?), &manifest.format)?;
    ensure!(
        counted == records && counted == manifest.counts.records,
        "it has {counted} records, its manifest says {} and the API {records}",
        manifest.counts.records
    );
    let beginning = beginning(BufReader::new(zip.by_name(&first.name)?))?;
    Ok(Checked { size_bytes, sha256, entries, records, beginning })
}

fn entries<R: Read + Seek>(zip: &mut ZipArchive<R>) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index)?;
        let name = entry.name()?.into_owned();
        entries.push(Entry { name, size_bytes: entry.size(), packed_bytes: entry.compressed_size() });
    }
    Ok(entries)
}

/// Bytes and SHA-256.
fn digest(mut reader: impl Read) -> Result<(u64, String)> {
    let (mut hasher, mut total) = (Sha256::new(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let taken = reader.read(&mut buffer)?;
        if taken == 0 {
            return Ok((total, hex::encode(hasher.finalize())));
        }
        hasher.update(&buffer[..taken]);
        total += u64::try_from(taken)?;
    }
}

fn count(reader: impl BufRead, media_type: &str) -> Result<u64> {
    let counted = match media_type {
        "text/csv" => {
            let mut csv = csv::Reader::from_reader(reader);
            let (mut record, mut records) = (csv::ByteRecord::new(), 0);
            while csv.read_byte_record(&mut record)? {
                records += 1;
            }
            return Ok(records);
        }
        "application/json" => serde_json::from_reader::<_, Vec<IgnoredAny>>(reader)?.len(),
        "application/x-ndjson" => {
            let mut values = serde_json::Deserializer::from_reader(reader).into_iter::<IgnoredAny>();
            values.try_fold(0, |records: usize, value| value.map(|_| records + 1))?
        }
        other => bail!("its format is {other}"),
    };
    Ok(u64::try_from(counted)?)
}

fn beginning(reader: impl BufRead) -> Result<Vec<String>> {
    let (lines, characters) = SHOWN;
    // A JSON array may be one line of any length.
    let limited = BufReader::new(reader.take(16 * 1024));
    let mut shown = Vec::new();
    for line in limited.split(b'\n').take(lines) {
        let line = String::from_utf8_lossy(&line?).trim_end().to_owned();
        let cut: String = line.chars().take(characters).collect();
        let more = if cut.len() < line.len() { "..." } else { "" };
        shown.push(format!("{cut}{more}"));
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    const CSV: &str = "_id,name\r\n1,\"a\r\nb\"\r\n2,c\r\n";

    fn archive(csv: &str, described: &str, records: u64) -> (tempfile::NamedTempFile, DataFile) {
        let (size, sha256) = digest(described.as_bytes()).unwrap();
        let manifest = serde_json::json!({
            "version": 1,
            "format": "text/csv",
            "counts": {"records": records},
            "entries": [{"name": "things.csv", "size": size, "sha256": sha256, "offset": 0}],
        });
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut zip = ZipWriter::new(&mut file);
        for (name, text) in [("things.csv", csv), (MANIFEST, &manifest.to_string())] {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        let (size, sha256) = digest(File::open(file.path()).unwrap()).unwrap();
        (file, DataFile { etag: sha256[..32].to_owned(), size })
    }

    #[test]
    fn a_whole_archive_is_told_by_its_content() {
        let (file, facet) = archive(CSV, CSV, 2);
        let checked = check(file.path(), &facet, 2).unwrap();
        assert_eq!((checked.records, checked.size_bytes), (2, facet.size));
        assert_eq!(checked.entries[0].name, "things.csv");
        assert_eq!(checked.beginning, ["_id,name", "1,\"a", "b\"", "2,c"]);
    }

    #[test]
    fn what_does_not_agree_is_named() {
        let error = |csv: &str, described: &str, records: u64, change: fn(&mut DataFile)| {
            let (file, mut facet) = archive(csv, described, records);
            change(&mut facet);
            check(file.path(), &facet, 2).unwrap_err().to_string()
        };
        assert!(error(CSV, CSV, 2, |facet| facet.size += 1).contains("bytes, the API says"));
        assert!(error(CSV, CSV, 2, |facet| facet.etag = "0".repeat(32)).contains("its SHA-256 is"));
        assert!(error(CSV, "_id,name\r\n1,\"a\r\nb\"\r\n2,d\r\n", 2, |_| {}).contains("things.csv has SHA-256"));
        assert!(error(CSV, CSV, 3, |_| {}).contains("it has 2 records, its manifest says 3 and the API 2"));
    }

    #[test]
    fn a_damaged_byte_is_found() {
        let (file, mut facet) = archive(CSV, CSV, 2);
        let mut bytes = std::fs::read(file.path()).unwrap();
        // Behind the local header and the name of the first entry.
        bytes[45] ^= 0xff;
        std::fs::write(file.path(), &bytes).unwrap();
        facet.etag = digest(bytes.as_slice()).unwrap().1[..32].to_owned();
        assert!(check(file.path(), &facet, 2).is_err());
    }

    #[test]
    fn records_are_counted_in_every_format() {
        assert_eq!(count(CSV.as_bytes(), "text/csv").unwrap(), 2);
        assert_eq!(count(&b"[{\"a\":1},\n{}]"[..], "application/json").unwrap(), 2);
        assert_eq!(count(&b"{\"a\":1}\n{}\n"[..], "application/x-ndjson").unwrap(), 2);
        assert!(count(&b""[..], "application/pdf").is_err());
    }

    #[test]
    fn long_lines_are_cut() {
        let text = format!("{}\nb\nc\nd\ne\n", "x".repeat(40_000));
        let shown = beginning(text.as_bytes()).unwrap();
        assert_eq!(shown, [format!("{}...", "x".repeat(110))]);
    }
}
