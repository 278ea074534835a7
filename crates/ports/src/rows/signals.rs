//! Rows of webhooks, of the signals that tell them and others that exports have ended, and of the log of that.

use super::{Due, DueKind, Entity, org_key};
use crate::RowKey;
use waybill_domain::{ExportId, OrgCode, Signal, Timestamp, Webhook, WebhookAttempt, WebhookId};

/// Prefix of webhook rows.
pub(crate) const WEBHOOK: &str = "WEBHOOK#";

pub(crate) fn webhook_key(org: &OrgCode, id: WebhookId) -> RowKey {
    org_key(org, format!("{WEBHOOK}{id}"))
}

/// Prefix of what a webhook was told; the time follows in 15 digits.
pub(crate) fn attempt_prefix(webhook: WebhookId) -> String {
    format!("TOLD#{webhook}#")
}

pub(crate) fn signal_key(org: &OrgCode, export: ExportId, number: u16) -> RowKey {
    org_key(org, format!("SIGNAL#{export}#{number:03}"))
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

impl Entity for Signal {
    fn key(&self) -> RowKey {
        signal_key(&self.org, self.export, self.number)
    }

    fn due(&self) -> Option<Due> {
        self.due_at().map(|at| Due { kind: DueKind::Signal, at })
    }

    fn due_org(&self) -> Option<&OrgCode> {
        Some(&self.org)
    }

    fn drop_after(&self) -> Option<Timestamp> {
        Some(Signal::drop_after(self))
    }
}
