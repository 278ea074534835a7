//! Exports that wait for their time, and exports made once more: entered once, in order, whatever ticks and replies do.

#![expect(clippy::unwrap_used, reason = "a broken fixture fails the test")]

mod unanswered;

use futures::executor::block_on;
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{
    Admitted, Admitting, Context, CreateExport, Error, ExportView, IdempotentRequest, RetryExport, admit_exports,
    cancel_export, create_export, delete_export, lane_places, read_export, retry_export,
};
use waybill_domain::{
    Epoch, Export, ExportFormat, ExportId, Failure, FailureCode, IdempotencyKey, Level, Principal, PropertyKind, Role,
    State, Surface, Ticket, Timestamp,
};
use waybill_ports::{Clock, DueKind, Expect, Row, RowKey, Stored, Table, Transaction, Write, due_shard};
use waybill_testkit::{MemoryPorts, MemoryWakeQueue, samples};

const FOREVER: Duration = Duration::from_hours(1);

struct Fixture {
    ports: MemoryPorts,
    member: Principal,
    admin: Principal,
}

impl Fixture {
    fn new() -> Self {
        let ports = MemoryPorts::new(3);
        let (member, admin) = (Role::Member, Role::Admin);
        let (member, admin) = (samples::principal("demo", member).unwrap(), samples::principal("demo", admin).unwrap());
        let properties = vec![samples::property("name", PropertyKind::String)];
        let collection = samples::collection(&admin.org, &"things".parse().unwrap(), properties);
        block_on(ports.insert(&collection)).unwrap();
        Self { ports, member, admin }
    }

    /// The instant `secs` from now.
    fn after(&self, secs: u64) -> Timestamp {
        self.ports.context().now().after(Duration::from_secs(secs))
    }

    fn wait(&self, secs: u64) {
        block_on(self.ports.clock.sleep(Duration::from_secs(secs)));
    }

    fn create_in(&self, context: &Context, scheduled_at: Option<Timestamp>) -> ExportView {
        let command = CreateExport {
            label: Some("Nightly".into()),
            level: Level::Small,
            paths: vec!["name".parse().unwrap()],
            raw_cells: true,
            scheduled_at,
            ..CreateExport::new(Surface::Admin, "things".parse().unwrap(), ExportFormat::Csv)
        };
        block_on(create_export(context, &*self.ports.wake, &self.member, &command)).unwrap()
    }

    fn create(&self, scheduled_at: Option<Timestamp>) -> Export {
        self.create_in(&self.ports.context(), scheduled_at).export
    }

    fn tick_in(&self, context: Context) -> Admitted {
        let wake = Arc::<MemoryWakeQueue>::clone(&self.ports.wake);
        block_on(admit_exports(&Admitting { context, wake }, FOREVER))
    }

    fn tick(&self) -> usize {
        let admitted = self.tick_in(self.ports.context());
        assert_eq!(admitted.failed, 0);
        admitted.exports
    }

    fn read(&self, id: ExportId) -> ExportView {
        block_on(read_export(&self.ports.context(), &self.admin, None, id)).unwrap()
    }

    fn queue(&self) -> Vec<ExportId> {
        let (entries, _) = block_on(self.ports.rows().queue(&self.admin.org, 100)).unwrap();
        entries.into_iter().map(|entry| entry.value.export).collect()
    }

    fn due(&self) -> usize {
        let context = self.ports.context();
        let (shard, until) = (due_shard(&self.admin.org), self.after(1_000_000));
        block_on(context.state.due(DueKind::Admit, shard, until, 100)).unwrap().len()
    }

    fn change(&self, id: ExportId, transition: impl Fn(Export) -> Export) {
        let (context, org) = (self.ports.context(), &self.admin.org);
        block_on(async {
            let seq = context.rows().export_pointer(org, id).await.unwrap().unwrap().value.seq;
            let stored: Stored<Export> = context.rows().export(org, seq).await.unwrap().unwrap();
            let mut transaction: Transaction = context.transaction();
            if let Some(ticket) = stored.value.ticket() {
                transaction.delete(&context.rows().queue_entry(org, ticket).await.unwrap().unwrap());
            }
            transaction.update(stored.version, &transition(stored.value)).unwrap();
            transaction.commit(&*context.state).await.unwrap();
        });
    }

    /// Makes a waiting export fail.
    fn fail(&self, id: ExportId) {
        let now = self.ports.context().now();
        let failure = Failure::new(FailureCode::Internal, "as asked");
        self.change(id, |export| export.start(Epoch(1), now).unwrap().failed(Epoch(1), failure.clone(), now).unwrap());
    }

    fn retry_as(&self, principal: &Principal, id: ExportId, key: Option<&str>) -> Result<ExportView, Error> {
        let idempotency = key.map(|key| IdempotentRequest {
            key: IdempotencyKey::parse(key).unwrap(),
            operation: "test:retry-export",
            body_digest: String::new(),
        });
        let command = RetryExport { surface: Surface::Admin, export: id, idempotency };
        block_on(retry_export(&self.ports.context(), &*self.ports.wake, principal, &command))
    }
}

