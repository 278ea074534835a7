//! What the tests of routes stand on: the surface over in-memory ports, with orgs, their people and a collection.

use crate::{Deps, handle};
use lambda_http::{Body, Request, RequestExt as _};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use waybill_app::RequestLimiter;
use waybill_domain::{
    AccessKey, Archive, AuditAction, CollectionName, Epoch, Export, ExportId, Failure, FinishRecord, KeyId, KeyPointer,
    KeySecret, OrgCode, PackagedFile, Packaging, PackagingRecord, Progress, PropertyKind, RecordLimits, Role,
    Timestamp,
};
use waybill_http::Origins;
use waybill_testkit::{MemoryPorts, samples};

/// Where exports of `demo` are.
pub(crate) const EXPORTS: &str = "/experimental/organizations/demo/data-exports";

/// Orgs `demo` and `acme`, each with a member, an administrator and `invoices`.
pub(crate) struct Stage {
    pub(crate) ports: MemoryPorts,
    pub(crate) deps: Deps,
}

fn secret(org: &str, role: Role) -> KeySecret {
    let number = if role == Role::Admin { 1 } else { 2 };
    KeySecret::from_randomness(&[number + u8::try_from(org.len()).unwrap() + org.as_bytes()[0]; 64])
}

/// The API key of somebody.
pub(crate) fn key(org: &str, role: Role) -> String {
    secret(org, role).expose().to_owned()
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let ports = MemoryPorts::new(1);
        let deps = Deps {
            context: ports.context(),
            archives: ports.archives.clone(),
            wake: ports.wake.clone(),
            limiter: RequestLimiter::new(6000),
            changes: 3000,
            limits: RecordLimits { per_file: 1000.try_into().unwrap(), most: 10_000.try_into().unwrap() },
            origins: Origins::default(),
        };
        let stage = Self { ports, deps };
        for org in ["demo", "acme"] {
            stage.ports.insert(&samples::org(org).unwrap()).await.unwrap();
            stage.add_collection(org).await;
            for role in [Role::Member, Role::Admin] {
                stage.add_person(org, role).await;
            }
        }
        stage
    }

    async fn add_collection(&self, org: &str) {
        let (org, name): (OrgCode, CollectionName) = (org.parse().unwrap(), "invoices".parse().unwrap());
        let amount = samples::property("amount", PropertyKind::Number);
        let country = samples::property("country", PropertyKind::String);
        let address = samples::property("billingAddress", PropertyKind::Document { properties: vec![country] });
        let mut notes = samples::property("notes", PropertyKind::String);
        notes.optional = true;
        let properties = vec![
            samples::property("number", PropertyKind::String),
            amount,
            address,
            samples::property("issuedTime", PropertyKind::Date),
            notes,
        ];
        self.ports.insert(&samples::collection(&org, &name, properties)).await.unwrap();
    }

    async fn add_person(&self, org: &str, role: Role) {
        let account = samples::account(org, role).unwrap();
        let key = AccessKey {
            org: account.org.clone(),
            id: KeyId::new(Timestamp::from_millis(0), [account.id.to_string().as_bytes()[23]; 8]),
            account: account.id,
            name: "tests".into(),
            role,
            scopes: BTreeSet::new(),
            digest: secret(org, role).digest(),
            signature: None,
            token: None,
            created_at: Timestamp::from_millis(0),
            expires_at: None,
            revoked_at: None,
            // Fresh, so that requests write nothing but what they ask for.
            last_used_at: Some(self.deps.context.now()),
        };
        let pointer = KeyPointer { credential: KeyPointer::of_digest(&key.digest), org: key.org.clone(), key: key.id };
        self.ports.insert(&pointer).await.unwrap();
        self.ports.insert(&account).await.unwrap();
        self.ports.insert(&key).await.unwrap();
    }

    /// Sends a request of the member of `demo`.
    pub(crate) async fn member(&self, method: &str, target: &str, body: &str) -> String {
        self.send(method, target, &[("reb-apikey", &key("demo", Role::Member))], body).await
    }

    /// Sends a request of the administrator of `demo`.
    pub(crate) async fn admin(&self, method: &str, target: &str, body: &str) -> String {
        self.send(method, target, &[("reb-apikey", &key("demo", Role::Admin))], body).await
    }

    /// Sends a request; gives the reply as text: status, headers, body.
    pub(crate) async fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
        let encoded = target.replace(' ', "%20").replace(';', "%3B");
        let mut request = http::Request::builder().method(method).uri(format!("https://waybill.example{encoded}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("content-type", "application/json");
        let body = if body.is_empty() { Body::Empty } else { Body::Text(body.to_owned()) };
        let request: Request = request.body(body).unwrap();
        let path = target.split('?').next().unwrap_or(target).to_owned();
        let response = handle(&self.deps, request.with_raw_http_path(path)).await;
        let mut text = format!("{}\n", response.status());
        for (name, value) in response.headers() {
            writeln!(text, "{name}: {}", value.to_str().unwrap()).unwrap();
        }
        let body = match response.body() {
            Body::Text(text) => text.as_str(),
            _ => "",
        };
        match serde_json::from_str::<Value>(body) {
            Ok(json) => text + "\n" + &serde_json::to_string_pretty(&json).unwrap(),
            Err(_) => text + "\n" + body,
        }
    }

    /// Queues a CSV of the invoices as the member of `demo`; gives its id on the wire, and in the engine.
    pub(crate) async fn queue(&self, name: &str) -> (String, ExportId) {
        let reply = self.member("POST", EXPORTS, &wanted(name)).await;
        let id = body(&reply)["id"].as_str().unwrap().to_owned();
        let export = crate::names::parse_export(&id).unwrap();
        (id, export)
    }

    /// The row of an export of `demo`.
    pub(crate) async fn row(&self, id: ExportId) -> Option<Export> {
        let org = "demo".parse().unwrap();
        let pointer = self.ports.rows().export_pointer(&org, id).await.unwrap()?;
        Some(self.ports.rows().export(&org, pointer.value.seq).await.unwrap()?.value)
    }

    /// Lets a step of an export of `demo` begin, with some records done.
    pub(crate) async fn run(&self, id: ExportId) {
        let now = self.deps.context.now();
        let progress = Progress { records: 7, by_collection: vec![7], ..Progress::default() };
        self.change(id, |export| export.start(Epoch(1), now).unwrap().advance(Epoch(1), progress).unwrap()).await;
    }

    /// Ends a running export of `demo` with a bare file.
    pub(crate) async fn finish(&self, id: ExportId) {
        let now = self.deps.context.now();
        let file = PackagedFile {
            packaging: Packaging::Bare,
            key: format!("archives/demo/{id}.csv"),
            size_bytes: 1234,
            sha256: "0123456789abcdef".repeat(4),
            is_for_delivery: false,
        };
        let archive = Archive {
            key: format!("archives/demo/{id}.zip"),
            size_bytes: 321,
            sha256: "f".repeat(64),
            entries: Vec::new(),
            packaged: None,
        };
        let packaging = PackagingRecord {
            data_offset: 0,
            restarts: Vec::new(),
            gzip_sha256: None,
            checkpoint: None,
            file: Some(file),
            segments: Vec::new(),
        };
        let finish = FinishRecord {
            archive,
            segments: Vec::new(),
            records: 9,
            files: 0,
            file_bytes: 0,
            missing_files: 0,
            by_collection: Vec::new(),
            packaging: Some(packaging),
        };
        self.change(id, |export| export.finishing(Epoch(1), finish).unwrap().ready(Epoch(1), now).unwrap()).await;
    }

    /// Ends a running export of the whole of `demo`.
    pub(crate) async fn finish_whole(&self, id: ExportId) {
        let now = self.deps.context.now();
        let archive = Archive {
            key: format!("archives/demo/{id}.zip"),
            size_bytes: 321,
            sha256: "f".repeat(64),
            entries: Vec::new(),
            packaged: None,
        };
        let finish = FinishRecord {
            archive,
            segments: Vec::new(),
            records: 9,
            by_collection: vec![7, 2],
            files: 0,
            file_bytes: 0,
            missing_files: 0,
            packaging: None,
        };
        self.change(id, |export| export.finishing(Epoch(1), finish).unwrap().ready(Epoch(1), now).unwrap()).await;
    }

    /// The ids of exports of `demo` of which downloads are on record.
    pub(crate) async fn downloads(&self) -> Vec<String> {
        let (entries, _) = self.deps.context.rows().audit(&"demo".parse().unwrap(), None, 1000).await.unwrap();
        let given = entries.into_iter().map(|entry| entry.value);
        given.filter(|entry| entry.action == AuditAction::ExportDownloaded).map(|entry| entry.target).collect()
    }

    /// Ends a running export of `demo` without a file.
    pub(crate) async fn fail(&self, id: ExportId, failure: Failure) {
        let now = self.deps.context.now();
        self.change(id, |export| export.failed(Epoch(1), failure, now).unwrap()).await;
    }

    async fn change(&self, id: ExportId, change: impl FnOnce(Export) -> Export) {
        let export = self.row(id).await.unwrap();
        let stored = self.ports.rows().export(&export.org, export.seq).await.unwrap().unwrap();
        let mut transaction = self.deps.context.transaction();
        transaction.update(stored.version, &change(stored.value)).unwrap();
        transaction.commit(&*self.deps.context.state).await.unwrap();
    }
}

/// The body of a request for a CSV of all invoices.
pub(crate) fn wanted(name: &str) -> String {
    format!(r#"{{"name":"{name}","resource":"invoices","format":"csv"}}"#)
}

/// The JSON of a reply.
pub(crate) fn body(reply: &str) -> Value {
    serde_json::from_str(reply.split_once("\n\n").unwrap().1).unwrap()
}
