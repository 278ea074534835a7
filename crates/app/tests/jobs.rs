//! Two years of ten thousand schedules, with ticks that come late, twice or not at all: each slot has one outcome, the right one.

#![expect(clippy::unwrap_used, reason = "a broken fixture fails the test")]

use futures::executor::block_on;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{
    Admitting, CreateExport, DestinationRequest, Error, PutJob, create_job, delete_job, list_jobs, list_runs,
    list_slots, pause_job, put_job, read_job, resume_job, run_job, tick_schedules,
};
use waybill_domain::{
    DestinationType, Export, ExportFormat, Job, JobId, JobSchedule, OrgCode, Principal, PropertyKind, Role, RunStatus,
    SECRET_MASK, Skipped, Slot, SlotOutcome, State, Stop, Surface, Timestamp,
};
use waybill_ports::{Clock, Entity, Entropy, Row, Stored, Table, Transaction};
use waybill_schedule::{Schedule, Zone, instants_after};
use waybill_testkit::{MemoryPorts, MemoryWakeQueue, samples};

const FOREVER: Duration = Duration::from_hours(1);
const HOUR: Duration = Duration::from_hours(1);

struct Fixture {
    ports: MemoryPorts,
}

impl Fixture {
    fn new(orgs: &[&str]) -> Self {
        let ports = MemoryPorts::new(5);
        for code in orgs {
            let org = samples::org(code).unwrap();
            let properties = vec![samples::property("name", PropertyKind::String)];
            let collection = samples::collection(&org.code, &"things".parse().unwrap(), properties);
            block_on(ports.insert(&collection)).unwrap();
            block_on(ports.insert(&org)).unwrap();
            for role in [Role::Admin, Role::Member] {
                block_on(ports.insert(&samples::account(code, role).unwrap())).unwrap();
            }
        }
        Self { ports }
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    fn wait_until(&self, at: Timestamp) {
        block_on(self.ports.clock.sleep(at.since(self.now())));
    }

    fn put(cron: &str, zone: &str) -> PutJob {
        PutJob {
            surface: Surface::Sigma,
            name: "Nightly".into(),
            description: None,
            export: CreateExport::new(Surface::Sigma, "things".parse().unwrap(), ExportFormat::Csv),
            schedule: JobSchedule::Cron { cron: cron.into() },
            zone: Some(zone.into()),
            active: true,
            destinations: vec![],
            filename: None,
            compress: false,
        }
    }

    fn create(&self, principal: &Principal, id: Option<&str>, command: &PutJob) -> Result<Job, Error> {
        let id = id.map(|id| id.parse().unwrap());
        block_on(create_job(&self.ports.context(), &*self.ports.vault, principal, id, command, None))
    }

    fn tick(&self) -> usize {
        let wake = Arc::<MemoryWakeQueue>::clone(&self.ports.wake);
        let admitting = Admitting { context: self.ports.context(), wake };
        let ticked = block_on(tick_schedules(&admitting, FOREVER));
        assert_eq!(ticked.failed, 0);
        ticked.jobs
    }

    fn slots(&self, principal: &Principal, job: &JobId) -> Vec<Slot> {
        block_on(list_slots(&self.ports.context(), principal, (None, job), None, 1000)).unwrap().items
    }

    /// Ends every export that waits, as a lane that is never busy for long does.
    fn end_exports(&self, of: &OrgCode) {
        let (exports, _) = block_on(self.ports.rows().exports(of, None, true, 50)).unwrap();
        for stored in exports.into_iter().filter(|stored| !stored.value.is_terminal()) {
            self.end_export(&stored);
        }
    }

    fn end_export(&self, stored: &Stored<Export>) {
        let mut transaction = Transaction::new(self.ports.entropy.commit_id());
        let ticket = stored.value.ticket();
        let (ended, _) = stored.value.clone().request_stop(Stop::Cancel, self.now()).unwrap();
        transaction.update(stored.version, &ended).unwrap();
        if let Some(ticket) = ticket {
            let entry = block_on(self.ports.rows().queue_entry(&ended.org, ticket)).unwrap().unwrap();
            transaction.delete(&entry);
        }
        block_on(transaction.commit(&*self.ports.state)).unwrap();
    }

    fn drop_rows(&self, rows: impl Iterator<Item = Row>) {
        for row in rows {
            self.ports.state.erase(&row.key);
        }
    }
}

const ZONES: [&str; 14] = [
    "UTC",
    "Europe/Copenhagen",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "America/St_Johns",
    "Asia/Tokyo",
    "Pacific/Apia",
    "Europe/Dublin",
    "America/Havana",
];

/// Most come once a year, at a time around which clocks change; some every month, a few every day, three times in an hour.
fn cron(number: usize) -> String {
    let (day, month) = (1 + number % 28, 1 + number / 28 % 12);
    match number {
        0..4 => "30 2 * * *".to_owned(),
        4..6 => "0,20,40 2 * * *".to_owned(),
        6..150 => format!("30 2 {day} * *"),
        _ => format!("30 2 {day} {month} *"),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "two years are one story")]
fn each_slot_of_ten_thousand_schedules_has_its_one_outcome_over_two_years_of_bad_ticks() {
    const ORGS: usize = 20;
    const JOBS: usize = 10_000;
    let codes: Vec<String> = (0..ORGS).map(|number| format!("org{number}")).collect();
    let fixture = Fixture::new(&codes.iter().map(String::as_str).collect::<Vec<_>>());
    let begin = fixture.now();
    let end = begin.after(Duration::from_hours(2 * 365 * 24));
    // Made as rows, since the checks of a request are no matter here.
    let model = Fixture::put("0 0 * * *", "UTC");
    let sample = {
        let principal = samples::principal("org0", Role::Admin).unwrap();
        let job = fixture.create(&principal, Some("sample"), &model).unwrap();
        fixture.ports.state.erase(&job.key());
        job
    };
    let mut clocks: BTreeMap<(OrgCode, JobId), (Schedule, Zone)> = BTreeMap::new();
    let after = jiff::Timestamp::from_millisecond(begin.as_millis()).unwrap();
    let told = |at: jiff::Timestamp| Timestamp::from_millis(at.as_millisecond());
    // The slots of all, by the calendar alone.
    let mut calendar: BTreeMap<Timestamp, Vec<(OrgCode, JobId)>> = BTreeMap::new();
    for number in 0..JOBS {
        let (org, zone): (OrgCode, _) = (codes[number % ORGS].parse().unwrap(), ZONES[number % ZONES.len()]);
        let id: JobId = format!("job-{number}").parse().unwrap();
        let mut job = Job { org: org.clone(), id: id.clone(), ..sample.clone() };
        job.request.schedule = JobSchedule::Cron { cron: cron(number) };
        job.request.zone = zone.to_owned();
        let (schedule, zone) = (Schedule::Cron(cron(number).parse().unwrap()), zone.parse::<Zone>().unwrap());
        let mut first = None;
        for at in instants_after(&schedule, after, &zone).map(told).take_while(|at| *at <= end) {
            first.get_or_insert(at);
            calendar.entry(at).or_default().push((org.clone(), id.clone()));
        }
        let first = first.or_else(|| instants_after(&schedule, after, &zone).map(told).next());
        job.next_run_at = first;
        job.decided_through = begin;
        block_on(fixture.ports.insert(&job)).unwrap();
        clocks.insert((org, id), (schedule, zone));
    }
    assert!(calendar.len() > 5000, "{} instants are too few", calendar.len());

    // Ticks are where something is due, some minutes before or after it, or hours late; some come twice.
    let mut fired: BTreeMap<(OrgCode, JobId, Timestamp), usize> = BTreeMap::new();
    let mut expected: BTreeMap<(OrgCode, JobId, Timestamp), Option<Skipped>> = BTreeMap::new();
    let (mut index, mut late, mut superseded) = (0_u64, 0, 0);
    let mut waiting: BTreeMap<(OrgCode, JobId), Vec<Timestamp>> = BTreeMap::new();
    let mut due = calendar.iter().peekable();
    let mut seen: BTreeMap<OrgCode, waybill_domain::Seq> = BTreeMap::new();
    while let Some((at, _)) = due.peek() {
        index += 1;
        let lateness = match index * 2_654_435_761 % 97 {
            0 => Duration::from_mins(60 + index % 300),
            1..=4 => Duration::from_mins(2 + index % 58),
            5..=30 => Duration::from_secs(index % 60),
            _ => Duration::ZERO,
        };
        let tick_at = at.after(lateness);
        fixture.wait_until(tick_at);
        while let Some((at, jobs)) = due.next_if(|(at, _)| **at <= fixture.now()) {
            for job in jobs {
                waiting.entry(job.clone()).or_default().push(*at);
            }
        }
        let now = fixture.now();
        let looked_at: BTreeSet<OrgCode> = waiting.keys().map(|(org, _)| org.clone()).collect();
        for ((org, job), slots) in std::mem::take(&mut waiting) {
            let in_time = slots.iter().copied().filter(|at| now.since(*at) <= HOUR).max();
            for at in slots {
                let outcome = match in_time {
                    Some(last) if at == last => None,
                    _ if now.since(at) > HOUR => Some(Skipped::Late),
                    _ => Some(Skipped::Superseded),
                };
                late += usize::from(outcome == Some(Skipped::Late));
                superseded += usize::from(outcome == Some(Skipped::Superseded));
                expected.insert((org.clone(), job.clone(), at), outcome);
            }
        }
        fixture.tick();
        if index.is_multiple_of(3) {
            assert_eq!(fixture.tick(), 0, "a doubled tick found something to do");
        }
        for org in looked_at {
            let (exports, _) =
                block_on(fixture.ports.rows().exports(&org, seen.get(&org).copied(), false, 1000)).unwrap();
            for stored in exports {
                seen.insert(org.clone(), stored.value.seq);
                let of = stored.value.job.clone().unwrap();
                *fired.entry((org.clone(), of.job, of.slot.unwrap())).or_default() += 1;
                fixture.end_export(&stored);
            }
        }
    }

    let slots: Vec<Slot> = fixture
        .ports
        .state
        .rows(Table::Main)
        .into_iter()
        .filter(|row| row.key.sk.starts_with("SLOT#"))
        .map(|row| Stored::parse(&row).unwrap().value)
        .collect();
    let mut by_job: BTreeMap<(OrgCode, JobId), Vec<Slot>> = BTreeMap::new();
    for slot in slots {
        by_job.entry((slot.org.clone(), slot.job.clone())).or_default().push(slot);
    }
    for ((org, job, at), skipped) in &expected {
        let key = (org.clone(), job.clone());
        let of_job = by_job.get(&key).map_or(&[][..], Vec::as_slice);
        let told: Vec<&Slot> = of_job.iter().filter(|slot| slot.at <= *at && *at <= slot.through).collect();
        assert_eq!(told.len(), 1, "{org} {job} {at}: {told:?}");
        match (&told[0].outcome, skipped) {
            (SlotOutcome::Fired { .. }, None) => {}
            (SlotOutcome::Skipped { reason }, Some(expected)) if reason == expected => {}
            (outcome, expected) => panic!("{org} {job} {at}: {outcome:?} instead of {expected:?}"),
        }
        let exports = fired.remove(&(org.clone(), job.clone(), *at)).unwrap_or(0);
        assert_eq!(exports, usize::from(skipped.is_none()), "{org} {job} {at}");
    }
    assert!(fired.is_empty(), "exports of no slot: {fired:?}");
    assert!(expected.len() > 25_000, "{} slots are too few", expected.len());
    assert!(late > 50 && superseded > 20, "{late} late, {superseded} superseded");
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_pause_is_not_made_up_for_and_a_changed_schedule_leaves_no_slot_behind() {
    let fixture = Fixture::new(&["demo"]);
    let admin = samples::principal("demo", Role::Admin).unwrap();
    let context = fixture.ports.context();
    let job = fixture.create(&admin, Some("feed"), &Fixture::put("*/10 * * * *", "UTC")).unwrap();
    assert_eq!(job.next_run_at, Some(at("2026-01-01T00:10:00Z")));
    fixture.wait_until(at("2026-01-01T00:10:20Z"));
    assert_eq!(fixture.tick(), 1);
    fixture.end_exports(&admin.org);

    let paused = block_on(pause_job(&context, &admin, None, &job.id)).unwrap();
    assert_eq!((paused.next_run_at, paused.request.active), (None, false));
    fixture.wait_until(at("2026-01-01T01:05:00Z"));
    assert_eq!(fixture.tick(), 0);
    let resumed = block_on(resume_job(&context, &admin, None, &job.id)).unwrap();
    assert_eq!(resumed.next_run_at, Some(at("2026-01-01T01:10:00Z")));
    fixture.wait_until(at("2026-01-01T01:09:59Z"));
    assert_eq!(fixture.tick(), 0);

    // Due, and changed before anybody looked: on record, and nothing fires.
    fixture.wait_until(at("2026-01-01T01:10:30Z"));
    let changed = block_on(put_job(
        &context,
        &*fixture.ports.vault,
        &admin,
        None,
        &job.id,
        &Fixture::put("0 5 * * *", "Europe/Copenhagen"),
    ))
    .unwrap();
    assert_eq!(changed.generation, 4);
    assert_eq!(changed.next_run_at, Some(at("2026-01-01T04:00:00Z")));
    assert_eq!(fixture.tick(), 0);
    let slots = fixture.slots(&admin, &job.id);
    let outcomes: Vec<(Timestamp, &SlotOutcome)> = slots.iter().map(|slot| (slot.at, &slot.outcome)).collect();
    assert_eq!(outcomes[0], (at("2026-01-01T01:10:00Z"), &SlotOutcome::Skipped { reason: Skipped::Changed }));
    assert!(matches!(outcomes[1], (first, SlotOutcome::Fired { .. }) if first == at("2026-01-01T00:10:00Z")));
    assert_eq!(outcomes.len(), 2);
}

#[test]
fn a_slot_is_left_out_while_the_export_before_it_waits_or_runs() {
    let fixture = Fixture::new(&["demo"]);
    let admin = samples::principal("demo", Role::Admin).unwrap();
    let context = fixture.ports.context();
    let job = fixture.create(&admin, None, &Fixture::put("*/10 * * * *", "UTC")).unwrap();
    fixture.wait_until(at("2026-01-01T00:10:00Z"));
    fixture.tick();
    fixture.wait_until(at("2026-01-01T00:20:00Z"));
    fixture.tick();
    let busy = SlotOutcome::Skipped { reason: Skipped::Busy };
    assert_eq!(fixture.slots(&admin, &job.id)[0].outcome, busy);
    let by_hand = block_on(run_job(&context, &*fixture.ports.wake, &admin, None, &job.id, None));
    assert!(matches!(by_hand, Err(Error::Conflict { .. })));
    let runs = block_on(list_runs(&context, &admin, (None, &job.id), None, 10)).unwrap().items;
    assert_eq!((runs.len(), runs[0].status, runs[0].completed_at), (1, RunStatus::Running, None));

    // Ended past its run: the list says what the export says.
    fixture.end_exports(&admin.org);
    let runs = block_on(list_runs(&context, &admin, (None, &job.id), None, 10)).unwrap().items;
    assert_eq!((runs[0].status, runs[0].error.as_deref()), (RunStatus::Failed, Some("canceled")));
    let by_hand = block_on(run_job(&context, &*fixture.ports.wake, &admin, None, &job.id, None)).unwrap();
    assert_eq!(by_hand.export.job.unwrap().slot, None);
    assert_eq!(
        block_on(read_job(&context, &admin, None, &job.id)).unwrap().last_run_at,
        Some(by_hand.export.created_at)
    );
}

#[test]
fn what_cannot_be_made_any_more_is_a_failed_run_that_says_why() {
    let fixture = Fixture::new(&["demo"]);
    let admin = samples::principal("demo", Role::Admin).unwrap();
    let context = fixture.ports.context();
    let job = fixture.create(&admin, None, &Fixture::put("*/10 * * * *", "UTC")).unwrap();
    let rows = fixture.ports.state.rows(Table::Main).into_iter();
    fixture.drop_rows(rows.filter(|row| row.key.sk.starts_with("COLLECTION#")));
    fixture.wait_until(at("2026-01-01T00:10:00Z"));
    assert_eq!(fixture.tick(), 1);
    let runs = block_on(list_runs(&context, &admin, (None, &job.id), None, 10)).unwrap().items;
    assert_eq!(
        (runs[0].status, runs[0].error.as_deref()),
        (RunStatus::Failed, Some("collection `things` does not exist"))
    );
    assert!(block_on(fixture.ports.rows().exports(&admin.org, None, false, 9)).unwrap().0.is_empty());
    let job = block_on(read_job(&context, &admin, None, &job.id)).unwrap();
    assert_eq!((job.next_run_at, job.last_run_at), (Some(at("2026-01-01T00:20:00Z")), Some(runs[0].started_at)));
}

#[test]
fn a_deleted_job_takes_its_runs_and_slots_along_and_its_id_is_free_again() {
    let fixture = Fixture::new(&["demo"]);
    let admin = samples::principal("demo", Role::Admin).unwrap();
    let context = fixture.ports.context();
    let command = Fixture::put("* * * * *", "UTC");
    let job = fixture.create(&admin, Some("feed"), &command).unwrap();
    for minute in 1..=120_u64 {
        fixture.wait_until(job.created_at.after(Duration::from_mins(minute)));
        fixture.tick();
        fixture.end_exports(&admin.org);
    }
    assert_eq!(fixture.slots(&admin, &job.id).len(), 120);
    block_on(delete_job(&context, &admin, None, &job.id)).unwrap();
    assert!(matches!(block_on(read_job(&context, &admin, None, &job.id)), Err(Error::NotFound { .. })));
    assert!(block_on(list_jobs(&context, &admin, None, None, 10)).unwrap().items.is_empty());
    assert!(matches!(fixture.create(&admin, Some("feed"), &command), Err(Error::Conflict { .. })));
    assert_eq!(fixture.tick(), 1);
    let left = fixture.ports.state.rows(Table::Main).into_iter();
    assert_eq!(left.filter(|row| ["JOB#", "SLOT#", "RUN#"].iter().any(|kind| row.key.sk.starts_with(kind))).count(), 0);
    fixture.create(&admin, Some("feed"), &command).unwrap();
}

#[test]
fn a_schedule_that_cannot_be_is_refused_by_field() {
    let fixture = Fixture::new(&["demo"]);
    let admin = samples::principal("demo", Role::Admin).unwrap();
    let refused = |command: &PutJob| match fixture.create(&admin, None, command) {
        Err(Error::Invalid(errors)) => errors.iter().map(|error| error.field.clone()).collect::<Vec<_>>().join(" "),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&Fixture::put("0 0 30 2 *", "UTC")), "schedule.cron");
    assert_eq!(refused(&Fixture::put("61 * * * *", "Mars/Base")), "schedule.cron zone");
    let costly = "FREQ=SECONDLY;INTERVAL=59;BYSECOND=0;COUNT=100000".to_owned();
    let costly = JobSchedule::Rrule { rrule: costly, start: fixture.ports.clock.now() };
    assert_eq!(refused(&PutJob { schedule: costly, ..Fixture::put("@daily", "UTC") }), "schedule.rrule");
    let org = block_on(fixture.ports.rows().org(&admin.org)).unwrap().unwrap();
    let slow = waybill_domain::Org { min_interval_secs: Some(3600), ..org.value };
    let mut transaction = Transaction::new(fixture.ports.entropy.commit_id());
    transaction.update(org.version, &slow).unwrap();
    block_on(transaction.commit(&*fixture.ports.state)).unwrap();
    assert_eq!(refused(&Fixture::put("*/30 * * * *", "UTC")), "schedule.cron");
    assert!(fixture.create(&admin, None, &Fixture::put("0 * * * *", "UTC")).is_ok());
    let waiting = block_on(fixture.ports.rows().exports(&admin.org, None, false, 9)).unwrap().0;
    assert!(waiting.iter().all(|export| !matches!(export.value.state, State::Running { .. })));
}

#[test]
fn secrets_are_sealed_masked_and_kept_where_the_place_stays() {
    let fixture = Fixture::new(&["demo"]);
    let admin = samples::principal("demo", Role::Admin).unwrap();
    let context = fixture.ports.context();
    let destination = |config: &str| DestinationRequest {
        kind: DestinationType::Sftp,
        config: serde_json::from_str(config).unwrap(),
    };
    let asking = |config: &str| PutJob { destinations: vec![destination(config)], ..Fixture::put("@daily", "UTC") };
    let first = asking(r#"{"host":"files.example.com","username":"u","password":"hush"}"#);
    let job = fixture.create(&admin, Some("feed"), &first).unwrap();
    let kept: String = fixture.ports.state.rows(Table::Main).iter().map(|row| row.body.clone()).collect();
    assert!(!kept.contains("hush"), "a secret is kept as it is");
    let shown = job.request.template.destinations[0].config.shown();
    assert_eq!(shown["password"], SECRET_MASK);

    let put = |command: &PutJob| block_on(put_job(&context, &*fixture.ports.vault, &admin, None, &job.id, command));
    let text = serde_json::to_string(&shown).unwrap();
    let again = put(&asking(&text)).unwrap();
    assert_eq!(again.request.template.destinations, job.request.template.destinations);
    // A secret that is kept goes nowhere else than it was given for.
    let Err(Error::Invalid(errors)) = put(&asking(&text.replace("files.", "evil."))) else { panic!("it moved") };
    assert_eq!(errors[0].field, "destinations.0.config.password");
    let moved = text.replace("files.", "new.").replace(SECRET_MASK, "other");
    assert_ne!(
        put(&asking(&moved)).unwrap().request.template.destinations[0].secrets,
        job.request.template.destinations[0].secrets
    );
}
