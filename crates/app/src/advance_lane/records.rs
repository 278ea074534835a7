//! The stage in which records are written: pages through the plan into the archive, in the source's order.

use super::files::gather;
use super::pages::{Selected, TransformedChunk, transformed};
use super::runs::lost;
use super::segments::SegmentWriter;
use super::stamp::Run;
use super::write::Stage;
use super::writing::{Writing, internal};
use super::{Exporting, Interrupted, Lease};
use futures::future::{Either, select};
use futures::stream::{Stream, StreamExt};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::ExportSpec;
use waybill_engine::{Block, Plan};
use waybill_ports::compute;
use waybill_query::pipeline::Window;
use waybill_record::Chunk;

/// Takes pages until all are in (`true`) or `deadline` is reached (`false`, with everything in a checkpoint).
pub(super) async fn write_records(
    writing: &mut Writing<'_>,
    lease: &Lease,
    run: &mut Run,
    spec: &ExportSpec,
    (plan, window): (Arc<Plan>, Window),
    deadline: Duration,
) -> Result<bool, Interrupted> {
    let Stage::Records { turns, .. } = &writing.stage else { return Ok(true) };
    let selected = Selected::of(spec);
    let transform = {
        let plan = Arc::clone(&plan);
        // A chunk is kept as long as it may have to be cut.
        move |member: u16, chunk: &Chunk| {
            let may_be_cut = !window.is_everything() || plan.part_records().is_some();
            plan.section(member.into()).transform(chunk).map(|block| (block, may_be_cut.then(|| chunk.clone())))
        }
    };
    let mut chunks = pin!(transformed(writing.exporting, selected, turns.clone(), transform));
    let clock = &writing.exporting.context.clock;
    let mut time_up = clock.sleep(deadline.saturating_sub(clock.monotonic()));
    let mut between_pages = true;
    loop {
        if between_pages && is_full(writing, window) {
            return Ok(true);
        }
        // The rest of a page is in memory; only the next one may take longer than there is time.
        let in_time = if between_pages {
            match select(pin!(next_of(&mut chunks, &mut writing.segments)), &mut time_up).await {
                Either::Left((chunk, _)) => Some(chunk?),
                Either::Right(_) => None,
            }
        } else {
            Some(next_of(&mut chunks, &mut writing.segments).await?)
        };
        let Some(chunk) = in_time else {
            // A page that does not come costs no more than the time that there is.
            writing.checkpoint(run).await?;
            return Ok(false);
        };
        let Some(TransformedChunk { made: (block, chunk), member, end }) = chunk else { return Ok(true) };
        enter(writing, member).await?;
        if let Some(chunk) = chunk {
            append_within(writing, &plan, window, (block, chunk)).await?;
        } else {
            append(writing, &block).await?;
            plan.recycle(block);
        }
        between_pages = end.is_some();
        let Some(end) = end else { continue };
        if let Stage::Records { turns, .. } = &mut writing.stage {
            turns.taken(end.next);
        }
        if writing.is_time_up(lease, run, deadline).await? {
            return Ok(false);
        }
    }
}

/// Goes on to the entry of a collection, where each has its own.
async fn enter(writing: &mut Writing<'_>, member: u16) -> Result<(), Interrupted> {
    let mut bytes = Vec::new();
    writing.assembly.enter_section(member.into(), &mut bytes).map_err(|error| internal(&error))?;
    if bytes.is_empty() {
        return Ok(());
    }
    writing.moved = true;
    Ok(writing.segments.append(&bytes).await?)
}

/// Whether the window is behind the records that have passed.
fn is_full(writing: &Writing<'_>, window: Window) -> bool {
    matches!(&writing.stage, Stage::Records { passed, .. } if window.end().is_some_and(|end| *passed >= end))
}

/// Appends those records of a block that lie in the window, in pieces where they cross the end of a part. Those that a page gives are
/// counted with its last chunk, or not at all.
async fn append_within(
    writing: &mut Writing<'_>,
    plan: &Arc<Plan>,
    window: Window,
    (block, chunk): (Block, Chunk),
) -> Result<(), Interrupted> {
    let Stage::Records { passed, .. } = &mut writing.stage else { return Ok(()) };
    let (skip, take) = window.of(*passed, block.records);
    *passed += block.records;
    let mut scanned = block.scanned;
    if take == block.records && take <= writing.assembly.room() {
        append(writing, &block).await?;
        plan.recycle(block);
        return Ok(());
    }
    plan.recycle(block);
    let mut done = 0;
    loop {
        let most = (take - done).min(writing.assembly.room());
        let mut piece = match most {
            0 => Block::default(),
            _ => cut(writing.exporting, plan, chunk.clone(), (skip + done, most)).await?,
        };
        // The chunk is one, however often it is read.
        piece.scanned = std::mem::take(&mut scanned);
        append(writing, &piece).await?;
        plan.recycle(piece);
        done += most;
        if done >= take {
            return Ok(());
        }
    }
}

/// Some of the records of a chunk that would be in its block: of those behind the first so many, at most so many.
async fn cut(
    exporting: &Exporting,
    plan: &Arc<Plan>,
    chunk: Chunk,
    (skip, take): (u64, u64),
) -> Result<Block, Interrupted> {
    let plan = Arc::clone(plan);
    let cut = compute(&*exporting.compute, move || plan.transform_part(&chunk, skip, take)).await;
    cut.ok_or_else(lost)?.map_err(|error| internal(&error))
}

/// The next piece of the archive, with parts arriving meanwhile; waits while too many parts are on their way.
pub(super) async fn next_of<S, T>(
    pieces: &mut Pin<&mut S>,
    segments: &mut SegmentWriter<'_>,
) -> Result<Option<T>, Interrupted>
where
    S: Stream<Item = Result<T, Interrupted>>,
{
    while segments.is_busy() {
        segments.arrived().await?;
    }
    let mut piece = pieces.next();
    loop {
        let arrived = match select(piece, pin!(segments.arrived())).await {
            Either::Left((piece, _)) => return piece.transpose(),
            Either::Right((arrived, rest)) => {
                piece = rest;
                arrived?
            }
        };
        if !arrived {
            return piece.await.transpose();
        }
    }
}

/// Appends a block to the archive; the stage has to say what comes behind it.
pub(super) async fn append(writing: &mut Writing<'_>, block: &Block) -> Result<(), Interrupted> {
    writing.assert_within_limit(writing.assembly.records().saturating_add(block.records))?;
    let mut bytes = Vec::with_capacity(block.deflated.len() + 64);
    writing.assembly.push(block, &mut bytes).map_err(|error| internal(&error))?;
    writing.plain_bytes += u64::try_from(block.plain.len()).unwrap_or(u64::MAX);
    writing.files.name(&block.files);
    if !block.documents.is_empty() {
        gather(writing);
    }
    writing.moved = true;
    Ok(writing.segments.append(&bytes).await?)
}
