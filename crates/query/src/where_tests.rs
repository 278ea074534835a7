//! The Cortex `where`: what it accepts, what it refuses, and that it means what a naive reading says.

use crate::Filter;
use crate::dialects::cortex_where::{WhereError, parse};
use proptest::prelude::*;
use serde_json::{Value, json};
use waybill_record::{Path, PropertyType, Tape};

fn types(path: &Path) -> Option<PropertyType> {
    match path.to_string().as_str() {
        "_id" => Some(PropertyType::ObjectId),
        "name" | "items.name" | "tags" => Some(PropertyType::String),
        "elevation" | "items.n" | "sizes" => Some(PropertyType::Number),
        "open" => Some(PropertyType::Boolean),
        "created" => Some(PropertyType::Date),
        "country" => Some(PropertyType::Reference),
        "items" | "location" => Some(PropertyType::Document),
        "any" | "a" | "b" | "a.b" | "a.c" => Some(PropertyType::Any),
        _ => None,
    }
}

fn read(query: &Value) -> Result<Filter, WhereError> {
    parse(query, &types)
}

fn matches(query: &Value, record: &Value) -> bool {
    let text = record.to_string();
    let filter = read(query).unwrap();
    // What is frozen in a row must mean the same when it is read back.
    let frozen: Filter = serde_json::from_str(&serde_json::to_string(&filter).unwrap()).unwrap();
    assert_eq!(frozen, filter);
    filter.matches(&Tape::new().scan(text.as_bytes()).unwrap())
}

#[test]
fn equality_goes_by_the_type_of_the_property() {
    let id = "64230c3408591daeaf3cb85e";
    let record = json!({
        "_id": id, "name": "Aero B", "elevation": 3435, "open": true, "created": "2026-11-21T22:40:31.120Z",
        "country": {"_id": id, "object": "c_country"}, "tags": ["x", "y"], "location": null,
        "items": [{"name": "p", "n": 1}, {"name": "q", "n": 2}],
    });
    for query in [
        json!({}),
        json!({"name": "Aero B", "elevation": 3435}),
        json!({"elevation": {"$eq": 3.435e3}}),
        json!({"elevation": 3435.000}),
        json!({"open": true}),
        json!({"created": "2026-11-21T23:40:31.12+01:00"}),
        json!({"_id": id.to_uppercase(), "country": id, "country._id": {"$in": [id]}}),
        json!({"tags": "y"}),
        json!({"items.name": "q"}),
        json!({"location": null, "any": null}),
        json!({"$and": [{"name": "Aero B"}, {"$and": [{"open": {"$eq": true}}]}]}),
    ] {
        assert!(matches(&query, &record), "{query}");
    }
    for query in [
        json!({"name": "aero b"}),
        json!({"name": "Aero B", "elevation": 3436}),
        json!({"elevation": 34350}),
        json!({"tags": "z"}),
        json!({"items.n": 3}),
        json!({"name": null}),
        json!({"created": "2026-11-21T22:40:31.121Z"}),
    ] {
        assert!(!matches(&query, &record), "{query}");
    }
}

