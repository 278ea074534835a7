//! Every operation of both surfaces × callers who are not of the org × every place that an id can take: no cell tells
//! whether a thing is there. What is ours is answered as what is nobody's.

use crate::harness::{Tenant, World, header, now, soon, story, text, until};
use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures::stream::{self, StreamExt as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use reqwest::{Method, RequestBuilder};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

const PRIVATE: &[u8] = include_bytes!("../../crates/app/tests/tokens/rsa-2048.pk8");
const PUBLIC: &str = include_str!("../../crates/app/tests/tokens/rsa-2048.pub.pem");
/// Stands in what is ours, and nowhere else.
const MARK: &str = "matrixsecret";
const OURS: &str = "iso-matrix";
const THEIRS: &str = "iso-others";
const PASSWORD: &str = "correct horse";
/// Requests under way side by side.
const SIDE_BY_SIDE: usize = 8;

/// What an operation is asked with: its body, with placeholders for what is ours, and arguments of the query.
struct Row {
    body: Option<Value>,
    query: &'static str,
}

fn row(body: Option<Value>) -> Row {
    Row { body, query: "" }
}

/// The row of each operation; one that has none fails the test.
#[expect(clippy::match_same_arms, clippy::too_many_lines, reason = "one row an operation, by surface")]
fn row_of(operation: &str) -> Option<Row> {
    Some(match operation {
        "GET /v1/accounts"
        | "GET /v1/keys"
        | "GET /v1/exports"
        | "GET /v1/audit"
        | "GET /v1/logs"
        | "GET /v1/jobs"
        | "GET /v1/dimensions"
        | "GET /v1/webhooks"
        | "GET /v1/webhooks/{id}/attempts"
        | "GET /v1/collections/{name}/records" => Row { body: None, query: "?cursor={cursor}" },
        "GET /{org}/v2/exports" | "GET /{org}/v2/{objects}" => Row { body: None, query: "?startingAfter={export}" },
        "POST /v1/accounts" => row(Some(json!({"email": "{email}"}))),
        "PATCH /v1/accounts/{id}" => row(Some(json!({"name": {"first": "x"}}))),
        "POST /v1/keys" => row(Some(json!({"account": "{account}"}))),
        "POST /v1/exports" => row(Some(json!({"collection": "{collection}", "principal": "{account}"}))),
        "POST /{org}/v2/exports" => row(Some(json!({"objects": "{collection}", "principal": "{account}",
            "prefix": "{collection}/{record}/tags"}))),
        "PATCH /{org}/v2/exports/{id}" => row(Some(json!({"label": "x"}))),
        "POST /{org}/v2/accounts/login" => row(Some(json!({"email": "{email}", "password": "a wrong horse"}))),
        "POST /{org}/v2/{object}/db/{operation}" => row(Some(json!({"where": {"_id": "{record}"}}))),
        "POST /v1/collections/{name}/records" => row(Some(json!({"_id": "{record}", "name": "x"}))),
        "POST /v1/collections/{name}/records/{id}/files/{property}" => {
            row(Some(json!({"filename": "x.txt", "contentType": "text/plain", "sizeBytes": 1})))
        }
        "PUT /v1/collections/{name}" | "PUT /v1/orgs/{org}/collections/{name}" => {
            row(Some(json!({"singular": "x", "properties": {"r": {"type": "reference", "collection": "{collection}"},
                "l": {"type": "list", "collection": "{collection}", "via": "r"}},
                "source": {"type": "records"}})))
        }
        "PATCH /v1/orgs/{org}" => row(Some(json!({"name": "x"}))),
        "POST /v1/orgs" => row(Some(json!({"code": "{org}"}))),
        "PUT /v1/dimensions/{id}" => row(Some(json!({"segments": [{"id": 7}]}))),
        "GET /v1/dimensions/{id}" | "DELETE /v1/dimensions/{id}" => row(None),
        "POST /v1/destinations/test" => row(Some(json!({"type": "webhook", "config": {}}))),
        // There may be few of them, so that none is made.
        "POST /v1/webhooks" => row(Some(json!({"url": "nowhere"}))),
        "PATCH /v1/webhooks/{id}" => row(Some(json!({"name": "x"}))),
        "GET /v1/webhooks/{id}" | "DELETE /v1/webhooks/{id}" => row(None),
        "POST /v1/schedules/preview" => row(Some(json!({"cron": "0 2 * * *"}))),
        "POST /v1/jobs" | "PUT /v1/jobs/{id}" => row(Some(json!({"id": "{job}", "name": "x", "format": "csv",
            "collection": "{collection}", "schedule": {"cron": "never"}}))),
        "GET /v1/jobs/{id}/runs" | "GET /v1/jobs/{id}/slots" => Row { body: None, query: "?cursor={cursor}" },
        "GET /v1/jobs/{id}"
        | "DELETE /v1/jobs/{id}"
        | "POST /v1/jobs/{id}/pause"
        | "POST /v1/jobs/{id}/resume"
        | "POST /v1/jobs/{id}/run" => row(None),
        "POST /api/v1/auth/login" => {
            row(Some(json!({"email": "{email}", "password": "a wrong horse", "workspace": "{org}"})))
        }
        "POST /api/v1/export-jobs" | "PUT /api/v1/export-jobs/{id}" => {
            row(Some(json!({"id": "{sigmaJob}", "name": "x", "format": "csv", "schemaId": "{collection}",
                "destinationType": "s3", "destinationConfig": {"bucket": "bucket", "region": "eu-north-1"}, "schedule": "never"})))
        }
        "POST /api/v1/export-jobs/{id}/runs" => row(Some(json!({"status": "success"}))),
        "POST /api/v1/auth/refresh"
        | "GET /api/v1/export-jobs"
        | "GET /api/v1/export-jobs/{id}"
        | "DELETE /api/v1/export-jobs/{id}"
        | "POST /api/v1/export-jobs/{id}/pause"
        | "POST /api/v1/export-jobs/{id}/resume"
        | "GET /api/v1/export-jobs/{id}/runs"
        | "GET /api/v1/healthz" => row(None),
        "POST /experimental/organizations/{org}/data-exports"
        | "PUT /experimental/organizations/{org}/data-exports/{id}" => {
            row(Some(json!({"name": "x", "resource": "{collection}", "format": "csv"})))
        }
        "POST /organizations/{org}/organization-exports" => row(Some(json!({"includeFiles": true}))),
        "GET /experimental/organizations/{org}/data-exports"
        | "GET /experimental/organizations/{org}/data-exports/{id}"
        | "DELETE /experimental/organizations/{org}/data-exports/{id}"
        | "GET /organizations/{org}/organization-exports"
        | "GET /organizations/{org}/organization-exports/{id}"
        | "GET /organizations/{org}/files/{id}"
        | "GET /organizations/{org}/files/{id}/download"
        | "GET /organizations/{org}/users/{id}" => row(None),
        "GET /docs"
        | "GET /healthz"
        | "GET /openapi.json"
        | "DELETE /v1/accounts/{id}"
        | "GET /v1/collections"
        | "GET /v1/collections/{name}"
        | "DELETE /v1/collections/{name}"
        | "DELETE /v1/collections/{name}/records"
        | "GET /v1/collections/{name}/records/{id}"
        | "DELETE /v1/collections/{name}/records/{id}"
        | "GET /v1/exports/{id}"
        | "DELETE /v1/exports/{id}"
        | "POST /v1/exports/{id}/cancel"
        | "GET /v1/exports/{id}/download"
        | "POST /v1/exports/{id}/retry"
        | "GET /v1/exports/{id}/deliveries"
        | "POST /v1/exports/{id}/deliveries/{number}/redeliver"
        | "DELETE /v1/keys/{id}"
        | "GET /v1/orgs"
        | "GET /v1/usage"
        | "POST /{org}/v2/accounts/logout"
        | "GET /{org}/v2/exports/{id}"
        | "DELETE /{org}/v2/exports/{id}"
        | "GET /{org}/v2/exports/{id}/dataFile"
        | "GET /{org}/v2/exports/{id}/dataFile/content"
        | "GET /{org}/v2/exports/{id}/{property}"
        | "GET /{org}/v2/{objects}/{id}"
        | "GET /{org}/v2/{objects}/{id}/{property}"
        | "GET /{org}/v2/{objects}/{id}/{property}/content" => row(None),
        _ => return None,
    })
}

/// Operations that give no two callers different things, and those whose caller may know every org.
fn is_open(operation: &str) -> bool {
    matches!(operation, "GET /docs" | "GET /healthz" | "GET /api/v1/healthz" | "GET /openapi.json")
}

/// Ids and names that stand for placeholders.
type Names = BTreeMap<&'static str, String>;

/// Ours, and such as nobody has.
struct Things {
    ours: Names,
    nobodys: Names,
}

fn filled(text: &str, names: &Names) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// The path of an operation, its placeholders given the meaning that they have there.
fn path_of(path: &str, names: &Names) -> String {
    let kind = match path {
        _ if path.contains("/records/") => "{record}",
        _ if path.contains("/export-jobs/") => "{sigmaJob}",
        _ if path.contains("/data-exports/") => "{dataExport}",
        _ if path.contains("/organization-exports/") => "{organizationExport}",
        _ if path.starts_with("/organizations/{org}/files/") => "{file}",
        _ if path.contains("/users/") => "{user}",
        _ if path.contains("/dimensions/") => "{dimension}",
        _ if path.contains("/jobs/") => "{job}",
        _ if path.contains("/keys/") => "{key}",
        _ if path.contains("/webhooks/") => "{webhook}",
        _ if path.contains("/accounts/") => "{account}",
        _ if path.contains("/{objects}/") => "{record}",
        _ => "{export}",
    };
    let plain = path.replace("{id}", kind).replace("{name}", "{collection}").replace("{objects}", "{collection}");
    let plain = plain
        .replace("{object}", "{collection}")
        .replace("{operation}", "cursor")
        .replace("{property}", "name")
        .replace("{number}", "0");
    filled(&plain, names)
}

/// Everybody who is not of the org.
enum Caller {
    Bearer(&'static str, String),
    Nobody,
    Pair(&'static str, String, String),
    Session { cookie: String, csrf: String },
    Basic,
}

static NONCES: AtomicU32 = AtomicU32::new(0);

impl Caller {
    fn name(&self) -> &'static str {
        match self {
            Self::Bearer(name, _) | Self::Pair(name, ..) => name,
            Self::Nobody => "nobody",
            Self::Session { .. } => "a foreign session",
            Self::Basic => "a foreign password",
        }
    }

    fn is_operator(&self) -> bool {
        self.name() == "the operator"
    }

    fn sign(&self, request: RequestBuilder, method: &Method, path: &str) -> RequestBuilder {
        match self {
            Self::Bearer(_, key) => request.bearer_auth(key),
            Self::Nobody => request,
            Self::Session { cookie, csrf } => request.header("cookie", cookie).header("medable-csrf-token", csrf),
            Self::Basic => request.basic_auth("ann@example.com", Some(PASSWORD)),
            Self::Pair(_, key, secret) => {
                let command = path.split_once("/v2").map_or_else(|| path.trim_start_matches("/v1"), |(_, rest)| rest);
                let at = now().as_millisecond().to_string();
                let mut mac = Hmac::<Sha256>::new_from_slice(format!("{key}{secret}").as_bytes()).unwrap();
                mac.update(format!("{command};{method};{at}").as_bytes());
                let nonce = format!("{:016}", NONCES.fetch_add(1, Ordering::Relaxed));
                request
                    .header("medable-client-key", key)
                    .header("medable-client-signature", hex::encode(mac.finalize().into_bytes()))
                    .header("medable-client-nonce", nonce)
                    .header("medable-client-timestamp", at)
            }
        }
    }
}

fn token(issuer: &str) -> String {
    let now = now().as_second();
    let claims = json!({"iss": issuer, "cortex/eml": "ann@example.com", "exp": now + 600});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "RS256"})), part(&claims));
    let pair = RsaKeyPair::from_pkcs8(PRIVATE).unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn made(world: &World, path: &str, key: &str, body: &Value) -> Result<Value> {
    let (status, made) = world.post(path, key, body).await?;
    anyhow::ensure!(status.as_u16() == 201, "{path}: {status} {made}");
    Ok(made)
}

