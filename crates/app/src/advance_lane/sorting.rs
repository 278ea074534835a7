//! The stage in which records are sorted: pages become rows, rows gathered in memory become runs in the store, and runs are merged
//! while there are too many of them. What the stage keeps says at any time where the next step goes on.

use super::pages::{Selected, TransformedChunk, Turns, transformed};
use super::runs::{Piece, RunMerge, StoredRun, lost};
use super::segments::{put, work_prefix};
use super::stamp::Run;
use super::write::Stage;
use super::writing::{Writing, internal};
use super::{Exporting, Interrupted, Lease};
use bytes::Bytes;
use futures::future::{BoxFuture, Either, select};
use futures::stream::{FuturesOrdered, Stream, StreamExt};
use serde::{Deserialize, Serialize};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{Epoch, ExportSpec};
use waybill_engine::{FileRefs, Merge, Plan, Rows, RunPosition};
use waybill_ports::compute;
use waybill_query::SortOrder;
use waybill_record::Chunk;

/// Pieces of a merged run on their way at once.
const UPLOADS: usize = 2;

/// How far sorting is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sorting {
    /// The pages that are left.
    pub(super) turns: Turns,
    /// The runs so far, in the order of their rows in the source.
    pub(super) runs: Vec<StoredRun>,
    /// The last of them that are being merged to one.
    pub(super) merging: Option<Merging>,
    /// Records in the runs.
    pub(super) records: u64,
    /// How long they are, encoded.
    pub(super) plain_bytes: u64,
}

/// How far a merge of runs to one is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Merging {
    /// Place of the first run that takes part.
    from: usize,
    positions: Vec<RunPosition>,
    /// The new run so far.
    pieces: Vec<Piece>,
}

impl Sorting {
    /// From the beginning.
    pub(super) fn new(turns: Turns) -> Self {
        Self { turns, runs: Vec::new(), merging: None, records: 0, plain_bytes: 0 }
    }

    /// The place of the first of the last runs that should become one: while pages are left, a full set of one level; then as many as
    /// the last merge would have too many.
    fn crowd(&self, fan_in: usize, all_read: bool) -> Option<usize> {
        let (count, fan_in) = (self.runs.len(), fan_in.max(2));
        if all_read {
            return (count > fan_in).then(|| count - fan_in.min(count - fan_in + 1));
        }
        let from = count.checked_sub(fan_in)?;
        let level = self.runs.last()?.level;
        self.runs[from..].iter().all(|run| run.level == level).then_some(from)
    }

    /// Takes note of a finished merge.
    fn merged(&mut self) {
        if let Some(Merging { from, pieces, .. }) = self.merging.take() {
            let level = self.runs[from..].iter().map(|run| run.level).max().unwrap_or(0);
            self.runs.truncate(from);
            self.runs.push(StoredRun { level: level.saturating_add(1), pieces });
        }
    }
}

/// Where the pieces that this step writes lie.
struct Keys {
    prefix: Arc<str>,
    epoch: Epoch,
    written: u32,
}

impl Keys {
    fn next(&mut self, size: usize) -> (Piece, String) {
        self.written += 1;
        let size_bytes = u64::try_from(size).unwrap_or(u64::MAX);
        let piece = Piece { epoch: self.epoch, number: self.written, size_bytes };
        (piece, piece.key(&self.prefix))
    }
}

/// Rows on their way from memory into the store, and how far the source was read with them.
struct Gathering<'a> {
    exporting: &'a Exporting,
    rows: Rows,
    turns: Turns,
    storing: Option<BoxFuture<'a, Result<Stored, Interrupted>>>,
    stored_at: Duration,
}

/// A run that has arrived.
struct Stored {
    pieces: Vec<Piece>,
    turns: Turns,
    records: u64,
    plain_bytes: u64,
    files: FileRefs,
}

