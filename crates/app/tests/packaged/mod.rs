//! Exports that are downloaded as one file: made of the archive's own bytes, whatever is cut, and counted.

use super::faults::{Fault, with_faults};
use super::{FOREVER, Fixture, entry};
use futures::executor::block_on;
use futures::poll;
use serde_json::json;
use std::io::Read;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;
use waybill_app::{CreateExport, Error, ExportView, Verdict, advance_lane, create_export, delete_export, sweep};
use waybill_domain::{ExportFormat, FileInclusion, Packaging, Phase, State, StorageHold, Surface};
use waybill_ports::{ArchiveStore, WakeMessage, WakeReceipt, Write};
use waybill_query::SortOrder;

/// Hundreds of records, and places to go on inflating at every few of them.
fn fixture() -> Fixture {
    let mut fixture = Fixture::new(200);
    fixture.settings.unpack_bytes = 50;
    fixture.settings.restart_bytes = 300;
    fixture
}

fn create(fixture: &Fixture, packaging: Packaging, format: ExportFormat) -> ExportView {
    let command = CreateExport { packaging, ..CreateExport::new(Surface::Admin, "things".parse().unwrap(), format) };
    block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, &command)).unwrap()
}

/// What is downloaded.
fn file(fixture: &Fixture, view: &ExportView) -> Vec<u8> {
    let export = fixture.read(view).export;
    let file = export.archive().expect("ready").packaged.clone().expect("packaged");
    let bytes = fixture.ports.archives.body(&file.key).expect("the file exists").to_vec();
    assert_eq!(u64::try_from(bytes.len()).unwrap(), file.size_bytes);
    let head = block_on(fixture.ports.archives.head(&file.key)).unwrap().unwrap();
    assert_eq!(head.metadata.sha256, Some(file.sha256.clone()));
    assert_eq!(head.metadata.content_type, export.download_type());
    assert_eq!(file.sha256, sha256(&bytes));
    bytes
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}

fn gunzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn the_file_is_what_the_archive_holds() {
    for format in [ExportFormat::Csv, ExportFormat::Ndjson, ExportFormat::Xml] {
        let fixture = fixture();
        let bare = create(&fixture, Packaging::Bare, format);
        assert_eq!(fixture.step(&bare, FOREVER), Verdict::Done);
        let name = format!("things.{}", format.extension());
        let expected = entry(&fixture.archive(&bare), &name);
        assert!(expected.len() > 6000);
        assert_eq!(file(&fixture, &bare), expected.as_bytes());

        let gzip = create(&fixture, Packaging::Gzip, format);
        assert_eq!(fixture.step(&gzip, FOREVER), Verdict::Done);
        assert_eq!(gunzip(&file(&fixture, &gzip)), expected);
        assert_eq!(fixture.read(&gzip).export.download_ending(), format!("{}.gz", format.extension()));
    }
}

#[test]
fn a_file_cut_at_every_place_is_that_of_an_uncut_export() {
    for packaging in [Packaging::Bare, Packaging::Gzip] {
        let (uncut, other) = (fixture(), fixture());
        let view = create(&uncut, packaging, ExportFormat::Json);
        assert_eq!(uncut.step(&view, FOREVER), Verdict::Done);
        let same = create(&other, packaging, ExportFormat::Json);
        let mut packaging_steps = 0;
        let mut steps = 0;
        while other.step(&same, Duration::ZERO) == Verdict::Retry {
            steps += 1;
            packaging_steps += usize::from(other.read(&same).export.progress.phase == Phase::Packaging);
            assert!(steps < 500, "does not end");
        }
        assert!(packaging == Packaging::Gzip || packaging_steps > 5, "{packaging_steps} steps");
        assert_eq!(uncut.archive(&view), other.archive(&same));
        assert_eq!(file(&uncut, &view), file(&other, &same));
    }
}

/// The worker is gone at every commit in turn, for good; the next one brings the export to the end that it would have had.
#[test]
fn a_crash_at_any_commit_loses_nothing_of_a_sorted_file() {
    for packaging in [Packaging::Bare, Packaging::Gzip] {
        let made = |fixture: &Fixture| {
            let command = CreateExport {
                packaging,
                sort: Some(SortOrder::parse(&json!("-name")).unwrap()),
                ..CreateExport::new(Surface::Admin, "things".parse().unwrap(), ExportFormat::Csv)
            };
            block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, &command)).unwrap()
        };
        let calm = fixture();
        let view = made(&calm);
        assert_eq!(calm.step(&view, FOREVER), Verdict::Done);
        let (archive, expected) = (calm.archive(&view), file(&calm, &view));
        let mut crashes = 0;
        loop {
            let later = fixture();
            let view = made(&later);
            let commits = Arc::new(AtomicU32::new(0));
            let count = Arc::clone(&commits);
            let hanging = with_faults(&later, move |_| (count.fetch_add(1, Relaxed) >= crashes).then_some(Fault::Hang));
            let message = WakeMessage::ExportV1 { org: later.admin.org.clone(), export: view.export.id };
            // Where the clock goes on by itself, the worker notices in the end that it is stale.
            let _: Poll<Verdict> =
                block_on(async { poll!(pin!(advance_lane(&hanging, &message, &WakeReceipt("r".into()), FOREVER))) });
            if commits.load(Relaxed) <= crashes {
                break;
            }
            later.ports.clock.advance(Duration::from_secs(100));
            assert_eq!(later.step(&view, FOREVER), Verdict::Done);
            assert_eq!((later.archive(&view), file(&later, &view)), (archive.clone(), expected.clone()), "{crashes}");
            let held = u64::try_from(archive.len() + expected.len()).unwrap();
            assert_eq!((later.usage().used_bytes, later.usage().reserved_bytes), (held, 0), "{crashes}");
            later.ports.clock.advance(Duration::from_mins(1));
            block_on(sweep(&later.sweeping(), FOREVER));
            assert_eq!(block_on(later.ports.archives.list("")).unwrap().len(), 2, "{crashes}");
            crashes += 1;
        }
        assert!(crashes > 5, "{crashes} commits");
    }
}

