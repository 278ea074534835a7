//! What the tests of routes stand on: the surface over in-memory ports, with an org, its people and a collection.

use crate::{Deps, handle};
use lambda_http::{Body, Request, RequestExt as _};
use secrecy::SecretString;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use waybill_app::ports::{
    ArchiveStore as _, Entity as _, Entropy as _, Expect, ObjectMetadata, Row, SealContext, SecretVault, Transaction,
    Write,
};
use waybill_app::{AnnounceFile, CreateAccount, Passwords, RequestLimiter, announce_file, create_account};
use waybill_domain::{
    AccessKey, AccountName, Archive, ArchiveEntry, CollectionName, Email, Epoch, Export, ExportId, Failure,
    FinishRecord, KeyId, KeyPointer, KeySecret, OrgCode, Progress, Property, PropertyKind, RecordFile, Role,
    SignaturePair, StorageHold, Surface, Timestamp, Usage,
};
use waybill_http::Origins;
use waybill_testkit::{MemoryPorts, samples};

/// Public name of the administrator's signature pair.
pub(crate) const PAIR: &str = "0123456789abcdefghijkl";
/// Its secret.
pub(crate) const PAIR_SECRET: &[u8] = b"0123456789012345678901234567890123456789012345678901234567890123";

/// Orgs `demo` and `acme`, each with a member, an administrator and `airports`.
pub(crate) struct Stage {
    pub(crate) ports: MemoryPorts,
    deps: Deps,
}