/// Sorts until all records are in at most as many runs as one merge takes (`true`), or `deadline` is reached (`false`, with everything in
/// a checkpoint). Then the stage is the last merge.
pub(super) async fn sort_records(
    writing: &mut Writing<'_>,
    lease: &Lease,
    run: &mut Run,
    spec: &ExportSpec,
    (plan, order): (Arc<Plan>, SortOrder),
    deadline: Duration,
) -> Result<bool, Interrupted> {
    let Stage::Sort(sorting) = &writing.stage else { return Ok(true) };
    let exporting = writing.exporting;
    let prefix = work_prefix(&spec.org, run.id()).into();
    let mut keys = Keys { prefix, epoch: run.epoch, written: 0 };
    let mut gathering = Gathering {
        exporting,
        rows: Rows::new(),
        turns: sorting.turns.clone(),
        storing: None,
        stored_at: exporting.context.clock.monotonic(),
    };
    if !merge_crowds(writing, lease, run, &mut keys, (false, deadline)).await? {
        return Ok(false);
    }
    let selected = Selected::of(spec);
    let rows_of = move |_, chunk: &Chunk| plan.rows(chunk, &order);
    let mut chunks = pin!(transformed(exporting, selected, gathering.turns.clone(), rows_of));
    while let Some(chunk) = gathering.next_chunk(&mut chunks, writing).await? {
        gathering.rows.append(&chunk.made);
        // Rows are stored with all others of their page: the next step takes a page whole, or not at all.
        let Some(end) = chunk.end else { continue };
        gathering.turns.taken(end.next);
        if gathering.is_enough(deadline) {
            gathering.store(writing, &mut keys).await?;
        }
        if exporting.context.clock.monotonic() >= deadline {
            gathering.settle(writing).await?;
        }
        let merged = merge_crowds(writing, lease, run, &mut keys, (false, deadline)).await?;
        if !merged || writing.is_time_up(lease, run, deadline).await? {
            return Ok(false);
        }
    }
    gathering.store(writing, &mut keys).await?;
    gathering.settle(writing).await?;
    if !merge_crowds(writing, lease, run, &mut keys, (true, deadline)).await? {
        return Ok(false);
    }
    if let Stage::Sort(Sorting { runs, records, .. }) = &mut writing.stage {
        let (runs, records) = (std::mem::take(runs), *records);
        let positions = vec![RunPosition::default(); runs.len()];
        writing.stage = Stage::Merge { positions, runs, records, passed: 0 };
        writing.moved = true;
    }
    Ok(!writing.is_time_up(lease, run, deadline).await?)
}

impl Gathering<'_> {
    /// The next chunk, with a run arriving meanwhile.
    async fn next_chunk<S>(
        &mut self,
        chunks: &mut Pin<&mut S>,
        writing: &mut Writing<'_>,
    ) -> Result<Option<TransformedChunk<Rows>>, Interrupted>
    where
        S: Stream<Item = Result<TransformedChunk<Rows>, Interrupted>>,
    {
        let chunk = chunks.next();
        let Some(storing) = self.storing.as_mut() else { return chunk.await.transpose() };
        match select(chunk, storing).await {
            Either::Left((chunk, _)) => chunk.transpose(),
            Either::Right((stored, chunk)) => {
                self.storing = None;
                note(writing, stored?);
                chunk.await.transpose()
            }
        }
    }

    /// Whether the rows are worth a run, or have waited too long for one.
    fn is_enough(&self, deadline: Duration) -> bool {
        let settings = &self.exporting.settings;
        let now = self.exporting.context.clock.monotonic();
        let waited = now.saturating_sub(self.stored_at) >= settings.checkpoint_every;
        self.rows.memory_bytes() >= settings.sort.run_bytes || waited || now >= deadline
    }

    /// Begins to store the rows as a run, once the one before has arrived.
    async fn store(&mut self, writing: &mut Writing<'_>, keys: &mut Keys) -> Result<(), Interrupted> {
        self.settle(writing).await?;
        let mut rows = std::mem::take(&mut self.rows);
        let files = rows.take_files();
        let (records, plain_bytes, turns) = (rows.records(), rows.record_bytes(), self.turns.clone());
        self.stored_at = self.exporting.context.clock.monotonic();
        let exporting = self.exporting;
        if rows.is_empty() {
            note(writing, Stored { pieces: Vec::new(), turns, records, plain_bytes, files });
            return Ok(());
        }
        let (piece, key) = keys.next(0);
        let block_bytes = exporting.settings.sort.block_bytes;
        self.storing = Some(Box::pin(async move {
            let sorted = compute(&*exporting.compute, move || rows.into_run(block_bytes)).await.ok_or_else(lost)?;
            let bytes = Bytes::from(sorted.map_err(|error| internal(&error))?.bytes);
            let size_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            put(&*exporting.archives, &key, bytes).await?;
            Ok(Stored { pieces: vec![Piece { size_bytes, ..piece }], turns, records, plain_bytes, files })
        }));
        Ok(())
    }

    /// Waits for the run under way.
    async fn settle(&mut self, writing: &mut Writing<'_>) -> Result<(), Interrupted> {
        if let Some(storing) = self.storing.take() {
            note(writing, storing.await?);
        }
        Ok(())
    }
}

