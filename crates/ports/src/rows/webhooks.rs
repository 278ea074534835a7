//! Rows of webhooks, and of the log of what they were told.

use super::{Entity, org_key};
use crate::RowKey;
use waybill_domain::{OrgCode, Timestamp, Webhook, WebhookAttempt, WebhookId};

/// Prefix of webhook rows.
pub(crate) const WEBHOOK: &str = "WEBHOOK#";

pub(crate) fn webhook_key(org: &OrgCode, id: WebhookId) -> RowKey {
    org_key(org, format!("{WEBHOOK}{id}"))
}

/// Prefix of what a webhook was told; the time follows in 15 digits.
pub(crate) fn attempt_prefix(webhook: WebhookId) -> String {
    format!("TOLD#{webhook}#")
}

impl Entity for Webhook {
    fn key(&self) -> RowKey {
        webhook_key(&self.org, self.id)
    }
}

impl Entity for WebhookAttempt {
    fn key(&self) -> RowKey {
        let (prefix, at) = (attempt_prefix(self.webhook), self.at.as_millis());
        org_key(&self.org, format!("{prefix}{at:015}#{}#{:05}", self.message, self.attempt))
    }

    fn drop_after(&self) -> Option<Timestamp> {
        Some(self.expires_at())
    }
}
