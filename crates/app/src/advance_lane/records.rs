//! The stage in which records are written: pages through the plan into the archive, in the source's order.

use super::pages::{Selected, TransformedPage, transformed};
use super::segments::SegmentWriter;
use super::stamp::Run;
use super::write::Stage;
use super::writing::{Writing, internal};
use super::{Interrupted, Lease};
use futures::future::{Either, select};
use futures::stream::{Stream, StreamExt};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::ExportSpec;
use waybill_engine::Plan;

/// Takes pages until all are in (`true`) or `deadline` is reached (`false`, with everything in a checkpoint).
pub(super) async fn write_records(
    writing: &mut Writing<'_>,
    lease: &Lease,
    run: &mut Run,
    spec: &ExportSpec,
    plan: Arc<Plan>,
    deadline: Duration,
) -> Result<bool, Interrupted> {
    let Stage::Records { turns } = &writing.stage;
    let selected = Selected { org: spec.org.clone(), collection: spec.collection.name.clone() };
    let mut pages = pin!(transformed(writing.exporting, selected, turns.clone(), plan));
    let clock = &writing.exporting.context.clock;
    let mut time_up = clock.sleep(deadline.saturating_sub(clock.monotonic()));
    loop {
        let in_time = match select(pin!(next_page(&mut pages, &mut writing.segments)), &mut time_up).await {
            Either::Left((page, _)) => Some(page?),
            Either::Right(_) => None,
        };
        let Some(page) = in_time else {
            // A page that does not come costs no more than the time that there is.
            writing.checkpoint(run).await?;
            return Ok(false);
        };
        let Some(page) = page else { return Ok(true) };
        take(writing, page).await?;
        if writing.is_time_up(lease, run, deadline).await? {
            return Ok(false);
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

async fn take(writing: &mut Writing<'_>, page: TransformedPage) -> Result<(), Interrupted> {
    let mut bytes = Vec::with_capacity(page.block.deflated.len() + 64);
    writing.assembly.push(&page.block, &mut bytes).map_err(|error| internal(&error))?;
    writing.plain_bytes += u64::try_from(page.block.plain.len()).unwrap_or(u64::MAX);
    let Stage::Records { turns } = &mut writing.stage;
    turns.taken(page.next);
    writing.moved = true;
    Ok(writing.segments.append(&bytes).await?)
}
