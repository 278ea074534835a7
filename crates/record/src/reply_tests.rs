//! Replies of tables mean what `serde_json` says.

use crate::stored::encode;
use crate::{AttributeForm, ItemForm, PageReader, ReadError, Reply, ReplyError, Tape};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::sync::Arc;

fn attributes(only: &[(&str, &str)]) -> Arc<ItemForm> {
    let only = only.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Arc::new(ItemForm::Attributes(AttributeForm { id: "id".to_owned(), only }))
}

/// The records of a reply, as far as nothing is wrong with it.
fn read(body: &[u8], form: &Arc<ItemForm>) -> Result<Vec<Value>, String> {
    let reply = Reply::parse(Bytes::copy_from_slice(body), Arc::clone(form)).map_err(|error| error.to_string())?;
    let mut reader = PageReader::new();
    let mut tape = Tape::new();
    let mut records = Vec::new();
    for chunk in reply.page.chunks(200) {
        let mut texts = reader.read(&chunk);
        while let Some(text) = texts.next_text() {
            let text = text.map_err(|error| error.to_string())?;
            tape.scan(text).map_err(|error| error.to_string())?;
            records.push(serde_json::from_slice(text).unwrap());
        }
    }
    Ok(records)
}

/// What the records of a reply must be, through trees of values.
fn naive(body: &Value, only: &[(&str, &str)]) -> Option<Vec<Value>> {
    let items = body.as_object()?.get("Items")?.as_array()?;
    let mut records = Vec::new();
    for item in items {
        let item = item.as_object()?;
        let mut record: Map<String, Value> = Map::new();
        for (name, value) in item {
            record.insert(name.clone(), naive_value(value)?);
        }
        let scalar = |name: &str| item.get(name).and_then(|value| value["S"].as_str().or_else(|| value["N"].as_str()));
        if only.iter().any(|(name, wanted)| scalar(name) != Some(wanted)) {
            continue;
        }
        record.insert("_id".to_owned(), json!(scalar("id")?));
        records.push(Value::Object(record));
    }
    Some(records)
}

fn naive_value(value: &Value) -> Option<Value> {
    let mut members = value.as_object()?.iter();
    let (tag, value) = members.next().filter(|_| members.len() == 0)?;
    let number = |value: &Value| {
        let text = value.as_str()?;
        let parsed = serde_json::from_str::<Value>(text).ok().filter(Value::is_number)?;
        (text.trim() == text).then_some(parsed)
    };
    let all = |value: &Value, one: &dyn Fn(&Value) -> Option<Value>| {
        value.as_array()?.iter().map(one).collect::<Option<Vec<_>>>().map(Value::Array)
    };
    let text = |value: &Value| value.as_str().map(|text| json!(text));
    match tag.as_str() {
        "S" | "B" => text(value),
        "N" => number(value),
        "BOOL" => value.as_bool().map(Value::Bool),
        "NULL" => (*value == json!(true)).then_some(Value::Null),
        "SS" | "BS" => all(value, &text),
        "NS" => all(value, &number),
        "L" => all(value, &naive_value),
        "M" => {
            let members = value.as_object()?.iter();
            let members = members.map(|(name, value)| Some((name.clone(), naive_value(value)?)));
            members.collect::<Option<Map<_, _>>>().map(Value::Object)
        }
        _ => None,
    }
}

fn number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,37})(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,2})?"
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z ]{0,12}", "\\PC{0,8}", "[\\x00-\\x1f\"\\\\/a]{0,6}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        text().prop_map(|text| json!({"S": text})),
        number().prop_map(|number| json!({"N": number})),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| json!({"B": STANDARD.encode(bytes)})),
        any::<bool>().prop_map(|boolean| json!({"BOOL": boolean})),
        Just(json!({"NULL": true})),
        proptest::collection::vec(text(), 0..4).prop_map(|texts| json!({"SS": texts})),
        proptest::collection::vec(number(), 0..4).prop_map(|numbers| json!({"NS": numbers})),
        proptest::collection::vec("[A-Za-z0-9+/]{4}", 0..3).prop_map(|texts| json!({"BS": texts})),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|values| json!({"L": values})),
            proptest::collection::vec((text(), inner), 0..4)
                .prop_map(|members| json!({"M": members.into_iter().collect::<Map<_, _>>()})),
        ]
    })
}

