//! What is loaded is what is read: for any record that a definition allows, and for none that it does not.

#![expect(clippy::unwrap_used, reason = "a broken fixture fails the test")]

use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use waybill_app::{Context, list_records, load_records, read_record};
use waybill_domain::{CollectionName, Principal, PropertyKind, Role};
use waybill_testkit::{MemoryPorts, samples};

struct World {
    ports: MemoryPorts,
    context: Context,
    admin: Principal,
    name: CollectionName,
}

fn world() -> World {
    let ports = MemoryPorts::new(5);
    let admin = samples::principal("demo", Role::Admin).unwrap();
    let name: CollectionName = "things".parse().unwrap();
    let inner = vec![samples::property("n", PropertyKind::Number), samples::property("s", PropertyKind::String)];
    let mut list = samples::property("list", PropertyKind::Number);
    list.array = true;
    let properties = vec![
        samples::property("s", PropertyKind::String),
        samples::property("n", PropertyKind::Number),
        samples::property("b", PropertyKind::Boolean),
        samples::property("any", PropertyKind::Any),
        samples::property("doc", PropertyKind::Document { properties: inner }),
        list,
    ];
    block_on(ports.insert(&samples::collection(&admin.org, &name, properties))).unwrap();
    World { context: ports.context(), ports, admin, name }
}

fn number() -> impl Strategy<Value = Value> {
    ("-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?")
        .prop_map(|text| serde_json::from_str(&text).unwrap())
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number(), ".*".prop_map(Value::from)];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn record() -> impl Strategy<Value = Map<String, Value>> {
    let optional = prop::option::of::<BoxedStrategy<Value>>;
    (
        optional(".*".prop_map(Value::from).boxed()),
        optional(number().boxed()),
        optional(any::<bool>().prop_map(Value::from).boxed()),
        optional(anything().boxed()),
        optional((number(), ".*").prop_map(|(n, s)| json!({"n": n, "s": s})).boxed()),
        optional(prop::collection::vec(number(), 0..5).prop_map(Value::from).boxed()),
    )
        .prop_map(|(s, n, b, any, doc, list)| {
            let members = [("s", s), ("n", n), ("b", b), ("any", any), ("doc", doc), ("list", list)];
            members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_loaded_is_what_is_read(records in prop::collection::vec(record(), 1..20), spaced in any::<bool>()) {
        let world = world();
        let mut lines = String::new();
        for (number, record) in records.iter().enumerate() {
            let mut line = json!({"_id": format!("{number:024x}")});
            line.as_object_mut().unwrap().extend(record.clone());
            let line = line.to_string();
            // White space between tokens is not kept; inside of texts it is.
            let line = if spaced { line.replacen("{\"_id\":", " { \"_id\" :\t", 1) } else { line };
            lines.push_str(&line);
            lines.push_str(if spaced { "  \r\n\n" } else { "\n" });
        }
        let loading = load_records(&world.context, &*world.ports.records, &world.admin, &world.name, lines.as_bytes(), None);
        let outcome = block_on(loading).unwrap();
        prop_assert_eq!(outcome.accepted, u64::try_from(records.len()).unwrap());
        prop_assert_eq!(outcome.rejected, Vec::new());
        for (number, record) in records.iter().enumerate() {
            let id = format!("{number:024x}").parse().unwrap();
            let reading = read_record(&world.context, &*world.ports.records, &world.admin, &world.name, id);
            let json = block_on(reading).unwrap();
            let mut read: Map<String, Value> = serde_json::from_slice(&json).unwrap();
            for built_in in ["_id", "created", "updated", "creator", "owner"] {
                prop_assert!(read.shift_remove(built_in).is_some());
            }
            // Texts of numbers are compared, not their values.
            prop_assert_eq!(Value::Object(read.into_iter().collect()).to_string(), Value::Object(record.clone()).to_string());
        }
    }

    #[test]
    fn no_bytes_make_loading_fail_or_leave_anything_unread(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let world = world();
        let loading = load_records(&world.context, &*world.ports.records, &world.admin, &world.name, &bytes, None);
        let outcome = block_on(loading).unwrap();
        let listing = list_records(&world.context, &*world.ports.records, &world.admin, &world.name, None, 1000);
        let page = block_on(listing).unwrap();
        prop_assert_eq!(u64::try_from(page.items.len()).unwrap(), outcome.accepted);
    }
}
