//! The Rebilly `filter`: what it means, what it refuses and where, and that it means what a naive reading says.

use crate::dialects::rebilly_filter::{FilterError, Names, parse, search, sort};
use crate::{Filter, Instant};
use proptest::prelude::*;
use serde_json::{Value, json};
use waybill_record::{Path, PropertyType, Tape};

fn types(path: &Path) -> Option<PropertyType> {
    match path.to_string().as_str() {
        "_id" => Some(PropertyType::ObjectId),
        "name" | "billing.country" | "lines.sku" | "tags" => Some(PropertyType::String),
        "amount" | "lines.n" => Some(PropertyType::Number),
        "paid" => Some(PropertyType::Boolean),
        "created" | "due" => Some(PropertyType::Date),
        "owner" => Some(PropertyType::Reference),
        "billing" | "lines" => Some(PropertyType::Document),
        "custom" | "custom.x" | "custom.id" => Some(PropertyType::Any),
        _ => None,
    }
}

fn lists(name: &str) -> Option<Vec<String>> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    match name {
        "nordic" => Some(texts(&["dk", "SE", "no"])),
        "small" => Some(texts(&["1", "2.0"])),
        "none" => Some(Vec::new()),
        _ => None,
    }
}

const NAMES: Names<'_> = Names { types: &types, declared: &|path| types(path).is_some(), lists: &lists };

fn read(text: &str) -> Result<Filter, FilterError> {
    parse(text, NAMES)
}

fn holds(filter: &Filter, record: &Value) -> bool {
    // What is frozen in a row must mean the same when it is read back.
    let frozen: Filter = serde_json::from_str(&serde_json::to_string(filter).unwrap()).unwrap();
    assert_eq!(frozen, *filter);
    filter.matches(&Tape::new().scan(record.to_string().as_bytes()).unwrap())
}

#[test]
fn clauses_and_values_mean_what_the_vendor_says() {
    let record = json!({
        "_id": "64230c3408591daeaf3cb85e", "name": "Ærø Übung; ltd, 50% off..!", "amount": 12.50, "paid": true, "due": null,
        "created": "2026-02-28T23:30:00-01:00", "billing": {"country": "DK"}, "tags": ["a", "B"],
        "lines": [{"sku": "X1", "n": 1}, {"sku": "y2", "n": 10}], "custom": {"x": "7", "id": 7},
        "owner": {"_id": "64230c3408591daeaf3cb85f"},
    });
    for text in [
        "",
        "  ",
        "amount:12.5",
        "amount:1,125e-1",
        "amount:..12.50",
        "amount:12.5..",
        "amount: 12 .. 13 ",
        "amount:1..2,3,12..13",
        "amount:!1,2,3",
        "amount:!1..12,!13..20",
        "amount:!@small",
        "paid:true",
        "paid:!false",
        "name:ærø übung\\; LTD\\, 50% off..!",
        "name:null,Ærø Übung\\; ltd\\, 50% off\\.\\.\\!",
        "name:!null",
        "due:null",
        "created:2026-03-01T00:30:00Z",
        "created:2026-03-01..2026-03-02",
        "created:..2026-03-01T00:30:00+00:00",
        "createdTime:2026-03-01..",
        "id:64230C3408591DAEAF3CB85E",
        "owner:64230c3408591daeaf3cb85f",
        "billing.country:@nordic",
        "billing.country:us,dk;paid:true",
        "tags:b",
        "tags:!c,d",
        "lines.sku:Y2",
        "lines.n:9..11",
        "lines.n:!2..9",
        "custom.x:7",
        "custom.id:7",
        "custom.id:6..8",
        "custom.x:!8",
    ] {
        assert!(holds(&read(text).unwrap(), &record), "{text}");
    }
    for text in [
        "amount:12",
        "amount:13..",
        "amount:!12.5",
        "amount:!1,12.5",
        "amount:12.5,!12.5",
        "amount:@none",
        "paid:false",
        "name:Ærø",
        "name:null",
        "due:!null",
        "due:2026-01-01..",
        "created:2026-03-02..",
        "billing.country:!@nordic",
        "billing.country:!US,DK",
        "billing.country:!US,!DK",
        "tags:!b",
        "lines.sku:!x1",
        "lines.n:2..9",
        "custom.x:6..8",
        "amount:12.5;paid:false",
    ] {
        assert!(!holds(&read(text).unwrap(), &record), "{text}");
    }
}

