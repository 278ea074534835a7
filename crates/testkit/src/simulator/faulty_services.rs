//! Records and wake-ups as a process reaches them.

use super::history::Actor;
use super::mutant::Mutant;
use super::network::{Effect, Fate, Service, World};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{CollectionName, OrgCode, RecordId};
use waybill_ports::{
    DeadLetter, IdPage, PageCursor, PortError, RecordPage, RecordPatch, RecordSource, RecordStore, StoredRecord,
    WakeMessage, WakeQueue, WakeReceipt,
};

/// The record store of one process.
pub(super) struct FaultyRecords {
    pub(super) world: Arc<World>,
    pub(super) actor: Actor,
}

#[async_trait]
impl RecordStore for FaultyRecords {
    fn partitions(&self) -> u16 {
        self.world.records.partitions()
    }

    async fn read_page(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        partition: u16,
        from: Option<&PageCursor>,
        limit: Option<u32>,
    ) -> Result<RecordPage, PortError> {
        let world = &self.world;
        let fate = world.travel(self.actor, Service::Records, Effect::None).await?;
        if world.oracle.with(|oracle| oracle.kills_readers(org)) {
            world.strike();
            std::future::pending::<()>().await;
        }
        let again = world.is(Mutant::PageRepeated) && world.fault(500);
        let from = from.filter(|_| !again);
        let mut page = world.records.read_page(org, collection, partition, from, limit).await?;
        if world.is(Mutant::PageLast) && world.fault(500) {
            page.next = None;
        }
        world.reply(fate, Ok(page)).await
    }

    async fn ids(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        partition: u16,
        from: Option<&PageCursor>,
        limit: Option<u32>,
    ) -> Result<IdPage, PortError> {
        self.world.records.ids(org, collection, partition, from, limit).await
    }

    async fn put(&self, org: &OrgCode, collection: &CollectionName, records: &[RecordPatch]) -> Result<(), PortError> {
        self.world.records.put(org, collection, records).await
    }

    async fn get(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        ids: &[RecordId],
    ) -> Result<Vec<Option<StoredRecord>>, PortError> {
        self.world.records.get(org, collection, ids).await
    }

    async fn delete(&self, org: &OrgCode, collection: &CollectionName, ids: &[RecordId]) -> Result<(), PortError> {
        self.world.records.delete(org, collection, ids).await
    }
}

impl RecordSource for FaultyRecords {}

/// The queue of one process.
pub(super) struct FaultyWake {
    pub(super) world: Arc<World>,
    pub(super) actor: Actor,
}

#[async_trait]
impl WakeQueue for FaultyWake {
    async fn ring(&self, message: &WakeMessage, group: &str, deduplication: &str) -> Result<(), PortError> {
        let world = &self.world;
        let fate = world.travel(self.actor, Service::Queue, Effect::NowOrLater).await?;
        let profile = &world.profile;
        if world.fault(profile.ring_lost) {
            world.note(|| format!("#{}: a wake-up is lost", self.actor.number));
            return world.reply(fate, Ok(())).await;
        }
        let mut group = group.to_owned();
        if world.fault(profile.ring_astray) {
            group = format!("{group}-{}", world.below(4));
        }
        let delayed = world.fault(profile.ring_late).then(|| world.millis(1000, 200_000));
        if let Some(late) = delayed.or(if let Fate::Late(late) = fate { Some(late) } else { None }) {
            let (message, deduplication) = (message.clone(), deduplication.to_owned());
            let later = Arc::clone(world);
            world.spawn(Box::pin(async move {
                later.sleep(late).await;
                drop(later.wake.ring(&message, &group, &deduplication).await);
            }));
            // One that the queue merely gives out late was answered.
            return if delayed.is_some() { world.reply(fate, Ok(())).await } else { Err(world.no_answer().await) };
        }
        let mut result = world.wake.ring(message, &group, deduplication).await;
        if world.fault(profile.ring_doubled) {
            let elsewhere = format!("{group}-{}", world.below(4));
            result = world.wake.ring(message, &elsewhere, &format!("{deduplication}-{}", world.below(1000))).await;
        }
        world.reply(fate, result).await
    }

    async fn set_visibility(&self, receipt: &WakeReceipt, hidden: Duration) -> Result<(), PortError> {
        let fate = self.world.travel(self.actor, Service::Queue, Effect::Now).await?;
        let result = self.world.wake.set_visibility(receipt, hidden).await;
        self.world.reply(fate, result).await
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, PortError> {
        let fate = self.world.travel(self.actor, Service::Queue, Effect::None).await?;
        let letters = self.world.wake.dead_letters().await;
        self.world.reply(fate, letters).await
    }

    async fn bury(&self, receipt: &WakeReceipt) -> Result<(), PortError> {
        let fate = self.world.travel(self.actor, Service::Queue, Effect::Now).await?;
        let result = self.world.wake.bury(receipt).await;
        self.world.reply(fate, result).await
    }
}
