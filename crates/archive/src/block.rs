//! Byte-aligned raw deflate blocks, the pieces of which entry bodies consist.

use crate::deflate::{Effort, Encoder};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

/// How hard to compress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// Least work; archives are smaller than those of `gzip -1`.
    Fast,
    /// A good size at a moderate price.
    #[default]
    Default,
    /// Archives smaller than those of `gzip -6`, several times the work of `Fast`.
    Small,
}

impl Level {
    const fn effort(self) -> Effort {
        match self {
            Level::Fast => Effort::Fast,
            Level::Default => Effort::Moderate,
            Level::Small => Effort::Thorough,
        }
    }
}

/// Makes deflate blocks one after another with the same memory.
#[derive(Debug)]
pub struct Deflater {
    encoder: Encoder,
    level: Level,
}

impl Deflater {
    /// A deflater of the given level.
    pub fn new(level: Level) -> Self {
        Self { encoder: Encoder::new(level.effort()), level }
    }

    /// The level it was made with.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Appends `plain` to `out` as deflate blocks that refer to nothing before them and end on a byte boundary,
    /// none of them final. Nothing is appended for no bytes.
    ///
    /// # Errors
    /// 4 GiB or more: pieces of an entry are to be smaller.
    pub fn deflate(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), DeflateError> {
        if u32::try_from(plain.len()).is_err() {
            return Err(DeflateError);
        }
        self.encoder.deflate(plain, out);
        Ok(())
    }
}

/// The piece is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a piece of 4 GiB or more cannot be compressed at once")]
pub struct DeflateError;

thread_local! {
    static RECYCLED: RefCell<[Option<Deflater>; 3]> = const { RefCell::new([None, None, None]) };
}

/// `plain` as byte-aligned deflate blocks, none of them final; the compressor is recycled per thread.
///
/// # Errors
/// As [`Deflater::deflate`].
pub fn deflate_block(plain: &[u8], level: Level) -> Result<Vec<u8>, DeflateError> {
    let slot = match level {
        Level::Fast => 0,
        Level::Default => 1,
        Level::Small => 2,
    };
    let mut out = Vec::new();
    RECYCLED.with_borrow_mut(|recycled| {
        recycled[slot].get_or_insert_with(|| Deflater::new(level)).deflate(plain, &mut out)
    })?;
    Ok(out)
}

/// `plain` as deflate blocks without compression: what short constant pieces are written as.
pub fn stored_block(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() + 5);
    for piece in plain.chunks(usize::from(u16::MAX)) {
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        out.push(0);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(piece);
    }
    out
}

/// The empty final block that ends every entry body.
pub fn end_block() -> &'static [u8] {
    &[0x03, 0x00]
}

/// The CRC-32 of a block's plain bytes.
pub fn plain_crc32(plain: &[u8]) -> u32 {
    crc32fast::hash(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Decompress, FlushDecompress};
    use proptest::prelude::*;

    fn inflate(mut deflated: Vec<u8>) -> Vec<u8> {
        deflated.extend_from_slice(end_block());
        let mut plain = Vec::with_capacity(1 << 20);
        let end = Decompress::new(false).decompress_vec(&deflated, &mut plain, FlushDecompress::Finish);
        assert!(matches!(end, Ok(flate2::Status::StreamEnd)));
        plain
    }

    proptest! {
        #[test]
        fn blocks_inflate_one_after_the_other(
            pieces in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..2000), 1_usize..30), 0..6),
            level in prop::sample::select(vec![Level::Fast, Level::Default, Level::Small]),
        ) {
            let mut deflated = Vec::new();
            let mut expected = Vec::new();
            for (piece, times) in pieces {
                let plain = piece.repeat(times);
                let block = deflate_block(&plain, level).unwrap();
                // Recycled or new, the compressor writes the same.
                let mut fresh = Vec::new();
                Deflater::new(level).deflate(&plain, &mut fresh).unwrap();
                prop_assert_eq!(&block, &fresh);
                deflated.extend_from_slice(&block);
                deflated.extend_from_slice(&stored_block(&plain));
                expected.extend_from_slice(&plain);
                expected.extend_from_slice(&plain);
            }
            prop_assert_eq!(inflate(deflated), expected);
        }
    }

    #[test]
    fn what_cannot_shrink_still_fits() {
        let mut seed = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed.to_be_bytes()[0] | 0x90
        })
        .take(1 << 18)
        .collect();
        for level in [Level::Fast, Level::Default, Level::Small] {
            assert_eq!(inflate(deflate_block(&noise, level).unwrap()), noise);
        }
    }

    #[test]
    fn long_pieces_are_stored_in_several_blocks() {
        let plain = vec![7; 150_000];
        assert_eq!(stored_block(&plain).len(), plain.len() + 15);
        assert_eq!(inflate(stored_block(&plain)), plain);
    }
}
