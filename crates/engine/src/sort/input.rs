//! One run as a merge reads it: bytes come in, rows come out, block after block.

use super::SortError;
use super::frame::{HEADER_BYTES, Header, RowPlace, read_row};
use super::merge::{RunLength, RunPosition};
use waybill_archive::{Inflater, plain_crc32};

/// A run under way.
#[derive(Debug)]
pub(super) struct Input {
    size: u64,
    /// Bytes that were fed and not inflated yet.
    window: Vec<u8>,
    /// How many of them are used up.
    used: usize,
    /// Where the window ends in the run.
    fed_to: u64,
    /// The block that rows are taken of.
    plain: Vec<u8>,
    /// Where it lies in the run.
    block: u64,
    /// Where the next one does.
    next_block: u64,
    /// The row under the cursor.
    place: RowPlace,
    /// Its number in the block.
    row: u32,
    /// Rows of the first block that were given before.
    skip: u32,
}

/// Whether there is a row under the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loaded {
    Row,
    /// Not before more bytes are fed.
    Hungry,
    /// And there will be none.
    End,
}

fn length64(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl Input {
    pub(super) fn new(length: RunLength, from: RunPosition) -> Self {
        Self {
            size: length.size_bytes,
            window: Vec::new(),
            used: 0,
            fed_to: from.block,
            plain: Vec::new(),
            block: from.block,
            next_block: from.block,
            place: RowPlace::default(),
            row: 0,
            skip: from.rows,
        }
    }

    /// From where on its bytes are wanted; `None` when it has all.
    pub(super) fn wanted_from(&self) -> Option<u64> {
        (self.fed_to < self.size).then_some(self.fed_to)
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.window.drain(..self.used);
        self.used = 0;
        self.window.extend_from_slice(bytes);
        self.fed_to += length64(bytes.len());
    }

    /// Where the row under the cursor is; behind the last row of a block, the beginning of the next.
    pub(super) fn position(&self) -> RunPosition {
        if self.skip > 0 || self.place.record < self.plain.len() {
            RunPosition { block: self.block, rows: self.row + self.skip }
        } else {
            RunPosition { block: self.next_block, rows: 0 }
        }
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.plain[self.place.key..self.place.record]
    }

    pub(super) fn record(&self) -> &[u8] {
        &self.plain[self.place.record..self.place.end]
    }

    /// Puts the cursor behind the row that it is on.
    pub(super) fn step(&mut self) {
        self.row += 1;
        let end = self.place.end;
        self.place = RowPlace { key: end, record: end, end };
    }

    /// Makes sure that there is a row under the cursor, as far as bytes are there.
    pub(super) fn load(&mut self, inflater: &mut Inflater) -> Result<Loaded, SortError> {
        loop {
            if self.place.end < self.plain.len() {
                let damaged = SortError::Damaged { offset: self.block };
                self.place = read_row(&self.plain, self.place.end).ok_or(damaged)?;
                if self.skip == 0 {
                    return Ok(Loaded::Row);
                }
                self.skip -= 1;
                self.step();
                continue;
            }
            if self.next_block >= self.size {
                self.plain = Vec::new();
                return Ok(Loaded::End);
            }
            if !self.next(inflater)? {
                return Ok(Loaded::Hungry);
            }
        }
    }

    /// Inflates the next block, if its frame is there.
    fn next(&mut self, inflater: &mut Inflater) -> Result<bool, SortError> {
        let damaged = SortError::Damaged { offset: self.next_block };
        let window = &self.window[self.used..];
        let frame = Header::read(window).and_then(|header| {
            let deflated = window.get(HEADER_BYTES..HEADER_BYTES + header.deflated)?;
            Some((header, deflated))
        });
        let Some((header, deflated)) = frame else {
            return if self.fed_to < self.size { Ok(false) } else { Err(damaged) };
        };
        inflater.inflate_exactly(deflated, header.plain, &mut self.plain).map_err(|_| damaged)?;
        if self.plain.is_empty() || plain_crc32(&self.plain) != header.crc32 {
            return Err(damaged);
        }
        self.used += HEADER_BYTES + header.deflated;
        self.block = self.next_block;
        self.next_block += length64(HEADER_BYTES + header.deflated);
        self.place = RowPlace::default();
        self.row = 0;
        Ok(true)
    }
}
