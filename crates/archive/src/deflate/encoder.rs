//! Texts into deflate blocks.

use super::bits::BitWriter;
use super::buckets::Buckets;
use super::header::Header;
use super::huffman::Code;
use super::matches::{Finder, Match, narrow, wide};
use super::symbols::{
    DISTANCE_BASE, DISTANCE_EXTRA, DISTANCES, END_OF_BLOCK, LENGTH_BASE, LENGTH_EXTRA, LENGTH_SYMBOL, LITERALS,
    MAX_CODE, MIN_MATCH, distance_symbol, fixed_length,
};

/// How hard to look for matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Effort {
    /// Takes what it finds at once.
    Fast,
    /// Looks at a few candidates, and whether waiting a byte pays.
    Moderate,
    /// Looks at many candidates, and twice whether waiting pays.
    Thorough,
}

/// How many candidates are looked at, what length ends the search, and from what length on none that begins a byte later is
/// tried.
#[derive(Clone, Copy, Debug)]
struct Search {
    depth: u32,
    nice: usize,
    patience: usize,
}

/// Literals and matches of one block, at most.
const BLOCK_TOKENS: usize = 1 << 15;
/// Bytes that are compressed as one text, so that positions fit.
const PIECE_BYTES: usize = 1 << 29;
/// Bytes of a stored block, at most.
const STORED_BYTES: usize = 0xFFFF;
/// From farther away a match of 3 bytes, and of 4, takes more than the bytes.
const NEAR: [u32; 2] = [32, 1024];

/// A match has this bit; a literal is its byte.
const MATCH: u32 = 1 << 31;

/// Makes deflate streams (RFC 1951) one after another with the same memory. What it writes depends on the text and the
/// effort alone.
#[derive(Debug)]
pub(crate) struct Encoder {
    finders: Finders,
    writer: BlockWriter,
}

/// Gathers a block and writes it.
#[derive(Debug)]
struct BlockWriter {
    block: Block,
    fixed: Codes,
}

/// What finds matches.
#[derive(Debug)]
enum Finders {
    Quick(Buckets),
    Chains(Finder, Search),
}

/// A block's tokens and how often each symbol occurs. A match is distance less one (15 bits), length less 3 (8 bits),
/// distance symbol (5 bits), from the lowest bit on.
#[derive(Debug)]
struct Block {
    tokens: Vec<u32>,
    literals: [u32; LITERALS],
    distances: [u32; DISTANCES],
}

/// The two codes of a block.
#[derive(Debug)]
pub(super) struct Codes {
    pub(super) literals: Code<LITERALS>,
    pub(super) distances: Code<DISTANCES>,
}

impl Block {
    fn new() -> Self {
        Self { tokens: Vec::new(), literals: [0; LITERALS], distances: [0; DISTANCES] }
    }

    fn clear(&mut self) {
        self.tokens.clear();
        self.literals = [0; LITERALS];
        self.distances = [0; DISTANCES];
    }

    #[inline]
    fn literal(&mut self, byte: u8) {
        self.literals[usize::from(byte)] += 1;
        self.tokens.push(u32::from(byte));
    }

    #[inline]
    fn matched(&mut self, found: Match) {
        let length = (found.length - MIN_MATCH) & 0xFF;
        let distance = found.distance.wrapping_sub(1) & 0x7FFF;
        let symbol = distance_symbol(distance);
        self.literals[257 + usize::from(LENGTH_SYMBOL[length])] += 1;
        self.distances[wide(symbol) & (DISTANCES - 1)] += 1;
        self.tokens.push(MATCH | symbol << 23 | narrow(length) << 15 | distance);
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.tokens.len() >= BLOCK_TOKENS
    }

    /// What the extra bits of all matches take.
    fn extra_bits(&self) -> u64 {
        let lengths = self.literals[257..].iter().zip(&LENGTH_EXTRA);
        let distances = self.distances.iter().zip(&DISTANCE_EXTRA);
        lengths.chain(distances).map(|(&times, &extra)| u64::from(times) * u64::from(extra)).sum()
    }
}

