//! Writing an archive: pages in, segments out, progress shown and checkpoints kept on the way.

use super::pages::{Selected, TransformedPage, Turns, transformed};
use super::plan::compile;
use super::segments::{Bodies, SegmentWriter};
use super::stamp::Run;
use super::{Exporting, Interrupted, Lease};
use futures::future::{Either, select};
use futures::stream::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{Export, ExportSpec, Failure, FailureCode, Phase, Progress, Segment};
use waybill_engine::{Assembly, AssemblyError, AssemblyHeader, AssemblyState, AssemblySummary, Modified, Plan};
use waybill_ports::{PortError, PortErrorKind};

/// How writing ended.
pub(super) enum Written {
    /// All records are in.
    Finished(Finished),
    /// Time is up; the next step goes on from the checkpoint.
    Checkpointed,
}

/// A whole archive that has not appeared yet.
pub(super) struct Finished {
    pub(super) summary: AssemblySummary,
    pub(super) bodies: Bodies,
}

/// What the next step needs to go on; the bytes that made no whole part follow it in the object.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    /// Version of this form.
    v: u8,
    assembly: AssemblyState,
    turns: Turns,
    segments: Vec<Segment>,
    plain_bytes: u64,
}

/// An archive under way.
struct Writing<'a> {
    exporting: &'a Exporting,
    assembly: Assembly,
    segments: SegmentWriter<'a>,
    turns: Turns,
    plain_bytes: u64,
    /// Whether a page was assembled since the last checkpoint.
    moved: bool,
    checkpointed_at: Duration,
    shown_at: Duration,
}

/// Writes the archive of a stamped export from its last checkpoint on, until all is in or `deadline` (monotonic) is reached.
pub(super) async fn write_archive(
    exporting: &Exporting,
    lease: &Lease,
    run: &mut Run,
    spec: &ExportSpec,
    deadline: Duration,
) -> Result<Written, Interrupted> {
    let plan = Arc::new(compile(spec).map_err(|error| internal(&error))?);
    let mut writing = begin(exporting, run, spec, &plan).await?;
    let filled = writing.fill(lease, run, spec, plan, deadline).await;
    match filled {
        Ok(true) => writing.finish().await.map(Written::Finished),
        Ok(false) => Ok(Written::Checkpointed),
        Err(interrupted) => {
            writing.segments.abandon().await;
            Err(interrupted)
        }
    }
}

/// The next page, with parts arriving meanwhile; waits while too many parts are on their way.
async fn next_page<S>(
    pages: &mut Pin<&mut S>,
    segments: &mut SegmentWriter<'_>,
) -> Result<Option<TransformedPage>, Interrupted>
where
    S: Stream<Item = Result<TransformedPage, Interrupted>>,
{
    while segments.is_busy() {
        segments.arrived().await?;
    }
    let mut page = pages.next();
    loop {
        let arrived = match select(page, pin!(segments.arrived())).await {
            Either::Left((page, _)) => return page.transpose(),
            Either::Right((arrived, rest)) => {
                page = rest;
                arrived?
            }
        };
        if !arrived {
            return page.await.transpose();
        }
    }
}

fn header(export: &Export, spec: &ExportSpec) -> AssemblyHeader {
    let request = serde_json::json!({
        "collection": spec.collection.name,
        "format": spec.format,
        "level": spec.level,
        "paths": spec.selection.paths,
        "include": spec.selection.include,
        "where": spec.filter_text,
        "rawCells": spec.raw_cells,
        "createdAt": export.created_at.to_string(),
        "principal": spec.principal,
    });
    AssemblyHeader {
        collection: spec.collection.name.to_string(),
        export: export.id.to_string(),
        org: Some(export.org.to_string()),
        request,
        modified: Modified::from_unix_secs(export.created_at.as_secs()),
    }
}

async fn begin<'a>(
    exporting: &'a Exporting,
    run: &Run,
    spec: &ExportSpec,
    plan: &Plan,
) -> Result<Writing<'a>, Interrupted> {
    let export = run.export();
    let header = header(export, spec);
    let now = exporting.context.clock.monotonic();
    let writer = |closed, tail: &[u8]| SegmentWriter::new(exporting, &export.org, export.id, run.epoch, closed, tail);
    let (assembly, segments, turns, plain_bytes) = match &export.checkpoint {
        None => {
            let mut first = Vec::new();
            let assembly = Assembly::start(plan, header, &mut first).map_err(|error| internal(&error))?;
            (assembly, writer(Vec::new(), &first), Turns::all(exporting.records.partitions()), 0)
        }
        Some(key) => {
            let (checkpoint, tail) = read_checkpoint(exporting, key).await?;
            let assembly = Assembly::resume(plan, header, checkpoint.assembly);
            (assembly, writer(checkpoint.segments, &tail), checkpoint.turns, checkpoint.plain_bytes)
        }
    };
    Ok(Writing { exporting, assembly, segments, turns, plain_bytes, moved: false, checkpointed_at: now, shown_at: now })
}

