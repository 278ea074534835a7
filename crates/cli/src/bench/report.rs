//! Medians of a benchmark's runs, as a table for a person or JSON for a program.

use std::num::NonZeroUsize;

use anyhow::{Result, bail};
use serde::Serialize;

use super::json_size;
use super::written::Run;
use crate::amount;
use crate::arguments::BenchSide;

/// Both sides, and how they compare.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    records: u64,
    level: String,
    stored: String,
    threads: NonZeroUsize,
    build: &'static str,
    waybill: Side,
    baseline: Side,
    /// Waybill's figure divided by the baseline's.
    ratios: Ratios,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Side {
    records_per_sec: f64,
    json_megabytes_per_sec: f64,
    processor_secs: Option<f64>,
    peak_rss_bytes: Option<f64>,
    archive_bytes: f64,
    runs: Vec<Run>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ratios {
    records_per_sec: f64,
    json_megabytes_per_sec: f64,
    processor_secs: Option<f64>,
    peak_rss_bytes: Option<f64>,
    archive_bytes: f64,
}

impl Side {
    fn new(runs: Vec<Run>) -> Self {
        let median_of = |figure: &dyn Fn(&Run) -> f64| median(runs.iter().map(figure).collect()).unwrap_or(0.0);
        let per_sec = |amount: f64, run: &Run| if run.secs > 0.0 { amount / run.secs } else { 0.0 };
        Self {
            records_per_sec: median_of(&|run| per_sec(amount::float(run.records), run)),
            json_megabytes_per_sec: median_of(&|run| per_sec(amount::float(run.json_bytes) / 1e6, run)),
            processor_secs: median(runs.iter().filter_map(|run| run.processor_secs).collect()),
            peak_rss_bytes: median(runs.iter().filter_map(|run| run.peak_rss_bytes).map(amount::float).collect()),
            archive_bytes: median_of(&|run| amount::float(run.archive_bytes)),
            runs,
        }
    }
}

/// The middle value, or the mean of the middle two.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(values[middle - 1], upper))
}

fn ratio(ours: f64, theirs: f64) -> f64 {
    if theirs > 0.0 { ours / theirs } else { 0.0 }
}

impl Report {
    /// A report on the runs of both sides.
    pub(super) fn new(side: &BenchSide, threads: NonZeroUsize, waybill: Vec<Run>, baseline: Vec<Run>) -> Self {
        let (ours, theirs) = (Side::new(waybill), Side::new(baseline));
        let some = |ours: Option<f64>, theirs: Option<f64>| ours.zip(theirs).map(|(ours, theirs)| ratio(ours, theirs));
        let ratios = Ratios {
            records_per_sec: ratio(ours.records_per_sec, theirs.records_per_sec),
            json_megabytes_per_sec: ratio(ours.json_megabytes_per_sec, theirs.json_megabytes_per_sec),
            processor_secs: some(ours.processor_secs, theirs.processor_secs),
            peak_rss_bytes: some(ours.peak_rss_bytes, theirs.peak_rss_bytes),
            archive_bytes: ratio(ours.archive_bytes, theirs.archive_bytes),
        };
        let build = if cfg!(debug_assertions) { "development" } else { "release" };
        let (level, stored) = (side.level.to_string(), side.stored.to_string());
        Self { records: side.records, level, stored, threads, build, waybill: ours, baseline: theirs, ratios }
    }

    /// Fails when the sides, or two runs of one, did not write the same CSV file.
    pub(super) fn compare(&self) -> Result<()> {
        let mut files = self.waybill.runs.iter().chain(&self.baseline.runs).map(|run| (run.csv_bytes, run.csv_crc32));
        let Some(first) = files.next() else { return Ok(()) };
        if let Some(other) = files.find(|file| *file != first) {
            bail!("two runs wrote different CSV files: {first:?} and {other:?} (bytes, CRC-32)");
        }
        Ok(())
    }