async fn callers(world: &World, ours: &Tenant, theirs: &Tenant) -> Result<Vec<Caller>> {
    let ann =
        made(world, "/v1/accounts", &theirs.admin, &json!({"email": "ann@example.com", "password": PASSWORD})).await?;
    let foreign =
        made(world, "/v1/keys", &theirs.admin, &json!({"role": "admin", "signature": true, "publicKey": PUBLIC}))
            .await?;
    let (pair, secret) = (text(&foreign["signature"], "apiKey")?, text(&foreign["signature"], "apiSecret")?);
    let own = made(world, "/v1/keys", &ours.admin, &json!({"role": "admin", "signature": true})).await?;
    let revoked = made(world, "/v1/keys", &ours.admin, &json!({"role": "admin"})).await?;
    world.delete(&format!("/v1/keys/{}", text(&revoked, "id")?), &ours.admin).await?;
    let sigma = json!({"permissions": ["read", "update-data", "update-model"]});
    let sigma = made(world, "/v1/keys", &theirs.admin, &sigma).await?;
    let soon = soon();
    let expired = made(world, "/v1/keys", &ours.admin, &json!({"role": "admin", "expiresAt": soon})).await?;
    let login = format!("{}/{THEIRS}/v2/accounts/login", world.info.url);
    let login = world.http.post(login).json(&json!({"email": "ANN@example.com", "password": PASSWORD})).send().await?;
    let csrf = header(&login, "medable-csrf-token")?;
    let cookies = login.headers().get_all("set-cookie").iter().filter_map(|line| line.to_str().ok()?.split(';').next());
    let cookie = cookies.collect::<Vec<_>>().join("; ");
    anyhow::ensure!(cookie.contains("md.sid") && ann["email"] == "ann@example.com", "{cookie}");
    let soon: Timestamp = soon.parse()?;
    until("it does not expire", async || Ok((soon < now()).then_some(()))).await?;
    Ok(vec![
        Caller::Bearer("another org's administrator", theirs.admin.clone()),
        Caller::Bearer("another org's member", theirs.member.clone()),
        Caller::Bearer("an expired key", text(&expired, "key")?),
        Caller::Bearer("a revoked key", text(&revoked, "key")?),
        Caller::Bearer("another org's Sigma key", text(&sigma, "key")?),
        Caller::Bearer("the operator", world.info.operator_key.clone()),
        Caller::Bearer("another org's token", token(&text(&foreign, "tokenIssuer")?)),
        Caller::Bearer("a token of no issuer", token(&"0".repeat(22))),
        Caller::Pair("a foreign signature", pair, secret.clone()),
        Caller::Pair("our pair with a foreign secret", text(&own["signature"], "apiKey")?, secret),
        Caller::Session { cookie, csrf },
        Caller::Basic,
        Caller::Nobody,
    ])
}