#[test]
fn a_scheduled_export_waits_outside_the_lane_and_is_not_rung_for() {
    let fixture = Fixture::new();
    let at = fixture.after(60);
    let export = fixture.create(Some(at));
    assert_eq!(export.state, State::Scheduled { at });
    assert_eq!(export.expires_at, Export::expiry(at));
    assert_eq!((fixture.queue().len(), fixture.ports.wake.len(), fixture.due()), (0, 0, 1));
    let sequence = block_on(fixture.ports.rows().sequence(&fixture.admin.org)).unwrap().unwrap();
    assert_eq!(sequence.value.due_at, None, "there is nothing in the lane to look at");
    assert_eq!(fixture.tick(), 0);
    assert_eq!(fixture.read(export.id).spec.scheduled_at, Some(at));
}

#[test]
fn a_time_that_is_past_or_now_is_at_once() {
    let fixture = Fixture::new();
    let now = fixture.after(0);
    for at in [now, now.before(Duration::from_secs(5))] {
        let export = fixture.create(Some(at));
        assert!(matches!(export.state, State::Queued { .. }));
    }
    assert_eq!((fixture.queue().len(), fixture.ports.wake.len(), fixture.due()), (2, 2, 0));
}

#[test]
fn a_due_export_enters_behind_those_that_are_there_and_is_rung_for_once() {
    let fixture = Fixture::new();
    let scheduled = fixture.create(Some(fixture.after(60)));
    let meanwhile = fixture.create(None);
    fixture.wait(60);
    assert_eq!(fixture.tick(), 1);
    assert_eq!(fixture.queue(), [meanwhile.id, scheduled.id]);
    assert!(matches!(fixture.read(scheduled.id).export.state, State::Queued { ticket: Ticket(3) }));
    assert_eq!((fixture.ports.wake.len(), fixture.due()), (2, 0));
    assert_eq!((fixture.tick(), fixture.tick(), fixture.queue().len()), (0, 0, 2));
    assert_eq!(fixture.create(None).seq.0, 4, "the ticket took a number of the same counter");
}

#[test]
fn a_late_tick_lets_all_in_in_the_order_of_their_times() {
    let fixture = Fixture::new();
    let later = fixture.create(Some(fixture.after(50)));
    let ids: Vec<_> = (0..120).map(|_| fixture.create(Some(fixture.after(40))).id).collect();
    let first = fixture.create(Some(fixture.after(30)));
    let not_yet = fixture.create(Some(fixture.after(4000)));
    fixture.wait(3600);
    assert_eq!(fixture.tick(), 122);
    let (entries, _) = block_on(fixture.ports.rows().queue(&fixture.admin.org, 200)).unwrap();
    let order: Vec<_> = entries.into_iter().map(|entry| entry.value.export).collect();
    assert_eq!((order.first(), order.last()), (Some(&first.id), Some(&later.id)));
    assert_eq!(order[1..121], ids);
    assert!(!fixture.read(not_yet.id).export.is_terminal());
}

#[test]
fn two_ticks_at_once_admit_once() {
    let fixture = Fixture::new();
    for _ in 0..5 {
        fixture.create(Some(fixture.after(10)));
    }
    fixture.wait(10);
    let wake = Arc::<MemoryWakeQueue>::clone(&fixture.ports.wake);
    let admitting = Admitting { context: fixture.ports.context(), wake };
    let both = futures::future::join(admit_exports(&admitting, FOREVER), admit_exports(&admitting, FOREVER));
    let (first, second) = block_on(both);
    assert_eq!((first.exports + second.exports, first.failed + second.failed), (5, 0));
    assert_eq!(fixture.queue().len(), 5);
}

#[test]
fn an_admission_whose_reply_is_lost_happened_once_and_is_rung_for() {
    let fixture = Fixture::new();
    let export = fixture.create(Some(fixture.after(10)));
    fixture.wait(10);
    let admitted = fixture.tick_in(unanswered::losing(fixture.ports.context(), 1));
    assert_eq!(admitted.failed, 0);
    assert_eq!((fixture.queue(), fixture.ports.wake.len()), (vec![export.id], 1));
}

#[test]
fn rows_that_cannot_be_read_hide_nothing_behind_them() {
    let fixture = Fixture::new();
    let context = fixture.ports.context();
    for n in 0..150 {
        let key = RowKey { table: Table::Main, pk: "ORG#demo".into(), sk: format!("EXPORT#{:020}", 900 + n) };
        let due = Some((DueKind::Admit, due_shard(&fixture.admin.org), fixture.after(1)));
        let commit = context.entropy.commit_id();
        let row = Row { key, version: commit, body: "{}".into(), due, drop_after: None };
        block_on(context.state.commit(commit, &[Write::Put { row, expect: Expect::Absent }])).unwrap();
    }
    let export = fixture.create(Some(fixture.after(5)));
    fixture.wait(5);
    assert_eq!(fixture.tick_in(context), Admitted { exports: 1, failed: 150 });
    assert_eq!(fixture.queue(), [export.id]);
}

