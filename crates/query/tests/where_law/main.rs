//! The law of conditions: over a million pairs of random conditions and records, the compiled filter on scanned bytes answers as a
//! plain reading of the condition on a tree of values does.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken generator fails the test")]

mod plain;
mod random;

use random::Random;
use serde_json::Value;
use waybill_query::Filter;
use waybill_query::dialects::cortex_where::parse;
use waybill_record::{Path, PropertyType, Tape};

const CONDITIONS: usize = 4000;
const RECORDS: usize = 250;

/// What properties are declared as.
fn type_of(path: &str) -> Option<PropertyType> {
    Some(match path {
        "_id" => PropertyType::ObjectId,
        "name" | "tags" | "items.name" | "place.city" => PropertyType::String,
        "n" | "sizes" | "items.n" | "place.lat" | "place.inner.n" => PropertyType::Number,
        "open" => PropertyType::Boolean,
        "created" | "items.at" => PropertyType::Date,
        "site" => PropertyType::Reference,
        "items" | "place" | "place.inner" => PropertyType::Document,
        "any" | "any.n" => PropertyType::Any,
        _ => return None,
    })
}

#[test]
fn a_million_random_conditions_and_records_are_answered_alike() {
    let mut random = Random::new(0x5EED);
    let records: Vec<Value> = (0..RECORDS).map(|_| random.record()).collect();
    let texts: Vec<String> = records.iter().map(Value::to_string).collect();
    let mut tapes: Vec<Tape> = texts.iter().map(|_| Tape::new()).collect();
    let scanned: Vec<_> =
        tapes.iter_mut().zip(&texts).map(|(tape, text)| tape.scan(text.as_bytes()).unwrap()).collect();
    let (mut pairs, mut met) = (0_u32, 0_u32);
    for _ in 0..CONDITIONS {
        let condition = random.condition(3);
        let declared = |path: &Path| type_of(&path.to_string());
        let filter = parse(&condition, &declared).unwrap_or_else(|error| panic!("{condition}: {error}"));
        // What is frozen in a row means the same when it is read back.
        let filter: Filter = serde_json::from_str(&serde_json::to_string(&filter).unwrap()).unwrap();
        for (record, document) in records.iter().zip(&scanned) {
            let expected = plain::matches(record, &condition);
            assert_eq!(filter.matches(document), expected, "{condition} on {record}");
            pairs += 1;
            met += u32::from(expected);
        }
    }
    assert_eq!(pairs, 1_000_000);
    // Neither answer is the usual one, or the law would say little.
    assert!((150_000..850_000).contains(&met), "{met} were met");
}
