//! What this function works with.

use crate::Config;
use std::sync::Arc;
use waybill_app::ports::{ArchiveStore, WakeQueue};
use waybill_app::{Context, RequestLimiter};
use waybill_aws::{DynamoStateStore, Encryption, S3ArchiveStore, SqsWakeQueue, SystemClock, SystemEntropy, TableNames};
use waybill_domain::RecordLimits;
use waybill_http::Origins;

/// The ports of this function; made once per process.
pub struct Deps {
    /// State, time and randomness.
    pub(crate) context: Context,
    /// Archives.
    pub(crate) archives: Arc<dyn ArchiveStore>,
    /// Wake-ups.
    pub(crate) wake: Arc<dyn WakeQueue>,
    /// Limits each key's requests.
    pub(crate) limiter: RequestLimiter,
    /// How many changes an org may ask for in ten minutes.
    pub(crate) changes: u32,
    /// How many records an export and one of its files may have.
    pub(crate) limits: RecordLimits,
    /// Pages of which origins may call.
    pub(crate) origins: Origins,
}

impl Deps {
    /// Connects the ports to AWS, or to what stands in for it.
    pub fn new(config: &Config) -> Self {
        let connection = &config.connection;
        let tables = TableNames {
            main: config.main_table.clone(),
            records: config.records_table.clone(),
            audit: config.audit_table.clone(),
            scripts: config.script_table.clone(),
        };
        let context = Context {
            state: Arc::new(DynamoStateStore::new(connection.dynamodb(), tables)),
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy),
            request_id: None,
        };
        Self {
            context,
            archives: Arc::new(S3ArchiveStore::new(connection.s3(), &config.archive_bucket, Encryption::BucketDefault)),
            wake: Arc::new(SqsWakeQueue::new(connection.sqs(), &config.wake_queue_url, None)),
            limiter: RequestLimiter::new(config.requests_per_minute),
            changes: config.changes_per_ten_minutes,
            limits: RecordLimits { per_file: config.records_per_part, most: config.max_records },
            origins: config.allowed_origins.clone(),
        }
    }
}
