//! Whole exports: what went in comes out, and where an export was cut cannot be seen.

use crate::{
    Assembly, AssemblyHeader, AssemblyState, AssemblySummary, Block, EncodeError, Format, Holds, Level, Modified, Plan,
    PlanSpec, PropertyShape, RecordFault, Shape,
};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Digest;
use std::io::{Cursor, Read};
use waybill_query::dialects::cortex_where;
use waybill_record::{Chunk, Page, PropertyType, stored};

const FORMATS: [Format; 6] =
    [Format::Ndjson, Format::Json, Format::Csv, Format::DetailedCsv, Format::Xml, Format::JsonApi];

fn shape() -> Shape {
    let tags = PropertyShape { name: "tags".to_owned(), array: true, holds: Holds::Value };
    Shape { collection: "c_visits".to_owned(), singular: "c_visit".to_owned(), properties: vec![tags] }
}

fn plan(format: Format, paths: &[&str], query: &Value) -> Plan {
    let spec = PlanSpec {
        filter: cortex_where::parse(query, &|_| Some(PropertyType::Any)).unwrap(),
        paths: paths.iter().map(|path| path.parse().unwrap()).collect(),
        names: Vec::new(),
        links: Vec::new(),
        format,
        shape: shape(),
        level: Level::Fast,
        raw_cells: false,
    };
    Plan::compile(&spec).unwrap()
}

fn header() -> AssemblyHeader {
    AssemblyHeader {
        collection: "c_visits".to_owned(),
        export: "6920d1f0a1b2c3d4e5f60718".to_owned(),
        org: Some("acme".to_owned()),
        request: json!({"objects": "c_visits", "format": "text/csv"}),
        modified: Modified::from_unix_secs(1_795_300_831),
    }
}

fn stored_records(records: &[Value]) -> Vec<Bytes> {
    records.iter().map(|record| Bytes::from(stored::encode(record.to_string().as_bytes()))).collect()
}

fn page(records: &[Value]) -> Chunk {
    Page::stored(stored_records(records)).whole()
}

/// Exports the pages; where `cuts` says so, another process goes on from the serialised state.
fn export(plan: &Plan, pages: &[Chunk], cuts: &[bool]) -> (Vec<u8>, AssemblySummary) {
    let mut out = Vec::new();
    let mut assembly = Assembly::start(plan, header(), &mut out).unwrap();
    for (position, page) in pages.iter().enumerate() {
        if cuts.get(position).copied().unwrap_or(false) {
            let checkpoint = serde_json::to_string(&assembly.state()).unwrap();
            let state: AssemblyState = serde_json::from_str(&checkpoint).unwrap();
            assembly = Assembly::resume(plan, header(), state);
        }
        let block = plan.transform(page).unwrap();
        assembly.push(&block, &mut out).unwrap();
    }
    let summary = assembly.finish(&mut out).unwrap();
    (out, summary)
}

