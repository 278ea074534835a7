//! Exports of every collection of an org with a file for each: all that is there, under names that nothing confuses, whatever is cut.

use super::*;
use crate::files::{Expected, entries, fixture as papers};
use serde_json::{Value, json};
use waybill_domain::{FileInclusion, Packaging, Property, RecordId};

fn add(fixture: &Fixture, name: &str, properties: Vec<Property>, records: &[Value]) {
    let collection: Collection = samples::collection(&fixture.admin.org, &name.parse().unwrap(), properties);
    block_on(fixture.ports.insert(&collection)).unwrap();
    let patches: Vec<RecordPatch> = (1..)
        .zip(records)
        .map(|(n, record)| {
            let id: RecordId = format!("{n:024x}").parse().unwrap();
            let mut record = record.clone();
            record["_id"] = id.to_string().into();
            RecordPatch { id, json: record.to_string().into() }
        })
        .collect();
    block_on(fixture.ports.records.put(&fixture.admin.org, &collection.name, &patches)).unwrap();
}

/// An org with records that name files, a collection whose name differs by case alone, one called as the manifest, an empty one, and an
/// account.
fn org() -> (Fixture, Expected) {
    let (fixture, expected) = papers(7);
    let number = || samples::property("n", PropertyKind::Number);
    let hidden = Property { optional: true, ..samples::property("secret", PropertyKind::String) };
    let records: Vec<Value> = (0..9).map(|n| json!({"n": n, "secret": format!("s{n}"), "creator": "00f1"})).collect();
    add(&fixture, "Papers", vec![number(), hidden], &records);
    add(&fixture, "manifest", vec![number()], &[json!({"n": 1, "created": "2026-01-01T00:00:00Z"})]);
    let account = samples::account("demo", Role::Member).unwrap();
    block_on(fixture.ports.insert(&account)).unwrap();
    (fixture, expected)
}

fn wanted(format: ExportFormat, files: FileInclusion) -> CreateExport {
    CreateExport {
        per_collection: true,
        files,
        ..CreateExport::new(Surface::Rebilly, CollectionName::everything(), format)
    }
}

fn make(fixture: &Fixture, command: &CreateExport) -> Result<ExportView, Error> {
    block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, command))
}

