//! What the encoders write, and that readers that are not ours read it back.

use crate::{Encoder, Format, Holds, PropertyShape, Scratch, Selection, SelectionError, Shape};
use proptest::prelude::*;
use serde_json::{Value, json};
use waybill_record::{Path, Tape};

fn encoder(format: Format, paths: &[&str], raw_cells: bool) -> Encoder {
    let paths: Vec<Path> = paths.iter().map(|path| path.parse().unwrap()).collect();
    Encoder::new(format, Selection::compile(&paths).unwrap(), &Shape::default(), raw_cells)
}

/// A whole file of the given pages.
pub(crate) fn file(encoder: &Encoder, pages: &[&[&str]]) -> String {
    let mut out = encoder.prologue();
    let mut scratch = Scratch::new();
    let mut tape = Tape::new();
    for (position, page) in pages.iter().enumerate() {
        if position > 0 {
            out.extend_from_slice(encoder.separator());
        }
        for (place, record) in page.iter().enumerate() {
            let record = tape.scan(record.as_bytes()).unwrap();
            encoder.encode(&record, place == 0, &mut scratch, &mut out).unwrap();
        }
    }
    out.extend_from_slice(&encoder.epilogue());
    String::from_utf8(out).unwrap()
}

pub(crate) fn rows(csv: &str) -> Vec<Vec<String>> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(csv.as_bytes())
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

const AIRPORTS: [&str; 3] = [
    r#"{"_id":"a1","name":"Aero B \"Ranch\"","elevation":3435,"location":{"lat":38.704022,"lon":-101.473911},"tags":["x","y"]}"#,
    r#"{ "_id" : "a2", "name" : "D\u00fcsseldorf,\nWest", "elevation" : -1.50e3, "location" : { "lat" : 1 , "alt" : null }, "tags" : [ ] }"#,
    r#"{"_id":"a3","name":null,"location":"nowhere","extra":{"deep":[{"n":1},{"m":2},{"n":null}]}}"#,
];

