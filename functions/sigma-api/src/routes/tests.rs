//! Jobs and runs as clients of the product send and see them.

use crate::stage::{ALL, Stage};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{Admitting, DestinationRequest, FilterRequest, PutJob, tick_schedules};
use waybill_domain::{DestinationType, ExportFormat, Job, JobSchedule, Role, Scope, Surface};
use waybill_testkit::{MemoryWakeQueue, samples};

const BODY: &str = r#"{"id":"exp-feed","name":"DK feed","destinationType":"s3","destinationConfig":{"bucket":"acme-feeds",
    "path":"pim/","region":"eu-north-1","accessKeyId":"AKIDEXAMPLE","secretAccessKey":"wJalrXUtnFEMI"},
    "format":"jsonl","schemaId":"products","schedule":"30 1 * * 1-5","compress":true,"filenameTemplate":"feed-{date}.jsonl"}"#;

#[tokio::test]
async fn a_job_is_made_shown_replaced_and_deleted() {
    let stage = Stage::new().await;
    let made = stage.send("POST", "/api/v1/export-jobs", BODY).await;
    assert_eq!(made.headers["location"], "/api/v1/export-jobs/exp-feed");
    insta::assert_snapshot!("made", made.shown());
    assert!(!made.text.contains("wJalr"), "a secret is shown");
    let read = stage.send("GET", "/export-jobs/exp-feed", "").await;
    assert_eq!((read.status, &read.text), (200, &made.text));
    let list = stage.send("GET", "/export-jobs", "").await;
    assert_eq!(list.json(), json!([made.json()]));
    for path in ["/export-jobs/", "/api/v1/export-jobs/"] {
        assert_eq!(stage.send("GET", path, "").await.text, list.text, "{path}");
    }
    assert_eq!(stage.send("GET", "/export-jobs/exp-feed/", "").await.text, made.text);
    assert_eq!(stage.send("GET", "/export-jobs//exp-feed", "").await.status, 404);
    // What was read can be sent back, mask included; what is left out is as never set.
    let same = stage.send("PUT", "/api/v1/export-jobs/exp-feed", &made.text).await;
    assert_eq!(
        (same.status, same.json()["destinationConfig"].clone()),
        (200, made.json()["destinationConfig"].clone())
    );
    let less = r#"{"name":"All","destinationType":"sftp","destinationConfig":{"host":"files.example.com","username":"u",
        "password":"p","hostKeyFingerprint":"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"},
        "format":"csv","schemaId":"products","schedule":"@daily"}"#;
    let less = stage.send("PUT", "/export-jobs/exp-feed", less).await;
    insta::assert_snapshot!("replaced", less.shown());
    let other = less.text.replace("exp-feed", "exp-other");
    assert_eq!(stage.send("PUT", "/export-jobs/exp-feed", &other).await.status, 400);
    assert_eq!(stage.send("POST", "/export-jobs", BODY).await.text_at("/error"), "CONFLICT");
    let gone = stage.send("DELETE", "/api/v1/export-jobs/exp-feed", "").await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    let read = stage.send("GET", "/api/v1/export-jobs/exp-feed", "").await;
    insta::assert_snapshot!("gone", read.shown());
}

#[tokio::test]
async fn a_job_is_paused_and_resumed_and_runs_when_it_is_due() {
    let stage = Stage::new().await;
    stage.send("POST", "/export-jobs", BODY).await;
    let paused = stage.send("POST", "/export-jobs/exp-feed/pause", "").await;
    assert_eq!(
        (paused.status, &paused.json()["active"], &paused.json()["nextRunAt"]),
        (200, &json!(false), &Value::Null)
    );
    let resumed = stage.send("POST", "/export-jobs/exp-feed/resume", "").await;
    assert_eq!(
        (&resumed.json()["active"], resumed.text_at("/nextRunAt")),
        (&json!(true), "2026-01-01T01:30:00.000Z".into())
    );
    stage.ports.clock.set("2026-01-01T01:30:20Z".parse().unwrap());
    let wake = Arc::<MemoryWakeQueue>::clone(&stage.ports.wake);
    let admitting = Admitting { context: stage.ports.context(), wake };
    assert_eq!(tick_schedules(&admitting, Duration::from_secs(10)).await.jobs, 1);
    let runs = stage.send("GET", "/export-jobs/exp-feed/runs", "").await;
    let masked = runs.shown().replace(&runs.text_at("/0/id"), "<id>");
    insta::assert_snapshot!("running", masked);
    let job = stage.send("GET", "/export-jobs/exp-feed", "").await;
    assert_eq!(job.text_at("/nextRunAt"), "2026-01-02T01:30:00.000Z");
    assert!(job.text_at("/lastRunAt").starts_with("2026-01-01T01:30:"));
}

