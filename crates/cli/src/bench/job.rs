//! What a process of the benchmark is asked to do, and what it reports: one line of JSON each way.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::process;

/// The job of one process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "camelCase")]
pub(super) enum Job {
    /// The data that the others read.
    Prepare(PrepareJob),
    /// The production use cases over replaying ports.
    Export(ExportJob),
    /// The engine alone, from a file of lines into a zip file.
    Lines(FileJob),
    /// The plain program, from the same file into a zip file.
    Plain(FileJob),
    /// How fast the engine's steps are, one by one.
    Steps(StepsJob),
    /// What each format costs.
    Formats(StepsJob),
    /// What flattening values of dimensions costs.
    Scopes(StepsJob),
    /// Exports cut at every boundary beside uncut ones.
    Boundaries(BoundariesJob),
    /// An export through the real adapter of S3.
    Memory(MemoryJob),
    /// The other end of that: a server that speaks S3 and keeps nothing.
    Sink,
    /// A server that replays pages of `DynamoDB`.
    Replay(ReplayJob),
    /// The export of a table through the reader of raw pages.
    ScanRaw(ScanJob),
    /// The export of the same table through the typed client.
    ScanTyped(ScanJob),
}

/// How hard deflate tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Effort {
    /// Least.
    Fast,
    /// Some.
    Default,
    /// Most.
    Small,
}

/// All of them.
pub(super) const EFFORTS: [Effort; 3] = [Effort::Fast, Effort::Default, Effort::Small];

impl Effort {
    /// As exports name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Default => "default",
            Self::Small => "small",
        }
    }

    /// The engine's level.
    pub(super) fn of_engine(self) -> waybill_engine::Level {
        match self {
            Self::Fast => waybill_engine::Level::Fast,
            Self::Default => waybill_engine::Level::Default,
            Self::Small => waybill_engine::Level::Small,
        }
    }

    /// The level of an export.
    pub(super) fn of_export(self) -> waybill_domain::Level {
        match self {
            Self::Fast => waybill_domain::Level::Fast,
            Self::Default => waybill_domain::Level::Default,
            Self::Small => waybill_domain::Level::Small,
        }
    }

    /// The level of zlib that a plain program would take for it.
    pub(super) fn of_zlib(self) -> u32 {
        match self {
            Self::Fast => 1,
            Self::Default => 3,
            Self::Small => 6,
        }
    }
}

/// [`Job::Prepare`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PrepareJob {
    /// The folder of the data.
    pub(super) data: PathBuf,
    /// How many records.
    pub(super) records: u64,
    /// Whether pages of the record table are wanted.
    pub(super) stored: bool,
    /// Whether replies of a table are wanted.
    pub(super) wire: bool,
    /// Threads.
    pub(super) threads: usize,
}

/// [`Job::Export`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExportJob {
    /// The folder of the data.
    pub(super) data: PathBuf,
    /// How hard deflate tries.
    pub(super) effort: Effort,
    /// Threads that pages are transformed on.
    pub(super) threads: usize,
}

/// [`Job::Lines`] and [`Job::Plain`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileJob {
    /// The records, one a line.
    pub(super) lines: PathBuf,
    /// The zip file to write.
    pub(super) archive: PathBuf,
    /// How hard deflate tries.
    pub(super) effort: Effort,
    /// Threads; the plain program has one whatever is said.
    pub(super) threads: usize,
}

/// [`Job::Steps`] and [`Job::Formats`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StepsJob {
    /// The records, one a line.
    pub(super) lines: PathBuf,
    /// How many bytes of them are taken.
    pub(super) most_bytes: u64,
    /// Times that everything is measured, in turn.
    pub(super) rounds: u32,
}

/// [`Job::Boundaries`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BoundariesJob {
    /// Records of each export.
    pub(super) records: u64,
}

/// [`Job::Memory`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemoryJob {
    /// The folder of the data.
    pub(super) data: PathBuf,
    /// Where the sink listens.
    pub(super) sink: String,
    /// About how many bytes the exported file has.
    pub(super) plain_bytes: u64,
    /// Threads that pages are transformed on.
    pub(super) threads: usize,
    /// How long one step may take.
    pub(super) step_secs: u64,
}

/// [`Job::Replay`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplayJob {
    /// The folder of the data.
    pub(super) data: PathBuf,
}

/// [`Job::ScanRaw`] and [`Job::ScanTyped`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScanJob {
    /// Where the table is replayed.
    pub(super) table: String,
    /// Threads.
    pub(super) threads: usize,
    /// Whether the rows are looked at afterwards.
    pub(super) verify: bool,
}

/// What a run came to. What it does not tell is read from the archive that it leaves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Run {
    /// Wall-clock seconds, without the start of the program.
    pub(super) secs: f64,
    /// Processor seconds of all its threads and children meanwhile; `None` where the system does not tell.
    pub(super) processor_secs: Option<f64>,
    /// Records in the file.
    pub(super) records: u64,
    /// Size of the file in the archive, in bytes.
    pub(super) plain_bytes: u64,
    /// Its CRC-32.
    pub(super) crc32: u32,
    /// Size of the archive in bytes.
    pub(super) archive_bytes: u64,
    /// Most memory resident at once, in bytes; `None` where the system does not tell.
    pub(super) peak_rss_bytes: Option<u64>,
    /// Sum of the hashes of the file's rows, where it was parsed.
    pub(super) rows_digest: Option<u64>,
    /// Steps that it took.
    pub(super) steps: u64,
    /// SHA-256 of the archive, hex; empty where nobody asks.
    pub(super) sha256: String,
}

/// Measures one piece of work.
#[derive(Debug)]
pub(super) struct Stopwatch {
    clock: waybill_aws::SystemClock,
    processor_secs: f64,
}

impl Stopwatch {
    /// Begins.
    pub(super) fn start() -> Self {
        Self { processor_secs: process::processor_secs(), clock: waybill_aws::SystemClock::new() }
    }

    /// Wall-clock and processor seconds since the start.
    pub(super) fn elapsed(&self) -> (f64, f64) {
        let secs = waybill_ports::Clock::monotonic(&self.clock).as_secs_f64();
        (secs, process::processor_secs() - self.processor_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_survives_its_way_to_another_process() {
        let job = Job::Lines(FileJob {
            lines: "a b.ndjson".into(),
            archive: "c.zip".into(),
            effort: Effort::Small,
            threads: 3,
        });
        let line = serde_json::to_string(&job).unwrap();
        assert!(line.starts_with(r#"{"job":"lines","#), "{line}");
        assert_eq!(serde_json::from_str::<Job>(&line).unwrap(), job);
    }

    #[test]
    fn a_script_may_report_less_than_we_do() {
        let run: Run = serde_json::from_str(r#"{"secs": 1.5, "records": 3}"#).unwrap();
        assert_eq!((run.secs, run.records, run.processor_secs), (1.5, 3, None));
    }
}