async fn things(world: &World, ours: &Tenant) -> Result<Things> {
    world.things(ours, 5).await?;
    let record = json!({"_id": "00000000000000000000beef", "name": MARK, "n": 1, "when": "2026-11-21T21:04:16.101Z",
        "tags": [], "place": {}});
    world.load(ours, "things", record.to_string()).await?;
    let account = made(
        world,
        "/v1/accounts",
        &ours.admin,
        &json!({"email": "ours@example.com", "name": {"first": MARK},
        "password": PASSWORD}),
    )
    .await?;
    let key = made(world, "/v1/keys", &ours.admin, &json!({"name": MARK})).await?;
    let hook = json!({"url": "https://hooks.example/in", "name": MARK});
    let webhook = made(world, "/v1/webhooks", &ours.admin, &hook).await?;
    // Ours comes under an `Idempotency-Key` that strangers send too.
    let body = json!({"objects": "things", "label": MARK});
    let request = world.call(Method::POST, &format!("/{OURS}/v2/exports"), &ours.admin).json(&body);
    let export: Value = request.header("idempotency-key", "matrix").send().await?.json().await?;
    let export = text(&export, "_id")?;
    world.ended(ours, &export).await?;
    world.create(ours, &json!({"objects": "things"})).await?;
    let job = json!({"id": "nightly-ours", "name": MARK, "collection": "things", "format": "csv",
        "schedule": {"cron": "0 2 1 1 *"}});
    made(world, "/v1/jobs", &ours.admin, &job).await?;
    let dimension = world.call(Method::PUT, "/v1/dimensions/dim-ours", &ours.admin);
    let dimension = dimension.json(&json!({"name": MARK, "segments": [{"id": "seg-a"}]})).send().await?;
    anyhow::ensure!(dimension.status().as_u16() == 201, "{}", dimension.text().await?);
    let job = json!({"id": "sigma-ours", "name": MARK, "schemaId": "things", "format": "csv", "schedule": "0 2 1 1 *",
        "destinationType": "s3", "destinationConfig": {"bucket": "bucket", "region": "eu-north-1"}});
    made(world, "/api/v1/export-jobs", &ours.admin, &job).await?;
    made(world, "/export-jobs/sigma-ours/runs", &ours.admin, &json!({"status": "failed", "error": MARK})).await?;
    let data_export = crate::data_exports::completed(world, &ours.admin, MARK, "things").await?;
    let whole = crate::organization_exports::completed(world, &ours.admin, &json!({"includeFiles": true})).await?;
    let (_, page) = world.get("/v1/exports?limit=1", &ours.admin).await?;
    let ours = Names::from([
        ("org", OURS.to_owned()),
        ("collection", "things".to_owned()),
        ("record", "00000000000000000000beef".to_owned()),
        ("export", export),
        ("account", text(&account, "id")?),
        ("key", text(&key, "id")?),
        ("webhook", text(&webhook, "id")?),
        ("email", "ours@example.com".to_owned()),
        ("cursor", text(&page, "next")?),
        ("job", "nightly-ours".to_owned()),
        ("sigmaJob", "sigma-ours".to_owned()),
        ("dataExport", text(&data_export, "id")?),
        ("organizationExport", text(&whole, "id")?),
        ("file", text(&data_export, "fileId")?),
        ("user", text(&data_export, "userId")?),
        ("dimension", "dim-ours".to_owned()),
        ("idempotency", "matrix".to_owned()),
    ]);
    let nobodys = Names::from([
        ("org", "iso-nobody".to_owned()),
        ("collection", "zebras".to_owned()),
        ("record", "00000000000000000000dead".to_owned()),
        ("export", "0000000000000000000000aa".to_owned()),
        ("account", "0000000000000000000000ab".to_owned()),
        ("key", "0000000000000000000000ac".to_owned()),
        ("webhook", "0000000000000000000000ad".to_owned()),
        ("email", "nobody@example.com".to_owned()),
        ("cursor", "bm90aGluZw".to_owned()),
        ("job", "nightly-nobodys".to_owned()),
        ("sigmaJob", "sigma-nobodys".to_owned()),
        ("dataExport", "exp_00000000000000000000000000".to_owned()),
        ("organizationExport", "exp_00000000000000000000000001".to_owned()),
        ("file", "file_00000000000000000000000000".to_owned()),
        ("user", "usr_00000000000000000000000000".to_owned()),
        ("dimension", "dim-nobodys".to_owned()),
        ("idempotency", "matrix-of-nobody".to_owned()),
    ]);
    Ok(Things { ours, nobodys })
}

