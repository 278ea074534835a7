//! Pipelines: what they give, what they refuse, that they can be cut anywhere, and that an export's way is the same.

use crate::Pipeline;
use crate::pipeline::{Evaluation, Flow, PipelineFault, Reshaper, Source, Stage};
use serde_json::{Value, json};
use waybill_record::{Path, PropertyType, Tape};

const PLENTY: usize = 1 << 20;

fn type_of(path: &Path) -> Option<(PropertyType, bool)> {
    match path.to_string().as_str() {
        "_id" => Some((PropertyType::ObjectId, false)),
        "name" | "tz" | "at.city" => Some((PropertyType::String, false)),
        "n" | "at.lat" => Some((PropertyType::Number, false)),
        "created" => Some((PropertyType::Date, false)),
        "country" => Some((PropertyType::Reference, false)),
        "items" => Some((PropertyType::Document, true)),
        "items.n" => Some((PropertyType::Number, true)),
        "tags" | "items.sku" => Some((PropertyType::String, true)),
        "at" => Some((PropertyType::Document, false)),
        _ => None,
    }
}

fn read(pipeline: &Value) -> Result<Pipeline, String> {
    let properties = ["_id", "name", "tz", "n", "created", "country", "tags", "items", "at"].map(str::to_owned);
    let source = Source { type_of: &type_of, properties: &properties };
    let pipeline = Pipeline::parse(pipeline, &source).map_err(|error| error.to_string())?;
    // What is frozen in a row must do the same when it is read back.
    let frozen: Pipeline = serde_json::from_str(&serde_json::to_string(&pipeline).unwrap()).unwrap();
    assert_eq!(frozen.stages(), pipeline.stages());
    Ok(frozen)
}

fn records() -> Vec<String> {
    [
        r#"{"_id":"0000000000000000000000a1","name":"Ash","tz":"x","n":1.10,"created":"2026-01-31T23:30:00Z","tags":["a","b"],"at":{"lat":1,"city":"P"}}"#,
        r#"{"_id":"0000000000000000000000a2","name":"Birch","tz":"y","n":2,"created":"2026-02-01T00:30:00+01:00","country":"00000000000000000000000C","items":[{"sku":"s","n":1},{"sku":"t"}]}"#,
        r#"{"_id":"0000000000000000000000a3","name":"Cedar","tz":"x","n":0.9,"created":"2026-02-01T00:00:00Z","country":"00000000000000000000000c","tags":[]}"#,
        r#"{"_id":"0000000000000000000000a4","name":"Dogwood","n":null,"created":"2026-03-01","at":{"city":"Q"}}"#,
        r#"{"_id":"0000000000000000000000a5","name":"Elm","tz":"y","n":12345678901234567890123456789012345678}"#,
    ]
    .map(str::to_owned)
    .to_vec()
}

fn run(pipeline: impl std::borrow::Borrow<Value>) -> String {
    read(pipeline.borrow()).unwrap().evaluate(records(), PLENTY).unwrap().join("\n")
}

