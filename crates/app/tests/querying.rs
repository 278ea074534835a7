//! What a query gives is what looking at every record would give, and it looks at no more than it has to.

#![expect(clippy::unwrap_used, reason = "a broken fixture fails the test")]

use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;
use waybill_app::{
    Context, Effort, Error, Found, ObjectQuery, PreparedQuery, SortOrder, count_records, load_records,
    named_collection, query_records, read_one_record,
};
use waybill_domain::{Collection, Principal, PropertyKind, Role};
use waybill_testkit::{MemoryPorts, samples};

struct World {
    ports: MemoryPorts,
    context: Context,
    admin: Principal,
    collection: Collection,
}

fn id(number: u32) -> String {
    // Spread over partitions, and not in the order of their numbers.
    format!("{:08x}{number:016x}", number.wrapping_mul(2_654_435_761))
}

fn world(count: u32) -> World {
    let ports = MemoryPorts::new(5);
    let admin = samples::principal("demo", Role::Admin).unwrap();
    let collection = samples::collection(
        &admin.org,
        &"things".parse().unwrap(),
        vec![samples::property("n", PropertyKind::Number), samples::property("s", PropertyKind::String)],
    );
    block_on(ports.insert(&collection)).unwrap();
    let world = World { context: ports.context(), ports, admin, collection };
    let lines: String = (0..count)
        .map(|number| json!({"_id": id(number), "n": number % 7, "s": format!("s{}", number % 3)}).to_string() + "\n")
        .collect();
    let loading = load_records(
        &world.context,
        &*world.ports.records,
        &world.admin,
        &world.collection.name,
        lines.as_bytes(),
        None,
    );
    assert_eq!(block_on(loading).unwrap().accepted, u64::from(count));
    world
}

impl World {
    fn prepared(&self, query: &ObjectQuery) -> Result<PreparedQuery, Error> {
        block_on(PreparedQuery::new(&self.context, self.collection.clone(), query))
    }

    fn found(&self, principal: &Principal, query: &ObjectQuery, effort: Effort) -> Found {
        let query = self.prepared(query).unwrap();
        block_on(query_records(&self.context, &*self.ports.records, principal, &query, effort)).unwrap()
    }

    fn ids(&self, query: &ObjectQuery) -> (Vec<String>, bool) {
        let found = self.found(&self.admin, query, Effort::default());
        assert!(found.cut.is_none(), "{:?}", found.cut);
        (ids_of(&found), found.gathered.more)
    }
}

fn ids_of(found: &Found) -> Vec<String> {
    let id = |text: &bytes::Bytes| serde_json::from_slice::<Value>(text).unwrap()["_id"].as_str().unwrap().to_owned();
    found.gathered.texts.iter().map(id).collect()
}

fn little() -> Effort {
    Effort { records: 200, time: Duration::from_hours(1) }
}

proptest! {
    #[test]
    fn a_window_is_what_a_sorted_list_of_all_records_has_there(
        count in 0_u32..120,
        skip in 0_usize..40,
        limit in 1_usize..50,
        least in prop::option::of(0_u32..7),
        sort in prop::option::of(prop::sample::select(vec!["n", "-n", "s,-n", "-_id", "_id"])),
        after in prop::option::of(0_u32..120),
        before in prop::option::of(0_u32..120),
    ) {
        let world = world(count);
        let query = ObjectQuery {
            condition: least.map(|least| json!({"n": {"$gte": least}})),
            sort: sort.map(|sort| SortOrder::parse(&json!(sort)).unwrap()),
            skip,
            limit,
            after: after.map(|number| id(number).parse().unwrap()),
            before: before.map(|number| id(number).parse().unwrap()),
            ..ObjectQuery::default()
        };
        let mut all: Vec<(u32, String)> = (0..count).map(|number| (number, id(number))).collect();
        all.retain(|(number, own)| {
            least.is_none_or(|least| number % 7 >= least)
                && after.is_none_or(|after| *own > id(after))
                && before.is_none_or(|before| *own < id(before))
        });
        all.sort_by(|one, other| {
            let (by_n, by_s) = ((one.0 % 7).cmp(&(other.0 % 7)), (one.0 % 3).cmp(&(other.0 % 3)));
            let by_id = one.1.cmp(&other.1);
            match sort {
                Some("n") => by_n.then(by_id),
                Some("-n") => by_n.reverse().then(by_id),
                Some("s,-n") => by_s.then(by_n.reverse()).then(by_id),
                Some("-_id") => by_id.reverse(),
                None if before.is_some() && after.is_none() => by_id.reverse(),
                _ => by_id,
            }
        });
        let expected: Vec<String> = all.iter().skip(skip).take(limit).map(|(_, own)| own.clone()).collect();
        prop_assert_eq!(world.ids(&query), (expected, all.len() > skip + limit));
        let prepared = world.prepared(&query).unwrap();
        let counted = count_records(&world.context, &*world.ports.records, &world.admin, &prepared, Effort::default());
        prop_assert_eq!(block_on(counted).unwrap(), u64::try_from(all.len()).unwrap());
    }
}

