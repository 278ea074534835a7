//! `waybill bench`: an export of generated records through the production engine, beside a plain program on the same
//! records.
//!
//! Each run of each side is a process of its own, so that its peak memory is its own; the sides take turns, so that a
//! machine that is busy for a while is so for both. Nothing is asserted about time. That both sides wrote the same CSV
//! is.

mod baseline;
mod pages;
mod process;
mod records;
mod report;
mod rows;
mod sinks;
mod waybill_side;
mod written;

use std::num::NonZeroUsize;
use std::process::{Command, Stdio};
use std::thread::available_parallelism;

use anyhow::{Context as _, Result, bail, ensure};
use waybill_domain::Level;

use crate::arguments::{BenchArguments, BenchLevel, SideArguments, SideChoice};
use crate::{amount, terminal};
use pages::Pages;
use report::Report;
use written::Run;

/// Runs both sides in turn and prints what came of it.
pub(crate) fn run(arguments: &BenchArguments) -> Result<()> {
    let threads = arguments.threads.unwrap_or_else(cores);
    if cfg!(debug_assertions) {
        terminal::note(
            "This is a development build: its numbers say nothing. Use `cargo run --release --bin waybill -- bench`.",
        );
    }
    let (mut waybill, mut baseline) = (Vec::new(), Vec::new());
    for round in 1..=arguments.rounds.get() {
        // Whoever comes second may find the machine warmer or the memory fuller: take turns at that, too.
        let mut order = [SideChoice::Waybill, SideChoice::Baseline];
        if round % 2 == 0 {
            order.reverse();
        }
        for side in order {
            let run = spawn(&SideArguments { side, bench: arguments.side, threads })?;
            let (name, runs) = match side {
                SideChoice::Waybill => ("Waybill", &mut waybill),
                SideChoice::Baseline => ("baseline", &mut baseline),
            };
            terminal::note(format!("round {round} of {}: {name} took {:.2} s", arguments.rounds, run.secs));
            runs.push(run);
        }
    }
    let report = Report::new(&arguments.side, threads, waybill, baseline);
    if arguments.json {
        terminal::line(serde_json::to_string_pretty(&report)?);
    } else {
        terminal::line(report.table());
    }
    report.compare()
}

/// One run of one side, in this process; its report is one line of JSON.
pub(crate) fn run_side(arguments: &SideArguments) -> Result<()> {
    let pages = Pages::new(arguments.bench.records, arguments.bench.stored);
    let json_bytes = pages.json_bytes();
    let level = match arguments.bench.level {
        BenchLevel::Fast => Level::Fast,
        BenchLevel::Default => Level::Default,
        BenchLevel::Small => Level::Small,
    };
    let before = process::processor_secs();
    let written = match arguments.side {
        SideChoice::Waybill => waybill_side::run(pages, arguments.threads, level)?,
        SideChoice::Baseline => baseline::run(&pages, level)?,
    };
    ensure!(written.records == arguments.bench.records, "{} records were written", written.records);
    let run = Run {
        secs: written.took.as_secs_f64(),
        processor_secs: process::processor_secs().zip(before).map(|(after, before)| after - before),
        records: written.records,
        json_bytes,
        csv_bytes: written.csv_bytes,
        csv_crc32: written.csv_crc32,
        archive_bytes: written.archive_bytes,
        peak_rss_bytes: process::peak_rss_bytes(),
    };
    terminal::line(serde_json::to_string(&run)?);
    Ok(())
}

fn spawn(arguments: &SideArguments) -> Result<Run> {
    let program = std::env::current_exe().context("this program cannot find itself")?;
    let child = Command::new(program)
        .args(arguments.to_command_line())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("a process for one side cannot be started")?;
    if !child.status.success() {
        bail!("the run of one side failed: {}", child.status);
    }
    serde_json::from_slice(&child.stdout).context("the run of one side reported something else")
}

fn cores() -> NonZeroUsize {
    available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// The size of the records together, for a heading.
fn json_size(run: &Run) -> String {
    amount::bytes(run.json_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::StoredForm;

    #[test]
    fn both_sides_write_the_same_csv() {
        let records = 7_000;
        let ours =
            waybill_side::run(Pages::new(records, StoredForm::Deflated), NonZeroUsize::new(3).unwrap(), Level::Default)
                .unwrap();
        let plain = baseline::run(&Pages::new(records, StoredForm::Deflated), Level::Default).unwrap();
        assert_eq!((ours.records, ours.csv_bytes, ours.csv_crc32), (records, plain.csv_bytes, plain.csv_crc32));
        assert_eq!(plain.records, records);
    }

    #[test]
    fn an_export_of_nothing_has_a_header() {
        let ours = waybill_side::run(Pages::new(0, StoredForm::Plain), NonZeroUsize::MIN, Level::Fast).unwrap();
        let plain = baseline::run(&Pages::new(0, StoredForm::Plain), Level::Fast).unwrap();
        assert_eq!((ours.csv_bytes, ours.csv_crc32), (plain.csv_bytes, plain.csv_crc32));
    }
}
