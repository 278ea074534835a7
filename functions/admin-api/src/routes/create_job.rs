//! Makes a job.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::Call;
use crate::reply::Reply;
use crate::wire::job::{JobBody, JobWire};
use waybill_domain::Principal;

/// Makes a job.
#[utoipa::path(
    post,
    path = "/v1/jobs",
    tag = "jobs",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending this again safe for 24 hours"),
    ),
    request_body = JobBody,
    responses(
        (status = 201, description = "The job", body = JobWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_job(call: &Call<'_>, principal: &Principal) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let body = JobBody::read(&call.json()?, call.context.now())?;
    let idempotency = call.idempotency("admin:create-job")?;
    let (id, vault) = (body.id(), &*call.deps.vault);
    let job =
        waybill_app::create_job(call.context, vault, principal, id, &body.command(), idempotency.as_ref()).await?;
    Reply::created(format!("/v1/jobs/{}", job.id), &JobWire::from(job))
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    use std::sync::Arc;
    use std::time::Duration;
    use waybill_app::{Admitting, tick_schedules};
    use waybill_testkit::MemoryWakeQueue;

    const BODY: &str = r#"{"id":"feed","name":"Nightly","collection":"visits","format":"csv","paths":["_id"],
        "schedule":{"cron":"0 2 * * *"},"zone":"europe/copenhagen","filenameTemplate":"visits-{date}.csv","compress":true,
        "where":{"score":{"$gte":3}},"search":"busy","sort":"-score","destinations":[]}"#;

    #[tokio::test]
    async fn a_job_is_made_shown_and_replaced_whole() {
        let stage = Stage::new().await;
        stage.define().await;
        let made = stage.send("POST", "/v1/jobs", &stage.member, BODY).await;
        insta::assert_snapshot!(made.shown());
        assert_eq!(made.headers["location"], "/v1/jobs/feed");
        assert_eq!(stage.send("POST", "/v1/jobs", &stage.member, BODY).await.status, 409);

        // What was read can be sent back.
        let mut changed = made.json();
        changed["name"] = "Weekly".into();
        changed["schedule"] = serde_json::json!({"cron": "0 2 * * 1"});
        let put = stage.send("PUT", "/v1/jobs/feed", &stage.member, &changed.to_string()).await;
        let shown = (put.status, put.text_at("/name"), put.text_at("/nextRunAt"), put.json()["generation"].as_u64());
        assert_eq!(shown, (200, "Weekly".into(), "2026-01-05T01:00:00.000Z".into(), Some(2)));
        assert_eq!((&put.json()["where"], &put.json()["search"]), (&made.json()["where"], &"busy".into()));
        changed["id"] = "other".into();
        assert_eq!(stage.send("PUT", "/v1/jobs/feed", &stage.member, &changed.to_string()).await.status, 400);
    }

    #[tokio::test]
    async fn a_repeated_request_makes_one_job() {
        let stage = Stage::new().await;
        stage.define().await;
        let key = [("idempotency-key", "k1")];
        let body = r#"{"name":"x","collection":"visits","schedule":{"cron":"@daily"}}"#;
        let first = stage.send_with("POST", "/v1/jobs", &stage.member, &key, body).await;
        let again = stage.send_with("POST", "/v1/jobs", &stage.member, &key, body).await;
        assert_eq!((first.status, &first.text), (201, &again.text));
        assert!(first.text_at("/id").starts_with("exp-"));
        assert_eq!(stage.send_with("POST", "/v1/jobs", &stage.member, &key, BODY).await.status, 422);
    }

    #[tokio::test]
    async fn a_job_is_paused_resumed_run_and_deleted_and_its_past_is_listed() {
        let stage = Stage::new().await;
        stage.define().await;
        stage.send("POST", "/v1/jobs", &stage.member, BODY).await;
        let paused = stage.send("POST", "/v1/jobs/feed/pause", &stage.member, "").await;
        assert_eq!((paused.status, &paused.json()["nextRunAt"]), (200, &serde_json::Value::Null));
        let resumed = stage.send("POST", "/v1/jobs/feed/resume", &stage.member, "").await;
        assert_eq!(resumed.text_at("/nextRunAt"), "2026-01-01T01:00:00.000Z");
        stage.ports.clock.set("2026-01-01T01:00:30Z".parse().unwrap());
        let wake = Arc::<MemoryWakeQueue>::clone(&stage.ports.wake);
        let admitting = Admitting { context: stage.ports.context(), wake };
        assert_eq!(tick_schedules(&admitting, Duration::from_secs(10)).await.jobs, 1);
        assert_eq!(stage.send("POST", "/v1/jobs/feed/run", &stage.member, "").await.status, 409);
        let runs = stage.send("GET", "/v1/jobs/feed/runs", &stage.member, "").await;
        let slots = stage.send("GET", "/v1/jobs/feed/slots", &stage.member, "").await;
        let list = stage.send("GET", "/v1/jobs?limit=1", &stage.member, "").await;
        insta::assert_snapshot!(format!("{}\n{}\n{}", runs.shown(), slots.shown(), list.text_at("/items/0/lastRunAt")));
        let export = slots.text_at("/items/0/export");
        assert_eq!(stage.send("POST", &format!("/v1/exports/{export}/cancel"), &stage.member, "").await.status, 200);
        let runs = stage.send("GET", "/v1/jobs/feed/runs", &stage.member, "").await;
        assert_eq!(
            (runs.text_at("/items/0/status"), runs.text_at("/items/0/error")),
            ("failed".into(), "canceled".into())
        );
        let run = stage.send("POST", "/v1/jobs/feed/run", &stage.member, "").await;
        assert_eq!((run.status, run.text_at("/state")), (201, "queued".to_owned()));
        assert_eq!(stage.send("DELETE", "/v1/jobs/feed", &stage.member, "").await.status, 204);
        assert_eq!(stage.send("GET", "/v1/jobs/feed", &stage.member, "").await.status, 404);
        assert_eq!(stage.send("GET", "/v1/jobs/feed/runs", &stage.member, "").await.status, 404);
    }

    #[tokio::test]
    async fn another_org_sees_no_job_and_a_member_changes_only_its_own() {
        let stage = Stage::new().await;
        stage.define().await;
        let other = stage.add_org("acme").await;
        stage.send("POST", "/v1/jobs", &stage.admin, BODY).await;
        for (method, path) in
            [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/run"), ("GET", "/runs")]
        {
            let body = if method == "PUT" { BODY } else { "" };
            let answer = stage.send(method, &format!("/v1/jobs/feed{path}"), &other, body).await;
            assert_eq!(answer.status, 404, "{method} {path}");
        }
        assert_eq!(stage.send("GET", "/v1/jobs/feed", &stage.member, "").await.status, 200);
        assert_eq!(stage.send("POST", "/v1/jobs/feed/pause", &stage.member, "").await.status, 403);
    }

    #[tokio::test]
    async fn a_bad_job_is_refused_member_by_member() {
        let stage = Stage::new().await;
        stage.define().await;
        let mut answers = Vec::new();
        for body in [
            "{}",
            r#"{"id":"a b","name":"x","collection":"visits","schedule":{"cron":"* * * * *","rrule":"FREQ=DAILY"},"zone":7,
                "active":"yes","filenameTemplate":"../{day}","scheduledAt":"2026-01-01T00:00:00Z","destinations":[{"type":"ftp"},5]}"#,
            r#"{"name":"x","collection":"visits","schedule":{"cron":"0 0 30 2 *"}}"#,
            r#"{"name":"x","collection":"visits","schedule":{"rrule":"FREQ=SECONDLY"}}"#,
            r#"{"name":"x","collection":"visits","schedule":{"cron":"@daily"},"destinations":[
                {"type":"s3","config":{"bucket":"b","accessKeyId":"k","color":1}},
                {"type":"sftp","config":{"host":"h","username":"u","password":"••••••••","port":0}},
                {"type":"webhook","config":{"url":"ftp://x","method":"PUT"}}]}"#,
            r#"{"name":"x","collection":"nowhere","schedule":{"cron":"@daily"}}"#,
        ] {
            let answer = stage.send("POST", "/v1/jobs", &stage.member, body).await;
            assert_eq!(answer.status / 100, 4, "{body}");
            answers.push(format!("{body}\n{}", answer.shown()));
        }
        insta::assert_snapshot!(answers.join("\n\n"));
    }
}
