//! Finding what was there before: chains of positions whose next bytes hash alike.

use super::symbols::{MAX_MATCH, WINDOW};

const HASH_BITS: u32 = 15;
const HEADS: usize = 1 << HASH_BITS;
const SHORT_BITS: u32 = 13;
const SHORT_HEADS: usize = 1 << SHORT_BITS;
/// From here on positions start over.
const LAST_BASE: u32 = 1 << 31;

/// An earlier place with the same bytes; a length of 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) length: usize,
    pub(crate) distance: u32,
}

/// The positions seen so far. Positions of one text after another grow, so that those of earlier ones are out of reach
/// without being cleared.
#[derive(Debug)]
pub(crate) struct Finder {
    heads: Box<[u32; HEADS]>,
    previous: Box<[u32; WINDOW]>,
    short: Box<[u32; SHORT_HEADS]>,
    base: u32,
}

/// An index or a length that fits: texts are shorter than 2^30 bytes.
#[inline]
pub(crate) fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[inline]
pub(crate) fn wide(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[inline]
pub(crate) fn load4(text: &[u8], at: usize) -> u32 {
    text.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

#[inline]
fn load8(text: &[u8], at: usize) -> u64 {
    text.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// How many bytes, at most `limit`, are the same from both places on; `limit` ends within the text.
#[inline]
pub(crate) fn common(text: &[u8], earlier: usize, at: usize, limit: usize) -> usize {
    let mut length = 0;
    while length + 8 <= limit {
        let different = load8(text, earlier + length) ^ load8(text, at + length);
        if different != 0 {
            return length + wide(different.trailing_zeros() / 8);
        }
        length += 8;
    }
    while length < limit && text.get(earlier + length) == text.get(at + length) {
        length += 1;
    }
    length
}

#[inline]
fn hash4(word: u32) -> usize {
    wide(word.wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS))
}

#[inline]
fn hash3(word: u32) -> usize {
    wide((word << 8).wrapping_mul(0x9E37_79B1) >> (32 - SHORT_BITS))
}

impl Finder {
    #[expect(
        clippy::large_stack_arrays,
        reason = "optimised builds make it where it stays, others have the stack for it"
    )]
    pub(crate) fn new() -> Self {
        let base = narrow(WINDOW) + 1;
        Self { heads: Box::new([0; HEADS]), previous: Box::new([0; WINDOW]), short: Box::new([0; SHORT_HEADS]), base }
    }

    /// Forgets the text so far, which was `length` bytes long.
    pub(crate) fn forget(&mut self, length: usize) {
        self.base = self.base.saturating_add(narrow(length)).saturating_add(narrow(WINDOW) + 1);
        if self.base >= LAST_BASE {
            *self = Self::new();
        }
    }

    /// The position of `at` in the text; takes note of it as the latest of its hash, and gives the one before.
    #[inline]
    fn enter(&mut self, at: usize, word: u32) -> (u32, u32) {
        let position = self.base.wrapping_add(narrow(at));
        let head = &mut self.heads[hash4(word) & (HEADS - 1)];
        let before = std::mem::replace(head, position);
        self.previous[wide(position) & (WINDOW - 1)] = before;
        (position, before)
    }

    /// Takes note of the places `from..to`, which are part of a match.
    #[inline]
    pub(crate) fn skip(&mut self, text: &[u8], from: usize, to: usize) {
        let end = to.min(text.len().saturating_sub(3));
        for at in from..end {
            let word = load4(text, at);
            let (position, _) = self.enter(at, word);
            self.short[hash3(word) & (SHORT_HEADS - 1)] = position;
        }
    }

    /// Takes note of the place `at`, where 4 bytes must be left, and gives the longest match that is longer than `over`
    /// among `depth` candidates, or the first that is at least `nice` long.
    #[inline]
    pub(crate) fn longest(&mut self, text: &[u8], at: usize, over: usize, depth: u32, nice: usize) -> Match {
        let word = load4(text, at);
        let (position, mut candidate) = self.enter(at, word);
        let limit = MAX_MATCH.min(text.len() - at);
        let short = std::mem::replace(&mut self.short[hash3(word) & (SHORT_HEADS - 1)], position);
        let mut best = Match { length: over, distance: 0 };
        if over < 3 {
            let distance = position.wrapping_sub(short);
            if distance != 0 && wide(distance) <= WINDOW {
                let earlier = at.wrapping_sub(wide(distance));
                if (load4(text, earlier) ^ word) << 8 == 0 {
                    best = Match { length: common(text, earlier, at, limit), distance };
                }
            }
        }
        // Only what agrees at the end of the best one so far can be longer.
        let mut last = best.length.max(3) - 3;
        let mut end = load4(text, at + last);
        for _ in 0..depth {
            let distance = position.wrapping_sub(candidate);
            if distance.wrapping_sub(1) >= narrow(WINDOW) {
                break;
            }
            let earlier = at.wrapping_sub(wide(distance));
            if load4(text, earlier.wrapping_add(last)) == end && load4(text, earlier) == word {
                let length = common(text, earlier, at, limit);
                if length > best.length {
                    best = Match { length, distance };
                    if length >= nice || length == limit {
                        break;
                    }
                    last = length - 3;
                    end = load4(text, at + last);
                }
            }
            candidate = self.previous[wide(candidate) & (WINDOW - 1)];
        }
        if best.distance == 0 { Match::default() } else { best }
    }
}
