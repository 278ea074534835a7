//! The plain program: the same records and columns on one thread, with the crates that everybody takes: `serde_json`'s
//! `Value`, `csv` and `zip`.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write};

use anyhow::Result;
use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::job::{FileJob, Run, Stopwatch};
use super::{process, records};

/// Passes bytes on and remembers how many and their CRC-32, to be compared with the other side's.
pub(super) struct Checked<W> {
    /// Where they go.
    pub(super) inner: W,
    /// How many.
    pub(super) bytes: u64,
    /// Their checksum.
    pub(super) crc32: crc32fast::Hasher,
}

impl<W> Checked<W> {
    /// Of nothing yet.
    pub(super) fn new(inner: W) -> Self {
        Self { inner, bytes: 0, crc32: crc32fast::Hasher::new() }
    }
}

impl<W: Write> Write for Checked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.crc32.update(&bytes[..taken]);
        self.bytes += u64::try_from(taken).unwrap_or(u64::MAX);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Exports the lines.
pub(super) fn run(job: &FileJob) -> Result<Run> {
    let watch = Stopwatch::start();
    let mut count = 0;
    let mut zip = ZipWriter::new(BufWriter::new(File::create(&job.archive)?));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(i64::from(job.effort.of_zlib())))
        .large_file(true);
    zip.start_file("people.csv", options)?;
    let mut checked = Checked::new(&mut zip);
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(&mut checked);
    csv.write_record(records::COLUMNS)?;
    let columns = records::COLUMNS.map(|column| column.split('.').collect::<Vec<_>>());
    let mut lines = BufReader::with_capacity(1 << 20, File::open(&job.lines)?);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let value: Value = serde_json::from_slice(&line)?;
        line.clear();
        if !records::is_wanted(&value) {
            continue;
        }
        for column in &columns {
            write_cell(&mut csv, column.iter().try_fold(&value, |value, name| value.get(name)))?;
        }
        csv.write_record(None::<&[u8]>)?;
        count += 1;
    }
    csv.flush()?;
    drop(csv);
    let (plain_bytes, crc32) = (checked.bytes, checked.crc32.finalize());
    zip.finish()?.into_inner()?;
    let (secs, processor_secs) = watch.elapsed();
    Ok(Run {
        secs,
        processor_secs: Some(processor_secs),
        records: count,
        plain_bytes,
        crc32,
        archive_bytes: job.archive.metadata()?.len(),
        peak_rss_bytes: process::peak_rss_bytes(),
        ..Run::default()
    })
}

fn write_cell<W: Write>(csv: &mut csv::Writer<W>, value: Option<&Value>) -> csv::Result<()> {
    match value {
        None | Some(Value::Null) => csv.write_field(""),
        Some(Value::String(text)) => csv.write_field(text),
        Some(other) => csv.write_field(other.to_string()),
    }
}