fn item() -> impl Strategy<Value = Value> {
    let id = prop_oneof![text().prop_map(|id| json!({"S": id})), number().prop_map(|id| json!({"N": id}))];
    let org = prop_oneof![Just(json!({"S": "demo"})), Just(json!({"S": "acme"})), Just(json!({"N": "7"}))];
    let name = prop_oneof![4 => "[a-z]{1,6}", 1 => text(), 1 => Just("_id".to_owned())];
    (proptest::collection::vec((name, value()), 0..5), id, org, any::<bool>()).prop_map(|(others, id, org, first)| {
        let mut members: Vec<(String, Value)> = others;
        members.retain(|(name, _)| name != "id" && name != "org");
        let named = [("id".to_owned(), id), ("org".to_owned(), org)];
        members.splice(if first { 0..0 } else { members.len()..members.len() }, named);
        Value::Object(members.into_iter().collect())
    })
}

/// The bytes of a value, with as much white space and as many escapes as JSON allows.
fn spelled(value: &Value, pretty: bool, escaped: bool) -> Vec<u8> {
    let text = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) }.unwrap();
    if !escaped {
        return text.into_bytes();
    }
    // Only characters inside of strings are beyond ASCII; `d` stands in names and values that matter.
    let mut spelled = String::new();
    for unit in text.encode_utf16() {
        match char::from_u32(u32::from(unit)) {
            Some(plain) if plain.is_ascii() => spelled.push(plain),
            _ => write!(spelled, "\\u{unit:04X}").unwrap(),
        }
    }
    spelled.replace("\"id\"", "\"\\u0069d\"").replace("\"demo\"", "\"d\\u0065mo\"").into_bytes()
}

proptest! {
    #[test]
    fn items_become_what_serde_json_says(
        items in proptest::collection::vec(item(), 0..6),
        pretty in any::<bool>(),
        escaped in any::<bool>(),
        guarded in any::<bool>(),
    ) {
        let body = json!({
            "Count": items.len(), "Items": items, "ConsumedCapacity": {"Table": {"CapacityUnits": 1.5}, "x": [true, null]},
            "LastEvaluatedKey": {"id": {"S": "]}\""}}, "ScannedCount": 12,
        });
        let only: &[(&str, &str)] = if guarded { &[("org", "demo")] } else { &[] };
        let bytes = spelled(&body, pretty, escaped);
        prop_assert_eq!(read(&bytes, &attributes(only)), Ok(naive(&body, only).unwrap()));
        let reply = Reply::parse(bytes.into(), attributes(only)).unwrap();
        let last: Value = serde_json::from_slice(&reply.last_key.unwrap()).unwrap();
        prop_assert_eq!(&last, &body["LastEvaluatedKey"]);
        prop_assert_eq!(reply.page.len(), items.len());
    }

    #[test]
    fn damaged_replies_are_refused_or_mean_what_serde_json_says(
        items in proptest::collection::vec(item(), 1..4),
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..4),
    ) {
        let mut bytes = serde_json::to_vec(&json!({"Items": items})).unwrap();
        for (at, kind, byte) in cuts {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes[at] = b"\"\\{}[],:0n"[usize::from(byte % 10)],
                2 => { bytes.remove(at); }
                _ => bytes.insert(at, byte),
            }
        }
        let only = [("org", "demo")];
        let parsed = serde_json::from_slice::<Value>(&bytes);
        match (read(&bytes, &attributes(&only)), parsed) {
            // A page that has no items any more is none of a reply, but nothing is made up for it either.
            (Ok(records), Ok(body)) => if let Some(expected) = naive(&body, &only) {
                prop_assert_eq!(records, expected);
            },
            // What is written over by the record's own `_id` never comes out, and its escapes are not looked at.
            (Ok(records), Err(_)) => {
                let is_written_over = |item: &Value| item.get("_id").is_some();
                prop_assert!(records.len() < items.len() || items.iter().any(is_written_over), "{records:?}");
            }
            (Err(_), _) => {}
        }
    }

    #[test]
    fn stored_records_are_found_and_decoded(
        texts in proptest::collection::vec("[a-z]{0,200}", 0..12),
        pretty in any::<bool>(),
    ) {
        let items = texts.iter().map(|text| {
            json!({"sk": {"S": "1"}, "doc": {"B": STANDARD.encode(encode(text.as_bytes()))}, "x": {"M": {}}})
        });
        let body = spelled(&json!({"Items": items.collect::<Vec<_>>(), "Count": 1}), pretty, false);
        let reply = Reply::parse(body.into(), Arc::new(ItemForm::Stored("doc".to_owned()))).unwrap();
        prop_assert!(reply.last_key.is_none());
        let mut reader = PageReader::new();
        let mut found = Vec::new();
        for chunk in reply.page.chunks(100) {
            let mut records = reader.read(&chunk);
            while let Some(text) = records.next_text() {
                found.push(String::from_utf8(text.unwrap().to_vec()).unwrap());
            }
        }
        prop_assert_eq!(found, texts);
    }
}

