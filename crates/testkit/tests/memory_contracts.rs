//! The in-memory ports keep the contracts of their roles.

use async_trait::async_trait;
use futures::executor::block_on;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use waybill_domain::Timestamp;
use waybill_ports::{Clock as _, DeliveryMessage, ScriptMessage, WakeMessage, WakeReceipt};
use waybill_testkit::contracts::{self, DeliveryConsumer, ScriptConsumer, ShownFiles, WakeConsumer};
use waybill_testkit::{
    InlineCompute, ManualClock, MemoryArchiveStore, MemoryDeliveryQueue, MemoryDestinations, MemoryRecordStore,
    MemoryScriptQueue, MemoryStateStore, MemoryVault, MemoryWakeQueue, QueueOptions, SeededEntropy,
};

#[test]
fn memory_state_store_keeps_its_contract() {
    block_on(contracts::state_store(&MemoryStateStore::new(), "memory")).unwrap();
}

#[test]
fn memory_record_store_keeps_its_contract() {
    block_on(contracts::record_store(&MemoryRecordStore::new(), "memory")).unwrap();
    block_on(contracts::record_store(&MemoryRecordStore::with_pages(16, 100), "memory")).unwrap();
}

#[test]
fn memory_record_source_keeps_its_contract() {
    let store = MemoryRecordStore::new();
    store.put_items("platform", contracts::source_items());
    block_on(contracts::record_source(&store, "memory")).unwrap();
}

#[test]
fn memory_archive_store_keeps_its_contract() {
    block_on(contracts::archive_store(&MemoryArchiveStore::new(), "memory")).unwrap();
}

#[test]
fn memory_vault_keeps_its_contract() {
    block_on(contracts::secret_vault(&MemoryVault, "memory")).unwrap();
}

#[test]
fn manual_clock_keeps_its_contract_when_it_advances_itself() {
    block_on(contracts::clock(&ManualClock::self_advancing(Timestamp::from_millis(0)))).unwrap();
}

#[test]
fn seeded_entropy_keeps_its_contract() {
    contracts::entropy(&SeededEntropy::new(3)).unwrap();
}

#[test]
fn work_on_the_spot_keeps_its_contract() {
    block_on(contracts::compute(&InlineCompute { parallelism: 2 })).unwrap();
}

struct ScriptsInMemory<'a>(&'a MemoryScriptQueue);

#[async_trait]
impl ScriptConsumer for ScriptsInMemory<'_> {
    async fn receive_scripts(&self) -> Vec<ScriptMessage> {
        self.0.take()
    }
}

#[test]
fn memory_script_queue_keeps_its_contract() {
    let queue = MemoryScriptQueue::default();
    block_on(contracts::script_queue(&queue, &ScriptsInMemory(&queue), "memory")).unwrap();
}

struct DeliveriesInMemory<'a> {
    queue: &'a MemoryDeliveryQueue,
    clock: ManualClock,
    held_back: Mutex<Vec<(DeliveryMessage, Duration)>>,
}

#[async_trait]
impl DeliveryConsumer for DeliveriesInMemory<'_> {
    async fn receive_deliveries(&self) -> Vec<DeliveryMessage> {
        let now = self.clock.monotonic();
        let mut held_back = self.held_back.lock().unwrap_or_else(PoisonError::into_inner);
        held_back.extend(self.queue.take().into_iter().map(|(message, after)| (message, now + after)));
        held_back.extract_if(.., |(_, at)| *at <= now).map(|(message, _)| message).collect()
    }

    async fn wait_for_deliveries(&self, length: Duration) {
        self.clock.advance(length);
    }
}

#[test]
fn memory_delivery_queue_keeps_its_contract() {
    let queue = MemoryDeliveryQueue::default();
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let consumer = DeliveriesInMemory { queue: &queue, clock, held_back: Mutex::default() };
    block_on(contracts::delivery_queue(&queue, &consumer, "memory")).unwrap();
}

struct Shelf(MemoryDestinations);

#[async_trait]
impl ShownFiles for Shelf {
    async fn shown(&self, name: &str) -> Option<Vec<u8>> {
        self.0.files().remove(name)
    }
}

#[test]
fn memory_destinations_keep_their_contract() {
    let destinations = MemoryDestinations::default();
    block_on(contracts::destination(&destinations, &Shelf(destinations.clone()), 1000)).unwrap();
    assert_eq!(destinations.leftovers(), [""; 0]);
}

struct Consumer {
    queue: MemoryWakeQueue,
    clock: ManualClock,
}

#[async_trait]
impl WakeConsumer for Consumer {
    async fn receive(&self) -> Vec<(WakeMessage, WakeReceipt)> {
        self.queue.receive(10).into_iter().map(|delivery| (delivery.message, delivery.receipt)).collect()
    }

    async fn acknowledge(&self, receipt: &WakeReceipt) {
        assert!(self.queue.acknowledge(receipt), "{receipt:?} was not the consumer's");
    }

    async fn wait(&self, duration: Duration) {
        self.clock.advance(duration);
    }
}

fn consumer(options: QueueOptions) -> Consumer {
    let clock = ManualClock::new(Timestamp::from_millis(0));
    Consumer { queue: MemoryWakeQueue::new(Arc::new(clock.clone()), options), clock }
}

#[test]
fn memory_wake_queue_keeps_its_contract() {
    let consumer = consumer(QueueOptions::default());
    block_on(contracts::wake_queue(&consumer.queue, &consumer, "memory")).unwrap();
}

#[test]
fn a_message_received_too_often_becomes_a_dead_letter_and_unblocks_its_group() {
    use waybill_ports::WakeQueue;
    let Consumer { queue, clock } = consumer(QueueOptions { visibility: Duration::from_secs(10), max_receives: 2 });
    let message = |byte| WakeMessage::ExportV1 {
        org: "demo".parse().unwrap(),
        export: waybill_domain::ExportId::new(Timestamp::from_millis(0), [byte; 8]),
    };
    block_on(queue.ring(&message(1), "demo", "1")).unwrap();
    block_on(queue.ring(&message(2), "demo", "2")).unwrap();
    for receives in 1..=2 {
        let delivery = queue.receive(10).pop().unwrap();
        assert_eq!((delivery.receives, delivery.message), (receives, message(1)));
        assert!(queue.receive(10).is_empty());
        clock.advance(Duration::from_secs(10));
    }
    assert_eq!(queue.receive(10).pop().unwrap().message, message(2));
    let letter = block_on(queue.dead_letters()).unwrap().pop().unwrap();
    assert_eq!(serde_json::from_str::<WakeMessage>(&letter.body).unwrap(), message(1));
    block_on(queue.bury(&letter.receipt)).unwrap();
    assert!(block_on(queue.dead_letters()).unwrap().is_empty());
}
