//! Time, randomness and threads of the operating system: the one legal place of the calls that are banned elsewhere.

use async_trait::async_trait;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;
use waybill_domain::Timestamp;
use waybill_ports::{Clock, Compute, Entropy};

/// Memory that comes with one virtual processor of a Lambda function, in MB (AWS Lambda developer guide, "Configure
/// Lambda function memory").
const MB_PER_PROCESSOR: usize = 1769;

/// The system's clock.
#[derive(Clone, Debug)]
pub struct SystemClock {
    began: Instant,
}

impl SystemClock {
    /// The clock; its monotonic time begins now.
    #[expect(clippy::disallowed_methods, reason = "the adapter behind the Clock port")]
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the adapter behind the Clock port")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.began.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// # Panics
    /// When the operating system has none, as no secret or id could be trusted then.
    #[expect(clippy::disallowed_methods, reason = "the adapter behind the Entropy port")]
    #[expect(clippy::expect_used, reason = "a process without randomness must not go on")]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system gives randomness");
    }
}

/// A bounded number of jobs side by side on the runtime's blocking threads.
#[derive(Clone, Debug)]
pub struct ThreadCompute {
    parallelism: NonZeroUsize,
    free: Arc<Semaphore>,
}

impl ThreadCompute {
    /// As many jobs side by side as said.
    pub fn new(parallelism: NonZeroUsize) -> Self {
        Self { parallelism, free: Arc::new(Semaphore::new(parallelism.get())) }
    }

    /// As many as a Lambda function of `memory_mb` has processors; the cores that it sees are not all its own.
    pub fn for_memory(memory_mb: usize) -> Self {
        Self::new(NonZeroUsize::new(memory_mb.div_ceil(MB_PER_PROCESSOR)).unwrap_or(NonZeroUsize::MIN))
    }

    /// As many as this machine has cores.
    pub fn for_cores() -> Self {
        Self::new(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }
}

#[async_trait]
impl Compute for ThreadCompute {
    fn parallelism(&self) -> usize {
        self.parallelism.get()
    }

    async fn run(&self, job: Box<dyn FnOnce() + Send>) {
        // The semaphore is never closed; without a permit the job would only run unbounded.
        let permit = Arc::clone(&self.free).acquire_owned().await.ok();
        let ran = tokio::task::spawn_blocking(move || {
            job();
            drop(permit);
        });
        if let Err(error) = ran.await {
            tracing::error!(%error, "a job on a compute thread did not end");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use waybill_ports::compute;

    #[test]
    fn processors_follow_from_memory() {
        let processors: Vec<usize> =
            [128, 1769, 1770, 3538, 10_240].map(|mb| ThreadCompute::for_memory(mb).parallelism()).into();
        assert_eq!(processors, [1, 1, 2, 2, 6]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_more_jobs_run_side_by_side_than_said() {
        let pool = ThreadCompute::new(NonZeroUsize::new(2).unwrap());
        let running = Arc::new(AtomicUsize::new(0));
        let jobs = (0..8).map(|_| {
            let running = Arc::clone(&running);
            compute(&pool, move || {
                let side_by_side = running.fetch_add(1, Ordering::SeqCst) + 1;
                std::thread::sleep(Duration::from_millis(5));
                running.fetch_sub(1, Ordering::SeqCst);
                side_by_side
            })
        });
        let most = futures::future::join_all(jobs).await.into_iter().map(Option::unwrap).max().unwrap();
        assert!(most <= 2, "{most} side by side");
    }

    #[tokio::test]
    async fn a_job_that_panics_gives_nothing_and_frees_its_place() {
        let pool = ThreadCompute::new(NonZeroUsize::MIN);
        assert_eq!(compute(&pool, || -> u8 { panic!("on purpose") }).await, None);
        assert_eq!(compute(&pool, || 7).await, Some(7));
    }

    #[tokio::test]
    async fn the_clock_goes_on_and_randomness_differs() {
        let clock = SystemClock::new();
        let before = (clock.now(), clock.monotonic());
        clock.sleep(Duration::from_millis(3)).await;
        assert!(clock.now() > before.0 && clock.monotonic() >= before.1 + Duration::from_millis(3));
        assert_ne!(SystemEntropy.commit_id(), SystemEntropy.commit_id());
    }
}