fn secret(org: &str, role: Role) -> KeySecret {
    let number = if role == Role::Admin { 1 } else { 2 };
    KeySecret::from_randomness(&[number + u8::try_from(org.len()).unwrap() + org.as_bytes()[0]; 64])
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let ports = MemoryPorts::new(1);
        let deps = Deps {
            context: ports.context(),
            records: ports.records.clone(),
            archives: ports.archives.clone(),
            wake: ports.wake.clone(),
            vault: ports.vault.clone(),
            passwords: Passwords::new(8, 1).unwrap(),
            limiter: RequestLimiter::new(6000),
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

    /// The same with three airports and their countries in `demo`.
    pub(crate) async fn with_records() -> Self {
        let stage = Self::new().await;
        let org: OrgCode = "demo".parse().unwrap();
        let countries: CollectionName = "countries".parse().unwrap();
        let optional = |name: &str, kind, array| Property { optional: true, array, ..samples::property(name, kind) };
        let city =
            vec![samples::property("name", PropertyKind::String), samples::property("people", PropertyKind::Number)];
        let airports = PropertyKind::List { collection: "airports".parse().unwrap(), via: "country".to_owned() };
        let properties = vec![
            samples::property("name", PropertyKind::String),
            samples::property("airports", airports),
            optional("cities", PropertyKind::Document { properties: city }, true),
            optional("flag", PropertyKind::File, false),
            optional("maps", PropertyKind::File, true),
        ];
        let mut definition = samples::collection(&org, &countries, properties);
        definition.singular = "country".parse().unwrap();
        stage.ports.insert(&definition).await.unwrap();
        let (denmark, germany) = ("0000000000000000000000d1", "0000000000000000000000d2");
        let lines = [
            format!(
                r#"{{"_id":"{denmark}","name":"Denmark","cities":[{{"name":"Aarhus","people":290598}},{{"name":"Odense"}}]}}"#
            ),
            format!(r#"{{"_id":"{germany}","name":"Germany"}}"#),
        ];
        stage.load(&countries, &lines.join("\n")).await;
        let lines = [
            format!(r#"{{"_id":"5d25192f61827de1579d5fcd","icao":"EKCH","notes":"busy","country":"{denmark}"}}"#),
            format!(r#"{{"_id":"fa3da9baa711c058ea7b6669","icao":"EDDF","country":"{germany}"}}"#),
            format!(r#"{{"_id":"0001f202c3751fff0f7fb13a","icao":"EDDM","country":"{germany}"}}"#),
        ];
        stage.load(&"airports".parse().unwrap(), &lines.join("\n")).await;
        stage
    }

    /// Loads records into a collection of `demo`.
    pub(crate) async fn load(&self, collection: &CollectionName, lines: &str) {
        let admin = samples::principal("demo", Role::Admin).unwrap();
        let records = &*self.ports.records;
        let loading =
            waybill_app::load_records(&self.deps.context, records, &admin, collection, lines.as_bytes(), None);
        assert!(loading.await.unwrap().rejected.is_empty());
    }

    /// Announces a file of a country.
    pub(crate) async fn announce(&self, record: &str, property: &str) -> RecordFile {
        let command = AnnounceFile {
            collection: "countries".parse().unwrap(),
            record: record.parse().unwrap(),
            property: property.to_owned(),
            filename: "a.svg".to_owned(),
            media_type: "image/svg+xml".to_owned(),
            size_bytes: 5,
            idempotency: None,
        };
        let (records, archives) = (&*self.ports.records, &*self.ports.archives);
        let admin = samples::principal("demo", Role::Admin).unwrap();
        announce_file(&self.deps.context, records, archives, &admin, &command).await.unwrap().file
    }

    /// Uploads an announced file.
    pub(crate) async fn upload(&self, file: &RecordFile) {
        let metadata = ObjectMetadata { content_type: file.media_type.clone(), sha256: None };
        self.ports.archives.put_new(&file.object_key(), "bytes".into(), &metadata).await.unwrap();
    }

    /// The same, with another vault.
    pub(crate) fn with_vault(mut self, vault: Arc<dyn SecretVault>) -> Self {
        self.deps.vault = vault;
        self
    }

    /// The same, letting pages of that origin in.
    pub(crate) fn with_origin(mut self, origin: &str) -> Self {
        self.deps.origins = origin.parse().unwrap();
        self
    }

    /// The same with a limit of requests for each key.
    pub(crate) fn with_limit(mut self, per_minute: u32) -> Self {
        self.deps.limiter = RequestLimiter::new(per_minute);
        self
    }

    async fn add_collection(&self, org: &str) {
        let (org, name): (OrgCode, CollectionName) = (org.parse().unwrap(), "airports".parse().unwrap());
        let mut notes = samples::property("notes", PropertyKind::String);
        notes.optional = true;
        let country = PropertyKind::Reference { collection: "countries".parse().unwrap() };
        let properties =
            vec![samples::property("icao", PropertyKind::String), notes, samples::property("country", country)];
        self.ports.insert(&samples::collection(&org, &name, properties)).await.unwrap();
    }

    async fn add_person(&self, org: &str, role: Role) {
        let account = samples::account(org, role).unwrap();
        let seal = SealContext { org: account.org.clone(), purpose: format!("signature:{PAIR}") };
        let sealed_secret = self.ports.vault.seal(&seal, PAIR_SECRET).await.unwrap();
        let signs = org == "demo" && role == Role::Admin;
        let principal = samples::principal(org, role).unwrap();
        let key = AccessKey {
            org: account.org.clone(),
            id: KeyId::new(Timestamp::from_millis(0), [principal.account.to_string().as_bytes()[23]; 8]),
            account: account.id,
            name: "tests".into(),
            role,
            scopes: BTreeSet::new(),
            digest: secret(org, role).digest(),
            signature: signs.then(|| SignaturePair { api_key: PAIR.into(), sealed_secret }),
            token: None,
            created_at: Timestamp::from_millis(0),
            expires_at: None,
            revoked_at: None,
            // Fresh, so that requests write nothing but what they ask for.
            last_used_at: Some(self.deps.context.now()),
        };
        let pointer = |credential| KeyPointer { credential, org: key.org.clone(), key: key.id };
        self.ports.insert(&pointer(KeyPointer::of_digest(&key.digest))).await.unwrap();
        if signs {
            self.ports.insert(&pointer(KeyPointer::of_pair(PAIR))).await.unwrap();
        }
        self.ports.insert(&account).await.unwrap();
        self.ports.insert(&key).await.unwrap();
    }

    /// Adds a member `ann@example.com` of `demo` with the password `correct horse`.
    pub(crate) async fn add_ann(&self) {
        let command = CreateAccount {
            name: AccountName { first: "Ann".into(), last: "Lee".into() },
            email: Some(Email::parse("ann@example.com").unwrap()),
            roles: BTreeSet::from(["nurse".parse().unwrap()]),
            password: Some(SecretString::from("correct horse")),
            ..CreateAccount::default()
        };
        let admin = samples::principal("demo", Role::Admin).unwrap();
        create_account(&self.deps.context, &self.deps.passwords, &admin, &command).await.unwrap();
    }

    /// Sends a request without credentials.
    pub(crate) async fn anonymous(&self, method: &str, target: &str, body: &str) -> String {
        self.send(method, target, &[], body).await
    }

    /// Sends a request of the member of `demo`.
    pub(crate) async fn member(&self, method: &str, target: &str, body: &str) -> String {
        self.send(method, target, &[("authorization", &bearer("demo", Role::Member))], body).await
    }

    /// Sends a request of the administrator of `demo`.
    pub(crate) async fn admin(&self, method: &str, target: &str, body: &str) -> String {
        self.send(method, target, &[("authorization", &bearer("demo", Role::Admin))], body).await
    }

    /// Sends a request; gives the reply as text: status, headers, body.
    pub(crate) async fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
        let url =
            format!("https://waybill.example{}", target.replace('"', "%22").replace('{', "%7B").replace('}', "%7D"));
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        let body = if body.is_empty() { Body::Empty } else { Body::Text(body.to_owned()) };
        let request: Request = request.body(body).unwrap();
        let path = target.split('?').next().unwrap_or(target).to_owned();
        self.answer(request.with_raw_http_path(path)).await
    }

    /// Sends an event as API Gateway does.
    pub(crate) async fn event(&self, event: &str) -> String {
        self.answer(lambda_http::request::from_str(event).unwrap()).await
    }

    async fn answer(&self, request: Request) -> String {
        let response = handle(&self.deps, request).await;
        let mut text = format!("{}\n", response.status());
        for (name, value) in response.headers() {
            writeln!(text, "{name}: {}", value.to_str().unwrap()).unwrap();
        }
        let body = match response.body() {
            Body::Text(text) => text.as_str(),
            _ => "",
        };
        match serde_json::from_str::<Value>(body) {
            Ok(json) if !body.ends_with('\n') => text + "\n" + &serde_json::to_string_pretty(&json).unwrap(),
            _ => text + "\n" + body,
        }
    }

    /// As [`Stage::send`] with headers of its own and no body.
    pub(crate) async fn send_owned(&self, method: &str, target: &str, headers: &[(String, String)]) -> String {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.send(method, target, &headers, "").await
    }

    /// The body of a request of the administrator of `demo`, as JSON.
    pub(crate) async fn json(&self, method: &str, target: &str, body: &str) -> Value {
        let reply = self.admin(method, target, body).await;
        serde_json::from_str(reply.split_once("\n\n").unwrap().1).unwrap()
    }

    /// Creates an export of airports as the member of `demo`.
    pub(crate) async fn create(&self, label: &str) -> ExportId {
        let body = format!(r#"{{"objects":"airports","label":"{label}"}}"#);
        let reply = self.member("POST", "/demo/v2/exports", &body).await;
        let json: Value = serde_json::from_str(reply.split_once("\n\n").unwrap().1).unwrap();
        json["_id"].as_str().unwrap().parse().unwrap()
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
        let progress = Progress { records: 7, ..Progress::default() };
        self.change(id, |export| {
            let mut export = export.start(Epoch(1), now).unwrap().advance(Epoch(1), progress).unwrap();
            export.storage = StorageHold::Reserved { bytes: 64 };
            export
        })
        .await;
    }

    /// Ends a running export of `demo` with an archive that is counted.
    pub(crate) async fn finish(&self, id: ExportId) {
        let now = self.deps.context.now();
        let archive = Archive {
            key: format!("archives/demo/{id}.zip"),
            size_bytes: 1234,
            sha256: "0123456789abcdef".repeat(4),
            entries: Vec::<ArchiveEntry>::new(),
            packaged: None,
        };
        let finish = FinishRecord {
            archive,
            segments: Vec::new(),
            records: 9,
            files: 2,
            file_bytes: 300,
            missing_files: 0,
            by_collection: Vec::new(),
            packaging: None,
        };
        self.leave_lane(id).await;
        self.change(id, |export| export.finishing(Epoch(1), finish).unwrap().ready(Epoch(1), now).unwrap()).await;
        let usage = Usage { used_bytes: 1234, ..Usage::empty("demo".parse().unwrap()) };
        self.ports.insert(&usage).await.unwrap();
    }

    /// Ends a running export of `demo` without an archive.
    pub(crate) async fn fail(&self, id: ExportId, failure: Failure) {
        let now = self.deps.context.now();
        self.leave_lane(id).await;
        self.change(id, |export| export.failed(Epoch(1), failure, now).unwrap()).await;
    }

    /// Makes an export of `demo` one of another surface.
    pub(crate) async fn move_to_own_surface(&self, id: ExportId) {
        self.change(id, |export| Export { surface: Surface::Admin, ..export }).await;
    }

    /// Makes the frozen request of an export of `demo` unreadable.
    pub(crate) async fn spoil_request(&self, id: ExportId) {
        let export = self.row(id).await.unwrap();
        let spec = self.ports.rows().spec(&export.org, export.seq).await.unwrap().unwrap();
        let commit = self.ports.entropy.commit_id();
        let row = Row { key: spec.value.key(), version: commit, body: "{".to_owned(), due: None, drop_after: None };
        let write = Write::Put { row, expect: Expect::Version(spec.version) };
        self.deps.context.state.commit(commit, &[write]).await.unwrap();
    }

    async fn change(&self, id: ExportId, change: impl FnOnce(Export) -> Export) {
        let export = self.row(id).await.unwrap();
        let stored = self.ports.rows().export(&export.org, export.seq).await.unwrap().unwrap();
        let mut transaction = self.deps.context.transaction();
        transaction.update(stored.version, &change(stored.value)).unwrap();
        self.commit(&transaction).await;
    }

    async fn leave_lane(&self, id: ExportId) {
        let export = self.row(id).await.unwrap();
        let entry = self.ports.rows().queue_entry(&export.org, export.ticket().unwrap()).await.unwrap().unwrap();
        let mut transaction = self.deps.context.transaction();
        transaction.delete(&entry);
        self.commit(&transaction).await;
    }

    async fn commit(&self, transaction: &Transaction) {
        transaction.commit(&*self.deps.context.state).await.unwrap();
    }

    /// Actions on record in `demo`, the newest first, with their targets.
    pub(crate) async fn trail(&self) -> Vec<String> {
        let (entries, _) = self.ports.rows().audit(&"demo".parse().unwrap(), None, 100).await.unwrap();
        entries.into_iter().map(|entry| format!("{:?} {}", entry.value.action, entry.value.target)).collect()
    }
}

/// The `Authorization` of somebody.
pub(crate) fn bearer(org: &str, role: Role) -> String {
    format!("Bearer {}", secret(org, role).expose())
}

/// A reply with its random digits, which change with every call of entropy, masked.
pub(crate) fn masked(reply: &str) -> String {
    let mut text = String::new();
    for part in reply.split_inclusive(|character: char| !character.is_ascii_hexdigit()) {
        let (digits, end) =
            part.split_at(part.trim_end_matches(|character: char| !character.is_ascii_hexdigit()).len());
        text.push_str(if digits.len() == 64 { "<64 hex digits>" } else { digits });
        text.push_str(end);
    }
    text
}
