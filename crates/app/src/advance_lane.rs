//! One step of the exporter: take an org's lane, advance its head until it is done or time is up, give the lane back.
//!
//! The message only says which lane; the rows decide who runs and what. Every write of a step names the epoch of its
//! lease, so a worker that wakes late changes nothing.

mod appearing;
mod copying;
mod counting;
mod estimate;
mod expand;
mod file_pieces;
mod files;
mod finish;
mod gathering;
mod lease;
mod merged;
mod packaging;
mod pages;
mod plan;
mod records;
mod run;
mod runs;
mod segments;
mod selected;
mod sorting;
mod spill;
mod stamp;
mod unpacking;
mod unreadable;
mod unwind;
mod write;
mod writing;

use crate::read_export::stored_export;
use crate::{Context, make_export};
use futures::future::{Either, select};
use lease::Lease;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{LaneRefused, OrgCode};
use waybill_ports::{
    ArchiveStore, Compute, DeliveryQueue, PortError, RecordSource, ScriptQueue, WakeMessage, WakeQueue, WakeReceipt,
};

pub use files::FileSettings;
pub(crate) use finish::archive_prefix;
pub(crate) use segments::work_prefix;
pub(crate) use selected::selected;

/// The ports that a step needs.
#[derive(Clone)]
pub struct Exporting {
    /// State, time and randomness.
    pub context: Context,
    /// Where records are read.
    pub records: Arc<dyn RecordSource>,
    /// Where archives are written.
    pub archives: Arc<dyn ArchiveStore>,
    /// Where wake-ups are sent.
    pub wake: Arc<dyn WakeQueue>,
    /// Where scripts are rung for.
    pub scripts: Arc<dyn ScriptQueue>,
    /// Where deliveries are rung for.
    pub deliveries: Arc<dyn DeliveryQueue>,
    /// Where pages are transformed.
    pub compute: Arc<dyn Compute>,
    /// Lengths and sizes.
    pub settings: StepSettings,
}

/// Lengths and sizes of a step. Production takes the default; tests take shorter ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepSettings {
    /// Length of a lease.
    pub lease: Duration,
    /// How often the lease and the message are renewed; a third of the lease.
    pub heartbeat: Duration,
    /// How old the last renewal may be before a worker stops by itself.
    pub stale_after: Duration,
    /// How long a message waits whose lane somebody else holds.
    pub busy_pause: Duration,
    /// How long a message waits whose step ran out of time.
    pub continue_pause: Duration,
    /// Time that must be left to begin another export.
    pub min_budget: Duration,
    /// Time after the budget in which the last checkpoint has to be written; then the step ends without it.
    pub overtime: Duration,
    /// How often it is looked whether the export's end was asked for.
    pub stop_every: Duration,
    /// How often progress is shown.
    pub progress_every: Duration,
    /// How often a checkpoint is written when no segment is closed meanwhile.
    pub checkpoint_every: Duration,
    /// Most bytes of an entry that are held back to write its size in front of it; `None` = the archive's own bound.
    pub hold_bytes: Option<usize>,
    /// Size of an upload's part.
    pub part_bytes: usize,
    /// Size of the first segments; later ones grow.
    pub segment_bytes: u64,
    /// Longest range that one copy takes.
    pub copy_bytes: u64,
    /// Segments up to which none are merged.
    pub merge_beyond: usize,
    /// Least number of segments that are merged into one.
    pub merge_fan: usize,
    /// Most parts on their way at once.
    pub uploads: usize,
    /// Storage reserved at the first step, and ahead of the bytes later.
    pub reserve_bytes: u64,
    /// Unexplained ends after which an export fails.
    pub max_attempts: u32,
    /// Most records of a page; `None` = as many as 1 MiB holds.
    pub page_records: Option<u32>,
    /// JSON texts of a chunk together: what one job transforms. Each chunk under way takes several times as much memory.
    pub chunk_bytes: usize,
    /// How records are sorted.
    pub sort: SortSettings,
    /// Most bytes that a pipeline may hold in memory: groups, and rows that cannot be sorted in the store. A checkpoint needs as much
    /// again while it is written.
    pub gather_bytes: usize,
    /// How much of an entry is read at once to inflate it.
    pub unpack_bytes: u64,
    /// How far apart the places are, in deflated bytes, from which on an entry can be inflated; more in long ones.
    pub restart_bytes: u64,
    /// How files are written.
    pub files: FileSettings,
}

/// Sizes of a sort: memory is at most two runs, or what a merge reads ahead and a few pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortSettings {
    /// Rows gathered in memory before they become a run; as many again are on their way into the store.
    pub run_bytes: usize,
    /// Most runs of one merge.
    pub fan_in: usize,
    /// Size of a run's blocks: what a merge holds of each run inflated.
    pub block_bytes: usize,
    /// Plain size of the chunks of sorted records that the archive's blocks are made of.
    pub chunk_bytes: usize,
    /// Size of the objects of merged runs.
    pub piece_bytes: usize,
    /// What a merge reads ahead, all its runs together.
    pub read_bytes: u64,
}

impl Default for SortSettings {
    fn default() -> Self {
        Self {
            run_bytes: 12 << 20,
            fan_in: 32,
            block_bytes: 128 << 10,
            chunk_bytes: 512 << 10,
            piece_bytes: 4 << 20,
            read_bytes: 12 << 20,
        }
    }
}

