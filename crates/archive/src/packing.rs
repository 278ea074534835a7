//! What is kept of an entry so that it can be handed out without its archive: as gzip, which is the same deflate blocks
//! between a header and a trailer (RFC 1952), or inflated from any of a few places on.

use crate::digest::Digest;
use crate::inflate::{InflateError, Inflater};
use serde::{Deserialize, Serialize};

/// Most places that are kept; when there are more, every second one is dropped.
const MAX_RESTARTS: usize = 512;
/// Magic number, method deflate, no flags, no time, nothing about the effort, no operating system (RFC 1952, 2.3).
const GZIP_HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];

/// How an entry is to be handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As gzip.
    Gzip,
    /// Inflated; about so many deflated bytes lie between two places to begin at, more in long entries.
    Plain {
        /// Bytes.
        restart_every: u64,
    },
}

/// A place in an entry's body behind which nothing refers to what is before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
pub struct Restart {
    /// Deflated bytes before it.
    pub deflated: u64,
    /// Plain bytes before it.
    pub plain: u64,
}

impl From<(u64, u64)> for Restart {
    fn from((deflated, plain): (u64, u64)) -> Self {
        Self { deflated, plain }
    }
}

impl From<Restart> for (u64, u64) {
    fn from(restart: Restart) -> Self {
        (restart.deflated, restart.plain)
    }
}

/// What was kept of a finished entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Packed {
    /// SHA-256 of the entry as gzip, 64 hexadecimal digits.
    Gzip(String),
    /// Places to begin inflating at, in order; its beginning, which is always one, is left out.
    Plain(Vec<Restart>),
}

/// What is kept while the entry is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Keeping {
    Gzip(Digest),
    Plain { every: u64, restarts: Vec<Restart> },
}

impl Keeping {
    pub(crate) fn new(packing: Packing) -> Self {
        match packing {
            Packing::Gzip => {
                let mut digest = Digest::new();
                digest.update(&GZIP_HEADER);
                Self::Gzip(digest)
            }
            Packing::Plain { restart_every } => Self::Plain { every: restart_every.max(1), restarts: Vec::new() },
        }
    }

    /// Takes note of a block, in front of which the entry is as long as `at` says.
    pub(crate) fn take(&mut self, at: Restart, deflated: &[u8]) {
        match self {
            Self::Gzip(digest) => digest.update(deflated),
            Self::Plain { every, restarts } => {
                let last = restarts.last().map_or(0, |last| last.deflated);
                if at.deflated - last >= *every {
                    restarts.push(at);
                }
                if restarts.len() > MAX_RESTARTS {
                    let mut nth = 0_usize;
                    restarts.retain(|_| {
                        nth += 1;
                        nth.is_multiple_of(2)
                    });
                    *every = every.saturating_mul(2);
                }
            }
        }
    }

    /// Ends the entry, whose final block is `end`.
    pub(crate) fn finish(self, end: &[u8], crc32: u32, size: u64) -> Packed {
        match self {
            Self::Gzip(mut digest) => {
                digest.update(end);
                digest.update(&gzip_trailer(crc32, size));
                Packed::Gzip(digest.finish())
            }
            Self::Plain { restarts, .. } => Packed::Plain(restarts),
        }
    }
}

/// What stands before an entry's body in a gzip file.
pub fn gzip_header() -> &'static [u8] {
    &GZIP_HEADER
}

/// What stands behind it: the CRC-32 of its plain bytes, and how many they are.
pub fn gzip_trailer(crc32: u32, size: u64) -> [u8; 8] {
    let mut trailer = [0; 8];
    trailer[..4].copy_from_slice(&crc32.to_le_bytes());
    // The size modulo 2^32, as the format has it: the lower four bytes.
    trailer[4..].copy_from_slice(&size.to_le_bytes()[..4]);
    trailer
}

/// Reads an entry's body back from one of its places on.
#[derive(Debug)]
pub struct EntryReader {
    inflater: Inflater,
    crc32: u32,
    plain: u64,
}

/// What one call read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPiece {
    /// Plain bytes.
    pub plain: Vec<u8>,
    /// How many deflated bytes they took.
    pub taken: usize,
    /// Whether the entry ended.
    pub ended: bool,
}

impl EntryReader {
    /// A reader that begins behind `plain` bytes, whose CRC-32 is `crc32`, at a place of that entry.
    pub fn resume(plain: u64, crc32: u32) -> Self {
        Self { inflater: Inflater::new(), crc32, plain }
    }

    /// Reads on: at most `most` plain bytes of `deflated`.
    ///
    /// # Errors
    /// Bytes that are no deflate blocks.
    pub fn read(&mut self, deflated: &[u8], most: usize) -> Result<EntryPiece, InflateError> {
        let mut plain = Vec::with_capacity(most);
        let inflated = self.inflater.inflate(deflated, &mut plain)?;
        let mut hasher = crc32fast::Hasher::new_with_initial(self.crc32);
        hasher.update(&plain);
        self.crc32 = hasher.finalize();
        self.plain += u64::try_from(plain.len()).unwrap_or(u64::MAX);
        Ok(EntryPiece { plain, taken: inflated.taken, ended: inflated.ended })
    }

    /// Plain bytes so far.
    pub fn plain_bytes(&self) -> u64 {
        self.plain
    }

    /// Their CRC-32.
    pub fn crc32(&self) -> u32 {
        self.crc32
    }
}
