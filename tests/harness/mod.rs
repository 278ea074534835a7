//! Starts one embedded stack for all stories of a run, and speaks to it as clients do: over HTTP, as tenants of their own.

use anyhow::{Context as _, Result, bail};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;
use tokio::runtime::Runtime;
use waybill_local::{Backoff, Options, Passwords, Stack, StackInfo, Tuning};

/// How long a story waits for anything; far beyond what it takes on a machine that others use too, so that only what is stuck fails.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime starts"));
static WORLD: OnceLock<World> = OnceLock::new();

/// The stack that all stories share, and a client that follows no redirect.
pub(crate) struct World {
    pub(crate) info: StackInfo,
    pub(crate) http: reqwest::Client,
    // Lives as long as the process: its temporary folder goes with the operating system's.
    stack: Stack,
}

/// An org of a story's own, with one key of each role.
#[derive(Clone)]
pub(crate) struct Tenant {
    pub(crate) org: String,
    pub(crate) admin: String,
    pub(crate) member: String,
}

/// Runs a story on the shared stack.
pub(crate) fn story<F: Future<Output = Result<()>>>(tell: impl FnOnce(&'static World) -> F) {
    let world = WORLD.get_or_init(|| RUNTIME.block_on(World::start()).expect("the stack starts"));
    if let Err(error) = RUNTIME.block_on(tell(world)) {
        panic!("{error:?}");
    }
}

/// Lengths for tests: what takes a minute in production takes a moment.
pub(crate) fn quick() -> Tuning {
    Tuning {
        busy_pause: Duration::from_secs(1),
        progress_every: Duration::from_millis(50),
        tick: Duration::from_millis(500),
        look_again: Duration::from_secs(1),
        delivery_backoff: Backoff {
            first: vec![Duration::from_secs(1); 3],
            then: Duration::from_secs(2),
            give_up_after: Duration::from_mins(1),
        },
        demo_records: false,
        passwords: Passwords::new(64, 1).expect("costs"),
        allowed_origins: "https://app.example.com".parse().expect("an origin"),
        ..Tuning::default()
    }
}

impl World {
    async fn start() -> Result<Self> {
        let stack = Stack::start(Options { tuning: quick(), ..Options::ephemeral() }).await?;
        Self::of(stack)
    }

    /// A world around a stack of the story's own.
    pub(crate) fn of(stack: Stack) -> Result<Self> {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
        Ok(Self { info: stack.info().clone(), http, stack })
    }

    /// Where mail lands, one file each.
    pub(crate) fn mail(&self) -> PathBuf {
        self.stack.data_folder().join("mail")
    }

    pub(crate) fn call(&self, method: Method, path: &str, key: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.info.url)).bearer_auth(key)
    }

    pub(crate) async fn get(&self, path: &str, key: &str) -> Result<(StatusCode, Value)> {
        reply(self.call(Method::GET, path, key)).await
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Result<(StatusCode, Value)> {
        reply(self.call(Method::POST, path, key).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str, key: &str) -> Result<(StatusCode, Value)> {
        reply(self.call(Method::DELETE, path, key)).await
    }

    /// Makes an org of that code with an administrator's and a member's key.
    pub(crate) async fn tenant(&self, code: &str) -> Result<Tenant> {
        let operator = &self.info.operator_key;
        let (status, org) = self.post("/v1/orgs", operator, &json!({"code": code, "name": code})).await?;
        anyhow::ensure!(status == 201, "{status} {org}");
        let admin = text(&org, "adminKey")?;
        let (status, key) = self.post("/v1/keys", &admin, &json!({"role": "member"})).await?;
        anyhow::ensure!(status == 201, "{status} {key}");
        Ok(Tenant { org: code.to_owned(), admin, member: text(&key, "key")? })
    }

    /// Makes a collection of things with `count` records and gives the records as they were loaded.
    pub(crate) async fn things(&self, tenant: &Tenant, count: usize) -> Result<Vec<Value>> {
        let definition = json!({
        "name": "things", "singular": "thing", "source": {"type": "records"},
        "access": {"default": [{"type": "role", "target": "member", "allow": 4}]},
        "properties": {
            "name": {"type": "string"},
            "n": {"type": "number"},
            "when": {"type": "date"},
            "tags": {"type": "string", "array": true},
            "place": {"type": "document", "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}}},
            "note": {"type": "string", "optional": true},
        }});
        let put = self.call(Method::PUT, "/v1/collections/things", &tenant.admin).json(&definition);
        let (status, body) = reply(put).await?;
        anyhow::ensure!(status.is_success(), "{status} {body}");
        let records: Vec<Value> = (0..count).map(thing).collect();
        for chunk in records.chunks(2000) {
            let lines: Vec<String> = chunk.iter().map(Value::to_string).collect();
            let (status, loaded) = self.load(tenant, "things", lines.join("\n")).await?;
            anyhow::ensure!(status == 200 && loaded["accepted"] == chunk.len(), "{status} {loaded}");
        }
        Ok(records)
    }

    pub(crate) async fn load(&self, tenant: &Tenant, collection: &str, lines: String) -> Result<(StatusCode, Value)> {
        let path = format!("/v1/collections/{collection}/records");
        let request = self.call(Method::POST, &path, &tenant.admin);
        reply(request.header("content-type", "application/x-ndjson").body(lines)).await
    }

    /// Creates an export through the Cortex surface and gives its id.
    pub(crate) async fn create(&self, tenant: &Tenant, body: &Value) -> Result<String> {
        let (status, export) = self.post(&format!("/{}/v2/exports", tenant.org), &tenant.member, body).await?;
        anyhow::ensure!(status == 200 && export["state"] == "pending", "{status} {export}");
        text(&export, "_id")
    }

    /// Waits until an export has ended and gives it.
    pub(crate) async fn ended(&self, tenant: &Tenant, id: &str) -> Result<Value> {
        let path = format!("/{}/v2/exports/{id}", tenant.org);
        until(&format!("{path} does not end"), async || {
            let (status, export) = self.get(&path, &tenant.member).await?;
            anyhow::ensure!(status == 200, "{status} {export}");
            Ok((export["state"] == "ready" || export["state"] == "error").then_some(export))
        })
        .await
    }

    /// Downloads an archive as a client that follows the redirect.
    pub(crate) async fn download(&self, tenant: &Tenant, id: &str) -> Result<Vec<u8>> {
        let path = format!("/{}/v2/exports/{id}/dataFile/content", tenant.org);
        let response = self.call(Method::GET, &path, &tenant.admin).header("accept", "*/*").send().await?;
        anyhow::ensure!(response.status() == 302, "{}", response.status());
        let location = header(&response, "location")?;
        let bytes = self.http.get(location).send().await?.error_for_status()?.bytes().await?;
        Ok(bytes.to_vec())
    }

    /// Creates an export, waits until it is ready, downloads it into `folder` and gives its path.
    pub(crate) async fn archive(&self, tenant: &Tenant, body: &Value, folder: &Path) -> Result<PathBuf> {
        let id = self.create(tenant, body).await?;
        let export = self.ended(tenant, &id).await?;
        anyhow::ensure!(export["state"] == "ready", "{export}");
        let path = folder.join(format!("{id}.zip"));
        std::fs::write(&path, self.download(tenant, &id).await?)?;
        Ok(path)
    }

    /// Creates an export through `/v1`, waits until it has ended and gives it.
    pub(crate) async fn settled(&self, tenant: &Tenant, body: &Value) -> Result<Value> {
        let (status, made) = self.post("/v1/exports", &tenant.member, body).await?;
        anyhow::ensure!(status.as_u16() == 201, "{status} {made}");
        self.finished(tenant, &text(&made, "id")?).await
    }

    /// Waits until an export has ended and gives it as `/v1` shows it.
    pub(crate) async fn finished(&self, tenant: &Tenant, id: &str) -> Result<Value> {
        let path = format!("/v1/exports/{id}");
        until(&format!("{path} does not end"), async || {
            let (status, export) = self.get(&path, &tenant.member).await?;
            anyhow::ensure!(status.as_u16() == 200, "{status} {export}");
            Ok((!export["finishedAt"].is_null()).then_some(export))
        })
        .await
    }

    /// Creates an export through `/v1`, waits until it is ready, downloads it into `folder`; gives it and the file's path.
    pub(crate) async fn exported(&self, tenant: &Tenant, body: &Value, folder: &Path) -> Result<(Value, PathBuf)> {
        let export = self.settled(tenant, body).await?;
        anyhow::ensure!(export["state"] == "ready", "{export}");
        let id = text(&export, "id")?;
        let response = self.call(Method::GET, &format!("/v1/exports/{id}/download"), &tenant.admin).send().await?;
        anyhow::ensure!(response.status() == 302, "{}", response.status());
        let bytes = self.http.get(header(&response, "location")?).send().await?.error_for_status()?.bytes().await?;
        let path = folder.join(id);
        std::fs::write(&path, bytes)?;
        Ok((export, path))
    }
}

/// Asks again and again until `is` gives something; gives up with `what` after a long time.
pub(crate) async fn until<T>(what: &str, mut is: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let asking = async {
        loop {
            if let Some(found) = is().await? {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.with_context(|| what.to_owned())?
}

#[expect(clippy::disallowed_methods, reason = "a client's clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// The second in which what a story schedules is due: so far ahead that what must come before it does, on a busy machine, too.
pub(crate) fn soon() -> String {
    format!("{:.0}", now() + SignedDuration::from_secs(10))
}

/// The record number `n` of a collection of things.
pub(crate) fn thing(n: usize) -> Value {
    let names = ["plain", "with, comma", "with \"quotes\"", "two\nlines", "=1+1", "ünïcödé ☃ 日本", "tab\there", ""];
    let mut record = json!({
        "_id": format!("{:024x}", 0x1000 + n),
        "name": format!("{}{}", names[n % names.len()], if n.is_multiple_of(3) { n.to_string() } else { String::new() }),
        "n": n,
        "when": "2026-11-21T21:04:16.101Z",
        "tags": ["a", format!("t{}", n % 5)],
        "place": {"lat": 12.5, "lon": -7},
    });
    if n.is_multiple_of(4) {
        record["note"] = json!("optional");
    }
    record
}

pub(crate) async fn reply(request: RequestBuilder) -> Result<(StatusCode, Value)> {
    let response = request.send().await?;
    let status = response.status();
    let kind = header(&response, "content-type").unwrap_or_default();
    let body = response.bytes().await?;
    if body.is_empty() {
        return Ok((status, Value::Null));
    }
    let body = serde_json::from_slice(&body)
        .with_context(|| format!("{status} {kind}: not JSON: {}", String::from_utf8_lossy(&body)))?;
    Ok((status, body))
}

pub(crate) fn header(response: &Response, name: &str) -> Result<String> {
    let value = response.headers().get(name).with_context(|| format!("no {name} header"))?;
    Ok(value.to_str()?.to_owned())
}

pub(crate) fn text(value: &Value, field: &str) -> Result<String> {
    Ok(value[field].as_str().with_context(|| format!("no {field} in {value}"))?.to_owned())
}

/// Runs another program over a file and gives what it printed.
pub(crate) fn outside(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("{program} does not start"))?;
    if !output.status.success() {
        bail!(
            "{program} failed: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Moves the end of an export's seven days to `millis` from now, behind the product's back.
pub(crate) fn hasten(world: &World, tenant: &Tenant, id: &str, millis: i64) -> Result<()> {
    let script = include_str!("hasten.py");
    let aws = &world.info.aws;
    outside(
        "python3",
        &["-c", script, &aws.dynamodb, &aws.access_key_id, &aws.region, &tenant.org, id, &millis.to_string()],
    )?;
    Ok(())
}
