//! The surface over in-memory ports, for tests.

use crate::config::OperatorKeySource;
use crate::deps::Operator;
use crate::{Deps, handle};
use http::Method;
use lambda_http::{Body, Request, RequestExt as _, Response};
use secrecy::SecretString;
use serde_json::Value;
use std::sync::Arc;
use waybill_app::{Passwords, RequestLimiter};
use waybill_aws::Connection;
use waybill_domain::{
    AccessKey, Account, AccountId, AccountName, KeyId, KeyPointer, KeySecret, Org, OrgCode, Role, Timestamp, Usage,
};
use waybill_http::Origins;
use waybill_testkit::{
    MemoryArchiveStore, MemoryDeliveryQueue, MemoryDestinations, MemoryPorts, MemoryRecordStore, MemoryVault,
    MemoryWakeQueue, samples,
};

/// The operator's key of every stage.
pub(crate) const OPERATOR: &str = "operator-key-of-the-tests";

/// The function over in-memory ports, with the org `demo`, an administrator and a member.
pub(crate) struct Stage {
    pub(crate) ports: MemoryPorts,
    pub(crate) deps: Deps,
    /// Bearer of an administrator of `demo`.
    pub(crate) admin: String,
    /// Bearer of a member of `demo`.
    pub(crate) member: String,
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
        let body = if self.text.is_empty() { String::new() } else { pretty(&self.json()) };
        format!("{}\n{body}", self.status)
    }
}

/// JSON for a snapshot; numbers stay as they are, which a serializer of another crate does not know to do.
pub(crate) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

impl Stage {
    /// A new one.
    pub(crate) async fn new() -> Self {
        let ports = MemoryPorts::new(1);
        let connection = Connection { region: "local".into(), endpoints: None, credentials: None };
        let source = OperatorKeySource::Given(SecretString::from(OPERATOR));
        let deps = Deps {
            context: ports.context(),
            records: Arc::<MemoryRecordStore>::clone(&ports.records),
            archives: Arc::<MemoryArchiveStore>::clone(&ports.archives),
            wake: Arc::<MemoryWakeQueue>::clone(&ports.wake),
            deliveries: Arc::<MemoryDeliveryQueue>::clone(&ports.deliveries),
            destinations: Arc::<MemoryDestinations>::clone(&ports.destinations),
            vault: Arc::<MemoryVault>::clone(&ports.vault),
            passwords: Passwords::new(8, 1).unwrap(),
            limiter: RequestLimiter::new(6000),
            origins: Origins::default(),
            operator: Operator::new(connection, source),
        };
        let mut stage = Self { ports, deps, admin: String::new(), member: String::new() };
        stage.ports.insert(&samples::org("demo").unwrap()).await.unwrap();
        stage.ports.insert(&Usage::empty("demo".parse().unwrap())).await.unwrap();
        stage.admin = stage.add_key("demo", Role::Admin, 1).await;
        stage.member = stage.add_key("demo", Role::Member, 2).await;
        stage
    }

    /// Another org with an administrator, whose bearer it gives.
    pub(crate) async fn add_org(&self, code: &str) -> String {
        self.add(&samples::org(code).unwrap()).await
    }

    /// This org with an administrator, whose bearer it gives.
    pub(crate) async fn add(&self, org: &Org) -> String {
        self.ports.insert(org).await.unwrap();
        self.add_key(org.code.as_str(), Role::Admin, 3).await
    }

    async fn add_key(&self, org: &str, role: Role, number: u8) -> String {
        let org: OrgCode = org.parse().unwrap();
        let (secret, at) = (KeySecret::from_randomness(&[number; 64]), Timestamp::from_millis(0));
        let account = Account {
            org: org.clone(),
            id: AccountId::new(at, [number; 8]),
            name: AccountName::of(format!("{role:?}")),
            email: None,
            role,
            roles: std::collections::BTreeSet::new(),
            locked: false,
            sessions_since: None,
            created_at: at,
        };
        let key = AccessKey {
            org: org.clone(),
            id: KeyId::new(at, [number; 8]),
            account: account.id,
            name: format!("{role:?}"),
            role,
            scopes: std::collections::BTreeSet::new(),
            digest: secret.digest(),
            signature: None,
            token: None,
            created_at: at,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        };
        let pointer = KeyPointer { credential: KeyPointer::of_digest(&key.digest), org, key: key.id };
        self.ports.insert(&account).await.unwrap();
        self.ports.insert(&key).await.unwrap();
        self.ports.insert(&pointer).await.unwrap();
        secret.expose().to_owned()
    }

    /// Sends a request with more headers.
    pub(crate) async fn send_with(
        &self,
        method: &str,
        path: &str,
        bearer: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::new(if body.is_empty() { Body::Empty } else { Body::Text(body.to_owned()) });
        *request.method_mut() = method.parse::<Method>().unwrap();
        *request.uri_mut() = format!("https://waybill.example{path}").parse().unwrap();
        if !bearer.is_empty() {
            request.headers_mut().insert("authorization", format!("Bearer {bearer}").parse().unwrap());
        }
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let mut invocation = lambda_http::Context::default();
        invocation.request_id = "request-1".to_owned();
        answer(handle(&self.deps, request.with_lambda_context(invocation)).await)
    }

    /// Sends a request.
    pub(crate) async fn send(&self, method: &str, path: &str, bearer: &str, body: &str) -> Answer {
        self.send_with(method, path, bearer, &[], body).await
    }

    /// Defines the collections of most tests: `sites`, and `visits` that refer to them.
    pub(crate) async fn define(&self) {
        let sites = r#"{"properties":{"code":{"type":"string"},"opened":{"type":"date","optional":true}}}"#;
        assert_eq!(self.send("PUT", "/v1/collections/sites", &self.admin, sites).await.status, 201);
        let visits = r#"{"singular":"visit","source":{"type":"records"},"properties":{
            "site":{"type":"reference","collection":"sites"},"score":{"type":"number"},"notes":{"type":"string","optional":true},
            "tags":{"type":"string","array":true},"at":{"type":"date"},
            "place":{"type":"document","properties":{"lat":{"type":"number"},"lon":{"type":"number"}}}}}"#;
        assert_eq!(self.send("PUT", "/v1/collections/visits", &self.admin, visits).await.status, 201);
    }
}

fn answer(response: Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let text = match body {
        Body::Text(text) => text,
        Body::Binary(bytes) => String::from_utf8(bytes).unwrap(),
        _ => String::new(),
    };
    Answer { status: parts.status.as_u16(), headers: parts.headers, text }
}
