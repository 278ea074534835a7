//! What this function works with.

use crate::{Config, OperatorKeySource};
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use tokio::sync::OnceCell;
use waybill_app::ports::{
    ArchiveStore, DeliveryQueue, DestinationOpener, PortError, RecordStore, SecretVault, WakeQueue,
};
use waybill_app::{Context, OperatorKey, Passwords, RequestLimiter};
use waybill_aws::{
    Connection, DynamoRecordStore, DynamoStateStore, Encryption, KmsSecretVault, S3ArchiveStore, SqsDeliveryQueue,
    SqsWakeQueue, SystemClock, SystemEntropy, TableNames, read_secret,
};
use waybill_destinations::{Destinations, OwnCredentials};
use waybill_http::Origins;
use waybill_outgoing::Outgoing;

/// The ports of this function; made once per process.
pub struct Deps {
    /// State, time and randomness.
    pub(crate) context: Context,
    /// Records.
    pub(crate) records: Arc<dyn RecordStore>,
    /// Archives.
    pub(crate) archives: Arc<dyn ArchiveStore>,
    /// Wake-ups.
    pub(crate) wake: Arc<dyn WakeQueue>,
    /// Deliveries.
    pub(crate) deliveries: Arc<dyn DeliveryQueue>,
    /// Destinations that are tried.
    pub(crate) destinations: Arc<dyn DestinationOpener>,
    /// Secrets of signature pairs.
    pub(crate) vault: Arc<dyn SecretVault>,
    /// Hashes passwords.
    pub(crate) passwords: Passwords,
    /// Limits each key's requests.
    pub(crate) limiter: RequestLimiter,
    /// Pages of which origins may call.
    pub(crate) origins: Origins,
    /// The operator's key.
    pub(crate) operator: Operator,
}

/// The operator's key, read when it is first needed: most processes never see the operator.
pub(crate) struct Operator {
    connection: Connection,
    source: OperatorKeySource,
    key: OnceCell<OperatorKey>,
}

impl Operator {
    /// The key from that source.
    pub(crate) fn new(connection: Connection, source: OperatorKeySource) -> Self {
        Self { connection, source, key: OnceCell::new() }
    }

    /// The key.
    ///
    /// # Errors
    /// When it cannot be read; the next call tries again.
    pub(crate) async fn key(&self) -> Result<&OperatorKey, PortError> {
        let read = || async {
            match &self.source {
                OperatorKeySource::Given(secret) => Ok(OperatorKey::of(secret.expose_secret())),
                OperatorKeySource::Stored { arn } => {
                    Ok(OperatorKey::of(read_secret(&self.connection, arn).await?.expose_secret()))
                }
            }
        };
        self.key.get_or_try_init(read).await
    }
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
        let dynamodb = connection.dynamodb();
        let context = Context {
            state: Arc::new(DynamoStateStore::new(dynamodb.clone(), tables)),
            clock: Arc::<SystemClock>::clone(&clock),
            entropy: Arc::<SystemEntropy>::clone(&entropy),
            request_id: None,
        };
        let outgoing = Arc::new(Outgoing::new(config.allowed_hosts.clone()));
        let destinations = Destinations {
            http: Arc::<Outgoing>::clone(&outgoing),
            tcp: outgoing,
            // What is tried here is tried with the keys that were sent.
            own: OwnCredentials::nobody(),
            silence: Destinations::SILENCE,
        };
        Self {
            context,
            records: Arc::new(DynamoRecordStore::new(dynamodb, &config.records_table)),
            archives: Arc::new(S3ArchiveStore::new(connection.s3(), &config.archive_bucket, Encryption::BucketDefault)),
            wake: Arc::new(SqsWakeQueue::new(connection.sqs(), &config.wake_queue_url, None)),
            deliveries: Arc::new(SqsDeliveryQueue::new(connection.sqs(), &config.delivery_queue_url)),
            destinations: Arc::new(destinations),
            vault: Arc::new(KmsSecretVault::new(connection.kms(), &config.secrets_key_id, clock, entropy)),
            passwords: config.passwords.clone(),
            limiter: RequestLimiter::new(config.requests_per_minute),
            origins: config.allowed_origins.clone(),
            operator: Operator::new(connection.clone(), config.operator_key.clone()),
        }
    }
}