#[test]
fn groups_are_told_of() {
    assert_eq!(
        run(json!([{"$group": {
            "_id": "$tz", "rows": {"$count": {}}, "ones": {"$sum": 1}, "total": {"$sum": "$n"}, "mean": {"$avg": "$n"},
            "least": {"$min": "$created"}, "greatest": {"$max": "$created"}, "first": {"$first": "$name"},
            "last": {"$last": "$n"}, "names": {"$push": "$name"}, "countries": {"$addToSet": "$country"}
        }}])),
        [
            r#"{"_id":null,"rows":1,"ones":1,"total":0,"mean":null,"least":"2026-03-01","greatest":"2026-03-01","first":"Dogwood","last":null,"names":["Dogwood"],"countries":[]}"#,
            r#"{"_id":"x","rows":2,"ones":2,"total":2,"mean":1,"least":"2026-01-31T23:30:00Z","greatest":"2026-02-01T00:00:00Z","first":"Ash","last":0.9,"names":["Ash","Cedar"],"countries":["00000000000000000000000c"]}"#,
            r#"{"_id":"y","rows":2,"ones":2,"total":12345678901234567890123456789012345680,"mean":6172839450617283945061728394506173000,"least":"2026-02-01T00:30:00+01:00","greatest":"2026-02-01T00:30:00+01:00","first":"Birch","last":12345678901234567890123456789012345678,"names":["Birch","Elm"],"countries":["00000000000000000000000C"]}"#,
        ]
        .join("\n")
    );
    // Instants and ids are equal whatever their writing; the first one shows.
    assert_eq!(run(json!([{"$group": {"_id": "$country"}}])), "{\"_id\":null}\n{\"_id\":\"00000000000000000000000C\"}");
    assert_eq!(
        run(
            json!([{"$match": {"name": {"$in": ["Ash", "Birch"]}}}, {"$group": {"_id": "$created", "n": {"$sum": 1}}}])
        ),
        "{\"_id\":\"2026-01-31T23:30:00Z\",\"n\":2}"
    );
    assert_eq!(
        run(json!([{"$group": {"_id": {"y": {"$year": "$created"}, "m": {"$month": "$created"}}, "n": {"$sum": 1}}},
                   {"$match": {"_id.m": {"$gt": 1}}}, {"$project": {"_id": 0, "month": "$_id.m", "n": 1}}])),
        "{\"month\":2,\"n\":1}\n{\"month\":3,\"n\":1}"
    );
    let all = format!("{{\"_id\":null,\"all\":[{}]}}", records()[0]);
    assert_eq!(run(json!([{"$limit": 1}, {"$group": {"_id": null, "all": {"$push": "$$ROOT"}}}])), all);
}

#[test]
fn rows_are_given_other_forms() {
    let one = |project: Value| run(json!([{"$limit": 2}, {"$skip": 1}, {"$project": project}]));
    assert_eq!(
        one(json!({"name": 1, "items.sku": true})),
        r#"{"_id":"0000000000000000000000a2","name":"Birch","items":[{"sku":"s"},{"sku":"t"}]}"#
    );
    assert_eq!(
        one(
            json!({"_id": 0, "ns": "$items.n", "k": {"$literal": {"$x": 1}}, "c": {"$concat": ["$name", "/", {"$toUpper": "$tz"}]},
                   "size": {"$size": "$items"}, "or": {"$ifNull": ["$at.city", "none"]}, "d": {"a": {"b": "$n"}, "z": "$at.lat"},
                   "l": ["$n", "$at"], "sum": {"$add": ["$n", 0.5]}, "left": {"$subtract": [1, "$n"]}, "not": {"$add": ["$n", "$name"]}})
        ),
        r#"{"ns":[1],"k":{"$x":1},"c":"Birch/Y","size":2,"or":"none","d":{"a":{"b":2}},"l":[2,null],"sum":2.5,"left":-1,"not":null}"#
    );
    assert_eq!(
        one(json!({"_id": 0, "created": 0, "country": false, "items": {"n": 0}})),
        r#"{"name":"Birch","tz":"y","n":2,"items":[{"sku":"s"},{"sku":"t"}]}"#
    );
    assert_eq!(
        run(
            json!([{"$project": {"where": "$at"}}, {"$match": {"where.city": "Q"}}, {"$project": {"_id": 0, "x": "$where.city"}}])
        ),
        r#"{"x":"Q"}"#
    );
}

