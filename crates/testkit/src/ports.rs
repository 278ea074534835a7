//! All in-memory ports together, as a use case needs them.

use crate::{
    InlineCompute, ManualClock, MemoryArchiveStore, MemoryDeliveryQueue, MemoryDestinations, MemoryRecordStore,
    MemoryScriptQueue, MemoryStateStore, MemoryVault, MemoryWakeQueue, QueueOptions, SeededEntropy,
};
use std::sync::Arc;
use waybill_app::Context;
use waybill_domain::Timestamp;
use waybill_ports::{Entity, Entropy, PortError, Rows, StateStore, Transaction};

/// One of every port.
pub struct MemoryPorts {
    /// Rows.
    pub state: Arc<MemoryStateStore>,
    /// Records.
    pub records: Arc<MemoryRecordStore>,
    /// Objects.
    pub archives: Arc<MemoryArchiveStore>,
    /// Wake-ups.
    pub wake: Arc<MemoryWakeQueue>,
    /// Messages about scripts.
    pub scripts: Arc<MemoryScriptQueue>,
    /// Messages about deliveries.
    pub deliveries: Arc<MemoryDeliveryQueue>,
    /// Where files are handed to.
    pub destinations: Arc<MemoryDestinations>,
    /// Secrets.
    pub vault: Arc<MemoryVault>,
    /// Time: sleeps move it.
    pub clock: ManualClock,
    /// Randomness.
    pub entropy: Arc<SeededEntropy>,
    /// Work.
    pub compute: Arc<InlineCompute>,
}

impl MemoryPorts {
    /// Empty ports, the randomness of `seed`, and a self-advancing clock at 2026-01-01T00:00:00Z.
    pub fn new(seed: u64) -> Self {
        let clock = ManualClock::self_advancing(Timestamp::from_millis(1_767_225_600_000));
        Self {
            state: Arc::default(),
            records: Arc::default(),
            archives: Arc::default(),
            wake: Arc::new(MemoryWakeQueue::new(Arc::new(clock.clone()), QueueOptions::default())),
            scripts: Arc::default(),
            deliveries: Arc::default(),
            destinations: Arc::default(),
            vault: Arc::default(),
            clock,
            entropy: Arc::new(SeededEntropy::new(seed)),
            compute: Arc::new(InlineCompute { parallelism: 1 }),
        }
    }

    /// What every use case takes.
    pub fn context(&self) -> Context {
        Context {
            state: Arc::<MemoryStateStore>::clone(&self.state),
            clock: Arc::new(self.clock.clone()),
            entropy: Arc::<SeededEntropy>::clone(&self.entropy),
            request_id: None,
        }
    }

    /// Typed reads.
    pub fn rows(&self) -> Rows<'_> {
        let state: &dyn StateStore = &*self.state;
        Rows(state)
    }

    /// Stores an entity that is not there yet.
    ///
    /// # Errors
    /// `Conflict` when it is.
    pub async fn insert<T: Entity>(&self, entity: &T) -> Result<(), PortError> {
        let mut transaction = Transaction::new(self.entropy.commit_id());
        transaction.insert(entity)?;
        transaction.commit(&*self.state).await.map(drop)
    }
}
