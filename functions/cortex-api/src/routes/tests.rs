//! Who is let in, and where paths lead.

use crate::stage::{PAIR, PAIR_SECRET, Stage, bearer};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::sync::Arc;
use waybill_app::ports::{PortError, SealContext, SecretVault};
use waybill_domain::Role;

/// Its use is a mistake of ours.
struct BrokenVault;

#[async_trait::async_trait]
impl SecretVault for BrokenVault {
    async fn seal(&self, _: &SealContext, _: &[u8]) -> Result<String, PortError> {
        unreachable!("nothing is sealed")
    }

    async fn open(&self, _: &SealContext, _: &str) -> Result<Vec<u8>, PortError> {
        unreachable!("as the test wants it")
    }
}

/// A request to `/demo/v2/exports/` as the gateway sends it; `body` is base64.
fn gateway_event(method: &str, query: &str, headers: &serde_json::Value, body: &str) -> String {
    serde_json::json!({
        "version": "2.0", "routeKey": "ANY /{org}/v2/{proxy+}", "rawPath": "/demo/v2/exports/", "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "1", "apiId": "1", "domainName": "waybill.example", "domainPrefix": "waybill",
            "http": {"method": method, "path": "/demo/v2/exports/", "protocol": "HTTP/1.1", "sourceIp": "::1", "userAgent": ""},
            "requestId": "request-7", "routeKey": "ANY /{org}/v2/{proxy+}", "stage": "$default", "time": "", "timeEpoch": 0,
        },
        "body": body, "isBase64Encoded": !body.is_empty(),
    })
    .to_string()
}

#[tokio::test]
async fn without_a_good_credential_nothing_is_answered() {
    let stage = Stage::new().await;
    let target = "/demo/v2/exports";
    insta::assert_snapshot!("none", stage.anonymous("GET", target, "").await);
    insta::assert_snapshot!("pair_alone", stage.send("GET", target, &[("medable-client-key", PAIR)], "").await);
    insta::assert_snapshot!("bad_form", stage.send("GET", target, &[("medable-client-key", "x")], "").await);
    let unknown = waybill_domain::KeySecret::from_randomness(&[9; 64]);
    let headers = [("medable-client-key", unknown.expose())];
    insta::assert_snapshot!("unknown", stage.send("GET", target, &headers, "").await);
    insta::assert_snapshot!("basic", stage.send("GET", target, &[("authorization", "Basic YTpi")], "").await);
    let known = bearer("demo", Role::Member).replace("Bearer ", "");
    assert!(stage.send("GET", target, &[("medable-client-key", &known)], "").await.starts_with("200"));
}

#[tokio::test]
async fn a_signed_request_is_answered_once() {
    let stage = Stage::new().await;
    let id = stage.create("a").await;
    let target = format!("/demo/v2/exports/{id}");
    let now = stage.ports.context().now().as_millis();
    let sign = |command: &str, ms: i64| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&[PAIR.as_bytes(), PAIR_SECRET].concat()).unwrap();
        mac.update(format!("{command};GET;{ms}").as_bytes());
        hex::encode(mac.finalize().into_bytes())
    };
    let headers = |signature: &str, nonce: &str, ms: i64| {
        [
            ("medable-client-key".to_owned(), PAIR.to_owned()),
            ("medable-client-signature".to_owned(), signature.to_owned()),
            ("medable-client-nonce".to_owned(), nonce.to_owned()),
            ("medable-client-timestamp".to_owned(), ms.to_string()),
        ]
    };
    let good = sign(&format!("/exports/{id}"), now);
    let first =
        stage.send_owned("GET", &format!("{target}/?paths=state"), &headers(&good, "0123456789abcdef", now)).await;
    assert!(first.starts_with("200"), "{first}");
    let again = stage.send_owned("GET", &target, &headers(&good, "0123456789abcdef", now)).await;
    insta::assert_snapshot!("nonce_again", again);
    let wrong = sign("/exports", now);
    insta::assert_snapshot!("wrong", stage.send_owned("GET", &target, &headers(&wrong, "1123456789abcdef", now)).await);
    let old = now - 300_001;
    let late = sign(&format!("/exports/{id}"), old);
    insta::assert_snapshot!("stale", stage.send_owned("GET", &target, &headers(&late, "2123456789abcdef", old)).await);
    insta::assert_snapshot!("bad_nonce", stage.send_owned("GET", &target, &headers(&good, "short", now)).await);
}

