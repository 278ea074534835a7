//! What `detailed-csv` writes.

use crate::encoder_tests::{file, naive_cell, object, rows, value};
use crate::{EncodeError, Encoder, Format, Holds, PropertyShape, Scratch, Selection, Shape};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use waybill_record::Tape;

fn one(name: &str, holds: Holds) -> PropertyShape {
    PropertyShape { name: name.to_owned(), array: false, holds }
}

fn many(name: &str, holds: Holds) -> PropertyShape {
    PropertyShape { name: name.to_owned(), array: true, holds }
}

fn invoices() -> Vec<PropertyShape> {
    let taxes = many("taxes", Holds::Document(vec![one("rate", Holds::Value)]));
    let lines = Holds::Document(vec![one("sku", Holds::Value), one("any", Holds::Value), taxes]);
    let address = Holds::Document(vec![one("city", Holds::Value), many("phones", Holds::Value)]);
    vec![one("_id", Holds::Value), one("address", address), many("lines", lines), many("tags", Holds::Value)]
}

fn encoder(paths: &[&str], properties: Vec<PropertyShape>, raw_cells: bool) -> Encoder {
    let shape = Shape { properties, ..Shape::default() };
    let paths: Vec<_> = paths.iter().map(|path| path.parse().unwrap()).collect();
    Encoder::new(Format::DetailedCsv, Selection::compile(&paths).unwrap(), &shape, raw_cells)
}

const COLUMNS: [&str; 7] =
    ["_id", "address.city", "address.phones", "lines.sku", "lines.any", "lines.taxes.rate", "tags"];

#[test]
fn nested_objects_are_flattened_and_every_item_has_its_line() {
    let records = [
        r#"{"_id":"1","address":{"city":"Oslo, N","phones":["+47","12"]},"tags":["x",null],
            "lines":[{"sku":"s1","any":{"k":[1]},"taxes":[{"rate":5},{"rate":2.50}]},{"sku":"s2","taxes":[]}]}"#,
        r#"{"_id":"2","address":{"city":null},"lines":[],"tags":null}"#,
        r#"{"_id":"3"}"#,
    ];
    let text = file(&encoder(&COLUMNS, invoices(), false), &[&records[..1], &records[1..]]);
    insta::assert_snapshot!(text.replace("\r\n", "␍␊\n"), @r#"
    _id,address/city,address/phones,lines/sku,lines/any,lines/taxes/rate,tags␍␊
    1,"Oslo, N",'+47,,,,␍␊
    1,"Oslo, N",12,,,,␍␊
    1,"Oslo, N",,s1,"{""k"":[1]}",5,␍␊
    1,"Oslo, N",,s1,"{""k"":[1]}",2.50,␍␊
    1,"Oslo, N",,s2,,,␍␊
    1,"Oslo, N",,,,,x␍␊
    1,"Oslo, N",,,,,␍␊
    2,,,,,,␍␊
    3,,,,,,␍␊
    "#);
}

#[test]
fn arrays_beside_each_other_take_turns_in_the_order_of_the_columns() {
    let record = r#"{"tags":["t1","t2"],"lines":[{"sku":"s1"}]}"#;
    let table = |paths: &[&str]| rows(&file(&encoder(paths, invoices(), false), &[&[record]]));
    assert_eq!(table(&["lines.sku", "tags"])[1..], [["s1", ""], ["", "t1"], ["", "t2"]]);
    assert_eq!(table(&["tags", "lines.sku"])[1..], [["t1", ""], ["t2", ""], ["", "s1"]]);
}

