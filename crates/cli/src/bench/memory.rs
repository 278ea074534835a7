//! P4: memory of a small and a large export through the real adapter of S3, whose other end keeps nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use waybill_app::StepSettings;
use waybill_aws::{Connection, Encryption, Endpoints, S3ArchiveStore, StaticCredentials, SystemClock};
use waybill_domain::{ExportFormat, Level};

use super::data::{self, PageFile, Paged};
use super::exports::{Exports, Request};
use super::job::{Job, MemoryJob, Run, Stopwatch};
use super::launcher::Launcher;
use super::pages::ReplayedRecords;
use super::report::{Cell, Claim, Section};
use super::sink::Seen;
use super::statistics::Spread;
use super::{Asked, process};
use crate::{amount, terminal};

/// Size of the small export's file, in bytes.
const SMALL_BYTES: u64 = 10_000_000;
/// Size of a file whose archive goes in parts, as every larger one does, in bytes.
const PARTS_BYTES: u64 = 100_000_000;
/// Everything that a record has: the file is as long as the records' text.
const COLUMNS: [&str; 14] = [
    "_id", "created", "updated", "name", "email", "status", "score", "visits", "verified", "notes", "tags", "address",
    "device", "readings",
];
/// The most that an exporter may take, in MiB.
const MOST_MIB: f64 = 64.0;
/// How much more a large export may take than a small one, in MiB.
const MOST_MORE_MIB: f64 = 2.0;
/// How long one step may take: a large export takes some.
const STEP_SECS: u64 = 10;

/// One export of about so many bytes of NDJSON.
pub(super) async fn run(job: &MemoryJob) -> Result<Run> {
    let exports = Exports::new(Arc::new(SystemClock::new())).await?;
    let request = Request { format: ExportFormat::Ndjson, level: Level::Fast, columns: &COLUMNS, filtered: false };
    let export = exports.create(&request).await?;
    let file = PageFile::open(&job.data, Paged::Stored)?;
    let lines_bytes = data::lines(&job.data).metadata()?.len();
    // The pages hold all lines once; they are replayed until so many bytes have come.
    let pages = file.count().saturating_mul(job.plain_bytes).checked_div(lines_bytes).unwrap_or(0).max(1);
    let records = Arc::new(ReplayedRecords::of_file(file, pages));
    let archives = Arc::new(S3ArchiveStore::new(connection(&job.sink).s3(), "bench", Encryption::BucketDefault));
    let settings = StepSettings { min_budget: Duration::from_secs(1), ..StepSettings::default() };
    let exporting = exports.exporting(records, archives, job.threads, settings);
    let watch = Stopwatch::start();
    let made = exports.advance(&exporting, &export, Duration::from_secs(job.step_secs)).await?;
    let (secs, processor_secs) = watch.elapsed();
    let file = made.archive.entries.first().context("the archive has no entry")?;
    Ok(Run {
        secs,
        processor_secs: Some(processor_secs),
        records: made.records,
        plain_bytes: file.size_bytes,
        crc32: file.crc32,
        archive_bytes: made.archive.size_bytes,
        peak_rss_bytes: process::peak_rss_bytes(),
        steps: made.steps,
        sha256: made.archive.sha256,
        ..Run::default()
    })
}

/// How a server of the benchmark is reached by the adapters.
pub(super) fn connection(url: &str) -> Connection {
    let url = || url.to_owned();
    Connection {
        region: "eu-central-1".to_owned(),
        endpoints: Some(Endpoints { dynamodb: url(), s3: url(), sqs: url(), kms: url(), ses: url() }),
        credentials: Some(StaticCredentials {
            access_key_id: "bench".to_owned(),
            secret_access_key: "bench".to_owned().into(),
        }),
    }
}

/// The small export some times, the large one once.
pub(super) fn section(asked: &Asked, launcher: &Launcher) -> Result<Section> {
    let columns = ["file", "archive MB", "steps", "parts", "wall s", "MB/s of JSON", "peak resident MiB"];
    let title = "memory of the exporter's process: records to NDJSON, level fast, parts to a server that speaks S3";
    let mut section = Section::new("P4", title, &columns);
    let mut peaks = Vec::new();
    let some = asked.rounds.min(3);
    let mut sizes = vec![(SMALL_BYTES.min(asked.large_bytes), some), (asked.large_bytes, 1)];
    if asked.large_bytes > PARTS_BYTES {
        sizes.insert(1, (PARTS_BYTES, some));
    }
    for (bytes, times) in sizes {
        let mut runs: Vec<(Run, Seen)> = Vec::new();
        for _ in 0..times {
            let sink = launcher.serve(&Job::Sink)?;
            let job = MemoryJob {
                data: asked.folder.path().to_owned(),
                sink: sink.url().to_owned(),
                plain_bytes: bytes,
                threads: launcher.cores().min(4),
                step_secs: STEP_SECS,
            };
            let run: Run = launcher.run(&Job::Memory(job), launcher.cores())?;
            let seen: Seen = sink.end()?;
            terminal::note(format!("an export of {} took {:.1} s", amount::bytes(run.plain_bytes), run.secs));
            if seen.archive_bytes != run.archive_bytes || seen.sha256 != run.sha256 {
                section.differences.push(format!(
                    "the archive of {} that arrived ({} bytes, SHA-256 {:?}) is not the one that was written ({}, {})",
                    amount::bytes(run.plain_bytes),
                    seen.archive_bytes,
                    seen.sha256,
                    run.archive_bytes,
                    run.sha256
                ));
            }
            runs.push((run, seen));
        }
        let figures = |figure: fn(&Run) -> f64| Spread::of(runs.iter().map(|(run, _)| figure(run)));
        let peak = figures(|run| amount::float(run.peak_rss_bytes.unwrap_or(0)) / 1_048_576.0);
        let first = runs.first().map(|(run, seen)| (run.clone(), seen.clone())).unwrap_or_default();
        section.row(vec![
            Cell::text(amount::bytes(first.0.plain_bytes)),
            Cell::of(figures(|run| amount::float(run.archive_bytes) / 1e6), 1, ""),
            Cell::Count(first.0.steps),
            Cell::Count(first.1.parts),
            Cell::of(figures(|run| run.secs), 2, ""),
            Cell::of(figures(|run| amount::float(run.plain_bytes) / 1e6 / run.secs.max(1e-9)), 0, ""),
            Cell::of(peak, 1, ""),
        ]);
        section.claims.push(Claim::at_most(format!("peak of {}", amount::bytes(bytes)), peak, MOST_MIB, "MiB"));
        peaks.extend(peak.map(|peak| (bytes, peak.median)));
    }
    if let Some(((large, most), smaller)) = peaks.split_last() {
        for (bytes, peak) in smaller {
            let what = format!("{} more than {}", amount::bytes(*large), amount::bytes(*bytes));
            section.claims.push(Claim::at_most(what, Spread::of([most - peak]), MOST_MORE_MIB, "MiB"));
        }
    }
    section.notes.push(
        "VmHWM of a process that exports through the production use cases and the real adapter of S3; records are \
         replayed from a file, a million of them again and again. The server hashes what arrives: its SHA-256 is that of \
         the archive."
            .to_owned(),
    );
    Ok(section)
}
