//! A signal: one message that tells one address that an export has ended.

use crate::{Carried, Email, Errand, WebhookId};
use serde::{Deserialize, Serialize};

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SignalEvent {
    /// An export is ready.
    #[serde(rename = "data-export-completed")]
    Completed,
    /// An export failed.
    #[serde(rename = "data-export-failed")]
    Failed,
}

impl SignalEvent {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Completed, Self::Failed];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "data-export-completed",
            Self::Failed => "data-export-failed",
        }
    }
}

/// Whom a signal is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase", deny_unknown_fields)]
pub enum SignalTo {
    /// A webhook of the org, as it is set up when the message is sent.
    Webhook {
        /// Its id.
        id: WebhookId,
    },
    /// Somebody, by mail.
    Mail {
        /// Where to.
        address: Email,
    },
}

/// Telling one address that an export has ended.
pub type Signal = Errand<Told>;

/// What is told, and whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// What.
    pub event: SignalEvent,
    /// Whom.
    pub to: SignalTo,
}

impl Carried for Told {
    const MARK: &'static str = "s";
}
