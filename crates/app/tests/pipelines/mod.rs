//! Exports with pipelines: what comes out in every format, the same whatever is cut, and never more than memory holds.

use super::{FOREVER, Fixture, entry};
use futures::executor::block_on;
use serde_json::{Value, json};
use std::time::Duration;
use waybill_app::{CreateExport, Error, ExportView, SortSettings, Verdict, create_export};
use waybill_domain::{ExportFormat, FailureCode, Phase, State, Surface};

fn command(format: ExportFormat, pipeline: &Value) -> CreateExport {
    CreateExport {
        pipeline: Some(pipeline.clone()),
        ..CreateExport::new(Surface::Admin, "things".parse().unwrap(), format)
    }
}

fn create(fixture: &Fixture, format: ExportFormat, pipeline: &Value) -> ExportView {
    let command = command(format, pipeline);
    block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, &command)).unwrap()
}

fn exported(format: ExportFormat, name: &str, pipeline: &Value) -> String {
    let fixture = Fixture::new(200);
    let view = create(&fixture, format, pipeline);
    assert_eq!(fixture.step(&view, FOREVER), Verdict::Done);
    let State::Ready { .. } = fixture.read(&view).export.state else {
        panic!("{:?}", fixture.read(&view).export.state)
    };
    let text = entry(&fixture.archive(&view), name);
    if format == ExportFormat::Ndjson {
        assert_eq!(u64::try_from(text.lines().count()).unwrap(), fixture.read(&view).export.progress.records);
    }
    text
}

/// The numbers of the things that come out, in their order.
fn numbers(pipeline: &Value) -> Vec<u64> {
    let text = exported(ExportFormat::Ndjson, "things.ndjson", pipeline);
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["n"].as_u64().unwrap()).collect()
}

/// Steps without any time until the export has ended; gives the phases that they ended in.
fn cut(fixture: &Fixture, view: &ExportView) -> Vec<Phase> {
    let mut phases = Vec::new();
    while fixture.step(view, Duration::ZERO) == Verdict::Retry {
        phases.push(fixture.read(view).export.progress.phase);
        assert!(phases.len() < 2000, "does not end");
    }
    phases
}

fn small() -> SortSettings {
    SortSettings { run_bytes: 700, fan_in: 3, block_bytes: 300, chunk_bytes: 500, piece_bytes: 400, read_bytes: 300 }
}

/// Records, one by one, in an order, counted off, gathered, and several of these.
fn kinds() -> Vec<(&'static str, Value)> {
    vec![
        ("match", json!([{"$match": {"n": {"$gte": 50}}}, {"$match": {"name": {"$regex": "7$"}}}])),
        ("project", json!([{"$project": {"twice": {"$add": ["$n", "$n"]}, "d": {"x": "$name"}, "n": 1}}])),
        ("window", json!([{"$match": {"n": {"$lt": 150}}}, {"$skip": 20}, {"$limit": 37}, {"$project": {"n": 1}}])),
        ("sort", json!([{"$sort": {"n": -1}}])),
        (
            "sort and window",
            json!([{"$sort": {"n": -1}}, {"$match": {"n": {"$lt": 190}}}, {"$skip": 13}, {"$limit": 60}]),
        ),
        (
            "group",
            json!([{"$group": {"_id": {"$concat": ["x", "$name"]}, "n": {"$sum": "$n"}, "all": {"$push": "$$ROOT"}}}]),
        ),
        (
            "group of few",
            json!([{"$group": {"_id": {"$size": [["$n"]]}, "n": {"$avg": "$n"}, "max": {"$max": "$name"}}}]),
        ),
        (
            "sort before group",
            json!([{"$sort": {"n": -1}}, {"$group": {"_id": null, "n": {"$first": "$n"}, "last": {"$last": "$n"}, "all": {"$push": "$n"}}}]),
        ),
        (
            "group, then all others",
            json!([{"$group": {"_id": "$n", "n": {"$sum": 1}, "name": {"$first": "$name"}}},
            {"$sort": {"name": -1}}, {"$skip": 3}, {"$limit": 100}, {"$match": {"n": 1}}, {"$project": {"name": 0}}]),
        ),
        ("sort in memory", json!([{"$limit": 90}, {"$sort": {"n": 1}}])),
    ]
}

