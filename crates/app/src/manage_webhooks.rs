//! Making, listing, changing and deleting webhooks, and the log of what they were told; an administrator's work.

use crate::idempotency::used_before;
use crate::job_destinations::sealing_purpose;
use crate::manage_keys::assert_admin;
use crate::retry::Attempts;
use crate::{Context, Error, IdempotentRequest, Page};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use waybill_domain::{
    AuditAction, DestinationConfig, DestinationType, MAX_WEBHOOKS, Principal, SealedDestination, SignalEvent,
    Timestamp, Webhook, WebhookAttempt, WebhookConfig, WebhookId, WebhookState,
};
use waybill_ports::{Entity as _, Entropy, SealContext, SecretVault, Stored};

/// Fewest characters of a secret that is given.
const FEWEST_SECRET_CHARS: usize = 16;

/// A webhook to be made.
#[derive(Clone, Debug)]
pub struct CreateWebhook {
    /// A name for people.
    pub name: String,
    /// `url` and `headers`, and `secret` where it is given, as those of a destination.
    pub config: Map<String, Value>,
    /// What it is told of.
    pub events: BTreeSet<SignalEvent>,
    /// Whether it is told anything.
    pub active: bool,
    /// The client's promise that it may send this again.
    pub idempotency: Option<IdempotentRequest>,
}

/// What is changed of a webhook; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct ChangeWebhook {
    /// A name for people.
    pub name: Option<String>,
    /// Those of `url`, `headers` and `secret` that change.
    pub config: Map<String, Value>,
    /// What it is told of.
    pub events: Option<BTreeSet<SignalEvent>>,
    /// Whether it is told anything.
    pub active: Option<bool>,
}

/// A new webhook with its secret, which is not shown again.
#[derive(Debug)]
pub struct CreatedWebhook {
    /// What is stored of it.
    pub webhook: Webhook,
    /// What its messages are signed with: `whsec_` and Base64, unless another was given.
    pub secret: SecretString,
}

/// Makes a webhook, with a secret of its own unless one is given.
///
/// # Errors
/// `Forbidden` for members; `Invalid` (`url`, `headers.<name>`, `secret`, `eventsFilter`); `Conflict` beyond [`MAX_WEBHOOKS`];
/// `SecretNotRepeated`, `IdempotencyMismatch`; `Throttled`, `Unavailable`, `Internal`.
pub async fn create_webhook(
    context: &Context,
    vault: &dyn SecretVault,
    principal: &Principal,
    command: &CreateWebhook,
) -> Result<CreatedWebhook, Error> {
    assert_admin(principal)?;
    let (org, now) = (&principal.org, context.now());
    let mut used = used_before(context, principal, command.idempotency.as_ref()).await?;
    assert_room(context, principal).await?;
    let id = context.entropy.webhook_id(now);
    let mut config = command.config.clone();
    let secret = match config.get(WebhookConfig::SECRET).and_then(Value::as_str) {
        Some(given) => SecretString::from(given),
        None => new_secret(&*context.entropy),
    };
    config.insert(WebhookConfig::SECRET.to_owned(), Value::from(secret.expose_secret()));
    let webhook = Webhook {
        org: org.clone(),
        id,
        name: command.name.clone(),
        destination: seal(vault, principal, id, (config, None)).await?,
        events: checked(command.events.clone())?,
        state: state_of(command.active),
        created_at: now,
        updated_at: now,
    };
    let audit = context.audit_entry(org, Some(principal), AuditAction::WebhookPut, id.to_string());
    let mut attempts = Attempts::new(context);
    loop {
        let mut transaction = context.transaction();
        transaction.insert(&webhook)?.insert(&audit)?;
        if let Some(request) = &command.idempotency {
            let record = request.made((org, principal.key), &id, context.now());
            transaction.upsert(used.as_ref().map(|used| used.version), &record)?;
        }
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(CreatedWebhook { webhook, secret }),
            Err(error) => attempts.after(error).await?,
        }
        // An attempt of ours whose reply was lost.
        if context.rows().webhook(org, id).await?.is_some() {
            return Ok(CreatedWebhook { webhook, secret });
        }
        used = used_before(context, principal, command.idempotency.as_ref()).await?;
    }
}

async fn assert_room(context: &Context, principal: &Principal) -> Result<(), Error> {
    let (webhooks, _) = context.rows().webhooks(&principal.org, None, MAX_WEBHOOKS).await?;
    if webhooks.len() < MAX_WEBHOOKS {
        return Ok(());
    }
    Err(Error::Conflict {
        reason: format!("there are {MAX_WEBHOOKS} webhooks, as many as there may be; delete one first"),
    })
}

/// 24 random bytes, as Standard Webhooks writes them.
fn new_secret(entropy: &dyn Entropy) -> SecretString {
    use base64::Engine as _;
    let mut bytes = [0; 24];
    entropy.fill(&mut bytes);
    SecretString::from(format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(bytes)))
}

fn state_of(active: bool) -> WebhookState {
    if active { WebhookState::Active } else { WebhookState::Inactive }
}

fn checked(events: BTreeSet<SignalEvent>) -> Result<BTreeSet<SignalEvent>, Error> {
    if events.is_empty() { Err(Error::invalid("eventsFilter", "must name an event at least")) } else { Ok(events) }
}

