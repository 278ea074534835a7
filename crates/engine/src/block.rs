//! What one page of records becomes.

use crate::files::FileRefs;

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
    /// The files that those name, where the plan asks for them.
    pub files: FileRefs,
}