#[test]
fn stages_do_what_they_say() {
    assert_eq!(numbers(&json!([{"$sort": {"n": -1}}, {"$skip": 3}, {"$limit": 4}])), [196, 195, 194, 193]);
    assert_eq!(numbers(&json!([{"$skip": 180}])).len(), 20);
    assert_eq!(numbers(&json!([{"$limit": 7}, {"$match": {"n": {"$gte": 0}}}])).len(), 7);
    let all = numbers(&json!([{"$match": {}}]));
    assert_eq!(numbers(&json!([{"$skip": 20}, {"$limit": 37}])), all[20..57]);
    assert_eq!(numbers(&json!([{"$limit": 90}, {"$sort": {"n": 1}}])), {
        let mut first = all[..90].to_vec();
        first.sort_unstable();
        first
    });
    assert_eq!(numbers(&json!("[{\"$match\": {\"n\": 5}}]")), [5]);
    assert_eq!(numbers(&json!([{"$limit": 9}, {"$match": {"n": -1}}])), Vec::<u64>::new());
    let group = json!([{"$group": {"_id": null, "n": {"$sum": "$n"}, "rows": {"$count": {}}, "mean": {"$avg": "$n"}}}]);
    assert_eq!(
        exported(ExportFormat::Ndjson, "things.ndjson", &group),
        "{\"_id\":null,\"n\":19900,\"rows\":200,\"mean\":99.5}\n"
    );
}

#[test]
fn rows_come_in_every_format() {
    let pipeline = json!([{"$match": {"n": {"$lte": 2}}}, {"$sort": {"n": 1}},
        {"$group": {"_id": {"big": {"$literal": true}}, "first": {"$first": "$name"}, "ns": {"$push": "$n"}}}]);
    let all = [
        (ExportFormat::Ndjson, "things.ndjson"),
        (ExportFormat::Json, "things.json"),
        (ExportFormat::Csv, "things.csv"),
        (ExportFormat::DetailedCsv, "things.csv"),
        (ExportFormat::Xml, "things.xml"),
        (ExportFormat::JsonApi, "things.json"),
    ];
    let written: Vec<String> =
        all.iter().map(|(format, name)| format!("{format:?}\n{}", exported(*format, name, &pipeline))).collect();
    insta::assert_snapshot!(written.join("\n").replace('\r', ""));
}

#[test]
fn a_pipeline_cut_anywhere_gives_the_archive_of_an_uncut_one() {
    for (kind, pipeline) in kinds() {
        let mut uncut = Fixture::new(200);
        uncut.settings.sort.chunk_bytes = small().chunk_bytes;
        let view = create(&uncut, ExportFormat::Csv, &pipeline);
        assert_eq!(uncut.step(&view, FOREVER), Verdict::Done);
        let mut other = Fixture::new(200);
        other.settings.sort = small();
        let same = create(&other, ExportFormat::Csv, &pipeline);
        let phases = cut(&other, &same);
        assert!(phases.len() > 20, "{kind}: {phases:?}");
        assert_eq!(uncut.archive(&view), other.archive(&same), "{kind}");
    }
}

#[test]
fn more_than_memory_holds_fails_with_the_limit_and_what_to_do() {
    let mut fixture = Fixture::new(200);
    fixture.settings.gather_bytes = 10 << 10;
    for stage in [json!({"$group": {"_id": "$n"}}), json!({"$group": {"_id": null, "all": {"$push": "$$ROOT"}}})] {
        let view = create(&fixture, ExportFormat::Ndjson, &json!([stage.clone(), {"$project": {"_id": 1}}]));
        cut(&fixture, &view);
        let State::Failed { failure, .. } = fixture.read(&view).export.state else { panic!("{stage} did not fail") };
        assert_eq!(failure.code, FailureCode::LimitExceeded);
        assert!(
            failure.message.starts_with("`$group` holds more than 10 KiB: group by something with fewer"),
            "{failure}"
        );
        assert!(fixture.uses_nothing());
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    let fixture = Fixture::new(1);
    let refused = |command: CreateExport| {
        let made = block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, &command));
        let Err(Error::Invalid(errors)) = made else { panic!("was not refused: {command:?}") };
        format!("{}: {}", errors[0].field, errors[0].message)
    };
    let group = json!([{"$group": {"_id": null}}]);
    let of = |pipeline: &Value| command(ExportFormat::Csv, pipeline);
    assert_eq!(
        refused(CreateExport { paths: vec!["n".parse().unwrap()], ..of(&group) }),
        "pipeline: says in `$project` and `$group` what goes out: leave `paths` and `include` out"
    );
    let sort = waybill_query::SortOrder::parse(&json!("n")).ok();
    assert_eq!(refused(CreateExport { sort, ..of(&group) }), "sort: is said by a `$sort` where there is a pipeline");
    assert_eq!(refused(of(&json!([{"$sort": {"colour": 1}}]))), "pipeline: 0.$sort: unknown property `colour`");
    assert_eq!(
        refused(of(&json!("[{"))),
        "pipeline: must be an array, or JSON as text: EOF while parsing an object at line 1 column 2"
    );
    assert_eq!(
        refused(of(&json!([{"$project": {"_id": 0, "n": 0, "name": 0}}]))),
        "pipeline: leaves nothing of the records: `$project` drops all that they have"
    );
}
