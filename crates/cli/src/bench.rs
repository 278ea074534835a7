//! `waybill bench`: exports of generated records beside other programs that do the same, and beside what the machine
//! could do at most.
//!
//! Each measured run is a process of its own, so that its peak memory and its processor time are its own; runs that are
//! compared take turns, so that a machine that is busy for a while is so for all. Nothing is asserted about time. That
//! all sides wrote the same records is.

mod archives;
mod baseline;
mod boundaries;
mod data;
mod exports;
mod job;
mod launcher;
mod lines;
mod memory;
mod pages;
mod peers;
mod process;
mod race;
mod raw_scan;
mod records;
mod replay;
mod report;
mod rows;
mod scopes;
mod sections;
mod server;
mod sink;
mod sinks;
mod statistics;
mod steps;
mod tables;
mod typed_scan;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::arguments::{BenchArguments, Goal};
use crate::{amount, terminal};
use job::{Job, PrepareJob};
use launcher::Launcher;
use peers::Peers;
use report::Report;

/// How much is measured.
#[derive(Debug)]
struct Asked {
    records: u64,
    rounds: u32,
    quick: bool,
    large_bytes: u64,
    folder: TempDir,
}

impl Asked {
    fn new(arguments: &BenchArguments) -> Result<Self> {
        let quick = arguments.quick;
        let mut builder = tempfile::Builder::new();
        builder.prefix("waybill-bench-");
        let folder = match &arguments.folder {
            Some(folder) => builder.tempdir_in(folder),
            None => builder.tempdir(),
        };
        Ok(Self {
            records: arguments.records.unwrap_or(if quick { 100_000 } else { 1_000_000 }),
            rounds: arguments.rounds.map_or(if quick { 3 } else { 5 }, std::num::NonZeroU32::get),
            quick,
            large_bytes: arguments.large.unwrap_or(if quick { 500 } else { 10_000 }).saturating_mul(1_000_000),
            folder: folder.context("there is no place for the data")?,
        })
    }

    /// JSON that the steps of the engine are measured on.
    fn step_bytes(&self) -> u64 {
        if self.quick { 32 << 20 } else { 128 << 20 }
    }

    /// Records of each export that is cut after every page.
    fn boundary_records(&self) -> u64 {
        (if self.quick { 300 } else { 5_000 }).min(self.records)
    }
}

/// Measures everything that is asked for and prints what came of it.
pub(crate) fn run(arguments: &BenchArguments) -> Result<()> {
    let asked = Asked::new(arguments)?;
    let wanted = |goal: Goal| arguments.only.is_empty() || arguments.only.contains(&goal);
    let launcher = Launcher::new()?;
    if cfg!(debug_assertions) {
        terminal::note("A development build says nothing about speed: `cargo run --release --bin waybill -- bench`.");
    }
    let peers = if arguments.no_peers || !(wanted(Goal::P1) || wanted(Goal::P2)) {
        Peers::none("left out")
    } else {
        Peers::install(asked.folder.path())?
    };
    terminal::note(format!("{} records are made ...", amount::grouped_integer(asked.records)));
    let prepare = PrepareJob {
        data: asked.folder.path().to_owned(),
        records: asked.records,
        stored: wanted(Goal::P1) || wanted(Goal::P3) || wanted(Goal::P4),
        wire: wanted(Goal::P2),
        threads: launcher.cores(),
    };
    let () = launcher.run(&Job::Prepare(prepare), launcher.cores())?;

    let mut sections = Vec::new();
    if wanted(Goal::P1) {
        let most = launcher.cores().min(4);
        if most > 2 {
            sections.push(race::run(&asked, &launcher, &peers, 2)?);
        }
        sections.push(race::run(&asked, &launcher, &peers, most)?);
    }
    if wanted(Goal::P2) {
        sections.push(tables::section(&asked, &launcher, &peers)?);
    }
    if wanted(Goal::P3) {
        sections.push(sections::bound(&asked, &launcher)?);
        sections.push(sections::scaling(&asked, &launcher)?);
    }
    if wanted(Goal::P4) {
        sections.push(memory::section(&asked, &launcher)?);
    }
    if wanted(Goal::P5) {
        sections.push(sections::formats(&asked, &launcher)?);
        sections.push(scopes::section(&asked, &launcher)?);
    }
    if wanted(Goal::P7) {
        sections.push(sections::boundaries(&asked, &launcher)?);
    }
    let report = Report {
        build: if cfg!(debug_assertions) { "development" } else { "release" },
        machine: machine(&launcher),
        asked: format!(
            "{} records, medians of {} interleaved rounds with least and most",
            amount::grouped_integer(asked.records),
            asked.rounds
        ),
        sections,
    };
    terminal::line(if arguments.shown.json {
        serde_json::to_string_pretty(&report)?
    } else if arguments.shown.markdown {
        report.markdown()
    } else {
        report.table()
    });
    let differences = report.differences();
    if !differences.is_empty() {
        bail!("not all wrote the same: {}", differences.join("; "));
    }
    Ok(())
}

/// The processor's name, where the system tells, and how many cores there are.
fn machine(launcher: &Launcher) -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = told.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let name = name.map_or("a processor without a name", |(_, name)| name.trim());
    let pinned = if launcher.pins() { "processes kept to the cores said" } else { "processes not kept to cores" };
    format!("{} cores of {name}, {pinned}", launcher.cores())
}

/// One job, in this process; its report is one line of JSON.
pub(crate) fn run_job(job: &str) -> Result<()> {
    let job: Job = serde_json::from_str(job).context("no job of a benchmark")?;
    terminal::line(report_of(&job)?);
    Ok(())
}

fn report_of(job: &Job) -> Result<String> {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    Ok(match job {
        Job::Prepare(job) => serde_json::to_string(&data::run(job)?)?,
        Job::Export(job) => serde_json::to_string(&runtime()?.block_on(exports::run(job))?)?,
        Job::Lines(job) => serde_json::to_string(&lines::run(job)?)?,
        Job::Plain(job) => serde_json::to_string(&baseline::run(job)?)?,
        Job::Steps(job) => serde_json::to_string(&steps::run(job)?)?,
        Job::Formats(job) => serde_json::to_string(&steps::run_formats(job)?)?,
        Job::Scopes(job) => serde_json::to_string(&scopes::run(job)?)?,
        Job::Boundaries(job) => serde_json::to_string(&runtime()?.block_on(boundaries::run(job))?)?,
        Job::Memory(job) => serde_json::to_string(&runtime()?.block_on(memory::run(job))?)?,
        Job::Sink => serde_json::to_string(&runtime()?.block_on(sink::run())?)?,
        Job::Replay(job) => serde_json::to_string(&runtime()?.block_on(replay::run(&job.data))?)?,
        Job::ScanTyped(job) => serde_json::to_string(&runtime()?.block_on(typed_scan::run(job))?)?,
        Job::ScanRaw(job) => serde_json::to_string(&runtime()?.block_on(raw_scan::run(job))?)?,
    })
}
