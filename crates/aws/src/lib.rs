//! The ports over AWS, through the official SDK: the only crate that names one.
//!
//! Every adapter takes the client that it talks through, from a [`Connection`], and the names of what it may touch.
//! Requests have time-outs and are repeated by the SDK; what a failure means for a caller is decided in one place
//! (`errors`), and the conditions of the ports' contracts are requests' own conditions, never a read before a write.

mod backoff;
mod connection;
mod dynamo;
mod errors;
mod s3;
mod secrets;
mod ses;
mod sqs;
mod system;

pub use connection::{Connection, Endpoints, StaticCredentials};
pub use dynamo::schema::{
    IndexDefinition, KeyAttribute, KeyType, TableDefinition, TableNames, create_tables, definitions,
};
pub use dynamo::{DynamoRecordStore, DynamoStateStore};
pub use s3::{Encryption, S3ArchiveStore};
pub use secrets::{KmsSecretVault, read_secret};
pub use ses::SesMailer;
pub use sqs::{SqsDeliveryQueue, SqsScriptQueue, SqsWakeQueue};
pub use system::{SystemClock, SystemEntropy, ThreadCompute};
