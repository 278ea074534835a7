//! What the tests of routes stand on: the surface over in-memory ports, with two orgs, their people and a collection.

use crate::{Deps, handle};
use lambda_http::{Body, Request, RequestExt as _};
use secrecy::SecretString;
use serde_json::Value;
use std::collections::BTreeSet;
use waybill_app::{CreateAccount, CreateKey, Passwords, RequestLimiter, create_account, create_key};
use waybill_domain::{AccountName, CollectionName, Email, OrgCode, PropertyKind, Role, Scope};
use waybill_http::Origins;
use waybill_testkit::{MemoryPorts, samples};

/// Orgs `demo` and `acme`, each with an administrator's key and `products`; in `demo` Ann, who may log in.
pub(crate) struct Stage {
    pub(crate) ports: MemoryPorts,
    pub(crate) deps: Deps,
    /// A key of `demo` with every permission.
    pub(crate) key: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// One member of the body, as text.
    pub(crate) fn text_at(&self, pointer: &str) -> String {
        self.json().pointer(pointer).and_then(Value::as_str).unwrap().to_owned()
    }

    /// Status and body, for a snapshot.
    pub(crate) fn shown(&self) -> String {
        let body =
            if self.text.is_empty() { String::new() } else { serde_json::to_string_pretty(&self.json()).unwrap() };
        format!("{}\n{body}", self.status)
    }
}

pub(crate) const ALL: [Scope; 3] = [Scope::SigmaRead, Scope::SigmaUpdateData, Scope::SigmaUpdateModel];

impl Stage {
    pub(crate) async fn new() -> Self {
        let ports = MemoryPorts::new(1);
        let deps = Deps {
            context: ports.context(),
            vault: ports.vault.clone(),
            passwords: Passwords::new(8, 1).unwrap(),
            limiter: RequestLimiter::new(6000),
            origins: Origins::default(),
        };
        let mut stage = Self { ports, deps, key: String::new() };
        for org in ["demo", "acme"] {
            stage.ports.insert(&samples::org(org).unwrap()).await.unwrap();
            let (code, name): (OrgCode, CollectionName) = (org.parse().unwrap(), "products".parse().unwrap());
            let properties = vec![samples::property("title", PropertyKind::String)];
            stage.ports.insert(&samples::collection(&code, &name, properties)).await.unwrap();
            stage.ports.insert(&samples::account(org, Role::Admin).unwrap()).await.unwrap();
        }
        stage.key = stage.add_key("demo", &ALL).await;
        stage
    }

    /// A key of the org with these permissions.
    pub(crate) async fn add_key(&self, org: &str, permissions: &[Scope]) -> String {
        let command = CreateKey {
            name: "feeds".into(),
            role: Role::Admin,
            scopes: permissions.iter().copied().collect(),
            expires_at: None,
            account: None,
            signature: false,
            public_key: None,
            idempotency: None,
        };
        let admin = samples::principal(org, Role::Admin).unwrap();
        let made = create_key(&self.deps.context, &*self.deps.vault, &admin, &command).await.unwrap();
        made.secret.expose().to_owned()
    }

    /// Adds `ann@example.com` to an org.
    pub(crate) async fn add_ann(&self, org: &str, password: &str) {
        let command = CreateAccount {
            name: AccountName { first: "Ann".into(), last: "Lee".into() },
            email: Some(Email::parse("ann@example.com").unwrap()),
            roles: BTreeSet::new(),
            role: Some(Role::Admin),
            password: Some(SecretString::from(password.to_owned())),
            ..CreateAccount::default()
        };
        let admin = samples::principal(org, Role::Admin).unwrap();
        create_account(&self.deps.context, &self.deps.passwords, &admin, &command).await.unwrap();
    }

    /// Sends a request with the stage's key.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send_with(method, path, &[("x-sigma-apikey", &self.key)], body).await
    }

    /// Sends a request.
    pub(crate) async fn send_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = http::Request::builder().method(method).uri(format!("https://waybill.example{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_empty() { Body::Empty } else { Body::Text(body.to_owned()) };
        let request: Request = request.body(body).unwrap();
        let raw = path.split('?').next().unwrap_or(path).to_owned();
        let (parts, body) = handle(&self.deps, request.with_raw_http_path(raw)).await.into_parts();
        let text = match body {
            Body::Text(text) => text,
            _ => String::new(),
        };
        Answer { status: parts.status.as_u16(), headers: parts.headers, text }
    }
}
