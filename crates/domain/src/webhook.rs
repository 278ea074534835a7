//! A webhook: an address of an org that is told when exports end, and the log of what it was told.

use crate::{ExportId, OrgCode, SealedDestination, SignalEvent, Timestamp, WebhookId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// Most webhooks of an org: each adds a row to the commit that settles an export.
pub const MAX_WEBHOOKS: usize = 10;

/// An address that is told when exports of its org end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The org.
    pub org: OrgCode,
    /// Its id.
    pub id: WebhookId,
    /// A name for people.
    pub name: String,
    /// Where messages are posted to, and what they are signed with.
    pub destination: SealedDestination,
    /// What it is told of.
    pub events: BTreeSet<SignalEvent>,
    /// Whether it is told anything.
    pub state: WebhookState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Whether a webhook is told anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase", deny_unknown_fields)]
pub enum WebhookState {
    /// It is.
    Active,
    /// An administrator switched it off.
    Inactive,
    /// It said that it will take nothing again.
    Gone {
        /// When.
        at: Timestamp,
        /// In which words.
        reason: String,
    },
}

impl Webhook {
    /// Whether it is to be told of `event`.
    pub fn listens_to(&self, event: SignalEvent) -> bool {
        self.state == WebhookState::Active && self.events.contains(&event)
    }

    /// It said that it will take nothing again: nothing is sent there until somebody switches it on.
    #[must_use]
    pub fn gone(mut self, reason: String, now: Timestamp) -> Self {
        self.state = WebhookState::Gone { at: now, reason };
        self.updated_at = now;
        self
    }
}

/// One attempt to tell a webhook something; never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookAttempt {
    /// The org.
    pub org: OrgCode,
    /// The webhook.
    pub webhook: WebhookId,
    /// The message's id, the same at every attempt.
    pub message: String,
    /// The export that it is about.
    pub export: ExportId,
    /// What it tells.
    pub event: SignalEvent,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// Where it was posted to, without the query.
    pub url: String,
    /// What was posted; empty when it did not come to that.
    pub body: String,
    /// What was answered; `None` when nobody did.
    pub status: Option<u16>,
    /// Why it failed, in words that help; `None` = it arrived.
    pub error: Option<String>,
}

impl WebhookAttempt {
    /// How long an attempt stays on record.
    const KEPT: Duration = Duration::from_hours(30 * 24);

    /// From when on it is gone.
    pub fn expires_at(&self) -> Timestamp {
        self.at.after(Self::KEPT)
    }
}
