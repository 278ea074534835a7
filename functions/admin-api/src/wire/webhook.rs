//! Webhooks on the wire: addresses that are told when exports end, and what they were told.

use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use waybill_app::{ChangeWebhook, CreateWebhook, CreatedWebhook, IdempotentRequest};
use waybill_domain::{SignalEvent, Webhook, WebhookAttempt, WebhookState};
use waybill_http::{Members, Problem};

/// Longest name of a webhook, in characters.
const NAME_CHARS: usize = 200;
/// Longest URL, in characters.
const URL_CHARS: usize = 2000;
/// Longest secret, in characters.
const SECRET_CHARS: usize = 500;
/// What a webhook that was read has besides, here or at the product whose clients these are, so that it can be sent back changed.
const READ_ONLY: [&str; 5] = ["id", "inactiveReason", "createdAt", "updatedAt", "credentialHash"];
/// Whether it is told anything, by the words for it.
const STATUSES: [(&str, bool); 2] = [("active", true), ("inactive", false)];

/// An address that is told when exports of the org end.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub(crate) struct WebhookWire {
    /// Its id, 24 hex digits.
    id: String,
    /// A name for people.
    name: String,
    /// `active` or `inactive`. One that answered 410 is inactive.
    status: &'static str,
    /// Why Waybill switched it off; `null` = it did not.
    #[schema(required)]
    inactive_reason: Option<String>,
    /// What it is told of: `data-export-completed`, `data-export-failed`.
    events_filter: Vec<&'static str>,
    /// `url`, `method`, and masks in the place of `headers` and `secret`.
    #[serde(flatten)]
    #[schema(value_type = WebhookTarget)]
    target: Map<String, Value>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
}

/// Where messages are posted to, and what they are signed with.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "says what is shown")]
pub(crate) struct WebhookTarget {
    /// Where messages are posted to.
    url: String,
    /// `POST`.
    method: String,
    /// Names of headers that are sent along; their values are shown as masks.
    headers: Option<Value>,
    /// A mask; a message is signed with the secret as Standard Webhooks 1.0.0 says.
    secret: String,
}

impl From<Webhook> for WebhookWire {
    fn from(webhook: Webhook) -> Self {
        let inactive_reason = match &webhook.state {
            WebhookState::Gone { reason, .. } => Some(reason.clone()),
            WebhookState::Active | WebhookState::Inactive => None,
        };
        Self {
            id: webhook.id.to_string(),
            name: webhook.name,
            status: if webhook.state == WebhookState::Active { "active" } else { "inactive" },
            inactive_reason,
            events_filter: webhook.events.iter().map(|event| event.name()).collect(),
            target: webhook.destination.config.shown(),
            created_at: webhook.created_at.to_string(),
            updated_at: webhook.updated_at.to_string(),
        }
    }
}

impl From<CreatedWebhook> for WebhookWire {
    /// Its secret is shown this once.
    fn from(created: CreatedWebhook) -> Self {
        let mut wire = Self::from(created.webhook);
        wire.target.insert("secret".to_owned(), Value::from(created.secret.expose_secret()));
        wire
    }
}

/// A webhook to be made, or what is changed of one, as it was read.
#[derive(Debug)]
pub(crate) struct WebhookBody {
    name: Option<String>,
    status: Option<bool>,
    events_filter: Option<BTreeSet<SignalEvent>>,
    /// `url`, `method`, `headers`, `secret`: what of them is there.
    config: Map<String, Value>,
}

/// A webhook to be made, or what is changed of one; then what is absent stays. What only Waybill says (`id`, `inactiveReason`, `createdAt`,
/// `updatedAt`, and `credentialHash`) may be sent back and is not read.
#[derive(Debug, ToSchema)]
#[schema(as = WebhookRequest, rename_all = "camelCase")]
#[expect(dead_code, reason = "says what is read; the reading names everything that is wrong at once")]
pub(crate) struct WebhookRequest {
    /// A name for people.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// `active` (where it is absent at creation) or `inactive`. Switching it on again forgets why Waybill switched it off.
    #[schema(pattern = "^(active|inactive)$")]
    status: Option<String>,
    /// What it is told of: `data-export-completed`, `data-export-failed`; absent at creation = both.
    events_filter: Option<Vec<String>>,
    /// Where messages are posted to; needed at creation.
    url: Option<String>,
    /// `POST`, and nothing else.
    #[schema(pattern = "^POST$")]
    method: Option<String>,
    /// Headers that are sent along, by their names, 20 at most; or an array of them, each with `name`, `value` and, if it is said, the
    /// `status` `active`. A mask that is sent back keeps the value.
    #[schema(value_type = Option<HeadersBody>)]
    headers: Option<Value>,
    /// What messages are signed with, 16 characters at least; absent at creation = one is made. Shown once.
    #[schema(min_length = 16, max_length = 500)]
    secret: Option<String>,
}

/// Headers that are sent along.
#[derive(Debug, ToSchema)]
#[schema(as = WebhookHeaders)]
#[serde(untagged)]
#[expect(dead_code, reason = "says what is read")]
enum HeadersBody {
    /// By their names.
    Named(std::collections::BTreeMap<String, String>),
    /// One by one.
    Listed(Vec<HeaderBody>),
}

