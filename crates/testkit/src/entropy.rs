//! Randomness of which one number decides all.

use crate::locked::Locked;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use waybill_ports::Entropy;

/// Randomness from a seed: the same seed, the same bytes, on every machine.
#[derive(Debug)]
pub struct SeededEntropy(Locked<ChaCha8Rng>);

impl SeededEntropy {
    /// The randomness of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Locked::new(ChaCha8Rng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        self.0.with(|source| source.fill_bytes(buffer));
    }
}
