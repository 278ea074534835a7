//! What happens to one of the calls that a process makes.

use async_trait::async_trait;
use futures::executor::block_on;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use waybill_app::Context;
use waybill_domain::{CommitId, Principal, PropertyKind, Role, Timestamp};
use waybill_ports::{
    Clock, DestinationError, DueKind, DueRow, PortError, PortErrorKind, Row, RowKey, RowPage, RowRange, StateStore,
    Write,
};
use waybill_testkit::{ManualClock, MemoryArchiveStore, MemoryPorts, samples};

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    CrashBefore,
    CrashAfter,
    FailBefore,
    FailAfter,
}

impl Fault {
    pub(crate) const ALL: [Self; 4] = [Self::CrashBefore, Self::CrashAfter, Self::FailBefore, Self::FailAfter];

    /// Whether a process that meets it does nothing any more.
    pub(crate) fn crashes(self) -> bool {
        matches!(self, Self::CrashBefore | Self::CrashAfter)
    }
}

/// Counts calls and does something to one of them. A process that has crashed does nothing any more.
pub(crate) struct Cut {
    at: usize,
    fault: Fault,
    calls: AtomicUsize,
    crashed: AtomicBool,
}

impl Cut {
    pub(crate) fn new(at: usize, fault: Fault) -> Arc<Self> {
        Arc::new(Self { at, fault, calls: AtomicUsize::new(0), crashed: AtomicBool::new(false) })
    }

    pub(crate) fn never() -> Arc<Self> {
        Self::new(usize::MAX, Fault::CrashBefore)
    }

    /// How many calls were made.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    pub(crate) async fn call<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>>,
        failed: impl FnOnce() -> E,
    ) -> Result<T, E> {
        let is_hit = self.calls.fetch_add(1, Ordering::Relaxed) == self.at;
        if self.crashed.load(Ordering::Relaxed) {
            return pending().await;
        }
        match self.fault {
            _ if !is_hit => call.await,
            Fault::FailBefore => Err(failed()),
            Fault::FailAfter => {
                call.await?;
                Err(failed())
            }
            Fault::CrashBefore | Fault::CrashAfter => {
                if self.fault == Fault::CrashAfter {
                    let _ = call.await;
                }
                self.crashed.store(true, Ordering::Relaxed);
                pending().await
            }
        }
    }

    /// The context of a process whose calls these are.
    pub(crate) fn context(self: &Arc<Self>, ports: &MemoryPorts) -> Context {
        let context = ports.context();
        Context {
            state: Arc::new(CutState(context.state, Arc::clone(self))),
            clock: Arc::new(CutClock(ports.clock.clone())),
            ..context
        }
    }
}

fn unavailable() -> PortError {
    PortError::new(PortErrorKind::Unavailable, "a fault of the test")
}

pub(crate) fn broken() -> DestinationError {
    DestinationError::Unavailable("a fault of the test".to_owned())
}

struct CutState(Arc<dyn StateStore>, Arc<Cut>);

#[async_trait]
impl StateStore for CutState {
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, PortError> {
        self.1.call(self.0.get(key), unavailable).await
    }

    async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, PortError> {
        self.1.call(self.0.get_many(keys), unavailable).await
    }

    async fn query(&self, range: &RowRange) -> Result<RowPage, PortError> {
        self.1.call(self.0.query(range), unavailable).await
    }

    async fn commit(&self, commit: CommitId, writes: &[Write]) -> Result<(), PortError> {
        self.1.call(self.0.commit(commit, writes), unavailable).await
    }

    async fn due(&self, kind: DueKind, shard: u8, until: Timestamp, limit: usize) -> Result<Vec<DueRow>, PortError> {
        self.1.call(self.0.due(kind, shard, until, limit), unavailable).await
    }
}

/// Short pauses pass at once; what waits for longer waits for a process that is gone.
struct CutClock(ManualClock);

#[async_trait]
impl Clock for CutClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        if duration > Duration::from_secs(2) {
            pending::<()>().await;
        }
    }
}

/// An org `demo` with a collection `things` that has no records, and its administrator.
pub(crate) fn demo(seed: u64) -> (MemoryPorts, Principal) {
    let mut ports = MemoryPorts::new(seed);
    ports.archives = Arc::new(MemoryArchiveStore::with_smallest_part(1));
    let admin = samples::principal("demo", Role::Admin).unwrap();
    block_on(ports.insert(&samples::org("demo").unwrap())).unwrap();
    block_on(ports.insert(&samples::account("demo", Role::Admin).unwrap())).unwrap();
    let properties = vec![samples::property("name", PropertyKind::String)];
    block_on(ports.insert(&samples::collection(&admin.org, &"things".parse().unwrap(), properties))).unwrap();
    (ports, admin)
}
