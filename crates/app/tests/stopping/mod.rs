//! What ends an export that somebody asked to end, and a step whose time is up, while services hang or the lane waits.

use super::{FOREVER, Fixture};
use async_trait::async_trait;
use futures::FutureExt;
use futures::executor::block_on;
use futures::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{ExportView, Exporting, Verdict, advance_lane, cancel_export, delete_export, sweep};
use waybill_domain::{
    CollectionName, Epoch, Export, ExportFormat, Lane, OrgCode, RecordId, State, Stop, StorageHold, Timestamp, WorkerId,
};
use waybill_ports::{
    IdPage, PageCursor, PortError, RecordPage, RecordPatch, RecordSource, RecordStore, StoredRecord, WakeMessage,
    WakeReceipt,
};
use waybill_testkit::ManualClock;

/// A record store that gives the first `answered` pages and then nothing, ever.
struct Hanging {
    records: Arc<dyn RecordSource>,
    answered: std::sync::atomic::AtomicUsize,
}

#[async_trait]
impl RecordStore for Hanging {
    fn partitions(&self) -> u16 {
        self.records.partitions()
    }

    async fn read_page(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        partition: u16,
        from: Option<&PageCursor>,
        limit: Option<u32>,
    ) -> Result<RecordPage, PortError> {
        use std::sync::atomic::Ordering::Relaxed;
        if self.answered.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err() {
            pending::<()>().await;
        }
        self.records.read_page(org, collection, partition, from, limit).await
    }

    async fn ids(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        partition: u16,
        from: Option<&PageCursor>,
        limit: Option<u32>,
    ) -> Result<IdPage, PortError> {
        self.records.ids(org, collection, partition, from, limit).await
    }

    async fn put(&self, org: &OrgCode, collection: &CollectionName, records: &[RecordPatch]) -> Result<(), PortError> {
        self.records.put(org, collection, records).await
    }

    async fn get(
        &self,
        org: &OrgCode,
        collection: &CollectionName,
        ids: &[RecordId],
    ) -> Result<Vec<Option<StoredRecord>>, PortError> {
        self.records.get(org, collection, ids).await
    }

    async fn delete(&self, org: &OrgCode, collection: &CollectionName, ids: &[RecordId]) -> Result<(), PortError> {
        self.records.delete(org, collection, ids).await
    }
}

impl RecordSource for Hanging {}

/// An org whose record store hangs after `answered` pages, with a clock that stands.
fn hanging(answered: usize) -> (Fixture, ManualClock, Exporting) {
    let mut fixture = Fixture::new(200);
    let clock = ManualClock::new(fixture.ports.context().now());
    fixture.ports.clock = clock.clone();
    let exporting = fixture.exporting();
    let records = Arc::new(Hanging { records: Arc::clone(&exporting.records), answered: answered.into() });
    (fixture, clock, Exporting { records, ..exporting })
}

fn message(view: &ExportView) -> WakeMessage {
    WakeMessage::ExportV1 { org: view.export.org.clone(), export: view.export.id }
}

fn row(fixture: &Fixture, view: &ExportView) -> Export {
    block_on(fixture.ports.rows().export(&view.export.org, view.export.seq)).unwrap().unwrap().value
}

fn cancel(fixture: &Fixture, view: &ExportView) {
    let (context, id) = (fixture.ports.context(), view.export.id);
    block_on(cancel_export(&context, &*fixture.ports.wake, &fixture.admin, None, id)).unwrap();
}

/// Puts the lane into the state that `change` makes of it.
fn lane(fixture: &Fixture, change: impl Fn(Lane, Timestamp) -> Lane) {
    let context = fixture.ports.context();
    let stored = block_on(context.rows().lane(&fixture.admin.org)).unwrap();
    let current = stored.as_ref().map_or_else(|| Lane::new(fixture.admin.org.clone()), |stored| stored.value.clone());
    let mut transaction = context.transaction();
    let lane = change(current, context.now());
    transaction.upsert(stored.map(|stored| stored.version), &lane).unwrap();
    block_on(transaction.commit(&*context.state)).unwrap();
}

/// Begins a step of an export, and leaves it there.
fn start(fixture: &Fixture, view: &ExportView, epoch: Epoch) {
    let context = fixture.ports.context();
    let stored = block_on(context.rows().export(&view.export.org, view.export.seq)).unwrap().unwrap();
    let mut transaction = context.transaction();
    transaction.update(stored.version, &stored.value.start(epoch, context.now()).unwrap()).unwrap();
    block_on(transaction.commit(&*context.state)).unwrap();
}

