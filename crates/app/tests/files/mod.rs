//! Exports with the records' files: whole and in order whatever is cut, and never failed by a file.

use super::{FOREVER, Fixture};
use bytes::Bytes;
use futures::executor::block_on;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::time::Duration;
use waybill_app::{
    AnnounceFile, CreateExport, ExportView, FileSettings, Verdict, announce_file, create_export, delete_record, sweep,
};
use waybill_domain::{
    ExportFormat, FileInclusion, Phase, Property, PropertyKind, RecordFile, RecordId, State, Surface, file_key,
};
use waybill_ports::{ArchiveStore, ObjectMetadata, RecordPatch, RecordStore};
use waybill_query::SortOrder;
use waybill_testkit::samples;

const PIECE: usize = 64;

/// The content of a file: text that compresses, or bytes that do not.
fn content(number: usize, size: usize) -> Vec<u8> {
    let mut state = u32::try_from(number).unwrap() | 1;
    let random = (0..size).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    if number.is_multiple_of(3) {
        b"lorem ipsum ".iter().copied().cycle().take(size).collect()
    } else {
        random.collect()
    }
}

fn key(fixture: &Fixture, record: RecordId, property: &str, id: &str) -> String {
    file_key(&fixture.admin.org, &"papers".parse().unwrap(), record, property, id.parse().unwrap())
}

/// What should come out: names in the archive and contents, and how many files are missing.
#[derive(Default)]
pub(super) struct Expected {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) missing: usize,
}

/// An org with records that name files of all sizes, some of which are not there.
pub(super) fn fixture(records: usize) -> (Fixture, Expected) {
    let mut fixture = Fixture::new(0);
    fixture.settings.files = FileSettings { piece_bytes: u64::try_from(PIECE).unwrap(), ahead: 3, spill_bytes: 300 };
    let name = "papers".parse().unwrap();
    let properties = vec![
        samples::property("n", PropertyKind::Number),
        samples::property("photo", PropertyKind::File),
        Property { array: true, optional: true, ..samples::property("scans", PropertyKind::File) },
    ];
    block_on(fixture.ports.insert(&samples::collection(&fixture.admin.org, &name, properties))).unwrap();
    let mut expected = Expected::default();
    let mut number = 0;
    for record in 0..records {
        let id: RecordId = format!("{:024x}", record * 7919 + 1).parse().unwrap();
        let mut file = |property: &str, place: usize, there: bool| {
            number += 1;
            let (file_id, size) = (format!("{number:024x}"), [0, 1, PIECE, PIECE + 1, 5 * PIECE, 700][number % 6]);
            let filename = format!("Bild {number}.{}", if number.is_multiple_of(4) { "png" } else { "txt" });
            let mime = if number.is_multiple_of(4) { "image/png" } else { "text/plain" };
            if there {
                let body = content(number, size);
                expected.files.insert(format!("files/{id}/{property}/{place}-{filename}"), body.clone());
                let key = key(&fixture, id, property, &file_id);
                fixture.ports.archives.overwrite(&key, Bytes::from(body), ObjectMetadata::default());
            } else {
                expected.missing += 1;
            }
            json!({"_id": file_id, "filename": filename, "mime": mime, "size": size})
        };
        let mut document = json!({"_id": id.to_string(), "n": record});
        match record % 5 {
            0 => document["photo"] = file("photo", 1, true),
            1 => document["scans"] = json!([file("scans", 1, true), file("scans", 2, false), file("scans", 3, true)]),
            2 => {
                document["photo"] = Value::Null;
                document["scans"] = json!([]);
            }
            3 => document["photo"] = file("photo", 1, false),
            _ => {
                document["photo"] = file("photo", 1, true);
                document["scans"] = json!([{"filename": "without an id"}, file("scans", 2, true)]);
                expected.missing += 1;
            }
        }
        let patch = RecordPatch { id, json: document.to_string().into() };
        block_on(fixture.ports.records.put(&fixture.admin.org, &name, &[patch])).unwrap();
    }
    (fixture, expected)
}