#[test]
fn orders_windows_and_conditions_go_one_after_the_other() {
    let names = |stages: &[Value]| {
        let mut stages = stages.to_vec();
        stages.push(json!({"$project": {"_id": 0, "name": 1}}));
        run(Value::from(stages)).replace("{\"name\":\"", "").replace("\"}", "").replace('\n', " ")
    };
    assert_eq!(names(&[json!({"$sort": {"n": -1}})]), "Elm Birch Ash Cedar Dogwood");
    assert_eq!(names(&[json!({"$sort": {"n": 1}}), json!({"$skip": 1}), json!({"$limit": 2})]), "Cedar Ash");
    assert_eq!(names(&[json!({"$limit": 3}), json!({"$sort": {"created": -1, "name": 1}})]), "Cedar Ash Birch");
    assert_eq!(names(&[json!({"$skip": 1}), json!({"$match": {"tz": "y"}}), json!({"$limit": 1})]), "Birch");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (pipeline, expected) in [
        (json!({}), "must be an array of 1 to 20 stages"),
        (json!([]), "must be an array of 1 to 20 stages"),
        (json!([{}]), "0: a stage is an object with one operator"),
        (
            json!([{"$match": {}}, {"$lookup": {}}]),
            "1.$lookup: is no stage here; there are $match, $project, $sort, $skip, $limit and $group",
        ),
        (json!([{"$match": {"nme": 1}}]), "0.$match: unknown property `nme`"),
        (
            json!([{"$match": {"name": {"$near": 1}}}]),
            "0.$match: `name.$near` asks about geometry, and conditions cannot",
        ),
        (json!([{"$sort": {"nme": 1}}]), "0.$sort: unknown property `nme`"),
        (json!([{"$sort": {"name": 2}}]), "0.$sort: the direction of `name` must be 1 or -1"),
        (json!([{"$sort": "name"}]), "0.$sort: takes an object like {\"name\":1,\"created\":-1}"),
        (json!([{"$skip": -1}]), "0.$skip: takes a whole number, 0 or more"),
        (json!([{"$limit": 0}]), "0.$limit: takes a whole number, 1 or more"),
        (json!([{"$project": {}}]), "0.$project: takes an object that names at least one field"),
        (
            json!([{"$project": {"name": 1, "n": 0}}]),
            "0.$project: names either what stays or what goes; only `_id` may go where others stay",
        ),
        (json!([{"$project": {"at": 1, "at.lat": 1}}]), "0.$project.at.lat: is named twice, as a whole and in part"),
        (json!([{"$project": {"x": "$nme"}}]), "0.$project.x: unknown property `nme`"),
        (
            json!([{"$project": {"x": {"$rand": {}}}}]),
            "0.$project.x.$rand: is no function here; there are $literal $ifNull $concat $toLower $toUpper $size $add $subtract $year $month $dayOfMonth $hour",
        ),
        (json!([{"$project": {"x": {"$subtract": [1]}}}]), "0.$project.x.$subtract: takes 2 arguments"),
        (json!([{"$project": {"x": "$$NOW"}}]), "0.$project.x: the variable `$$NOW` is not there; there is `$$ROOT`"),
        (json!([{"$project": {"name": 1}}, {"$match": {"n": 1}}]), "1.$match: unknown property `n`"),
        (json!([{"$group": {"n": {"$sum": 1}}}]), "0.$group: needs `_id`: what rows are grouped by, or null"),
        (
            json!([{"$group": {"_id": null, "n": {"$stdDevPop": "$n"}}}]),
            "0.$group.n.$stdDevPop: is no accumulator here; there are $sum $avg $min $max $first $last $push $addToSet $count",
        ),
        (
            json!([{"$group": {"_id": null, "a.b": {"$sum": 1}}}]),
            "0.$group.a.b: is no name of a field: letters, digits, `_` and `-`, no dot, no `$` in front",
        ),
        (json!([{"$group": {"_id": null, "n": {"$count": 1}}}]), "0.$group.n.$count: takes an empty object"),
    ] {
        assert_eq!(read(&pipeline).map(|_| ()), Err(expected.to_owned()), "{pipeline}");
    }
}

