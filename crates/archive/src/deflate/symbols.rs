//! The alphabets of RFC 1951: lengths and distances as symbols with extra bits.

/// Symbols of literals, the end of a block and lengths.
pub(crate) const LITERALS: usize = 288;
/// Symbols of distances.
pub(crate) const DISTANCES: usize = 32;
/// The symbol that ends a block.
pub(crate) const END_OF_BLOCK: usize = 256;
/// Shortest match.
pub(crate) const MIN_MATCH: usize = 3;
/// Longest match.
pub(crate) const MAX_MATCH: usize = 258;
/// Farthest match.
pub(crate) const WINDOW: usize = 32 * 1024;
/// Longest code of a literal, length or distance, in bits.
pub(crate) const MAX_CODE: usize = 15;
/// The order in which the lengths of the codes of code lengths are written (section 3.2.7).
pub(crate) const LENGTHS_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Shortest length of each length symbol, from 257 on.
pub(crate) const LENGTH_BASE: [u16; 29] =
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
/// Extra bits of each length symbol, from 257 on.
pub(crate) const LENGTH_EXTRA: [u8; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
/// Shortest distance of each distance symbol.
pub(crate) const DISTANCE_BASE: [u16; 30] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
    8193, 12_289, 16_385, 24_577,
];
/// Extra bits of each distance symbol.
pub(crate) const DISTANCE_EXTRA: [u8; 30] =
    [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

/// The length symbol, counted from 257, of a length less [`MIN_MATCH`].
pub(crate) const LENGTH_SYMBOL: [u8; 256] = length_symbols();

const fn length_symbols() -> [u8; 256] {
    let mut symbols = [0; 256];
    let (mut symbol, mut place) = (0_u8, 0);
    let mut base = 0;
    while place < 256 {
        // The last symbol stands for the longest length alone.
        if base + 1 < LENGTH_BASE.len() && place + MIN_MATCH == wide(LENGTH_BASE[base + 1]) {
            base += 1;
            symbol += 1;
        }
        symbols[place] = symbol;
        place += 1;
    }
    symbols
}

/// `usize::from`, in a constant.
const fn wide(number: u16) -> usize {
    let [low, high] = number.to_le_bytes();
    let mut bytes = [0; size_of::<usize>()];
    bytes[0] = low;
    bytes[1] = high;
    usize::from_le_bytes(bytes)
}

/// The distance symbol of a distance less one.
#[inline]
pub(crate) fn distance_symbol(less_one: u32) -> u32 {
    if less_one < 4 {
        return less_one;
    }
    let log = less_one.ilog2();
    2 * log + (less_one >> (log - 1) & 1)
}

/// The code length of a literal or length symbol in a block with fixed codes.
pub(crate) fn fixed_length(symbol: usize) -> u8 {
    match symbol {
        0..=143 | 280.. => 8,
        144..=255 => 9,
        256..=279 => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_its_symbol_and_extra_bits() {
        for length in MIN_MATCH..=MAX_MATCH {
            let symbol = usize::from(LENGTH_SYMBOL[length - MIN_MATCH]);
            let extra = length - usize::from(LENGTH_BASE[symbol]);
            assert!(extra < 1 << LENGTH_EXTRA[symbol], "{length}");
        }
        assert_eq!(LENGTH_SYMBOL[255], 28);
    }

    #[test]
    fn every_distance_is_its_symbol_and_extra_bits() {
        for distance in 1..=u32::try_from(WINDOW).unwrap() {
            let symbol = usize::try_from(distance_symbol(distance - 1)).unwrap();
            let extra = distance - u32::from(DISTANCE_BASE[symbol]);
            assert!(extra < 1 << DISTANCE_EXTRA[symbol], "{distance}");
        }
    }
}