    /// The table, without a line break at its end.
    pub(super) fn table(&self) -> String {
        let threads = self.threads;
        let plural = if threads.get() == 1 { "" } else { "s" };
        let memory = |bytes: Option<f64>| bytes.map_or_else(unknown, |bytes| format!("{:.1} MiB", bytes / 1_048_576.0));
        let time = |secs: Option<f64>| secs.map_or_else(unknown, |secs| format!("{secs:.2} s"));
        let times = |ratio: f64| format!("{ratio:.2} ×");
        let (ours, theirs, ratios) = (&self.waybill, &self.baseline, &self.ratios);
        let rows = [
            [String::new(), format!("Waybill, {threads} thread{plural}"), "baseline, 1 thread".into(), "ratio".into()],
            [
                "records/s".into(),
                amount::grouped(ours.records_per_sec),
                amount::grouped(theirs.records_per_sec),
                times(ratios.records_per_sec),
            ],
            [
                "MB/s of JSON".into(),
                format!("{:.1}", ours.json_megabytes_per_sec),
                format!("{:.1}", theirs.json_megabytes_per_sec),
                times(ratios.json_megabytes_per_sec),
            ],
            [
                "processor time".into(),
                time(ours.processor_secs),
                time(theirs.processor_secs),
                ratios.processor_secs.map_or_else(unknown, times),
            ],
            [
                "peak memory".into(),
                memory(ours.peak_rss_bytes),
                memory(theirs.peak_rss_bytes),
                ratios.peak_rss_bytes.map_or_else(unknown, times),
            ],
            [
                "archive".into(),
                format!("{:.2} MB", ours.archive_bytes / 1e6),
                format!("{:.2} MB", theirs.archive_bytes / 1e6),
                times(ratios.archive_bytes),
            ],
        ];
        let mut lines = vec![self.heading(), String::new()];
        lines.extend(rows.map(|[name, ours, theirs, ratio]| format!("{name:<16}{ours:>22}{theirs:>22}{ratio:>12}")));
        lines.push(String::new());
        lines.push(self.footing());
        lines.join("\n")
    }

    fn heading(&self) -> String {
        let size = self.waybill.runs.first().map(json_size).unwrap_or_default();
        let (records, level, rounds) = (amount::grouped_integer(self.records), &self.level, self.waybill.runs.len());
        let stored = &self.stored;
        format!(
            "{records} {stored} records ({size} of JSON) to a CSV file in a zip, level {level}; medians of {rounds} rounds"
        )
    }

    fn footing(&self) -> String {
        let csv = self.waybill.runs.first().map(|run| amount::bytes(run.csv_bytes)).unwrap_or_default();
        let verdict = if self.compare().is_ok() { "the same" } else { "NOT the same" };
        format!(
            "Both wrote {verdict} CSV file ({csv}). Peak memory holds the canned pages of both sides, about 10 MiB.\n\
             Baseline: serde_json::Value, csv and zip, a straightforward program. Build: {}.",
            self.build
        )
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{BenchLevel, StoredForm};

    fn run(secs: f64, csv_crc32: u32) -> Run {
        Run {
            secs,
            processor_secs: Some(secs * 2.0),
            records: 1_000_000,
            json_bytes: 650_000_000,
            csv_bytes: 210_000_000,
            csv_crc32,
            archive_bytes: 70_000_000,
            peak_rss_bytes: Some(50 << 20),
        }
    }

    fn report(ours: &[f64], theirs: &[f64], crc32: u32) -> Report {
        let side = BenchSide { records: 1_000_000, level: BenchLevel::Default, stored: StoredForm::Deflated };
        let ours = ours.iter().map(|&secs| run(secs, 1)).collect();
        let theirs = theirs.iter().map(|&secs| run(secs, crc32)).collect();
        Report::new(&side, NonZeroUsize::new(4).unwrap(), ours, theirs)
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn the_table_shows_both_sides_and_their_ratio() {
        let table = report(&[0.5, 9.0, 0.4], &[4.0, 5.0, 6.0], 1).table();
        let line = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace();
        assert_eq!(line("records/s").skip(1).collect::<Vec<_>>(), ["2,000,000", "200,000", "10.00", "×"]);
        assert_eq!(line("peak memory").skip(2).collect::<Vec<_>>(), ["50.0", "MiB", "50.0", "MiB", "1.00", "×"]);
        assert!(table.starts_with("1,000,000 deflated records (650.0 MB of JSON) to a CSV file"), "{table}");
        assert!(table.contains("Both wrote the same CSV file (210.0 MB)"), "{table}");
    }

    #[test]
    fn different_files_are_a_failure() {
        assert!(report(&[1.0], &[1.0], 1).compare().is_ok());
        let different = report(&[1.0], &[1.0], 2);
        assert!(different.compare().unwrap_err().to_string().contains("different CSV files"));
        assert!(different.table().contains("NOT the same"));
    }

    #[test]
    fn the_json_names_units() {
        let json = serde_json::to_value(report(&[1.0], &[2.0], 1)).unwrap();
        assert_eq!(json["ratios"]["recordsPerSec"], 2.0);
        assert_eq!(json["waybill"]["runs"][0]["peakRssBytes"], 50 << 20);
        assert_eq!(json["level"], "default");
    }
}
