//! Exports hold what their principals may read: principals × records × paths, through whole archives.

use super::{FOREVER, Fixture, entry};
use futures::executor::block_on;
use serde_json::json;
use waybill_app::{CreateExport, Error, FilterRequest, create_export, load_records};
use waybill_domain::{
    AccessLevel, Account, AccountId, AccountName, Collection, ExportFormat, Principal, Property, PropertyKind, Role,
    RoleName, Surface, Timestamp, read_access_entries,
};
use waybill_query::SortOrder;
use waybill_testkit::samples;

/// Somebody of every kind, with the roles that they have.
const PEOPLE: [(&str, u8, &[&str]); 5] = [
    ("nurse", 11, &["nurse"]),
    ("doctor", 12, &["doctor"]),
    ("owner", 13, &[]),
    ("named", 14, &[]),
    ("nobody", 15, &[]),
];

pub(super) fn account(number: u8) -> AccountId {
    AccountId::new(Timestamp::from_millis(0), [number; 8])
}

fn guarded(name: &str, kind: PropertyKind, level: AccessLevel) -> Property {
    Property { read_access: level, ..samples::property(name, kind) }
}

/// Visits of sites; nurses read visits and no sites, doctors change visits and read sites.
pub(super) fn hospital() -> Fixture {
    let fixture = Fixture::new(0);
    let org = &fixture.admin.org;
    for (name, number, roles) in PEOPLE {
        let roles = roles.iter().map(|role| role.parse::<RoleName>().unwrap()).collect();
        let plain = samples::account("demo", Role::Member).unwrap();
        let account = Account { id: account(number), name: AccountName::of(name), email: None, roles, ..plain };
        block_on(fixture.ports.insert(&account)).unwrap();
    }
    let granted = |list| read_access_entries(&list).unwrap();
    let city = samples::property("city", PropertyKind::String);
    let door = guarded("door", PropertyKind::Number, AccessLevel::Delete);
    let visits = Collection {
        access: granted(
            json!([{"type":"role","target":"nurse","allow":4},{"type":"role","target":"doctor","allow":6}]),
        ),
        ..samples::collection(
            org,
            &"visits".parse().unwrap(),
            vec![
                samples::property("n", PropertyKind::Number),
                guarded("secret", PropertyKind::Number, AccessLevel::Update),
                samples::property("site", PropertyKind::Reference { collection: "sites".parse().unwrap() }),
                samples::property("place", PropertyKind::Document { properties: vec![city, door] }),
            ],
        )
    };
    let code = samples::property("code", PropertyKind::String);
    let list = PropertyKind::List { collection: "visits".parse().unwrap(), via: "site".to_owned() };
    let line = vec![
        samples::property("sku", PropertyKind::String),
        guarded("cost", PropertyKind::Number, AccessLevel::Share),
        samples::property("visit", PropertyKind::Reference { collection: "visits".parse().unwrap() }),
    ];
    let many = |property| Property { array: true, ..property };
    let lines = many(samples::property("lines", PropertyKind::Document { properties: line }));
    let notes = many(samples::property("notes", PropertyKind::Document { properties: Vec::new() }));
    let vault = guarded("vault", PropertyKind::Number, AccessLevel::Share);
    let sites = Collection {
        access: granted(json!([{"type":"role","target":"doctor","allow":4}])),
        ..samples::collection(
            org,
            &"sites".parse().unwrap(),
            vec![code, vault, samples::property("visits", list), lines, notes],
        )
    };
    block_on(fixture.ports.insert(&visits)).unwrap();
    block_on(fixture.ports.insert(&sites)).unwrap();
    let (owner, named) = (account(13), account(14));
    let visit = |n: u32, more: &str| {
        format!(
            r#"{{"_id":"{n:024x}","n":{n},"secret":{},"site":"{:024x}","place":{{"city":"c{n}","door":{n}}}{more}}}"#,
            9 - n,
            100 + n
        )
    };
    let list = format!(r#","_access":[{{"type":"account","target":"{named}","allow":4}}]"#);
    let lines = [visit(1, &format!(r#","owner":"{owner}""#)), visit(2, &list), visit(3, "")].join("\n");
    load(&fixture, "visits", &lines);
    let site = |n: u32, more: &str| format!(r#"{{"_id":"{:024x}","code":"s{n}","vault":{n}{more}}}"#, 100 + n);
    let lines = [site(1, &format!(r#","owner":"{owner}""#)), site(2, ""), site(3, "")].join("\n");
    load(&fixture, "sites", &lines);
    fixture
}

pub(super) fn load(fixture: &Fixture, collection: &str, lines: &str) {
    let (context, records) = (fixture.ports.context(), &*fixture.ports.records);
    let name = collection.parse().unwrap();
    let loaded = block_on(load_records(&context, records, &fixture.admin, &name, lines.as_bytes(), None)).unwrap();
    assert!(loaded.rejected.is_empty(), "{:?}", loaded.rejected);
}

/// What an administrator's export as `who` holds.
pub(super) fn exported(fixture: &Fixture, who: &str, command: CreateExport) -> String {
    let number = PEOPLE.iter().find(|(name, ..)| *name == who).map(|(_, number, _)| account(*number));
    let command = CreateExport { principal: number, ..command };
    let view =
        block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.admin, &command)).unwrap();
    fixture.step(&view, FOREVER);
    let name = format!("{}.{}", command.collection, command.format.extension());
    entry(&fixture.archive(&view), &name)
}

pub(super) fn visits(format: ExportFormat) -> CreateExport {
    let sort = SortOrder::parse(&json!("_id")).ok();
    CreateExport { sort, ..CreateExport::new(Surface::Admin, "visits".parse().unwrap(), format) }
}

pub(super) fn paths<const N: usize>(paths: [&str; N]) -> Vec<waybill_app::Path> {
    paths.iter().map(|path| path.parse().unwrap()).collect()
}

#[test]
fn principals_by_records_by_paths() {
    let fixture = hospital();
    let columns = paths(["n", "secret", "place.city", "place.door", "site.code", "site.vault"]);
    // A record a line, a path a column; what is not seen is empty.
    let expected = [
        ("admin", "1,8,c1,1,s1,1\n2,7,c2,2,s2,2\n3,6,c3,3,s3,3\n"),
        ("doctor", "1,8,c1,,s1,\n2,7,c2,,s2,\n3,6,c3,,s3,\n"),
        ("nurse", "1,,c1,,,\n2,,c2,,,\n3,,c3,,,\n"),
        ("owner", "1,8,c1,1,s1,1\n"),
        ("named", "2,,c2,,,\n"),
        ("nobody", ""),
    ];
    for sorted in [true, false] {
        for (who, rows) in expected {
            let command = CreateExport { paths: columns.clone(), ..visits(ExportFormat::Csv) };
            let command = if sorted { command } else { CreateExport { sort: None, ..command } };
            let csv = exported(&fixture, who, command).replace("\r\n", "\n");
            let mut lines: Vec<&str> = csv.lines().skip(1).collect();
            lines.sort_unstable();
            assert_eq!(lines, rows.lines().collect::<Vec<_>>(), "{who}, sorted: {sorted}");
        }
    }
}

#[test]
fn what_is_not_readable_is_absent_in_every_format() {
    let fixture = hospital();
    for format in [
        ExportFormat::Ndjson,
        ExportFormat::Json,
        ExportFormat::Csv,
        ExportFormat::DetailedCsv,
        ExportFormat::Xml,
        ExportFormat::JsonApi,
    ] {
        let whole = exported(&fixture, "admin", visits(format));
        assert!(whole.contains("c3") && !whole.contains("_access"), "{format:?}: {whole}");
        let part = exported(&fixture, "named", visits(format));
        assert!(part.contains("c2") && !part.contains("c1") && !part.contains("c3"), "{format:?}: {part}");
        assert!(!part.contains('7'), "{format:?} tells the secret: {part}");
    }
}

#[test]
fn a_reference_to_what_is_not_readable_stays_one() {
    let fixture = hospital();
    let expanded = |who: &str| {
        let command = CreateExport { expand: paths(["site"]), paths: paths(["site"]), ..visits(ExportFormat::Ndjson) };
        exported(&fixture, who, command)
    };
    let line = |n: u32, rest: &str| format!("{{\"site\":{{\"_id\":\"{:024x}\"{rest}}}}}\n", 100 + n);
    assert_eq!(expanded("nurse"), [1, 2, 3].map(|n| line(n, "")).concat());
    assert_eq!(expanded("doctor"), [1, 2, 3].map(|n| line(n, &format!(",\"code\":\"s{n}\""))).concat());
    assert_eq!(expanded("owner"), line(1, ",\"code\":\"s1\",\"vault\":1"));
}

#[test]
fn neither_conditions_nor_orders_tell_what_is_not_readable() {
    let fixture = hospital();
    let numbers = |who: &str, condition: serde_json::Value, sort: &str| {
        let filter = Some(FilterRequest::CortexWhere { text: condition.to_string(), condition });
        let sort = SortOrder::parse(&json!(sort)).ok();
        exported(&fixture, who, CreateExport { filter, sort, paths: paths(["n"]), ..visits(ExportFormat::Csv) })
            .lines()
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers("doctor", json!({"secret":{"$gte":7}}), "secret"), ["2", "1"]);
    assert!(numbers("nurse", json!({"secret":{"$gte":7}}), "_id").is_empty());
    assert_eq!(numbers("nurse", json!({"secret":{"$ne":7}}), "secret"), ["1", "2", "3"]);
    assert!(numbers("nurse", json!({"place.door":2}), "_id").is_empty());
    assert_eq!(numbers("nurse", json!({"place.city":"c2"}), "_id"), ["2"]);
}

#[test]
fn pipelines_add_up_what_is_readable_and_nothing_else() {
    let fixture = hospital();
    let sums = |who: &str| {
        let total = json!({"$group":{"_id":null,"records":{"$sum":1},"secret":{"$sum":"$secret"}}});
        let pipeline = Some(json!([total]));
        let command = CreateExport { pipeline, sort: None, ..visits(ExportFormat::Ndjson) };
        let rows = exported(&fixture, who, command);
        rows.lines()
            .map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap())
            .map(|row| (row["records"].as_u64().unwrap(), row["secret"].as_u64().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(sums("admin"), [(3, 21)]);
    assert_eq!(sums("nurse"), [(3, 0)]);
    assert_eq!(sums("owner"), [(1, 8)]);
    assert!(sums("nobody").is_empty());
}

#[test]
fn a_list_stays_on_its_record_until_it_is_given_anew_and_a_bad_one_is_refused_by_name() {
    let fixture = hospital();
    let id = format!("{:024x}", 2);
    load(&fixture, "visits", &format!(r#"{{"_id":"{id}","n":2}}"#));
    assert_eq!(exported(&fixture, "named", visits(ExportFormat::Csv)).lines().count(), 2);
    load(&fixture, "visits", &format!(r#"{{"_id":"{id}","n":2,"_access":[]}}"#));
    assert_eq!(exported(&fixture, "named", visits(ExportFormat::Csv)).lines().count(), 1);
    let bad = r#"{"n":1,"_access":[{"type":"role","target":"nurse","allow":9}]}"#;
    let (context, records) = (fixture.ports.context(), &*fixture.ports.records);
    let name = "visits".parse().unwrap();
    let loaded = block_on(load_records(&context, records, &fixture.admin, &name, bad.as_bytes(), None)).unwrap();
    assert_eq!(
        loaded.rejected[0].reason,
        "`_access.0.allow` must be an access level that can be granted: 1, 2, 4, 5, 6 or 7"
    );
    let column = CreateExport { paths: paths(["_access"]), ..visits(ExportFormat::Csv) };
    let refused = block_on(create_export(&context, &*fixture.ports.wake, &fixture.admin, &column));
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
}

#[test]
fn members_name_nobody_but_themselves() {
    let fixture = hospital();
    let member: Principal = samples::principal("demo", Role::Member).unwrap();
    let create = |principal| {
        let command = CreateExport { principal, ..visits(ExportFormat::Csv) };
        block_on(create_export(&fixture.ports.context(), &*fixture.ports.wake, &member, &command))
    };
    assert!(matches!(create(Some(account(11))), Err(Error::Forbidden { .. })));
    assert_eq!(create(Some(member.account)).unwrap().spec.viewer.account, member.account);
}
