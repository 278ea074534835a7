//! What this function works with.

use crate::Config;
use std::sync::Arc;
use waybill_app::ports::SecretVault;
use waybill_app::{Context, Passwords, RequestLimiter};
use waybill_aws::{DynamoStateStore, KmsSecretVault, SystemClock, SystemEntropy, TableNames};
use waybill_http::Origins;

/// The ports of this function; made once per process.
pub struct Deps {
    /// State, time and randomness.
    pub(crate) context: Context,
    /// Seals the secrets of destinations.
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
        // Neither records nor scripts are looked at here.
        let tables = TableNames {
            main: config.main_table.clone(),
            records: String::new(),
            audit: config.audit_table.clone(),
            scripts: String::new(),
        };
        let context = Context {
            state: Arc::new(DynamoStateStore::new(connection.dynamodb(), tables)),
            clock: Arc::<SystemClock>::clone(&clock),
            entropy: Arc::<SystemEntropy>::clone(&entropy),
            request_id: None,
        };
        Self {
            context,
            vault: Arc::new(KmsSecretVault::new(connection.kms(), &config.secrets_key_id, clock, entropy)),
            passwords: config.passwords.clone(),
            limiter: RequestLimiter::new(config.requests_per_minute),
            origins: config.allowed_origins.clone(),
        }
    }
}