/// Reads a configuration and seals what is secret about it; `before` = the one that it takes the place of, whose secrets masks keep.
async fn seal(
    vault: &dyn SecretVault,
    principal: &Principal,
    id: WebhookId,
    (config, before): (Map<String, Value>, Option<&SealedDestination>),
) -> Result<SealedDestination, Error> {
    if config.get(WebhookConfig::SECRET).and_then(Value::as_str).is_some_and(is_short) {
        return Err(Error::invalid(
            WebhookConfig::SECRET,
            format!("must have {FEWEST_SECRET_CHARS} characters at least; leave it out and one is made"),
        ));
    }
    let had = before.map(|before| &before.config);
    let parsed = DestinationConfig::parse(DestinationType::Webhook, &config, had)
        .map_err(|error| Error::invalid(error.field, error.reason))?;
    let mut secrets = BTreeMap::new();
    for field in &parsed.kept {
        // What messages are signed with stays here; what is sent along was given for the place that it was given with.
        let stays = field == WebhookConfig::SECRET || had.is_some_and(|had| parsed.config.is_at_the_place_of(had));
        match before.filter(|_| stays).and_then(|before| before.secrets.get(field)) {
            Some(kept) => drop(secrets.insert(field.clone(), kept.clone())),
            None => return Err(Error::invalid(field.clone(), "must be given again where it is sent to another place")),
        }
    }
    let bound = SealContext { org: principal.org.clone(), purpose: sealing_purpose(&format!("webhook-{id}")) };
    for (field, secret) in parsed.given.iter() {
        secrets.insert(field.to_owned(), vault.seal(&bound, secret.as_bytes()).await?);
    }
    Ok(SealedDestination { config: parsed.config, secrets, sealed_for: bound.purpose, off: None })
}

fn is_short(secret: &str) -> bool {
    secret != waybill_domain::SECRET_MASK && secret.chars().count() < FEWEST_SECRET_CHARS
}

/// Webhooks of the caller's org beyond `after`, oldest first.
///
/// # Errors
/// `Forbidden` for members; `Throttled`, `Unavailable`, `Internal`.
pub async fn list_webhooks(
    context: &Context,
    principal: &Principal,
    after: Option<WebhookId>,
    limit: usize,
) -> Result<Page<Webhook, WebhookId>, Error> {
    assert_admin(principal)?;
    let (webhooks, more) = context.rows().webhooks(&principal.org, after, limit).await?;
    Ok(Page::of(webhooks, more, |webhook| webhook.id))
}

/// One webhook.
///
/// # Errors
/// `Forbidden` for members; `NotFound`; `Throttled`, `Unavailable`, `Internal`.
pub async fn read_webhook(context: &Context, principal: &Principal, id: WebhookId) -> Result<Webhook, Error> {
    assert_admin(principal)?;
    Ok(stored(context, principal, id).await?.value)
}

async fn stored(context: &Context, principal: &Principal, id: WebhookId) -> Result<Stored<Webhook>, Error> {
    let found = context.rows().webhook(&principal.org, id).await?;
    found.ok_or_else(|| Error::NotFound { kind: "webhook", id: id.to_string() })
}

/// Changes a webhook. Switched on again, it is told of what ends from then on.
///
/// # Errors
/// As [`create_webhook`], and `NotFound`.
pub async fn change_webhook(
    context: &Context,
    vault: &dyn SecretVault,
    principal: &Principal,
    id: WebhookId,
    change: &ChangeWebhook,
) -> Result<Webhook, Error> {
    assert_admin(principal)?;
    let mut attempts = Attempts::new(context);
    loop {
        let Stored { value: webhook, version } = stored(context, principal, id).await?;
        let destination = if change.config.is_empty() {
            webhook.destination.clone()
        } else {
            let mut config = webhook.destination.config.shown();
            config.extend(change.config.clone());
            seal(vault, principal, id, (config, Some(&webhook.destination))).await?
        };
        let changed = Webhook {
            name: change.name.clone().unwrap_or(webhook.name),
            destination,
            events: change.events.clone().map_or(Ok(webhook.events), checked)?,
            state: change.active.map_or(webhook.state, state_of),
            updated_at: context.now(),
            ..webhook
        };
        let audit = context.audit_entry(&principal.org, Some(principal), AuditAction::WebhookPut, id.to_string());
        let mut transaction = context.transaction();
        transaction.update(version, &changed)?.insert(&audit)?;
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(changed),
            Err(error) => attempts.after(error).await?,
        }
    }
}

/// Deletes a webhook. What is on its way to it ends there.
///
/// # Errors
/// `Forbidden` for members; `NotFound`; `Throttled`, `Unavailable`, `Internal`.
pub async fn delete_webhook(context: &Context, principal: &Principal, id: WebhookId) -> Result<(), Error> {
    assert_admin(principal)?;
    let mut attempts = Attempts::new(context);
    let mut tried = false;
    loop {
        let found = match stored(context, principal, id).await {
            // An attempt of ours whose reply was lost.
            Err(Error::NotFound { .. }) if tried => return Ok(()),
            found => found?,
        };
        let audit = context.audit_entry(&principal.org, Some(principal), AuditAction::WebhookDeleted, id.to_string());
        let mut transaction = context.transaction();
        transaction.delete(&found).insert(&audit)?;
        tried = true;
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(()),
            Err(error) => attempts.after(error).await?,
        }
    }
}

/// What a webhook was told beyond the position `after`, the newest first, for 30 days.
///
/// # Errors
/// `Forbidden` for members; `NotFound`; `Throttled`, `Unavailable`, `Internal`.
pub async fn list_attempts(
    context: &Context,
    principal: &Principal,
    id: WebhookId,
    after: Option<String>,
    limit: usize,
) -> Result<Page<WebhookAttempt, String>, Error> {
    assert_admin(principal)?;
    stored(context, principal, id).await?;
    let now: Timestamp = context.now();
    let (attempts, more) = context.rows().webhook_attempts(&principal.org, id, after, limit).await?;
    let mut page = Page::of(attempts, more, |attempt| attempt.key().sk);
    page.items.retain(|attempt| now < attempt.expires_at());
    Ok(page)
}
