//! Lists of a record, and the bytes of its files.

use crate::stage::{Stage, bearer, masked};
use waybill_domain::Role;

const DENMARK: &str = "/demo/v2/countries/0000000000000000000000d1";
const GERMANY: &str = "/demo/v2/countries/0000000000000000000000d2";

#[tokio::test]
async fn a_list_of_a_record_is_read_as_any_list_is() {
    let stage = Stage::with_records().await;
    let list = format!("{GERMANY}/airports");
    insta::assert_snapshot!("list", stage.admin("GET", &format!("{list}?paths[]=icao&sort=-icao&limit=1"), "").await);
    let some = stage.json("GET", &format!("{list}?where={{\"icao\":\"EDDM\"}}"), "").await;
    assert_eq!((some["data"].as_array().unwrap().len(), &some["hasMore"]), (1, &false.into()));
    let rows =
        stage.json("GET", &format!("{list}?pipeline=[{{\"$group\":{{\"_id\":null,\"n\":{{\"$sum\":1}}}}}}]"), "").await;
    assert_eq!(rows["data"][0]["n"], 2);
    let key = bearer("demo", Role::Admin);
    let headers = [("authorization", key.as_str()), ("accept", "application/x-ndjson")];
    insta::assert_snapshot!("lines", stage.send("GET", &format!("{list}?paths=icao"), &headers, "").await);
    let one = stage.json("GET", &format!("{list}/0001f202c3751fff0f7fb13a?paths=icao"), "").await;
    assert_eq!((&one["object"], &one["icao"]), (&"airports".into(), &"EDDM".into()));
    insta::assert_snapshot!("not_in_it", stage.admin("GET", &format!("{list}/5d25192f61827de1579d5fcd"), "").await);
    let gone = "/demo/v2/countries/0000000000000000000000d9/airports";
    insta::assert_snapshot!("of_no_record", stage.admin("GET", gone, "").await);
    let fault = stage.json("GET", &format!("{list}?where={{\"height\":1}}"), "").await;
    assert_eq!((&fault["code"], &fault["path"]), (&"kInvalidArgument".into(), &"where".into()));
    insta::assert_snapshot!("array", stage.admin("GET", &format!("{DENMARK}/cities?limit=1"), "").await);
}

#[tokio::test]
async fn lists_come_along_where_they_are_asked_for() {
    let stage = Stage::with_records().await;
    assert!(stage.json("GET", GERMANY, "").await.get("airports").is_none());
    let read =
        format!("{GERMANY}?airports.limit=1&airports.sort=-icao&airports.include[]=notes&airports.expand[]=country");
    insta::assert_snapshot!("read_with_list", stage.admin("GET", &read, "").await);
    let all = "/demo/v2/countries?paths[]=name&paths[]=airports.icao";
    insta::assert_snapshot!("list_with_lists", stage.admin("GET", all, "").await);
    let only = stage.json("GET", &format!("{DENMARK}?paths[]=airports"), "").await;
    let members: Vec<&str> = only.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["_id", "object", "access", "airports"]);
    let body = r#"{"where":{"name":"Germany"},"include":["airports"]}"#;
    let driven = stage.json("POST", "/demo/v2/country/db/readOne", body).await;
    assert_eq!(driven["airports"]["data"].as_array().unwrap().len(), 2);
    for (query, path) in [
        ("limit=101&include[]=airports", "limit"),
        ("airports.where={\"height\":1}", "airports.where"),
        ("airports.paths[]=height", "airports.paths"),
        ("airports.limit=0", "airports.limit"),
        ("airports.colour=red", "airports.colour"),
        ("airports.pipeline=[{\"$limit\":1}]", "airports.pipeline"),
        ("pipeline=[{\"$limit\":1}]&airports.limit=1", "pipeline"),
        ("cities.limit=1", "cities.limit"),
    ] {
        let fault = stage.json("GET", &format!("/demo/v2/countries?{query}"), "").await;
        assert_eq!((&fault["code"], &fault["path"]), (&"kInvalidArgument".into(), &path.into()), "{query}: {fault}");
    }
}

#[tokio::test]
async fn members_see_of_a_list_what_is_theirs() {
    let stage = Stage::with_records().await;
    assert!(stage.member("GET", &format!("{GERMANY}/airports"), "").await.starts_with("404"));
    let me = waybill_testkit::samples::principal("demo", Role::Member).unwrap().account;
    let country = "0000000000000000000000d3";
    stage
        .load(&"countries".parse().unwrap(), &format!(r#"{{"_id":"{country}","owner":"{me}","name":"Sweden"}}"#))
        .await;
    let airports = format!(
        "{{\"icao\":\"ESSA\",\"country\":\"{country}\",\"owner\":\"{me}\"}}\n{{\"icao\":\"ESGG\",\"country\":\"{country}\"}}"
    );
    stage.load(&"airports".parse().unwrap(), &airports).await;
    for target in
        [format!("/demo/v2/countries/{country}/airports"), format!("/demo/v2/countries/{country}?include=airports")]
    {
        let own = stage.member("GET", &target, "").await;
        assert!(own.contains("ESSA") && !own.contains("ESGG"), "{own}");
        assert!(stage.admin("GET", &target, "").await.contains("ESGG"));
    }
}

#[tokio::test]
async fn the_bytes_of_a_file_are_a_facet_or_a_redirect_as_the_client_accepts() {
    let stage = Stage::with_records().await;
    let flag = format!("{DENMARK}/flag/content");
    insta::assert_snapshot!("no_file", stage.admin("GET", &flag, "").await);
    let file = stage.announce("0000000000000000000000d1", "flag").await;
    insta::assert_snapshot!("awaited_file", masked_ids(&stage.admin("GET", &flag, "").await));
    stage.upload(&file).await;
    let key = bearer("demo", Role::Admin);
    let headers = [("authorization", key.as_str()), ("accept", "application/json, text/plain, */*")];
    let facet = stage.send("GET", &flag, &headers, "").await;
    insta::assert_snapshot!("file_facet", masked_ids(&facet));
    let redirect = stage.admin("GET", &flag, "").await;
    insta::assert_snapshot!("file_redirect", masked_ids(&redirect));
    assert!(redirect.contains("expires=300"), "{redirect}");
    let map = stage.announce("0000000000000000000000d1", "maps").await;
    stage.upload(&map).await;
    let maps = format!("{DENMARK}/maps");
    let shown = stage.json("GET", &maps, "").await;
    let path = shown["data"][0]["path"].as_str().unwrap().to_owned();
    assert!(stage.admin("GET", &format!("/demo/v2{path}"), "").await.starts_with("302"));
    assert!(stage.admin("GET", &format!("{maps}/content"), "").await.starts_with("404"), "which of them");
    assert!(stage.admin("GET", &format!("{maps}/0000000000000000000000aa/content"), "").await.starts_with("404"));
    // Nor do members who may not read the record learn that there is one.
    assert!(stage.member("GET", &flag, "").await.starts_with("404"));
}

/// A reply with the ids of files masked, which change with every call of entropy.
fn masked_ids(reply: &str) -> String {
    let mut text = String::new();
    for part in masked(reply).split_inclusive(|character: char| !character.is_ascii_hexdigit()) {
        let end = part.trim_end_matches(|character: char| !character.is_ascii_hexdigit()).len();
        let (digits, rest) = part.split_at(end);
        text.push_str(if digits.len() == 24 && !digits.starts_with("00000000") { "<24 hex digits>" } else { digits });
        text.push_str(rest);
    }
    text
}
