//! P7: exports cut at every boundary there is, beside uncut ones: the same bytes, and every record exactly once.

use std::collections::HashMap;
use std::io::{Cursor, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waybill_app::StepSettings;
use waybill_aws::SystemClock;
use waybill_domain::{ExportFormat, Level, Timestamp};
use waybill_ports::Clock;
use waybill_record::stored;

use super::exports::{Exports, Made, Request};
use super::job::BoundariesJob;
use super::pages::ReplayedRecords;
use super::records;
use super::sinks::MappedArchives;

/// Long enough for everything.
const UNCUT: Duration = Duration::from_hours(1);
/// As long as one page takes on the clock of these exports.
const CUT: Duration = PAGE;
/// How far that clock goes on with every page that is read.
const PAGE: Duration = Duration::from_millis(1);
/// Longer than any of these exports: nothing waits for less, so that pages alone end a step, on a busy machine too.
const LONG: Duration = Duration::from_mins(10);

/// The formats, and whether their records can be told apart line by line.
const FORMATS: [(ExportFormat, &str); 6] = [
    (ExportFormat::Ndjson, "ndjson"),
    (ExportFormat::Csv, "csv"),
    (ExportFormat::Json, "json"),
    (ExportFormat::DetailedCsv, "detailed-csv"),
    (ExportFormat::Xml, "xml"),
    (ExportFormat::JsonApi, "json-api"),
];

/// How exports are cut: records of a page, bytes of a part, bytes of a segment.
const CUTS: [(u32, usize, u64); 4] =
    [(1, 512, 2048), (7, 4096, 16_384), (64, 65_536, 65_536), (500, 8 << 20, 64 << 20)];

/// What came of the exports of one format.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Boundaries {
    /// The format.
    pub(super) format: String,
    /// Steps of all cut exports.
    pub(super) steps: u64,
    /// Bytes of their archives.
    pub(super) archive_bytes: u64,
    /// Cut exports whose archive is not the uncut one's, byte for byte.
    pub(super) different: u64,
    /// Records that were to be exported, in all cut exports together.
    pub(super) expected: u64,
    /// Those of them that are not there; `None` where the format's records are not told apart.
    pub(super) lost: Option<u64>,
    /// Lines or rows that are no record at all.
    pub(super) fused: Option<u64>,
    /// Records that are there more than once.
    pub(super) doubled: Option<u64>,
}

/// A clock whose monotonic time goes on with the pages that are read.
struct PagedClock {
    wall: SystemClock,
    pages_read: Arc<AtomicU32>,
}

#[async_trait]
impl Clock for PagedClock {
    fn now(&self) -> Timestamp {
        self.wall.now()
    }

    fn monotonic(&self) -> Duration {
        PAGE * self.pages_read.load(Ordering::Relaxed)
    }

    async fn sleep(&self, duration: Duration) {
        self.wall.sleep(duration.max(LONG)).await;
    }
}

/// Makes all exports, of all formats.
pub(super) async fn run(job: &BoundariesJob) -> Result<Vec<Boundaries>> {
    let texts: Vec<String> = (0..job.records).map(|number| records::record(number).1).collect();
    let stored: Vec<Bytes> = texts.iter().map(|text| Bytes::from(stored::encode(text.as_bytes()))).collect();
    let mut all = Vec::new();
    for (format, name) in FORMATS {
        let expected = Expected::of(&texts, format)?;
        let mut found = Boundaries { format: name.to_owned(), ..Boundaries::default() };
        for (per_page, part_bytes, segment_bytes) in CUTS {
            let settings = StepSettings {
                page_records: Some(per_page),
                part_bytes,
                segment_bytes,
                min_budget: Duration::ZERO,
                ..StepSettings::default()
            };
            let (_, whole) = export(&stored, format, per_page, settings.clone(), UNCUT).await?;
            let (made, cut) = export(&stored, format, per_page, settings, CUT).await?;
            found.steps += made.steps;
            found.archive_bytes += made.archive.size_bytes;
            // The manifest names the export, which is another one: what is compared is the file.
            found.different += u64::from(whole != cut);
            found.expected += expected.count;
            expected.count_into(&cut, &mut found)?;
        }
        all.push(found);
    }
    Ok(all)
}

