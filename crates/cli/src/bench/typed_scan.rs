//! The other way from a table to a file: the typed client's `Scan`, whose every item is a map of attribute values, with
//! the same columns and the same deflate.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use serde_json::Value;
use waybill_archive::{Deflater, Level};

use super::archives;
use super::job::{Run, ScanJob, Stopwatch};
use super::memory::connection;
use super::{process, records};

/// What one segment came to.
#[derive(Debug, Default)]
struct Segment {
    records: u64,
    plain_bytes: u64,
    deflated_bytes: u64,
    /// The rows, where they are to be looked at.
    rows: Vec<u8>,
}

/// Scans all segments side by side.
pub(super) async fn run(job: &ScanJob) -> Result<Run> {
    let watch = Stopwatch::start();
    let segments = i32::try_from(job.threads.max(1))?;
    let running: Vec<_> = (0..segments).map(|segment| tokio::spawn(scan(job.clone(), segment, segments))).collect();
    let mut all = Vec::new();
    for segment in running {
        all.push(segment.await??);
    }
    let (secs, processor_secs) = watch.elapsed();
    let sum = |figure: fn(&Segment) -> u64| all.iter().map(figure).sum::<u64>();
    let mut run = Run {
        secs,
        processor_secs: Some(processor_secs),
        records: sum(|segment| segment.records),
        plain_bytes: sum(|segment| segment.plain_bytes),
        archive_bytes: sum(|segment| segment.deflated_bytes),
        peak_rss_bytes: process::peak_rss_bytes(),
        ..Run::default()
    };
    if job.verify {
        let heading = archives::rows_of(records::COLUMNS.join(",").as_bytes())?.1;
        let digests = all.iter().map(|segment| Ok(archives::rows_of(segment.rows.as_slice())?.1));
        let digests = digests.collect::<Result<Vec<u64>>>()?;
        run.rows_digest = Some(digests.into_iter().fold(heading, u64::wrapping_add));
    }
    Ok(run)
}

async fn scan(job: ScanJob, segment: i32, segments: i32) -> Result<Segment> {
    let client = connection(&job.table).dynamodb();
    let columns = records::COLUMNS.map(|column| column.split('.').collect::<Vec<_>>());
    let mut deflater = Deflater::new(Level::Fast);
    let mut found = Segment::default();
    let mut from: Option<HashMap<_, _>> = None;
    let mut out = Vec::new();
    loop {
        let request = client.scan().table_name("people").segment(segment).total_segments(segments);
        let reply = request.set_exclusive_start_key(from).send().await.context("the typed client")?;
        let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        for item in reply.items() {
            for column in &columns {
                let mut parts = column.iter();
                let mut value = parts.next().and_then(|name| item.get(*name));
                for name in parts {
                    value = value.and_then(|value| value.as_m().ok()?.get(*name));
                }
                let Some(value) = value else {
                    csv.write_field("")?;
                    continue;
                };
                if let Ok(text) = value.as_s().or_else(|_| value.as_n()) {
                    csv.write_field(text)?;
                } else if let Ok(truth) = value.as_bool() {
                    csv.write_field(if *truth { "true" } else { "false" })?;
                } else if let Ok(elements) = value.as_l() {
                    let texts =
                        elements.iter().map(|element| element.as_s().map_or(Value::Null, |text| text.as_str().into()));
                    csv.write_field(texts.collect::<Value>().to_string())?;
                } else {
                    csv.write_field("")?;
                }
            }
            csv.write_record(None::<&[u8]>)?;
            found.records += 1;
        }
        let plain = csv.into_inner().map_err(csv::IntoInnerError::into_error)?;
        out.clear();
        deflater.deflate(&plain, &mut out)?;
        found.plain_bytes += u64::try_from(plain.len())?;
        found.deflated_bytes += u64::try_from(out.len())?;
        if job.verify {
            found.rows.extend_from_slice(&plain);
        }
        from = reply.last_evaluated_key;
        if from.is_none() {
            return Ok(found);
        }
    }
}
