//! Work for the processor, done on the spot.

use async_trait::async_trait;
use std::panic::{AssertUnwindSafe, catch_unwind};
use waybill_ports::Compute;

/// Runs every job in place, when it is asked to.
#[derive(Clone, Copy, Debug)]
pub struct InlineCompute {
    /// How many jobs it says run side by side.
    pub parallelism: usize,
}

#[async_trait]
impl Compute for InlineCompute {
    fn parallelism(&self) -> usize {
        self.parallelism.max(1)
    }

    async fn run(&self, job: Box<dyn FnOnce() + Send>) {
        // A pool outlives a job that panics, and so does this: whoever waits for its result sees that there is none.
        drop(catch_unwind(AssertUnwindSafe(job)));
    }
}
