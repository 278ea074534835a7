//! Steps and sweeps while services refuse, hang or give what cannot be read.

use super::{FOREVER, Fixture};
use async_trait::async_trait;
use futures::executor::block_on;
use futures::future::pending;
use futures::poll;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;
use waybill_app::{
    Context, CreateExport, ExportView, Exporting, IdempotentRequest, Verdict, advance_lane, create_export, sweep,
};
use waybill_domain::{CommitId, ExportFormat, FailureCode, IdempotencyKey, Lane, State, Surface, Timestamp};
use waybill_ports::{
    DueKind, DueRow, PortError, PortErrorKind, Row, RowKey, RowPage, RowRange, StateStore, Table, WakeMessage,
    WakeReceipt, Write, due_shard,
};
use waybill_testkit::{ManualClock, MemoryArchiveStore};

/// What happens to a commit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The service asks for patience.
    Throttle,
    /// There is never an answer.
    Hang,
    /// It takes effect, and nobody is told.
    LoseReply,
}

/// A state store in which some commits meet a fault.
struct Faulty<F> {
    state: Arc<dyn StateStore>,
    fault: F,
}

#[async_trait]
impl<F: Fn(&[Write]) -> Option<Fault> + Send + Sync> StateStore for Faulty<F> {
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, PortError> {
        self.state.get(key).await
    }

    async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, PortError> {
        self.state.get_many(keys).await
    }

    async fn query(&self, range: &RowRange) -> Result<RowPage, PortError> {
        self.state.query(range).await
    }

    async fn commit(&self, commit: CommitId, writes: &[Write]) -> Result<(), PortError> {
        match (self.fault)(writes) {
            None => self.state.commit(commit, writes).await,
            Some(Fault::Throttle) => {
                Err(PortError::new(PortErrorKind::Throttled { retry_after: None }, "committing on purpose"))
            }
            Some(Fault::Hang) => pending().await,
            Some(Fault::LoseReply) => {
                self.state.commit(commit, writes).await?;
                Err(PortError::new(PortErrorKind::Unavailable, "losing a reply on purpose"))
            }
        }
    }

    async fn due(&self, kind: DueKind, shard: u8, until: Timestamp, limit: usize) -> Result<Vec<DueRow>, PortError> {
        self.state.due(kind, shard, until, limit).await
    }
}

pub(super) fn with_faults(
    fixture: &Fixture,
    fault: impl Fn(&[Write]) -> Option<Fault> + Send + Sync + 'static,
) -> Exporting {
    let exporting = fixture.exporting();
    let state = Arc::clone(&exporting.context.state);
    Exporting {
        context: Context { state: Arc::new(Faulty { state, fault }), ..exporting.context.clone() },
        ..exporting
    }
}

fn message(view: &ExportView) -> WakeMessage {
    WakeMessage::ExportV1 { org: view.export.org.clone(), export: view.export.id }
}

fn settles(writes: &[Write]) -> bool {
    writes.iter().any(|write| matches!(write, Write::Delete { key, .. } if key.sk.starts_with("QUEUE#")))
}

fn lane(fixture: &Fixture) -> Lane {
    block_on(fixture.ports.rows().lane(&fixture.admin.org)).unwrap().unwrap().value
}

#[test]
fn a_finished_export_whose_end_cannot_be_written_waits_and_does_not_fail() {
    let fixture = Fixture::new(50);
    let view = fixture.create(ExportFormat::Csv);
    let receipt = WakeReceipt("r".into());
    let throttled = with_faults(&fixture, |writes| settles(writes).then_some(Fault::Throttle));
    for times in 1..10 {
        assert_eq!(block_on(advance_lane(&throttled, &message(&view), &receipt, FOREVER)), Verdict::Retry);
        let (export, lane) = (fixture.read(&view).export, lane(&fixture));
        assert!(matches!(export.state, State::Running { .. }), "{:?}", export.state);
        assert_eq!((export.attempts, lane.throttles), (0, times));
        assert!(lane.lease.is_none() && lane.not_before.is_some());
        fixture.ports.clock.advance(Duration::from_mins(15));
    }
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    assert!(matches!(fixture.read(&view).export.state, State::Ready { .. }));
    let lane = lane(&fixture);
    assert_eq!((lane.throttled_since, lane.throttles), (None, 0), "the next export has the whole patience again");
}

#[test]
fn a_pause_whose_reply_is_lost_counts_once() {
    let fixture = Fixture::new(50);
    let view = fixture.create(ExportFormat::Csv);
    let lost = AtomicU32::new(0);
    let pauses = |write: &Write| matches!(write, Write::Put { row, .. } if row.body.contains("\"throttles\":1"));
    let faulty = with_faults(&fixture, move |writes| {
        if settles(writes) {
            return Some(Fault::Throttle);
        }
        (writes.iter().any(pauses) && lost.fetch_add(1, Ordering::Relaxed) == 0).then_some(Fault::LoseReply)
    });
    let receipt = WakeReceipt("r".into());
    assert_eq!(block_on(advance_lane(&faulty, &message(&view), &receipt, FOREVER)), Verdict::Retry);
    assert_eq!(lane(&fixture).throttles, 1);
}

