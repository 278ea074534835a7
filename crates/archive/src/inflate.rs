//! Deflate blocks read back, piece by piece.

use flate2::{Decompress, FlushDecompress, Status};

/// Inflates blocks one after another with the same memory. It can begin at any block that refers to nothing before it.
#[derive(Debug)]
pub struct Inflater {
    inflate: Decompress,
}

/// How far one call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inflated {
    /// How many deflated bytes it took.
    pub taken: usize,
    /// Whether the final block ended.
    pub ended: bool,
}

/// The bytes are no deflate blocks, or more, or fewer than announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes do not inflate")]
pub struct InflateError;

impl Default for Inflater {
    fn default() -> Self {
        Self::new()
    }
}

impl Inflater {
    /// One that begins at a block.
    pub fn new() -> Self {
        Self { inflate: Decompress::new(false) }
    }

    /// Begins anew, at another block.
    pub fn reset(&mut self) {
        self.inflate.reset(false);
    }

    /// Appends what `deflated` inflates to, or as much as there is room for in `plain`, which the caller makes; goes on
    /// where the last call ended.
    ///
    /// # Errors
    /// Bytes that are no deflate blocks.
    pub fn inflate(&mut self, deflated: &[u8], plain: &mut Vec<u8>) -> Result<Inflated, InflateError> {
        let before = self.inflate.total_in();
        let status = self.inflate.decompress_vec(deflated, plain, FlushDecompress::None).map_err(|_| InflateError)?;
        let taken = usize::try_from(self.inflate.total_in() - before).map_err(|_| InflateError)?;
        Ok(Inflated { taken, ended: status == Status::StreamEnd })
    }

    /// Replaces `plain` by what `deflated`, whole blocks of which none is final, inflates to.
    ///
    /// # Errors
    /// It is not exactly `length` bytes.
    pub fn inflate_exactly(&mut self, deflated: &[u8], length: usize, plain: &mut Vec<u8>) -> Result<(), InflateError> {
        self.reset();
        plain.clear();
        // A byte more than announced, so that what is too long shows.
        plain.reserve_exact(length + 1);
        let mut rest = deflated;
        while !rest.is_empty() {
            let inflated = self.inflate(rest, plain)?;
            if inflated.taken == 0 || inflated.ended {
                return Err(InflateError);
            }
            rest = rest.get(inflated.taken..).unwrap_or_default();
        }
        if plain.len() == length { Ok(()) } else { Err(InflateError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Level, deflate_block, end_block, stored_block};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_deflated_comes_back_whatever_the_pieces(
            plain in proptest::collection::vec(any::<u8>(), 0..3000),
            times in 1_usize..20,
            piece in 1_usize..500,
            room in 1_usize..5000,
        ) {
            let plain = plain.repeat(times);
            let mut body = deflate_block(&plain, Level::Fast).unwrap();
            let mut inflater = Inflater::new();
            let mut exactly = b"before".to_vec();
            inflater.inflate_exactly(&body, plain.len(), &mut exactly).unwrap();
            prop_assert_eq!(&exactly, &plain);
            prop_assert!(inflater.inflate_exactly(&body, plain.len() + 1, &mut exactly).is_err());
            if !plain.is_empty() {
                prop_assert!(inflater.inflate_exactly(&body, plain.len() - 1, &mut exactly).is_err());
            }

            body.extend(stored_block(b"between"));
            body.extend_from_slice(end_block());
            inflater.reset();
            let (mut at, mut read) = (0, Vec::new());
            loop {
                let mut some = Vec::with_capacity(room);
                let end = body.len().min(at + piece);
                let inflated = inflater.inflate(&body[at..end], &mut some).unwrap();
                at += inflated.taken;
                read.extend(some);
                if inflated.ended {
                    break;
                }
            }
            prop_assert_eq!(at, body.len());
            prop_assert_eq!(read, [&plain[..], b"between"].concat());
        }

        #[test]
        fn damaged_bytes_never_panic(deflated in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut plain = Vec::new();
            let _ = Inflater::new().inflate_exactly(&deflated, 100, &mut plain);
            prop_assert!(plain.len() <= 1000);
        }
    }
}
