//! Runs merged to one order.

use super::SortError;
use super::frame::{write_frame, write_row};
use super::heap::Heap;
use super::input::{Input, Loaded};
use serde::{Deserialize, Serialize};
use waybill_archive::{Deflater, Inflater, Level};

/// How long a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLength {
    /// Bytes.
    pub size_bytes: u64,
}

/// How far a run is merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u32)", into = "(u64, u32)")]
pub struct RunPosition {
    /// Where the block with the next row begins.
    pub block: u64,
    /// How many of its rows were taken.
    pub rows: u32,
}

impl From<(u64, u32)> for RunPosition {
    fn from((block, rows): (u64, u32)) -> Self {
        Self { block, rows }
    }
}

impl From<RunPosition> for (u64, u32) {
    fn from(position: RunPosition) -> Self {
        (position.block, position.rows)
    }
}

/// How a call of [`Merge::fill`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// A chunk is full.
    Full,
    /// Inputs need more of their bytes ([`Merge::hungry`]).
    Hungry,
    /// All rows are merged; what is left makes the last chunk, which may be empty.
    Done,
}

/// Merged rows: neighbours in the order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergedChunk {
    /// Encoded records with what stands between them, or a block of a run.
    pub plain: Vec<u8>,
    /// How many records.
    pub records: u64,
    /// How many rows were merged for it, those that are left out before it included.
    pub passed: u64,
}

/// What merged rows become.
#[derive(Debug)]
enum Output {
    /// Chunks of the archive: records with this between them.
    Records(&'static [u8]),
    /// Blocks of a longer run.
    Run,
}

/// A merge of runs, fed with their bytes as it asks for them.
#[derive(Debug)]
pub struct Merge {
    output: Output,
    /// A chunk is closed when it is this long.
    chunk_bytes: usize,
    /// Rows that are still to be left out.
    skip: u64,
    /// Bytes of those left out for the chunk.
    skipped_bytes: usize,
    /// Rows that are still to be taken.
    take: u64,
    /// Most rows of a part that all chunks lie within, and how many the open one has room for.
    parts: Option<(u64, u64)>,
    inputs: Vec<Input>,
    /// Inputs that have a row.
    heap: Heap,
    /// Inputs whose next row has to be loaded.
    pending: Vec<usize>,
    chunk: MergedChunk,
    inflater: Inflater,
}

impl Merge {
    /// A merge to the archive's chunks, each closed when it is `chunk_bytes` long; `separator` stands between records
    /// ([`crate::Plan::separator`]). `runs` come in the order of their rows in the source, each with how far it was merged
    /// before.
    pub fn to_records(separator: &'static [u8], chunk_bytes: usize, runs: Vec<(RunLength, RunPosition)>) -> Self {
        Self::new(Output::Records(separator), chunk_bytes, runs)
    }

    /// A merge to one longer run, in blocks that are closed when they are `block_bytes` long.
    pub fn to_run(block_bytes: usize, runs: Vec<(RunLength, RunPosition)>) -> Self {
        Self::new(Output::Run, block_bytes, runs)
    }

    fn new(output: Output, chunk_bytes: usize, runs: Vec<(RunLength, RunPosition)>) -> Self {
        let inputs: Vec<Input> = runs.into_iter().map(|(length, from)| Input::new(length, from)).collect();
        let pending = (0..inputs.len()).collect();
        let (heap, chunk, inflater) = (Heap::default(), MergedChunk::default(), Inflater::new());
        let (skip, skipped_bytes, take) = (0, 0, u64::MAX);
        let parts = None;
        Self { output, chunk_bytes, skip, skipped_bytes, take, parts, inputs, heap, pending, chunk, inflater }
    }

    /// The same, but no chunk lies on both sides of an end of a part of `most` rows, of which the first has room for `room`.
    #[must_use]
    pub fn in_parts(self, parts: Option<(u64, u64)>) -> Self {
        Self { parts, ..self }
    }

    /// The same, but the next `skip` rows are left out, and only `take` behind them are merged.
    #[must_use]
    pub fn within(self, skip: u64, take: u64) -> Self {
        Self { skip, take, ..self }
    }

    /// From where on the bytes of each input are wanted; `None` for those that have all of theirs.
    pub fn wanted_from(&self, input: usize) -> Option<u64> {
        self.inputs.get(input).and_then(Input::wanted_from)
    }

