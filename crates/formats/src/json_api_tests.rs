//! What `json-api` writes.

use crate::encoder_tests::{file, naive_projection, object, path, value};
use crate::{Encoder, Format, Holds, PropertyShape, Selection, Shape};
use proptest::prelude::*;
use serde_json::{Value, json};

fn encoder(paths: &[&str]) -> Encoder {
    let reference = |name: &str, array, to: &str| PropertyShape {
        name: name.to_owned(),
        array,
        holds: Holds::Reference(to.to_owned()),
    };
    let place = PropertyShape {
        name: "place".to_owned(),
        array: false,
        holds: Holds::Document(vec![reference("a", false, "x")]),
    };
    let shape = Shape {
        collection: "c_visits".to_owned(),
        singular: "c_visit".to_owned(),
        properties: vec![reference("c_site", false, "c_sites"), reference("c_staff", true, "accounts"), place],
    };
    let paths: Vec<_> = paths.iter().map(|path| path.parse().unwrap()).collect();
    Encoder::new(Format::JsonApi, Selection::compile(&paths).unwrap(), &shape, false)
}

#[test]
fn a_record_is_a_resource_whose_references_are_relationships() {
    let encoder = encoder(&["c_site", "n", "place.a", "_id", "c_staff", "place.lat"]);
    let records = [
        r#"{"_id":"a1","n":1.50e3,"c_site":"s\u0031","c_staff":["p1","p2"],"place":{"a":"x1","lat":null,"lon":3}}"#,
        r#"{"_id":"a2","n":null,"c_site":null,"c_staff":[]}"#,
        r#"{"n":"ü\n","_id":"a3"}"#,
    ];
    let text = file(&encoder, &[&records[..1], &records[1..]]);
    insta::assert_snapshot!(text, @r#"
    [
    {"type":"c_visits","id":"a1","attributes":{"n":1.50e3,"place":{"a":"x1","lat":null}},"relationships":{"c_site":{"data":{"type":"c_sites","id":"s\u0031"}},"c_staff":{"data":[{"type":"accounts","id":"p1"},{"type":"accounts","id":"p2"}]}}},
    {"type":"c_visits","id":"a2","attributes":{"n":null},"relationships":{"c_site":{"data":null},"c_staff":{"data":[]}}},
    {"type":"c_visits","id":"a3","attributes":{"n":"ü\n"},"relationships":{}}
    ]
    "#);
    assert_eq!(serde_json::from_str::<Value>(&file(&encoder, &[])).unwrap(), json!([]));
}

#[test]
fn the_id_is_there_without_being_selected_and_is_always_text() {
    let text = file(&encoder(&["n"]), &[&[r#"{"_id":7,"n":2}"#, r#"{"n":3}"#]]);
    let resources: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(resources[0], json!({"type": "c_visits", "id": "7", "attributes": {"n": 2}, "relationships": {}}));
    assert_eq!(resources[1].get("id"), None);
}

#[test]
fn what_cannot_be_an_id_stays_an_attribute() {
    let records = [
        r#"{"_id":"1","c_site":{"_id":"s1"},"c_staff":["p1",null]}"#,
        r#"{"_id":"2","c_site":true,"c_staff":[["p1"]]}"#,
        r#"{"_id":"3","c_site":4,"c_staff":"p1"}"#,
    ];
    let resources: Value = serde_json::from_str(&file(&encoder(&["c_site", "c_staff"]), &[&records])).unwrap();
    assert_eq!(resources[0]["attributes"], json!({"c_site": {"_id": "s1"}, "c_staff": ["p1", null]}));
    assert_eq!(resources[1]["attributes"], json!({"c_site": true, "c_staff": [["p1"]]}));
    assert_eq!(resources[1]["relationships"], json!({}));
    assert_eq!(resources[2]["relationships"]["c_site"], json!({"data": {"type": "c_sites", "id": "4"}}));
    assert_eq!(resources[2]["relationships"]["c_staff"], json!({"data": {"type": "accounts", "id": "p1"}}));
}

/// The sites are asked for beside their codes, under a name of their own; the staff beside its names.
fn linked(format: Format) -> Encoder {
    let paths = ["c_site._id", "n", "c_staff.name", "c_site.code", "c_staff._id"].map(|path| path.parse().unwrap());
    let names = ["site/id", "n", "c_staff/name", "site/code", "c_staff/id"].map(str::to_owned);
    let links = [("c_site", "c_sites"), ("c_staff", "accounts")];
    let links = links.map(|(path, to)| (path.parse().unwrap(), to.to_owned()));
    let selection = Selection::compile_named(&paths, &names).unwrap().linking(&links);
    let shape = Shape { collection: "c_visits".to_owned(), singular: "c_visit".to_owned(), properties: Vec::new() };
    Encoder::new(format, selection, &shape, false)
}

#[test]
fn a_reference_goes_out_as_itself_beside_what_lies_behind_it() {
    let records = [
        r#"{"_id":"1","n":1,"c_site":{"_id":"s1","code":"X","more":2},"c_staff":[{"name":"Ann","_id":"p1"},{"_id":"p2"}]}"#,
        r#"{"_id":"2","n":2,"c_site":null,"c_staff":[]}"#,
        r#"{"_id":"3","n":3}"#,
    ];
    let written = |format| file(&linked(format), &[&records]);
    let resources: Vec<Value> = serde_json::from_str(&written(Format::JsonApi)).unwrap();
    let site = |data: Value| json!({"data": data});
    assert_eq!(resources[0]["attributes"], json!({"n": 1}));
    assert_eq!(
        resources[0]["relationships"],
        json!({"site": site(json!({"type": "c_sites", "id": "s1", "meta": {"code": "X"}})),
            "c_staff": site(json!([{"type": "accounts", "id": "p1", "meta": {"name": "Ann"}}, {"type": "accounts", "id": "p2"}]))})
    );
    assert_eq!(resources[1]["relationships"], json!({"site": site(Value::Null), "c_staff": site(json!([]))}));
    assert_eq!((&resources[2]["attributes"], &resources[2]["relationships"]), (&json!({"n": 3}), &json!({})));
    let documents: Value = serde_json::from_str(&written(Format::Json)).unwrap();
    assert_eq!(
        documents,
        json!([
            {"site": {"id": "s1", "code": "X"}, "n": 1, "c_staff": [{"name": "Ann", "id": "p1"}, {"id": "p2"}]},
            {"site": null, "n": 2, "c_staff": []},
            {"n": 3},
        ])
    );
    let table = crate::encoder_tests::rows(&written(Format::Csv));
    assert_eq!(table[0], ["site", "n", "c_staff/name", "site/code", "c_staff"]);
    assert_eq!(table[1], ["s1", "1", r#"["Ann",null]"#, "X", r#"["p1","p2"]"#]);
    assert_eq!(table[2], ["", "2", "[]", "", "[]"]);
    assert_eq!(table[3], ["", "3", "", "", ""]);
    let xml = written(Format::Xml);
    assert!(xml.contains("<site><id>s1</id><code>X</code></site><n>1</n>"), "{xml}");
    assert!(xml.contains("<site xsi:nil=\"true\"/><n>2</n>"), "{xml}");
}

#[test]
fn what_must_be_no_attribute_and_no_relationship_stands_beside_them() {
    let record = r#"{"_id":"1","id":"own","type":"retail","n":1,"of":{"id":2,"type":"x"}}"#;
    let text = file(&encoder(&["type", "n", "id", "_id", "of"]), &[&[record]]);
    let resources: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        resources[0],
        json!({"type": "c_visits", "id": "1", "attributes": {"n": 1, "of": {"id": 2, "type": "x"}}, "relationships": {},
            "meta": {"type": "retail", "id": "own"}})
    );
}

#[test]
fn parts_of_an_expanded_reference_are_attributes() {
    let resources: Value =
        serde_json::from_str(&file(&encoder(&["c_site.code"]), &[&[r#"{"_id":"1","c_site":{"code":"X","n":1}}"#]]))
            .unwrap();
    assert_eq!(resources[0]["attributes"], json!({"c_site": {"code": "X"}}));
}

proptest! {
    #[test]
    fn attributes_are_what_was_selected(
        records in proptest::collection::vec(object(value(3)), 0..5),
        paths in proptest::collection::vec(path(), 1..6),
        at in any::<prop::sample::Index>(),
    ) {
        let records: Vec<Value> = records.into_iter().map(Value::from).collect();
        let texts: Vec<String> = records.iter().map(ToString::to_string).collect();
        let page: Vec<&str> = texts.iter().map(String::as_str).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let split: Vec<Vec<&str>> = paths.iter().map(|path| path.split('.').collect()).collect();
        let split: Vec<&[&str]> = split.iter().map(Vec::as_slice).collect();
        let encoder = encoder(&paths);
        let text = file(&encoder, &[&page]);
        let resources: Vec<Value> = serde_json::from_str(&text).unwrap();
        let attributes: Vec<Value> = resources.iter().map(|resource| resource["attributes"].clone()).collect();
        let expected: Vec<Value> = records.iter().map(|record| naive_projection(record, &split).unwrap()).collect();
        prop_assert_eq!(attributes, expected);
        if page.len() > 1 {
            let at = 1 + at.index(page.len() - 1);
            prop_assert_eq!(file(&encoder, &[&page[..at], &page[at..]]), text);
        }
    }
}