#[test]
fn operators_mean_what_the_grammar_says() {
    let record = json!({
        "name": "m", "elevation": 10, "tags": ["x", "y"], "sizes": [1, 5], "created": "2026-01-01T00:00:00Z",
        "items": [{"name": "p", "n": 1}, {"name": "q", "n": 2}],
    });
    for query in [
        json!({"elevation": {"$gt": 9.99, "$lte": 10.0}}),
        json!({"created": {"$gte": "2026-01-01", "$lt": "2026-01-01T00:00:00.000000001Z"}}),
        json!({"name": {"$gt": "M", "$ne": "n", "$in": ["a", "m"], "$nin": ["b", null]}}),
        json!({"$or": [{"name": "x"}, {"elevation": {"$not": {"$lt": 10}}}]}),
        json!({"$nor": [{"name": "x"}, {"elevation": 11}], "$not": {"name": "y"}}),
        json!({"tags": {"$all": ["y", "x"], "$size": 2}}),
        json!({"sizes": {"$elemMatch": {"$gt": 4, "$lt": 6}}}),
        json!({"items": {"$elemMatch": {"name": "q", "n": {"$gte": 2}}}}),
        json!({"items": {"$elemMatch": {"$or": [{"name": "z"}, {"n": 1}]}}}),
        json!({"any": {"$exists": false}, "name": {"$exists": true}}),
        json!({"items.name": {"$ne": "z"}}),
        json!({"name": {"$regex": "^M$", "$options": "i"}}),
        json!({"tags": {"$regex": "[yz]"}, "name": {"$not": {"$regex": "x"}}}),
        json!({"items": {"$elemMatch": {"name": {"$regex": "^p$"}}}}),
        json!({"any": {"$not": {"$regex": "x"}}}),
    ] {
        assert!(matches(&query, &record), "{query}");
    }
    for query in [
        json!({"sizes": {"$elemMatch": {"$gt": 1, "$lt": 5}}}),
        json!({"items": {"$elemMatch": {"name": "q", "n": 1}}}),
        json!({"items.name": {"$ne": "p"}}),
        json!({"items.name": {"$exists": false}}),
        json!({"tags": {"$all": []}}),
        json!({"tags": {"$nin": ["x"]}}),
        json!({"any": {"$gt": 1}}),
        json!({"name": {"$in": []}}),
        json!({"name": {"$regex": "^M$"}}),
        json!({"any": {"$regex": ""}}),
    ] {
        assert!(!matches(&query, &record), "{query}");
    }
    // Two conditions on an array may be met by different elements.
    assert!(matches(&json!({"items.name": "q", "items.n": 1}), &record));
}

