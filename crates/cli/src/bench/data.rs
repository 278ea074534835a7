//! The data of a benchmark on disk, while it runs: the same records as lines, as pages of the record table, and as
//! replies of a table of `DynamoDB`.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waybill_record::stored;

use super::job::PrepareJob;
use super::records::{self, ORG_ATTRIBUTE};

/// Records that one thread makes at a time.
const BATCH: u64 = 10_000;
/// A page of `DynamoDB` ends with the item that makes it this large.
const PAGE_BYTES: usize = 1 << 20;
/// What the keys of a record's item add to its size.
const KEY_BYTES: usize = 80;

/// Where the records lie, one a line.
pub(super) fn lines(folder: &Path) -> PathBuf {
    folder.join("people.ndjson")
}

/// Pages in one file, one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paged {
    /// Records in their stored form, each behind its length (four bytes, little-endian).
    Stored,
    /// Items as `DynamoDB` sends them: the elements of a JSON array.
    Wire,
}

impl Paged {
    fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Wire => "wire",
        }
    }
}

/// Where a page lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    start: u64,
    size: u64,
    records: u64,
}

/// The pages of one file, opened for reading from any thread.
#[derive(Debug)]
pub(super) struct PageFile {
    file: File,
    spans: Vec<Span>,
}

impl PageFile {
    /// Opens the pages of a folder.
    pub(super) fn open(folder: &Path, paged: Paged) -> Result<Self> {
        let index = fs::read(folder.join(format!("{}.json", paged.name()))).context("the pages have no index")?;
        let file = File::open(folder.join(format!("{}.pages", paged.name()))).context("there are no pages")?;
        Ok(Self { file, spans: serde_json::from_slice(&index)? })
    }

    /// How many pages there are.
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.spans.len()).unwrap_or(u64::MAX)
    }

    /// How many records they hold.
    pub(super) fn records(&self) -> u64 {
        self.spans.iter().map(|span| span.records).sum()
    }

    /// How many bytes.
    pub(super) fn size_bytes(&self) -> u64 {
        self.spans.iter().map(|span| span.size).sum()
    }

    /// The bytes of page `number` behind `before`, and how many records it holds.
    pub(super) fn read(&self, number: u64, before: &[u8]) -> Result<(Vec<u8>, u64)> {
        let span = usize::try_from(number).ok().and_then(|number| self.spans.get(number)).context("no such page")?;
        let size = usize::try_from(span.size)?;
        let mut bytes = Vec::with_capacity(before.len() + size + 256);
        bytes.extend_from_slice(before);
        bytes.resize(before.len() + size, 0);
        self.file.read_exact_at(&mut bytes[before.len()..], span.start)?;
        Ok((bytes, span.records))
    }
}

/// The records of a page of [`Paged::Stored`].
pub(super) fn stored_records(page: Vec<u8>, records: u64) -> Result<Vec<Bytes>> {
    let page = Bytes::from(page);
    let mut found = Vec::with_capacity(usize::try_from(records)?);
    let mut at = 0;
    while at < page.len() {
        let Some(length) = page.get(at..at + 4).and_then(|length| length.try_into().ok()) else {
            bail!("a page ends within a length");
        };
        let start = at + 4;
        at = start + usize::try_from(u32::from_le_bytes(length))?;
        if at > page.len() {
            bail!("a page ends within a record");
        }
        found.push(page.slice(start..at));
    }
    Ok(found)
}

/// Pages that are being put together.
#[derive(Debug, Default)]
struct Paging {
    pages: Vec<(Vec<u8>, u64)>,
    billed: usize,
}

impl Paging {
    fn add(&mut self, bytes: &[u8], billed: usize, separator: &[u8]) {
        if self.billed >= PAGE_BYTES || self.pages.is_empty() {
            self.pages.push((Vec::with_capacity(2 * PAGE_BYTES), 0));
            self.billed = 0;
        }
        if let Some((page, records)) = self.pages.last_mut() {
            if *records > 0 {
                page.extend_from_slice(separator);
            }
            page.extend_from_slice(bytes);
            *records += 1;
        }
        self.billed += billed;
    }
}