#[test]
fn a_creation_whose_reply_is_lost_is_scheduled_once() {
    let fixture = Fixture::new();
    let context = unanswered::losing(fixture.ports.context(), 1);
    let view = fixture.create_in(&context, Some(fixture.after(10)));
    assert_eq!((fixture.due(), fixture.ports.wake.len()), (1, 0));
    assert_eq!(fixture.read(view.export.id), view);
}

#[test]
fn what_was_canceled_or_deleted_before_its_time_never_enters() {
    let fixture = Fixture::new();
    let at = fixture.after(10);
    let (canceled, deleted) = (fixture.create(Some(at)), fixture.create(Some(at)));
    let context = fixture.ports.context();
    let view = block_on(cancel_export(&context, &*fixture.ports.wake, &fixture.member, None, canceled.id)).unwrap();
    assert!(matches!(view.export.state, State::Canceled { .. }));
    block_on(delete_export(&context, &*fixture.ports.wake, &fixture.member, None, deleted.id)).unwrap();
    assert_eq!(fixture.due(), 0);
    fixture.wait(10);
    assert_eq!((fixture.tick(), fixture.queue().len()), (0, 0));
}

#[test]
fn a_retry_is_a_new_export_with_the_frozen_request() {
    let fixture = Fixture::new();
    let (failed, canceled) = (fixture.create(None), fixture.create(Some(fixture.after(60))));
    fixture.fail(failed.id);
    block_on(cancel_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.member, None, canceled.id))
        .unwrap();
    for first in [failed.id, canceled.id] {
        let before = fixture.read(first);
        let again = fixture.retry_as(&fixture.admin, first, None).unwrap();
        assert_eq!((again.export.retry_of, again.export.creator), (Some(first), fixture.admin.account));
        assert!(matches!(again.export.state, State::Queued { .. }));
        assert_eq!(again.export.label, before.export.label);
        let expected = waybill_domain::ExportSpec { seq: again.export.seq, scheduled_at: None, ..before.spec.clone() };
        assert_eq!(again.spec, expected);
        assert_eq!(fixture.read(first), before, "a terminal state is final");
    }
    assert_eq!(fixture.queue().len(), 2);
}

#[test]
fn a_retry_with_one_idempotency_key_makes_one_export_of_one() {
    let fixture = Fixture::new();
    let (first, other) = (fixture.create(None), fixture.create(None));
    fixture.fail(first.id);
    fixture.fail(other.id);
    let made = fixture.retry_as(&fixture.member, first.id, Some("k")).unwrap();
    let again = fixture.retry_as(&fixture.member, first.id, Some("k")).unwrap();
    assert_eq!(made, again);
    let mismatch = fixture.retry_as(&fixture.member, other.id, Some("k"));
    assert!(matches!(mismatch, Err(Error::IdempotencyMismatch)));
    assert_eq!(fixture.queue(), [made.export.id]);
    block_on(delete_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.member, None, first.id)).unwrap();
    let later = fixture.retry_as(&fixture.member, first.id, Some("k")).unwrap();
    assert_eq!(later, made, "a repetition is answered whatever became of the first");
}

#[test]
fn only_what_ended_in_failure_is_retried_and_only_by_administrators_and_the_owner() {
    let fixture = Fixture::new();
    let waiting = fixture.create(None);
    let conflict = fixture.retry_as(&fixture.member, waiting.id, None);
    assert!(matches!(conflict, Err(Error::Conflict { .. })));
    let scheduled = fixture.create(Some(fixture.after(60)));
    assert!(matches!(fixture.retry_as(&fixture.member, scheduled.id, None), Err(Error::Conflict { .. })));
    fixture.fail(waiting.id);
    let other = Principal { account: fixture.admin.account, ..fixture.member.clone() };
    assert!(matches!(fixture.retry_as(&other, waiting.id, None), Err(Error::Forbidden { .. })));
    let elsewhere = samples::principal("acme", Role::Admin).unwrap();
    assert!(matches!(fixture.retry_as(&elsewhere, waiting.id, None), Err(Error::NotFound { .. })));
    block_on(delete_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.member, None, waiting.id)).unwrap();
    assert!(matches!(fixture.retry_as(&fixture.member, waiting.id, None), Err(Error::NotFound { .. })));
    assert!(fixture.queue().is_empty());
}

#[test]
fn places_in_the_lane_are_counted_from_its_head() {
    let fixture = Fixture::new();
    let tickets: Vec<Ticket> = (0..3).map(|_| fixture.create(None).ticket().unwrap()).collect();
    let context = fixture.ports.context();
    let asked = [tickets[2], tickets[0], Ticket(99)];
    let places = block_on(lane_places(&context, &fixture.admin.org, &asked)).unwrap();
    assert_eq!(places.into_iter().collect::<Vec<_>>(), [(tickets[0], 1), (tickets[2], 3)]);
}
