//! Laws of the decision, and what of a record is seen.

use super::*;
use crate::Timestamp;
use serde_json::json;
use waybill_record::{Looking, Tape};

const LEVELS: [AccessLevel; 8] = AccessLevel::ALL;

fn account(number: u8) -> AccountId {
    AccountId::new(Timestamp::from_millis(0), [number; 8])
}

fn viewer(role: Role, roles: &[&str]) -> Viewer {
    let roles = roles.iter().map(|name| name.parse().unwrap()).chain([RoleName::of(role)]).collect();
    Viewer { account: account(1), role, roles }
}

fn entries(list: &serde_json::Value) -> Vec<AccessEntry> {
    read_access_entries(list).unwrap()
}

fn level(defaults: &serde_json::Value, own: &serde_json::Value, is_owner: bool) -> u8 {
    let (defaults, own) = (entries(defaults), entries(own));
    let record = RecordAccess { is_self: false, is_owner, entries: &own };
    effective_level(&viewer(Role::Member, &["nurse"]), &defaults, &record).map_or(0, AccessLevel::number)
}

#[test]
fn nobody_can_do_anything_until_an_entry_grants_it() {
    let (none, role) = (json!([]), |name: &str, allow: u8| json!([{"type":"role","target":name,"allow":allow}]));
    assert_eq!(level(&none, &none, false), 0);
    assert_eq!(level(&role("nurse", 4), &none, false), 4);
    assert_eq!(level(&role("member", 5), &role("nurse", 4), false), 5);
    assert_eq!(level(&role("doctor", 7), &none, false), 0);
    assert_eq!(level(&none, &json!([{"type":"account","target":account(1),"allow":6}]), false), 6);
    assert_eq!(level(&none, &json!([{"type":1,"target":account(2),"allow":6}]), false), 0);
    assert_eq!(level(&json!([{"type":"self","allow":6}]), &none, false), 0);
}

#[test]
fn an_owner_may_delete_unless_the_definition_has_an_entry_for_owners() {
    let none = json!([]);
    assert_eq!(level(&none, &none, true), 7);
    assert_eq!(level(&json!([{"type":"owner","allow":4}]), &none, true), 4);
    assert_eq!(level(&json!([{"type":"owner","allow":4}]), &none, false), 0);
    assert_eq!(level(&none, &json!([{"type":"owner","allow":4}]), true), 7);
}

#[test]
fn levels_give_levels_as_far_as_they_go() {
    let chain = json!([{"type":"access","target":5,"allow":6},{"type":"access","target":4,"allow":5}]);
    assert_eq!(level(&chain, &json!([]), false), 0);
    assert_eq!(level(&chain, &json!([{"type":"role","target":"nurse","allow":4}]), false), 6);
    assert_eq!(level(&chain, &json!([{"type":"role","target":"nurse","allow":2}]), false), 2);
}

#[test]
fn administrators_may_delete_whatever_the_lists_say() {
    let low = entries(&json!([{"type":"role","target":"admin","allow":1},{"type":"owner","allow":1}]));
    for is_owner in [false, true] {
        let record = RecordAccess { is_owner, ..RecordAccess::default() };
        assert_eq!(effective_level(&viewer(Role::Admin, &[]), &low, &record), Some(AccessLevel::Delete));
    }
}

/// Every list of up to three of these entries.
fn some_lists() -> Vec<Vec<AccessEntry>> {
    let all = entries(&json!([
        {"type":"account","target":account(1),"allow":4}, {"type":"account","target":account(2),"allow":7},
        {"type":"self","allow":5}, {"type":"role","target":"nurse","allow":2}, {"type":"role","target":"other","allow":6},
        {"type":"owner","allow":6}, {"type":"access","target":2,"allow":4}, {"type":"access","target":5,"allow":7},
    ]));
    let mut lists = vec![Vec::new()];
    for first in &all {
        for second in &all {
            for third in &all {
                lists.push(vec![first.clone(), second.clone(), third.clone()]);
            }
        }
    }
    lists
}

#[test]
fn more_entries_on_a_record_never_take_anything_away_and_their_order_does_not_matter() {
    let viewer = viewer(Role::Member, &["nurse"]);
    for list in some_lists() {
        for (is_self, is_owner) in [(false, false), (true, false), (false, true)] {
            let at =
                |entries: &[AccessEntry]| effective_level(&viewer, &[], &RecordAccess { is_self, is_owner, entries });
            let whole = at(&list);
            assert!((0..list.len()).all(|end| at(&list[..end]) <= whole), "{list:?}");
            let reversed: Vec<AccessEntry> = list.iter().rev().cloned().collect();
            assert_eq!(at(&reversed), whole, "{list:?}");
            assert!(whole < Some(AccessLevel::Script), "{list:?}");
            let grants = list.iter().any(|entry| !matches!(entry, AccessEntry::Access { .. }));
            assert!(grants || is_owner || whole.is_none(), "{list:?}");
        }
    }
}

