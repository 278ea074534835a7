//! All in-memory ports together, as a use case needs them.

use crate::{
    InlineCompute, ManualClock, MemoryArchiveStore, MemoryDeliveryQueue, MemoryDestinations, MemoryRecordStore,
    MemoryScriptQueue, MemoryStateStore, MemoryVault, MemoryWakeQueue, QueueOptions, SeededEntropy,
};
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{Context, Exporting, StepSettings, Sweeping, advance_lane};
use waybill_domain::{ExportId, OrgCode, Timestamp};
use waybill_ports::{Entity, Entropy, PortError, Rows, StateStore, Transaction, WakeMessage, WakeReceipt};

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

    /// What exports.
    pub fn exporting(&self, settings: StepSettings) -> Exporting {
        Exporting {
            context: self.context(),
            records: Arc::<MemoryRecordStore>::clone(&self.records),
            archives: Arc::<MemoryArchiveStore>::clone(&self.archives),
            wake: Arc::<MemoryWakeQueue>::clone(&self.wake),
            scripts: Arc::<MemoryScriptQueue>::clone(&self.scripts),
            deliveries: Arc::<MemoryDeliveryQueue>::clone(&self.deliveries),
            compute: Arc::<InlineCompute>::clone(&self.compute),
            settings,
        }
    }

    /// One invocation of it, with an hour of time, for an export that is the head of its lane.
    pub fn export(&self, org: &OrgCode, export: ExportId) -> impl Future<Output = ()> + Send + use<> {
        let settings = StepSettings { min_budget: Duration::ZERO, ..StepSettings::default() };
        let exporting = self.exporting(settings);
        let message = WakeMessage::ExportV1 { org: org.clone(), export };
        async move {
            advance_lane(&exporting, &message, &WakeReceipt("r".into()), Duration::from_hours(1)).await;
        }
    }

    /// What sweeps.
    pub fn sweeping(&self) -> Sweeping {
        let (archives, wake) = (Arc::clone(&self.archives), Arc::clone(&self.wake));
        let (scripts, deliveries) = (Arc::clone(&self.scripts), Arc::clone(&self.deliveries));
        Sweeping::new(self.context(), archives, wake, scripts, deliveries)
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