#[test]
fn a_list_in_the_order_of_ids_reads_little_of_a_large_collection() {
    let world = world(4000);
    let few = ObjectQuery { limit: 20, ..ObjectQuery::default() };
    let found = world.found(&world.admin, &few, little());
    assert!(found.cut.is_none() && found.gathered.more && found.gathered.texts.len() == 20);
    let last = ids_of(&found)[19].clone();
    let next = ObjectQuery { condition: Some(json!({"_id": {"$gt": last}})), ..few };
    let found = world.found(&world.admin, &next, little());
    assert!(found.cut.is_none(), "a condition on ids is asked of the source");
    assert!(ids_of(&found)[0] > last);
}

#[test]
fn a_list_that_has_to_read_too_much_says_what_to_do_instead() {
    let world = world(4000);
    let sorted =
        ObjectQuery { sort: Some(SortOrder::parse(&json!("n")).unwrap()), limit: 20, ..ObjectQuery::default() };
    let cut = world.found(&world.admin, &sorted, little()).cut.unwrap();
    assert!(matches!(&cut, Error::TooLarge { reason } if reason.contains("make an export")), "{cut}");
    let prepared = world.prepared(&ObjectQuery { limit: 1, ..ObjectQuery::default() }).unwrap();
    let counted = count_records(&world.context, &*world.ports.records, &world.admin, &prepared, little());
    assert!(matches!(block_on(counted), Err(Error::TooLarge { .. })));
    let grouped =
        ObjectQuery { pipeline: Some(json!([{"$group": {"_id": null}}])), limit: 1, ..ObjectQuery::default() };
    let prepared = world.prepared(&grouped).unwrap();
    let rows = query_records(&world.context, &*world.ports.records, &world.admin, &prepared, little());
    assert!(matches!(block_on(rows), Err(Error::TooLarge { .. })), "rows of a part would say something else");
}

#[test]
fn pipelines_make_rows_of_what_meets_the_condition() {
    let world = world(70);
    let query = ObjectQuery {
        condition: Some(json!({"n": {"$lt": 3}})),
        pipeline: Some(
            json!([{"$match": {"s": "s1"}}, {"$group": {"_id": "$n", "many": {"$count": {}}}}, {"$sort": {"_id": -1}}]),
        ),
        skip: 1,
        limit: 1,
        ..ObjectQuery::default()
    };
    let found = world.found(&world.admin, &query, Effort::default());
    let rows: Vec<Value> = found.gathered.texts.iter().map(|text| serde_json::from_slice(text).unwrap()).collect();
    let many = (0..70).filter(|number| number % 7 == 1 && number % 3 == 1).count();
    assert_eq!((rows, found.gathered.more), (vec![json!({"_id": 1, "many": many})], true));
}

#[test]
fn a_pipeline_goes_through_more_pages_than_a_number_can_be_doubled() {
    let world = world(16_000);
    let query = ObjectQuery {
        pipeline: Some(json!([{"$group": {"_id": null, "many": {"$count": {}}}}])),
        limit: 1,
        ..ObjectQuery::default()
    };
    let found = world.found(&world.admin, &query, Effort::default());
    let rows: Vec<Value> = found.gathered.texts.iter().map(|text| serde_json::from_slice(text).unwrap()).collect();
    assert_eq!(rows, [json!({"_id": null, "many": 16_000})]);
}

#[test]
fn nobody_finds_what_is_none_of_their_business() {
    let world = world(10);
    let member = samples::principal("demo", Role::Member).unwrap();
    let all = ObjectQuery { limit: 100, ..ObjectQuery::default() };
    assert!(ids_of(&world.found(&member, &all, Effort::default())).is_empty());
    let read = |principal: &Principal| {
        let id = id(3).parse().unwrap();
        block_on(read_one_record(&world.context, &*world.ports.records, principal, &world.collection, id))
    };
    assert!(matches!(read(&member), Err(Error::NotFound { .. })));
    assert!(read(&world.admin).is_ok());
    let accounts = Collection::accounts(world.admin.org.clone());
    for role in [Role::Admin, Role::Member] {
        block_on(world.ports.insert(&samples::account("demo", role).unwrap())).unwrap();
    }
    let seen = |principal: &Principal| {
        let query = block_on(PreparedQuery::new(&world.context, accounts.clone(), &all)).unwrap();
        let records = &*world.ports.records;
        let found = query_records(&world.context, records, principal, &query, Effort::default());
        block_on(found).unwrap().gathered.texts.len()
    };
    assert_eq!((seen(&world.admin), seen(&member)), (2, 1));
}

#[test]
fn collections_are_known_by_the_names_that_drivers_make_of_them() {
    let world = world(0);
    let named = |name: &str| block_on(named_collection(&world.context, &world.admin.org, name));
    for name in ["things", "thing", "Things"] {
        assert_eq!(named(name).unwrap().name, world.collection.name, "{name}");
    }
    assert_eq!(named("account").unwrap(), Collection::accounts(world.admin.org.clone()));
    for name in ["thin", "no name", ""] {
        assert!(matches!(named(name), Err(Error::UnknownCollection { .. })), "{name}");
    }
}