fn json_of(entries: &BTreeMap<String, Vec<u8>>, name: &str) -> Value {
    serde_json::from_slice(&entries[name]).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn each_collection_has_a_file_with_all_that_its_records_have() {
    let (fixture, expected) = org();
    let view = make(&fixture, &wanted(ExportFormat::Json, FileInclusion::Entries)).unwrap();
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    let entries = entries(&fixture.archive(&view));
    let names: Vec<&String> = entries.keys().filter(|name| !name.starts_with("files/")).collect();
    assert_eq!(
        names,
        ["Papers.json", "_manifest.json", "accounts.json", "manifest.json", "papers-2.json", "things.json"]
    );
    assert_eq!(json_of(&entries, "things.json"), json!([]));
    assert_eq!(json_of(&entries, "papers-2.json").as_array().unwrap().len(), 7);
    let optional = &json_of(&entries, "Papers.json")[3];
    assert!(optional["secret"].as_str().unwrap().starts_with('s') && optional["creator"] == "00f1", "{optional}");
    assert_eq!(json_of(&entries, "_manifest.json")[0]["created"], "2026-01-01T00:00:00Z");
    let accounts = json_of(&entries, "accounts.json");
    assert_eq!(accounts.as_array().unwrap().len(), 1, "{accounts}");
    let files: BTreeMap<String, &Vec<u8>> = entries
        .iter()
        .filter(|(name, _)| name.starts_with("files/"))
        .map(|(name, body)| (name.clone(), body))
        .collect();
    let lie = |name: &String| name.replacen("files/", "files/papers-2/", 1);
    let wanted: BTreeMap<String, &Vec<u8>> = expected.files.iter().map(|(name, body)| (lie(name), body)).collect();
    assert_eq!(files, wanted);
    let export = fixture.read(&view).export;
    assert_eq!(
        (export.progress.records, export.progress.missing_files),
        (18, u64::try_from(expected.missing).unwrap())
    );
    let counts: Vec<(String, u64)> =
        view.spec.counts(&export.progress).map(|(name, count)| (name.to_string(), count)).collect();
    let told = [("Papers", 9), ("manifest", 1), ("papers", 7), ("things", 0), ("accounts", 1)];
    assert_eq!(counts, told.map(|(name, count)| (name.to_owned(), count)));
    let manifest = json_of(&entries, "manifest.json");
    assert_eq!(manifest["collections"][2], json!({"collection": "papers", "name": "papers-2.json", "records": 7}));
    assert_eq!(manifest["request"]["perCollection"], true);
    assert_eq!(manifest["files"][0]["collection"], "papers");
}

#[test]
fn an_export_of_a_file_for_each_cut_after_every_page_and_piece_is_that_of_an_uncut_one() {
    for (format, files) in [
        (ExportFormat::Json, FileInclusion::None),
        (ExportFormat::Json, FileInclusion::Entries),
        (ExportFormat::Csv, FileInclusion::Zipped),
        (ExportFormat::Xml, FileInclusion::None),
        (ExportFormat::DetailedCsv, FileInclusion::Entries),
    ] {
        let ((uncut, _), (cut, _)) = (org(), org());
        let command = wanted(format, files);
        let (view, same) = (make(&uncut, &command).unwrap(), make(&cut, &command).unwrap());
        assert_eq!(uncut.step(&view, FOREVER), Verdict::Done);
        let (mut steps, mut last) = (0, 0);
        while cut.step(&same, Duration::ZERO) == Verdict::Retry {
            let progress = cut.read(&same).export.progress;
            let all: u64 = same.spec.counts(&progress).map(|(_, count)| count).sum();
            assert!(all == progress.records && all >= last, "{progress:?}");
            (steps, last) = (steps + 1, all);
            assert!(steps < 500, "does not end");
        }
        assert!(steps > 10, "{steps} steps");
        assert_eq!(uncut.archive(&view), cut.archive(&same), "{format:?} {files:?}");
        let (one, other) = (uncut.read(&view).export.progress, cut.read(&same).export.progress);
        assert_eq!(one.by_collection, other.by_collection);
        assert_eq!(one.plain_bytes, other.plain_bytes);
    }
}

#[test]
fn an_org_without_a_collection_has_its_accounts() {
    let fixture = Fixture::new(0);
    let row =
        block_on(fixture.ports.rows().collection(&fixture.admin.org, &"things".parse().unwrap())).unwrap().unwrap();
    let mut transaction = fixture.ports.context().transaction();
    transaction.delete(&row);
    block_on(transaction.commit(&*fixture.ports.context().state)).unwrap();
    let view = make(&fixture, &wanted(ExportFormat::Json, FileInclusion::None)).unwrap();
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    assert_eq!(json_of(&entries(&fixture.archive(&view)), "accounts.json"), json!([]));
}

#[test]
fn members_take_what_they_may_read_along() {
    let (fixture, _) = org();
    let member = samples::principal("demo", Role::Member).unwrap();
    let command = wanted(ExportFormat::Json, FileInclusion::Entries);
    let view = block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &member, &command)).unwrap();
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    let entries = entries(&fixture.archive(&view));
    assert!(!entries.keys().any(|name| name.starts_with("files/")), "{:?}", entries.keys());
    for name in ["Papers.json", "papers-2.json", "_manifest.json"] {
        assert_eq!(json_of(&entries, name), json!([]), "nobody granted members anything");
    }
}

#[test]
fn what_makes_no_file_for_each_is_refused_by_name() {
    let (fixture, _) = org();
    let refused = |command: CreateExport| match make(&fixture, &command) {
        Err(Error::Invalid(errors)) => errors.into_iter().map(|error| error.field).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(wanted(ExportFormat::Pdf, FileInclusion::None)), ["format"]);
    let packaging = Packaging::Bare;
    assert_eq!(refused(CreateExport { packaging, ..wanted(ExportFormat::Json, FileInclusion::None) }), ["packaging"]);
    let one = CreateExport { collection: "things".parse().unwrap(), ..wanted(ExportFormat::Json, FileInclusion::None) };
    assert_eq!(refused(one), ["perCollection"]);
}