#[test]
fn a_backslash_takes_the_meaning_off() {
    let record = |name: &str| json!({ "name": name });
    for (text, name) in [
        ("name:\\null", "null"),
        ("name:\\!x", "!X"),
        ("name:\\@nordic", "@nordic"),
        ("name:a\\:b:c", "a:b:c"),
        ("name:\\ x\\ ", " x "),
        ("name:\\\\", "\\"),
    ] {
        assert!(holds(&read(text).unwrap(), &record(name)), "{text}");
    }
    assert!(!holds(&read("name:\\null").unwrap(), &json!({"name": null})));
    assert!(holds(&read("custom:1\\..2").unwrap(), &json!({"custom": "1..2"})));
}

#[test]
fn what_is_wrong_is_named_with_its_clause_and_place() {
    for (text, expected) in [
        ("amount", "`amount` (character 1): a clause is `field:value`; a `;` stands between two of them"),
        ("amount:1;", "`` (character 10): a clause is `field:value`; a `;` stands between two of them"),
        ("amount:1; :2", "` :2` (character 13): ``: a path and each of its segments must not be empty"),
        ("amount:1;nope:2", "`nope:2` (character 10): `nope` is no property"),
        ("a/b:2", "`a/b:2` (character 1): `a/b`: `/` is not allowed in a property name"),
        ("amount:", "`amount:` (character 7): a value is missing; write `null` for nothing"),
        ("amount:1,", "`amount:1,` (character 7): a value is missing; write `null` for nothing"),
        ("amount:1,x", "`amount:1,x` (character 10): `x` is not a number"),
        ("amount:1..x", "`amount:1..x` (character 11): `x` is not a number"),
        ("amount:..", "`amount:..` (character 8): a range has a low or a high end, or both"),
        ("amount:2..1", "`amount:2..1` (character 8): the range ends before it begins"),
        ("amount:01", "`amount:01` (character 8): `01` is not a number"),
        ("paid:yes", "`paid:yes` (character 6): `yes` is not true or false"),
        (
            "created:yesterday",
            "`created:yesterday` (character 9): `yesterday` is not a date and time like `2026-01-31T00:00:00Z`",
        ),
        ("id:7", "`id:7` (character 4): `7` is not an id of 24 hex digits"),
        ("billing:x", "`billing:x` (character 9): `x` is not `null`: name a property inside"),
        ("name:a;name:@gone", "`name:@gone` (character 13): there is no list `gone`"),
        ("amount:@nordic", "`amount:@nordic` (character 8): `dk` of the list `nordic` is not a number"),
        ("name:a\\", "`name:a\\` (character 7): a backslash at the end takes the meaning off nothing"),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), expected, "{text}");
    }
    let many = format!("amount:{}", vec!["1"; 1001].join(","));
    assert!(read(&many).unwrap_err().to_string().ends_with("there are more than 1000 values"));
}

#[test]
fn orders_take_the_vendors_names() {
    assert_eq!(sort("-createdTime,name, id", NAMES).unwrap().to_string(), "-created,name,_id");
    assert!(sort("name,name", NAMES).is_err());
    assert!(sort("", NAMES).is_err());
}

#[test]
fn a_search_finds_every_word_somewhere() {
    let searched = ["name".parse().unwrap(), "lines.sku".parse().unwrap()];
    let id = "_id".parse().unwrap();
    let record =
        json!({"_id": "64230c3408591daeaf3cb85e", "name": "Ærøskøbing", "lines": [{"sku": "A-17"}, {"sku": "b"}]});
    let found = |text: &str| holds(&search(text, &searched, &id).unwrap(), &record);
    for text in ["", "skøb", "ÆRØ a-1", "64230C3408591DAEAF3CB85E b"] {
        assert!(found(text), "{text}");
    }
    for text in ["skob", "ærø z", "64230c34"] {
        assert!(!found(text), "{text}");
    }
    assert!(search("a b c d e f g h i j k", &searched, &id).is_err());
}

/// A value as a test makes it up.
#[derive(Clone, Debug)]
enum Asked {
    Null,
    Number(i32),
    Text(String),
    Day(u32),
    NumberRange(Option<i32>, Option<i32>),
    DayRange(Option<u32>, Option<u32>),
}

fn day(day: u32) -> String {
    format!("2026-01-{day:02}T12:00:00Z")
}

impl Asked {
    fn written(&self) -> String {
        let end = |end: Option<String>| end.unwrap_or_default();
        match self {
            Self::Null => "null".to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => {
                text.chars().flat_map(|c| if c.is_alphanumeric() { vec![c] } else { vec!['\\', c] }).collect()
            }
            Self::Day(at) => day(*at),
            Self::NumberRange(low, high) => {
                format!("{}..{}", end(low.map(|low| low.to_string())), end(high.map(|high| high.to_string())))
            }
            Self::DayRange(low, high) => format!("{}..{}", end(low.map(day)), end(high.map(day))),
        }
    }