/// Takes note of a run that has arrived.
fn note(writing: &mut Writing<'_>, stored: Stored) {
    if let Stage::Sort(sorting) = &mut writing.stage {
        let Stored { pieces, turns, records, plain_bytes, files } = stored;
        writing.files.name(&files);
        if !pieces.is_empty() {
            sorting.runs.push(StoredRun { level: 0, pieces });
        }
        sorting.turns = turns;
        sorting.records += records;
        sorting.plain_bytes += plain_bytes;
        writing.moved = true;
    }
}

/// Goes on with the merge under way, and with others as long as there are too many runs; `false` when time is up, with everything in a
/// checkpoint.
async fn merge_crowds(
    writing: &mut Writing<'_>,
    lease: &Lease,
    run: &mut Run,
    keys: &mut Keys,
    (all_read, deadline): (bool, Duration),
) -> Result<bool, Interrupted> {
    let fan_in = writing.exporting.settings.sort.fan_in;
    loop {
        let Stage::Sort(sorting) = &mut writing.stage else { return Ok(true) };
        if sorting.merging.is_none() {
            let Some(from) = sorting.crowd(fan_in, all_read) else { return Ok(true) };
            let positions = vec![RunPosition::default(); sorting.runs.len() - from];
            sorting.merging = Some(Merging { from, positions, pieces: Vec::new() });
        }
        if !merge(writing, lease, run, keys, deadline).await? {
            return Ok(false);
        }
        if let Stage::Sort(sorting) = &mut writing.stage {
            sorting.merged();
            writing.moved = true;
        }
    }
}

/// Brings the merge under way to its end; `false` when time is up, with everything in a checkpoint.
async fn merge(
    writing: &mut Writing<'_>,
    lease: &Lease,
    run: &mut Run,
    keys: &mut Keys,
    deadline: Duration,
) -> Result<bool, Interrupted> {
    let Stage::Sort(Sorting { runs, merging: Some(merging), .. }) = &writing.stage else { return Ok(true) };
    let exporting = writing.exporting;
    let (runs, positions) = (runs[merging.from..].to_vec(), &merging.positions);
    let block_bytes = exporting.settings.sort.block_bytes;
    let to_run = |inputs| Merge::to_run(block_bytes, inputs);
    let merged = RunMerge::new(exporting, Arc::clone(&keys.prefix), runs, positions, to_run);
    let frames = merged.parts().map(|part| async move {
        let (chunk, positions) = part?;
        let frame = compute(&*exporting.compute, || chunk.into_frame()).await.ok_or_else(lost)?;
        Ok::<_, Interrupted>((frame.map_err(|error| internal(&error))?, positions))
    });
    let mut frames = pin!(frames.buffered(2));
    let (mut piece, mut puts) = (Vec::new(), FuturesOrdered::new());
    loop {
        let frame = loop {
            if puts.is_empty() {
                break frames.next().await;
            }
            match select(frames.next(), puts.next()).await {
                Either::Left((frame, _)) => break frame,
                Either::Right((arrived, _)) => arrive(writing, arrived)?,
            }
        };
        let positions = match frame.transpose()? {
            Some((frame, positions)) => {
                piece.extend_from_slice(&frame);
                Some(positions)
            }
            None => None,
        };
        let time_up = exporting.context.clock.monotonic() >= deadline;
        let (last, full) = (positions.is_none(), piece.len() >= exporting.settings.sort.piece_bytes);
        if !piece.is_empty() && (last || full || time_up) {
            while puts.len() >= UPLOADS {
                arrive(writing, puts.next().await)?;
            }
            let bytes = Bytes::from(std::mem::take(&mut piece));
            let (written, key) = keys.next(bytes.len());
            puts.push_back(async move {
                put(&*exporting.archives, &key, bytes).await?;
                Ok((written, positions.unwrap_or_default()))
            });
        }
        if last || time_up {
            while !puts.is_empty() {
                arrive(writing, puts.next().await)?;
            }
        }
        if last {
            return Ok(true);
        }
        if writing.is_time_up(lease, run, deadline).await? {
            return Ok(false);
        }
    }
}

/// Takes note of a piece of the new run that has arrived.
fn arrive(
    writing: &mut Writing<'_>,
    arrived: Option<Result<(Piece, Vec<RunPosition>), Interrupted>>,
) -> Result<(), Interrupted> {
    let Some((piece, positions)) = arrived.transpose()? else { return Ok(()) };
    if let Stage::Sort(Sorting { merging: Some(merging), .. }) = &mut writing.stage {
        merging.pieces.push(piece);
        merging.positions = positions;
        writing.moved = true;
    }
    Ok(())
}