#[test]
fn ndjson_keeps_nesting_order_escapes_and_numbers() {
    let encoder =
        encoder(Format::Ndjson, &["name", "location.lon", "elevation", "location.lat", "tags", "extra.deep.n"], false);
    insta::assert_snapshot!(file(&encoder, &[&AIRPORTS]), @r#"
    {"name":"Aero B \"Ranch\"","location":{"lon":-101.473911,"lat":38.704022},"elevation":3435,"tags":["x","y"]}
    {"name":"D\u00fcsseldorf,\nWest","location":{"lat":1},"elevation":-1.50e3,"tags":[]}
    {"name":null,"extra":{"deep":[{"n":1},{},{"n":null}]}}
    "#);
}

#[test]
fn json_is_one_array_over_all_pages() {
    let encoder = encoder(Format::Json, &["_id"], false);
    insta::assert_snapshot!(file(&encoder, &[&AIRPORTS[..2], &AIRPORTS[2..]]), @r#"
    [
    {"_id":"a1"},
    {"_id":"a2"},
    {"_id":"a3"}
    ]
    "#);
    assert_eq!(serde_json::from_str::<Value>(&file(&encoder, &[])).unwrap(), json!([]));
}

#[test]
fn csv_has_a_header_of_paths_and_empty_cells_for_what_is_missing() {
    let encoder =
        encoder(Format::Csv, &["_id", "name", "elevation", "location.lat", "location", "tags", "extra.deep.n"], false);
    insta::assert_snapshot!(file(&encoder, &[&AIRPORTS]).replace("\r\n", "␍␊\n"), @r#"
    _id,name,elevation,location.lat,location,tags,extra.deep.n␍␊
    a1,"Aero B ""Ranch""",3435,38.704022,"{""lat"":38.704022,""lon"":-101.473911}","[""x"",""y""]",␍␊
    a2,"Düsseldorf,
    West",-1.50e3,1,"{""lat"":1,""alt"":null}",[],␍␊
    a3,,,,nowhere,,"[1,null,null]"␍␊
    "#);
}

#[test]
fn cells_that_a_spreadsheet_would_run_are_disarmed() {
    let records = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\\tx",
        "\\rx",
        "\\nx",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        "\\u003d\\\"1",
        "a=1",
        "'=1",
    ];
    let guarded: Vec<String> = records.iter().map(|text| format!(r#"{{"t":"{text}","n":-1}}"#)).collect();
    let page: Vec<&str> = guarded.iter().map(String::as_str).collect();
    let disarmed = rows(&file(&encoder(Format::Csv, &["t", "n"], false), &[&page]));
    let raw = rows(&file(&encoder(Format::Csv, &["t", "n"], true), &[&page]));
    for (position, source) in records.iter().enumerate() {
        let text: String = serde_json::from_str(&format!("\"{source}\"")).unwrap();
        let armed = !text.starts_with(['a', '\'']);
        assert_eq!(disarmed[position + 1], [if armed { format!("'{text}") } else { text.clone() }, "-1".to_owned()]);
        assert_eq!(raw[position + 1], [text, "-1".to_owned()]);
    }
    assert_eq!(rows(&file(&encoder(Format::Csv, &["-x"], false), &[])), [["'-x"]]);
}

#[test]
fn lone_empty_cell_is_still_a_line() {
    let table = file(&encoder(Format::Csv, &["name"], false), &[&[r#"{"name":""}"#, "{}", r#"{"name":"x"}"#]]);
    assert_eq!(rows(&table), [["name"], [""], [""], ["x"]]);
}

#[test]
fn repeated_and_covered_paths_write_a_value_once() {
    let record = r#"{"a":{"b":1,"c":2}}"#;
    let paths = ["a.b", "a", "a.b"];
    assert_eq!(file(&encoder(Format::Ndjson, &paths, false), &[&[record]]), "{\"a\":{\"b\":1,\"c\":2}}\n");
    assert_eq!(
        rows(&file(&encoder(Format::Csv, &paths, false), &[&[record]])),
        [["a.b", "a"], ["1", r#"{"b":1,"c":2}"#]]
    );
}

#[test]
fn cells_of_one_array_line_up() {
    let record = r#"{"lines":[{"sku":"a"},{"qty":-2},7,{"sku":null,"qty":1,"taxes":[{"rate":1},{"name":"x"}]},{"taxes":[]}],"none":[]}"#;
    let paths = ["lines.sku", "lines.qty", "lines.taxes.rate", "lines.taxes.name", "none.sku"];
    let cells = [
        r#"["a",null,null,null,null]"#,
        "[null,-2,null,1,null]",
        "[null,null,null,1,null]",
        r#"[null,null,null,null,"x"]"#,
        "[]",
    ];
    assert_eq!(rows(&file(&encoder(Format::Csv, &paths, false), &[&[record]]))[1], cells);
}

#[test]
fn the_last_of_equal_keys_is_written() {
    let record = r#"{"a":{"b":1},"a":{"c":2},"\u0061":{"b":[{"x":1}]},"n":1,"n":null}"#;
    assert_eq!(
        file(&encoder(Format::Ndjson, &["n", "a.b"], false), &[&[record]]),
        "{\"n\":null,\"a\":{\"b\":[{\"x\":1}]}}\n"
    );
    assert_eq!(rows(&file(&encoder(Format::Csv, &["n", "a.b.x", "a.c"], false), &[&[record]]))[1], ["", "[1]", ""]);
}

#[test]
fn selection_without_a_path_is_refused() {
    assert_eq!(Selection::compile(&[]).err(), Some(SelectionError::Empty));
}

/// A value of few keys, so that selections meet them.
pub(crate) fn value(depth: u32) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "(\\PC|[\"\\\\\n\r\t,=]){0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(depth, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object(inner).prop_map(Value::from),
        ]
    })
}

pub(crate) fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = serde_json::Map<String, Value>> {
    proptest::collection::vec((prop::sample::select(vec!["a", "b", "c", "d", "ab", "ba"]), inner), 0..6)
        .prop_map(|members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

pub(crate) fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop::sample::select(vec!["a", "b", "c", "ab"]), 1..4).prop_map(|names| names.join("."))
}

/// The plain way to say what a table's cell holds.
pub(crate) fn naive_cell(record: &Value, path: &str) -> String {
    fn collect(value: &Value, names: &[&str], found: &mut Vec<Value>) {
        match (names.split_first(), value) {
            (None, value) => found.push(value.clone()),
            (Some((name, rest)), Value::Object(members)) => match members.get(*name) {
                Some(value) => collect_through(value, rest, found),
                None => found.push(Value::Null),
            },
            _ => found.push(Value::Null),
        }
    }
    fn collect_through(value: &Value, names: &[&str], found: &mut Vec<Value>) {
        match value {
            Value::Array(items) if !names.is_empty() => items.iter().for_each(|item| collect(item, names, found)),
            value => collect(value, names, found),
        }
    }
    let names: Vec<&str> = path.split('.').collect();
    let mut crosses_array = false;
    let mut value = Some(record);
    for name in &names {
        crosses_array |= value.is_some_and(Value::is_array);
        value = value.and_then(|value| value.get(name));
    }
    if crosses_array {
        let mut found = Vec::new();
        collect(record, &names, &mut found);
        return Value::from(found).to_string();
    }
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// The plain way to say what is left of a record.
pub(crate) fn naive_projection(value: &Value, paths: &[&[&str]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value.clone());
    }
    match value {
        Value::Object(members) => Some(
            members
                .iter()
                .filter_map(|(key, value)| {
                    let inner: Vec<&[&str]> =
                        paths.iter().filter(|path| path[0] == key).map(|path| &path[1..]).collect();
                    if inner.is_empty() { None } else { Some((key.clone(), naive_projection(value, &inner)?)) }
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
        ),
        Value::Array(items) => Some(
            items.iter().filter(|item| item.is_object()).filter_map(|item| naive_projection(item, paths)).collect(),
        ),
        _ => None,
    }
}

proptest! {
    #[test]
    fn other_readers_read_back_what_was_selected(
        records in proptest::collection::vec(object(value(3)), 0..5),
        paths in proptest::collection::vec(path(), 1..6),
        pretty in any::<bool>(),
    ) {
        let records: Vec<Value> = records.into_iter().map(Value::from).collect();
        let texts: Vec<String> = records.iter().map(|record| {
            if pretty { serde_json::to_string_pretty(record).unwrap() } else { record.to_string() }
        }).collect();
        let page: Vec<&str> = texts.iter().map(String::as_str).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let split: Vec<Vec<&str>> = paths.iter().map(|path| path.split('.').collect()).collect();
        let split: Vec<&[&str]> = split.iter().map(Vec::as_slice).collect();
        let expected: Vec<Value> = records.iter().map(|record| naive_projection(record, &split).unwrap()).collect();

        let array: Value = serde_json::from_str(&file(&encoder(Format::Json, &paths, false), &[&page])).unwrap();
        prop_assert_eq!(array, Value::from(expected.clone()));

        let lines = file(&encoder(Format::Ndjson, &paths, false), &[&page]);
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(lines, expected);

        let table = encoder(Format::Csv, &paths, true);
        let columns: Vec<String> = table.selection().columns().iter().map(ToString::to_string).collect();
        let mut cells = vec![columns.clone()];
        cells.extend(records.iter().map(|record| columns.iter().map(|path| naive_cell(record, path)).collect()));
        prop_assert_eq!(rows(&file(&table, &[&page])), cells);
    }
}

#[test]
fn what_goes_out_is_called_as_asked_in_every_format() {
    let asked = ["_id", "billing.country", "lines.sku", "lines.of._id", "created", "owner"];
    let names = ["id", "billing/country", "lines.sku", "lines/of/id", "createdTime", "owner"].map(str::to_owned);
    let paths: Vec<Path> = asked.iter().map(|path| path.parse().unwrap()).collect();
    let holds = |name: &str, array, holds| PropertyShape { name: name.to_owned(), array, holds };
    let of = holds("of", false, Holds::Document(Vec::new()));
    let sku = holds("sku", false, Holds::Value);
    let shape = Shape {
        collection: "orders".to_owned(),
        singular: "order".to_owned(),
        properties: vec![
            holds("lines", true, Holds::Document(vec![sku, of])),
            holds("owner", false, Holds::Reference("accounts".to_owned())),
        ],
    };
    let record = r#"{"_id":"1","created":"2026","owner":"7","billing":{"country":"IS","zip":1},"lines":[{"sku":"a","of":{"_id":"9"}},{"sku":"b"}]}"#;
    let mut out = String::new();
    for format in [Format::Csv, Format::DetailedCsv, Format::Json, Format::JsonApi, Format::Xml] {
        let encoder = Encoder::new(format, Selection::compile_named(&paths, &names).unwrap(), &shape, false);
        out.push_str(&file(&encoder, &[&[record]]));
    }
    insta::assert_snapshot!(out.replace("\r\n", "\n"), @r#"
    id,billing/country,lines.sku,lines/of/id,createdTime,owner
    1,IS,"[""a"",""b""]","[""9"",null]",2026,7
    id,billing/country,lines.sku,lines/of/id,createdTime,owner
    1,IS,a,9,2026,7
    1,IS,b,,2026,7
    [
    {"id":"1","billing":{"country":"IS"},"lines":[{"sku":"a","of":{"id":"9"}},{"sku":"b"}],"createdTime":"2026","owner":"7"}
    ]
    [
    {"type":"orders","id":"1","attributes":{"billing":{"country":"IS"},"lines":[{"sku":"a","of":{"id":"9"}},{"sku":"b"}],"createdTime":"2026"},"relationships":{"owner":{"data":{"type":"accounts","id":"7"}}}}
    ]
    <?xml version="1.0" encoding="UTF-8"?>
    <orders xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
    <order><id>1</id><billing><country>IS</country></billing><lines><item><sku>a</sku><of><id>9</id></of></item><item><sku>b</sku></item></lines><createdTime>2026</createdTime><owner>7</owner></order>
    </orders>
    "#);
    for wrong in [&names[1..], &["a/b", "b/c", "c/d", "d/e/f", "e", "f"].map(str::to_owned)] {
        assert_eq!(Selection::compile_named(&paths, wrong).err(), Some(SelectionError::Names));
    }
}