#[test]
fn numbers_of_levels_are_those_of_the_cortex_api() {
    let numbers: Vec<u8> = LEVELS.iter().map(|level| level.number()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(LEVELS.iter().all(|level| AccessLevel::try_from(level.number()) == Ok(*level)));
    assert!(AccessLevel::try_from(0).is_err() && AccessLevel::try_from(9).is_err());
}

#[test]
fn entries_that_are_none_are_refused_with_their_place() {
    let refused = |list: serde_json::Value| {
        let error = read_access_entries(&list).unwrap_err();
        format!("{}: {}", error.place.join("."), error.reason)
    };
    let id = account(1);
    assert_eq!(refused(json!({})), ": must be an array of access entries");
    assert_eq!(
        refused(json!([{"type":"owner","allow":4}, 7])),
        "1: must be an object with `type`, `target` and `allow`"
    );
    assert_eq!(
        refused(json!([{"type":"all","allow":4}])),
        "0.type: must be `account`, `self`, `role`, `owner` or `access`"
    );
    assert_eq!(
        refused(json!([{"type":"account","target":"x","allow":4}])),
        "0.target: must be the id of an account: 24 hex digits"
    );
    assert_eq!(
        refused(json!([{"type":"role","target":"A b","allow":4}])),
        "0.target: must be the name of a role: ^[a-z][a-z0-9_-]{0,38}$"
    );
    assert_eq!(
        refused(json!([{"type":"owner","target":id,"allow":4}])),
        "0.target: must be left out of an entry for `owner`"
    );
    assert_eq!(refused(json!([{"type":"access","target":9,"allow":4}])), "0.target: must be an access level, 1 to 8");
    for allow in [json!(0), json!(3), json!(8), json!(4.5), json!("4"), json!(null), json!(260)] {
        let reason = "0.allow: must be an access level that can be granted: 1, 2, 4, 5, 6 or 7";
        assert_eq!(refused(json!([{"type":"owner","allow":allow}])), reason);
    }
    assert_eq!(refused(json!([{"type":"owner","allow":4,"deny":1}])), "0: `deny` is no member of an access entry");
    assert_eq!(refused(json!(vec![json!({"type":"owner","allow":4}); 51])), ": has more than 50 entries");
}

fn seen(rules: &AccessRules, viewer: &Viewer, record: &str) -> Option<String> {
    let sight = rules.sight(viewer);
    let (mut tape, mut looking) = (Tape::new(), Looking::default());
    let record = tape.scan(record.as_bytes()).unwrap();
    let seen = looking.at(&sight, record).unwrap();
    seen.map(|seen| String::from_utf8(seen.source().to_vec()).unwrap())
}

#[test]
fn what_takes_a_higher_level_is_absent_wherever_it_stands() {
    let guarded = |path: &str, level| GuardedProperty { path: path.parse().unwrap(), level };
    let rules = AccessRules {
        entries: entries(
            &json!([{"type":"role","target":"nurse","allow":4},{"type":"role","target":"doctor","allow":6}]),
        ),
        by_record: true,
        guarded: vec![
            guarded("secret", AccessLevel::Update),
            guarded("lines.cost", AccessLevel::Delete),
            guarded("machine", AccessLevel::Script),
        ],
    };
    let record =
        r#"{"_id":"1","s\u0065cret":1,"lines":[{"cost":2,"n":3},{"n":4},5],"machine":6,"secret":7,"z":{"secret":8}}"#;
    let at = |roles: &[&str]| seen(&rules, &viewer(Role::Member, roles), record);
    assert_eq!(at(&[]), None);
    let read = r#"{"_id":"1","lines":[{"n":3},{"n":4},5],"z":{"secret":8}}"#;
    assert_eq!(at(&["nurse"]).unwrap(), read);
    let update = r#"{"_id":"1","s\u0065cret":1,"lines":[{"n":3},{"n":4},5],"secret":7,"z":{"secret":8}}"#;
    assert_eq!(at(&["doctor"]).unwrap(), update);
    let admin = seen(&rules, &viewer(Role::Admin, &[]), record).unwrap();
    assert!(admin.contains("cost") && !admin.contains("machine"));
    let sight = rules.sight(&viewer(Role::Member, &["nurse"]));
    let hides = |path: &str| sight.hides(&path.parse().unwrap(), AccessLevel::Read);
    assert!(hides("secret") && hides("secret.x") && hides("lines.cost") && !hides("lines") && !hides("z.secret"));
    assert!(sight.hides(&"_id".parse().unwrap(), AccessLevel::Connected));
}

#[test]
fn a_record_s_owner_and_list_are_looked_at_unless_nothing_can_come_of_it() {
    let rules = AccessRules { by_record: true, ..AccessRules::default() };
    let somebody = viewer(Role::Member, &[]);
    assert!(!rules.sight(&somebody).sees_everything());
    assert!(rules.sight(&viewer(Role::Admin, &[])).sees_everything());
    let is_seen = |rules: &AccessRules, record: String| seen(rules, &somebody, &record).is_some();
    let (own, other) = (account(1), account(2));
    assert!(is_seen(&rules, format!(r#"{{"owner":"{}"}}"#, own.to_string().to_uppercase())));
    assert!(!is_seen(&rules, format!(r#"{{"owner":"{other}","creator":"{own}"}}"#)));
    let list = |id| format!(r#"{{"owner":"{other}","_access":[{{"type":"account","target":"{id}","allow":4}}]}}"#);
    assert!(is_seen(&rules, list(own)) && !is_seen(&rules, list(other)));
    assert!(!is_seen(&rules, format!(r#"{{"_access":[{{"type":"account","target":"{own}","allow":4,"x":1}}]}}"#)));
    // Items of a platform's table name nobody whom we know.
    let table = AccessRules::default();
    assert!(!is_seen(&table, format!(r#"{{"owner":"{own}"}}"#)) && !is_seen(&table, list(own)));
    let all = AccessRules { entries: entries(&json!([{"type":"role","target":"member","allow":4}])), ..rules };
    assert!(all.sight(&somebody).sees_everything());
}
