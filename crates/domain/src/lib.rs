//! The words of Waybill as types: ids, orgs, principals, collections, exports, lanes, and the transitions between their states.
//!
//! Pure: no I/O, no clock, no randomness. Transitions consume `self` and may refuse; what is stored is what these types serialise to.

mod access;
mod access_key;
mod account;
mod archive;
mod audit;
mod change_window;
mod collection;
mod data_export;
pub mod data_id;
mod date_range;
mod delivery;
mod destination;
mod dimension;
mod errand;
mod export;
mod export_spec;
mod failure;
mod filename;
mod id;
mod idempotency;
mod job;
mod job_template;
mod lane;
mod log_entry;
mod org;
mod prefix;
mod principal;
mod record_count;
mod record_file;
mod request_bucket;
mod run;
mod script;
mod series;
mod session;
mod signal;
mod signature;
mod table_source;
mod timestamp;
mod usage;
mod webhook;

pub use access::{
    ACCESS_LIST, AccessEntry, AccessEntryError, AccessLevel, AccessLevelError, AccessRules, GuardedProperty,
    MAX_ACCESS_ENTRIES, RecordAccess, RecordSight, Viewer, effective_level, export_level, read_access_entries,
};
pub use access_key::{
    AccessKey, KeyPointer, KeySecret, KeySecretError, SecretDigest, SignaturePair, TokenKey, TokenKeyKind,
};
pub use account::{Account, AccountName, Email, EmailError, MAX_ROLES};
pub use archive::{Archive, ArchiveEntry, FinishRecord, PackagedFile, PackagingRecord, Segment};
pub use audit::{AuditAction, AuditEntry};
pub use change_window::ChangeWindow;
pub use collection::{Collection, DefinitionError, Flattening, Property, PropertyKind, Source};
pub use data_export::{DataRequest, ExportAliasPointer};
pub use date_range::{DateRange, DateSpan};
pub use delivery::{Delivered, DeliveredFile, DeliveredRun, Delivery, DeliveryPlan, MAX_NOTIFIED, Shipment, Upload};
pub use destination::{
    AzureBlobConfig, AzureLogin, DestinationConfig, DestinationConfigError, DestinationSecrets, DestinationType,
    HostKeyFingerprint, ParsedDestination, S3Config, S3Encryption, S3Login, SECRET_MASK, SealedDestination, SftpConfig,
    SftpLogin, SwitchedOff, WebhookConfig,
};
pub use dimension::{
    CATALOGS, Dimension, DimensionSegment, FrozenScope, LEVEL, MAX_DIMENSIONS, MAX_SEGMENTS, PARENT, PARENT_ID,
    ScopeRequest,
};
pub use errand::{Attempt, Backoff, Carried, Errand, ErrandRefused, ErrandShare, ErrandState, Miss};
pub use export::{
    Export, ExportPointer, OfJob, Phase, Progress, Refused, State, StepOutcome, StepRecord, Stop, StorageHold,
};
pub use export_spec::{
    ExportFormat, ExportSpec, FileInclusion, Followed, Level, Packaging, RecordLimits, Selection, Surface,
};
pub use failure::{Failure, FailureCode};
pub use filename::{FilenameError, FilenameFacts, FilenameTemplate};
pub use id::{
    AccountId, CollectionName, CommitId, DimensionId, Epoch, ExportAlias, ExportId, FileId, IdError, JobId, KeyId,
    LogId, OrgCode, RecordId, RoleName, RunId, Seq, Ticket, WebhookId, WorkerId,
};
pub use idempotency::{IdempotencyKey, IdempotencyRecord};
pub use job::{Job, JobRefused, JobRequest, JobSchedule, MAX_JOBS, Skipped, Slot, SlotOutcome};
pub use job_template::{JobTemplate, KeptRange};
pub use lane::{Lane, LaneRefused, Lease, QueueEntry, Sequence};
pub use log_entry::{LogEntry, LogLevel, LogSource};
pub use org::Org;
pub use prefix::{Items, List, Prefix, PrefixError, Within};
pub use principal::{Principal, Role, Scope};
pub use record_count::{CountChange, CountMark, RecordCount};
pub use record_file::{Looked, RecordFile, file_key};
pub use request_bucket::RequestBucket;
pub use run::{RUN_LIFETIME, Run, RunStatus};
pub use script::{
    LookedAtScript, MAX_SCRIPT_CHARS, ScriptCounter, ScriptFailure, ScriptFailureCode, ScriptInput, ScriptPrincipal,
    ScriptRefused, ScriptRun, ScriptState, ScriptUse, ScriptValue,
};
pub use series::{Series, SkippedInstants, SkippedReason, Succession};
pub use session::{EmailClaim, EmailHome, Password, Session, SessionToken, SignInCount};
pub use signal::{Signal, SignalEvent, SignalTo, Told};
pub use signature::{NonceUse, RequestSignature, SignatureUse};
pub use table_source::{KeyCondition, SortCondition, TableSource, with_org};
pub use timestamp::{Timestamp, TimestampError};
pub use usage::{QuotaExceeded, Recount, Usage, UsageDay};
pub use webhook::{MAX_WEBHOOKS, Webhook, WebhookAttempt, WebhookState};
