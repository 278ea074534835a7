//! Request signatures and the nonces that keep them from being used twice.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A signed request's claims, as its headers carry them (`spec`: Cortex §8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSignature {
    /// Public name of the signature pair.
    pub api_key: String,
    /// Hex HMAC-SHA256 over command, method and timestamp.
    pub signature: String,
    /// 16 alphanumeric characters, used once.
    pub nonce: String,
    /// When the client signed.
    pub timestamp: Timestamp,
    /// Path below the surface's version, without query.
    pub command: String,
    /// HTTP method, upper case.
    pub method: String,
}

impl RequestSignature {
    /// How far the client's clock may be from ours.
    pub const WINDOW: Duration = Duration::from_mins(5);
    /// Most nonces that one signature may come with.
    pub const MAX_NONCES: usize = 4;

    /// The text that is signed: `<command>;<METHOD>;<ms>`.
    pub fn message(&self) -> String {
        format!("{};{};{}", self.command, self.method, self.timestamp.as_millis())
    }

    /// Whether `now` is inside the window around the client's timestamp.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.timestamp) <= Self::WINDOW && self.timestamp.since(now) <= Self::WINDOW
    }
}

/// A nonce of a signature pair that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NonceUse {
    /// Public name of the signature pair.
    pub api_key: String,
    /// The nonce.
    pub nonce: String,
    /// When it may be forgotten.
    pub expires_at: Timestamp,
}

/// How often one signature was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureUse {
    /// Public name of the signature pair.
    pub api_key: String,
    /// The signature, lower-case hex.
    pub signature: String,
    /// Nonces accepted with it so far.
    pub count: usize,
    /// When it may be forgotten.
    pub expires_at: Timestamp,
}