    /// The inputs without whose bytes nothing more can be merged.
    pub fn hungry(&self) -> &[usize] {
        &self.pending
    }

    /// Gives an input its next bytes, from [`Merge::wanted_from`] on.
    pub fn feed(&mut self, input: usize, bytes: &[u8]) {
        if let Some(input) = self.inputs.get_mut(input) {
            input.feed(bytes);
        }
    }

    /// Merges until a chunk is full, bytes are missing, or all is merged.
    ///
    /// # Errors
    /// A damaged run.
    pub fn fill(&mut self) -> Result<Filled, SortError> {
        loop {
            self.load_pending()?;
            if !self.pending.is_empty() {
                return Ok(Filled::Hungry);
            }
            let Some(first) = self.heap.top().filter(|_| self.take > 0) else { return Ok(Filled::Done) };
            self.chunk.passed += 1;
            if self.skip > 0 {
                self.skip -= 1;
                self.skipped_bytes += self.inputs[first].record().len();
            } else {
                self.take -= 1;
                self.append(first)?;
            }
            self.advance(first)?;
            let part_is_full = self.chunk.records > 0 && self.parts.is_some_and(|(_, room)| self.chunk.records >= room);
            // What is left out is a chunk without records now and then: how far the merge is shall be known.
            if part_is_full
                || self.chunk.plain.len() >= self.chunk_bytes
                || self.skip > 0 && self.skipped_bytes >= self.chunk_bytes
            {
                self.skipped_bytes = 0;
                return Ok(Filled::Full);
            }
        }
    }

    /// Takes the chunk that is full, or the last one.
    pub fn take(&mut self) -> MergedChunk {
        let chunk = std::mem::take(&mut self.chunk);
        if let Some((most, room)) = &mut self.parts {
            *room = room.saturating_sub(chunk.records);
            *room = if *room == 0 { *most } else { *room };
        }
        chunk
    }

    /// How far each run is merged; exact when the chunk has just been taken.
    pub fn positions(&self) -> Vec<RunPosition> {
        self.inputs.iter().map(Input::position).collect()
    }

    fn load_pending(&mut self) -> Result<(), SortError> {
        let mut waiting = Vec::new();
        for input in std::mem::take(&mut self.pending) {
            match self.inputs[input].load(&mut self.inflater)? {
                Loaded::Row => {
                    let inputs = &self.inputs;
                    self.heap.push(input, |left, right| before(inputs, left, right));
                }
                Loaded::Hungry => waiting.push(input),
                Loaded::End => {}
            }
        }
        self.pending = waiting;
        Ok(())
    }

    fn append(&mut self, input: usize) -> Result<(), SortError> {
        let input = &self.inputs[input];
        match self.output {
            Output::Records(separator) => {
                if self.chunk.records > 0 {
                    self.chunk.plain.extend_from_slice(separator);
                }
                self.chunk.plain.extend_from_slice(input.record());
            }
            Output::Run => write_row(input.key(), input.record(), &mut self.chunk.plain)?,
        }
        self.chunk.records += 1;
        Ok(())
    }

    fn advance(&mut self, first: usize) -> Result<(), SortError> {
        self.inputs[first].step();
        let loaded = self.inputs[first].load(&mut self.inflater)?;
        let inputs = &self.inputs;
        let before = |left, right| before(inputs, left, right);
        match loaded {
            Loaded::Row => self.heap.sink(before),
            Loaded::Hungry => {
                self.heap.pop(before);
                self.pending.push(first);
            }
            Loaded::End => self.heap.pop(before),
        }
        Ok(())
    }
}

impl MergedChunk {
    /// The chunk of a merge to a run, as it is written.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn into_frame(self) -> Result<Vec<u8>, SortError> {
        let mut out = Vec::new();
        if !self.plain.is_empty() {
            write_frame(&self.plain, &mut Deflater::new(Level::Fast), &mut out)?;
        }
        Ok(out)
    }
}

/// Whether the row of one input comes before another's; among equals, the earlier run's.
fn before(inputs: &[Input], left: usize, right: usize) -> bool {
    inputs[left].key().cmp(inputs[right].key()).then(left.cmp(&right)).is_lt()
}
