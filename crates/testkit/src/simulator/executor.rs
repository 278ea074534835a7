//! Tasks of the simulated world, polled one at a time in an order that the seed decides.

use super::network::World;
use crate::locked::Locked;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// What may happen to a task besides running to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// Part of the network or of a service: always polled.
    Steady,
    /// A process of ours that can be cut off or stand still at any await, and is ended at `until` (monotonic).
    Mortal {
        /// Its number in the history.
        actor: u32,
        /// When its platform ends it.
        until: Duration,
    },
}

struct Task {
    future: BoxFuture<'static, ()>,
    nature: Nature,
    frozen_until: Duration,
    signal: Arc<Signal>,
    waker: Waker,
}

struct Signal {
    id: usize,
    queued: AtomicBool,
    ready: Arc<Locked<Vec<usize>>>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.ready.with(|ready| ready.push(self.id));
        }
    }
}

/// The tasks.
pub(super) struct Executor {
    world: Arc<World>,
    tasks: Vec<Option<Task>>,
    ready: Arc<Locked<Vec<usize>>>,
    polls: u64,
}

impl Executor {
    pub(super) fn new(world: Arc<World>) -> Self {
        Self { world, tasks: Vec::new(), ready: Arc::default(), polls: 0 }
    }

    /// Adds a task.
    pub(super) fn spawn(&mut self, nature: Nature, future: BoxFuture<'static, ()>) {
        let id = self.tasks.iter().position(Option::is_none).unwrap_or(self.tasks.len());
        let signal = Arc::new(Signal { id, queued: AtomicBool::new(false), ready: Arc::clone(&self.ready) });
        let waker = Waker::from(Arc::clone(&signal));
        waker.wake_by_ref();
        let task = Task { future, nature, frozen_until: Duration::ZERO, signal, waker };
        match self.tasks.get_mut(id) {
            Some(slot) => *slot = Some(task),
            None => self.tasks.push(Some(task)),
        }
    }

    /// Polls until nothing can go on without time going by, or a violation is seen.
    pub(super) fn run_ready(&mut self) {
        loop {
            for future in self.world.take_spawned() {
                self.spawn(Nature::Steady, future);
            }
            if self.world.is_violated() {
                return;
            }
            let count = self.ready.with(|ready| ready.len());
            let Some(id) = (count > 0).then(|| self.world.pick(count)) else { return };
            let id = self.ready.with(|ready| ready.swap_remove(id));
            self.poll(id);
        }
    }

    fn poll(&mut self, id: usize) {
        let world = Arc::clone(&self.world);
        let now = world.clock.elapsed();
        let Some(task) = self.tasks.get_mut(id).and_then(Option::as_mut) else { return };
        task.signal.queued.store(false, Ordering::Relaxed);
        if let Nature::Mortal { actor, until } = task.nature {
            if now < task.frozen_until {
                return;
            }
            if now >= until || world.crashes() {
                world.died(actor);
                self.tasks[id] = None;
                return;
            }
            if let Some(length) = world.freezes() {
                world.stood_still(actor, length);
                task.frozen_until = now + length;
                return;
            }
        }
        self.polls += 1;
        world.count_poll();
        let mut context = Context::from_waker(&task.waker);
        let done = task.future.as_mut().poll(&mut context);
        let (struck, stalled) = (world.take_strike(), world.take_stall());
        match (done, task.nature) {
            (Poll::Ready(()), _) => self.tasks[id] = None,
            (Poll::Pending, Nature::Mortal { actor, .. }) if struck => {
                world.died(actor);
                self.tasks[id] = None;
            }
            (Poll::Pending, Nature::Mortal { actor, .. }) => {
                if let Some(length) = stalled {
                    world.stood_still(actor, length);
                    task.frozen_until = now + length;
                }
            }
            (Poll::Pending, Nature::Steady) => {}
        }
    }

    /// The next instant at which a task thaws or is ended by its platform.
    pub(super) fn next_event(&self, now: Duration) -> Option<Duration> {
        let instants = self.tasks.iter().flatten().flat_map(|task| match task.nature {
            Nature::Steady => [None, None],
            Nature::Mortal { until, .. } => [Some(task.frozen_until), Some(until)],
        });
        instants.flatten().filter(|at| *at > now).min()
    }

    /// Lets every task whose instant has come be polled.
    pub(super) fn time_has_moved(&mut self, now: Duration) {
        for task in self.tasks.iter().flatten() {
            if let Nature::Mortal { until, .. } = task.nature
                && (until <= now || (task.frozen_until > Duration::ZERO && task.frozen_until <= now))
            {
                task.waker.wake_by_ref();
            }
        }
    }

    /// Ends every process of ours, as a region that goes dark would.
    pub(super) fn kill_all(&mut self) {
        for slot in &mut self.tasks {
            if let Some(Nature::Mortal { actor, .. }) = slot.as_ref().map(|task| task.nature) {
                self.world.died(actor);
                *slot = None;
            }
        }
    }

    /// Whether a process of ours runs, or a call of one that is gone has still to land.
    pub(super) fn is_busy(&self) -> bool {
        self.tasks.iter().any(Option::is_some)
    }
}