async fn export(
    stored: &[Bytes],
    format: ExportFormat,
    per_page: u32,
    settings: StepSettings,
    budget: Duration,
) -> Result<(Made, Vec<u8>)> {
    let pages_read = Arc::new(AtomicU32::new(0));
    let clock = PagedClock { wall: SystemClock::new(), pages_read: Arc::clone(&pages_read) };
    let exports = Exports::new(Arc::new(clock)).await?;
    let columns: &[&str] = if format == ExportFormat::Ndjson { &[] } else { &records::COLUMNS };
    let request = Request { format, level: Level::Fast, columns, filtered: true };
    let export = exports.create(&request).await?;
    let archives = Arc::new(MappedArchives::keeping());
    let pages = Arc::new(ReplayedRecords::kept(stored.to_vec(), per_page, pages_read));
    let exporting = exports.exporting(pages, archives.clone(), 2, settings);
    let made = exports.advance(&exporting, &export, budget).await?;
    let bytes = archives.bytes_of(&made.archive.key).context("the archive is gone")?;
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes))?;
    let mut file = Vec::new();
    zip.by_index(0)?.read_to_end(&mut file)?;
    Ok((made, file))
}

/// What has to be in a file, told by a plain program.
struct Expected {
    count: u64,
    /// Every line of the file, for formats of lines.
    lines: Option<HashMap<String, u64>>,
    /// Lines that are no records: a heading.
    heading: u64,
}

impl Expected {
    fn of(texts: &[String], format: ExportFormat) -> Result<Self> {
        let mut expected = Self { count: 0, lines: None, heading: u64::from(format == ExportFormat::Csv) };
        let mut lines = HashMap::new();
        for text in texts {
            let value: Value = serde_json::from_str(text)?;
            if !records::is_wanted(&value) {
                continue;
            }
            expected.count += 1;
            let line = match format {
                ExportFormat::Ndjson => declared(&value),
                ExportFormat::Csv => row(&value)?,
                _ => continue,
            };
            *lines.entry(line).or_default() += 1;
        }
        if !lines.is_empty() {
            expected.lines = Some(lines);
        }
        Ok(expected)
    }

    fn count_into(&self, file: &[u8], found: &mut Boundaries) -> Result<()> {
        let Some(lines) = &self.lines else { return Ok(()) };
        let mut missing = lines.clone();
        let (mut fused, mut doubled) = (0, 0);
        let text = std::str::from_utf8(file)?;
        for line in text.lines().skip(usize::try_from(self.heading)?) {
            match missing.get_mut(line) {
                Some(0) => doubled += 1,
                Some(left) => *left -= 1,
                None => fused += 1,
            }
        }
        *found.lost.get_or_insert_default() += missing.values().sum::<u64>();
        *found.fused.get_or_insert_default() += fused;
        *found.doubled.get_or_insert_default() += doubled;
        Ok(())
    }
}

/// A record without the built-in properties that are exported only when asked for.
fn declared(record: &Value) -> String {
    let mut record = record.clone();
    if let Some(members) = record.as_object_mut() {
        members.shift_remove("created");
        members.shift_remove("updated");
    }
    record.to_string()
}

fn row(record: &Value) -> Result<String> {
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    for column in records::COLUMNS {
        match column.split('.').try_fold(record, |value, name| value.get(name)) {
            None | Some(Value::Null) => csv.write_field("")?,
            Some(Value::String(text)) => csv.write_field(text)?,
            Some(other) => csv.write_field(other.to_string())?,
        }
    }
    csv.write_record(None::<&[u8]>)?;
    let line = csv.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8(line)?.trim_end_matches('\n').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_is_lost_fused_or_doubled() {
        let all = run(&BoundariesJob { records: 120 }).await.unwrap();
        assert_eq!(all.len(), FORMATS.len());
        for found in &all {
            assert_eq!(found.different, 0, "{found:?}");
            assert!(found.steps > 120 && found.expected > 200, "{found:?}");
        }
        for found in &all[..2] {
            assert_eq!((found.lost, found.fused, found.doubled), (Some(0), Some(0), Some(0)), "{found:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_counted() {
        let texts: Vec<String> = (0..40).map(|number| records::record(number).1).collect();
        let expected = Expected::of(&texts, ExportFormat::Ndjson).unwrap();
        let wanted = expected.lines.as_ref().unwrap().keys().cloned().collect::<Vec<_>>();
        let mut file: Vec<String> = wanted.clone();
        file.push(wanted[0].clone());
        file[1] = format!("{}{}", wanted[1], wanted[2]);
        let mut found = Boundaries::default();
        expected.count_into(file.join("\n").as_bytes(), &mut found).unwrap();
        assert_eq!((found.lost, found.fused, found.doubled), (Some(1), Some(1), Some(1)));
    }
}
