//! Exports of more records than one file may have, and of more than an export may: split alike wherever they are cut, and counted.

use super::{FOREVER, Fixture, entry};
use futures::executor::block_on;
use serde_json::{Value, json};
use std::num::NonZeroU64;
use std::time::Duration;
use waybill_app::{
    CreateExport, Error, ExportView, IdempotentRequest, Verdict, create_export, delete_record, delete_records,
    load_records,
};
use waybill_domain::{
    ExportFormat, FailureCode, IdempotencyKey, Packaging, Phase, RecordLimits, State, StorageHold, Surface,
};
use waybill_query::SortOrder;

fn limits(per_file: u64, most: u64) -> RecordLimits {
    RecordLimits { per_file: NonZeroU64::new(per_file).unwrap(), most: NonZeroU64::new(most).unwrap() }
}

fn wanted(format: ExportFormat, limits: RecordLimits) -> CreateExport {
    CreateExport {
        label: Some("All: things".to_owned()),
        packaging: Packaging::Bare,
        limits: Some(limits),
        ..CreateExport::new(Surface::Rebilly, "things".parse().unwrap(), format)
    }
}

fn make(fixture: &Fixture, command: &CreateExport) -> Result<ExportView, Error> {
    block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, command))
}

fn names(archive: &[u8]) -> Vec<String> {
    let zip = zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
    (0..zip.len()).map(|index| zip.name_for_index(index).unwrap().unwrap().into_owned()).collect()
}

/// The archive of an export that has ended as one.
fn split(fixture: &Fixture, view: &ExportView) -> Vec<u8> {
    let export = fixture.read(view).export;
    let archive = export.archive().unwrap_or_else(|| panic!("{:?}", export.state)).clone();
    assert_eq!((archive.packaged.as_ref(), export.download_ending().as_str()), (None, "zip"));
    assert_eq!(export.storage, StorageHold::Held { bytes: archive.size_bytes });
    fixture.archive(view)
}

/// The bare file of an export that has ended as one.
fn whole(fixture: &Fixture, view: &ExportView) -> String {
    let export = fixture.read(view).export;
    let file = export.archive().and_then(|archive| archive.packaged.clone()).expect("packaged");
    String::from_utf8(fixture.ports.archives.body(&file.key).expect("there").to_vec()).unwrap()
}

fn failure(fixture: &Fixture, view: &ExportView) -> FailureCode {
    match fixture.read(view).export.state {
        State::Failed { failure, .. } => failure.code,
        other => panic!("did not fail: {other:?}"),
    }
}

/// The records in a file, as far as the format tells them apart.
fn records(format: ExportFormat, text: &str) -> Vec<String> {
    match format {
        ExportFormat::Json | ExportFormat::JsonApi => {
            let all: Vec<Value> = serde_json::from_str(text).unwrap();
            all.iter().map(Value::to_string).collect()
        }
        ExportFormat::Xml => {
            assert!(text.starts_with("<?xml") && text.trim_end().ends_with("</things>"), "{text}");
            text.split("<name>").skip(1).map(|part| part.split("</n>").next().unwrap().to_owned()).collect()
        }
        _ => {
            let (header, rows) = text.split_once("\r\n").unwrap();
            assert!(header.contains("name"), "{header}");
            rows.lines().map(str::to_owned).collect()
        }
    }
}

#[test]
fn parts_are_whole_files_that_make_the_unsplit_one() {
    for format in
        [ExportFormat::Csv, ExportFormat::DetailedCsv, ExportFormat::Json, ExportFormat::JsonApi, ExportFormat::Xml]
    {
        for sort in [None, Some(SortOrder::parse(&json!("-n")).unwrap())] {
            let fixture = Fixture::new(160);
            let command = |most| CreateExport { sort: sort.clone(), ..wanted(format, limits(most, 1000)) };
            let view = make(&fixture, &command(50)).unwrap();
            let bare = make(&fixture, &command(160)).unwrap();
            assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
            let archive = split(&fixture, &view);
            let extension = format.extension();
            let expected: Vec<String> = (1..=4).map(|part| format!("All- things-part{part}.{extension}")).collect();
            assert_eq!(names(&archive), expected);
            let parts: Vec<Vec<String>> = expected.iter().map(|name| records(format, &entry(&archive, name))).collect();
            assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 50, 10]);
            assert_eq!(parts.concat(), records(format, &whole(&fixture, &bare)), "{format:?}");
            assert_eq!(fixture.read(&view).export.progress.records, 160);
        }
    }
}