#[test]
fn what_is_wrong_is_named() {
    for (query, expected) in [
        (json!([]), "`where` must be an object"),
        (json!({"nme": 1}), "unknown property `nme`"),
        (json!({"na/me": 1}), "unknown property `na/me`"),
        (json!({"$where": "1"}), "`$where` is no operator that can stand here"),
        (json!({"name": {"$like": "x"}}), "`name.$like` is no operator that can stand here"),
        (json!({"name": {"x": 1}}), "`name.x` is no operator that can stand here"),
        (json!({"name": {"$options": "i"}}), "`name.$options` stands beside a `$regex` only"),
        (json!({"name": {"$regex": 1}}), "`name.$regex` takes text"),
        (json!({"elevation": {"$regex": "1"}}), "`elevation.$regex` asks about text, and the property has none"),
        (
            json!({"name": {"$regex": "x", "$options": "ig"}}),
            "`name.$regex` has the option `g`; known are `i`, `m`, `s`, `u` and `x`",
        ),
        (
            json!({"name": {"$regex": "x(?=y)"}}),
            "`name.$regex` looks around (`(?=`), which cannot be matched in linear time",
        ),
        (
            json!({"name": {"$regex": "(?<!a)x"}}),
            "`name.$regex` looks around (`(?<!`), which cannot be matched in linear time",
        ),
        (
            json!({"name": {"$regex": "(x)\\1"}}),
            "`name.$regex` refers back (`\\1`), which cannot be matched in linear time",
        ),
        (json!({"name": {"$regex": "x("}}), "`name.$regex` is no pattern: unclosed group, at character 2"),
        (json!({"name": {"$regex": "(x{1000}){1000}"}}), "`name.$regex` is too large when it is compiled; repeat less"),
        (json!({"location": {"$near": {}}}), "`location.$near` asks about geometry, and conditions cannot"),
        (
            json!({"items": {"$elemMatch": {"n": {"$near": {}}}}}),
            "`items.n.$near` asks about geometry, and conditions cannot",
        ),
        (json!({"name": {}}), "`name` has no condition"),
        (json!({"name": 1}), "`name` must be compared with text"),
        (json!({"elevation": "1"}), "`elevation` must be compared with a number"),
        (json!({"open": 1}), "`open` must be compared with true or false"),
        (json!({"created": "yesterday"}), "`created` must be compared with an ISO 8601 date"),
        (json!({"country": "de"}), "`country` must be compared with an id of 24 hex digits"),
        (json!({"tags": ["x"]}), "`tags` must be compared with a scalar"),
        (json!({"name": {"$in": "x"}}), "`$in` takes an array"),
        (json!({"name": {"$gt": null}}), "`$gt` does not take null"),
        (json!({"$and": []}), "`$and` takes an array of at least one object"),
        (json!({"$or": [1]}), "`$or` takes an array of objects"),
        (json!({"tags": {"$size": 1.5}}), "`$size` takes a whole number"),
        (json!({"items": {"$elemMatch": {"z": 1}}}), "unknown property `items.z`"),
        (json!({"_id._id": "64230c3408591daeaf3cb85e"}), "unknown property `_id._id`"),
    ] {
        assert_eq!(read(&query).map_err(|error| error.to_string()), Err(expected.to_owned()), "{query}");
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let nested = |levels: usize| (0..levels).fold(json!({"name": "x"}), |inner, _| json!({"$and": [inner]}));
    assert!(read(&nested(19)).is_ok());
    assert_eq!(read(&nested(20)), Err(WhereError::TooDeep));
    let inverted = (0..30).fold(json!({"$eq": "x"}), |inner, _| json!({"$not": inner}));
    assert_eq!(read(&json!({"name": inverted})), Err(WhereError::TooDeep));
    let wide = |count: usize| json!({"$or": vec![json!({"name": "x"}); count]});
    assert!(read(&wide(100)).is_ok());
    assert_eq!(read(&wide(101)), Err(WhereError::TooMany));
}

/// Scalars of few values, so that conditions are met now and then.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4).prop_map(Value::from),
        prop::sample::select(vec!["0", "1", "x", "y"]).prop_map(Value::from),
    ]
}

fn record() -> impl Strategy<Value = Value> {
    let value = scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            members(inner).prop_map(Value::Object),
        ]
    });
    members(value).prop_map(Value::Object)
}

