//! Posting one message to one address of a tenant, signed.

use crate::DestinationError;
use async_trait::async_trait;
use bytes::Bytes;
use waybill_domain::{DestinationSecrets, Timestamp, WebhookConfig};

/// A message.
#[derive(Clone, Debug)]
pub struct WebhookMessage {
    /// Its name, the same at every attempt: `webhook-id`.
    pub id: String,
    /// JSON.
    pub body: Bytes,
}

/// How posting came out.
#[derive(Debug)]
pub struct PostedMessage {
    /// What was answered; `None` when nobody did.
    pub status: Option<u16>,
    /// Whether it was taken (any 2xx), or why not.
    pub outcome: Result<(), DestinationError>,
}

/// Posts messages.
#[async_trait]
pub trait MessagePoster: Send + Sync {
    /// Posts a message once, in 20 s at most, signed where the secrets hold what to sign with. No redirect is followed, and nothing of the
    /// reply but its status is told.
    async fn post(
        &self,
        config: &WebhookConfig,
        secrets: &DestinationSecrets,
        message: &WebhookMessage,
        now: Timestamp,
    ) -> PostedMessage;
}
