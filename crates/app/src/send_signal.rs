//! Telling one address that an export has ended: claimed, sent once, and put on record, with another attempt later where it failed.

use crate::retry::Attempts;
use crate::run_errand::{Claim, claim, open_secrets, ours, ring, theirs, write};
use crate::{Context, DeliverySettings};
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;
use waybill_domain::{
    AuditAction, DestinationConfig, DestinationType, Email, Export, ExportSpec, Miss, Signal, SignalEvent, SignalTo,
    State, Timestamp, WebhookAttempt, WebhookConfig, WebhookId,
};
use waybill_ports::{
    DeliveryMessage, DeliveryQueue, Mail, MailError, Mailer, MessagePoster, PortError, SecretVault, Stored,
    WebhookMessage,
};

/// Longest message that is kept in the log of a webhook, in bytes; of a longer one its beginning is.
const LOGGED_BYTES: usize = 16 * 1024;

/// The ports that telling needs.
#[derive(Clone)]
pub struct Signaling {
    /// State, time and randomness.
    pub context: Context,
    /// What opens the secrets of webhooks.
    pub vault: Arc<dyn SecretVault>,
    /// What posts to webhooks.
    pub poster: Arc<dyn MessagePoster>,
    /// What sends mail.
    pub mailer: Arc<dyn Mailer>,
    /// Where signals are rung for.
    pub queue: Arc<dyn DeliveryQueue>,
    /// The words of messages, which are a surface's.
    pub words: Arc<dyn SignalWords>,
    /// Lengths and limits, as those of deliveries.
    pub settings: DeliverySettings,
}

/// What a message is made of.
#[derive(Clone, Debug)]
pub struct SignalFacts {
    /// The message's name.
    pub id: String,
    /// What is told.
    pub event: SignalEvent,
    /// The export, as it ended.
    pub export: Export,
    /// Its frozen request.
    pub spec: ExportSpec,
}

/// Words messages.
pub trait SignalWords: Send + Sync {
    /// What is posted to a webhook; the same of the same facts, so that an attempt repeats the last one.
    fn message(&self, facts: &SignalFacts) -> Value;

    /// What somebody is told by mail, with a link that asks who is there.
    fn letter(&self, facts: &SignalFacts) -> Letter;
}

/// What somebody is told by mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Plain.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// How an attempt came out.
struct Attempted {
    at: Timestamp,
    /// What was posted.
    body: Bytes,
    status: Option<u16>,
    missed: Option<Miss>,
    /// Where it went, when it came to that.
    place: Option<(WebhookId, String)>,
}

/// Sends the signal that `message` is about, unless somebody does, its time has not come, or it has ended. When this returns well there is
/// nothing to do about the message: the signal has ended, or it was rung for, or the sweeper will.
///
/// # Errors
/// [`PortError`] when nothing was begun: the message is to be handled again.
pub async fn send_signal(signaling: &Signaling, message: &DeliveryMessage) -> Result<(), PortError> {
    let DeliveryMessage::SignalV1 { org, export, number } = message else { return Ok(()) };
    let context = &signaling.context;
    let Some(stored) = context.rows().errand(org, *export, *number).await? else { return Ok(()) };
    if stored.value.is_abandoned(context.now()) {
        let backoff = &signaling.settings.backoff;
        if let Some(left) = write(context, &stored.value, |signal, now| signal.abandoned(now, backoff)).await? {
            tracing::warn!(%org, %export, number, "a signal's worker is gone");
            ring(&*signaling.queue, &left, context.now()).await;
        }
        return Ok(());
    }
    let claimed = match claim(context, stored, (signaling.settings.lease, signaling.settings.share)).await? {
        Claim::Taken(claimed) => claimed,
        Claim::PutOff(signal) => {
            ring(&*signaling.queue, &signal, context.now()).await;
            return Ok(());
        }
        Claim::Nothing => return Ok(()),
    };
    let attempted = attempt(signaling, &claimed).await;
    match record(signaling, &claimed, &attempted).await {
        Ok(Some(signal)) => ring(&*signaling.queue, &signal, context.now()).await,
        Ok(None) => {}
        // The lease runs out, and the sweeper finds it.
        Err(error) => tracing::error!(%org, %export, number, error = ?error, "how a signal came out was not recorded"),
    }
    Ok(())
}

async fn attempt(signaling: &Signaling, signal: &Signal) -> Attempted {
    let mut attempted =
        Attempted { at: signaling.context.now(), body: Bytes::new(), status: None, missed: None, place: None };
    let sent = match &signal.what.to {
        SignalTo::Webhook { id } => post(signaling, signal, *id, &mut attempted).await,
        SignalTo::Mail { address } => mail(signaling, signal, address).await,
    };
    attempted.missed = sent.err();
    attempted
}

