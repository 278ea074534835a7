//! The stage before the first record is written, of exports that may have only so many: they are counted where nobody knows how many
//! match, so that one with too many fails before it has taken any storage.
//!
//! A count of a whole collection is kept beside its records; where that is certain and small enough, or records are sorted first,
//! which counts them, there is no such stage. What is counted here settles the collection's count where that was in doubt. Records
//! of which no count is kept (the platform's tables, accounts) are not read twice: those are counted while they are written.

use super::pages::{Selected, TransformedChunk, Turns, transformed};
use super::records::next_of;
use super::selected::reading;
use super::stamp::Run;
use super::write::Stage;
use super::writing::{Writing, too_many};
use super::{Exporting, Interrupted, Lease};
use crate::limit_records::{is_counted, takes_all};
use crate::retry::Attempts;
use futures::future::{Either, select};
use serde::{Deserialize, Serialize};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{CountMark, ExportSpec, RecordCount, RecordLimits};
use waybill_engine::Plan;
use waybill_ports::{IdRange, PortError};
use waybill_record::Chunk;

/// Records that are counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counting {
    /// The pages that are left.
    pub(super) turns: Turns,
    /// How many match so far.
    pub(super) records: u64,
    /// Of how many.
    scanned: u64,
    /// What settling the collection's count takes; `None` = that is not to be done.
    mark: Option<CountMark>,
}

/// Whether records have to be counted before the first is written, and from where.
///
/// # Errors
/// When it is certain already that there are too many.
pub(super) async fn counting(
    exporting: &Exporting,
    spec: &ExportSpec,
    is_sorted: bool,
) -> Result<Option<Counting>, Interrupted> {
    let Some(RecordLimits { most, .. }) = spec.limits.filter(|_| is_counted(spec)) else { return Ok(None) };
    let count = exporting.context.rows().record_count(&spec.org, &spec.collection.name).await?;
    let certain = count.as_ref().and_then(|count| count.value.certain());
    match certain {
        Some(records) if records <= most.get() => return Ok(None),
        Some(records) if takes_all(spec) => return Err(too_many(records, most.get())),
        _ if is_sorted => return Ok(None),
        _ => {}
    }
    let reading = reading(spec);
    let reads_all = reading.ids == IdRange::default() && reading.among.is_none();
    let mark = match count {
        _ if certain.is_some() || !reads_all => None,
        None => Some(CountMark::NONE),
        Some(count) => count.value.mark(exporting.context.now()),
    };
    Ok(Some(Counting { turns: Turns::of_all(exporting, spec), records: 0, scanned: 0, mark }))
}

/// Counts until all are counted (`true`) or `deadline` is reached (`false`, with everything in a checkpoint).
pub(super) async fn count_records(
    writing: &mut Writing<'_>,
    lease: &Lease,
    run: &mut Run,
    spec: &ExportSpec,
    plan: Arc<Plan>,
    deadline: Duration,
) -> Result<bool, Interrupted> {
    let Stage::Count(counting) = &writing.stage else { return Ok(true) };
    let turns = counting.turns.clone();
    let count = move |_, chunk: &Chunk| plan.count(chunk);
    let mut chunks = pin!(transformed(writing.exporting, Selected::of(spec), turns, count));
    let clock = &writing.exporting.context.clock;
    let mut time_up = clock.sleep(deadline.saturating_sub(clock.monotonic()));
    // Those of a page are counted with its last chunk, or not at all.
    let mut page = (0, 0);
    loop {
        let in_time = match select(pin!(next_of(&mut chunks, &mut writing.segments)), &mut time_up).await {
            Either::Left((chunk, _)) => Some(chunk?),
            Either::Right(_) => None,
        };
        let Some(chunk) = in_time else {
            writing.checkpoint(run).await?;
            return Ok(false);
        };
        let Some(TransformedChunk { made: (scanned, records), end, .. }) = chunk else { break };
        page = (page.0 + scanned, page.1 + records);
        let Some(end) = end else { continue };
        let Stage::Count(counting) = &mut writing.stage else { return Ok(true) };
        (counting.scanned, counting.records) = (counting.scanned + page.0, counting.records + page.1);
        counting.turns.taken(end.next);
        let records = counting.records;
        (page, writing.moved) = ((0, 0), true);
        writing.assert_within_limit(records)?;
        if writing.is_time_up(lease, run, deadline).await? {
            return Ok(false);
        }
    }
    let Stage::Count(Counting { records, scanned, mark, .. }) = writing.stage else { return Ok(true) };
    if let Some(mark) = mark {
        settle(writing.exporting, spec, mark, scanned).await?;
    }
    tracing::debug!(records, scanned, "records are counted");
    Ok(true)
}

/// Keeps what was counted, unless something has changed meanwhile.
async fn settle(exporting: &Exporting, spec: &ExportSpec, mark: CountMark, records: u64) -> Result<(), PortError> {
    let context = &exporting.context;
    let mut attempts = Attempts::new(context);
    loop {
        let (org, name) = (&spec.org, &spec.collection.name);
        let stored = context.rows().record_count(org, name).await?;
        let mut transaction = context.transaction();
        match stored {
            None if mark == CountMark::NONE => {
                transaction.insert(&RecordCount::new(org.clone(), name.clone(), Some(records), context.now()))?;
            }
            None => return Ok(()),
            Some(stored) => match stored.value.settle(mark, records, context.now()) {
                Some(settled) => transaction.update(stored.version, &settled).map(drop)?,
                None => return Ok(()),
            },
        }
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(()),
            Err(error) => attempts.after(error).await?,
        }
    }
}
