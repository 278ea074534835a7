//! Steps of the exporter over in-memory ports: whole archives, in order, whatever is cut, lost or late.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a broken fixture fails the test")]

mod everything;
mod faults;
mod files;
mod packaged;
mod parts;
mod pipelines;
mod ranged;
mod seen;
mod sorted;
mod stopping;
mod upkeep;
mod within;

use futures::executor::block_on;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{
    CreateExport, Error, ExportView, Exporting, StepSettings, Sweeping, Verdict, advance_lane, create_export,
    delete_export, read_export, sweep,
};
use waybill_domain::{
    Collection, ExportFormat, FailureCode, Principal, PropertyKind, Role, State, StorageHold, Surface, Usage, WorkerId,
};
use waybill_ports::{RecordPatch, RecordStore, Transaction, WakeMessage, WakeReceipt};
use waybill_testkit::{InlineCompute, MemoryArchiveStore, MemoryPorts, MemoryRecordStore, samples};

const FOREVER: Duration = Duration::from_hours(1);

struct Fixture {
    ports: MemoryPorts,
    admin: Principal,
    settings: StepSettings,
    parallelism: usize,
}

impl Fixture {
    /// An org `demo` with a collection of `count` small records, and parts so small that they make several segments.
    fn new(count: usize) -> Self {
        let mut ports = MemoryPorts::new(7);
        ports.archives = Arc::new(MemoryArchiveStore::with_smallest_part(1));
        let admin = samples::principal("demo", Role::Admin).unwrap();
        block_on(ports.insert(&samples::org("demo").unwrap())).unwrap();
        let properties =
            vec![samples::property("name", PropertyKind::String), samples::property("n", PropertyKind::Number)];
        let collection: Collection = samples::collection(&admin.org, &"things".parse().unwrap(), properties);
        block_on(ports.insert(&collection)).unwrap();
        let patches: Vec<RecordPatch> = (0..count)
            .map(|n| {
                let id = format!("{:024x}", n * 7919 + 1).parse().unwrap();
                RecordPatch { id, json: format!(r#"{{"_id":"{id}","name":"thing {n}","n":{n}}}"#).into() }
            })
            .collect();
        let records: &MemoryRecordStore = &ports.records;
        block_on(records.put(&admin.org, &"things".parse().unwrap(), &patches)).unwrap();
        let settings = StepSettings {
            hold_bytes: Some(100),
            part_bytes: 256,
            segment_bytes: 600,
            reserve_bytes: 1 << 20,
            min_budget: Duration::ZERO,
            page_records: Some(3),
            chunk_bytes: 120,
            ..StepSettings::default()
        };
        Self { ports, admin, settings, parallelism: 2 }
    }

    fn exporting(&self) -> Exporting {
        Exporting {
            compute: Arc::new(InlineCompute { parallelism: self.parallelism }),
            ..self.ports.exporting(self.settings.clone())
        }
    }

    fn sweeping(&self) -> Sweeping {
        self.ports.sweeping()
    }

    fn create(&self, format: ExportFormat) -> ExportView {
        self.try_create(format).unwrap()
    }

    fn try_create(&self, format: ExportFormat) -> Result<ExportView, Error> {
        let command = CreateExport::new(Surface::Cortex, "things".parse().unwrap(), format);
        block_on(create_export(&self.ports.context(), &*self.ports.wake, &self.admin, &command))
    }

    fn read(&self, view: &ExportView) -> ExportView {
        block_on(read_export(&self.ports.context(), &self.admin, None, view.export.id)).unwrap()
    }

    fn step(&self, view: &ExportView, budget: Duration) -> Verdict {
        let message = WakeMessage::ExportV1 { org: self.admin.org.clone(), export: view.export.id };
        block_on(advance_lane(&self.exporting(), &message, &WakeReceipt("r".into()), budget))
    }

    fn archive(&self, view: &ExportView) -> Vec<u8> {
        let export = self.read(view).export;
        let archive = export.archive().expect("ready").clone();
        self.ports.archives.body(&archive.key).expect("the archive exists").to_vec()
    }

    fn uses_nothing(&self) -> bool {
        let usage = self.usage();
        (usage.used_bytes, usage.reserved_bytes) == (0, 0)
    }

    fn usage(&self) -> Usage {
        block_on(self.ports.rows().usage(&self.admin.org))
            .unwrap()
            .map_or_else(|| Usage::empty(self.admin.org.clone()), |usage| usage.value)
    }
}

fn entry(archive: &[u8], name: &str) -> String {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
    let mut text = String::new();
    zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn documents_of_records_come_out_the_same_in_one_step_and_in_many() {
    let fixture = Fixture::new(40);
    let whole = fixture.create(ExportFormat::Pdf);
    assert_eq!(fixture.step(&whole, FOREVER), Verdict::Done);
    let many = fixture.create(ExportFormat::Pdf);
    let mut steps = 1;
    while fixture.step(&many, Duration::ZERO) == Verdict::Retry {
        steps += 1;
    }
    assert!(steps > 5, "{steps} steps");
    let names = |archive: &[u8]| {
        let zip = zip::ZipArchive::new(std::io::Cursor::new(archive.to_vec())).unwrap();
        let mut names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
        names.sort();
        names
    };
    let (whole, many) = (fixture.archive(&whole), fixture.archive(&many));
    assert_eq!(names(&whole), names(&many));
    assert_eq!(names(&whole).len(), 41);
    for name in
        names(&whole).iter().filter(|name| std::path::Path::new(name).extension().is_some_and(|ending| ending == "pdf"))
    {
        assert_eq!(raw_entry(&whole, name), raw_entry(&many, name), "{name}");
    }
    let manifest: serde_json::Value = serde_json::from_str(&entry(&many, "manifest.json")).unwrap();
    assert_eq!(manifest["counts"], serde_json::json!({"records": 40}));
    assert_eq!(manifest["files"].as_array().unwrap().len(), 40);
}

fn raw_entry(archive: &[u8], name: &str) -> Vec<u8> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
    let mut bytes = Vec::new();
    zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn an_export_under_way_tells_about_how_many_records_it_will_have() {
    let fixture = Fixture::new(600);
    let view = fixture.create(ExportFormat::Ndjson);
    let mut estimates = Vec::new();
    while fixture.step(&view, Duration::ZERO) == Verdict::Retry {
        let progress = fixture.read(&view).export.progress;
        if let Some(estimate) = progress.estimated_records {
            assert!(estimate >= progress.records, "{progress:?}");
            estimates.push(estimate);
        }
    }
    assert!(estimates.len() > 50, "{estimates:?}");
    let near = estimates.iter().filter(|estimate| (300..=1200).contains(*estimate)).count();
    assert!(near * 10 > estimates.len() * 9, "{estimates:?}");
    assert_eq!(estimates.last(), Some(&600));
}

#[test]
fn an_export_becomes_ready_with_every_record_and_leaves_the_lane() {
    let fixture = Fixture::new(50);
    let view = fixture.create(ExportFormat::Ndjson);
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    let export = fixture.read(&view).export;
    assert!(matches!(export.state, State::Ready { .. }), "{:?}", export.state);
    let archive = fixture.archive(&view);
    let mut lines: Vec<String> = entry(&archive, "things.ndjson").lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines.len(), 50);
    assert!(lines[0].contains(r#""_id":"000000000000000000000001""#), "{}", lines[0]);
    assert_eq!(export.progress.records, 50);
    assert_eq!(fixture.usage().used_bytes, u64::try_from(archive.len()).unwrap());
    assert_eq!(fixture.usage().reserved_bytes, 0);
    assert!(block_on(fixture.ports.rows().queue_head(&fixture.admin.org)).unwrap().is_none());
}

#[test]
fn an_export_cut_after_every_page_gives_the_archive_of_an_uncut_one() {
    use ExportFormat::{Csv, DetailedCsv, Json, JsonApi, Ndjson, Xml};
    for format in [Ndjson, Json, Csv, DetailedCsv, Xml, JsonApi] {
        let uncut = Fixture::new(200);
        let view = uncut.create(format);
        assert_eq!(uncut.step(&view, FOREVER), Verdict::Done);
        let cut = Fixture::new(200);
        let same = cut.create(format);
        let mut steps = 0;
        while cut.step(&same, Duration::ZERO) == Verdict::Retry {
            steps += 1;
            assert!(steps < 500, "does not end");
        }
        assert!(steps > 30, "{steps} steps");
        assert_eq!(uncut.archive(&view), cut.archive(&same), "{format:?}");
        assert_eq!(cut.read(&same).export.progress.records, 200);
    }
}

#[test]
fn what_is_exported_does_not_depend_on_the_size_of_chunks() {
    for (format, name) in [(ExportFormat::Json, "things.json"), (ExportFormat::Csv, "things.csv")] {
        let texts = [1, 100, 1 << 20].map(|chunk_bytes| {
            let mut fixture = Fixture::new(60);
            fixture.settings = StepSettings { chunk_bytes, page_records: Some(7), ..fixture.settings };
            let view = fixture.create(format);
            while fixture.step(&view, Duration::ZERO) == Verdict::Retry {}
            assert_eq!(fixture.read(&view).export.progress.records, 60);
            entry(&fixture.archive(&view), name)
        });
        assert_eq!(texts[0], texts[1]);
        assert_eq!(texts[1], texts[2]);
    }
}

#[test]
fn archives_do_not_depend_on_how_far_is_read_ahead() {
    let mut one = Fixture::new(120);
    one.parallelism = 1;
    let first = one.create(ExportFormat::Json);
    one.step(&first, FOREVER);
    let mut eight = Fixture::new(120);
    eight.parallelism = 8;
    let second = eight.create(ExportFormat::Json);
    eight.step(&second, FOREVER);
    assert_eq!(one.archive(&first), eight.archive(&second));
}

#[test]
fn an_archive_of_merged_segments_is_the_same_and_no_part_of_it_is_too_small() {
    let few = Fixture::new(400);
    let plain = few.create(ExportFormat::Json);
    assert_eq!(few.step(&plain, FOREVER), Verdict::Done);
    assert!(few.ports.archives.keys().iter().all(|key| !key.contains("-m")));
    let mut many = Fixture::new(400);
    many.ports.archives = Arc::new(MemoryArchiveStore::with_smallest_part(160));
    many.settings = StepSettings { merge_beyond: 4, merge_fan: 3, copy_bytes: 700, ..many.settings };
    let merged = many.create(ExportFormat::Json);
    assert_eq!(many.step(&merged, FOREVER), Verdict::Done);
    assert!(many.ports.archives.keys().iter().any(|key| key.contains("-m")), "{:?}", many.ports.archives.keys());
    assert_eq!(few.archive(&plain), many.archive(&merged));
}

#[test]
fn a_step_helps_every_export_that_waits_in_order_of_creation() {
    let fixture = Fixture::new(5);
    let views: Vec<ExportView> = (0..4).map(|_| fixture.create(ExportFormat::Csv)).collect();
    assert_eq!(fixture.step(&views[3], FOREVER), Verdict::Done);
    let ends: Vec<_> = views.iter().map(|view| fixture.read(view).export).collect();
    assert!(ends.iter().all(|export| matches!(export.state, State::Ready { .. })));
    assert!(ends.windows(2).all(|pair| pair[0].finished_at() <= pair[1].finished_at()));
}

#[test]
fn a_lane_that_somebody_holds_is_left_alone_until_the_lease_ends() {
    let fixture = Fixture::new(5);
    let view = fixture.create(ExportFormat::Csv);
    let context = fixture.ports.context();
    let held = waybill_domain::Lane::new(fixture.admin.org.clone())
        .acquire(WorkerId(1), context.now(), fixture.settings.lease)
        .unwrap();
    block_on(fixture.ports.insert(&held)).unwrap();
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Retry);
    assert!(matches!(fixture.read(&view).export.state, State::Queued { .. }));
    fixture.ports.clock.advance(Duration::from_secs(91));
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    assert_eq!(fixture.read(&view).export.epoch.0, 2);
}

#[test]
fn an_export_begun_too_often_without_getting_on_fails() {
    let fixture = Fixture::new(5);
    let view = fixture.create(ExportFormat::Csv);
    let stored = block_on(fixture.ports.rows().export(&fixture.admin.org, view.export.seq)).unwrap().unwrap();
    let mut worn = stored.value.clone();
    worn.attempts = fixture.settings.max_attempts;
    let mut transaction = fixture.ports.context().transaction();
    transaction.update(stored.version, &worn).unwrap();
    block_on(transaction.commit(&*fixture.ports.state)).unwrap();
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    let export = fixture.read(&view).export;
    let State::Failed { failure, .. } = &export.state else { panic!("{:?}", export.state) };
    assert_eq!(failure.code, FailureCode::MaxRetriesReached);
    assert!(fixture.uses_nothing());
}

#[test]
fn a_broken_record_fails_the_export_and_the_next_one_runs() {
    let fixture = Fixture::new(5);
    let bad = fixture.create(ExportFormat::Csv);
    let id = "00000000000000000000ffff".parse().unwrap();
    fixture.ports.records.put_stored(&fixture.admin.org, &"things".parse().unwrap(), id, vec![0, b'{'].into());
    assert_eq!(fixture.step(&bad, FOREVER), Verdict::Done);
    let export = fixture.read(&bad).export;
    let State::Failed { failure, .. } = &export.state else { panic!("{:?}", export.state) };
    assert_eq!(failure.code, FailureCode::BadRecord);
    assert!(failure.message.ends_with("of the page cannot be exported: not JSON at byte 1"), "{}", failure.message);
    assert_eq!(export.storage, StorageHold::Released);
    block_on(fixture.ports.records.delete(&fixture.admin.org, &"things".parse().unwrap(), &[id])).unwrap();
    let good = fixture.create(ExportFormat::Csv);
    fixture.step(&good, FOREVER);
    assert!(matches!(fixture.read(&good).export.state, State::Ready { .. }));
}

#[test]
fn a_full_quota_fails_the_export_with_the_numbers() {
    let fixture = Fixture::new(5);
    let mut org = block_on(fixture.ports.rows().org(&fixture.admin.org)).unwrap().unwrap();
    org.value.quota_bytes = Some(1000);
    let mut transaction: Transaction = fixture.ports.context().transaction();
    transaction.update(org.version, &org.value).unwrap();
    block_on(transaction.commit(&*fixture.ports.state)).unwrap();
    let view = fixture.create(ExportFormat::Csv);
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    let State::Failed { failure, .. } = fixture.read(&view).export.state else { panic!("did not fail") };
    assert_eq!(failure.code, FailureCode::QuotaExceeded);
    assert!(failure.message.contains("1000 allowed"), "{}", failure.message);
}

#[test]
fn a_lost_wake_up_is_made_up_for_by_the_sweeper() {
    let fixture = Fixture::new(5);
    let view = fixture.create(ExportFormat::Csv);
    assert_eq!(fixture.ports.wake.lose_all(), 1);
    fixture.ports.clock.advance(Duration::from_secs(61));
    let swept = block_on(sweep(&fixture.sweeping(), Duration::from_secs(30)));
    assert_eq!((swept.lanes, swept.failed), (1, 0));
    let delivery = fixture.ports.wake.receive(1).pop().expect("rung again");
    assert_eq!(delivery.group, "demo~");
    fixture.step(&view, FOREVER);
    assert!(matches!(fixture.read(&view).export.state, State::Ready { .. }));
    fixture.ports.clock.advance(Duration::from_secs(61));
    block_on(sweep(&fixture.sweeping(), Duration::from_secs(30)));
    fixture.ports.clock.advance(Duration::from_secs(61));
    assert_eq!(block_on(sweep(&fixture.sweeping(), Duration::from_secs(30))).lanes, 0, "an empty lane is not due");
}

#[test]
fn expiry_removes_archive_and_rows_and_releases_storage_once() {
    let fixture = Fixture::new(200);
    let view = fixture.create(ExportFormat::Json);
    fixture.step(&view, FOREVER);
    block_on(sweep(&fixture.sweeping(), Duration::from_secs(30)));
    assert_eq!(fixture.ports.archives.keys().len(), 1, "work is cleaned up: {:?}", fixture.ports.archives.keys());
    assert!(fixture.usage().used_bytes > 0);
    fixture.ports.clock.advance(Duration::from_hours(7 * 24));
    let gone = block_on(read_export(&fixture.ports.context(), &fixture.admin, None, view.export.id));
    assert!(gone.is_err(), "not read to the second");
    for _ in 0..2 {
        block_on(sweep(&fixture.sweeping(), Duration::from_secs(30)));
        assert!(fixture.uses_nothing());
        assert!(fixture.ports.archives.keys().is_empty());
    }
    let pointer = block_on(fixture.ports.rows().export_pointer(&fixture.admin.org, view.export.id)).unwrap();
    assert!(pointer.is_none());
}

#[test]
fn a_deleted_export_is_gone_at_once_and_its_archive_soon() {
    let fixture = Fixture::new(20);
    let view = fixture.create(ExportFormat::Json);
    fixture.step(&view, FOREVER);
    block_on(delete_export(
        &fixture.ports.context(),
        &*fixture.ports.wake,
        &fixture.admin,
        Some(Surface::Cortex),
        view.export.id,
    ))
    .unwrap();
    assert!(fixture.uses_nothing());
    assert!(block_on(read_export(&fixture.ports.context(), &fixture.admin, None, view.export.id)).is_err());
    block_on(sweep(&fixture.sweeping(), Duration::from_secs(30)));
    assert!(fixture.ports.archives.keys().is_empty());
}

#[test]
fn a_queued_export_that_is_deleted_never_runs() {
    let fixture = Fixture::new(20);
    let first = fixture.create(ExportFormat::Json);
    let second = fixture.create(ExportFormat::Json);
    block_on(delete_export(
        &fixture.ports.context(),
        &*fixture.ports.wake,
        &fixture.admin,
        Some(Surface::Cortex),
        first.export.id,
    ))
    .unwrap();
    assert_eq!(fixture.step(&second, FOREVER), Verdict::Done);
    assert!(matches!(fixture.read(&second).export.state, State::Ready { .. }));
    assert_eq!(fixture.ports.archives.keys().iter().filter(|key| key.starts_with("archives/")).count(), 1);
}