fn entry(archive: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn visits(count: usize) -> Vec<Value> {
    (0..count)
        .map(|n| json!({"_id": format!("{n:024x}"), "n": n, "even": n % 2 == 0, "name": format!("Visit {n}, \"ü\"")}))
        .collect()
}

#[test]
fn archive_describes_itself() {
    let plan = plan(Format::Csv, &["_id", "n"], &json!({"even": true}));
    let records = visits(5);
    let (archive, summary) = export(&plan, &[page(&records[..3]), page(&records[3..])], &[]);
    assert_eq!(summary.records, 3);
    assert_eq!(summary.size_bytes, u64::try_from(archive.len()).unwrap());
    assert_eq!(summary.sha256, hex::encode(sha2::Sha256::digest(&archive)));
    let names: Vec<&str> = summary.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["c_visits.csv", "manifest.json"]);
    let table = entry(&archive, "c_visits.csv");
    assert_eq!(summary.entries[0].sha256, hex::encode(sha2::Sha256::digest(&table)));
    insta::assert_snapshot!(table.replace("\r\n", "\n"), @r"
    _id,n
    000000000000000000000000,0
    000000000000000000000002,2
    000000000000000000000004,4
    ");
    insta::assert_snapshot!("manifest", entry(&archive, "manifest.json"));
}

#[test]
fn nothing_to_export_is_still_an_archive() {
    const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <c_visits xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n</c_visits>\n";
    for (format, expected) in FORMATS.into_iter().zip(["", "[\n]\n", "n\r\n", "n\r\n", XML, "[\n]\n"]) {
        let plan = plan(format, &["n"], &json!({"n": -1}));
        let (archive, summary) = export(&plan, &[page(&visits(3)), page(&[])], &[true, true]);
        assert_eq!(summary.records, 0);
        assert_eq!(entry(&archive, &format!("c_visits.{}", format.file_extension())), expected);
    }
}

#[test]
fn blocks_count_what_they_saw_and_what_they_took() {
    let plan = plan(Format::Ndjson, &["n"], &json!({"even": true}));
    let block = plan.transform(&page(&visits(5))).unwrap();
    assert_eq!((block.scanned, block.records), (5, 3));
    let nothing = plan.transform(&page(&[])).unwrap();
    assert_eq!(nothing, Block::default());
}

#[test]
fn recycled_memory_does_not_show() {
    let plan = plan(Format::Csv, &["n", "name"], &json!({}));
    let pages = [page(&visits(50)), page(&visits(3)), page(&[]), page(&visits(20))];
    let fresh: Vec<Block> = pages.iter().map(|page| plan.transform(page).unwrap()).collect();
    for _ in 0..2 {
        for (page, expected) in pages.iter().zip(&fresh) {
            let block = plan.transform(page).unwrap();
            assert_eq!(&block, expected);
            plan.recycle(block);
        }
    }
}

#[test]
fn corrupt_record_is_named_and_never_skipped() {
    let plan = plan(Format::Ndjson, &["n"], &json!({}));
    let mut records = stored_records(&visits(3));
    records[1] = Bytes::from_static(b"\0{\"_id\":\"00a1\",\"n\":01}");
    let error = plan.transform(&Page::stored(records.clone()).whole()).unwrap_err();
    assert_eq!((error.position, error.id.as_deref()), (1, Some("00a1")));
    assert_eq!(error.to_string(), "record 1 of the page (_id 00a1) cannot be exported");
    assert!(matches!(error.fault, RecordFault::Text(_)));
    records[1] = Bytes::from_static(b"\x07");
    let error = plan.transform(&Page::stored(records).whole()).unwrap_err();
    assert_eq!((error.position, error.id), (1, None));
    assert!(matches!(error.fault, RecordFault::Read(_)));
}

#[test]
fn record_that_makes_too_many_lines_is_named() {
    let plan = plan(Format::DetailedCsv, &["name", "tags"], &json!({}));
    let record = |name: usize, tags: usize| json!({"_id": "00b2", "name": "x".repeat(name), "tags": vec![1; tags]});
    assert!(plan.transform(&page(&[record(100_000, 300)])).is_ok());
    let error = plan.transform(&page(&[record(1, 1), record(100_000, 400)])).unwrap_err();
    assert_eq!((error.position, error.id.as_deref()), (1, Some("00b2")));
    assert_eq!(error.fault, RecordFault::Encode(EncodeError::TooManyLines));
}

#[test]
fn level_of_one_plan_does_not_leak_into_the_next() {
    let records = page(&visits(300));
    let level = |level| PlanSpec {
        filter: waybill_query::Filter::everything(),
        paths: vec!["name".parse().unwrap()],
        names: Vec::new(),
        links: Vec::new(),
        format: Format::Ndjson,
        shape: Shape::default(),
        level,
        raw_cells: false,
    };
    let transform = |chosen| Plan::compile(&level(chosen)).unwrap().transform(&records).unwrap();
    let fast = transform(Level::Fast);
    let small = transform(Level::Small);
    assert!(small.deflated.len() < fast.deflated.len());
    assert_eq!(transform(Level::Fast), fast);
    assert_eq!(std::thread::scope(|scope| scope.spawn(|| transform(Level::Small)).join().unwrap()), small);
}

fn record() -> impl Strategy<Value = Value> {
    let tags = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..3));
    (any::<u16>(), "\\PC{0,12}", proptest::option::of(any::<bool>()), tags).prop_map(|(n, name, even, tags)| {
        let mut record = json!({"_id": format!("{n:024x}"), "n": n, "name": name});
        if let Some(even) = even {
            record["even"] = json!(even);
        }
        if let Some(tags) = tags {
            record["tags"] = json!(tags);
        }
        record
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn an_export_cut_at_any_page_equals_the_uncut_byte_for_byte(
        pages in proptest::collection::vec(proptest::collection::vec(record(), 0..6), 0..8),
        cuts in proptest::collection::vec(any::<bool>(), 8),
        format in prop::sample::select(FORMATS.to_vec()),
    ) {
        let plan = plan(format, &["n", "name", "tags"], &json!({"even": {"$ne": false}}));
        let stored: Vec<Chunk> = pages.iter().map(|records| page(records)).collect();
        let uncut = export(&plan, &stored, &[]);
        prop_assert_eq!(&export(&plan, &stored, &cuts), &uncut);
        prop_assert_eq!(&export(&plan, &stored, &[true; 8]), &uncut);

        let expected: Vec<Value> = pages.iter().flatten().filter(|record| record["even"] != json!(false))
            .map(|record| {
                let tags = record.get("tags").map(|tags| ("tags", tags.clone()));
                [("n", record["n"].clone()), ("name", record["name"].clone())].into_iter().chain(tags).collect()
            })
            .collect();
        let text = entry(&uncut.0, &format!("c_visits.{}", format.file_extension()));
        match format {
            Format::Json => prop_assert_eq!(serde_json::from_str::<Vec<Value>>(&text).unwrap(), expected),
            Format::Ndjson => {
                let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                prop_assert_eq!(lines, expected);
            }
            Format::Csv => {
                let rows = csv::Reader::from_reader(text.as_bytes()).into_records().count();
                prop_assert_eq!(rows, expected.len());
            }
            Format::DetailedCsv => {
                let rows = csv::Reader::from_reader(text.as_bytes()).into_records().count();
                let items = |record: &Value| record.get("tags").and_then(Value::as_array).map_or(0, Vec::len);
                prop_assert_eq!(rows, expected.iter().map(|record| items(record).max(1)).sum::<usize>());
            }
            Format::Xml => prop_assert_eq!(text.matches("<c_visit>").count(), expected.len()),
            Format::JsonApi => {
                let resources = serde_json::from_str::<Vec<Value>>(&text).unwrap();
                let attributes: Vec<Value> = resources.iter().map(|resource| resource["attributes"].clone()).collect();
                prop_assert_eq!(attributes, expected);
            }
            Format::Pdf => prop_assert!(false, "its records are entries"),
        }
    }

    #[test]
    fn documents_are_entries_of_their_own_wherever_the_export_is_cut(
        pages in proptest::collection::vec(proptest::collection::vec(record(), 0..3), 0..4),
        cuts in proptest::collection::vec(any::<bool>(), 4),
    ) {
        let plan = plan(Format::Pdf, &["n", "name", "tags"], &json!({"even": {"$ne": false}}));
        let stored: Vec<Chunk> = pages.iter().map(|records| page(records)).collect();
        let uncut = export(&plan, &stored, &[]);
        prop_assert_eq!(&export(&plan, &stored, &cuts), &uncut);
        let expected: Vec<&Value> = pages.iter().flatten().filter(|record| record["even"] != json!(false)).collect();
        let manifest: Value = serde_json::from_str(&entry(&uncut.0, "manifest.json")).unwrap();
        prop_assert_eq!(&manifest["counts"], &json!({"records": expected.len()}));
        let listed = manifest["files"].as_array().unwrap();
        prop_assert_eq!(listed.len(), expected.len());
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&uncut.0)).unwrap();
        prop_assert_eq!(zip.len(), expected.len() + 1);
        for (number, (record, listed)) in (1..).zip(expected.iter().zip(listed)) {
            let id = record["_id"].as_str().unwrap();
            let name = format!("c_visits/{number}-{id}.pdf");
            prop_assert_eq!((&listed["name"], &listed["record"]), (&json!(name), &json!(id)));
            let mut document = Vec::new();
            std::io::Read::read_to_end(&mut zip.by_name(&name).unwrap(), &mut document).unwrap();
            prop_assert!(document.starts_with(b"%PDF-1.7"));
            prop_assert_eq!(json!(document.len()), listed["size"].clone());
        }
    }

    #[test]
    fn pages_joined_or_split_hold_the_same_records(
        records in proptest::collection::vec(record(), 1..20),
        at in any::<prop::sample::Index>(),
        format in prop::sample::select(FORMATS.to_vec()),
    ) {
        let plan = plan(format, &["n", "name", "even", "tags"], &json!({}));
        let at = at.index(records.len());
        let name = format!("c_visits.{}", format.file_extension());
        let joined = export(&plan, &[page(&records)], &[]).0;
        let split = export(&plan, &[page(&records[..at]), page(&records[at..])], &[]).0;
        prop_assert_eq!(entry(&joined, &name), entry(&split, &name));
    }
}
