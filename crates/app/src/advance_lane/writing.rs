//! An archive under way: what the stages that write it share. Bytes go out in segments, storage is reserved ahead of them, progress is
//! shown, and checkpoints say where the next step goes on.

use super::estimate::Extents;
use super::files::{FileLists, spill};
use super::pages::Turns;
use super::segments::SegmentWriter;
use super::stamp::Run;
use super::write::{Checkpoint, Finished, Stage};
use super::{Exporting, Interrupted, Lease};
use std::time::Duration;
use waybill_domain::{Failure, FailureCode, Progress, RecordLimits, Segment};
use waybill_engine::{Assembly, AssemblyError};
use waybill_ports::Reading;

/// Time that must be left to make fewer segments of many.
const MERGE_TIME: Duration = Duration::from_mins(2);

/// An archive under way.
pub(super) struct Writing<'a> {
    pub(super) exporting: &'a Exporting,
    pub(super) assembly: Assembly,
    pub(super) segments: SegmentWriter<'a>,
    /// What is done now, and how far it is.
    pub(super) stage: Stage,
    /// What grows with the records' files.
    pub(super) files: FileLists,
    /// Plain bytes of records so far.
    pub(super) plain_bytes: u64,
    reading: Reading,
    /// Asked for when there is the first progress to show.
    extents: Option<Extents>,
    /// Most records that it may have.
    most_records: u64,
    /// Whether anything was done since the last checkpoint.
    pub(super) moved: bool,
    checkpointed_at: Duration,
    shown_at: Duration,
}

