//! Work for the processor, off the thread that answers to services.

use async_trait::async_trait;
use futures::channel::oneshot;

/// Where pages are transformed: a bounded thread pool in production, in place in the simulator.
#[async_trait]
pub trait Compute: Send + Sync {
    /// How many jobs run side by side.
    fn parallelism(&self) -> usize;

    /// Runs `job` to its end; canceling the future does not stop a job that has begun.
    async fn run(&self, job: Box<dyn FnOnce() + Send>);
}

/// Runs `job` on `pool` and gives what it returns; `None` when it panicked.
pub async fn compute<T: Send + 'static>(pool: &dyn Compute, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = oneshot::channel();
    pool.run(Box::new(move || {
        // A dropped receiver means that nobody waits for the result any more.
        drop(sender.send(job()));
    }))
    .await;
    receiver.await.ok()
}
