//! The other side of the benchmark: the straightforward program over the same pages, one thread, with the crates that
//! everybody takes: `serde_json`'s `Value`, `csv` and `zip`.

use std::io::{self, Write};

use anyhow::Result;
use serde_json::Value;
use waybill_aws::SystemClock;
use waybill_domain::Level;
use waybill_ports::Clock as _;
use waybill_record::stored::Decoder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::pages::Pages;
use super::records::COLUMNS;
use super::written::Written;

/// Takes bytes and counts them.
#[derive(Debug, Default)]
struct Counting(u64);

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Passes bytes on and remembers how many and their CRC-32, to be compared with the other side's.
struct Checked<W> {
    inner: W,
    bytes: u64,
    crc32: crc32fast::Hasher,
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

/// The level of the `zip` crate that Waybill's corresponds to.
fn zip_level(level: Level) -> i64 {
    match level {
        Level::Fast => 1,
        Level::Default => 3,
        Level::Small => 6,
    }
}

/// Exports `pages`.
pub(super) fn run(pages: &Pages, level: Level) -> Result<Written> {
    let clock = SystemClock::new();
    let began = clock.monotonic();
    let mut records = 0;
    let mut zip = ZipWriter::new_stream(Counting::default());
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(zip_level(level)))
        .large_file(true);
    zip.start_file("people.csv", options)?;
    let mut checked = Checked { inner: &mut zip, bytes: 0, crc32: crc32fast::Hasher::new() };
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(&mut checked);
    csv.write_record(COLUMNS)?;
    let columns = COLUMNS.map(|column| column.split('.').collect::<Vec<_>>());
    let mut decoder = Decoder::new();
    for page in 0..pages.count() {
        for record in pages.page(page) {
            let value: Value = serde_json::from_slice(decoder.decode(&record.stored)?)?;
            for column in &columns {
                write_cell(&mut csv, column.iter().try_fold(&value, |value, name| value.get(name)))?;
            }
            csv.write_record(None::<&[u8]>)?;
            records += 1;
        }
    }
    csv.flush()?;
    drop(csv);
    let (csv_bytes, csv_crc32) = (checked.bytes, checked.crc32.finalize());
    let archive_bytes = zip.finish()?.into_inner().0;
    let took = clock.monotonic().saturating_sub(began);
    Ok(Written { took, records, csv_bytes, csv_crc32, archive_bytes })
}

fn write_cell<W: Write>(csv: &mut csv::Writer<W>, value: Option<&Value>) -> csv::Result<()> {
    match value {
        None | Some(Value::Null) => csv.write_field(""),
        Some(Value::String(text)) => csv.write_field(text),
        Some(other) => csv.write_field(other.to_string()),
    }
}
