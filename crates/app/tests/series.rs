//! Series of exports: a year of them, with ticks that come late, twice or not at all; one pending at any time, each instant once.

#![expect(clippy::unwrap_used, reason = "a broken fixture fails the test")]

mod overtaken;
mod unanswered;

use futures::executor::block_on;
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{
    Admitting, Context, CreateExport, Error, ExportView, RecurringRequest, RetryExport, admit_exports, cancel_export,
    create_export, delete_export, read_export, replace_export, retry_export,
};
use waybill_domain::{
    DataRequest, DeliveryPlan, ExportFormat, ExportId, Principal, PropertyKind, Role, SkippedReason, State, Surface,
    Timestamp,
};
use waybill_ports::{Clock, Entropy, Transaction};
use waybill_schedule::{Recurrence, Rule, Schedule, Zone, instants_after};
use waybill_testkit::{MemoryPorts, MemoryWakeQueue, samples};

const FOREVER: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

struct Fixture {
    ports: MemoryPorts,
    member: Principal,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Fixture {
    fn new(now: &str) -> Self {
        let ports = MemoryPorts::new(9);
        let org = samples::org("demo").unwrap();
        let properties = vec![samples::property("name", PropertyKind::String)];
        let collection = samples::collection(&org.code, &"things".parse().unwrap(), properties);
        block_on(ports.insert(&collection)).unwrap();
        block_on(ports.insert(&org)).unwrap();
        block_on(ports.insert(&samples::account("demo", Role::Member).unwrap())).unwrap();
        let fixture = Self { ports, member: samples::principal("demo", Role::Member).unwrap() };
        fixture.wait_until(at(now));
        fixture
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    fn wait_until(&self, at: Timestamp) {
        block_on(self.ports.clock.sleep(at.since(self.now())));
    }

    fn asked(recurring: Option<(&str, Option<&str>)>) -> CreateExport {
        CreateExport {
            label: Some("Nightly".into()),
            data: Some(DataRequest::default()),
            delivery: DeliveryPlan { notify: vec!["ann@example.com".parse().unwrap()], ..DeliveryPlan::default() },
            recurring: recurring
                .map(|(rule, start)| RecurringRequest { instruction: rule.into(), start: start.map(at) }),
            ..CreateExport::new(Surface::Rebilly, "things".parse().unwrap(), ExportFormat::Csv)
        }
    }

    fn create_in(&self, context: &Context, rule: &str, start: Option<&str>) -> Result<ExportView, Error> {
        block_on(create_export(context, &*self.ports.wake, &self.member, &Self::asked(Some((rule, start)))))
    }

    fn create(&self, rule: &str, start: Option<&str>) -> ExportView {
        self.create_in(&self.ports.context(), rule, start).unwrap()
    }

    fn replace(&self, id: ExportId, recurring: Option<(&str, Option<&str>)>) -> Result<ExportView, Error> {
        let command = Self::asked(recurring);
        block_on(replace_export(&self.ports.context(), &*self.ports.wake, &self.member, id, &command))
    }

    fn delete(&self, id: ExportId) -> Result<(), Error> {
        block_on(delete_export(&self.ports.context(), &*self.ports.wake, &self.member, None, id))
    }

    fn tick_in(&self, context: Context) {
        let wake = Arc::<MemoryWakeQueue>::clone(&self.ports.wake);
        assert_eq!(block_on(admit_exports(&Admitting { context, wake }, FOREVER)).failed, 0);
    }

    fn tick(&self) {
        self.tick_in(self.ports.context());
    }

    fn all(&self) -> Vec<ExportView> {
        let (exports, more) = block_on(self.ports.rows().exports(&self.member.org, None, false, 5000)).unwrap();
        assert!(!more);
        let seen = exports.into_iter().filter(|export| !export.value.deleted);
        seen.map(|export| self.read(export.value.id)).collect()
    }

    fn read(&self, id: ExportId) -> ExportView {
        block_on(read_export(&self.ports.context(), &self.member, None, id)).unwrap()
    }

    /// The instants of those that entered their lane, and of those that wait.
    fn instants(&self) -> (Vec<Timestamp>, Vec<Timestamp>) {
        let (mut entered, mut waiting) = (Vec::new(), Vec::new());
        for view in self.all() {
            if let State::Scheduled { at } = view.export.state {
                assert_eq!((view.spec.scheduled_at, view.export.scheduled_at), (Some(at), Some(at)));
                waiting.push(at);
            } else {
                assert_eq!(view.spec.scheduled_at, view.export.scheduled_at);
                entered.extend(view.spec.scheduled_at);
            }
        }
        (entered, waiting)
    }

    fn pending(&self) -> ExportView {
        let waiting = self.all().into_iter().filter(|view| matches!(view.export.state, State::Scheduled { .. }));
        let mut waiting: Vec<ExportView> = waiting.collect();
        assert_eq!(waiting.len(), 1, "one is pending");
        assert_eq!((waiting[0].export.notified, waiting[0].spec.delivery.notify.len()), (1, 1));
        waiting.remove(0)
    }

    fn lock(&self, locked: bool) {
        block_on(async {
            let account = self.ports.rows().account(&self.member.org, self.member.account).await.unwrap().unwrap();
            let changed = waybill_domain::Account { locked, ..account.value };
            let mut transaction = Transaction::new(self.ports.entropy.commit_id());
            transaction.update(account.version, &changed).unwrap();
            transaction.commit(&*self.ports.state).await.unwrap();
        });
    }
}

/// A number below `bound` that looks like chance.
fn chance(seed: &mut u64, bound: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % bound
}

#[test]
fn a_year_of_a_series_has_one_export_of_each_instant_and_always_one_pending() {
    let (start, end) = ("2027-12-30T22:30:00Z", at("2029-01-02T00:00:00Z"));
    for (number, rule) in [
        "FREQ=DAILY;BYHOUR=2;BYMINUTE=15",
        "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR",
        "FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=6",
        "FREQ=MONTHLY;BYDAY=2TU;BYHOUR=0,12",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    ]
    .into_iter()
    .enumerate()
    {
        let (fixture, mut seed) = (Fixture::new("2027-12-30T22:00:00Z"), u64::try_from(number).unwrap());
        fixture.create(rule, Some(start));
        while fixture.now() < end {
            // Where nothing is due, ticks find nothing.
            let State::Scheduled { at } = fixture.pending().export.state else { break };
            fixture.wait_until(at.before(Duration::from_mins(30)));
            let minutes = 1 + chance(&mut seed, 59);
            fixture.wait_until(fixture.now().after(Duration::from_mins(minutes)));
            for _ in 0..chance(&mut seed, 3) + u64::from(minutes > 30) {
                fixture.tick();
            }
        }
        fixture.tick();
        let series = Recurrence::new(rule.parse::<Rule>().unwrap(), start.parse().unwrap());
        let (schedule, utc) = (Schedule::from(series), "UTC".parse::<Zone>().unwrap());
        let before: jiff::Timestamp = "2027-12-30T22:29:59Z".parse().unwrap();
        let expected: Vec<Timestamp> = instants_after(&schedule, before, &utc)
            .map(|at| Timestamp::from_millis(at.as_millisecond()))
            .take_while(|at| *at <= fixture.now())
            .collect();
        let (entered, waiting) = fixture.instants();
        assert!(!expected.is_empty() && entered.len() > expected.len() * 9 / 10, "{rule}");
        assert!(entered.iter().all(|at| expected.contains(at)), "{rule}: {entered:?}");
        let skipped = fixture.pending().spec.series.unwrap().skipped;
        let mut distinct = entered.clone();
        distinct.dedup();
        assert_eq!(entered, distinct, "{rule}: each instant once, in order");
        for at in expected.iter().filter(|at| !entered.contains(at)) {
            let told = skipped.iter().any(|skipped| skipped.at <= *at && *at <= skipped.through);
            assert!(told || skipped.len() == 20, "{rule}: {at} is missing");
        }
        assert_eq!(waiting.len(), 1);
        assert!(waiting[0] > fixture.now());
    }
}

#[test]
fn with_a_tick_every_minute_no_instant_of_a_year_is_missed() {
    let fixture = Fixture::new("2027-01-01T00:00:00Z");
    fixture.create("FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=23;BYMINUTE=59", None);
    // Only around the instants, so that the year is short.
    let ends = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let instants: Vec<Timestamp> =
        (1..).zip(ends).map(|(month, day)| at(&format!("2027-{month:02}-{day}T23:59:00Z"))).collect();
    for instant in &instants {
        for second in [0, 59, 60, 61, 120] {
            fixture.wait_until(instant.before(Duration::from_mins(1)).after(Duration::from_secs(second)));
            fixture.tick();
        }
    }
    assert_eq!(fixture.instants(), (instants, vec![at("2028-01-31T23:59:00Z")]));
    assert_eq!(fixture.pending().spec.series.unwrap().skipped, []);
}

#[test]
fn the_first_is_the_rules_first_instant_from_the_start_on_which_may_be_now() {
    let fixture = Fixture::new("2027-03-01T08:00:00.250Z");
    let made = fixture.create("FREQ=DAILY", None);
    assert!(matches!(made.export.state, State::Queued { .. }), "{:?}", made.export.state);
    let series = made.spec.series.unwrap();
    assert_eq!((series.start, made.spec.scheduled_at), (at("2027-03-01T08:00:00Z"), Some(at("2027-03-01T08:00:00Z"))));
    let next = fixture.pending();
    assert_eq!(next.spec.scheduled_at, Some(at("2027-03-02T08:00:00Z")));
    assert_ne!(next.export.id, made.export.id);
    assert_eq!((&next.export.label, next.export.creator), (&made.export.label, made.export.creator));
    assert_eq!(fixture.ports.wake.len(), 1);

    let fixture = Fixture::new("2027-03-01T08:00:00Z");
    let later = fixture.create("FREQ=DAILY;BYHOUR=9", Some("2027-03-05T09:00:00Z"));
    assert_eq!(later.export.state, State::Scheduled { at: at("2027-03-05T09:00:00Z") }, "the start itself");
    let past = fixture.create("FREQ=DAILY", Some("2020-01-01T07:30:00Z"));
    assert!(past.export.ticket().is_some(), "half an hour late is in time");
    let past = fixture.create("FREQ=DAILY", Some("2020-01-01T06:30:00Z"));
    assert_eq!(past.export.state, State::Scheduled { at: at("2027-03-02T06:30:00Z") }, "nothing is made up for");
}

#[test]
fn a_series_ends_with_its_count_or_its_last_day() {
    for rule in ["FREQ=DAILY;COUNT=3", "FREQ=DAILY;UNTIL=20270303T080000Z"] {
        let fixture = Fixture::new("2027-03-01T08:00:00Z");
        fixture.create(rule, None);
        for _ in 0..5 {
            fixture.wait_until(fixture.now().after(DAY));
            fixture.tick();
        }
        let days = ["2027-03-01T08:00:00Z", "2027-03-02T08:00:00Z", "2027-03-03T08:00:00Z"].map(at).to_vec();
        assert_eq!(fixture.instants(), (days, vec![]), "{rule}");
    }
    // Its last one is let in however late, since nothing comes after it.
    let fixture = Fixture::new("2027-03-01T08:00:00Z");
    fixture.create("FREQ=DAILY;COUNT=2", None);
    fixture.wait_until(fixture.now().after(DAY * 9));
    fixture.tick();
    assert_eq!(fixture.instants().0.len(), 2);
    // Those that were to follow that one are on record.
    let fixture = Fixture::new("2027-03-01T08:00:00Z");
    fixture.create("FREQ=DAILY;COUNT=4", None);
    let second = fixture.pending().export.id;
    fixture.wait_until(fixture.now().after(DAY * 9));
    fixture.tick();
    assert_eq!((fixture.instants().0.len(), fixture.instants().1.len()), (2, 0));
    let skipped = fixture.read(second).spec.series.unwrap().skipped;
    assert_eq!((skipped.len(), skipped[0].at, skipped[0].reason), (1, at("2027-03-03T08:00:00Z"), SkippedReason::Late));
}

#[test]
fn of_what_nobody_looked_at_the_latest_in_time_is_made_and_the_rest_on_record() {
    let fixture = Fixture::new("2027-03-01T08:00:00Z");
    fixture.create("FREQ=MINUTELY;INTERVAL=20", None);
    fixture.wait_until(at("2027-03-01T13:10:00Z"));
    fixture.tick();
    let (entered, waiting) = fixture.instants();
    assert_eq!(entered, [at("2027-03-01T08:00:00Z"), at("2027-03-01T13:00:00Z")]);
    assert_eq!(waiting, [at("2027-03-01T13:20:00Z")]);
    let skipped = fixture.pending().spec.series.unwrap().skipped;
    let reasons: Vec<_> = skipped.iter().map(|skipped| (skipped.at, skipped.reason)).collect();
    let expected =
        [(at("2027-03-01T08:20:00Z"), SkippedReason::Late), (at("2027-03-01T12:20:00Z"), SkippedReason::Superseded)];
    assert_eq!(reasons, expected);

    // One that is more than an hour late waits for the next instant, under the same id.
    let fixture = Fixture::new("2027-03-01T08:00:00Z");
    let id = fixture.create("FREQ=DAILY;BYHOUR=9", None).export.id;
    fixture.wait_until(at("2027-03-03T10:00:00.001Z"));
    fixture.tick();
    assert_eq!(fixture.instants(), (vec![], vec![at("2027-03-04T09:00:00Z")]));
    assert_eq!(fixture.pending().export.id, id);
}

#[test]
fn changing_the_pending_one_changes_the_series_and_nothing_is_made_up_for() {
    let fixture = Fixture::new("2027-03-01T08:00:00Z");
    fixture.create("FREQ=DAILY", None);
    let pending = fixture.pending().export.id;
    fixture.wait_until(at("2027-03-01T12:00:00Z"));
    let changed = fixture.replace(pending, Some(("FREQ=WEEKLY;BYDAY=MO,TH", None))).unwrap();
    assert_eq!(changed.export.state, State::Scheduled { at: at("2027-03-04T08:00:00Z") });
    assert_eq!(changed.spec.series.unwrap().start, at("2027-03-01T08:00:00Z"), "the series begins where it began");
    let same = fixture.replace(pending, Some(("FREQ=WEEKLY;BYDAY=MO,TH", Some("2027-03-01T08:00:00Z")))).unwrap();
    assert_eq!(same.export.state, State::Scheduled { at: at("2027-03-04T08:00:00Z") }, "sent back, it stays");
    fixture.wait_until(at("2027-03-02T08:00:00Z"));
    fixture.tick();
    assert_eq!(fixture.instants().0.len(), 1, "nothing of the old rule is due");
    let moved = fixture.replace(pending, Some(("FREQ=DAILY", Some("2027-03-01T06:00:00Z")))).unwrap();
    assert_eq!(moved.export.state, State::Scheduled { at: at("2027-03-03T06:00:00Z") });
    match fixture.replace(pending, Some(("FREQ=DAILY;COUNT=2", None))) {
        Err(Error::Invalid(errors)) => assert_eq!(errors[0].field, "recurring.instruction"),
        other => panic!("{other:?}"),
    }
    // Without a rule it is made once.
    let once = fixture.replace(pending, None).unwrap();
    assert!(once.export.ticket().is_some() && once.spec.series.is_none());
    fixture.wait_until(at("2027-04-01T00:00:00Z"));
    fixture.tick();
    assert_eq!(fixture.all().len(), 2);
    let entered = fixture.all()[0].export.id;
    assert!(matches!(fixture.replace(entered, None), Err(Error::Conflict { .. })));
}

#[test]
fn deleting_or_canceling_the_pending_one_ends_the_series_and_deleting_another_does_not() {
    for cancel in [false, true] {
        let fixture = Fixture::new("2027-03-01T08:00:00Z");
        let first = fixture.create("FREQ=DAILY", None).export.id;
        let (context, wake) = (fixture.ports.context(), &*fixture.ports.wake);
        fixture.wait_until(fixture.now().after(DAY));
        fixture.tick();
        block_on(delete_export(&context, wake, &fixture.member, None, first)).unwrap();
        let pending = fixture.pending().export.id;
        if cancel {
            block_on(cancel_export(&context, wake, &fixture.member, None, pending)).unwrap();
        } else {
            block_on(delete_export(&context, wake, &fixture.member, None, pending)).unwrap();
        }
        let before = fixture.all().len();
        fixture.wait_until(fixture.now().after(DAY * 2));
        fixture.tick();
        assert_eq!((before, fixture.all().len()), (1 + usize::from(cancel), 1 + usize::from(cancel)));
    }
}

#[test]
fn whoever_deletes_what_was_pending_a_moment_ago_is_told_that_the_series_goes_on() {
    let fixture = Fixture::new("2027-03-01T08:00:00Z");
    let seen = fixture.create("FREQ=DAILY", Some("2027-03-01T09:00:00Z")).export.id;
    fixture.wait_until(at("2027-03-01T09:00:30Z"));
    fixture.tick();
    match fixture.delete(seen) {
        Err(Error::Conflict { reason }) => {
            assert!(reason.contains("its series goes on") && reason.contains("2027-03-01T09:05:30"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert!(fixture.read(seen).export.ticket().is_some(), "nothing happened to it");
    let next = fixture.pending().export.id;
    assert!(fixture.delete(next).is_ok() && fixture.delete(seen).is_ok(), "the series is over: one alone can be meant");
    assert_eq!(fixture.all(), []);

    // Made and let in at once, it is no other case.
    let made = fixture.create("FREQ=MINUTELY", None).export;
    assert!(made.ticket().is_some() && matches!(fixture.delete(made.id), Err(Error::Conflict { .. })));
    // Those that followed are history as well by now, and the series still goes on.
    for _ in 0..3 {
        fixture.wait_until(fixture.now().after(Duration::from_mins(1)));
        fixture.tick();
        assert!(matches!(fixture.delete(made.id), Err(Error::Conflict { .. })));
    }
    // Later whoever deletes it has seen what it is.
    fixture.wait_until(fixture.now().after(Duration::from_mins(2)));
    assert!(fixture.delete(made.id).is_ok());
    let pending = fixture.pending().export.id;
    // Made once from now on, what is pending is of no series.
    let entered = fixture.all().iter().rev().find_map(|view| view.export.ticket().map(|_| view.export.id)).unwrap();
    assert!(matches!(fixture.delete(entered), Err(Error::Conflict { .. })));
    assert!(fixture.replace(pending, None).is_ok() && fixture.delete(entered).is_ok());

    // The last of a series has nothing after it.
    let last = fixture.create("FREQ=DAILY;COUNT=1", None).export;
    assert!(last.ticket().is_some() && fixture.delete(last.id).is_ok());
}

#[test]
fn a_delete_that_is_overtaken_by_the_firing_ends_nothing_and_says_so() {
    let fixture = Fixture::new("2027-03-01T08:00:00Z");
    let seen = fixture.create("FREQ=DAILY", Some("2027-03-01T09:00:00Z")).export.id;
    fixture.wait_until(at("2027-03-01T09:00:30Z"));
    let (context, admitting) = (fixture.ports.context(), fixture.ports.context());
    let admitting = Admitting { context: admitting, wake: Arc::<MemoryWakeQueue>::clone(&fixture.ports.wake) };
    // The tick comes when the delete has read what it is about to delete.
    let context = overtaken::overtaking(context, admitting);
    let deleted = block_on(delete_export(&context, &*fixture.ports.wake, &fixture.member, None, seen));
    assert!(matches!(deleted, Err(Error::Conflict { .. })), "{deleted:?}");
    assert_eq!((fixture.instants().0.len(), fixture.instants().1.len()), (1, 1));
}

#[test]
fn a_delete_whose_reply_is_lost_has_ended_the_series() {
    for lost in 1..4 {
        let fixture = Fixture::new("2027-03-01T08:00:00Z");
        let pending = fixture.create("FREQ=DAILY", Some("2027-03-01T09:00:00Z")).export.id;
        let context = unanswered::losing(fixture.ports.context(), lost);
        block_on(delete_export(&context, &*fixture.ports.wake, &fixture.member, None, pending)).unwrap();
        assert!(matches!(fixture.delete(pending), Err(Error::NotFound { .. })), "asked again, it is gone");
        fixture.wait_until(fixture.now().after(DAY));
        fixture.tick();
        assert_eq!(fixture.all(), []);
    }
}

#[test]
fn changing_what_is_due_and_not_let_in_yet_loses_no_instant() {
    let fixture = Fixture::new("2027-03-01T08:00:00Z");
    fixture.create("FREQ=DAILY", None);
    let pending = fixture.pending().export.id;
    fixture.wait_until(at("2027-03-02T08:00:30Z"));
    let changed = fixture.replace(pending, Some(("FREQ=DAILY", None))).unwrap();
    assert!(changed.export.ticket().is_some(), "it enters with what it is asked now");
    let (entered, waiting) = fixture.instants();
    assert_eq!(entered, [at("2027-03-01T08:00:00Z"), at("2027-03-02T08:00:00Z")]);
    assert_eq!(waiting, [at("2027-03-03T08:00:00Z")]);
    // Of a rule that has no such instant it waits for the next.
    let pending = fixture.pending().export.id;
    fixture.wait_until(at("2027-03-03T08:00:30Z"));
    fixture.replace(pending, Some(("FREQ=DAILY;BYHOUR=9", None))).unwrap();
    assert_eq!(fixture.instants().1, [at("2027-03-03T09:00:00Z")]);
}

#[test]
fn a_change_whose_reply_is_lost_is_not_refused_for_what_it_did_itself() {
    for (lost, rule) in [(1, None), (2, None), (1, Some(("FREQ=HOURLY", None)))] {
        let fixture = Fixture::new("2027-03-01T08:00:00Z");
        fixture.create("FREQ=DAILY", None);
        let pending = fixture.pending().export.id;
        let context = unanswered::losing(fixture.ports.context(), lost);
        let command = Fixture::asked(rule);
        let changed = block_on(replace_export(&context, &*fixture.ports.wake, &fixture.member, pending, &command));
        let changed = changed.unwrap();
        assert_eq!(
            (changed.export.ticket().is_some(), changed.spec.series.is_none()),
            (rule.is_none(), rule.is_none())
        );
    }
}

#[test]
fn an_export_made_once_more_is_of_no_series() {
    let fixture = Fixture::new("2027-03-01T08:00:00Z");
    let first = fixture.create("FREQ=DAILY", None).export.id;
    let (context, wake) = (fixture.ports.context(), &*fixture.ports.wake);
    block_on(cancel_export(&context, wake, &fixture.member, None, first)).unwrap();
    let command = RetryExport { surface: Surface::Admin, export: first, idempotency: None };
    let again = block_on(retry_export(&context, wake, &fixture.member, &command)).unwrap();
    assert!(again.spec.series.is_none() && again.export.ticket().is_some());
    assert_eq!(fixture.instants().1.len(), 1);
}

#[test]
fn each_sees_the_collection_and_its_accounts_rights_as_they_are_when_it_enters() {
    let fixture = Fixture::new("2027-03-01T08:00:00Z");
    fixture.create("FREQ=DAILY", None);
    let org = &fixture.member.org;
    let name = "things".parse().unwrap();
    let stored = block_on(fixture.ports.rows().collection(org, &name)).unwrap().unwrap();
    let mut changed = stored.value.clone();
    changed.properties.push(samples::property("colour", PropertyKind::String));
    let mut transaction = Transaction::new(fixture.ports.entropy.commit_id());
    transaction.update(stored.version, &changed).unwrap();
    block_on(transaction.commit(&*fixture.ports.state)).unwrap();
    let pending = fixture.pending().export.id;
    fixture.wait_until(fixture.now().after(DAY));
    fixture.tick();
    let columns = fixture.read(pending).spec.selection.columns;
    assert!(columns.iter().any(|column| column.to_string() == "colour"), "{columns:?}");

    // Without rights it makes nothing, and says so; with them it goes on.
    let pending = fixture.pending().export.id;
    fixture.lock(true);
    fixture.wait_until(fixture.now().after(DAY));
    fixture.tick();
    let waits = fixture.pending();
    assert_eq!((waits.export.id, waits.export.state), (pending, State::Scheduled { at: at("2027-03-04T08:00:00Z") }));
    assert_eq!(waits.spec.series.unwrap().skipped[0].reason, SkippedReason::Locked);
    fixture.lock(false);
    fixture.wait_until(fixture.now().after(DAY));
    fixture.tick();
    assert!(fixture.read(pending).export.ticket().is_some());

    // What cannot be met any more is queued as it was, and fails there in words.
    let stored = block_on(fixture.ports.rows().collection(org, &name)).unwrap().unwrap();
    let mut transaction = Transaction::new(fixture.ports.entropy.commit_id());
    transaction.delete(&stored);
    block_on(transaction.commit(&*fixture.ports.state)).unwrap();
    let pending = fixture.pending().export.id;
    fixture.wait_until(fixture.now().after(DAY));
    fixture.tick();
    assert!(fixture.read(pending).export.ticket().is_some());
    assert_eq!(fixture.instants().1.len(), 1);
}

#[test]
fn whatever_replies_are_lost_each_instant_makes_one_export_and_one_waits() {
    for lost in 0..6 {
        let fixture = Fixture::new("2027-03-01T08:00:00Z");
        let context = unanswered::losing(fixture.ports.context(), lost);
        let made = fixture.create_in(&context, "FREQ=DAILY", None);
        assert!(made.is_ok(), "{lost}: {made:?}");
        fixture.tick();
        fixture.wait_until(fixture.now().after(DAY));
        fixture.tick_in(unanswered::losing(fixture.ports.context(), lost));
        fixture.tick();
        let (entered, waiting) = fixture.instants();
        assert_eq!((entered.len(), waiting.len()), (2, 1), "{lost}");
    }
}

#[test]
fn rules_that_cannot_be_followed_are_refused_by_name() {
    let fixture = Fixture::new("2027-03-01T08:00:00Z");
    for (rule, start, says) in [
        ("FREQ=DAILY;BYEASTER=1", None, "BYEASTER"),
        ("FREQ=OFTEN", None, "FREQ"),
        ("", None, "is empty"),
        ("FREQ=DAILY;", None, "a part is missing"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYSETPOS=2", None, "BYSETPOS"),
        // Counting from a start long ago would cost more with each firing.
        ("FREQ=SECONDLY;INTERVAL=59;BYSECOND=0;COUNT=100000", Some("2027-02-28T08:00:00Z"), "COUNT"),
        ("FREQ=SECONDLY", None, "60 s"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", None, "never due"),
        ("FREQ=DAILY;UNTIL=20270101T000000Z", Some("2026-12-01T00:00:00Z"), "is over"),
        ("FREQ=DAILY;UNTIL=20270101T000000Z", None, "never due"),
    ] {
        match fixture.create_in(&fixture.ports.context(), rule, start) {
            Err(Error::Invalid(errors)) => {
                assert_eq!(errors[0].field, "recurring.instruction", "{rule}");
                assert!(errors[0].message.contains(says), "{rule}: {}", errors[0].message);
            }
            other => panic!("{rule}: {other:?}"),
        }
    }
    assert_eq!(fixture.all(), []);
}
