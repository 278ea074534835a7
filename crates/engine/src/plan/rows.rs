//! Chunks of an export that is sorted: encoded behind their keys, compressed when they are merged.

use super::{Plan, RecordFault, TransformError, WORKSPACE, Workspace, salvaged_id};
use crate::block::Block;
use crate::files::FileRefs;
use crate::sort::{MergedChunk, Rows};
use waybill_archive::{DeflateError, deflate_block, plain_crc32};
use waybill_query::SortOrder;
use waybill_record::Chunk;

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
        let Workspace { tape, looking, reader, encode, .. } = workspace;
        let mut rows = Rows::new();
        let mut texts = reader.read(chunk);
        while let Some(text) = texts.next_text() {
            let (fault, id) = match text {
                Err(fault) => (RecordFault::from(fault), None),
                Ok(text) => {
                    let pushed = tape.scan(text).map_err(RecordFault::from).and_then(|record| {
                        rows.scan();
                        let Some(record) = self.seen(record, looking)? else { return Ok(()) };
                        if !self.filter.matches(&record) {
                            return Ok(());
                        }
                        // Each as if it were the first: what stands between two comes in when they are merged.
                        let key = |out: &mut Vec<u8>| order.write_key(&record, out);
                        rows.files_mut().collect(&self.files, &record);
                        rows.push(key, |out| self.encoder.encode(&record, true, encode, out)).map_err(Into::into)
                    });
                    match pushed {
                        Ok(()) => continue,
                        Err(fault) => (fault, salvaged_id(text)),
                    }
                }
            };
            return Err(TransformError { position: texts.position(), id, fault });
        }
        Ok(rows)
    }

    /// The bytes between two records of a merge ([`crate::Merge::to_records`]).
    pub fn separator(&self) -> &'static [u8] {
        self.encoder.separator()
    }

    /// Compresses merged records. The result depends on the plan and the chunk alone.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn block(&self, chunk: MergedChunk) -> Result<Block, DeflateError> {
        let MergedChunk { plain, records } = chunk;
        let deflated = deflate_block(&plain, self.level)?;
        Ok(Block { crc32: plain_crc32(&plain), deflated, plain, scanned: records, records, files: FileRefs::default() })
    }
}
