//! Exports of the whole organization as clients see them.

use crate::stage::{EXPORTS, Stage, body, wanted};
use serde_json::{Value, json};
use std::time::Duration;
use waybill_domain::{ExportId, Failure, FailureCode};

const WHOLE: &str = "/organizations/demo/organization-exports";

/// Asks for one as the member of `demo`.
async fn make(stage: &Stage) -> (String, ExportId) {
    let id = body(&stage.member("POST", WHOLE, "{}").await)["id"].as_str().unwrap().to_owned();
    let export = crate::names::parse_export(&id).unwrap();
    (id, export)
}

#[tokio::test]
async fn an_organization_export_is_shown_in_each_of_its_states() {
    let stage = Stage::new().await;
    let made = stage.member("POST", WHOLE, r#"{"includeFiles":true}"#).await;
    insta::assert_snapshot!("whole_queued", made);
    let id = body(&made)["id"].as_str().unwrap().to_owned();
    let export = crate::names::parse_export(&id).unwrap();
    let one = format!("{WHOLE}/{id}");
    assert!(made.contains(&format!("location: https://waybill.example{one}\n")), "{made}");
    stage.run(export).await;
    let running = body(&stage.member("GET", &one, "").await);
    assert_eq!((&running["status"], &running["fileId"]), (&json!("processing"), &Value::Null));
    let counts = json!([{"type": "invoices", "recordCount": 7}, {"type": "accounts", "recordCount": 0}]);
    assert_eq!(running["resources"], counts, "they are shown while it runs");
    stage.ports.clock.advance(Duration::from_mins(1));
    stage.finish_whole(export).await;
    insta::assert_snapshot!("whole_completed_member", stage.member("GET", &one, "").await);
    insta::assert_snapshot!("whole_completed_admin", stage.admin("GET", &one, "").await);
    let file =
        format!("/organizations/demo/files/{}", body(&stage.admin("GET", &one, "").await)["fileId"].as_str().unwrap());
    insta::assert_snapshot!("whole_file", stage.member("GET", &file, "").await);
    let download = stage.admin("GET", &format!("{file}/download"), "").await;
    assert!(download.starts_with("302") && download.contains("demo-2026-01-01.zip"), "{download}");
    assert!(stage.member("GET", &format!("{file}/download"), "").await.starts_with("403"));
    let (failing, export) = make(&stage).await;
    stage.run(export).await;
    stage.fail(export, Failure::new(FailureCode::QuotaExceeded, "the quota is used up")).await;
    let failed = body(&stage.admin("GET", &format!("{WHOLE}/{failing}"), "").await);
    assert_eq!((&failed["status"], &failed["resources"][0]["recordCount"]), (&json!("failed"), &json!(0)), "{failed}");
}

#[tokio::test]
async fn every_base_path_leads_to_the_same_organization_exports_with_and_without_a_slash() {
    let stage = Stage::new().await;
    let (id, _) = make(&stage).await;
    for base in [
        "/experimental/organizations/demo/organization-exports",
        "/experimental/organization-exports",
        "/organizations/demo/experimental/organization-exports",
        WHOLE,
        "/organization-exports",
    ] {
        for slash in ["", "/"] {
            assert_eq!(body(&stage.member("GET", &format!("{base}{slash}"), "").await)[0]["id"], id.as_str(), "{base}");
            let one = stage.member("GET", &format!("{base}/{id}{slash}"), "").await;
            assert_eq!(body(&one)["id"], id.as_str(), "{base}");
        }
    }
    for nowhere in ["/organizations/acme/organization-exports", "/organization-exports/a/b", "/organization-exports/a"]
    {
        assert!(stage.member("GET", nowhere, "").await.starts_with("404"), "{nowhere}");
    }
    for method in ["PUT", "DELETE"] {
        assert!(stage.admin(method, &format!("{WHOLE}/{id}"), "{}").await.starts_with("405"), "{method}");
    }
}

#[tokio::test]
async fn exports_of_the_organization_and_data_exports_are_told_apart() {
    let stage = Stage::new().await;
    let (whole, _) = make(&stage).await;
    let (data, _) = stage.queue("one").await;
    for (list, id, other) in [(WHOLE, &whole, &data), (EXPORTS, &data, &whole)] {
        let shown = stage.member("GET", list, "").await;
        assert!(shown.contains("pagination-total: 1\n"), "{shown}");
        assert_eq!(body(&shown)[0]["id"], id.as_str());
        assert!(stage.member("GET", &format!("{list}/{other}"), "").await.starts_with("404"), "{list}");
    }
    assert!(stage.admin("DELETE", &format!("{EXPORTS}/{whole}"), "").await.starts_with("404"));
    let refused = stage.member("POST", EXPORTS, &wanted("x").replace("invoices", "everything")).await;
    assert!(refused.starts_with("422") && refused.contains("resource"), "{refused}");
}

#[tokio::test]
async fn lists_of_organization_exports_are_chosen_and_sorted_as_others() {
    let stage = Stage::new().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(make(&stage).await.0);
        stage.ports.clock.advance(Duration::from_secs(1));
    }
    for (query, expected) in [
        ("", vec![2, 1, 0]),
        ("?sort=createdTime", vec![0, 1, 2]),
        ("?limit=1&offset=1", vec![1]),
        ("?filter=status:completed", vec![]),
        ("?filter=status:queued&q=QUEUED&sort=createdTime&limit=2", vec![0, 1]),
        ("?filter=retentionTime:null", vec![2, 1, 0]),
    ] {
        let shown = body(&stage.member("GET", &format!("{WHOLE}{query}"), "").await);
        let shown: Vec<&str> = shown.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(shown, expected.iter().map(|place: &usize| ids[*place].as_str()).collect::<Vec<_>>(), "{query}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_organization_export_is_told_by_field() {
    let stage = Stage::new().await;
    let mut refused = String::new();
    for (target, wrong) in
        [(WHOLE, r#"{"includeFiles":"yes","format":"csv"}"#), (WHOLE, "[]"), (&*format!("{WHOLE}?expand=file"), "{}")]
    {
        refused.push_str(&[wrong, "\n", &stage.member("POST", target, wrong).await, "\n\n"].concat());
    }
    insta::assert_snapshot!("whole_refused", refused);
    // What was read may be sent back.
    let made = body(&stage.member("POST", WHOLE, "{}").await);
    assert!(stage.member("POST", WHOLE, &made.to_string()).await.starts_with("201"));
}

#[tokio::test]
async fn the_same_request_for_an_organization_export_makes_one() {
    let stage = Stage::new().await;
    let key = crate::stage::key("demo", waybill_domain::Role::Member);
    let headers = [("reb-apikey", key.as_str()), ("idempotency-key", "k1")];
    let first = body(&stage.send("POST", WHOLE, &headers, "{}").await);
    let again = body(&stage.send("POST", WHOLE, &headers, "{}").await);
    assert_eq!(first["id"], again["id"]);
    assert!(stage.send("POST", WHOLE, &headers, r#"{"includeFiles":true}"#).await.starts_with("422"));
}

#[tokio::test]
async fn an_organization_export_past_its_retention_is_not_there() {
    let stage = Stage::new().await;
    let (id, export) = make(&stage).await;
    stage.run(export).await;
    stage.finish_whole(export).await;
    stage.ports.clock.advance(Duration::from_hours(7 * 24));
    assert!(stage.admin("GET", &format!("{WHOLE}/{id}"), "").await.starts_with("404"));
    assert_eq!(body(&stage.admin("GET", WHOLE, "").await), json!([]));
}

#[tokio::test]
async fn nothing_need_be_said_of_an_organization_export() {
    let stage = Stage::new().await;
    let made = stage.member("POST", "/organization-exports", "").await;
    assert!(made.starts_with("201"), "{made}");
    let id = crate::names::parse_export(body(&made)["id"].as_str().unwrap()).unwrap();
    stage.run(id).await;
    stage.finish_whole(id).await;
    for (reply, links) in [
        (stage.admin("GET", "/organization-exports", "").await, 1),
        (stage.member("GET", "/organization-exports", "").await, 0),
    ] {
        assert_eq!(reply.matches("\"signedLink\"").count(), links, "{reply}");
    }
}