#[test]
fn parts_come_out_the_same_wherever_the_export_is_cut() {
    for sort in [None, Some(SortOrder::parse(&json!("name")).unwrap())] {
        let command = CreateExport { sort: sort.clone(), ..wanted(ExportFormat::Csv, limits(25, 1000)) };
        let (uncut, cut) = (Fixture::new(120), Fixture::new(120));
        let (view, same) = (make(&uncut, &command).unwrap(), make(&cut, &command).unwrap());
        assert_eq!(uncut.step(&view, FOREVER), Verdict::Done);
        let (mut steps, mut counting) = (0, 0);
        while cut.step(&same, Duration::ZERO) == Verdict::Retry {
            steps += 1;
            counting += usize::from(cut.read(&same).export.progress.phase == Phase::Counting);
            assert!(steps < 500, "does not end");
        }
        assert!(steps > 30 && (sort.is_some() || counting > 10), "{steps} steps, {counting} of them counting");
        assert_eq!(names(&split(&uncut, &view)).len(), 5);
        assert_eq!(split(&uncut, &view), split(&cut, &same));
    }
}

#[test]
fn as_many_as_a_file_may_have_are_one_file_and_none_are_too() {
    for (count, files) in [(0, 1), (1, 1), (24, 1), (25, 1), (26, 2), (50, 2), (51, 3)] {
        let fixture = Fixture::new(count);
        let view = make(&fixture, &wanted(ExportFormat::Json, limits(25, 1000))).unwrap();
        assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
        if files == 1 {
            assert_eq!(records(ExportFormat::Json, &whole(&fixture, &view)).len(), count);
        } else {
            let archive = split(&fixture, &view);
            assert_eq!(names(&archive).len(), files);
            assert!(names(&archive).iter().all(|name| !records(ExportFormat::Json, &entry(&archive, name)).is_empty()));
        }
    }
}

#[test]
fn more_records_than_an_export_may_have_fail_it_before_it_has_taken_storage() {
    let sorted = Some(SortOrder::parse(&json!("-n")).unwrap());
    for (sort, format) in [(None, ExportFormat::Csv), (sorted, ExportFormat::Csv), (None, ExportFormat::Pdf)] {
        let packaging = if format == ExportFormat::Pdf { Packaging::Zip } else { Packaging::Bare };
        let fixture = Fixture::new(60);
        let command = |most| CreateExport { sort: sort.clone(), packaging, ..wanted(format, limits(25, most)) };
        let (fits, not) = (make(&fixture, &command(60)).unwrap(), make(&fixture, &command(59)).unwrap());
        assert_eq!(fixture.step(&fits, FOREVER), Verdict::Done);
        assert!(fixture.read(&fits).export.archive().is_some());
        let before = fixture.usage();
        assert_eq!(failure(&fixture, &not), FailureCode::RecordLimitExceeded);
        assert_eq!((before.used_bytes > 0, before.reserved_bytes), (true, 0));
    }
}