#[tokio::test]
async fn outside_runners_put_runs_on_record_and_the_last_ones_come_first() {
    let stage = Stage::new().await;
    stage.send("POST", "/export-jobs", BODY).await;
    let path = "/api/v1/export-jobs/exp-feed/runs";
    let failed = r#"{"status":"failed","startedAt":"2025-12-31T01:30:00Z","completedAt":"2025-12-31T01:30:04Z",
        "recordCount":0,"fileSize":null,"error":"AccessDenied on s3://acme-feeds/pim/"}"#;
    let failed = stage.send("POST", path, failed).await;
    insta::assert_snapshot!("recorded", failed.shown().replace(&failed.text_at("/id"), "<id>"));
    let success = r#"{"status":"success","recordCount":12,"fileSize":3456,"destinationPath":"s3://acme-feeds/pim/feed.jsonl.gz"}"#;
    let success = stage.send("POST", path, success).await;
    assert_eq!((success.status, success.json()["completedAt"].is_string()), (201, true));
    let running = stage.send("POST", path, r#"{"status":"running","startedAt":"2025-12-30T00:00:00Z"}"#).await;
    assert_eq!(running.json()["completedAt"], Value::Null);
    let list = stage.send("GET", path, "").await;
    assert_eq!(list.json(), json!([success.json(), failed.json(), running.json()]));
    assert_eq!(stage.send("GET", &format!("{path}?limit=1"), "").await.json(), json!([success.json()]));
    let job = stage.send("GET", "/export-jobs/exp-feed", "").await;
    assert_eq!(job.json()["lastRunAt"], success.json()["startedAt"]);
    let mut answers = Vec::new();
    for (path, body) in [
        (path, r"{}"),
        (path, r#"{"status":"done","startedAt":"x","recordCount":-1}"#),
        (path, r#"{"status":"running","completedAt":"2026-01-01T00:00:00Z"}"#),
        (path, r#"{"status":"success","startedAt":"2030-01-01T00:00:00Z"}"#),
        (path, r#"{"status":"success","completedAt":"2030-01-01T00:00:00Z"}"#),
        ("/export-jobs/exp-nothing/runs", r#"{"status":"success"}"#),
    ] {
        answers.push(stage.send("POST", path, body).await.shown());
    }
    answers.push(stage.send("GET", &format!("{path}?limit=0"), "").await.shown());
    insta::assert_snapshot!("refused_runs", answers.join("\n"));
}

#[tokio::test]
async fn what_is_wrong_with_a_job_is_named_member_by_member() {
    let stage = Stage::new().await;
    let with = |member: &str, value: Value| {
        let mut body: Value = serde_json::from_str(BODY).unwrap();
        body[member] = value;
        body.to_string()
    };
    let mut answers = Vec::new();
    for body in [
        "{}".to_owned(),
        "not json".to_owned(),
        with("format", json!("xlsx")),
        with("schedule", json!("61 * * * *")),
        with("schedule", json!("0 0 30 2 *")),
        with("filenameTemplate", json!("{day}.csv")),
        with("filenameTemplate", json!("../x")),
        with("destinationType", json!("ftp")),
        with("destinationConfig", json!({"path": "x"})),
        with("schemaId", json!("nothing")),
        with("color", json!(1)),
    ] {
        let answer = stage.send("POST", "/export-jobs", &body).await;
        assert_eq!((answer.status, answer.text_at("/error")), (400, "VALIDATION_ERROR".to_owned()), "{body}");
        answers.push(answer.text);
    }
    insta::assert_snapshot!("refused_jobs", answers.join("\n"));
}

#[tokio::test]
async fn keys_do_what_their_permissions_say() {
    let stage = Stage::new().await;
    stage.send("POST", "/export-jobs", BODY).await;
    for (permission, allowed) in [
        (Scope::SigmaRead, vec!["GET /export-jobs", "GET /export-jobs/exp-feed", "GET /export-jobs/exp-feed/runs"]),
        (Scope::SigmaUpdateData, vec!["POST /export-jobs/exp-feed/runs"]),
        (
            Scope::SigmaUpdateModel,
            vec![
                "POST /export-jobs",
                "PUT /export-jobs/exp-feed",
                "POST /export-jobs/exp-feed/pause",
                "POST /export-jobs/exp-feed/resume",
                "DELETE /export-jobs/exp-feed",
            ],
        ),
        (Scope::SigmaDeleteData, vec![]),
        (Scope::SigmaDeleteModel, vec![]),
    ] {
        let key = stage.add_key("demo", &[permission]).await;
        for operation in [
            "GET /export-jobs",
            "GET /export-jobs/exp-feed",
            "GET /export-jobs/exp-feed/runs",
            "POST /export-jobs/exp-feed/runs",
            "POST /export-jobs",
            "PUT /export-jobs/exp-feed",
            "POST /export-jobs/exp-feed/pause",
            "POST /export-jobs/exp-feed/resume",
            "DELETE /export-jobs/exp-feed",
        ] {
            let (method, path) = operation.split_once(' ').unwrap();
            let answer = stage.send_with(method, path, &[("x-sigma-apikey", &key)], "").await;
            let refused = answer.text.contains("PERMISSION_DENIED");
            assert_eq!(refused, !allowed.contains(&operation), "{permission:?} {operation}: {}", answer.text);
        }
    }
    let denied = stage.add_key("demo", &[Scope::SigmaRead]).await;
    let denied = stage.send_with("POST", "/export-jobs", &[("x-sigma-apikey", &denied)], BODY).await;
    insta::assert_snapshot!("denied", denied.shown());
}

#[tokio::test]
async fn nobody_is_let_in_without_a_credential_of_this_surface() {
    let stage = Stage::new().await;
    let mut answers = Vec::new();
    let cut = &stage.key[..40];
    for header in [
        vec![],
        vec![("x-sigma-apikey", cut)],
        vec![("authorization", "Bearer nothing")],
        vec![("authorization", "Basic eA==")],
    ] {
        let answer = stage.send_with("GET", "/export-jobs", &header, "").await;
        assert!(answer.status == 401 && answer.headers.contains_key("www-authenticate"));
        answers.push(answer.shown());
    }
    answers.push(stage.send("GET", "/api/v1/nothing", "").await.shown());
    let wrong = stage.send("PATCH", "/api/v1/export-jobs/x", "").await;
    assert_eq!(wrong.headers["allow"], "GET, PUT, DELETE");
    answers.push(wrong.shown());
    insta::assert_snapshot!("refused_callers", answers.join("\n"));
    assert_eq!(stage.send_with("GET", "/api/v1/healthz", &[], "").await.status, 200);
}

#[tokio::test]
async fn another_orgs_jobs_are_not_there() {
    let stage = Stage::new().await;
    stage.send("POST", "/export-jobs", BODY).await;
    let key = stage.add_key("acme", &ALL).await;
    let stranger = [("x-sigma-apikey", key.as_str())];
    assert_eq!(stage.send_with("GET", "/export-jobs", &stranger, "").await.json(), json!([]));
    for (method, path, body) in [
        ("GET", "", ""),
        ("PUT", "", BODY),
        ("DELETE", "", ""),
        ("POST", "/pause", ""),
        ("POST", "/resume", ""),
        ("GET", "/runs", ""),
        ("POST", "/runs", r#"{"status":"success"}"#),
    ] {
        let ours = stage.send_with(method, &format!("/export-jobs/exp-feed{path}"), &stranger, body).await;
        let nobodys = stage
            .send_with(
                method,
                &format!("/export-jobs/exp-none{path}"),
                &stranger,
                &body.replace("exp-feed", "exp-none"),
            )
            .await;
        assert_eq!((ours.status, ours.text.replace("exp-feed", "exp-none")), (404, nobodys.text), "{method} {path}");
    }
    assert_eq!(stage.send_with("POST", "/export-jobs", &stranger, BODY).await.status, 201, "ids are an org's own");
}

#[tokio::test]
async fn a_login_gives_a_token_for_a_day_and_another_for_it() {
    let stage = Stage::new().await;
    stage.add_ann("demo", "correct horse").await;
    let login = r#"{"email":"Ann@example.com","password":"correct horse"}"#;
    let signed = stage.send_with("POST", "/api/v1/auth/login", &[], login).await;
    let (token, id) = (signed.text_at("/token"), signed.text_at("/user/id"));
    insta::assert_snapshot!("login", signed.shown().replace(&token, "<token>").replace(&id, "<id>"));
    let bearer = format!("Bearer {token}");
    let bearer = [("authorization", bearer.as_str())];
    assert_eq!(stage.send_with("POST", "/export-jobs", &bearer, BODY).await.status, 201);
    stage.ports.clock.set("2026-01-01T23:59:00Z".parse().unwrap());
    let again = stage.send_with("POST", "/api/v1/auth/refresh", &bearer, "").await;
    assert_eq!((again.status, again.json()["user"].clone()), (200, signed.json()["user"].clone()));
    stage.ports.clock.set("2026-01-02T00:01:00Z".parse().unwrap());
    assert_eq!(stage.send_with("GET", "/export-jobs", &bearer, "").await.status, 401);
    let other = format!("Bearer {}", again.text_at("/token"));
    assert_eq!(stage.send_with("GET", "/export-jobs", &[("authorization", &other)], "").await.status, 200);
    let wrong = stage.send_with("POST", "/api/v1/auth/login", &[], &login.replace("correct", "wrong")).await;
    let unknown = stage.send_with("POST", "/api/v1/auth/login", &[], &login.replace("Ann", "Bob")).await;
    assert_eq!(wrong.text, unknown.text);
    insta::assert_snapshot!("wrong_password", wrong.shown());
    insta::assert_snapshot!(
        "bad_login",
        stage.send_with("POST", "/api/v1/auth/login", &[], r#"{"email":1}"#).await.shown()
    );
}

#[tokio::test]
async fn an_address_of_several_workspaces_logs_in_by_its_password_or_by_name() {
    let stage = Stage::new().await;
    stage.add_ann("demo", "correct horse").await;
    stage.add_ann("acme", "another horse").await;
    let login = |body: Value| {
        let body = body.to_string();
        async { stage.send_with("POST", "/api/v1/auth/login", &[], &{ body }).await }
    };
    let mine = json!({"email": "ann@example.com", "password": "another horse"});
    assert_eq!(login(mine).await.status, 200);
    let wrong = json!({"email": "ann@example.com", "password": "correct horse", "workspace": "acme"});
    assert_eq!(login(wrong).await.status, 401);
    for _ in 0..10 {
        login(json!({"email": "ann@example.com", "password": "a guess"})).await;
    }
    let late = login(json!({"email": "ann@example.com", "password": "correct horse"})).await;
    assert_eq!((late.status, late.text_at("/error")), (429, "LIMIT_EXCEEDED".to_owned()));
    assert!(late.headers.contains_key("retry-after"));
}

/// Gives `exp-feed` what only `/v1` can say.
async fn given_elsewhere(stage: &Stage, amend: impl Fn(&mut PutJob)) -> Job {
    let admin = samples::principal("demo", Role::Admin).unwrap();
    let (context, id) = (&stage.deps.context, "exp-feed".parse().unwrap());
    let amended = waybill_app::amend_job(context, &*stage.deps.vault, &admin, None, &id, |job| {
        let mut command = PutJob::of(job, Surface::Admin)?;
        amend(&mut command);
        Ok::<_, waybill_app::Error>(command)
    });
    amended.await.unwrap()
}

async fn stored(stage: &Stage) -> Job {
    let admin = samples::principal("demo", Role::Admin).unwrap();
    waybill_app::read_job(&stage.deps.context, &admin, None, &"exp-feed".parse().unwrap()).await.unwrap()
}

fn webhook(url: &str) -> DestinationRequest {
    let config = json!({"url": url, "secret": "0123456789abcdef"}).as_object().unwrap().clone();
    DestinationRequest { kind: DestinationType::Webhook, config }
}

#[tokio::test]
async fn what_a_job_was_given_elsewhere_survives_being_read_and_sent_back() {
    let stage = Stage::new().await;
    stage.send("POST", "/export-jobs", BODY).await;
    let given = given_elsewhere(&stage, |command| {
        command.export.format = ExportFormat::Pdf;
        command.export.paths = vec!["title".parse().unwrap()];
        let condition = json!({"title": {"$exists": true}});
        command.export.filter = Some(FilterRequest::CortexWhere { text: condition.to_string(), condition });
        command.export.scope = None;
        command.zone = Some("Europe/Copenhagen".into());
        command.schedule =
            JobSchedule::Rrule { rrule: "FREQ=DAILY".into(), start: "2026-01-01T01:00:00Z".parse().unwrap() };
        command.destinations = vec![webhook("https://a.example.com/"), webhook("https://b.example.com/")];
        command.filename = None;
        command.compress = false;
    })
    .await;
    let read = stage.send("GET", "/export-jobs/exp-feed", "").await;
    insta::assert_snapshot!("given_elsewhere", read.shown());
    let same = stage.send("PUT", "/export-jobs/exp-feed", &read.text).await;
    assert_eq!(same.status, 200, "{}", same.text);
    assert_eq!(stored(&stage).await.request, given.request);
    // What this surface can say changes, the rest stays.
    let mut changed = read.json();
    (changed["format"], changed["schedule"]) = (json!("csv"), json!("0 3 * * *"));
    (changed["destinationType"], changed["destinationConfig"]) =
        (json!("s3"), json!({"bucket": "acme-feeds", "region": "eu-north-1"}));
    changed["filenameTemplate"] = json!("feed.csv");
    changed["includeVariants"] = json!(true);
    let changed = stage.send("PUT", "/export-jobs/exp-feed", &changed.to_string()).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let (now, before) = (stored(&stage).await.request, given.request.template);
    assert_eq!((now.template.format, now.zone.as_str()), (ExportFormat::Csv, "Europe/Copenhagen"));
    assert_eq!(now.schedule, JobSchedule::Cron { cron: "0 3 * * *".into() });
    assert_eq!((&now.template.paths, &now.template.filter), (&before.paths, &before.filter));
    assert!(now.template.scope.unwrap().variants);
    let kinds: Vec<_> = now.template.destinations.iter().map(|sealed| sealed.config.kind()).collect();
    assert_eq!(kinds, [DestinationType::S3, DestinationType::Webhook]);
    assert_eq!(now.template.destinations[1], before.destinations[1]);
    // What cannot be kept beside the change is refused by name; what is another's alone is not offered.
    let mut everything = changed.json();
    everything["schemaId"] = Value::Null;
    let refused = stage.send("PUT", "/export-jobs/exp-feed", &everything.to_string()).await;
    let mut pdf = changed.json();
    pdf["format"] = json!("pdf");
    let format = stage.send("PUT", "/export-jobs/exp-feed", &pdf.to_string()).await;
    insta::assert_snapshot!("not_kept", format!("{}\n{}", refused.shown(), format.shown()));
    assert_eq!(stored(&stage).await.request.template.paths, before.paths);
}

#[tokio::test]
async fn a_job_that_was_left_without_a_destination_shows_none_and_takes_one() {
    let stage = Stage::new().await;
    stage.send("POST", "/export-jobs", BODY).await;
    given_elsewhere(&stage, |command| command.destinations.clear()).await;
    let read = stage.send("GET", "/export-jobs/exp-feed", "").await;
    assert_eq!((&read.json()["destinationType"], &read.json()["destinationConfig"]), (&Value::Null, &json!({})));
    assert_eq!(stage.send("PUT", "/export-jobs/exp-feed", &read.text).await.status, 200);
    assert!(stored(&stage).await.request.template.destinations.is_empty());
    let mut body = read.json();
    (body["destinationType"], body["destinationConfig"]) = (json!("webhook"), json!({"url": "https://a.example.com/"}));
    assert_eq!(stage.send("PUT", "/export-jobs/exp-feed", &body.to_string()).await.status, 200);
    assert_eq!(stored(&stage).await.request.template.destinations.len(), 1);
}

#[tokio::test]
async fn a_run_or_a_job_that_is_sent_again_with_its_key_is_made_once() {
    let stage = Stage::new().await;
    stage.send("POST", "/export-jobs", BODY).await;
    stage.send("POST", "/export-jobs", &BODY.replace("exp-feed", "exp-other")).await;
    let key = [("x-sigma-apikey", stage.key.as_str()), ("idempotency-key", "night-1")];
    let path = "/export-jobs/exp-feed/runs";
    let one = stage.send_with("POST", path, &key, r#"{"status":"success"}"#).await;
    stage.ports.clock.set("2026-01-01T00:10:00Z".parse().unwrap());
    let two = stage.send_with("POST", path, &key, r#"{"status":"success"}"#).await;
    assert_eq!((one.status, two.status, &one.text), (201, 201, &two.text));
    assert_eq!(stage.send("GET", path, "").await.json(), json!([one.json()]));
    let other = stage.send_with("POST", path, &key, r#"{"status":"failed"}"#).await;
    assert_eq!((other.status, other.text_at("/error")), (422, "VALIDATION_ERROR".to_owned()));
    let elsewhere = stage.send_with("POST", "/export-jobs/exp-other/runs", &key, r#"{"status":"success"}"#).await;
    assert_eq!(elsewhere.status, 422);
    let body = BODY.replace("exp-feed", "exp-third");
    assert_eq!(stage.send_with("POST", "/export-jobs", &key, &body).await.status, 201);
    assert_eq!(stage.send_with("POST", "/export-jobs", &key, &body).await.status, 201);
    assert_eq!(stage.send_with("POST", "/export-jobs", &key, &body.replace("DK", "SE")).await.status, 422);
}
