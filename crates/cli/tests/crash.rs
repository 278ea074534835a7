//! A stack that is killed in the middle of its work goes on where it was, and does nothing twice.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken story fails the test")]

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Waits of half a second before a story is given up.
const WAITS: u32 = 360;

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Starts `waybill local` over `folder` and waits until it is ready; gives the process and its `stack.json`.
async fn start(folder: &Path) -> (Killed, Value) {
    let stack = folder.join("stack.json");
    drop(std::fs::remove_file(&stack));
    let child = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(["local", "--port", "0", "--data"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let child = Killed(child);
    for _ in 0..WAITS {
        if let Ok(text) = std::fs::read(&stack)
            && let Ok(info) = serde_json::from_slice(&text)
        {
            return (child, info);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("the stack does not become ready");
}

async fn call(info: &Value, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
    let url = format!("{}{path}", info["url"].as_str().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.request(method, url).bearer_auth(info["adminKey"].as_str().unwrap());
    if let Some(body) = body {
        request = request.json(&body);
    }
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn exports_of_a_killed_stack_become_ready_once_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (mut stack, info) = start(folder.path()).await;
    let mut ids = Vec::new();
    for format in ["application/json", "text/csv", "application/x-ndjson"] {
        let body = json!({"objects": "airports", "format": format});
        let export = call(&info, reqwest::Method::POST, "/demo/v2/exports", Some(body)).await;
        assert_eq!(export["state"], "pending", "{export}");
        ids.push(export["_id"].as_str().unwrap().to_owned());
    }
    let first = format!("/demo/v2/exports/{}", ids[0]);
    while call(&info, reqwest::Method::GET, &first, None).await["state"] == "pending" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stack.0.kill().unwrap();
    stack.0.wait().unwrap();

    let (_stack, info) = start(folder.path()).await;
    for id in &ids {
        let path = format!("/demo/v2/exports/{id}");
        let mut export = Value::Null;
        for _ in 0..WAITS {
            export = call(&info, reqwest::Method::GET, &path, None).await;
            if export["state"] == "ready" || export["state"] == "error" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        assert_eq!(export["state"], "ready", "{export}");
        assert_eq!(export["stats"]["docs"]["count"], 28_298, "{export}");
    }
    let list = call(&info, reqwest::Method::GET, "/demo/v2/exports", None).await;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(3), "each is there once: {list}");
    let usage = call(&info, reqwest::Method::GET, "/v1/usage", None).await;
    let sizes = list["data"].as_array().unwrap().iter().map(|export| export["dataFile"]["size"].as_u64().unwrap());
    assert_eq!(usage["usedBytes"], sizes.sum::<u64>(), "{usage}");
    assert_eq!(usage["reservedBytes"], 0, "{usage}");
}