/// Loads things by number, as a client does.
fn load(fixture: &Fixture, numbers: std::ops::Range<usize>) {
    let line = |n| format!(r#"{{"_id":"{:024x}","name":"thing {n}","n":{n}}}"#, n * 7919 + 1);
    let lines = numbers.map(line).collect::<Vec<_>>().join("\n");
    let (context, records) = (fixture.ports.context(), &*fixture.ports.records);
    let name = "things".parse().unwrap();
    let loaded = load_records(&context, records, &fixture.admin, &name, lines.as_bytes(), None);
    assert_eq!(block_on(loaded).unwrap().rejected.len(), 0);
}

fn certain(fixture: &Fixture) -> Option<u64> {
    let count = block_on(fixture.ports.rows().record_count(&fixture.admin.org, &"things".parse().unwrap())).unwrap();
    count.and_then(|count| count.value.certain())
}

#[test]
fn loads_and_deletions_keep_the_count() {
    let fixture = Fixture::new(0);
    let (context, records, name) = (fixture.ports.context(), &*fixture.ports.records, "things".parse().unwrap());
    load(&fixture, 0..30);
    assert_eq!(certain(&fixture), Some(30));
    load(&fixture, 20..40);
    assert_eq!(certain(&fixture), Some(40), "half of them were there");
    let id = format!("{:024x}", 1).parse().unwrap();
    block_on(delete_record(&context, records, &fixture.admin, &name, id)).unwrap();
    assert_eq!(certain(&fixture), Some(39));
    // Sent again, lines without ids make the same records.
    let request = IdempotentRequest {
        key: IdempotencyKey::parse("again").unwrap(),
        operation: "test",
        body_digest: "0".repeat(64),
    };
    for _ in 0..2 {
        let lines = b"{\"name\":\"unnamed\"}\n{\"name\":\"unnamed\"}";
        block_on(load_records(&context, records, &fixture.admin, &name, lines, Some(&request))).unwrap();
        assert_eq!(certain(&fixture), Some(41));
    }
    block_on(delete_records(&context, records, &fixture.admin, &name)).unwrap();
    assert_eq!(certain(&fixture), Some(0));
}

#[test]
fn what_is_certain_is_told_at_once_and_what_is_not_when_it_is_counted() {
    let fixture = Fixture::new(0);
    load(&fixture, 0..30);
    let all = wanted(ExportFormat::Csv, limits(25, 29));
    let refused = make(&fixture, &all);
    assert!(matches!(refused, Err(Error::TooManyRecords { matched: 30, most: 29 })), "{refused:?}");
    assert!(make(&fixture, &wanted(ExportFormat::Csv, limits(25, 30))).is_ok());
    // Some of them may be few enough.
    let data = |filter: &str| {
        let filter = Some(filter.to_owned());
        Some(waybill_domain::DataRequest { filter, ..waybill_domain::DataRequest::default() })
    };
    let few = make(&fixture, &CreateExport { data: data("n:..3"), ..all.clone() }).unwrap();
    assert_eq!(fixture.step(&few, FOREVER), Verdict::Done);
    assert_eq!(records(ExportFormat::Csv, &whole(&fixture, &few)).len(), 4);
    let many = make(&fixture, &CreateExport { data: data("n:1.."), ..wanted(ExportFormat::Csv, limits(25, 28)) });
    let many = many.unwrap();
    fixture.step(&many, FOREVER);
    assert_eq!(failure(&fixture, &many), FailureCode::RecordLimitExceeded);
    // Whoever was about to change something is gone.
    let stored = block_on(fixture.ports.rows().record_count(&fixture.admin.org, &"things".parse().unwrap()));
    let stored = stored.unwrap().unwrap();
    let context = fixture.ports.context();
    let mut transaction = context.transaction();
    transaction.update(stored.version, &stored.value.begin(context.now())).unwrap();
    block_on(transaction.commit(&*context.state)).unwrap();
    assert_eq!(certain(&fixture), None);
    let queued = make(&fixture, &all).unwrap();
    fixture.step(&queued, FOREVER);
    assert_eq!((failure(&fixture, &queued), certain(&fixture)), (FailureCode::RecordLimitExceeded, None));
    fixture.ports.clock.advance(Duration::from_hours(2));
    let fits = make(&fixture, &wanted(ExportFormat::Csv, limits(25, 30))).unwrap();
    assert_eq!(fixture.step(&fits, FOREVER), Verdict::Done);
    assert_eq!(certain(&fixture), Some(30), "counted, and nothing has changed meanwhile");
    assert!(matches!(make(&fixture, &all), Err(Error::TooManyRecords { .. })));
}
