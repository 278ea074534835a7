//! What every source of randomness does.

use super::{Broken, Fact, Found, equal, that};
use std::collections::BTreeSet;
use waybill_domain::Timestamp;
use waybill_ports::Entropy;

/// Checks a source of randomness.
///
/// # Errors
/// The first fact that does not hold.
pub fn entropy(entropy: &dyn Entropy) -> Result<(), Broken> {
    let named = |fact: &'static str| move |found: Found| Broken { fact, found: found.0 };
    a_buffer_of_any_length_is_filled(entropy).map_err(named("a_buffer_of_any_length_is_filled"))?;
    nothing_comes_twice(entropy).map_err(named("nothing_comes_twice"))?;
    a_number_stays_below_its_bound_and_reaches_all_of_it(entropy).map_err(named("a_number_stays_below_its_bound"))
}

fn a_buffer_of_any_length_is_filled(entropy: &dyn Entropy) -> Fact {
    entropy.fill(&mut []);
    for length in [1, 7, 8, 33, 4096] {
        let mut seen = vec![false; length];
        // A byte may be 0 by chance, not sixteen times.
        for _ in 0..16 {
            let mut buffer = vec![0; length];
            entropy.fill(&mut buffer);
            seen.iter_mut().zip(&buffer).for_each(|(seen, byte)| *seen |= *byte != 0);
        }
        that(seen.iter().all(|seen| *seen), format!("some of {length} bytes are never written"))?;
    }
    Ok(())
}

fn nothing_comes_twice(entropy: &dyn Entropy) -> Fact {
    let now = Timestamp::from_millis(0);
    let exports: BTreeSet<_> = (0..1000).map(|_| entropy.export_id(now)).collect();
    let commits: BTreeSet<_> = (0..1000).map(|_| entropy.commit_id().0).collect();
    equal(&(exports.len(), commits.len()), &(1000, 1000))
}

fn a_number_stays_below_its_bound_and_reaches_all_of_it(entropy: &dyn Entropy) -> Fact {
    equal(&entropy.below(0), &0)?;
    let found: BTreeSet<u64> = (0..1000).map(|_| entropy.below(6)).collect();
    equal(&found, &(0..6).collect())
}