impl Encoder {
    /// An encoder of the given effort.
    pub(crate) fn new(effort: Effort) -> Self {
        let fixed = Codes {
            literals: Code::with_lengths(std::array::from_fn(fixed_length)),
            distances: Code::with_lengths([5; DISTANCES]),
        };
        let chains = |search| Finders::Chains(Finder::new(), search);
        let finders = match effort {
            Effort::Fast => Finders::Quick(Buckets::new()),
            Effort::Moderate => chains(Search { depth: 6, nice: 32, patience: 32 }),
            Effort::Thorough => chains(Search { depth: 36, nice: 130, patience: 32 }),
        };
        Self { finders, writer: BlockWriter { block: Block::new(), fixed } }
    }

    /// Appends `text` to `out` as deflate blocks that refer to nothing before them and end on a byte boundary, none of them
    /// final. Nothing is appended for no text.
    pub(crate) fn deflate(&mut self, text: &[u8], out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        let mut bits = BitWriter::new(out);
        for piece in text.chunks(PIECE_BYTES) {
            match &mut self.finders {
                Finders::Quick(buckets) => {
                    self.writer.quick(piece, buckets, &mut bits);
                    buckets.forget(piece.len());
                }
                Finders::Chains(finder, search) => {
                    self.writer.search(piece, finder, *search, &mut bits);
                    finder.forget(piece.len());
                }
            }
        }
        // An empty stored block begins anywhere and ends on a boundary.
        bits.reserve(64);
        bits.put(0, 3);
        bits.align().extend_from_slice(&[0, 0, 0xFF, 0xFF]);
    }
}

impl BlockWriter {
    fn quick(&mut self, text: &[u8], buckets: &mut Buckets, bits: &mut BitWriter<'_>) {
        self.block.clear();
        let (mut at, mut begun) = (0, 0);
        let searched = text.len().saturating_sub(4);
        let mut misses = 0;
        while at < searched {
            let found = buckets.find(text, at);
            if worth(found) {
                misses = 0;
                self.block.matched(found);
                let end = at + found.length;
                buckets.skip(text, at + 1, end);
                at = end;
            } else {
                // Where nothing is ever found, look less often.
                misses += 1;
                let end = (at + 1 + (misses >> 7)).min(searched);
                for &byte in text.get(at..end).unwrap_or_default() {
                    self.block.literal(byte);
                }
                at = end;
            }
            begun = self.write_if_full(text, begun, at, bits);
        }
        self.write_rest(text, at, begun, bits);
    }

    fn search(&mut self, text: &[u8], finder: &mut Finder, search: Search, bits: &mut BitWriter<'_>) {
        self.block.clear();
        let Search { depth, nice, patience } = search;
        let (mut at, mut begun) = (0, 0);
        let searched = text.len().saturating_sub(4);
        while at < searched {
            let mut found = finder.longest(text, at, 2, depth, nice);
            if worth(found) {
                let mut known = at + 1;
                // Another match that begins a byte later may be worth that byte.
                while found.length < patience && known < searched {
                    let later = finder.longest(text, known, found.length - 1, depth / 2, nice);
                    known += 1;
                    if !worth(later) || gain(later, found) <= 2 {
                        break;
                    }
                    self.block.literal(text.get(at).copied().unwrap_or_default());
                    at += 1;
                    found = later;
                }
                self.block.matched(found);
                let end = at + found.length;
                finder.skip(text, known, end);
                at = end;
            } else {
                self.block.literal(text.get(at).copied().unwrap_or_default());
                at += 1;
            }
            begun = self.write_if_full(text, begun, at, bits);
        }
        self.write_rest(text, at, begun, bits);
    }

    /// Writes the block that stands for `begun..at` once it is full; gives where the next one begins.
    #[inline]
    fn write_if_full(&mut self, text: &[u8], begun: usize, at: usize, bits: &mut BitWriter<'_>) -> usize {
        if !self.block.is_full() {
            return begun;
        }
        self.write_block(text.get(begun..at).unwrap_or_default(), bits);
        self.block.clear();
        at
    }

    /// Ends a text of which what is before `at` is in tokens, and what is before `begun` written.
    fn write_rest(&mut self, text: &[u8], at: usize, begun: usize, bits: &mut BitWriter<'_>) {
        for &byte in text.get(at..).unwrap_or_default() {
            self.block.literal(byte);
        }
        if begun < text.len() {
            self.write_block(text.get(begun..).unwrap_or_default(), bits);
        }
    }

