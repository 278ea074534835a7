//! Records and accounts as objects: lists, reads and properties.

use crate::stage::{Stage, bearer};
use waybill_domain::Role;

const TARGET: &str = "/demo/v2/airports";

#[tokio::test]
async fn records_are_objects_with_what_was_asked_for() {
    let stage = Stage::with_records().await;
    insta::assert_snapshot!("whole", stage.admin("GET", &format!("{TARGET}?limit=2"), "").await);
    let target = format!("{TARGET}?where={{\"icao\":\"EKCH\"}}&include[]=notes&expand[]=country");
    insta::assert_snapshot!("expanded", stage.admin("GET", &target, "").await);
    let target = format!("{TARGET}?sort=-icao&paths[]=icao&paths[]=country.name&skip=1&limit=1");
    insta::assert_snapshot!("across_a_reference", stage.admin("GET", &target, "").await);
    let pipeline = "[{\"$group\":{\"_id\":\"$country\",\"many\":{\"$count\":{}}}},{\"$sort\":{\"many\":-1}}]";
    insta::assert_snapshot!("rows", stage.admin("GET", &format!("{TARGET}?pipeline={pipeline}"), "").await);
    let key = bearer("demo", Role::Admin);
    let headers = [("authorization", key.as_str()), ("accept", "application/x-ndjson")];
    insta::assert_snapshot!("lines", stage.send("GET", &format!("{TARGET}?paths=icao"), &headers, "").await);
}

#[tokio::test]
async fn one_record_and_its_properties_are_read() {
    let stage = Stage::with_records().await;
    let one = format!("{TARGET}/5d25192f61827de1579d5fcd");
    insta::assert_snapshot!("read", stage.admin("GET", &one, "").await);
    insta::assert_snapshot!("property", stage.admin("GET", &format!("{one}/country.name"), "").await);
    insta::assert_snapshot!("reference", stage.admin("GET", &format!("{one}/country"), "").await);
    insta::assert_snapshot!("no_property", stage.admin("GET", &format!("{one}/height"), "").await);
    insta::assert_snapshot!("absent", stage.admin("GET", &format!("{TARGET}/000000000000000000000001"), "").await);
    insta::assert_snapshot!("no_id", stage.admin("GET", &format!("{TARGET}/1"), "").await);
    insta::assert_snapshot!("no_write", stage.admin("PUT", &one, "{}").await);
    insta::assert_snapshot!("unknown_object", stage.admin("GET", "/demo/v2/c_nothing/1", "").await);
}

#[tokio::test]
async fn members_see_themselves_and_their_own() {
    let stage = Stage::with_records().await;
    insta::assert_snapshot!("of_member", stage.member("GET", TARGET, "").await);
    let one = format!("{TARGET}/5d25192f61827de1579d5fcd");
    assert!(stage.member("GET", &one, "").await.starts_with("404"));
    insta::assert_snapshot!("accounts", stage.member("GET", "/demo/v2/accounts", "").await);
    insta::assert_snapshot!("me", stage.member("GET", "/demo/v2/accounts/me", "").await);
    let all = stage.json("GET", "/demo/v2/accounts?paths=roles&sort=-_id", "").await;
    assert_eq!(all["data"].as_array().unwrap().len(), 2);
    assert_eq!(all["data"][0]["roles"][0], "admin");
}

#[tokio::test]
async fn arguments_that_are_wrong_are_named() {
    let stage = Stage::with_records().await;
    for query in [
        "where={\"height\":1}",
        "where={",
        "where={\"icao\":{\"$near\":1}}",
        "where={\"country.name\":\"Denmark\"}",
        "sort=height",
        "paths[]=country.height",
        "expand[]=icao",
        "pipeline=[{\"$lookup\":{}}]",
        "pipeline=[{\"$limit\":1}]&sort=icao",
        "notes.limit=1",
    ] {
        let fault = stage.json("GET", &format!("{TARGET}?{query}"), "").await;
        let name = query.split(['=', '[']).next().unwrap();
        assert_eq!((&fault["code"], &fault["path"]), (&"kInvalidArgument".into(), &name.into()), "{query}: {fault}");
    }
}