#[test]
fn a_cancel_is_rung_for_past_every_group_and_ends_an_export_during_a_pause_which_stays_on_for_the_next() {
    let fixture = Fixture::new(5);
    let (first, second) = (fixture.create(ExportFormat::Csv), fixture.create(ExportFormat::Csv));
    start(&fixture, &first, Epoch(1));
    lane(&fixture, |lane, now| lane.pause(now, Some(Duration::from_mins(14)), 0));
    fixture.ports.wake.lose_all();
    assert_eq!(fixture.step(&first, FOREVER), Verdict::Retry);
    cancel(&fixture, &first);
    let rung = fixture.ports.wake.receive(10);
    assert_eq!(rung.len(), 1);
    assert_eq!((&rung[0].message, rung[0].group.as_str()), (&message(&first), &*format!("demo~{}", first.export.id)));
    assert_eq!(fixture.step(&first, FOREVER), Verdict::Done);
    assert!(matches!(row(&fixture, &first).state, State::Canceled { .. }));
    assert!(matches!(row(&fixture, &second).state, State::Queued { .. }));
    let paused = block_on(fixture.ports.rows().lane(&fixture.admin.org)).unwrap().unwrap().value;
    assert!(paused.lease.is_none() && paused.paused_until(fixture.ports.context().now()).is_some());
}

#[test]
fn a_cancel_does_not_wait_for_the_lease_of_a_worker_that_is_gone() {
    let mut fixture = Fixture::new(5);
    let clock = ManualClock::new(fixture.ports.context().now());
    fixture.ports.clock = clock.clone();
    let view = fixture.create(ExportFormat::Csv);
    lane(&fixture, |lane, now| lane.acquire(WorkerId(9), now, Duration::from_secs(90)).unwrap());
    start(&fixture, &view, Epoch(1));
    clock.advance(Duration::from_secs(2));
    cancel(&fixture, &view);
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Retry, "whoever holds it has some time");
    clock.advance(Lane::STOP_GRACE);
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    assert!(matches!(row(&fixture, &view).state, State::Canceled { .. }));
}

#[test]
fn a_lost_ring_for_a_cancel_is_made_up_for_by_the_sweeper_whatever_the_lane_waits_for() {
    let fixture = Fixture::new(5);
    let view = fixture.create(ExportFormat::Csv);
    start(&fixture, &view, Epoch(1));
    lane(&fixture, |lane, now| lane.pause(now, Some(Duration::from_mins(14)), 0));
    fixture.ports.clock.advance(Duration::from_secs(20));
    block_on(sweep(&fixture.sweeping(), Duration::from_secs(30)));
    fixture.ports.wake.lose_all();
    cancel(&fixture, &view);
    fixture.ports.wake.lose_all();
    fixture.ports.clock.advance(Duration::from_secs(301));
    assert_eq!(block_on(sweep(&fixture.sweeping(), Duration::from_secs(30))).lanes, 1);
    assert_eq!(fixture.ports.wake.receive(1).pop().expect("rung").message, message(&view));
}

#[test]
fn a_running_export_ends_within_seconds_of_its_delete_though_its_source_hangs() {
    let (fixture, clock, exporting) = hanging(3);
    let view = fixture.create(ExportFormat::Csv);
    let (message, receipt) = (message(&view), WakeReceipt("r".into()));
    let mut step = pin!(advance_lane(&exporting, &message, &receipt, FOREVER));
    assert_eq!((&mut step).now_or_never(), None);
    clock.advance(Duration::from_secs(7));
    assert_eq!((&mut step).now_or_never(), None);
    let (context, id) = (fixture.ports.context(), view.export.id);
    block_on(delete_export(&context, &*fixture.ports.wake, &fixture.admin, None, id)).unwrap();
    assert_eq!(row(&fixture, &view).stop, Some(Stop::Delete));
    let mut ended = None;
    for _ in 0..10 {
        clock.advance(Duration::from_secs(1));
        ended = ended.or_else(|| (&mut step).now_or_never());
    }
    assert_eq!(ended, Some(Verdict::Done));
    let export = row(&fixture, &view);
    assert!(export.deleted && matches!(export.state, State::Canceled { .. }));
    assert_eq!(export.storage, StorageHold::Released);
}

#[test]
fn a_read_that_hangs_costs_no_more_than_the_budget_and_nothing_of_what_is_done() {
    let (fixture, clock, exporting) = hanging(3);
    let view = fixture.create(ExportFormat::Ndjson);
    let (message, receipt) = (message(&view), WakeReceipt("r".into()));
    let mut step = pin!(advance_lane(&exporting, &message, &receipt, Duration::from_secs(50)));
    for _ in 0..49 {
        assert_eq!((&mut step).now_or_never(), None);
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!((&mut step).now_or_never(), None);
    clock.advance(Duration::from_secs(1));
    assert_eq!((&mut step).now_or_never(), Some(Verdict::Retry));
    let export = row(&fixture, &view);
    assert!(export.checkpoint.is_some() && export.attempts == 0, "{export:?}");
    assert!(export.progress.records > 0);
    assert!(block_on(fixture.ports.rows().lane(&fixture.admin.org)).unwrap().unwrap().value.lease.is_none());
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    assert_eq!(fixture.read(&view).export.progress.records, 200);
}
