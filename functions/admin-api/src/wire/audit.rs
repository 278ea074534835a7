//! The audit trail on the wire.

use serde::Serialize;
use utoipa::ToSchema;
use waybill_domain::{AuditAction, AuditEntry};

/// One entry of an org's audit trail.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditEntry)]
pub(crate) struct AuditWire {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// What: `export-created`, `export-changed`, `export-canceled`, `export-deleted`, `export-downloaded`, `delivery-repeated`,
    /// `delivery-linked`, `destination-switched-off`, `job-put`, `job-deleted`, `key-created`, `key-revoked`, `account-created`,
    /// `account-changed`, `account-deleted`, `signed-in`, `collection-put`, `collection-deleted`, `dimension-put`, `dimension-deleted`,
    /// `webhook-put`, `webhook-deleted`, `webhook-switched-off`, `org-changed`.
    action: &'static str,
    /// What it was done to: an id or a name.
    target: String,
    /// The account that did it; `null` for the operator and for Waybill itself.
    #[schema(required)]
    account: Option<String>,
    /// Id of the key that was used.
    #[schema(required)]
    key: Option<String>,
    /// By which the request is found in the logs.
    #[schema(required)]
    request_id: Option<String>,
}

impl From<AuditEntry> for AuditWire {
    fn from(entry: AuditEntry) -> Self {
        Self {
            at: entry.at.to_string(),
            action: action_name(entry.action),
            target: entry.target,
            account: entry.account.map(|account| account.to_string()),
            key: entry.key.map(|key| key.to_string()),
            request_id: entry.request_id,
        }
    }
}

fn action_name(action: AuditAction) -> &'static str {
    match action {
        AuditAction::ExportCreated => "export-created",
        AuditAction::ExportCanceled => "export-canceled",
        AuditAction::ExportChanged => "export-changed",
        AuditAction::ExportDeleted => "export-deleted",
        AuditAction::ExportDownloaded => "export-downloaded",
        AuditAction::DeliveryRepeated => "delivery-repeated",
        AuditAction::DeliveryLinked => "delivery-linked",
        AuditAction::DestinationSwitchedOff => "destination-switched-off",
        AuditAction::KeyCreated => "key-created",
        AuditAction::KeyRevoked => "key-revoked",
        AuditAction::AccountCreated => "account-created",
        AuditAction::AccountChanged => "account-changed",
        AuditAction::AccountDeleted => "account-deleted",
        AuditAction::SignedIn => "signed-in",
        AuditAction::CollectionPut => "collection-put",
        AuditAction::CollectionDeleted => "collection-deleted",
        AuditAction::WebhookPut => "webhook-put",
        AuditAction::WebhookDeleted => "webhook-deleted",
        AuditAction::WebhookSwitchedOff => "webhook-switched-off",
        AuditAction::DimensionPut => "dimension-put",
        AuditAction::DimensionDeleted => "dimension-deleted",
        AuditAction::JobPut => "job-put",
        AuditAction::JobDeleted => "job-deleted",
        AuditAction::OrgChanged => "org-changed",
    }
}
