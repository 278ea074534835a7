//! Sort keys against a naive comparison of the values.

use crate::{SortError, SortOrder, decimal};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::cmp::Ordering;
use waybill_record::{PropertyType, Tape};

fn order(text: &str, kind: PropertyType) -> SortOrder {
    SortOrder::parse(&json!(text)).unwrap().resolve(|_| Ok::<_, ()>(kind)).unwrap()
}

fn key(order: &SortOrder, record: &Value) -> Vec<u8> {
    let text = record.to_string();
    let mut tape = Tape::new();
    let mut key = Vec::new();
    order.write_key(&tape.scan(text.as_bytes()).unwrap(), &mut key);
    key
}

/// Sorts the values of `a` and gives them back.
fn sorted(text: &str, kind: PropertyType, values: &[Value]) -> Vec<Value> {
    let order = order(text, kind);
    let mut records: Vec<Value> = values.iter().map(|value| json!({"a": value})).collect();
    records.sort_by_key(|record| key(&order, record));
    records.iter_mut().map(|record| record["a"].take()).collect()
}

#[test]
fn types_come_in_the_documented_order() {
    let expected = [
        json!([]),
        json!(null),
        json!(-1.5),
        json!(0),
        json!(10),
        json!(""),
        json!("A"),
        json!("B"),
        json!("a"),
        json!("ä"),
        json!("\u{FFFD}"),
        json!("😀"),
        json!({}),
        json!({"b": 1}),
        json!({"b": 1, "c": 1}),
        json!({"b": 2}),
        json!({"c": 1}),
        json!({"a": "x"}),
        json!([[1, 2]]),
        json!([[2]]),
        json!(false),
        json!(true),
    ];
    let mut mixed = expected.to_vec();
    mixed.reverse();
    assert_eq!(sorted("a", PropertyType::Any, &mixed), expected);
    mixed.rotate_left(7);
    let mut backwards = sorted("-a", PropertyType::Any, &mixed);
    backwards.reverse();
    assert_eq!(backwards, expected);
}

#[test]
fn dates_are_instants_and_what_writes_none_is_a_text() {
    let expected = [
        json!(7),
        json!("yesterday"),
        json!("2026-01-01T02:00:00+03:00"),
        json!("2026-01-01"),
        json!("2026-01-01T00:00:00.5Z"),
    ];
    let mut mixed = expected.to_vec();
    mixed.reverse();
    assert_eq!(sorted("a", PropertyType::Date, &mixed), expected);
}

#[test]
fn ids_are_equal_in_either_case_and_inside_references() {
    let order = order("a", PropertyType::Reference);
    let one = key(&order, &json!({"a": "00AB"}));
    assert_eq!(one, key(&order, &json!({"a": {"_id": "00ab", "object": "x"}})));
    assert!(one < key(&order, &json!({"a": "00ac"})));
    assert!(key(&order, &json!({"a": "zz"})) < key(&order, &json!({"a": true})));
}

#[test]
fn arrays_count_by_their_least_or_greatest_element() {
    let (up, down) = (order("a", PropertyType::Any), order("-a", PropertyType::Any));
    let (wide, narrow) = (json!({"a": [1, 9]}), json!({"a": [4, 5]}));
    assert!(key(&up, &wide) < key(&up, &narrow));
    assert!(key(&down, &wide) < key(&down, &narrow));
    let through = order("a.b", PropertyType::Any);
    assert!(key(&through, &json!({"a": [{"b": 7}, {"b": 2}]})) < key(&through, &json!({"a": {"b": 3}})));
    // An object without the property has nothing there, and nothing comes first.
    assert!(key(&through, &json!({"a": [{"b": 7}, {}]})) < key(&through, &json!({"a": {"b": 0}})));
    assert_eq!(key(&through, &json!({"a": [1, 2]})), key(&through, &json!({"a": 3})));
}

#[test]
fn equal_records_are_told_apart_by_their_id() {
    let down = order("-a", PropertyType::Any);
    let (first, second) = (json!({"_id": "0a", "a": 1}), json!({"_id": "0B", "a": 1.0}));
    assert!(key(&down, &first) < key(&down, &second));
    let by_id = order("-_id", PropertyType::ObjectId);
    assert!(key(&by_id, &second) < key(&by_id, &first));
}

