//! Encoded records with their keys, gathered in memory until they are worth a run.

use super::SortError;
use super::frame::{write_frame, write_row};
use crate::files::FileRefs;
use waybill_archive::{Deflater, Level};

/// Rows of neighbouring chunks, in the source's order.
#[derive(Debug, Default)]
pub struct Rows {
    /// Key and record of each row, one behind the other.
    bytes: Vec<u8>,
    index: Vec<RowAt>,
    scanned: u64,
    record_bytes: u64,
    files: FileRefs,
}

#[derive(Clone, Copy, Debug)]
struct RowAt {
    /// The key's first bytes, so that most comparisons need not look further.
    prefix: u64,
    start: usize,
    record: usize,
    end: usize,
}

/// Sorted rows as they lie in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Frames of deflated blocks.
    pub bytes: Vec<u8>,
}

impl Rows {
    /// No rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many records the chunks had.
    pub fn scanned(&self) -> u64 {
        self.scanned
    }

    /// How many of them met the condition.
    pub fn records(&self) -> u64 {
        u64::try_from(self.index.len()).unwrap_or(u64::MAX)
    }

    /// How long they are, encoded.
    pub fn record_bytes(&self) -> u64 {
        self.record_bytes
    }

    /// How much memory they take.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.len() + self.index.len() * size_of::<RowAt>()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Appends the rows of the next chunk.
    pub fn append(&mut self, next: &Self) {
        let shift = self.bytes.len();
        self.bytes.extend_from_slice(&next.bytes);
        self.index.extend(next.index.iter().map(|row| RowAt {
            prefix: row.prefix,
            start: row.start + shift,
            record: row.record + shift,
            end: row.end + shift,
        }));
        self.scanned += next.scanned;
        self.record_bytes += next.record_bytes;
        self.files.append(&next.files);
    }

    /// The files that the records name, taken out, in the source's order.
    pub fn take_files(&mut self) -> FileRefs {
        std::mem::take(&mut self.files)
    }

    pub(crate) fn files_mut(&mut self) -> &mut FileRefs {
        &mut self.files
    }

    /// Takes note of a record that was looked at.
    pub(crate) fn scan(&mut self) {
        self.scanned += 1;
    }

    /// Appends a row: `write` appends its key, gives what it wants to keep, and appends the record.
    pub(crate) fn push<E>(
        &mut self,
        write_key: impl FnOnce(&mut Vec<u8>),
        write_record: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.bytes.len();
        write_key(&mut self.bytes);
        let record = self.bytes.len();
        write_record(&mut self.bytes)?;
        let end = self.bytes.len();
        let mut prefix = [0; 8];
        for (prefix, byte) in prefix.iter_mut().zip(&self.bytes[start..record]) {
            *prefix = *byte;
        }
        self.index.push(RowAt { prefix: u64::from_be_bytes(prefix), start, record, end });
        self.record_bytes += u64::try_from(end - record).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Sorts them, into blocks that are closed when they are `block_bytes` long.
    ///
    /// # Errors
    /// A row of over 4 GiB.
    pub fn into_run(mut self, block_bytes: usize) -> Result<Run, SortError> {
        let bytes = &self.bytes;
        // Where a row begins tells its place in the source.
        self.index.sort_unstable_by(|left, right| {
            let keys = || bytes[left.start..left.record].cmp(&bytes[right.start..right.record]);
            left.prefix.cmp(&right.prefix).then_with(keys).then(left.start.cmp(&right.start))
        });
        let mut deflater = Deflater::new(Level::Fast);
        let mut out = Vec::with_capacity(bytes.len() / 3);
        let mut plain = Vec::with_capacity(block_bytes + block_bytes / 8);
        for row in &self.index {
            write_row(&bytes[row.start..row.record], &bytes[row.record..row.end], &mut plain)?;
            if plain.len() >= block_bytes {
                write_frame(&plain, &mut deflater, &mut out)?;
                plain.clear();
            }
        }
        if !plain.is_empty() {
            write_frame(&plain, &mut deflater, &mut out)?;
        }
        Ok(Run { bytes: out })
    }
}