#[test]
fn numbers_of_38_digits_stay_as_they_are() {
    let digits = "-1234567890123456789012345678901234567.8";
    let body = format!(r#"{{"Items":[{{"id":{{"N":"1"}},"n":{{"NS":["{digits}"]}}}}]}}"#);
    let reply = Reply::parse(body.into(), attributes(&[])).unwrap();
    let chunk = reply.page.whole();
    let mut reader = PageReader::new();
    let text = format!(r#"{{"id":1,"n":[{digits}],"_id":"1"}}"#);
    assert_eq!(reader.read(&chunk).next_text(), Some(Ok(text.as_bytes())));
}

#[test]
fn items_without_an_id_and_what_is_no_item_are_told() {
    let error = |items: &str| read(format!(r#"{{"Items":[{items}]}}"#).as_bytes(), &attributes(&[])).unwrap_err();
    let no_id = "the item has no text and no number in the attribute that is its `_id`";
    assert_eq!(error(r#"{"a":{"S":"x"}}"#), no_id);
    assert_eq!(error(r#"{"id":{"BOOL":true}}"#), no_id);
    assert_eq!(error(r#"{"id":{"N":"1,2"}}"#), "not an item at byte 22 of the reply");
    assert_eq!(error(r#"{"id":{"N":"01"}}"#), "not an item at byte 22 of the reply");
    assert!(error(r#"{"id":{"X":"1"}}"#).starts_with("not an item"));
    assert!(error(r#"{"id":{"S":"1","N":"2"}}"#).starts_with("not an item"));
    assert!(error("1").starts_with("the reply is not as it must be"));
    let deep =
        |levels: usize| format!("{{\"id\":{}{{\"S\":\"x\"}}{}}}", "{\"L\":[".repeat(levels), "]}".repeat(levels));
    assert_eq!(error(&deep(33)), "values of the item are nested deeper than 32 levels");
}

#[test]
fn replies_cut_short_are_refused() {
    let body = br#"{"Items":[{"id":{"S":"a"}}],"LastEvaluatedKey":{"id":{"S":"a"}}}"#;
    for end in 0..body.len() {
        let cut = Reply::parse(Bytes::copy_from_slice(&body[..end]), attributes(&[]));
        assert_eq!(cut, Err(ReplyError::Syntax { at: end }), "{end}");
    }
    assert!(matches!(
        Reply::parse(Bytes::from_static(b"{\"\xff\":1}"), attributes(&[])),
        Err(ReplyError::Utf8 { at: 2 })
    ));
}

#[test]
fn a_stored_record_that_is_missing_or_no_base64_is_told() {
    let body = br#"{"Items":[{"sk":{"S":"1"}},{"doc":{"S":"AHt9"}},{"doc":{"B":"AHt"}},{"doc":{"B":"AHt9"}}]}"#;
    let reply = Reply::parse(Bytes::from_static(body), Arc::new(ItemForm::Stored("doc".to_owned()))).unwrap();
    let chunk = reply.page.whole();
    let mut reader = PageReader::new();
    let mut records = reader.read(&chunk);
    for _ in 0..2 {
        assert_eq!(records.next_text(), Some(Err(ReadError::Stored(crate::stored::StoredError::Empty))));
    }
    assert_eq!(records.next_text(), Some(Err(ReadError::Base64)));
    assert_eq!(records.next_text(), Some(Ok(&b"{}"[..])));
}