impl Default for StepSettings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(90),
            heartbeat: Duration::from_secs(30),
            stale_after: Duration::from_mins(1),
            busy_pause: Duration::from_secs(15),
            continue_pause: Duration::from_secs(1),
            min_budget: Duration::from_secs(30),
            overtime: Duration::from_secs(45),
            stop_every: Duration::from_secs(5),
            progress_every: Duration::from_secs(5),
            checkpoint_every: Duration::from_secs(30),
            hold_bytes: None,
            part_bytes: 8 << 20,
            segment_bytes: 64 << 20,
            copy_bytes: 5 << 30,
            merge_beyond: 128,
            merge_fan: 16,
            uploads: 3,
            reserve_bytes: 64 << 20,
            max_attempts: 5,
            page_records: None,
            chunk_bytes: 1 << 20,
            sort: SortSettings::default(),
            gather_bytes: 24 << 20,
            unpack_bytes: 1 << 20,
            restart_bytes: 8 << 20,
            files: FileSettings::default(),
        }
    }
}

/// What becomes of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Acknowledge it.
    Done,
    /// Give it back: it keeps its place and comes again after the pause, which is already set on the queue.
    Retry,
}

/// How a step ended, before the message is dealt with.
enum StepEnd {
    /// The lane is empty.
    Empty,
    /// Time is up.
    OutOfTime,
    /// Somebody else holds the lane, or a pause is on; after so long again.
    Later(Duration),
    /// What was to end has ended; the rest of the lane waits for a pause to be over.
    Paused(Duration),
}

/// Why work on an export stopped without the export having ended.
enum Interrupted {
    /// Its end was asked for.
    Stopped,
    /// The lease is somebody else's now: nothing may be written any more.
    Lost,
    /// Time was up long ago, and the last checkpoint is not written.
    Overdue,
    /// A service failed.
    Port(PortError),
    /// It cannot succeed.
    Failed(waybill_domain::Failure),
}

impl From<PortError> for Interrupted {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

/// Advances the lane that `message` is about, for at most `budget`, which leaves time to write a checkpoint.
pub async fn advance_lane(
    exporting: &Exporting,
    message: &WakeMessage,
    receipt: &WakeReceipt,
    budget: Duration,
) -> Verdict {
    let WakeMessage::ExportV1 { org, export } = message;
    let ended = match Box::pin(step(exporting, message, receipt, budget)).await {
        Ok(ended) => ended,
        Err(error) => {
            tracing::warn!(%org, %export, error = ?error, "step given up; the message comes again");
            StepEnd::Later(exporting.settings.busy_pause)
        }
    };
    let pause = match ended {
        StepEnd::Empty => return Verdict::Done,
        StepEnd::Later(pause) => pause,
        StepEnd::OutOfTime | StepEnd::Paused(_) if matches!(own_export_ended(exporting, message).await, Ok(true)) => {
            return Verdict::Done;
        }
        StepEnd::OutOfTime => exporting.settings.continue_pause,
        StepEnd::Paused(left) => left,
    };
    if let Err(error) = exporting.wake.set_visibility(receipt, pause).await {
        tracing::warn!(%org, %export, %error, "visibility not set; the message comes again when the queue's own is over");
    }
    Verdict::Retry
}

async fn step(
    exporting: &Exporting,
    message: &WakeMessage,
    receipt: &WakeReceipt,
    budget: Duration,
) -> Result<StepEnd, PortError> {
    let WakeMessage::ExportV1 { org, .. } = message;
    let deadline = exporting.context.clock.monotonic() + budget;
    if own_export_ended(exporting, message).await? {
        return Ok(StepEnd::Empty);
    }
    let lease = match Lease::acquire(exporting, org).await? {
        Ok(lease) => lease,
        Err(LaneRefused::NotBefore { until }) => {
            let pause = until.since(exporting.context.now()).max(exporting.settings.continue_pause);
            return Ok(StepEnd::Later(pause));
        }
        Err(LaneRefused::Held { .. } | LaneRefused::Lost) => return Ok(StepEnd::Later(exporting.settings.busy_pause)),
    };
    let ended = {
        let work = pin!(run::advance_heads(exporting, &lease, org, deadline));
        let heartbeat = pin!(lease.keep(exporting, receipt));
        match select(work, heartbeat).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), _)) => {
                tracing::warn!(%org, "lease lost; nothing more is written");
                return Ok(StepEnd::Later(exporting.settings.busy_pause));
            }
        }
    };
    match ended {
        Ok(ended) => {
            lease.release(exporting).await?;
            Ok(ended)
        }
        Err(Interrupted::Lost | Interrupted::Overdue | Interrupted::Stopped | Interrupted::Failed(_)) => {
            tracing::warn!(%org, "the export is somebody else's, or has ended; nothing more is written");
            // Only the export is known to be lost: where the lane is still ours, nobody shall wait for its lease to end.
            drop(lease.release(exporting).await);
            Ok(StepEnd::Later(exporting.settings.busy_pause))
        }
        Err(Interrupted::Port(error)) => {
            // The lane is free again at once; should that fail too, when the lease ends.
            drop(lease.release(exporting).await);
            Err(error)
        }
    }
}

/// Whether the message's own export needs it no more, or not yet: it is not in the lane. If others wait, their head is rung for:
/// it may have lost its own.
async fn own_export_ended(exporting: &Exporting, message: &WakeMessage) -> Result<bool, PortError> {
    let WakeMessage::ExportV1 { org, export } = message;
    let stored = stored_export(&exporting.context, org, *export).await?;
    if stored.is_some_and(|stored| stored.value.ticket().is_some()) {
        return Ok(false);
    }
    ring_head(exporting, org).await?;
    Ok(true)
}

async fn ring_head(exporting: &Exporting, org: &OrgCode) -> Result<(), PortError> {
    if let Some(head) = exporting.context.rows().queue_head(org).await?
        && let Some(export) = exporting.context.rows().export(org, head.value.seq).await?
    {
        make_export::ring(&*exporting.wake, &export.value).await;
    }
    Ok(())
}
