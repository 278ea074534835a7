//! A clock that moves when it is told to.

use crate::locked::Locked;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use waybill_domain::Timestamp;
use waybill_ports::Clock;

/// A clock by hand. Clones show the same time.
///
/// By default a sleep lasts until somebody moves the clock ([`ManualClock::advance`]). With
/// [`ManualClock::self_advancing`] a sleep moves the clock itself and is over at once: for tests of code that pauses
/// between attempts, without a scheduler.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Locked<ClockState>,
    self_advancing: AtomicBool,
}

#[derive(Debug)]
struct ClockState {
    /// Wall-clock time at monotonic zero; changed by jumps.
    origin: Timestamp,
    elapsed: Duration,
    next_sleeper: u64,
    sleepers: BTreeMap<(Duration, u64), Waker>,
}

impl ManualClock {
    /// A clock that shows `now` and stands.
    pub fn new(now: Timestamp) -> Self {
        let state = ClockState { origin: now, elapsed: Duration::ZERO, next_sleeper: 0, sleepers: BTreeMap::new() };
        Self(Arc::new(Shared { state: Locked::new(state), self_advancing: AtomicBool::new(false) }))
    }

    /// A clock whose sleepers move it.
    pub fn self_advancing(now: Timestamp) -> Self {
        let clock = Self::new(now);
        clock.0.self_advancing.store(true, Ordering::Relaxed);
        clock
    }

    /// Moves both times on and wakes whoever has slept long enough.
    pub fn advance(&self, by: Duration) {
        let woken = self.0.state.with(|state| {
            state.elapsed = state.elapsed.saturating_add(by);
            let later = state.sleepers.split_off(&(state.elapsed.saturating_add(Duration::from_nanos(1)), 0));
            std::mem::replace(&mut state.sleepers, later)
        });
        woken.into_values().for_each(Waker::wake);
    }

    /// Moves the clock to the end of the earliest sleep, if anybody sleeps; tells how far.
    pub fn advance_to_next(&self) -> Option<Duration> {
        let by = self
            .0
            .state
            .with(|state| state.sleepers.keys().next().map(|(until, _)| until.saturating_sub(state.elapsed)))?;
        self.advance(by);
        Some(by)
    }

    /// When the earliest sleep ends, in monotonic time.
    pub(crate) fn next_sleeper(&self) -> Option<Duration> {
        self.0.state.with(|state| state.sleepers.keys().next().map(|(until, _)| *until))
    }

    /// Sets the wall clock forward or back by `millis`, as an operator or a time service would; monotonic time is as before.
    pub fn jump(&self, millis: i64) {
        self.0.state.with(|state| {
            state.origin = Timestamp::from_millis(state.origin.as_millis().saturating_add(millis));
        });
    }

    /// Sets the wall clock.
    pub fn set(&self, now: Timestamp) {
        self.jump(now.as_millis().saturating_sub(self.now().as_millis()));
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.state.with(|state| state.origin.after(state.elapsed))
    }

    fn monotonic(&self) -> Duration {
        self.0.state.with(|state| state.elapsed)
    }

    async fn sleep(&self, duration: Duration) {
        if self.0.self_advancing.load(Ordering::Relaxed) {
            self.advance(duration);
            return;
        }
        let (until, number) = self.0.state.with(|state| {
            state.next_sleeper += 1;
            (state.elapsed.saturating_add(duration), state.next_sleeper)
        });
        Sleep { clock: self, until, number }.await;
    }
}

struct Sleep<'a> {
    clock: &'a ManualClock,
    until: Duration,
    number: u64,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.clock.0.state.with(|state| {
            if state.elapsed >= self.until {
                return Poll::Ready(());
            }
            state.sleepers.insert((self.until, self.number), context.waker().clone());
            Poll::Pending
        })
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        self.clock.0.state.with(|state| state.sleepers.remove(&(self.until, self.number)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn a_sleep_ends_when_the_clock_is_moved_that_far() {
        let clock = ManualClock::new(Timestamp::from_millis(0));
        let mut sleep = clock.sleep(Duration::from_secs(2));
        assert!((&mut sleep).now_or_never().is_none());
        clock.advance(Duration::from_secs(1));
        assert!((&mut sleep).now_or_never().is_none());
        assert_eq!(clock.advance_to_next(), Some(Duration::from_secs(1)));
        assert!((&mut sleep).now_or_never().is_some());
        assert_eq!(clock.now(), Timestamp::from_millis(2000));
        assert_eq!(clock.advance_to_next(), None);
    }

    #[test]
    fn a_dropped_sleep_leaves_nothing_to_wait_for() {
        let clock = ManualClock::new(Timestamp::from_millis(0));
        assert!(clock.sleep(Duration::from_secs(1)).now_or_never().is_none());
        assert_eq!(clock.advance_to_next(), None);
    }

    #[test]
    fn a_jump_changes_the_wall_clock_only() {
        let clock = ManualClock::self_advancing(Timestamp::from_millis(10_000));
        clock.sleep(Duration::from_secs(1)).now_or_never().unwrap();
        clock.jump(-5000);
        assert_eq!(clock.now(), Timestamp::from_millis(6000));
        assert_eq!(clock.monotonic(), Duration::from_secs(1));
    }
}
