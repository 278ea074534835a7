//! Prefix codes: lengths from frequencies, codes from lengths.

use super::symbols::MAX_CODE;

/// A prefix code of at most `N` symbols: each with its bits, ready to be written lowest first, and their number.
#[derive(Clone, Debug)]
pub(crate) struct Code<const N: usize> {
    pub(crate) bits: [u16; N],
    pub(crate) lengths: [u8; N],
}

impl<const N: usize> Code<N> {
    pub(crate) fn empty() -> Self {
        Self { bits: [0; N], lengths: [0; N] }
    }

    /// The code whose symbols have these lengths.
    pub(crate) fn with_lengths(lengths: [u8; N]) -> Self {
        let mut code = Self { bits: [0; N], lengths };
        code.assign();
        code
    }

    /// The cheapest code for symbols of these frequencies whose lengths are at most `longest`. Always at least two symbols
    /// have a code: some readers refuse a code that is not full.
    pub(crate) fn optimal(frequencies: &[u32; N], longest: usize) -> Self {
        let mut code = Self::empty();
        // Frequency and symbol, rarest first.
        let mut used = [(0_u32, 0_usize); N];
        let mut count = 0;
        for (symbol, &frequency) in frequencies.iter().enumerate() {
            if frequency > 0 {
                used[count] = (frequency, symbol);
                count += 1;
            }
        }
        let mut spare = 0;
        while count < 2 {
            if frequencies[spare] == 0 {
                used[count] = (0, spare);
                count += 1;
            }
            spare += 1;
        }
        let used = &mut used[..count];
        used.sort_unstable();
        let mut depths = [0_u32; N];
        depths_of(used, &mut depths[..count]);
        let counts = limited(&depths[..count], longest);
        // The rarest get the longest.
        let mut symbols = used.iter();
        for length in (1..=longest).rev() {
            for _ in 0..counts[length] {
                if let Some(&(_, symbol)) = symbols.next() {
                    code.lengths[symbol] = u8::try_from(length).unwrap_or(u8::MAX);
                }
            }
        }
        code.assign();
        code
    }

    /// Canonical codes (section 3.2.2), reversed.
    fn assign(&mut self) {
        let mut counts = [0_u16; MAX_CODE + 1];
        for &length in &self.lengths {
            counts[usize::from(length)] += 1;
        }
        counts[0] = 0;
        let mut next = [0_u16; MAX_CODE + 2];
        for length in 1..=MAX_CODE {
            next[length + 1] = (next[length] + counts[length]) << 1;
        }
        for (bits, &length) in self.bits.iter_mut().zip(&self.lengths) {
            if length > 0 {
                let code = &mut next[usize::from(length)];
                *bits = code.reverse_bits() >> (16 - length);
                *code = code.wrapping_add(1);
            }
        }
    }

    /// What symbols of these frequencies take, in bits.
    pub(crate) fn cost(&self, frequencies: &[u32; N]) -> u64 {
        frequencies.iter().zip(&self.lengths).map(|(&times, &length)| u64::from(times) * u64::from(length)).sum()
    }
}

/// How deep in a Huffman tree the leaves lie; `leaves` are sorted by frequency.
fn depths_of(leaves: &[(u32, usize)], depths: &mut [u32]) {
    let count = leaves.len();
    // Inner nodes come into being in the order of their frequency, so two queues are enough.
    let mut inner: Vec<u64> = Vec::with_capacity(count);
    let mut leaf_parents = vec![0_usize; count];
    let mut inner_parents = vec![0_usize; count];
    let (mut next_leaf, mut next_inner) = (0, 0);
    for parent in 0..count - 1 {
        let mut sum = 0;
        for _ in 0..2 {
            let leaf = leaves.get(next_leaf).map(|leaf| u64::from(leaf.0));
            let node = inner.get(next_inner).copied();
            match (leaf, node) {
                (Some(leaf), node) if node.is_none_or(|node| leaf <= node) => {
                    sum += leaf;
                    leaf_parents[next_leaf] = parent;
                    next_leaf += 1;
                }
                (_, Some(node)) => {
                    sum += node;
                    inner_parents[next_inner] = parent;
                    next_inner += 1;
                }
                _ => {}
            }
        }
        inner.push(sum);
    }
    let mut inner_depths = vec![0_u32; count - 1];
    for node in (0..count - 2).rev() {
        inner_depths[node] = inner_depths[inner_parents[node]] + 1;
    }
    for (depth, &parent) in depths.iter_mut().zip(&leaf_parents) {
        *depth = inner_depths[parent] + 1;
    }
}

/// How many symbols have which length, none longer than `longest`.
fn limited(depths: &[u32], longest: usize) -> [u32; MAX_CODE + 1] {
    let mut counts = [0_u32; MAX_CODE + 1];
    for &depth in depths {
        let length = usize::try_from(depth).unwrap_or(usize::MAX).min(longest);
        counts[length] += 1;
    }
    // What all codes take of the room of 2^longest; shortening the long ones took more than there is.
    let mut taken: u64 = (1..=longest).map(|length| u64::from(counts[length]) << (longest - length)).sum();
    while taken > 1 << longest {
        // A leaf of the last level moves up beside one that moves a level down.
        counts[longest] -= 1;
        if let Some(length) = (1..longest).rev().find(|&length| counts[length] > 0) {
            counts[length] -= 1;
            counts[length + 1] += 2;
        }
        taken -= 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn codes_are_full_and_within_the_limit(
            frequencies in proptest::collection::vec(prop_oneof![3 => Just(0_u32), 2 => 0_u32..50, 1 => any::<u32>()], 288),
        ) {
            let frequencies: [u32; 288] = frequencies.try_into().unwrap();
            for longest in [9, 10, 15] {
                let code = Code::optimal(&frequencies, longest);
                let room: u64 = code.lengths.iter().filter(|length| **length > 0).map(|length| 1 << (15 - length)).sum();
                prop_assert_eq!(room, 1 << 15);
                prop_assert!(code.lengths.iter().all(|length| usize::from(*length) <= longest));
                for (length, frequency) in code.lengths.iter().zip(&frequencies) {
                    prop_assert!(*frequency == 0 || *length > 0);
                }
            }
        }
    }

    #[test]
    fn skewed_frequencies_are_limited() {
        let mut frequencies = [0_u32; 32];
        let (mut a, mut b) = (1, 1);
        for frequency in frequencies.iter_mut().take(30) {
            *frequency = a;
            (a, b) = (b, a + b);
        }
        let code = Code::optimal(&frequencies, MAX_CODE);
        assert_eq!(code.lengths.iter().copied().max(), Some(15));
        assert!(code.lengths[29] <= 2);
    }
}