struct Cell<'a> {
    caller: &'a Caller,
    operation: &'a str,
}

impl Cell<'_> {
    async fn ask(&self, world: &World, names: &Names) -> Result<(u16, String)> {
        let idempotency = &names["idempotency"];
        let (method, path) = self.operation.split_once(' ').context("an operation")?;
        let row = row_of(self.operation).with_context(|| format!("`{}` has no row in the matrix", self.operation))?;
        let method: Method = method.parse()?;
        // What a stranger makes for itself is not to have the name of what is ours.
        let path = if method == Method::PUT { path.replace("{name}", "strangers") } else { path.to_owned() };
        let path = path_of(&path, names);
        let request =
            world.http.request(method.clone(), format!("{}{path}{}", world.info.url, filled(row.query, names)));
        let mut request = self.caller.sign(request, &method, &path);
        if let Some(body) = &row.body {
            request = request.header("content-type", "application/json").body(filled(&body.to_string(), names));
        }
        let reply = request.header("idempotency-key", idempotency).send().await?;
        Ok((reply.status().as_u16(), reply.text().await?))
    }

    /// The reply with what was asked for taken out, and what no two replies share.
    fn scrubbed(reply: (u16, String), things: &Things) -> (u16, String) {
        let (status, mut text) = reply;
        for value in things.ours.values().chain(things.nobodys.values()) {
            text = text.replace(value.as_str(), "…");
        }
        let text = match serde_json::from_str::<Value>(&text) {
            Ok(mut value) => {
                if let Some(members) = value.as_object_mut() {
                    members.shift_remove("requestId");
                }
                value.to_string()
            }
            Err(_) => text,
        };
        (status, text)
    }

    /// What the cell lets out, if it does.
    async fn leak(&self, world: &World, things: &Things) -> Result<Option<String>> {
        let (ours, nobodys) = (self.ask(world, &things.ours).await?, self.ask(world, &things.nobodys).await?);
        let told = |what: String| Ok(Some(format!("{} as {}: {what}", self.operation, self.caller.name())));
        if ours.0 >= 500 || nobodys.0 >= 500 {
            return told(format!("{ours:?} {nobodys:?}"));
        }
        // Guesses of a password are counted, whatever they are sent to.
        if matches!(self.caller, Caller::Basic) && (ours.0 == 429 || nobodys.0 == 429) {
            return Ok(None);
        }
        if ours.1.contains(MARK) {
            return told(format!("shows what is ours: {}", ours.1));
        }
        // The operator makes orgs and may know which there are.
        if is_open(self.operation) || (self.caller.is_operator() && self.operation.contains("/v1/orgs")) {
            return Ok(None);
        }
        // A stranger may make things of its own; whatever comes of it, nothing of ours is in it.
        if ours.0 < 300 || nobodys.0 < 300 {
            let shown = ["export", "account", "key"].iter().find(|name| ours.1.contains(things.ours[**name].as_str()));
            if let Some(name) = shown {
                return told(format!("shows our {name}: {}", ours.1));
            }
            // Several callers are of one org, and the address that one of them gave an account is taken for the others.
            if self.operation == "POST /v1/accounts" {
                return Ok(None);
            }
            // Written by nobody but the caller: replies hold ids and times of their own.
            return if ours.0 / 100 == nobodys.0 / 100 { Ok(None) } else { told(format!("{ours:?} {nobodys:?}")) };
        }
        let (ours, nobodys) = (Self::scrubbed(ours, things), Self::scrubbed(nobodys, things));
        if ours == nobodys { Ok(None) } else { told(format!("{ours:?} is not {nobodys:?}")) }
    }
}