#[test]
fn memory_is_bounded_and_the_stage_that_needs_it_is_named() {
    let held = |pipeline: Value, limit| {
        let many = (0..2000).map(|n| format!(r#"{{"_id":"{n:024x}","n":{n},"name":"{}"}}"#, "x".repeat(50)));
        read(&pipeline).unwrap().evaluate(many, limit)
    };
    let too_much = |operator| Err(PipelineFault::TooMuch { operator, limit_bytes: 50_000 });
    assert_eq!(held(json!([{"$group": {"_id": "$n"}}]), 50_000), too_much("$group"));
    assert_eq!(held(json!([{"$group": {"_id": null, "all": {"$push": "$name"}}}]), 50_000), too_much("$group"));
    assert_eq!(held(json!([{"$group": {"_id": null, "all": {"$addToSet": "$n"}}}]), 50_000), too_much("$group"));
    assert_eq!(held(json!([{"$sort": {"n": -1}}]), 50_000), too_much("$sort"));
    assert_eq!(held(json!([{"$match": {"n": {"$gte": 0}}}]), 50_000), too_much(""));
    // Only the first ones are kept where the others are counted off.
    assert_eq!(held(json!([{"$sort": {"n": -1}}, {"$skip": 3}, {"$limit": 2}]), 50_000).unwrap().len(), 2);
    assert_eq!(
        held(json!([{"$group": {"_id": null, "n": {"$sum": "$n"}}}]), 50_000).unwrap(),
        [r#"{"_id":null,"n":1999000}"#]
    );
}

#[test]
fn enough_is_enough() {
    let mut evaluation = read(&json!([{"$match": {"tz": "x"}}, {"$limit": 1}])).unwrap().evaluation(PLENTY);
    let flows: Vec<Flow> = records()[..2].iter().map(|record| evaluation.push(record.as_bytes()).unwrap()).collect();
    assert_eq!(flows, [Flow::Enough, Flow::Enough]);
    let mut sorted = read(&json!([{"$sort": {"n": 1}}, {"$limit": 1}])).unwrap().evaluation(PLENTY);
    assert_eq!(sorted.push(records()[0].as_bytes()).unwrap(), Flow::More);
}

/// Pipelines of all kinds.
fn pipelines() -> Vec<Pipeline> {
    let parts = [
        json!({"$match": {"n": {"$gte": 1}}}),
        json!({"$project": {"name": 1, "n": 1, "tz": {"$ifNull": ["$tz", "none"]}}}),
        json!({"$sort": {"tz": 1, "name": -1}}),
        json!({"$skip": 1}),
        json!({"$limit": 3}),
        json!({"$group": {"_id": "$tz", "name": {"$first": "$name"}, "n": {"$sum": "$n"}, "all": {"$push": "$n"}, "set": {"$addToSet": "$name"}, "max": {"$max": "$n"}, "mean": {"$avg": "$n"}}}),
    ];
    let mut pipelines = Vec::new();
    for code in 0..6_usize.pow(4) {
        let stages: Vec<Value> = (0..4).map(|place| parts[code / 6_usize.pow(place) % 6].clone()).collect();
        pipelines.extend(read(&Value::from(stages)));
    }
    assert!(pipelines.len() > 200, "{}", pipelines.len());
    pipelines
}

#[test]
fn an_evaluation_that_is_cut_anywhere_gives_the_same() {
    for pipeline in pipelines() {
        let expected = pipeline.evaluate(records(), PLENTY).unwrap();
        let mut evaluation = pipeline.evaluation(PLENTY);
        for record in records() {
            evaluation.push(record.as_bytes()).unwrap();
            let saved = serde_json::to_string(&evaluation.save()).unwrap();
            evaluation = Evaluation::resume(pipeline.stages(), PLENTY, serde_json::from_str(&saved).unwrap()).unwrap();
        }
        assert_eq!(evaluation.finish().unwrap(), expected, "{:?}", pipeline.stages());
    }
}

#[test]
fn the_course_of_an_export_gives_the_same() {
    for pipeline in pipelines() {
        let expected = pipeline.evaluate(records(), PLENTY).unwrap();
        let course = pipeline.course();
        let (mut reshaper, mut scanner) = (Reshaper::new(), Tape::new());
        let mut rows = Vec::new();
        for (place, record) in records().iter().enumerate() {
            let text = |row: &waybill_record::Document<'_>| String::from_utf8(row.source().to_vec()).unwrap();
            let record = scanner.scan(record.as_bytes()).unwrap();
            let ordered = reshaper.apply(&course.before, &record, |row| {
                let mut key = Vec::new();
                if let Some(order) = &course.order {
                    order.write_key(row, &mut key);
                }
                Reshaper::new().apply(&course.after, row, text).unwrap().map(|row| (key, place, row))
            });
            rows.extend(ordered.unwrap().flatten());
        }
        rows.sort();
        let count = u64::try_from(rows.len()).unwrap();
        let (skip, take) = course.window.of(0, count);
        let window =
            rows.into_iter().map(|(_, _, row)| row).skip(skip.try_into().unwrap()).take(take.try_into().unwrap());
        let mut rest = Evaluation::of(&course.rest, PLENTY);
        for row in window {
            rest.push(row.as_bytes()).unwrap();
        }
        assert_eq!(rest.finish().unwrap(), expected, "{:?}", pipeline.stages());
        assert!(course.rest.is_empty() || !matches!(course.rest[0], Stage::Project(_)));
    }
}
