//! Lists: their orders, their windows and their forms.

use crate::stage::{Stage, bearer};
use serde_json::Value;
use std::time::Duration;
use waybill_domain::{ExportId, Role};

const TARGET: &str = "/demo/v2/exports";

/// Three exports: `b` is ready, `c` runs, `a` waits.
async fn stage() -> (Stage, Vec<ExportId>) {
    let stage = Stage::new().await;
    let mut ids = Vec::new();
    for label in ["b", "c", "a"] {
        ids.push(stage.create(label).await);
        stage.ports.clock.advance(Duration::from_secs(2));
    }
    stage.run(ids[0]).await;
    stage.finish(ids[0]).await;
    stage.run(ids[1]).await;
    (stage, ids)
}

fn labels(list: &Value) -> String {
    list["data"].as_array().unwrap().iter().map(|export| export["label"].as_str().unwrap_or("?")).collect()
}

#[tokio::test]
async fn a_list_is_in_order_of_creation_and_says_whether_there_is_more() {
    let (stage, _) = stage().await;
    insta::assert_snapshot!("whole", stage.member("GET", &format!("{TARGET}?limit=2"), "").await);
    let list = stage.json("GET", TARGET, "").await;
    assert_eq!((labels(&list).as_str(), &list["hasMore"]), ("bca", &Value::Bool(false)));
    let list = stage.json("GET", &format!("{TARGET}?skip=1&limit=1"), "").await;
    assert_eq!((labels(&list).as_str(), &list["hasMore"]), ("c", &Value::Bool(true)));
    let list = stage.json("GET", &format!("{TARGET}?skip=7"), "").await;
    assert_eq!((labels(&list).as_str(), &list["hasMore"]), ("", &Value::Bool(false)));
}

#[tokio::test]
async fn a_list_is_sorted_before_it_is_cut() {
    let (stage, _) = stage().await;
    for (query, expected) in [
        ("sort=label", "abc"),
        ("sort=-label&limit=2", "cb"),
        ("sort={\"state\":1,\"label\":1}", "abc"),
        ("sort={\"state\":-1,\"label\":1}", "cba"),
        ("sort=_id", "bca"),
        ("sort=-created&skip=1", "cb"),
        ("sort=stats.docs.count&limit=1", "a"),
        ("sort=-dataFile.size&limit=1", "b"),
    ] {
        assert_eq!(labels(&stage.json("GET", &format!("{TARGET}?{query}"), "").await), expected, "{query}");
    }
}

#[tokio::test]
async fn a_list_goes_on_from_an_id_even_when_that_export_is_gone() {
    let (stage, ids) = stage().await;
    let after = format!("{TARGET}?startingAfter={}", ids[0]);
    let before = format!("{TARGET}?endingBefore={}", ids[2]);
    assert_eq!(labels(&stage.json("GET", &after, "").await), "ca");
    assert_eq!(labels(&stage.json("GET", &before, "").await), "cb");
    assert_eq!(labels(&stage.json("GET", &format!("{after}&sort=-label"), "").await), "ca");
    assert_eq!(labels(&stage.json("GET", &format!("{after}&endingBefore={}", ids[2]), "").await), "c");
    assert!(stage.admin("DELETE", &format!("{TARGET}/{}", ids[0]), "").await.starts_with("200"));
    assert_eq!(labels(&stage.json("GET", &after, "").await), "ca");
    // One that never was: its place is known from the id alone.
    let absent = format!("{}ffffffffffffffff", &ids[0].to_string()[..8]);
    assert_eq!(labels(&stage.json("GET", &format!("{TARGET}?startingAfter={absent}"), "").await), "ca");
}

#[tokio::test]
async fn a_list_of_lines_has_one_export_each() {
    let (stage, _) = stage().await;
    let key = bearer("demo", Role::Member);
    let headers = [("authorization", key.as_str()), ("accept", "application/x-ndjson")];
    let target = format!("{TARGET}?paths[]=label&paths[]=state");
    insta::assert_snapshot!("lines", stage.send("GET", &target, &headers, "").await);
    insta::assert_snapshot!("no_lines", stage.send("GET", &format!("{TARGET}?skip=9"), &headers, "").await);
}

#[tokio::test]
async fn a_list_of_lines_that_fails_midway_ends_with_a_fault() {
    let stage = Stage::new().await;
    let mut last = stage.create("0").await;
    for number in 1..101 {
        last = stage.create(&number.to_string()).await;
    }
    stage.spoil_request(last).await;
    let key = bearer("demo", Role::Member);
    let headers = [("authorization", key.as_str()), ("accept", "application/x-ndjson")];
    let reply = stage.send("GET", &format!("{TARGET}?limit=1000"), &headers, "").await;
    assert!(reply.starts_with("200"));
    let lines: Vec<&str> = reply.split_once("\n\n").unwrap().1.lines().collect();
    assert_eq!(lines.len(), 101);
    insta::assert_snapshot!("last_line", lines[100]);
    insta::assert_snapshot!("failed_whole", stage.member("GET", &format!("{TARGET}?limit=1000"), "").await);
}

#[tokio::test]
async fn only_exports_of_this_surface_and_org_are_listed() {
    let (stage, ids) = stage().await;
    stage.move_to_own_surface(ids[0]).await;
    assert_eq!(labels(&stage.json("GET", TARGET, "").await), "ca");
    assert!(stage.admin("GET", &format!("{TARGET}/{}", ids[0]), "").await.starts_with("404"));
    let acme = bearer("acme", Role::Admin);
    let list = stage.send("GET", "/acme/v2/exports", &[("authorization", &acme)], "").await;
    assert!(list.contains("\"data\": []"), "{list}");
}

#[tokio::test]
async fn arguments_that_are_wrong_or_not_built_are_refused_by_name() {
    let stage = Stage::new().await;
    for query in [
        "limit=0",
        "sort=colour",
        "where={\"state\":\"ready\"}",
        "include[]=x",
        "pipeline=[]",
        "colour=red",
        "paths=[7]",
    ] {
        let name = query.split(['=', '[']).next().unwrap();
        insta::assert_snapshot!(
            format!("argument_{name}"),
            stage.member("GET", &format!("{TARGET}?{query}"), "").await
        );
    }
}
