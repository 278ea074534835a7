//! The roles that the use cases need filled, each with its contract and its errors.
//!
//! A port is named after its role, an adapter after its technology and the role. Every port has one contract suite in
//! `waybill-testkit`, run against the in-memory and the real adapter alike. Errors are a small [`PortErrorKind`] a
//! caller acts on, and an opaque source for the log.

mod archive_store;
mod clock;
mod compute;
mod delivery_queue;
mod destination;
mod entropy;
mod error;
mod mailer;
mod message_poster;
mod outgoing;
mod record_source;
mod record_store;
mod rows;
mod script_queue;
mod script_runner;
mod secret_vault;
mod state_store;
mod transaction;
mod wake_queue;

pub use archive_store::{ArchiveStore, ByteRange, Download, ObjectHead, ObjectMetadata, PartTag, UploadId, UploadLink};
pub use clock::Clock;
pub use compute::{Compute, compute};
pub use delivery_queue::{DeliveryMessage, DeliveryQueue, MOST_DELAY};
pub use destination::{
    Destination, DestinationError, DestinationOpener, FileBytes, Notice, Parcel, Probed, StoredFile,
};
pub use entropy::Entropy;
pub use error::{PortError, PortErrorKind};
pub use mailer::{Mail, MailError, Mailer};
pub use message_poster::{MessagePoster, PostedMessage, WebhookMessage};
pub use outgoing::{
    ByteChunks, ByteConnection, OutgoingBody, OutgoingError, OutgoingHttp, OutgoingLimits, OutgoingReply,
    OutgoingRequest, OutgoingTcp, Patience,
};
pub use record_source::{Extent, IdRange, Reading, RecordSource, not_read};
pub use record_store::{IdPage, PageCursor, RecordPage, RecordPatch, RecordStore, StoredRecord};
pub use rows::{DUE_SHARDS, Due, DueKind, Entity, ErrandKind, Stored, due_shard};
pub use script_queue::{ScriptMessage, ScriptQueue};
pub use script_runner::{ScriptCall, ScriptChecker, ScriptEnding, ScriptFault, ScriptHost, ScriptJob, ScriptRunner};
pub use secret_vault::{SealContext, SecretVault};
pub use state_store::{DueRow, Expect, Row, RowKey, RowPage, RowRange, StateStore, Table, Write};
pub use transaction::{Rows, StorageSum, Transaction};
pub use wake_queue::{DeadLetter, WakeMessage, WakeQueue, WakeReceipt};
/// What is stored of a delivery under way.
pub use waybill_domain::{Delivered, Upload};
