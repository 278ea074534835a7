//! Writes records, one JSON object a line; a bad line rejects that line alone.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::record::LoadedWire;
use waybill_domain::Principal;
use waybill_http::BULK_LIMIT_BYTES;

/// Writes records, one JSON object a line; a bad line rejects that line alone.
#[utoipa::path(
    post,
    path = "/v1/collections/{name}/records",
    tag = "records",
    params(
        ("name" = String, Path, description = "The collection"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending this again safe for 24 hours"),
    ),
    request_body(content = String, content_type = "application/x-ndjson", description = "At most 4 MiB"),
    responses(
        (status = 200, description = "What became of the lines", body = LoadedWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn load_records(call: &Call<'_>, principal: &Principal, name: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let name = part("name", name)?;
    let lines = call.body(BULK_LIMIT_BYTES)?;
    let idempotency = call.idempotency("admin:load-records")?;
    let records = &*call.deps.records;
    let loaded =
        waybill_app::load_records(call.context, records, principal, &name, lines, idempotency.as_ref()).await?;
    Reply::ok(&LoadedWire::from(loaded))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    use serde_json::Value;

    const PATH: &str = "/v1/collections/visits/records";
    const SITE: &str = "0123456789abcdef01234567";

    async fn record(stage: &Stage, id: &str) -> Value {
        stage.send("GET", &format!("{PATH}/{id}"), &stage.admin, "").await.json()
    }

    #[tokio::test]
    async fn good_lines_are_written_and_a_broken_third_one_is_named() {
        let stage = Stage::new().await;
        stage.define().await;
        let lines = format!(
            "\u{feff}{{\"_id\":\"aaaaaaaaaaaaaaaaaaaaaa01\", \"site\":\"{SITE}\",\"score\":1.50}}\r\n\
             \n\
             {{\"score\": broken}}\n\
             {{\"_id\":\"AAAAAAAAAAAAAAAAAAAAAA02\",\"score\":12345678901234567890.12345678901234567890,\"tags\":[\"x\",\"y\"],\"at\":null}}"
        );
        let loaded = stage.send("POST", PATH, &stage.admin, &lines).await;
        insta::assert_snapshot!(loaded.shown());
        let first = stage.send("GET", &format!("{PATH}/aaaaaaaaaaaaaaaaaaaaaa01"), &stage.admin, "").await;
        assert_eq!(
            first.text,
            r#"{"_id":"aaaaaaaaaaaaaaaaaaaaaa01","created":"2026-01-01T00:00:00.000Z","updated":"2026-01-01T00:00:00.000Z","creator":"000000000101010101010101","owner":"000000000101010101010101","site":"0123456789abcdef01234567","score":1.50}"#
        );
        let second = stage.send("GET", &format!("{PATH}/aaaaaaaaaaaaaaaaaaaaaa02"), &stage.admin, "").await;
        assert!(
            second.text.ends_with(r#""score":12345678901234567890.12345678901234567890,"tags":["x","y"],"at":null}"#)
        );
    }

    #[tokio::test]
    async fn every_kind_of_bad_record_is_refused_by_name() {
        let stage = Stage::new().await;
        stage.define().await;
        let all = r#"{"properties":{"s":{"type":"string"},"n":{"type":"number"},"b":{"type":"boolean"},"d":{"type":"date"},
            "o":{"type":"objectId"},"r":{"type":"reference","collection":"sites"},"a":{"type":"any"},"y":{"type":"binary"},
            "g":{"type":"geometry"},"m":{"type":"document"},"l":{"type":"number","array":true},
            "c":{"type":"document","properties":{"i":{"type":"document","properties":{"n":{"type":"number"}}}}}}}"#;
        assert_eq!(stage.send("PUT", "/v1/collections/all", &stage.admin, all).await.status, 201);
        let good = [
            r#"{"s":"x","n":-1.5e300,"b":true,"d":"2026-11-21T21:04:16+01:00","o":"0123456789ABCDEF01234567"}"#,
            r#"{"r":"0123456789abcdef01234567","a":[{"x":1}],"y":"QQ==","g":{"type":"Point","coordinates":[1,2]}}"#,
            r#"{"m":{"any":["thing"]},"l":[1,2],"c":{"i":{"n":1}},"s":null}"#,
        ];
        let bad = [
            r#"{"s":1}"#,
            r#"{"n":"1"}"#,
            r#"{"b":"true"}"#,
            r#"{"d":"2026-11-21"}"#,
            r#"{"o":"xyz"}"#,
            r#"{"r":{"_id":"0123456789abcdef01234567"}}"#,
            r#"{"y":"?"}"#,
            r#"{"g":{"coordinates":[]}}"#,
            r#"{"m":[]}"#,
            r#"{"l":1}"#,
            r#"{"l":[1,"2"]}"#,
            r#"{"s":["x"]}"#,
            r#"{"c":{"i":{"n":"1"}}}"#,
            r#"{"c":{"i":{"z":1}}}"#,
            r#"{"colour":"red"}"#,
            r#"{"_id":"1"}"#,
            r#"{"_id":7}"#,
            r#"{"s":"a","s":"b"}"#,
            r#"{"a":{"x":1,"x":2}}"#,
            r#"{"created":"yesterday"}"#,
            r#"{"owner":"me"}"#,
            "[1]",
            r#""text""#,
            r#"{"s":"x"} {}"#,
            "{",
        ];
        let body = good.iter().chain(&bad).copied().collect::<Vec<_>>().join("\n");
        let loaded = stage.send("POST", "/v1/collections/all/records", &stage.admin, &body).await;
        insta::assert_snapshot!(loaded.shown());
    }

    #[tokio::test]
    async fn a_record_written_again_keeps_when_and_by_whom_it_was_made() {
        let stage = Stage::new().await;
        stage.define().await;
        let scopes = r#"{"scopes":["records:write"]}"#;
        let writer = stage.send("POST", "/v1/keys", &stage.admin, scopes).await.text_at("/key");
        let id = "aaaaaaaaaaaaaaaaaaaaaa01";
        stage.send("POST", PATH, &stage.admin, &format!(r#"{{"_id":"{id}","score":1}}"#)).await;
        let before = record(&stage, id).await;
        stage.ports.clock.advance(std::time::Duration::from_mins(1));
        let twice = format!("{{\"_id\":\"{id}\",\"score\":2}}\n{{\"_id\":\"{id}\",\"score\":3}}\n");
        let loaded = stage.send("POST", PATH, &writer, &twice).await;
        assert_eq!(loaded.text, r#"{"accepted":2,"rejected":[]}"#);
        let after = record(&stage, id).await;
        assert_eq!(after["score"], 3);
        for name in ["created", "creator", "owner"] {
            assert_eq!(before[name], after[name], "{name}");
        }
        assert_ne!(before["updated"], after["updated"]);
        let given = format!(r#"{{"_id":"{id}","created":"2020-01-01T00:00:00Z","owner":"{SITE}"}}"#);
        stage.send("POST", PATH, &stage.admin, &given).await;
        let given = record(&stage, id).await;
        assert_eq!((given["created"].as_str(), given["owner"].as_str()), (Some("2020-01-01T00:00:00Z"), Some(SITE)));
    }

    #[tokio::test]
    async fn what_is_too_large_is_refused() {
        let stage = Stage::new().await;
        stage.define().await;
        let line = format!(r#"{{"notes":"{}"}}"#, "x".repeat(384 * 1024));
        let loaded = stage.send("POST", PATH, &stage.admin, &line).await;
        assert_eq!(loaded.text_at("/rejected/0/reason"), "a record has at most 380 KiB");
        let body = "x".repeat(4 * 1024 * 1024 + 1);
        let refused = stage.send("POST", PATH, &stage.admin, &body).await;
        insta::assert_snapshot!(refused.shown());
        let many = stage.send("POST", PATH, &stage.admin, &"x\n".repeat(1500)).await.json();
        assert_eq!(many["rejected"].as_array().unwrap().len(), 1000);
        assert_eq!(many["rejectedFurther"], 500);
    }

    #[tokio::test]
    async fn lines_without_an_id_sent_again_with_one_idempotency_key_are_the_same_records() {
        let stage = Stage::new().await;
        stage.define().await;
        let body = "{\"score\":1}\n{\"score\":2}";
        for _ in 0..2 {
            stage.send_with("POST", PATH, &stage.admin, &[("idempotency-key", "load-1")], body).await;
        }
        let list = stage.send("GET", PATH, &stage.admin, "").await.json();
        assert_eq!(list["items"].as_array().unwrap().len(), 2);
        stage.send("POST", PATH, &stage.admin, body).await;
        let list = stage.send("GET", PATH, &stage.admin, "").await.json();
        assert_eq!(list["items"].as_array().unwrap().len(), 4);
    }

    #[tokio::test]
    async fn loading_takes_the_scope_and_a_collection() {
        let stage = Stage::new().await;
        stage.define().await;
        insta::assert_snapshot!(stage.send("POST", PATH, &stage.member, "{}").await.shown());
        assert_eq!(stage.send("POST", "/v1/collections/none/records", &stage.admin, "{}").await.status, 404);
    }

    #[tokio::test]
    async fn an_open_collection_takes_undeclared_properties() {
        let stage = Stage::new().await;
        let open = r#"{"properties":{"n":{"type":"number"}},"open":true}"#;
        stage.send("PUT", "/v1/collections/open", &stage.admin, open).await;
        let body =
            "{\"n\":1,\"colour\":{\"r\":1}}\n{\"n\":\"1\"}\n{\"$x\":1}\n{\"a.b\":1}\n{\"_x\":1}\n{\"z\":1,\"z\":2}";
        let loaded = stage.send("POST", "/v1/collections/open/records", &stage.admin, body).await;
        insta::assert_snapshot!(loaded.shown());
    }
}
