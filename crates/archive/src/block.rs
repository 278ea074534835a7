//! Byte-aligned raw deflate blocks, the pieces of which entry bodies consist.

use flate2::{Compress, Compression, FlushCompress};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

/// How hard to compress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// Least work.
    Fast,
    /// A good size at a moderate price.
    #[default]
    Default,
    /// Small archives, several times the work of `Fast`.
    Small,
}

impl Level {
    const fn compression(self) -> Compression {
        match self {
            Level::Fast => Compression::new(1),
            // The first level whose archives are as small as those of the reference compressor's level 1.
            Level::Default => Compression::new(2),
            Level::Small => Compression::new(6),
        }
    }
}

/// Makes deflate blocks one after another with the same memory.
#[derive(Debug)]
pub struct Deflater {
    compress: Compress,
    level: Level,
    room: Vec<u8>,
}

impl Deflater {
    /// A deflater of the given level.
    pub fn new(level: Level) -> Self {
        Self { compress: Compress::new(level.compression(), false), level, room: Vec::new() }
    }

    /// The level it was made with.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Appends `plain` to `out` as deflate blocks that refer to nothing before them and end on a byte boundary,
    /// none of them final. Nothing is appended for no bytes.
    ///
    /// # Errors
    /// The compressor refuses to work, which no input makes it do.
    pub fn deflate(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), DeflateError> {
        if plain.is_empty() {
            return Ok(());
        }
        self.compress.reset();
        self.room.clear();
        // A flush that meets a full buffer is repeated by the next call and leaves a second marker, so that the bytes
        // would depend on the buffer: there is always more room than the worst case (9 bits a literal) needs.
        self.room.reserve(plain.len() + plain.len() / 7 + 1024);
        self.compress.compress_vec(plain, &mut self.room, FlushCompress::Sync).map_err(|_| DeflateError)?;
        if self.compress.total_in() != u64::try_from(plain.len()).unwrap_or(u64::MAX)
            || self.room.len() == self.room.capacity()
        {
            return Err(DeflateError);
        }
        out.extend_from_slice(&self.room);
        Ok(())
    }
}

/// The compressor did not take its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the compressor did not take its input")]
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