/// One of them.
#[derive(Debug, ToSchema)]
#[schema(as = WebhookHeader)]
#[expect(dead_code, reason = "says what is read")]
struct HeaderBody {
    /// Its name.
    name: String,
    /// Its value, or a mask that keeps it.
    value: String,
    /// `active`: one that is not to be sent is left out.
    #[schema(pattern = "^active$")]
    status: Option<String>,
}

impl WebhookBody {
    /// Reads a body; `is_new` = it must say where.
    ///
    /// # Errors
    /// Everything that is wrong with it, but what its target says.
    pub(crate) fn read(body: &Value, is_new: bool) -> Result<Self, Vec<Problem>> {
        let mut members = Members::of(body, "").map_err(|problem| vec![problem])?;
        let name = members.text("name", NAME_CHARS).map(str::to_owned);
        let status = members.word("status", &STATUSES);
        let events_filter = read_events(&mut members);
        let mut config = Map::new();
        let url = members.text("url", URL_CHARS);
        let url = if is_new { members.require("url", url) } else { url };
        let secret = members.text("secret", SECRET_CHARS);
        for (name, text) in [("url", url), ("secret", secret)] {
            config.extend(text.map(|text| (name.to_owned(), Value::from(text))));
        }
        for name in READ_ONLY {
            members.take(name);
        }
        for name in ["body", "filter"] {
            members.later(name);
        }
        config.extend(members.take("method").map(|value| ("method".to_owned(), value.clone())));
        config.extend(read_headers(&mut members).map(|headers| ("headers".to_owned(), headers)));
        let problems = members.finish();
        if problems.is_empty() { Ok(Self { name, status, events_filter, config }) } else { Err(problems) }
    }

    /// The command that makes it.
    pub(crate) fn creation(self, idempotency: Option<IdempotentRequest>) -> CreateWebhook {
        CreateWebhook {
            name: self.name.unwrap_or_default(),
            config: self.config,
            events: self.events_filter.unwrap_or_else(|| SignalEvent::ALL.into_iter().collect()),
            active: self.status.unwrap_or(true),
            idempotency,
        }
    }
}

impl From<WebhookBody> for ChangeWebhook {
    fn from(body: WebhookBody) -> Self {
        Self { name: body.name, config: body.config, events: body.events_filter, active: body.status }
    }
}

/// Takes `headers`, an object by their names or an array, as that object; what is wrong with either's values is found where it is sealed.
fn read_headers(members: &mut Members<'_>) -> Option<Value> {
    let value = members.take("headers")?;
    let Some(listed) = value.as_array() else { return Some(value.clone()) };
    let (mut headers, mut problems) = (Map::new(), Vec::new());
    for (index, header) in listed.iter().enumerate() {
        let mut header = match Members::of(header, format!("/headers/{index}")) {
            Ok(header) => header,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let name = header.text("name", NAME_CHARS);
        let name = header.require("name", name);
        let value = header.take("value");
        let value = header.require("value", value);
        if header.word("status", &STATUSES) == Some(false) {
            header.refuse::<()>("status", "must be `active`; a header that is not to be sent is left out");
        }
        let (Some(name), Some(value)) = (name, value) else {
            problems.extend(header.finish());
            continue;
        };
        if headers.insert(name.to_owned(), value.clone()).is_some() {
            header.refuse::<()>("name", "is there more than once");
        }
        problems.extend(header.finish());
    }
    members.add(problems);
    Some(headers.into())
}

fn read_events(members: &mut Members<'_>) -> Option<BTreeSet<SignalEvent>> {
    let named = |value: &Value| SignalEvent::ALL.into_iter().find(|event| value.as_str() == Some(event.name()));
    let value = members.take("eventsFilter")?;
    let events = value.as_array().and_then(|values| values.iter().map(named).collect::<Option<BTreeSet<_>>>());
    match events.filter(|events| !events.is_empty()) {
        Some(events) => Some(events),
        None => {
            members.refuse("eventsFilter", "must be an array of data-export-completed, data-export-failed, or both")
        }
    }
}

/// One attempt to tell a webhook something.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookAttempt)]
pub(crate) struct WebhookAttemptWire {
    /// The message's name, `webhook-id`, the same at every attempt.
    message: String,
    /// `data-export-completed` or `data-export-failed`.
    event_type: &'static str,
    /// The export that it is about.
    export: String,
    /// Which attempt, from 1.
    attempt: u32,
    /// When it began.
    #[schema(format = DateTime)]
    at: String,
    /// How long it took, in milliseconds.
    duration: u64,
    /// What was answered; `null` when nobody did.
    #[schema(required)]
    status: Option<u16>,
    /// What was posted.
    request: AttemptRequestWire,
    /// Why it failed, in words that help; `null` = it was taken. What was answered beside its status is not kept.
    #[schema(required)]
    error: Option<String>,
}

/// What was posted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookAttemptRequest)]
pub(crate) struct AttemptRequestWire {
    /// `POST`.
    method: &'static str,
    /// Where to, without the query.
    url: String,
    /// The message, or its beginning; empty when it did not come to that.
    body: String,
}

impl From<WebhookAttempt> for WebhookAttemptWire {
    fn from(attempt: WebhookAttempt) -> Self {
        Self {
            message: attempt.message,
            event_type: attempt.event.name(),
            export: attempt.export.to_string(),
            attempt: attempt.attempt,
            at: attempt.at.to_string(),
            duration: attempt.duration_ms,
            status: attempt.status,
            request: AttemptRequestWire { method: "POST", url: attempt.url, body: attempt.body },
            error: attempt.error,
        }
    }
}
