//! How a block describes its codes.

use super::bits::BitWriter;
use super::encoder::Codes;
use super::huffman::Code;
use super::symbols::{DISTANCES, LENGTHS_ORDER, LITERALS};

/// The description of a block's codes (section 3.2.7).
pub(super) struct Header {
    /// Lengths, and runs of them: symbol and extra bits.
    runs: Vec<(u8, u8)>,
    code: Code<19>,
    literals: usize,
    distances: usize,
    described: usize,
}

impl Header {
    pub(super) fn of(codes: &Codes) -> Self {
        let used = |lengths: &[u8], least: usize| {
            lengths.iter().rposition(|&length| length > 0).map_or(least, |last| (last + 1).max(least))
        };
        let literals = used(&codes.literals.lengths, 257);
        let distances = used(&codes.distances.lengths, 1);
        let mut lengths = [0_u8; LITERALS + DISTANCES];
        lengths[..literals].copy_from_slice(&codes.literals.lengths[..literals]);
        lengths[literals..literals + distances].copy_from_slice(&codes.distances.lengths[..distances]);
        let mut frequencies = [0; 19];
        let runs = runs_of(&lengths[..literals + distances]);
        for &(symbol, _) in &runs {
            frequencies[usize::from(symbol)] += 1;
        }
        let code = Code::optimal(&frequencies, 7);
        let last = LENGTHS_ORDER.iter().rposition(|&symbol| code.lengths[symbol] > 0);
        let described = last.map_or(4, |last| (last + 1).max(4));
        Self { runs, code, literals, distances, described }
    }

    /// What it takes, in bits.
    pub(super) fn cost(&self) -> u64 {
        let run = |&(symbol, _): &(u8, u8)| u64::from(self.code.lengths[usize::from(symbol)]) + run_bits(symbol);
        let described = u64::try_from(self.described).unwrap_or(19);
        14 + 3 * described + self.runs.iter().map(run).sum::<u64>()
    }

    pub(super) fn write(&self, bits: &mut BitWriter<'_>) {
        let number = |number: usize| u64::try_from(number).unwrap_or(0);
        bits.put(number(self.literals - 257), 5);
        bits.put(number(self.distances - 1), 5);
        bits.put(number(self.described - 4), 4);
        for &symbol in &LENGTHS_ORDER[..self.described] {
            bits.put(u64::from(self.code.lengths[symbol]), 3);
        }
        for &(symbol, extra) in &self.runs {
            let at = usize::from(symbol);
            bits.put(u64::from(self.code.bits[at]), u32::from(self.code.lengths[at]));
            bits.put(u64::from(extra), u32::try_from(run_bits(symbol)).unwrap_or(0));
        }
    }
}

/// Extra bits of a symbol for code lengths.
fn run_bits(symbol: u8) -> u64 {
    match symbol {
        16 => 2,
        17 => 3,
        18 => 7,
        _ => 0,
    }
}

/// Code lengths with repetitions written as runs.
fn runs_of(lengths: &[u8]) -> Vec<(u8, u8)> {
    let mut runs = Vec::with_capacity(lengths.len());
    let less = |run: usize, base: usize| u8::try_from(run - base).unwrap_or(0);
    for same in lengths.chunk_by(|a, b| a == b) {
        let (length, mut left) = (same[0], same.len());
        if length == 0 {
            while left >= 11 {
                let run = left.min(138);
                runs.push((18, less(run, 11)));
                left -= run;
            }
            if left >= 3 {
                runs.push((17, less(left, 3)));
                left = 0;
            }
        } else {
            runs.push((length, 0));
            left -= 1;
            while left >= 3 {
                let run = left.min(6);
                runs.push((16, less(run, 3)));
                left -= run;
            }
        }
        runs.extend(std::iter::repeat_n((length, 0), left));
    }
    runs
}