#[test]
fn what_is_not_as_declared_is_written_without_loss_of_a_line() {
    let records = [
        r#"{"_id":"1","lines":{"sku":"alone"},"tags":"t"}"#,
        r#"{"_id":"2","lines":[7,[{"sku":"a"},{"sku":"b"}],{"sku":"c","sku":"d"}]}"#,
        r#"{"_id":"3","address":[{"city":"x","phones":[1]},{"city":"y"}]}"#,
        r#"{"_id":"4","tags":["old"],"tags":[["n"],{"k":1}],"address":{"phones":[1]},"address":{"city":"z"}}"#,
    ];
    let table = rows(&file(
        &encoder(&["_id", "address.city", "address.phones", "lines.sku", "tags"], invoices(), false),
        &[&records],
    ));
    assert_eq!(
        table[1..],
        [
            ["1", "", "", "alone", ""],
            ["1", "", "", "", "t"],
            ["2", "", "", "", ""],
            ["2", "", "", r#"["a","b"]"#, ""],
            ["2", "", "", "d", ""],
            ["3", r#"["x","y"]"#, "[[1],null]", "", ""],
            ["4", "z", "", "", r#"["n"]"#],
            ["4", "z", "", "", r#"{"k":1}"#],
        ]
    );
}

#[test]
fn cells_that_a_spreadsheet_would_run_are_disarmed_on_every_line() {
    let record = r#"{"_id":"=1","tags":["+2",-3,"＠x","\tq"]}"#;
    let table = |raw| rows(&file(&encoder(&["_id", "tags"], invoices(), raw), &[&[record]]));
    assert_eq!(table(false)[1..], [["'=1", "'+2"], ["'=1", "-3"], ["'=1", "'＠x"], ["'=1", "'\tq"]]);
    assert_eq!(table(true)[1..], [["=1", "+2"], ["=1", "-3"], ["=1", "＠x"], ["=1", "\tq"]]);
}

#[test]
fn repetition_is_bounded() {
    let encoder = encoder(&["_id", "tags"], invoices(), false);
    let record = |length: usize, tags: usize| json!({"_id": "x".repeat(length), "tags": vec![1; tags]}).to_string();
    let (mut tape, mut scratch) = (Tape::new(), Scratch::new());
    let mut encode = |record: &str, out: &mut Vec<u8>| {
        encoder.encode(&tape.scan(record.as_bytes()).unwrap(), false, &mut scratch, out)
    };
    let mut out = Vec::new();
    // What a page holds already does not count.
    for _ in 0..2 {
        assert_eq!(encode(&record(100_000, 330), &mut out), Ok(()));
    }
    assert_eq!(encode(&record(100_000, 340), &mut out), Err(EncodeError::TooManyLines));
}

type Cells = BTreeMap<usize, String>;

/// The plain way to say which lines an object makes: the cells that all of them have, and the cells of each.
fn naive_parts(value: &Value, properties: &[PropertyShape], columns: &[(usize, Vec<&str>)]) -> (Cells, Vec<Cells>) {
    let (mut all, mut lines) = (Cells::new(), Vec::new());
    let mut heads: Vec<&str> = Vec::new();
    for (_, path) in columns {
        if !heads.contains(&path[0]) {
            heads.push(path[0]);
        }
    }
    for head in heads {
        let Some(value) = value.get(head) else { continue };
        let own = columns.iter().filter(|(_, path)| path[0] == head);
        let leaf = own.clone().find(|(_, path)| path.len() == 1).map(|(column, _)| *column);
        let inner: Vec<(usize, Vec<&str>)> =
            own.filter(|(_, path)| path.len() > 1).map(|(column, path)| (*column, path[1..].to_vec())).collect();
        let property = properties.iter().find(|property| property.name == head);
        let inside = property.map_or(&[][..], |property| property.holds.properties());
        let parts = |value: &Value| {
            let (mut all, lines) = if value.is_array() {
                let cell = |path: &[&str]| naive_cell(&json!({"x": value}), &format!("x.{}", path.join(".")));
                (inner.iter().map(|(column, path)| (*column, cell(path))).collect(), Vec::new())
            } else {
                naive_parts(value, inside, &inner)
            };
            all.extend(leaf.map(|column| (column, naive_cell(&json!({"x": value}), "x"))));
            (all, lines)
        };
        if property.is_some_and(|property| property.array) {
            let items = match value {
                Value::Null => Vec::new(),
                Value::Array(items) => items.clone(),
                other => vec![other.clone()],
            };
            lines.extend(items.iter().flat_map(|item| naive_lines(parts(item))));
        } else {
            let (ones, more) = parts(value);
            all.extend(ones);
            lines.extend(more);
        }
    }
    (all, lines)
}

fn naive_lines((all, lines): (Cells, Vec<Cells>)) -> Vec<Cells> {
    if lines.is_empty() {
        return vec![all];
    }
    lines.into_iter().map(|line| all.clone().into_iter().chain(line).collect()).collect()
}

fn properties(depth: u32) -> impl Strategy<Value = Vec<PropertyShape>> {
    let named = |holds: BoxedStrategy<Holds>| {
        (prop::sample::select(vec!["a", "b", "c", "d"]), any::<bool>(), holds)
            .prop_map(|(name, array, holds)| PropertyShape { name: name.to_owned(), array, holds })
    };
    let holds = Just(Holds::Value).boxed().prop_recursive(depth, 16, 4, move |inner| {
        proptest::collection::vec(named(inner), 1..4).prop_map(Holds::Document).boxed()
    });
    proptest::collection::vec(named(holds.boxed()), 0..5)
}

proptest! {
    #[test]
    fn lines_are_those_of_the_plain_way(
        records in proptest::collection::vec(object(value(4)), 0..4),
        paths in proptest::collection::vec(crate::encoder_tests::path(), 1..6),
        properties in properties(3),
        at in any::<prop::sample::Index>(),
    ) {
        let records: Vec<Value> = records.into_iter().map(Value::from).collect();
        let texts: Vec<String> = records.iter().map(ToString::to_string).collect();
        let page: Vec<&str> = texts.iter().map(String::as_str).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let encoder = encoder(&paths, properties.clone(), true);
        let columns: Vec<String> = encoder.selection().columns().iter().map(ToString::to_string).collect();
        let split: Vec<(usize, Vec<&str>)> =
            columns.iter().map(|path| path.split('.').collect()).enumerate().collect();
        let mut expected: Vec<Vec<String>> = vec![columns.iter().map(|path| path.replace('.', "/")).collect()];
        for record in &records {
            for mut line in naive_lines(naive_parts(record, &properties, &split)) {
                expected.push((0..columns.len()).map(|column| line.remove(&column).unwrap_or_default()).collect());
            }
        }
        let text = file(&encoder, &[&page]);
        prop_assert_eq!(rows(&text), expected);
        if page.len() > 1 {
            let at = 1 + at.index(page.len() - 1);
            prop_assert_eq!(file(&encoder, &[&page[..at], &page[at..]]), text);
        }
    }
}
