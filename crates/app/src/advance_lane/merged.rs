//! The stage in which sorted records are written: the last merge of their runs, chunk by chunk into the archive.

use super::records::{append, next_of};
use super::runs::{RunMerge, lost};
use super::segments::work_prefix;
use super::stamp::Run;
use super::write::Stage;
use super::writing::{Writing, internal};
use super::{Interrupted, Lease};
use futures::stream::StreamExt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::ExportSpec;
use waybill_engine::{Merge, Plan};
use waybill_ports::compute;
use waybill_query::pipeline::Window;

/// Writes merged records until all are in (`true`) or `deadline` is reached (`false`, with everything in a checkpoint).
pub(super) async fn write_merged(
    writing: &mut Writing<'_>,
    lease: &Lease,
    run: &mut Run,
    spec: &ExportSpec,
    (plan, window): (Arc<Plan>, Window),
    deadline: Duration,
) -> Result<bool, Interrupted> {
    let Stage::Merge { runs, positions, passed, .. } = &writing.stage else { return Ok(true) };
    let (skip, take) = window.of(*passed, u64::MAX);
    let exporting = writing.exporting;
    let parts = plan.part_records().map(|most| (most, writing.assembly.room()));
    let prefix = work_prefix(&spec.org, run.id()).into();
    let chunk_bytes = exporting.settings.sort.chunk_bytes;
    let to_records =
        |inputs| Merge::to_records(plan.separator(), chunk_bytes, inputs).within(skip, take).in_parts(parts);
    let merge = RunMerge::new(exporting, prefix, runs.clone(), positions, to_records);
    let blocks = merge.parts().map(|part| {
        let plan = Arc::clone(&plan);
        async move {
            let (chunk, positions) = part?;
            let rows = chunk.passed;
            let block = compute(&*exporting.compute, move || plan.block(chunk)).await.ok_or_else(lost)?;
            Ok::<_, Interrupted>((block.map_err(|error| internal(&error))?, positions, rows))
        }
    });
    let mut blocks = pin!(blocks.buffered(exporting.compute.parallelism().max(1) + 1));
    while let Some((block, merged, rows)) = next_of(&mut blocks, &mut writing.segments).await? {
        append(writing, &block).await?;
        if let Stage::Merge { positions, passed, .. } = &mut writing.stage {
            *positions = merged;
            *passed += rows;
        }
        if writing.is_time_up(lease, run, deadline).await? {
            return Ok(false);
        }
    }
    Ok(true)
}