/// What was recorded and never appeared is made again, under a key of its own.
#[test]
fn a_file_that_was_lost_with_its_worker_is_made_again() {
    for packaging in [Packaging::Bare, Packaging::Gzip] {
        let mut fixture = fixture();
        fixture.settings.part_bytes = 1 << 20;
        let view = create(&fixture, packaging, ExportFormat::Csv);
        let settles = |writes: &[Write]| {
            writes.iter().any(|write| matches!(write, Write::Delete { key, .. } if key.sk.starts_with("QUEUE#")))
        };
        let throttled = with_faults(&fixture, move |writes| settles(writes).then_some(Fault::Throttle));
        let message = WakeMessage::ExportV1 { org: fixture.admin.org.clone(), export: view.export.id };
        assert_eq!(block_on(advance_lane(&throttled, &message, &WakeReceipt("r".into()), FOREVER)), Verdict::Retry);
        let finish = fixture.read(&view).export.finish.expect("finished");
        let lost = finish.packaging.and_then(|packaging| packaging.file).expect("recorded");
        block_on(fixture.ports.archives.delete(std::slice::from_ref(&lost.key))).unwrap();
        fixture.ports.clock.advance(Duration::from_mins(15));
        assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
        file(&fixture, &view);
        let found = fixture.read(&view).export.archive().unwrap().packaged.clone().unwrap();
        assert_eq!((found.size_bytes, found.sha256), (lost.size_bytes, lost.sha256));
        assert_ne!(found.key, lost.key);
    }
}

#[test]
fn small_files_are_read_and_written_whole() {
    for packaging in [Packaging::Bare, Packaging::Gzip] {
        let mut fixture = Fixture::new(3);
        fixture.settings.part_bytes = 1 << 20;
        let view = create(&fixture, packaging, ExportFormat::Csv);
        assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
        let bytes = file(&fixture, &view);
        let text = if packaging == Packaging::Gzip { gunzip(&bytes) } else { String::from_utf8(bytes).unwrap() };
        assert_eq!(text, entry(&fixture.archive(&view), "things.csv"));
    }
}

#[test]
fn archive_and_file_count_and_go_together() {
    let fixture = fixture();
    let view = create(&fixture, Packaging::Bare, ExportFormat::Csv);
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    let both = u64::try_from(fixture.archive(&view).len() + file(&fixture, &view).len()).unwrap();
    assert_eq!(fixture.read(&view).export.storage, StorageHold::Held { bytes: both });
    assert_eq!((fixture.usage().used_bytes, fixture.usage().reserved_bytes), (both, 0));
    fixture.ports.clock.advance(Duration::from_mins(1));
    block_on(sweep(&fixture.sweeping(), FOREVER));
    let all = || block_on(fixture.ports.archives.list("")).unwrap();
    assert_eq!(all().len(), 2, "{:?}", all());
    block_on(delete_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, None, view.export.id))
        .unwrap();
    assert_eq!(fixture.usage().used_bytes, 0);
    fixture.ports.clock.advance(Duration::from_mins(1));
    block_on(sweep(&fixture.sweeping(), FOREVER));
    assert_eq!(all(), Vec::<String>::new());
}

#[test]
fn a_file_that_does_not_fit_the_quota_fails_the_export_before_it_is_made() {
    let fixture = fixture();
    let view = create(&fixture, Packaging::Bare, ExportFormat::Csv);
    // The archive fits what is reserved; the file that it inflates to does not.
    let mut small = Fixture { settings: fixture.settings.clone(), ..fixture };
    small.settings.reserve_bytes = 6000;
    let org = waybill_domain::Org { quota_bytes: Some(10_000), ..waybill_testkit::samples::org("demo").unwrap() };
    let stored = block_on(small.ports.rows().org(&small.admin.org)).unwrap().unwrap();
    let context = small.ports.context();
    let mut transaction = context.transaction();
    transaction.update(stored.version, &org).unwrap();
    block_on(transaction.commit(&*context.state)).unwrap();
    assert_eq!(small.step(&view, FOREVER), Verdict::Done);
    let export = small.read(&view).export;
    let State::Failed { failure, .. } = &export.state else { panic!("did not fail: {:?}", export.state) };
    assert_eq!(failure.code, waybill_domain::FailureCode::QuotaExceeded);
    assert_eq!((small.usage().used_bytes, small.usage().reserved_bytes), (0, 0));
}

#[test]
fn sorted_records_can_be_a_file_too() {
    let fixture = fixture();
    let command = CreateExport {
        packaging: Packaging::Gzip,
        sort: Some(SortOrder::parse(&json!("-n")).unwrap()),
        ..CreateExport::new(Surface::Admin, "things".parse().unwrap(), ExportFormat::Csv)
    };
    let made = block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, &command));
    let view = made.unwrap();
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    let text = gunzip(&file(&fixture, &view));
    assert!(text.lines().nth(1).unwrap().ends_with(",199"), "{text}");
}

#[test]
fn a_bare_file_has_no_place_for_files() {
    let fixture = Fixture::new(1);
    let command = CreateExport {
        packaging: Packaging::Bare,
        files: FileInclusion::Entries,
        ..CreateExport::new(Surface::Admin, "things".parse().unwrap(), ExportFormat::Csv)
    };
    let made = block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, &command));
    let Err(Error::Invalid(errors)) = made else { panic!("was not refused") };
    assert_eq!(errors[0].field, "packaging");
}
