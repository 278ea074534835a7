//! Sorted exports: in order, the same whatever is cut, and no run left behind.

use super::{FOREVER, Fixture, entry};
use futures::executor::block_on;
use serde_json::{Value, json};
use std::time::Duration;
use waybill_app::{CreateExport, ExportView, SortSettings, Verdict, create_export, sweep};
use waybill_domain::{ExportFormat, Phase, Surface};
use waybill_ports::ArchiveStore;
use waybill_query::SortOrder;

const CHUNK_BYTES: usize = 500;

fn create(fixture: &Fixture, format: ExportFormat, sort: &Value) -> ExportView {
    let command = CreateExport {
        sort: Some(SortOrder::parse(sort).unwrap()),
        ..CreateExport::new(Surface::Admin, "things".parse().unwrap(), format)
    };
    block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, &command)).unwrap()
}

/// Runs so short that they are merged several times.
fn small() -> SortSettings {
    SortSettings {
        run_bytes: 700,
        fan_in: 3,
        block_bytes: 300,
        chunk_bytes: CHUNK_BYTES,
        piece_bytes: 400,
        read_bytes: 300,
    }
}

/// Steps without any time until the export has ended; gives their number and the phases that they ended in.
fn cut(fixture: &Fixture, view: &ExportView) -> Vec<Phase> {
    let mut phases = Vec::new();
    while fixture.step(view, Duration::ZERO) == Verdict::Retry {
        phases.push(fixture.read(view).export.progress.phase);
        assert!(phases.len() < 2000, "does not end");
    }
    phases
}

#[test]
fn records_come_in_the_order_that_was_asked_for() {
    let mut fixture = Fixture::new(200);
    fixture.settings.sort = small();
    let view = create(&fixture, ExportFormat::Csv, &json!("-n"));
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    let lines = entry(&fixture.archive(&view), "things.csv");
    let numbers: Vec<u32> =
        lines.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (0..200).rev().collect::<Vec<_>>());
    assert_eq!(fixture.read(&view).export.progress.records, 200);

    let view = create(&fixture, ExportFormat::Json, &json!({"name": 1}));
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    let things: Vec<Value> = serde_json::from_str(&entry(&fixture.archive(&view), "things.json")).unwrap();
    let names: Vec<&str> = things.iter().map(|thing| thing["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 200);
    assert!(names.is_sorted(), "{names:?}");
    let manifest: Value = serde_json::from_str(&entry(&fixture.archive(&view), "manifest.json")).unwrap();
    assert_eq!(manifest["request"]["sort"], "name");
}

#[test]
fn a_sort_cut_at_every_page_and_block_gives_the_archive_of_an_uncut_one() {
    for format in [ExportFormat::Json, ExportFormat::Csv] {
        let mut uncut = Fixture::new(200);
        uncut.settings.sort.chunk_bytes = CHUNK_BYTES;
        let view = create(&uncut, format, &json!("-name"));
        assert_eq!(uncut.step(&view, FOREVER), Verdict::Done);
        let mut other = Fixture::new(200);
        other.settings.sort = small();
        let same = create(&other, format, &json!("-name"));
        let phases = cut(&other, &same);
        let in_phase = |phase| phases.iter().filter(|at| **at == phase).count();
        assert!(in_phase(Phase::Sorting) > 100, "{phases:?}");
        assert!(in_phase(Phase::Records) > 10, "{phases:?}");
        assert_eq!(uncut.archive(&view), other.archive(&same), "{format:?}");
    }
}

#[test]
fn a_sort_leaves_no_run_behind() {
    let mut fixture = Fixture::new(300);
    fixture.settings.sort = small();
    let view = create(&fixture, ExportFormat::Ndjson, &json!("name"));
    cut(&fixture, &view);
    let prefix = format!("work/demo/{}/", view.export.id);
    let left = block_on(fixture.ports.archives.list(&prefix)).unwrap();
    assert!(left.iter().filter(|key| key.contains("-r")).count() > 100, "{left:?}");
    fixture.ports.clock.advance(Duration::from_mins(1));
    block_on(sweep(&fixture.sweeping(), FOREVER));
    assert_eq!(block_on(fixture.ports.archives.list(&prefix)).unwrap(), Vec::<String>::new());
    assert_eq!(entry(&fixture.archive(&view), "things.ndjson").lines().count(), 300);
}

#[test]
fn an_order_by_what_is_not_declared_is_refused_by_name() {
    let fixture = Fixture::new(1);
    let command = CreateExport {
        sort: Some(SortOrder::parse(&json!("n,-colour")).unwrap()),
        ..CreateExport::new(Surface::Admin, "things".parse().unwrap(), ExportFormat::Csv)
    };
    let made = block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, &command));
    let Err(waybill_app::Error::Invalid(errors)) = made else { panic!("was not refused") };
    assert_eq!(errors[0].field, "sort");
    assert_eq!(errors[0].message, "`colour` is no property of `things`");
}