#[tokio::test]
async fn paths_that_lead_nowhere_are_faults() {
    let stage = Stage::new().await;
    insta::assert_snapshot!("version", stage.admin("GET", "/demo/v3/exports", "").await);
    insta::assert_snapshot!("nothing", stage.admin("GET", "/demo/v2", "").await);
    insta::assert_snapshot!("method", stage.admin("DELETE", "/demo/v2/exports", "").await);
    assert!(stage.admin("GET", "/demo/v2/exports/", "").await.starts_with("200"));
}

#[tokio::test]
async fn a_query_that_is_no_text_is_refused_by_its_argument() {
    let stage = Stage::new().await;
    insta::assert_snapshot!("no_text", stage.admin("GET", "/demo/v2/exports?limit=1&label=%ff", "").await);
    assert!(stage.anonymous("GET", "/demo/v2/exports?label=%ff", "").await.starts_with("403"));
}

#[tokio::test]
async fn a_panic_is_a_fault_with_a_request_id() {
    let stage = Stage::new().await.with_vault(Arc::new(BrokenVault));
    let now = stage.ports.context().now().as_millis().to_string();
    let (signature, nonce) = ("0".repeat(64), "0123456789abcdef");
    let headers = serde_json::json!({
        "medable-client-key": PAIR, "medable-client-signature": signature, "medable-client-nonce": nonce,
        "medable-client-timestamp": now,
    });
    insta::assert_snapshot!("panic", stage.event(&gateway_event("GET", "", &headers, "")).await);
}

#[tokio::test]
async fn acting_as_another_account_is_refused_by_name() {
    let stage = Stage::new().await;
    let key = bearer("demo", Role::Admin);
    let headers = [("authorization", key.as_str()), ("medable-client-account", "65aa00000000000000000001")];
    insta::assert_snapshot!("another_account", stage.send("GET", "/demo/v2/exports", &headers, "").await);
}

#[tokio::test]
async fn events_of_the_gateway_are_read_as_they_come() {
    let stage = Stage::new().await;
    let headers =
        serde_json::json!({"authorization": bearer("demo", Role::Member), "content-type": "application/json"});
    let event = |method: &str, query: &str, body: &str| gateway_event(method, query, &headers, body);
    // {"objects":"airports"}
    let created = stage.event(&event("POST", "", "eyJvYmplY3RzIjoiYWlycG9ydHMifQ==")).await;
    assert!(created.starts_with("200") && created.contains("x-request-id: request-7"), "{created}");
    insta::assert_snapshot!(
        "listed",
        stage.event(&event("GET", "paths[]=state&paths%5B%5D=objects&sort=%7B%22_id%22%3A1%7D", "")).await
    );
}

#[tokio::test]
async fn pages_of_a_listed_origin_call_with_credentials_and_read_what_they_need() {
    let stage = Stage::new().await.with_origin("https://app.example.com");
    let asks = [("origin", "https://app.example.com"), ("access-control-request-method", "POST")];
    insta::assert_snapshot!("preflight", stage.send("OPTIONS", "/demo/v2/exports", &asks, "").await);
    let other = [("origin", "https://evil.test"), ("access-control-request-method", "POST")];
    insta::assert_snapshot!("preflight_of_another", stage.send("OPTIONS", "/demo/v2/exports", &other, "").await);
    insta::assert_snapshot!("fault_for_a_page", stage.send("GET", "/demo/v2/exports", &asks[..1], "").await);
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_again() {
    let stage = Stage::new().await.with_limit(20);
    let mut last = String::new();
    for _ in 0..22 {
        last = stage.member("GET", "/demo/v2/exports", "").await;
    }
    insta::assert_snapshot!("too_often", last);
    assert!(stage.admin("GET", "/demo/v2/exports", "").await.starts_with("200"), "another key");
}
