//! Patience between attempts at what a batch left undone: exponential, with full jitter.

use crate::system::SystemEntropy;
use std::time::Duration;
use waybill_ports::Entropy as _;

/// Attempts at one batch, the first included.
pub(crate) const BATCH_ATTEMPTS: u32 = 10;
/// The longest wait before the second attempt.
const FIRST_MILLIS: u64 = 50;
/// The longest wait between two attempts.
const MOST_MILLIS: u64 = 1_000;

/// Waits before the attempt that follows attempt number `attempt` (from 0).
pub(crate) async fn wait(attempt: u32) {
    let most = most_millis(attempt);
    tokio::time::sleep(Duration::from_millis(SystemEntropy.below(most + 1))).await;
}

fn most_millis(attempt: u32) -> u64 {
    FIRST_MILLIS.saturating_mul(1_u64.checked_shl(attempt).unwrap_or(u64::MAX)).min(MOST_MILLIS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound() {
        let waits: Vec<u64> = [0, 1, 2, 5, 9, 63, 64, 200].map(most_millis).into();
        assert_eq!(waits, [50, 100, 200, 1000, 1000, 1000, 1000, 1000]);
    }
}
