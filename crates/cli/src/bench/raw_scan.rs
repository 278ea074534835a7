//! Waybill's way from a table to a file: replies taken as bytes by the production adapter, through the production use
//! cases.

use std::io::Cursor;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use waybill_app::StepSettings;
use waybill_aws::{DynamoRecordStore, SystemClock};
use waybill_domain::{Collection, ExportFormat, Level, PropertyKind, Source, TableSource};

use super::exports::{Exports, ONE_STEP, Request};
use super::job::{Run, ScanJob, Stopwatch};
use super::memory::connection;
use super::sinks::MappedArchives;
use super::{archives, process, records};

/// The benchmark's collection, its records being items of the replayed table.
fn of_table(collection: Collection) -> Collection {
    let table = TableSource {
        table: "people".to_owned(),
        key_condition: None,
        id_attribute: "_id".to_owned(),
        org_attribute: Some(records::ORG_ATTRIBUTE.to_owned()),
    };
    let mut properties = collection.properties;
    properties.extend(["created", "updated"].map(|name| records::property(name, PropertyKind::Date)));
    Collection { source: Source::Dynamodb(table), properties, ..collection }
}

/// Exports the whole table.
pub(super) async fn run(job: &ScanJob) -> Result<Run> {
    let exports = Exports::of(Arc::new(SystemClock::new()), of_table).await?;
    let request =
        Request { format: ExportFormat::Csv, level: Level::Fast, columns: &records::COLUMNS, filtered: false };
    let export = exports.create(&request).await?;
    let table = DynamoRecordStore::new(connection(&job.table).dynamodb(), "records");
    let kept = Arc::new(if job.verify { MappedArchives::keeping() } else { MappedArchives::default() });
    let exporting = exports.exporting(Arc::new(table), kept.clone(), job.threads, StepSettings::default());
    let watch = Stopwatch::start();
    let made = exports.advance(&exporting, &export, ONE_STEP).await?;
    let (secs, processor_secs) = watch.elapsed();
    let file = made.archive.entries.first().context("the archive has no entry")?;
    let mut run = Run {
        secs,
        processor_secs: Some(processor_secs),
        records: made.records,
        plain_bytes: file.size_bytes,
        crc32: file.crc32,
        archive_bytes: made.archive.size_bytes,
        peak_rss_bytes: process::peak_rss_bytes(),
        ..Run::default()
    };
    if job.verify {
        let bytes = kept.bytes_of(&made.archive.key).context("the archive is gone")?;
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes))?;
        run.rows_digest = Some(archives::rows_of(zip.by_index(0)?)?.1);
    }
    Ok(run)
}
