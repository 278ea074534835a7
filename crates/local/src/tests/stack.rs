//! The whole stack with the real functions: first start, an export, restart, keys that stopped working.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::{DataFolder, Loading, Options, Stack, StackInfo, Tuning};

fn options(root: &Path) -> Options {
    let tuning = Tuning { tick: Duration::from_secs(1), look_again: Duration::from_secs(1), ..Tuning::default() };
    Options { port: 0, data: DataFolder::Persistent(root.join("data")), tuning, script_program: None }
}

async fn call(stack: &Stack, method: Method, path: &str, key: &str, body: Option<Value>) -> Response {
    let mut request = reqwest::Client::new().request(method, format!("{}{path}", stack.url())).bearer_auth(key);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    request.send().await.unwrap()
}

async fn json_of(response: Response) -> Value {
    let status = response.status();
    let text = response.text().await.unwrap();
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap()
}

async fn ready(stack: &Stack, id: &str) -> Value {
    for _ in 0..3000 {
        let export = call(stack, Method::GET, &format!("/v1/exports/{id}"), &stack.info().member_key, None).await;
        let export = json_of(export).await;
        match export["state"].as_str().unwrap() {
            "ready" => return export,
            "failed" => panic!("{export}"),
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    panic!("the export did not become ready in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_loads_the_records_and_an_export_of_them_becomes_ready() {
    let root = tempfile::tempdir().unwrap();
    let reports: Mutex<Vec<Loading>> = Mutex::default();
    let stack =
        Stack::start_reporting(options(root.path()), &|loading| reports.lock().unwrap().push(loading)).await.unwrap();
    let last = reports.lock().unwrap().last().cloned().unwrap();
    assert_eq!(last, Loading { collection: "airports", loaded: 28_298, total: 28_298 });

    let file = stack.data_folder().join("stack.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let told: StackInfo = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(&told, stack.info());
    assert_eq!(told.org, "demo");

    let info = stack.info().clone();
    let made = call(
        &stack,
        Method::POST,
        "/v1/exports",
        &info.member_key,
        Some(json!({"collection": "airports", "format": "csv"})),
    );
    let id = json_of(made.await).await["id"].as_str().unwrap().to_owned();
    let export = ready(&stack, &id).await;
    assert_eq!(export["progress"]["records"], 28_298);
    let download = call(&stack, Method::GET, &format!("/v1/exports/{id}/download"), &info.admin_key, None).await;
    let archive = download.bytes().await.unwrap();
    assert!(archive.starts_with(b"PK"), "{} bytes", archive.len());
    let refused = call(&stack, Method::GET, &format!("/v1/exports/{id}/download"), &info.member_key, None).await;
    assert_eq!(refused.status(), 403);
    stack.shutdown().await;

    let reports: Mutex<Vec<Loading>> = Mutex::default();
    let stack =
        Stack::start_reporting(options(root.path()), &|loading| reports.lock().unwrap().push(loading)).await.unwrap();
    assert!(reports.lock().unwrap().is_empty(), "records are loaded once");
    let again = stack.info();
    assert_eq!(
        (&again.admin_key, &again.member_key, &again.signature, &again.aws.secret_access_key),
        (&info.admin_key, &info.member_key, &info.signature, &info.aws.secret_access_key)
    );
    assert_ne!(again.operator_key, info.operator_key);
    ready(&stack, &id).await;
    let download = call(&stack, Method::GET, &format!("/v1/exports/{id}/download"), &again.admin_key, None).await;
    assert_eq!(download.bytes().await.unwrap(), archive);
    stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_stopped_working_are_replaced_at_the_next_start() {
    let root = tempfile::tempdir().unwrap();
    let mut options = options(root.path());
    options.tuning.demo_records = false;
    let stack = Stack::start(options.clone()).await.unwrap();
    let before = stack.info().clone();
    let keys = json_of(call(&stack, Method::GET, "/v1/keys", &before.admin_key, None).await).await;
    let items = keys["items"].as_array().unwrap();
    for key in items.iter().filter(|key| key["role"] == "member" || key["signatureKey"].is_string()) {
        let path = format!("/v1/keys/{}", key["id"].as_str().unwrap());
        let revoked = call(&stack, Method::DELETE, &path, &before.admin_key, None).await;
        assert!(revoked.status().is_success());
    }
    stack.shutdown().await;
    let stack = Stack::start(options).await.unwrap();
    let after = stack.info().clone();
    assert_eq!((&after.org, &after.admin_key), (&before.org, &before.admin_key));
    assert_ne!(after.member_key, before.member_key);
    assert_ne!(after.signature, before.signature);
    for (key, status) in [(&after.member_key, 200), (&before.member_key, 401)] {
        assert_eq!(call(&stack, Method::GET, "/v1/exports", key, None).await.status(), status);
    }
    stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stacks_run_side_by_side_in_one_process() {
    let (mut one, mut two) = (Options::ephemeral(), Options::ephemeral());
    one.tuning.demo_records = false;
    two.tuning.demo_records = false;
    let (one, two) = tokio::join!(Stack::start(one), Stack::start(two));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(one.url(), two.url());
    assert_eq!(call(&one, Method::GET, "/v1/exports", &one.info().admin_key, None).await.status(), 200);
    assert_eq!(call(&two, Method::GET, "/v1/exports", &one.info().admin_key, None).await.status(), 401);
    let folder = one.data_folder().to_owned();
    assert!(folder.exists());
    one.shutdown().await;
    assert!(!folder.exists());
    assert_eq!(call(&two, Method::GET, "/healthz", "", None).await.status(), 200);
    two.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_a_crash_cut_goes_on_at_the_next_start() {
    let root = tempfile::tempdir().unwrap();
    let mut options = options(root.path());
    options.tuning.demo_records = false;
    options.tuning.lease = Duration::from_secs(6);
    // Two thousand pages last long enough to be cut.
    options.tuning.page_records = Some(1);
    let stack = Stack::start(options.clone()).await.unwrap();
    let info = stack.info().clone();
    let access = json!({"default": [{"type": "role", "target": "member", "allow": 4}]});
    let definition = json!({"properties": {"n": {"type": "number"}}, "access": access});
    json_of(call(&stack, Method::PUT, "/v1/collections/numbers", &info.admin_key, Some(definition)).await).await;
    let lines: Vec<String> = (0..2000).map(|n| format!("{{\"_id\":\"{n:024x}\",\"n\":{n}}}\n")).collect();
    let load = reqwest::Client::new().post(format!("{}/v1/collections/numbers/records", stack.url()));
    let load = load.bearer_auth(&info.admin_key).header("content-type", "application/x-ndjson").body(lines.concat());
    assert_eq!(json_of(load.send().await.unwrap()).await["accepted"], 2000);
    // One may run to its end between two looks; that twenty do is no chance.
    let (mut id, mut state) = (String::new(), json!("ready"));
    for _ in 0..20 {
        if state != "ready" {
            break;
        }
        let body = json!({"collection": "numbers", "format": "ndjson"});
        let made = json_of(call(&stack, Method::POST, "/v1/exports", &info.member_key, Some(body)).await).await;
        made["id"].as_str().unwrap().clone_into(&mut id);
        state = made["state"].clone();
        while state == "queued" {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let path = format!("/v1/exports/{id}");
            state = json_of(call(&stack, Method::GET, &path, &info.admin_key, None).await).await["state"].clone();
        }
    }
    assert_eq!(state, "running");
    drop(stack);
    options.tuning.page_records = None;
    let stack = Stack::start(options).await.unwrap();
    let export = ready(&stack, &id).await;
    assert_eq!(export["progress"]["records"], 2000);
    stack.shutdown().await;
}
