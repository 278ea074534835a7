//! The time of the simulated world, and what each process believes it to be.

use crate::ManualClock;
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use waybill_domain::Timestamp;
use waybill_ports::Clock;

/// When every simulation begins.
const BEGINNING: i64 = 1_767_225_600_000;

/// True time, and how far the clocks of our processes are off it.
#[derive(Clone)]
pub(super) struct WorldClock {
    base: ManualClock,
    jump_millis: Arc<AtomicI64>,
}

impl WorldClock {
    pub(super) fn new() -> Self {
        Self { base: ManualClock::new(Timestamp::from_millis(BEGINNING)), jump_millis: Arc::default() }
    }

    /// The clock that services go by: it never jumps.
    pub(super) fn true_time(&self) -> ManualClock {
        self.base.clone()
    }

    /// Time since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.base.monotonic()
    }

    /// What every process's clock is off by from now on.
    pub(super) fn set_jump(&self, millis: i64) {
        self.jump_millis.store(millis, Ordering::Relaxed);
    }

    /// The clock of a process that is off by `skew_millis` besides.
    pub(super) fn of_process(&self, skew_millis: i64) -> ProcessClock {
        ProcessClock { world: self.clone(), skew_millis }
    }

    /// Moves on by `length`.
    pub(super) fn advance(&self, length: Duration) {
        self.base.advance(length);
    }

    /// When the next sleep ends.
    pub(super) fn next_sleeper(&self) -> Option<Duration> {
        self.base.next_sleeper()
    }

    /// When true time since the beginning is that of `at` on the services' clock.
    pub(super) fn elapsed_at(at: Timestamp) -> Duration {
        at.since(Timestamp::from_millis(BEGINNING))
    }
}

/// The clock of one process.
#[derive(Clone)]
pub(super) struct ProcessClock {
    world: WorldClock,
    skew_millis: i64,
}

#[async_trait]
impl Clock for ProcessClock {
    fn now(&self) -> Timestamp {
        let off = self.skew_millis.saturating_add(self.world.jump_millis.load(Ordering::Relaxed));
        Timestamp::from_millis(self.world.base.now().as_millis().saturating_add(off))
    }

    fn monotonic(&self) -> Duration {
        self.world.base.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.world.base.sleep(duration).await;
    }
}