fn create(fixture: &Fixture, files: FileInclusion, sort: Option<&str>, paths: &[&str]) -> ExportView {
    let command = CreateExport {
        files,
        sort: sort.map(|sort| SortOrder::parse(&json!(sort)).unwrap()),
        paths: paths.iter().map(|path| path.parse().unwrap()).collect(),
        ..CreateExport::new(Surface::Admin, "papers".parse().unwrap(), ExportFormat::Ndjson)
    };
    block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, &command)).unwrap()
}

/// Every entry of an archive by name; those of an inner `files.zip` beside them.
pub(super) fn entries(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut entries = BTreeMap::new();
    for position in 0..zip.len() {
        let mut entry = zip.by_index(position).unwrap();
        let (name, mut body) = (entry.name().unwrap().to_string(), Vec::new());
        entry.read_to_end(&mut body).unwrap();
        assert!(entries.insert(name, body).is_none());
    }
    if let Some(inner) = entries.remove("files.zip") {
        entries.extend(super::files::entries(&inner));
    }
    entries
}

fn check(archive: &[u8], expected: &Expected) {
    let mut found = entries(archive);
    let manifest: Value = serde_json::from_slice(&found.remove("manifest.json").unwrap()).unwrap();
    found.remove("papers.ndjson").unwrap();
    assert_eq!(found, expected.files);
    let bytes: usize = expected.files.values().map(Vec::len).sum();
    assert_eq!(manifest["counts"]["files"], expected.files.len());
    assert_eq!(manifest["counts"]["fileBytes"], bytes);
    assert_eq!(manifest["counts"]["missingFiles"], expected.missing);
    let lines = manifest["files"].as_array().unwrap();
    assert_eq!(lines.len(), expected.files.len() + expected.missing);
    for line in lines.iter().filter(|line| line["missing"].is_null()) {
        let body = &expected.files[line["name"].as_str().unwrap()];
        assert_eq!(line["size"], body.len());
        assert_eq!(line["sha256"], hex::encode(<sha2::Sha256 as sha2::Digest>::digest(body)));
    }
    let reasons: Vec<&str> = lines.iter().filter_map(|line| line["missing"].as_str()).collect();
    assert_eq!(reasons.len(), expected.missing);
    assert!(reasons.contains(&"it was never uploaded, or is removed"), "{reasons:?}");
}

/// Steps without any time until the export has ended; gives the phases that they ended in.
fn cut(fixture: &Fixture, view: &ExportView) -> Vec<Phase> {
    let mut phases = Vec::new();
    while fixture.step(view, Duration::ZERO) == Verdict::Retry {
        phases.push(fixture.read(view).export.progress.phase);
        assert!(phases.len() < 3000, "does not end");
    }
    phases
}

#[test]
fn files_come_along_and_missing_ones_are_named() {
    for files in [FileInclusion::Entries, FileInclusion::Zipped] {
        let (fixture, expected) = fixture(23);
        let view = create(&fixture, files, None, &[]);
        assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
        check(&fixture.archive(&view), &expected);
        let export = fixture.read(&view).export;
        let bytes: usize = expected.files.values().map(Vec::len).sum();
        let number = |number: usize| u64::try_from(number).unwrap();
        let found = (export.progress.files, export.progress.file_bytes, export.progress.missing_files);
        assert_eq!(found, (number(expected.files.len()), number(bytes), number(expected.missing)));
        assert_eq!(fixture.usage().used_bytes, export.archive().unwrap().size_bytes);
    }
}