    fn is_met(&self, value: &Value) -> bool {
        let within = |value: i64, low: Option<i64>, high: Option<i64>| {
            low.is_none_or(|low| low <= value) && high.is_none_or(|high| value <= high)
        };
        let millis = |text: &str| Instant::parse(text).map(|_| text[8..10].parse::<i64>().unwrap());
        match (self, value) {
            (Self::Null, value) => value.is_null(),
            (Self::Number(number), Value::Number(value)) => value.as_i64() == Some(i64::from(*number)),
            (Self::Text(text), Value::String(value)) => value.to_lowercase() == text.to_lowercase(),
            (Self::Day(at), Value::String(value)) => *value == day(*at),
            (Self::NumberRange(low, high), Value::Number(value)) => {
                within(value.as_i64().unwrap(), low.map(i64::from), high.map(i64::from))
            }
            (Self::DayRange(low, high), Value::String(value)) => {
                millis(value).is_some_and(|at| within(at, low.map(i64::from), high.map(i64::from)))
            }
            _ => false,
        }
    }
}

fn asked(field: &'static str) -> BoxedStrategy<Asked> {
    let ordered = |(a, b): (Option<i32>, Option<i32>)| match (a, b) {
        (Some(a), Some(b)) => (Some(a.min(b)), Some(a.max(b))),
        (None, None) => (Some(0), None),
        other => other,
    };
    let ends = (prop::option::of(-3..4_i32), prop::option::of(-3..4_i32)).prop_map(ordered);
    let days = (prop::option::of(1..7_i32), prop::option::of(1..7_i32)).prop_map(ordered);
    let day = |day: Option<i32>| day.and_then(|day| u32::try_from(day.max(1)).ok());
    match field {
        "amount" => prop_oneof![
            Just(Asked::Null),
            (-3..4_i32).prop_map(Asked::Number),
            ends.prop_map(|(low, high)| Asked::NumberRange(low, high))
        ]
        .boxed(),
        "created" => prop_oneof![
            Just(Asked::Null),
            (1..7_u32).prop_map(Asked::Day),
            days.prop_map(move |(low, high)| Asked::DayRange(day(low), day(high)))
        ]
        .boxed(),
        _ => prop_oneof![Just(Asked::Null), "[aA;,!: .@\\\\]{1,2}".prop_map(Asked::Text)].boxed(),
    }
}

fn clause() -> impl Strategy<Value = (&'static str, Vec<(bool, Asked)>)> {
    prop_oneof![Just("name"), Just("amount"), Just("created"), Just("billing.country")]
        .prop_flat_map(|field| (Just(field), prop::collection::vec((any::<bool>(), asked(field)), 1..4)))
}

fn record() -> impl Strategy<Value = Value> {
    let text = || prop_oneof![Just(Value::Null), "[aA;,!: .@\\\\]{1,2}".prop_map(Value::String)];
    let number = prop_oneof![Just(Value::Null), (-3..4_i32).prop_map(|number| json!(number))];
    let at = prop_oneof![Just(Value::Null), (1..7_u32).prop_map(|at| json!(day(at)))];
    (text(), number, at, text(), any::<bool>()).prop_map(|(name, amount, created, country, has)| {
        let mut record = json!({"name": name, "amount": amount, "created": created});
        if has {
            record["billing"] = json!({ "country": country });
        }
        record
    })
}

proptest! {
    #[test]
    fn a_filter_means_what_a_naive_reading_says(clauses in prop::collection::vec(clause(), 1..4), record in record()) {
        let written = |(field, values): &(&str, Vec<(bool, Asked)>)| {
            let values: Vec<String> = values.iter().map(|(denied, value)| format!("{}{}", if *denied { "!" } else { "" }, value.written())).collect();
            format!("{field}:{}", values.join(","))
        };
        let text = clauses.iter().map(written).collect::<Vec<_>>().join(";");
        let naive = clauses.iter().all(|(field, values)| {
            let value = field.split('.').fold(&record, |value, name| value.get(name).unwrap_or(&Value::Null));
            let all_denied = values[0].0;
            let (denied, wanted): (Vec<_>, Vec<_>) = values.iter().partition(|(denied, _)| *denied || all_denied);
            denied.iter().all(|(_, asked)| !asked.is_met(value))
                && (wanted.is_empty() || wanted.iter().any(|(_, asked)| asked.is_met(value)))
        });
        prop_assert_eq!(holds(&read(&text).unwrap(), &record), naive, "{}", text);
    }

    #[test]
    fn no_text_is_too_odd_to_be_answered(text in "[a-z:;,!@.\\\\ 0-9-]{0,40}") {
        drop(read(&text));
        drop(sort(&text, NAMES));
    }
}