fn members(value: impl Strategy<Value = Value>) -> impl Strategy<Value = serde_json::Map<String, Value>> {
    proptest::collection::vec((prop::sample::select(vec!["a", "b", "c"]), value), 0..3)
        .prop_map(|members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn query() -> impl Strategy<Value = Value> {
    let path = prop::sample::select(vec!["a", "b", "a.b", "a.c"]);
    let not_null = scalar().prop_filter("an order needs a value", |value| !value.is_null());
    let condition = prop_oneof![
        scalar(),
        scalar().prop_map(|value| json!({"$eq": value})),
        scalar().prop_map(|value| json!({"$ne": value})),
        (prop::sample::select(vec!["$lt", "$lte", "$gt", "$gte"]), not_null)
            .prop_map(|(operator, value)| json!({operator: value})),
        (prop::sample::select(vec!["$in", "$nin", "$all"]), proptest::collection::vec(scalar(), 0..3))
            .prop_map(|(operator, values)| json!({operator: values})),
        any::<bool>().prop_map(|wanted| json!({"$exists": wanted})),
        (0..3).prop_map(|size| json!({"$size": size})),
    ];
    let leaf = (path, condition).prop_map(|(path, condition)| json!({path: condition}));
    leaf.prop_recursive(3, 12, 3, |inner| {
        (prop::sample::select(vec!["$and", "$or", "$nor"]), proptest::collection::vec(inner, 1..4))
            .prop_map(|(operator, parts)| json!({operator: parts}))
    })
}

/// The plain way to answer a query, on a tree of values.
mod naive {
    use serde_json::Value;
    use std::cmp::Ordering;

    /// What a path leads to: one outcome per object that arrays on the way hold.
    fn outcomes<'v>(value: &'v Value, names: &[&str]) -> Vec<Option<&'v Value>> {
        let Some((name, rest)) = names.split_first() else {
            return vec![Some(value)];
        };
        match value {
            Value::Object(members) => members.get(*name).map_or(vec![None], |inner| outcomes(inner, rest)),
            Value::Array(items) if items.iter().any(Value::is_object) => {
                items.iter().filter(|item| item.is_object()).flat_map(|item| outcomes(item, names)).collect()
            }
            _ => vec![None],
        }
    }

    fn order(left: &Value, right: &Value) -> Option<Ordering> {
        match (left, right) {
            (Value::Null, Value::Null) => Some(Ordering::Equal),
            (Value::Bool(l), Value::Bool(r)) => Some(l.cmp(r)),
            (Value::Number(l), Value::Number(r)) => l.as_i64().partial_cmp(&r.as_i64()),
            (Value::String(l), Value::String(r)) => Some(l.cmp(r)),
            _ => None,
        }
    }

    fn some(found: Option<&Value>, passes: impl Fn(&Value) -> bool) -> bool {
        match found {
            None => passes(&Value::Null),
            Some(Value::Array(items)) => items.iter().any(passes),
            Some(value) => passes(value),
        }
    }

    fn equal(found: Option<&Value>, operand: &Value) -> bool {
        some(found, |value| order(value, operand) == Some(Ordering::Equal))
    }

    pub(super) fn matches(record: &Value, query: &Value) -> bool {
        query.as_object().unwrap().iter().all(|(key, condition)| {
            let parts = || condition.as_array().unwrap().iter();
            match key.as_str() {
                "$and" => parts().all(|part| matches(record, part)),
                "$or" => parts().any(|part| matches(record, part)),
                "$nor" => !parts().any(|part| matches(record, part)),
                path => {
                    let names: Vec<&str> = path.split('.').collect();
                    let found = outcomes(record, &names);
                    let any = |passes: &dyn Fn(Option<&Value>) -> bool| found.iter().any(|found| passes(*found));
                    let Some(operators) = condition.as_object() else {
                        return any(&|found| equal(found, condition));
                    };
                    let (operator, operand) = operators.iter().next().unwrap();
                    let list = || operand.as_array().unwrap().iter();
                    let ordered = |allowed: &[Ordering]| {
                        any(&|found| {
                            found.is_some()
                                && some(found, |value| order(value, operand).is_some_and(|o| allowed.contains(&o)))
                        })
                    };
                    match operator.as_str() {
                        "$eq" => any(&|found| equal(found, operand)),
                        "$ne" => !any(&|found| equal(found, operand)),
                        "$in" => any(&|found| list().any(|operand| equal(found, operand))),
                        "$nin" => !any(&|found| list().any(|operand| equal(found, operand))),
                        "$all" => list().len() > 0 && any(&|found| list().all(|operand| equal(found, operand))),
                        "$exists" => operand.as_bool().unwrap() == any(&|found| found.is_some()),
                        "$size" => any(&|found| {
                            found.and_then(Value::as_array).is_some_and(|items| {
                                Some(items.len()) == operand.as_u64().and_then(|n| n.try_into().ok())
                            })
                        }),
                        "$lt" => ordered(&[Ordering::Less]),
                        "$lte" => ordered(&[Ordering::Less, Ordering::Equal]),
                        "$gt" => ordered(&[Ordering::Greater]),
                        "$gte" => ordered(&[Ordering::Greater, Ordering::Equal]),
                        other => unreachable!("{other}"),
                    }
                }
            }
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn the_evaluator_agrees_with_a_naive_one(record in record(), query in query()) {
        prop_assert_eq!(matches(&query, &record), naive::matches(&record, &query));
    }
}
