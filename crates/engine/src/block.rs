//! What one page of records becomes.

use crate::files::FileRefs;
use std::ops::Range;

/// A transformed page, ready to be assembled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The encoded records as byte-aligned raw deflate, none of its blocks final.
    pub deflated: Vec<u8>,
    /// The encoded records.
    pub plain: Vec<u8>,
    /// CRC-32 of `plain`.
    pub crc32: u32,
    /// How many records the page had.
    pub scanned: u64,
    /// How many of them met the condition and are in `plain`.
    pub records: u64,
    /// Where each record's document is in `plain` and `deflated`, of formats that make one of each.
    pub documents: Vec<PackedDocument>,
    /// The files that those name, where the plan asks for them.
    pub files: FileRefs,
}

/// A record's document in a [`Block`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedDocument {
    /// The record's `_id`.
    pub id: String,
    /// Where it is in the block's `plain`.
    pub plain: Range<usize>,
    /// Where it is in the block's `deflated`.
    pub deflated: Range<usize>,
    /// Its CRC-32.
    pub crc32: u32,
}