async fn post(signaling: &Signaling, signal: &Signal, id: WebhookId, attempted: &mut Attempted) -> Result<(), Miss> {
    let context = &signaling.context;
    let webhook = context.rows().webhook(&signal.org, id).await.map_err(|error| unread(&error))?;
    let Some(webhook) = webhook.map(|webhook| webhook.value).filter(|webhook| webhook.listens_to(signal.what.event))
    else {
        return Err(Miss::finally("the webhook was deleted, switched off, or is no longer told of this"));
    };
    let DestinationConfig::Webhook(config) = &webhook.destination.config else {
        return Err(Miss::finally("the webhook is not set up"));
    };
    attempted.place = Some((id, place(config)));
    let facts = facts(context, signal).await?;
    attempted.body = Bytes::from(signaling.words.message(&facts).to_string());
    let secrets = open_secrets(&*signaling.vault, (&webhook.org, &webhook.destination), "webhook").await?;
    let message = WebhookMessage { id: facts.id, body: attempted.body.clone() };
    let posted = signaling.poster.post(config, &secrets, &message, context.now()).await;
    attempted.status = posted.status;
    posted.outcome.map_err(|error| theirs(DestinationType::Webhook, &error))
}

async fn mail(signaling: &Signaling, signal: &Signal, address: &Email) -> Result<(), Miss> {
    let facts = facts(&signaling.context, signal).await?;
    let Letter { subject, text, html } = signaling.words.letter(&facts);
    let mail = Mail { id: facts.id, to: address.clone(), subject, text, html };
    signaling.mailer.send(&mail).await.map_err(|error| {
        let is_final = matches!(error, MailError::Refused(_));
        Miss { message: error.to_string(), is_final, ..Miss::default() }
    })
}

/// The URL without its query, which may hold a secret.
fn place(config: &WebhookConfig) -> String {
    config.url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn unread(error: &PortError) -> Miss {
    ours(error, "what is to be told cannot be read at the moment")
}

async fn facts(context: &Context, signal: &Signal) -> Result<SignalFacts, Miss> {
    let (rows, gone) = (context.rows(), || Miss::finally("the export was deleted before it could be told of"));
    let export = rows.export(&signal.org, signal.seq).await.map_err(|error| unread(&error))?;
    let export =
        export.map(|export| export.value).filter(|export| export.is_visible(context.now())).ok_or_else(gone)?;
    let is_so = match signal.what.event {
        SignalEvent::Completed => matches!(export.state, State::Ready { .. }),
        SignalEvent::Failed => matches!(export.state, State::Failed { .. }),
    };
    if !is_so {
        return Err(gone());
    }
    let spec = rows.spec(&signal.org, signal.seq).await.map_err(|error| unread(&error))?;
    let spec = spec.ok_or_else(gone)?.value;
    Ok(SignalFacts { id: signal.id(), event: signal.what.event, export, spec })
}

/// Records how it came out, for whoever looks into the log, and switches off a webhook that said that it is gone. `None` when the signal is
/// somebody else's by now.
async fn record(signaling: &Signaling, claimed: &Signal, attempted: &Attempted) -> Result<Option<Signal>, PortError> {
    let (context, backoff) = (&signaling.context, &signaling.settings.backoff);
    let (org, ended_at) = (&claimed.org, context.now());
    let mut attempts = Attempts::new(context);
    loop {
        let Some(Stored { value, version }) = context.rows().errand(org, claimed.export, claimed.number).await? else {
            return Ok(None);
        };
        let written = match &attempted.missed {
            None => value.done(claimed.epoch, ended_at),
            Some(missed) => value.missed(claimed.epoch, missed.clone(), ended_at, backoff),
        };
        let Ok(signal) = written else { return Ok(None) };
        let mut transaction = context.transaction();
        transaction.update(version, &signal)?;
        if let Some((webhook, url)) = &attempted.place {
            transaction.insert(&log_entry(claimed, attempted, (*webhook, url), ended_at))?;
            if let Some(missed) = attempted.missed.as_ref().filter(|missed| missed.is_gone)
                && let Some(stored) = context.rows().webhook(org, *webhook).await?
            {
                let audit = context.audit_entry(org, None, AuditAction::WebhookSwitchedOff, webhook.to_string());
                transaction
                    .update(stored.version, &stored.value.gone(missed.message.clone(), ended_at))?
                    .insert(&audit)?;
            }
        }
        match transaction.commit(&*context.state).await {
            Ok(_) => {
                tell(&signal, attempted);
                return Ok(Some(signal));
            }
            Err(error) => attempts.after(error).await?,
        }
    }
}

fn tell(signal: &Signal, attempted: &Attempted) {
    let (org, export, number) = (&signal.org, signal.export, signal.number);
    match &attempted.missed {
        None => tracing::info!(%org, %export, number, "told"),
        Some(missed) => {
            tracing::warn!(%org, %export, number, ended = signal.is_ended(), error = missed.message, "not told");
        }
    }
}

fn log_entry(
    signal: &Signal,
    attempted: &Attempted,
    (webhook, url): (WebhookId, &String),
    ended_at: Timestamp,
) -> WebhookAttempt {
    let logged = attempted.body.slice(..attempted.body.len().min(LOGGED_BYTES));
    WebhookAttempt {
        org: signal.org.clone(),
        webhook,
        message: signal.id(),
        export: signal.export,
        event: signal.what.event,
        attempt: signal.attempt_count,
        at: attempted.at,
        duration_ms: ended_at.since(attempted.at).as_millis().try_into().unwrap_or(u64::MAX),
        url: url.clone(),
        body: String::from_utf8_lossy(&logged).into_owned(),
        status: attempted.status,
        error: attempted.missed.as_ref().map(|missed| missed.message.clone()),
    }
}