#[test]
fn an_export_with_files_cut_at_every_piece_gives_the_archive_of_an_uncut_one() {
    for (files, sort) in
        [(FileInclusion::Entries, None), (FileInclusion::Zipped, None), (FileInclusion::Zipped, Some("-n"))]
    {
        let (uncut, expected) = fixture(40);
        let view = create(&uncut, files, sort, &[]);
        assert_eq!(uncut.step(&view, FOREVER), Verdict::Done);
        check(&uncut.archive(&view), &expected);
        let (mut other, _) = fixture(40);
        other.settings.files.ahead = 1;
        other.settings.files.spill_bytes = 40;
        let same = create(&other, files, sort, &[]);
        let phases = cut(&other, &same);
        assert!(phases.iter().filter(|phase| **phase == Phase::Files).count() > 100, "{phases:?}");
        assert!(uncut.archive(&view) == other.archive(&same), "{files:?} {sort:?}");
        let prefix = format!("work/demo/{}/", same.export.id);
        assert!(block_on(other.ports.archives.list(&prefix)).unwrap().iter().any(|key| key.contains("-f")));
        other.ports.clock.advance(Duration::from_mins(1));
        block_on(sweep(&other.sweeping(), FOREVER));
        assert_eq!(block_on(other.ports.archives.list(&prefix)).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn only_the_files_of_properties_that_are_named_come_along_where_any_is() {
    let (fixture, expected) = fixture(10);
    for (paths, photos, scans) in
        [(&["n"][..], true, true), (&["n", "photo"], true, false), (&["scans", "photo.filename"], true, true)]
    {
        let view = create(&fixture, FileInclusion::Entries, None, paths);
        assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
        let found = entries(&fixture.archive(&view));
        for name in expected.files.keys() {
            let is_expected = if name.contains("/photo/") { photos } else { scans };
            assert_eq!(found.contains_key(name), is_expected, "{paths:?} {name}");
        }
    }
    let view = create(&fixture, FileInclusion::None, None, &[]);
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    let archive = fixture.archive(&view);
    assert_eq!(entries(&archive).keys().collect::<Vec<_>>(), ["manifest.json", "papers.ndjson"]);
}

#[test]
fn a_file_removed_while_it_is_read_is_named_as_not_whole() {
    let (fixture, expected) = fixture(1);
    let (name, body) = expected.files.iter().next().unwrap();
    let id: RecordId = name.split('/').nth(1).unwrap().parse().unwrap();
    // One piece is in when the step ends.
    let large = content(1, 5 * PIECE);
    let key = key(&fixture, id, "photo", &format!("{:024x}", 1));
    let json = json!({"_id": id.to_string(), "photo": {"_id": format!("{:024x}", 1), "filename": "a", "mime": "", "size": large.len()}});
    let patch = RecordPatch { id, json: json.to_string().into() };
    block_on(fixture.ports.records.put(&fixture.admin.org, &"papers".parse().unwrap(), &[patch])).unwrap();
    fixture.ports.archives.overwrite(&key, Bytes::from(large.clone()), ObjectMetadata::default());
    let view = create(&fixture, FileInclusion::Zipped, None, &[]);
    let mut steps = 0;
    while fixture.read(&view).export.progress.phase != Phase::Files || steps < 60 {
        assert_eq!(fixture.step(&view, Duration::ZERO), Verdict::Retry);
        steps += 1;
        if fixture.read(&view).export.progress.phase == Phase::Files {
            break;
        }
    }
    for _ in 0..2 {
        assert_eq!(fixture.step(&view, Duration::ZERO), Verdict::Retry);
    }
    fixture.ports.archives.erase(&key);
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    let found = entries(&fixture.archive(&view));
    let part = &found[&format!("files/{id}/photo/1-a")];
    assert!(!part.is_empty() && part.len() < large.len() && large.starts_with(part));
    let manifest: Value = serde_json::from_slice(&found["manifest.json"]).unwrap();
    assert_eq!(manifest["files"][0]["broken"], "it was never uploaded, or is removed");
    assert_eq!(manifest["counts"]["missingFiles"], 1);
    assert!(matches!(fixture.read(&view).export.state, State::Ready { .. }));
    assert!(body.len() < large.len());
}

#[test]
fn a_file_of_another_size_than_its_record_says_is_named_as_missing() {
    let (fixture, expected) = fixture(1);
    let id: RecordId = expected.files.keys().next().unwrap().split('/').nth(1).unwrap().parse().unwrap();
    let key = key(&fixture, id, "photo", &format!("{:024x}", 1));
    for body in [&b""[..], b"x"] {
        let json = json!({"_id": id.to_string(), "photo": {"_id": format!("{:024x}", 1), "filename": "a", "mime": "", "size": 3 * body.len() + 2}});
        let patch = RecordPatch { id, json: json.to_string().into() };
        block_on(fixture.ports.records.put(&fixture.admin.org, &"papers".parse().unwrap(), &[patch])).unwrap();
        fixture.ports.archives.overwrite(&key, Bytes::from_static(body), ObjectMetadata::default());
        let view = create(&fixture, FileInclusion::Entries, None, &[]);
        assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
        let manifest: Value = serde_json::from_slice(&entries(&fixture.archive(&view))["manifest.json"]).unwrap();
        assert_eq!(manifest["files"][0]["missing"], "its size is not what was announced");
    }
}

/// Announces a file of the first record and gives it.
fn announce(fixture: &Fixture, property: &str, size_bytes: u64) -> RecordFile {
    let command = AnnounceFile {
        collection: "papers".parse().unwrap(),
        record: format!("{:024x}", 1).parse().unwrap(),
        property: property.to_owned(),
        filename: "a".to_owned(),
        media_type: "text/plain".to_owned(),
        size_bytes,
        idempotency: None,
    };
    let (context, ports) = (fixture.ports.context(), &fixture.ports);
    block_on(announce_file(&context, &*ports.records, &*ports.archives, &fixture.admin, &command)).unwrap().file
}

fn sweep_later(fixture: &Fixture, minutes: u64) -> usize {
    fixture.ports.clock.advance(Duration::from_mins(minutes));
    block_on(sweep(&fixture.sweeping(), FOREVER)).files
}

fn used(fixture: &Fixture) -> (u64, u64) {
    let usage = fixture.usage();
    (usage.used_bytes, usage.reserved_bytes)
}

#[test]
fn an_uploaded_file_is_held_once_it_was_seen_and_one_that_never_came_is_given_up() {
    let (fixture, _) = fixture(1);
    let (came, never) = (announce(&fixture, "photo", 5), announce(&fixture, "scans", 7));
    fixture.ports.archives.overwrite(&came.object_key(), Bytes::from_static(b"hello"), ObjectMetadata::default());
    assert_eq!(used(&fixture), (0, 12));
    assert_eq!(sweep_later(&fixture, 1), 0);
    assert_eq!(sweep_later(&fixture, 15), 2);
    assert_eq!(used(&fixture), (5, 7));
    assert_eq!(sweep_later(&fixture, 121), 1);
    assert_eq!(used(&fixture), (5, 0));
    assert_eq!(sweep_later(&fixture, 60 * 24), 0);
    assert!(fixture.ports.archives.body(&came.object_key()).is_some());
    let rows = fixture.ports.rows();
    let gone = rows.file(&never.org, &never.collection, never.record, &never.property, never.id);
    assert_eq!(block_on(gone).unwrap(), None);
}

#[test]
fn the_bytes_of_a_removed_file_go_and_so_do_those_that_arrive_late() {
    let (fixture, _) = fixture(1);
    let file = announce(&fixture, "photo", 5);
    let upload = || fixture.ports.archives.overwrite(&file.object_key(), "hello".into(), ObjectMetadata::default());
    upload();
    let (context, records) = (fixture.ports.context(), &*fixture.ports.records);
    block_on(delete_record(&context, records, &fixture.admin, &file.collection, file.record)).unwrap();
    assert_eq!(used(&fixture), (0, 0));
    assert_eq!(sweep_later(&fixture, 1), 1);
    assert_eq!(fixture.ports.archives.body(&file.object_key()), None);
    // An upload that began before the record went.
    upload();
    assert_eq!(sweep_later(&fixture, 135), 1);
    assert_eq!(fixture.ports.archives.body(&file.object_key()), None);
    assert_eq!((sweep_later(&fixture, 60 * 24), used(&fixture)), (0, (0, 0)));
}
