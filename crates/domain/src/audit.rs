//! The audit trail: who did what.

use crate::{AccountId, KeyId, OrgCode, Timestamp};
use serde::{Deserialize, Serialize};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditAction {
    /// An export was created.
    ExportCreated,
    /// An export that waited for its time was asked something else.
    ExportChanged,
    /// An export was canceled.
    ExportCanceled,
    /// An export was deleted.
    ExportDeleted,
    /// A link to an archive was given out.
    ExportDownloaded,
    /// A delivery was begun anew by hand.
    DeliveryRepeated,
    /// A link to a file was sent to an address that it was too long for.
    DeliveryLinked,
    /// A job's destination that will take nothing again was switched off.
    DestinationSwitchedOff,
    /// An access key was made.
    KeyCreated,
    /// An access key was revoked.
    KeyRevoked,
    /// An account was made.
    AccountCreated,
    /// An account was changed.
    AccountChanged,
    /// An account was deleted.
    AccountDeleted,
    /// Somebody signed in.
    SignedIn,
    /// A collection's definition was written.
    CollectionPut,
    /// A collection was deleted.
    CollectionDeleted,
    /// A dimension was written.
    DimensionPut,
    /// A dimension was deleted.
    DimensionDeleted,
    /// A job was made or changed, paused or resumed.
    JobPut,
    /// A job was deleted.
    JobDeleted,
    /// A webhook was made or changed.
    WebhookPut,
    /// A webhook was deleted.
    WebhookDeleted,
    /// A webhook said that it will take nothing again, and is told nothing any more.
    WebhookSwitchedOff,
    /// The operator made or changed the org.
    OrgChanged,
}

/// One entry of an org's audit trail; never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// The org.
    pub org: OrgCode,
    /// When.
    pub at: Timestamp,
    /// Random suffix that keeps entries of one millisecond apart, hex.
    pub nonce: String,
    /// What.
    pub action: AuditAction,
    /// The account that did it; `None` for the operator and for Waybill itself.
    pub account: Option<AccountId>,
    /// The key that was used.
    pub key: Option<KeyId>,
    /// What it was done to: an id or a name.
    pub target: String,
    /// Id of the request, for the logs.
    pub request_id: Option<String>,
}