async fn operations(world: &World) -> Result<Vec<String>> {
    let document: Value = world.http.get(format!("{}/openapi.json", world.info.url)).send().await?.json().await?;
    let paths = document["paths"].as_object().context("paths")?;
    let mut operations = Vec::new();
    for (path, methods) in paths {
        let methods = methods.as_object().context("methods")?;
        let known = methods.keys().filter(|name| ["get", "put", "post", "patch", "delete"].contains(&name.as_str()));
        operations.extend(known.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    Ok(operations)
}

#[test]
fn no_stranger_learns_of_anything_by_any_operation() {
    story(async |world| {
        let (ours, theirs) = (world.tenant(OURS).await?, world.tenant(THEIRS).await?);
        let things = things(world, &ours).await?;
        let callers = callers(world, &ours, &theirs).await?;
        let operations = operations(world).await?;
        assert!(operations.len() >= 30 && callers.len() >= 8);
        let without: Vec<&String> = operations.iter().filter(|operation| row_of(operation).is_none()).collect();
        assert!(without.is_empty(), "operations without a row: {without:?}");
        let cells = callers
            .iter()
            .flat_map(|caller| operations.iter().map(move |operation| Cell { caller, operation }))
            // It looks at no credential but its body, and at ten passwords a quarter of an hour.
            .filter(|cell| !cell.operation.ends_with("/login") || cell.caller.name() == "nobody");
        let things = &things;
        let found = stream::iter(cells).map(|cell| async move { cell.leak(world, things).await });
        let found: Vec<Result<Option<String>>> = found.buffer_unordered(SIDE_BY_SIDE).collect().await;
        let leaks: Vec<String> = found.into_iter().filter_map(Result::transpose).collect::<Result<_>>()?;
        assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
        // And nothing of ours was touched.
        let (status, export) = world.get(&format!("/{OURS}/v2/exports/{}", things.ours["export"]), &ours.admin).await?;
        assert_eq!((status.as_u16(), &export["label"]), (200, &json!(MARK)), "{export}");
        let record = format!("/v1/collections/things/records/{}", things.ours["record"]);
        assert_eq!(world.get(&record, &ours.admin).await?.1["name"], MARK);
        Ok(())
    });
}

#[test]
fn a_members_credential_does_nothing_that_is_an_administrators() {
    story(async |world| {
        let ours = world.tenant("iso-member").await?;
        let id = world.things(&ours, 1).await.map(|_| "0000000000000000000000aa")?;
        for (method, path) in [
            ("GET", "/v1/accounts".to_owned()),
            ("POST", "/v1/accounts".to_owned()),
            ("PATCH", format!("/v1/accounts/{id}")),
            ("DELETE", format!("/v1/accounts/{id}")),
            ("GET", "/v1/keys".to_owned()),
            ("POST", "/v1/keys".to_owned()),
            ("DELETE", format!("/v1/keys/{id}")),
            ("PUT", "/v1/collections/things".to_owned()),
            ("DELETE", "/v1/collections/things".to_owned()),
            ("GET", "/v1/audit".to_owned()),
            ("GET", "/v1/usage".to_owned()),
        ] {
            let body = json!({"singular": "x", "source": {"type": "records"}, "properties": {}});
            let body = if method == "PUT" { body } else { json!({}) };
            let request = world.call(method.parse()?, &path, &ours.member);
            let request = if method == "GET" || method == "DELETE" { request } else { request.json(&body) };
            let reply = request.send().await?;
            assert_eq!(reply.status().as_u16(), 403, "{method} {path}");
        }
        let operator = world.call(Method::GET, "/v1/orgs", &ours.admin).send().await?;
        assert_eq!(operator.status().as_u16(), 403);
        let basic = format!("Basic {}", STANDARD.encode("nobody@example.com:correct horse"));
        let reply =
            world.http.get(format!("{}/v1/exports", world.info.url)).header("authorization", basic).send().await?;
        assert_eq!(reply.status().as_u16(), 401, "no org stands in the path");
        Ok(())
    });
}
