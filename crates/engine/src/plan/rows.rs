//! Chunks of an export that is sorted: encoded behind their keys, compressed when they are merged.

use super::{Plan, TransformError, WORKSPACE, Workspace, each_text, write_text};
use crate::block::Block;
use crate::sort::{MergedChunk, Rows};
use waybill_archive::{DeflateError, deflate_block};
use waybill_formats::{EncodeError, Scratch};
use waybill_query::SortOrder;
use waybill_record::{Chunk, Document};

impl Plan {
    /// Decodes, filters, projects and encodes one chunk, and takes the keys of its records in `order`.
    ///
    /// # Errors
    /// As [`Plan::transform`].
    pub fn rows(&self, chunk: &Chunk, order: &SortOrder) -> Result<Rows, TransformError> {
        WORKSPACE.with_borrow_mut(|workspace| {
            let workspace = workspace.get_or_insert_with(|| Workspace::new(self.level));
            self.rows_in(chunk, order, workspace)
        })
    }

    fn rows_in(&self, chunk: &Chunk, order: &SortOrder, workspace: &mut Workspace) -> Result<Rows, TransformError> {
        let Workspace { tape, looking, reader, encode, reshapers: (before, after), key, .. } = workspace;
        let (first, then) = &*self.stages;
        let mut rows = Rows::new();
        each_text(reader, chunk, |text| {
            let record = tape.scan(text)?;
            rows.scan();
            let Some(record) = self.seen(record, looking)? else { return Ok(()) };
            if !self.filter.matches(&record) {
                return Ok(());
            }
            let pushed = before.apply(first, &record, |row| {
                key.clear();
                order.write_key(row, key);
                after.apply(then, row, |row| {
                    rows.files_mut().collect((self.first_file, &self.files), &record);
                    // Each as if it were the first: what stands between two comes in when they are merged.
                    rows.push(|out| out.extend_from_slice(key), |out| self.write_row(row, encode, out))
                })
            })?;
            pushed.transpose()?.flatten().transpose()?;
            Ok(())
        })?;
        Ok(rows)
    }

    fn write_row(&self, row: &Document<'_>, encode: &mut Scratch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.as_texts {
            write_text(row, out);
            return Ok(());
        }
        self.encoder.encode(row, true, encode, out)
    }

    /// The bytes between two records of a merge ([`crate::Merge::to_records`]).
    pub fn separator(&self) -> &'static [u8] {
        if self.as_texts { b"" } else { self.encoder.separator() }
    }

    /// Compresses merged records. The result depends on the plan and the chunk alone.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn block(&self, chunk: MergedChunk) -> Result<Block, DeflateError> {
        let MergedChunk { plain, records, .. } = chunk;
        let block = Block { plain, scanned: records, records, ..Block::default() };
        self.pack(block, |plain, out| {
            out.extend_from_slice(&deflate_block(plain, self.level)?);
            Ok(())
        })
    }
}
