//! What this function works with.

use crate::Config;
use std::sync::Arc;
use waybill_app::ports::{ArchiveStore, RecordSource, SecretVault, WakeQueue};
use waybill_app::{Context, Passwords, RequestLimiter};
use waybill_aws::{
    DynamoRecordStore, DynamoStateStore, Encryption, KmsSecretVault, S3ArchiveStore, SqsWakeQueue, SystemClock,
    SystemEntropy, TableNames,
};
use waybill_http::Origins;

/// The ports of this function; made once per process.
pub struct Deps {
    /// State, time and randomness.
    pub(crate) context: Context,
    /// Records.
    pub(crate) records: Arc<dyn RecordSource>,
    /// Archives.
    pub(crate) archives: Arc<dyn ArchiveStore>,
    /// Wake-ups.
    pub(crate) wake: Arc<dyn WakeQueue>,
    /// Secrets of signature pairs.
    pub(crate) vault: Arc<dyn SecretVault>,
    /// Compares passwords.
    pub(crate) passwords: Passwords,
    /// Limits each key's requests.
    pub(crate) limiter: RequestLimiter,
    /// Pages of which origins may call.
    pub(crate) origins: Origins,
}

impl Deps {
    /// Connects the ports to AWS, or to what stands in for it.
    pub fn new(config: &Config) -> Self {
        let connection = &config.connection;
        let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
        let tables = TableNames {
            main: config.main_table.clone(),
            records: config.records_table.clone(),
            audit: config.audit_table.clone(),
            scripts: config.script_table.clone(),
        };
        let context = Context {
            state: Arc::new(DynamoStateStore::new(connection.dynamodb(), tables)),
            clock: Arc::<SystemClock>::clone(&clock),
            entropy: Arc::<SystemEntropy>::clone(&entropy),
            request_id: None,
        };
        Self {
            context,
            records: Arc::new(DynamoRecordStore::new(connection.dynamodb(), &config.records_table)),
            archives: Arc::new(S3ArchiveStore::new(connection.s3(), &config.archive_bucket, Encryption::BucketDefault)),
            wake: Arc::new(SqsWakeQueue::new(connection.sqs(), &config.wake_queue_url, None)),
            vault: Arc::new(KmsSecretVault::new(connection.kms(), &config.secrets_key_id, clock, entropy)),
            passwords: config.passwords.clone(),
            limiter: RequestLimiter::new(config.requests_per_minute),
            origins: config.allowed_origins.clone(),
        }
    }
}