impl<'a> Writing<'a> {
    /// An archive that goes on at `stage`.
    pub(super) fn new(
        exporting: &'a Exporting,
        (assembly, segments): (Assembly, SegmentWriter<'a>),
        (stage, files): (Stage, FileLists),
        plain_bytes: u64,
        reading: Reading,
    ) -> Self {
        let now = exporting.context.clock.monotonic();
        Self {
            exporting,
            assembly,
            segments,
            stage,
            files,
            plain_bytes,
            reading,
            extents: None,
            most_records: u64::MAX,
            moved: false,
            checkpointed_at: now,
            shown_at: now,
        }
    }

    /// The same, failing where there are more records than `limits` allow.
    pub(super) fn limited(self, limits: Option<RecordLimits>) -> Self {
        Self { most_records: limits.map_or(u64::MAX, |limits| limits.most.get()), ..self }
    }

    /// Fails the export where it has, or is going to have, more records than it may.
    pub(super) fn assert_within_limit(&self, records: u64) -> Result<(), Interrupted> {
        if records <= self.most_records { Ok(()) } else { Err(too_many(records, self.most_records)) }
    }

    /// To be asked whenever a next step could go on from here: keeps storage reserved, progress shown and checkpoints recent. At
    /// `deadline` (monotonic) everything is in a checkpoint, and the answer is `true`.
    pub(super) async fn is_time_up(
        &mut self,
        lease: &Lease,
        run: &mut Run,
        deadline: Duration,
    ) -> Result<bool, Interrupted> {
        let settings = &self.exporting.settings;
        lease.progressed().await;
        self.reserve_ahead(run).await?;
        spill(self).await?;
        let now = self.exporting.context.clock.monotonic();
        if now >= deadline {
            self.checkpoint(run).await?;
            return Ok(true);
        }
        let waited = now.saturating_sub(self.checkpointed_at) >= settings.checkpoint_every;
        if waited || self.segments.is_segment_full() {
            if deadline.saturating_sub(now) >= MERGE_TIME {
                self.segments.merge().await;
            }
            self.checkpoint(run).await?;
        } else if now.saturating_sub(self.shown_at) >= settings.progress_every {
            self.show(run).await?;
        }
        Ok(false)
    }

    fn progress(&self) -> Progress {
        // What is sorted is not in the archive yet.
        let (records, plain_bytes, estimated_records) = match &self.stage {
            Stage::Sort(sorting) => {
                (sorting.records, sorting.plain_bytes, self.estimate(&sorting.turns, sorting.records))
            }
            Stage::Count(counting) => (counting.records, 0, self.estimate(&counting.turns, counting.records)),
            Stage::Gather(gathering) => (gathering.records, 0, None),
            Stage::Rows(rows) => (self.assembly.records(), self.plain_bytes, Some(rows.count())),
            Stage::Merge { records, .. } => (self.assembly.records(), self.plain_bytes, Some(*records)),
            Stage::Records { turns, .. } => {
                let records = self.assembly.records();
                (records, self.plain_bytes, self.estimate(turns, records))
            }
            Stage::Files(_) => (self.assembly.records(), self.plain_bytes, Some(self.assembly.records())),
        };
        let files = self.assembly.file_tally();
        Progress {
            phase: self.stage.phase(),
            records,
            plain_bytes,
            archive_bytes: self.assembly.size_bytes(),
            estimated_records,
            files: files.count,
            file_bytes: files.size_bytes,
            missing_files: files.missing,
            by_collection: self.assembly.section_records(),
        }
    }

    fn estimate(&self, turns: &Turns, records: u64) -> Option<u64> {
        self.extents.as_ref()?.estimate(self.exporting, &self.reading, turns, records)
    }

    async fn learn_extents(&mut self) {
        if self.extents.is_none() && matches!(self.stage, Stage::Count(_) | Stage::Sort(_) | Stage::Records { .. }) {
            self.extents = Some(Extents::of(self.exporting, &self.reading).await);
        }
    }

    async fn show(&mut self, run: &mut Run) -> Result<(), Interrupted> {
        self.learn_extents().await;
        let progress = self.progress();
        run.write(self.exporting, |export, epoch, _| export.advance(epoch, progress.clone())).await?;
        self.shown_at = self.exporting.context.clock.monotonic();
        Ok(())
    }

    /// Reserves more storage before the archive outgrows what is reserved.
    pub(super) async fn reserve_ahead(&mut self, run: &mut Run) -> Result<(), Interrupted> {
        let settings = &self.exporting.settings;
        let margin =
            u64::try_from(settings.part_bytes).unwrap_or(u64::MAX).saturating_mul(2).min(settings.reserve_bytes / 4);
        let reserved = run.export().reserved_bytes();
        let needed = self.assembly.size_bytes().saturating_add(margin);
        if needed <= reserved {
            return Ok(());
        }
        let more = settings.reserve_bytes.max(needed - reserved);
        let progress = self.progress();
        run.write_with_usage(self.exporting, more, |export, epoch, _| export.advance(epoch, progress.clone())).await
    }

    /// Stores everything that the next step needs and points the export at it; nothing when nothing was done since the last one.
    pub(super) async fn checkpoint(&mut self, run: &mut Run) -> Result<(), Interrupted> {
        if self.moved {
            let (assembly, stage, files) = (self.assembly.state(), self.stage.clone(), self.files.clone());
            let plain_bytes = self.plain_bytes;
            let head = |segments: &[Segment]| {
                let checkpoint = Checkpoint { v: 1, assembly, stage, segments: segments.to_vec(), plain_bytes, files };
                let mut line = serde_json::to_vec(&checkpoint).map_err(|error| internal(&error))?;
                line.push(b'\n');
                Ok(line)
            };
            let key = self.segments.write_checkpoint(head).await?;
            self.learn_extents().await;
            let progress = self.progress();
            run.write(self.exporting, |export, epoch, _| export.checkpointed(epoch, key.clone(), progress.clone()))
                .await?;
        }
        self.moved = false;
        self.checkpointed_at = self.exporting.context.clock.monotonic();
        self.shown_at = self.checkpointed_at;
        Ok(())
    }

    /// Ends the archive: every stage is over.
    pub(super) async fn finish(self) -> Result<Finished, Interrupted> {
        let Self { assembly, mut segments, .. } = self;
        let mut last = Vec::new();
        let summary = assembly.finish(&mut last).map_err(|error: AssemblyError| internal(&error))?;
        let stored = async {
            segments.append(&last).await?;
            segments.finish().await
        };
        match stored.await {
            Ok(bodies) => Ok(Finished { summary, bodies }),
            Err(error) => {
                segments.abandon().await;
                Err(error.into())
            }
        }
    }
}

/// The failure of an export with more records than it may have.
pub(super) fn too_many(records: u64, most: u64) -> Interrupted {
    let message = format!(
        "there are {records} records or more, and an export may have {most}; narrow it with a filter or a range of dates"
    );
    Interrupted::Failed(Failure::new(FailureCode::RecordLimitExceeded, message))
}

pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> Interrupted {
    tracing::error!(error, "the engine refused its own work");
    Interrupted::Failed(Failure::new(
        FailureCode::Internal,
        "an internal error occurred while the archive was written; the operator finds it in the log",
    ))
}