async fn read_checkpoint(exporting: &Exporting, key: &str) -> Result<(Checkpoint, Vec<u8>), PortError> {
    let corrupt = |field: String| {
        let kind = PortErrorKind::Corrupt { table: "work".to_owned(), key: key.to_owned(), field };
        PortError::new(kind, "reading a checkpoint")
    };
    let body = exporting.archives.get(key).await?.ok_or_else(|| corrupt("the checkpoint is missing".to_owned()))?;
    let end = body.iter().position(|byte| *byte == b'\n').ok_or_else(|| corrupt("no first line".to_owned()))?;
    let checkpoint: Checkpoint = serde_json::from_slice(&body[..end]).map_err(|error| corrupt(error.to_string()))?;
    if checkpoint.v != 1 {
        return Err(corrupt(format!("v: {} is not known", checkpoint.v)));
    }
    Ok((checkpoint, body[end + 1..].to_vec()))
}

impl Writing<'_> {
    /// Takes pages until all are in (`true`) or `deadline` is reached (`false`, with everything in a checkpoint).
    async fn fill(
        &mut self,
        lease: &Lease,
        run: &mut Run,
        spec: &ExportSpec,
        plan: Arc<Plan>,
        deadline: Duration,
    ) -> Result<bool, Interrupted> {
        let (exporting, settings) = (self.exporting, &self.exporting.settings);
        let selected = Selected { org: spec.org.clone(), collection: spec.collection.name.clone() };
        let mut pages = pin!(transformed(exporting, selected, self.turns.clone(), plan));
        let clock = &exporting.context.clock;
        while let Some(page) = next_page(&mut pages, &mut self.segments).await? {
            self.take(page).await?;
            lease.progressed().await;
            self.reserve_ahead(run).await?;
            let now = clock.monotonic();
            if now >= deadline {
                self.checkpoint(run).await?;
                return Ok(false);
            }
            let waited = now.saturating_sub(self.checkpointed_at) >= settings.checkpoint_every;
            if waited || self.segments.is_segment_full() {
                self.checkpoint(run).await?;
            } else if now.saturating_sub(self.shown_at) >= settings.progress_every {
                self.show(run).await?;
            }
        }
        Ok(true)
    }

    async fn take(&mut self, page: TransformedPage) -> Result<(), Interrupted> {
        let mut bytes = Vec::with_capacity(page.block.deflated.len() + 64);
        self.assembly.push(&page.block, &mut bytes).map_err(|error| internal(&error))?;
        self.plain_bytes += u64::try_from(page.block.plain.len()).unwrap_or(u64::MAX);
        self.turns.taken(page.next);
        self.moved = true;
        Ok(self.segments.append(&bytes).await?)
    }

    fn progress(&self) -> Progress {
        Progress {
            phase: Phase::Records,
            records: self.assembly.records(),
            plain_bytes: self.plain_bytes,
            archive_bytes: self.assembly.size_bytes(),
            estimated_records: None,
            files: 0,
            file_bytes: 0,
        }
    }

    async fn show(&mut self, run: &mut Run) -> Result<(), Interrupted> {
        let progress = self.progress();
        run.write(self.exporting, |export, epoch, _| export.advance(epoch, progress.clone())).await?;
        self.shown_at = self.exporting.context.clock.monotonic();
        Ok(())
    }

    /// Reserves more storage before the archive outgrows what is reserved.
    async fn reserve_ahead(&mut self, run: &mut Run) -> Result<(), Interrupted> {
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

    /// Stores everything that the next step needs and points the export at it; nothing when no page came since the last one.
    async fn checkpoint(&mut self, run: &mut Run) -> Result<(), Interrupted> {
        if self.moved {
            let (assembly, turns, plain_bytes) = (self.assembly.state(), self.turns.clone(), self.plain_bytes);
            let head = |segments: &[Segment]| {
                let checkpoint = Checkpoint { v: 1, assembly, turns, segments: segments.to_vec(), plain_bytes };
                let mut line = serde_json::to_vec(&checkpoint).map_err(|error| internal(&error))?;
                line.push(b'\n');
                Ok(line)
            };
            let key = self.segments.write_checkpoint(head).await?;
            let progress = self.progress();
            run.write(self.exporting, |export, epoch, _| export.checkpointed(epoch, key.clone(), progress.clone()))
                .await?;
        }
        self.moved = false;
        self.checkpointed_at = self.exporting.context.clock.monotonic();
        self.shown_at = self.checkpointed_at;
        Ok(())
    }

    async fn finish(self) -> Result<Finished, Interrupted> {
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

fn internal(error: &(dyn std::error::Error + 'static)) -> Interrupted {
    tracing::error!(error, "the engine refused its own work");
    Interrupted::Failed(Failure::new(
        FailureCode::Internal,
        "an internal error occurred while the archive was written; the operator finds it in the log",
    ))
}