/// What one thread has made.
#[derive(Debug, Default)]
struct Batch {
    lines: Vec<u8>,
    stored: Paging,
    wire: Paging,
}

impl Batch {
    fn make(numbers: std::ops::Range<u64>, wanted: &[Paged]) -> Result<Self> {
        let mut batch = Self::default();
        for number in numbers {
            let (_, json) = records::record(number);
            batch.lines.extend_from_slice(json.as_bytes());
            batch.lines.push(b'\n');
            if wanted.contains(&Paged::Stored) {
                let stored = stored::encode(json.as_bytes());
                let mut framed = u32::try_from(stored.len())?.to_le_bytes().to_vec();
                framed.extend_from_slice(&stored);
                batch.stored.add(&framed, stored.len() + KEY_BYTES, b"");
            }
            if wanted.contains(&Paged::Wire) {
                let (item, billed) = item(&serde_json::from_str(&json)?);
                batch.wire.add(item.as_bytes(), billed, b",");
            }
        }
        Ok(batch)
    }
}

/// A record as an item: its text on the wire, and the size that a table counts.
fn item(record: &Value) -> (String, usize) {
    let mut wire = String::with_capacity(1200);
    let billed = members(record, &mut wire);
    wire.truncate(wire.len() - 1);
    wire.extend([r#",""#, ORG_ATTRIBUTE, r#"":{"S":"bench"}}"#]);
    (wire, billed + ORG_ATTRIBUTE.len() + "bench".len())
}

fn members(document: &Value, wire: &mut String) -> usize {
    let mut billed = 0;
    wire.push('{');
    for (position, (name, value)) in document.as_object().into_iter().flatten().enumerate() {
        if position > 0 {
            wire.push(',');
        }
        wire.push_str(&Value::from(name.as_str()).to_string());
        wire.push(':');
        billed += name.len() + attribute(value, wire);
    }
    wire.push('}');
    billed
}

/// One attribute value; sizes as the developer guide of `DynamoDB` counts them ("Item sizes and formats").
fn attribute(value: &Value, wire: &mut String) -> usize {
    let (kind, billed) = match value {
        Value::Null => (r#"{"NULL":true"#.to_owned(), 1),
        Value::Bool(truth) => (format!(r#"{{"BOOL":{truth}"#), 1),
        Value::Number(number) => (format!(r#"{{"N":"{number}""#), number.to_string().len().div_ceil(2) + 1),
        Value::String(text) => (format!(r#"{{"S":{value}"#), text.len()),
        Value::Array(elements) => {
            wire.push_str(r#"{"L":["#);
            let mut billed = 3;
            for (position, element) in elements.iter().enumerate() {
                if position > 0 {
                    wire.push(',');
                }
                billed += 1 + attribute(element, wire);
            }
            ("]".to_owned(), billed)
        }
        Value::Object(_) => {
            wire.push_str(r#"{"M":"#);
            let billed = 3 + members(value, wire);
            (String::new(), billed)
        }
    };
    wire.push_str(&kind);
    wire.push('}');
    billed
}

/// Pages being written, and where each lies.
struct PageWriter {
    file: BufWriter<File>,
    spans: Vec<Span>,
    at: u64,
}

impl PageWriter {
    fn create(folder: &Path, paged: Paged) -> Result<Self> {
        let file = File::create(folder.join(format!("{}.pages", paged.name())))?;
        Ok(Self { file: BufWriter::new(file), spans: Vec::new(), at: 0 })
    }

    fn write(&mut self, paging: &Paging) -> Result<()> {
        for (page, records) in &paging.pages {
            let size = u64::try_from(page.len())?;
            self.file.write_all(page)?;
            self.spans.push(Span { start: self.at, size, records: *records });
            self.at += size;
        }
        Ok(())
    }

    fn finish(mut self, folder: &Path, paged: Paged) -> Result<()> {
        self.file.flush()?;
        Ok(fs::write(folder.join(format!("{}.json", paged.name())), serde_json::to_vec(&self.spans)?)?)
    }
}

/// Makes so many records in `folder`, as lines and as the pages that are wanted, on so many threads.
pub(super) fn make(folder: &Path, records: u64, wanted: &[Paged], threads: usize) -> Result<()> {
    let mut lines = BufWriter::new(File::create(lines(folder))?);
    let mut stored = PageWriter::create(folder, Paged::Stored)?;
    let mut wire = PageWriter::create(folder, Paged::Wire)?;
    let mut next = 0;
    while next < records {
        let batches: Vec<Result<Batch>> = std::thread::scope(|scope| {
            let mut running = Vec::new();
            for _ in 0..threads.max(1) {
                let numbers = next..records.min(next + BATCH);
                next = numbers.end;
                running.push(scope.spawn(move || Batch::make(numbers, wanted)));
            }
            let joined = running.into_iter().map(|batch| batch.join().unwrap_or_else(|_| bail!("a thread panicked")));
            joined.collect()
        });
        for batch in batches {
            let batch = batch?;
            lines.write_all(&batch.lines)?;
            stored.write(&batch.stored)?;
            wire.write(&batch.wire)?;
        }
    }
    lines.flush()?;
    stored.finish(folder, Paged::Stored)?;
    wire.finish(folder, Paged::Wire)
}

/// Bytes of all pages of the table.
pub(super) fn wire_bytes(folder: &Path) -> Result<u64> {
    Ok(PageFile::open(folder, Paged::Wire)?.size_bytes())
}

/// Makes what a job asks for.
pub(super) fn run(job: &PrepareJob) -> Result<()> {
    let mut wanted = Vec::new();
    wanted.extend(job.stored.then_some(Paged::Stored));
    wanted.extend(job.wire.then_some(Paged::Wire));
    make(&job.data, job.records, &wanted, job.threads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_holds_the_same_records() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), 12_000, &[Paged::Stored, Paged::Wire], 2).unwrap();
        let text = fs::read_to_string(lines(folder.path())).unwrap();
        let expected: Vec<String> = (0..12_000).map(|number| records::record(number).1).collect();
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);

        let stored = PageFile::open(folder.path(), Paged::Stored).unwrap();
        let mut decoder = stored::Decoder::new();
        let mut found = Vec::new();
        for number in 0..stored.count() {
            let (page, records) = stored.read(number, b"").unwrap();
            assert!(page.len() < PAGE_BYTES + 4096);
            for record in stored_records(page, records).unwrap() {
                found.push(String::from_utf8(decoder.decode(&record).unwrap().to_vec()).unwrap());
            }
        }
        assert_eq!(found, expected);
        assert_eq!(stored.records(), 12_000);

        let wire = PageFile::open(folder.path(), Paged::Wire).unwrap();
        let mut items = Vec::new();
        for number in 0..wire.count() {
            let (mut page, records) = wire.read(number, b"[").unwrap();
            page.push(b']');
            let page: Vec<Value> = serde_json::from_slice(&page).unwrap();
            assert_eq!(u64::try_from(page.len()).unwrap(), records);
            items.extend(page);
        }
        let first: Value = serde_json::from_str(&expected[0]).unwrap();
        assert_eq!(items.len(), 12_000);
        assert_eq!(items[0]["_id"]["S"], first["_id"]);
        assert_eq!(items[0]["score"]["N"], first["score"].to_string());
        assert_eq!(
            items[0]["address"]["M"]["location"]["M"]["lat"]["N"],
            first["address"]["location"]["lat"].to_string()
        );
        assert_eq!(items[0]["tags"]["L"][1]["S"], first["tags"][1]);
    }

    #[test]
    fn a_page_that_is_cut_is_refused() {
        assert!(stored_records(vec![5, 0, 0], 1).is_err());
        assert!(stored_records(vec![5, 0, 0, 0, 1], 1).is_err());
        assert_eq!(stored_records(vec![1, 0, 0, 0, 9], 1).unwrap(), [Bytes::from_static(&[9])]);
    }
}
