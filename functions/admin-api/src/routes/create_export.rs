//! Creates an export of a collection.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::Call;
use crate::reply::Reply;
use crate::wire::export::ExportWire;
use crate::wire::export_body::CreateExportBody;
use waybill_domain::{DeliveryPlan, Principal};

/// Creates an export of a collection.
#[utoipa::path(
    post,
    path = "/v1/exports",
    tag = "exports",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending this again safe for 24 hours"),
    ),
    request_body = CreateExportBody,
    responses(
        (status = 201, description = "The export, queued or scheduled", body = ExportWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_export(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let mut body = CreateExportBody::read(&call.json()?)?;
    let (requests, filename, compress) = body.take_deliveries();
    let mut command = body.command(call.idempotency("admin:create-export")?);
    if !requests.is_empty() {
        let destinations =
            waybill_app::seal_for_export(call.context, &*call.deps.vault, &principal.org, &requests).await?;
        let notify = std::mem::take(&mut command.delivery.notify);
        command.delivery = DeliveryPlan { destinations, filename, compress, notify };
    }
    let view = waybill_app::create_export(call.context, &*call.deps.wake, principal, &command).await?;
    let location = format!("/v1/exports/{}", view.export.id);
    Reply::created(location, &call.shown(principal, view).await?)
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    #[tokio::test]
    async fn an_export_is_queued_and_rung_for() {
        let stage = Stage::new().await;
        stage.define().await;
        let body = r#"{"collection":"visits","name":"Nightly","description":"for the auditors","format":"csv","packaging":"zip",
            "level":"small","paths":["_id","place.lat"],"include":["notes"],"where":{"score":3},"search":"Busy  night","rawCells":true,
            "expand":[],"sort":null,"files":{"include":false,"zip":false},"destinations":[],"notify":["ann@example.com","ANN@example.com"]}"#;
        let made = stage.send("POST", "/v1/exports", &stage.member, body).await;
        insta::assert_snapshot!(made.shown());
        assert_eq!(made.headers["location"], format!("/v1/exports/{}", made.text_at("/id")).as_str());
        assert_eq!(stage.ports.wake.len(), 1);
        let read = stage.send("GET", &format!("/v1/exports/{}", made.text_at("/id")), &stage.member, "").await;
        assert_eq!(read.text, made.text);
    }

    #[tokio::test]
    async fn an_export_of_the_future_is_scheduled_and_one_of_the_past_is_queued() {
        let stage = Stage::new().await;
        stage.define().await;
        let body = |at: &str| format!(r#"{{"collection":"visits","scheduledAt":"{at}"}}"#);
        let made = stage.send("POST", "/v1/exports", &stage.member, &body("2026-01-01T02:00:00+01:00")).await;
        insta::assert_snapshot!(made.shown());
        assert!(stage.ports.wake.is_empty());
        let now = stage.send("POST", "/v1/exports", &stage.member, &body("2025-12-31T23:59:59Z")).await;
        assert_eq!((now.text_at("/state"), now.json()["position"].as_u64()), ("queued".to_owned(), Some(1)));
        assert_eq!(now.text_at("/scheduledAt"), "2025-12-31T23:59:59.000Z");
        let next = stage.send("POST", "/v1/exports", &stage.member, r#"{"collection":"visits"}"#).await;
        assert_eq!(next.json()["position"], 2);
        let list = stage.send("GET", "/v1/exports", &stage.member, "").await.json();
        let positions: Vec<_> =
            list["items"].as_array().unwrap().iter().map(|item| item["position"].as_u64()).collect();
        assert_eq!(positions, [Some(2), Some(1), None]);
        let far = stage.send("POST", "/v1/exports", &stage.member, &body("9998-12-31T00:00:00Z")).await;
        let far = (far.status, far.text_at("/detail"));
        assert_eq!(far, (400, "`/scheduledAt`: must not be more than ten years ahead".to_owned()));
        let path = format!("/v1/exports/{}", made.text_at("/id"));
        let early = stage.send("GET", &format!("{path}/download"), &stage.admin, "").await;
        assert_eq!((early.status, early.text_at("/detail")), (409, "the export is not ready: it is scheduled".into()));
        let canceled = stage.send("POST", &format!("{path}/cancel"), &stage.member, "").await;
        assert_eq!(canceled.text_at("/state"), "canceled");
    }

    #[tokio::test]
    async fn a_repeated_request_makes_one_export() {
        let stage = Stage::new().await;
        stage.define().await;
        let (key, body) = ([("idempotency-key", "k1")], r#"{"collection":"visits"}"#);
        let first = stage.send_with("POST", "/v1/exports", &stage.member, &key, body).await;
        let again = stage.send_with("POST", "/v1/exports", &stage.member, &key, body).await;
        assert_eq!((first.status, first.text), (201, again.text));
        let other = stage.send_with("POST", "/v1/exports", &stage.member, &key, r#"{"collection":"sites"}"#).await;
        insta::assert_snapshot!(other.shown());
    }

    #[tokio::test]
    async fn what_is_wrong_or_not_built_yet_is_refused_by_name() {
        let stage = Stage::new().await;
        stage.define().await;
        let bodies = [
            "{}",
            r#"{"collection":"nowhere"}"#,
            r#"{"collection":"visits","format":"xls","level":9,"paths":["","a b",1],"include":"notes","where":"x","rawCells":"no"}"#,
            r#"{"collection":"visits","packaging":"tar","expand":["site"],"sort":7,"search":7,"dateRange":{"field":"at"},
                "principal":"0123456789abcdef01234567","files":{"include":true},"scope":{"variants":true},
                "destinations":[{"type":"s3"}],"notify":["a@b.c","ann"],"afterScript":"const a = 1;\n  let = 2;","scheduledAt":"tomorrow","colour":1}"#,
            r#"{"collection":"visits","paths":["nope","site.code"],"where":{"score":"high"}}"#,
            r#"{"collection":"visits","where":{"score":{"$near":1}}}"#,
            r#"{"collection":"visits","search":"a b c d e f g h i j k"}"#,
            r#"{"collection":"visits","sort":"-score,nope","packaging":"gzip","files":{"include":true}}"#,
        ];
        let mut answers = Vec::new();
        for body in bodies {
            answers.push(stage.send("POST", "/v1/exports", &stage.member, body).await.shown());
        }
        insta::assert_snapshot!(answers.join("\n\n"));
        assert!(stage.ports.wake.is_empty());
    }

    #[tokio::test]
    async fn every_format_is_taken_and_shown_again() {
        let stage = Stage::new().await;
        stage.define().await;
        for format in ["ndjson", "json", "csv", "detailed-csv", "xml", "json-api"] {
            let body = format!(r#"{{"collection":"visits","format":"{format}"}}"#);
            let made = stage.send("POST", "/v1/exports", &stage.member, &body).await;
            assert_eq!((made.status, made.text_at("/format").as_str()), (201, format));
        }
    }

    #[tokio::test]
    async fn order_and_packaging_are_taken_and_shown_again() {
        let stage = Stage::new().await;
        stage.define().await;
        for (sort, shown) in [("\"-score, _id\"", "-score,_id"), ("{\"place.lat\":-1,\"score\":1}", "-place.lat,score")]
        {
            for packaging in ["zip", "bare", "gzip"] {
                let body = format!(r#"{{"collection":"visits","sort":{sort},"packaging":"{packaging}"}}"#);
                let made = stage.send("POST", "/v1/exports", &stage.member, &body).await;
                let found = (made.status, made.text_at("/sort"), made.text_at("/packaging"));
                assert_eq!(found, (201, shown.to_owned(), packaging.to_owned()));
            }
        }
    }

    #[tokio::test]
    async fn bodies_are_limited() {
        let stage = Stage::new().await;
        let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(256 * 1024));
        assert_eq!(stage.send("POST", "/v1/exports", &stage.member, &long).await.status, 413);
        let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
        assert_eq!(stage.send("POST", "/v1/exports", &stage.member, &deep).await.status, 400);
    }
}
