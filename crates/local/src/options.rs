//! What a caller chooses about an embedded stack before it starts.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use cortex_api::{Origins, Passwords};
use delivery::Backoff;

/// How many records one file of a data export may have, as in a deployment.
const RECORDS_PER_PART: NonZeroU64 = NonZeroU64::MIN.saturating_add(999_999);
/// How many records a data export may have, as in a deployment.
const MAX_RECORDS: NonZeroU64 = NonZeroU64::MIN.saturating_add(9_999_999);

/// How to start a stack; [`Options::ephemeral`] and [`Options::persistent`] fill in the rest.
#[derive(Debug, Clone)]
pub struct Options {
    /// Port of the HTTP gateway on loopback; 0 takes a free one.
    pub port: u16,
    /// Where state lives.
    pub data: DataFolder,
    /// Lengths and limits.
    pub tuning: Tuning,
    /// A program, with its arguments, that runs one script and ends ([`crate::serve_script`]); without one, scripts run on threads.
    pub script_program: Option<Vec<String>>,
}

impl Options {
    /// A stack on a free port whose state is gone when it stops.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self { port: 0, data: DataFolder::Ephemeral, tuning: Tuning::default(), script_program: None }
    }

    /// A stack on `port` whose state lives in `folder` and survives it.
    #[must_use]
    pub fn persistent(port: u16, folder: impl Into<PathBuf>) -> Self {
        Self { port, data: DataFolder::Persistent(folder.into()), tuning: Tuning::default(), script_program: None }
    }
}

/// Where a stack keeps its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataFolder {
    /// In this folder, which is made if it does not exist.
    Persistent(PathBuf),
    /// In memory and in a temporary folder that is removed when the stack stops.
    Ephemeral,
}

/// Lengths and limits of a stack. The defaults suit a person at a terminal: what takes a minute in production takes
/// seconds here; tests make them shorter still.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// How long a lane's lease lasts without renewal. Renewals come every third of it, and a worker whose last one is
    /// two thirds of it old stops by itself.
    pub lease: Duration,
    /// How long a wake-up waits whose lane somebody else holds.
    pub busy_pause: Duration,
    /// How often a running export shows its progress.
    pub progress_every: Duration,
    /// How often an export writes a checkpoint when no segment is closed meanwhile.
    pub checkpoint_every: Duration,
    /// How much of an invocation the exporter keeps back for an orderly end.
    pub deadline_reserve: Duration,
    /// Time that must be left of an invocation to begin another export.
    pub min_budget: Duration,
    /// Most records of a page; `None` = as many as 1 MiB holds.
    pub page_records: Option<u32>,
    /// Size of the first segments of an archive, in bytes.
    pub segment_bytes: u64,
    /// Time between two ticks of scheduler and sweeper; the first ones come at once.
    pub tick: Duration,
    /// How long the sweeper leaves a lane alone after it looked at it.
    pub look_again: Duration,
    /// How long a worker invocation may take; also the wake-up queue's visibility time-out, in whole seconds.
    pub function_timeout: Duration,
    /// How long an invocation that runs a script may take; also the visibility time-out of its queue, in whole seconds.
    pub script_timeout: Duration,
    /// How long an HTTP invocation may take before the gateway answers 503.
    pub http_timeout: Duration,
    /// How often a message is handed out before it moves to the dead-letter queue.
    pub max_receive_count: u32,
    /// How many exporter invocations run side by side, each for another org.
    pub worker_concurrency: usize,
    /// When a delivery that failed is tried again.
    pub delivery_backoff: Backoff,
    /// How much of an invocation a delivery keeps back for an orderly end.
    pub delivery_reserve: Duration,
    /// The longest file that is posted to a webhook; of a longer one it is sent a link.
    pub longest_posted_bytes: u64,
    /// How costly the hashes of passwords are.
    pub passwords: Passwords,
    /// How many requests a key may make a minute.
    pub requests_per_minute: u32,
    /// How many records one file of a data export may have.
    pub records_per_part: NonZeroU64,
    /// How many records a data export may have.
    pub max_records: NonZeroU64,
    /// Pages of which origins may call with credentials.
    pub allowed_origins: Origins,
    /// How long invocations that are running may go on when the stack stops.
    pub drain: Duration,
    /// Whether the first start loads the records that are shipped; the org `demo` and its keys are made in any case.
    pub demo_records: bool,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            busy_pause: Duration::from_secs(1),
            progress_every: Duration::from_millis(500),
            checkpoint_every: Duration::from_secs(30),
            deadline_reserve: Duration::from_secs(75),
            min_budget: Duration::from_secs(30),
            page_records: None,
            segment_bytes: 64 << 20,
            tick: Duration::from_secs(5),
            look_again: Duration::from_secs(5),
            function_timeout: Duration::from_mins(15),
            script_timeout: Duration::from_mins(4),
            http_timeout: Duration::from_secs(30),
            max_receive_count: 1000,
            worker_concurrency: 8,
            delivery_backoff: Backoff::default(),
            delivery_reserve: Duration::from_mins(1),
            longest_posted_bytes: 64 << 20,
            passwords: Passwords::default(),
            requests_per_minute: 6000,
            records_per_part: RECORDS_PER_PART,
            max_records: MAX_RECORDS,
            allowed_origins: Origins::default(),
            drain: Duration::from_secs(10),
            demo_records: true,
        }
    }
}