#[test]
fn a_worker_whose_renewal_is_never_answered_stops_when_its_last_one_is_a_minute_old() {
    let mut fixture = Fixture::new(5);
    let view = fixture.create(ExportFormat::Csv);
    let clock = ManualClock::new(fixture.exporting().context.now());
    fixture.ports.clock = clock.clone();
    let commits = AtomicU32::new(0);
    // The lease is answered; then nothing is, neither to the work nor to the heartbeat.
    let hanging = with_faults(&fixture, move |_| (commits.fetch_add(1, Ordering::Relaxed) > 0).then_some(Fault::Hang));
    let (message, receipt) = (message(&view), WakeReceipt("r".into()));
    block_on(async {
        let mut step = pin!(advance_lane(&hanging, &message, &receipt, FOREVER));
        for _ in 0..59 {
            assert_eq!(poll!(&mut step), Poll::Pending);
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(poll!(&mut step), Poll::Pending);
        clock.advance(Duration::from_secs(1));
        assert_eq!(poll!(&mut step), Poll::Ready(Verdict::Retry));
    });
}

#[test]
fn a_failed_export_leaves_no_upload_open() {
    let mut fixture = Fixture::new(200);
    // Parts of 256 bytes are fewer than this store takes.
    fixture.ports.archives = Arc::new(MemoryArchiveStore::new());
    let view = fixture.create(ExportFormat::Ndjson);
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    let State::Failed { failure, .. } = fixture.read(&view).export.state else { panic!("did not fail") };
    assert_eq!(failure.code, FailureCode::Internal);
    assert_eq!(fixture.ports.archives.open_uploads(), 0);
}

/// A row in the index of what is due that no sweep can read.
fn unreadable(fixture: &Fixture, kind: DueKind, number: usize) -> Row {
    let org = &fixture.admin.org;
    Row {
        key: RowKey { table: Table::Main, pk: format!("ORG#{org}"), sk: format!("ODD#{number}") },
        version: CommitId(1),
        body: "odd".to_owned(),
        due: Some((kind, due_shard(org), Timestamp::from_millis(0))),
        drop_after: None,
    }
}

#[test]
fn rows_that_fail_at_every_tick_hide_nothing_behind_them() {
    let fixture = Fixture::new(5);
    fixture.create(ExportFormat::Csv);
    fixture.ports.wake.lose_all();
    for number in 0..250 {
        fixture.ports.state.overwrite(unreadable(&fixture, DueKind::Lane, number));
    }
    fixture.ports.clock.advance(Duration::from_secs(61));
    let swept = block_on(sweep(&fixture.sweeping(), Duration::from_secs(30)));
    assert_eq!((swept.lanes, swept.failed), (1, 250));
    assert_eq!(fixture.ports.wake.len(), 1, "the lane is rung again");
}

#[test]
fn a_dead_letter_that_fails_keeps_no_other_from_being_dealt_with() {
    let fixture = Fixture::new(5);
    let (odd, good) = (fixture.create(ExportFormat::Csv), fixture.create(ExportFormat::Csv));
    fixture.ports.wake.lose_all();
    let rows = fixture.ports.state.rows(Table::Main);
    let row = rows.into_iter().find(|row| row.key.sk == format!("EXPORT#{:020}", odd.export.seq.0)).unwrap();
    fixture.ports.state.overwrite(Row { body: "odd".to_owned(), ..row });
    for view in [&odd, &good] {
        fixture.ports.wake.add_dead_letter(serde_json::to_string(&message(view)).unwrap());
    }
    let swept = block_on(sweep(&fixture.sweeping(), Duration::from_secs(30)));
    assert_eq!((swept.dead_letters, swept.failed), (1, 1));
    let rung = fixture.ports.wake.receive(1).pop().expect("rung for");
    assert_eq!(rung.message, message(&good));
}

#[test]
fn a_create_that_is_repeated_gives_what_it_made_though_its_collection_is_gone() {
    let fixture = Fixture::new(5);
    let context = fixture.ports.context();
    let command = CreateExport {
        idempotency: Some(IdempotentRequest {
            key: IdempotencyKey::parse("once").unwrap(),
            operation: "test:create-export",
            body_digest: "a".to_owned(),
        }),
        ..CreateExport::new(Surface::Admin, "things".parse().unwrap(), ExportFormat::Csv)
    };
    let create = || block_on(create_export(&context, &*fixture.ports.wake, &fixture.admin, &command));
    let made = create().unwrap();
    let collection = block_on(context.rows().collection(&fixture.admin.org, &command.collection)).unwrap().unwrap();
    let mut transaction = context.transaction();
    transaction.delete(&collection);
    block_on(transaction.commit(&*context.state)).unwrap();
    assert_eq!(create().unwrap(), made);
}