#[test]
fn both_forms_of_a_request_say_the_same_and_print_as_text() {
    let text = SortOrder::parse(&json!("place.name, -created,+_id")).unwrap();
    let object = SortOrder::parse(&json!({"place.name": 1, "created": -1, "_id": 1})).unwrap();
    assert_eq!(text, object);
    assert_eq!(text.to_string(), "place.name,-created,_id");
    for odd in [text, SortOrder::parse(&json!({"-a": 1, "-b": -1})).unwrap()] {
        assert_eq!(SortOrder::parse(&json!(odd.to_string())).unwrap(), odd);
    }
}

#[test]
fn what_says_no_order_is_refused() {
    let refused = |request: Value| SortOrder::parse(&request).unwrap_err();
    assert_eq!(refused(json!(7)), SortError::Form);
    assert_eq!(refused(json!({})), SortError::Count);
    assert_eq!(refused(json!("a,-a")), SortError::Twice("a".parse().unwrap()));
    assert_eq!(refused(json!({"a": 2})), SortError::Direction("a".to_owned()));
    assert!(matches!(refused(json!("a,,b")), SortError::Path { .. }));
    let many: Vec<String> = (0..17).map(|n| format!("p{n}")).collect();
    assert_eq!(refused(json!(many.join(","))), SortError::Count);
}

/// The rank of a value by type.
fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Number(_) => 1,
        Value::String(_) => 2,
        Value::Object(_) => 3,
        Value::Array(_) => 4,
        Value::Bool(_) => 5,
    }
}

/// The order of two values, without keys.
fn compare(left: &Value, right: &Value) -> Ordering {
    rank(left).cmp(&rank(right)).then_with(|| match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Number(left), Value::Number(right)) => decimal::compare(&left.to_string(), &right.to_string()),
        (Value::String(left), Value::String(right)) => left.chars().cmp(right.chars()),
        (Value::Array(left), Value::Array(right)) => {
            let unequal = left.iter().zip(right).map(|(l, r)| compare(l, r)).find(|found| found.is_ne());
            unequal.unwrap_or_else(|| left.len().cmp(&right.len()))
        }
        (Value::Object(left), Value::Object(right)) => {
            let unequal = left.iter().zip(right).map(|((left_name, left), (right_name, right))| {
                rank(left)
                    .cmp(&rank(right))
                    .then_with(|| left_name.chars().cmp(right_name.chars()))
                    .then_with(|| compare(left, right))
            });
            unequal.into_iter().find(|found| found.is_ne()).unwrap_or_else(|| left.len().cmp(&right.len()))
        }
        _ => Ordering::Equal,
    })
}

fn number() -> impl Strategy<Value = Value> {
    let digits = prop::sample::select(vec!["0", "1", "10", "100", "99", "12345678901234567890123456789012345678"]);
    let tail = prop::sample::select(vec!["", ".0", ".5", ".50", ".05", "e1", "E-2", ".25e+20", "e-400"]);
    (any::<bool>(), digits, tail).prop_map(|(negative, digits, tail)| {
        let text = format!("{}{digits}{tail}", if negative { "-" } else { "" });
        serde_json::from_str(&text).unwrap()
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number(),
        prop_oneof!["[a-c\u{0}é😀]{0,4}", ".{0,6}"].prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec(("[ab\u{0}]{0,2}", inner), 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// The element of `a` that counts; an empty array comes before everything.
fn counting(value: &Value, descending: bool) -> Option<&Value> {
    match value {
        Value::Array(elements) if descending => elements.iter().max_by(|l, r| compare(l, r)),
        Value::Array(elements) => elements.iter().min_by(|l, r| compare(l, r)),
        value => Some(value),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn keys_order_as_values_do(
        left in (value(), value()),
        right in (value(), value()),
        directions in (any::<bool>(), any::<bool>()),
    ) {
        let naive = |left: &Value, right: &Value, descending: bool| {
            let ascending = match (counting(left, descending), counting(right, descending)) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
                (Some(left), Some(right)) => compare(left, right),
            };
            if descending { ascending.reverse() } else { ascending }
        };
        let minus = |descending| if descending { "-" } else { "" };
        let order = order(&format!("{}a,{}b", minus(directions.0), minus(directions.1)), PropertyType::Any);
        let expected = naive(&left.0, &right.0, directions.0).then_with(|| naive(&left.1, &right.1, directions.1));
        let keys = [&left, &right].map(|(a, b)| key(&order, &json!({"a": a, "b": b})));
        prop_assert_eq!(keys[0].cmp(&keys[1]), expected);
        prop_assert!(keys[0] == keys[1] || !keys[0].starts_with(&keys[1]));
    }
}