    /// Writes the block in the form that takes the fewest bits; `text` is what it stands for.
    fn write_block(&mut self, text: &[u8], bits: &mut BitWriter<'_>) {
        let block = &mut self.block;
        block.literals[END_OF_BLOCK] = 1;
        let own = Codes {
            literals: Code::optimal(&block.literals, MAX_CODE),
            distances: Code::optimal(&block.distances, MAX_CODE),
        };
        let header = Header::of(&own);
        let extra = block.extra_bits();
        let cost =
            |codes: &Codes| codes.literals.cost(&block.literals) + codes.distances.cost(&block.distances) + extra;
        let own_cost = cost(&own) + header.cost();
        let fixed_cost = cost(&self.fixed);
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let stored_blocks = bytes.div_ceil(0xFFFF).max(1);
        let stored_cost = bytes.saturating_mul(8).saturating_add(stored_blocks * 40 + 8);
        let fewest = own_cost.min(fixed_cost);
        if stored_cost < fewest {
            write_stored(text, bits);
            return;
        }
        bits.reserve(fewest + 64);
        bits.put(0, 1);
        if fixed_cost <= own_cost {
            bits.put(1, 2);
            write_tokens(&block.tokens, &self.fixed, bits);
        } else {
            bits.put(2, 2);
            header.write(bits);
            write_tokens(&block.tokens, &own, bits);
        }
    }
}

/// Whether a match is likely to take fewer bits than its bytes: what is exported is letters and digits, of 3 to 5 bits each.
#[inline]
fn worth(found: Match) -> bool {
    match found.length {
        0..3 => false,
        3 => found.distance <= NEAR[0],
        4 => found.distance <= NEAR[1],
        _ => true,
    }
}

/// How much better a match is that begins later, in quarters of a byte.
#[inline]
fn gain(later: Match, found: Match) -> i64 {
    let bytes = i64::try_from(later.length).unwrap_or(0) - i64::try_from(found.length).unwrap_or(0);
    4 * bytes + i64::from(found.distance.ilog2()) - i64::from(later.distance.ilog2())
}

fn write_stored(text: &[u8], bits: &mut BitWriter<'_>) {
    for piece in text.chunks(STORED_BYTES) {
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        bits.reserve(64);
        bits.put(0, 3);
        let out = bits.align();
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(piece);
        bits.go_on();
    }
}

/// A length's code and extra bits, and how many they are.
#[derive(Clone, Copy, Default)]
struct Coded {
    bits: u32,
    count: u32,
}

fn write_tokens(tokens: &[u32], codes: &Codes, bits: &mut BitWriter<'_>) {
    let mut lengths = [Coded::default(); 256];
    for (length, coded) in lengths.iter_mut().enumerate() {
        let symbol = usize::from(LENGTH_SYMBOL[length]);
        let count = u32::from(codes.literals.lengths[257 + symbol]);
        let extra = narrow(length + MIN_MATCH) - u32::from(LENGTH_BASE[symbol]);
        *coded = Coded {
            bits: u32::from(codes.literals.bits[257 + symbol]) | extra << count,
            count: count + u32::from(LENGTH_EXTRA[symbol]),
        };
    }
    for &token in tokens {
        if token & MATCH == 0 {
            let symbol = wide(token) & 0xFF;
            bits.put(u64::from(codes.literals.bits[symbol]), u32::from(codes.literals.lengths[symbol]));
        } else {
            let length = lengths[wide(token >> 15) & 0xFF];
            let symbol = wide(token >> 23) & (DISTANCES - 1);
            let base = DISTANCE_BASE.get(symbol).copied().map_or(1, u32::from);
            let extra = u64::from((token & 0x7FFF) + 1 - base);
            let count = u32::from(codes.distances.lengths[symbol]);
            let distance = u64::from(codes.distances.bits[symbol]) | extra << count;
            let counts = count + DISTANCE_EXTRA.get(symbol).copied().map_or(0, u32::from);
            bits.put(u64::from(length.bits) | distance << length.count, length.count + counts);
        }
    }
    let end = END_OF_BLOCK;
    bits.put(u64::from(codes.literals.bits[end]), u32::from(codes.literals.lengths[end]));
}
