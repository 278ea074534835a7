//! Finding what was there before, quickly: the latest position of each hash of four bytes.

use super::matches::{Match, common, load4, narrow, wide};
use super::symbols::{MAX_MATCH, WINDOW};

const BITS: u32 = 14;
const BUCKETS: usize = 1 << BITS;
/// Of the places in a match one in so many is taken note of: more finds little more.
const STEP: u32 = 3;
/// From here on positions start over.
const LAST_BASE: u32 = 1 << 31;

/// The positions seen so far; those of earlier texts are out of reach without being cleared.
#[derive(Debug)]
pub(crate) struct Buckets {
    positions: Box<[u32; BUCKETS]>,
    base: u32,
}

#[inline]
fn hash(word: u32) -> usize {
    wide(word.wrapping_mul(0x9E37_79B1) >> (32 - BITS))
}

impl Buckets {
    #[expect(
        clippy::large_stack_arrays,
        reason = "optimised builds make it where it stays, others have the stack for it"
    )]
    pub(crate) fn new() -> Self {
        Self { positions: Box::new([0; BUCKETS]), base: narrow(WINDOW) + 1 }
    }

    /// Forgets the text so far, which was `length` bytes long.
    pub(crate) fn forget(&mut self, length: usize) {
        self.base = self.base.saturating_add(narrow(length)).saturating_add(narrow(WINDOW) + 1);
        if self.base >= LAST_BASE {
            *self = Self::new();
        }
    }

    /// Takes note of the places `from..to`, which are part of a match.
    #[inline]
    pub(crate) fn skip(&mut self, text: &[u8], from: usize, to: usize) {
        let Some(words) = text.get(from..(to + 3).min(text.len())) else { return };
        let mut position = self.base.wrapping_add(narrow(from));
        for word in words.array_windows::<4>().step_by(wide(STEP)) {
            self.positions[hash(u32::from_le_bytes(*word)) & (BUCKETS - 1)] = position;
            position = position.wrapping_add(STEP);
        }
    }

    /// Takes note of the place `at`, and gives a match of at least 4 bytes; 4 must be left.
    #[inline]
    pub(crate) fn find(&mut self, text: &[u8], at: usize) -> Match {
        let word = load4(text, at);
        let position = self.base.wrapping_add(narrow(at));
        let first = std::mem::replace(&mut self.positions[hash(word) & (BUCKETS - 1)], position);
        let distance = position.wrapping_sub(first);
        let earlier = at.wrapping_sub(wide(distance));
        if wide(distance) <= WINDOW && load4(text, earlier) == word {
            let limit = MAX_MATCH.min(text.len() - at);
            return Match { length: 4 + common(text, earlier + 4, at + 4, limit - 4), distance };
        }
        Match::default()
    }
}
