//! The clock, the randomness and the threads of the system.

use anyhow::{Context as _, Result};
use std::num::NonZeroUsize;
use waybill_aws::{SystemClock, SystemEntropy, ThreadCompute};
use waybill_testkit::contracts;

#[tokio::test(flavor = "multi_thread")]
async fn the_contracts_of_clock_randomness_and_threads_hold() -> Result<()> {
    contracts::clock(&SystemClock::new()).await?;
    contracts::entropy(&SystemEntropy)?;
    contracts::compute(&ThreadCompute::new(NonZeroUsize::new(3).context("three")?)).await?;
    Ok(())
}
