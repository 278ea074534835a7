//! Records' documents, each compressed by itself.

use super::Plan;
use crate::block::{Block, PackedDocument};
use waybill_archive::{DeflateError, plain_crc32, stored_block};
use waybill_formats::documents;

impl Plan {
    /// Compresses what the encoder has written: as one piece, or each record's document by itself.
    pub(super) fn pack(
        &self,
        mut block: Block,
        mut deflate: impl FnMut(&[u8], &mut Vec<u8>) -> Result<(), DeflateError>,
    ) -> Result<Block, DeflateError> {
        if !self.format().makes_documents() {
            deflate(&block.plain, &mut block.deflated)?;
            return Ok(Block { crc32: plain_crc32(&block.plain), ..block });
        }
        let mut end = 0;
        for document in documents(&block.plain) {
            let start = block.deflated.len();
            deflate(document.bytes, &mut block.deflated)?;
            // Its parts are compressed as it is.
            if block.deflated.len() - start > document.bytes.len() {
                block.deflated.truncate(start);
                block.deflated.extend_from_slice(&stored_block(document.bytes));
            }
            let begin = end + waybill_formats::DOCUMENT_HEAD_BYTES + document.id.len();
            end = begin + document.bytes.len();
            block.documents.push(PackedDocument {
                id: document.id.to_owned(),
                plain: begin..end,
                deflated: start..block.deflated.len(),
                crc32: plain_crc32(document.bytes),
            });
        }
        Ok(block)
    }
}
