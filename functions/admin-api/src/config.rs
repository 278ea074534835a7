//! What this function is told by its environment.

use secrecy::SecretString;
use waybill_app::Passwords;
use waybill_aws::Connection;
use waybill_http::Origins;
use waybill_outgoing::AllowList;
use waybill_runtime::EnvReader;

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Config {
    /// How AWS is reached.
    pub connection: Connection,
    /// Table of the state (`WAYBILL_MAIN_TABLE`).
    pub main_table: String,
    /// Table of the records (`WAYBILL_RECORDS_TABLE`).
    pub records_table: String,
    /// Table of the audit trail (`WAYBILL_AUDIT_TABLE`).
    pub audit_table: String,
    /// The table of after-scripts.
    pub script_table: String,
    /// Bucket of the archives (`WAYBILL_ARCHIVE_BUCKET`).
    pub archive_bucket: String,
    /// Queue of the wake-ups (`WAYBILL_WAKE_QUEUE_URL`).
    pub wake_queue_url: String,
    /// Queue of the deliveries (`WAYBILL_DELIVERY_QUEUE_URL`).
    pub delivery_queue_url: String,
    /// Hosts that are not public and may be delivered to all the same (`WAYBILL_ALLOWED_HOSTS`).
    pub allowed_hosts: AllowList,
    /// Key under which secrets are sealed (`WAYBILL_SECRETS_KEY_ID`).
    pub secrets_key_id: String,
    /// How costly the hashes of passwords are (`WAYBILL_PASSWORD_COST`).
    pub passwords: Passwords,
    /// How many requests a key may make a minute (`WAYBILL_REQUESTS_PER_MINUTE`).
    pub requests_per_minute: u32,
    /// Pages of which origins may call (`WAYBILL_ALLOWED_ORIGINS`).
    pub allowed_origins: Origins,
    /// The operator's key.
    pub operator_key: OperatorKeySource,
}

/// Where the operator's key comes from.
#[derive(Clone, Debug)]
pub enum OperatorKeySource {
    /// Given.
    Given(SecretString),
    /// Kept in Secrets Manager, and read when the operator first calls (`WAYBILL_OPERATOR_KEY_SECRET_ARN`).
    Stored {
        /// ARN of the secret.
        arn: String,
    },
}

impl Config {
    /// Reads the environment that the template sets.
    pub fn from_env(env: &mut EnvReader) -> Self {
        Self {
            connection: Connection { region: env.text("AWS_REGION"), endpoints: None, credentials: None },
            main_table: env.text("WAYBILL_MAIN_TABLE"),
            records_table: env.text("WAYBILL_RECORDS_TABLE"),
            audit_table: env.text("WAYBILL_AUDIT_TABLE"),
            script_table: env.text("WAYBILL_SCRIPT_TABLE"),
            archive_bucket: env.text("WAYBILL_ARCHIVE_BUCKET"),
            wake_queue_url: env.text("WAYBILL_WAKE_QUEUE_URL"),
            delivery_queue_url: env.text("WAYBILL_DELIVERY_QUEUE_URL"),
            allowed_hosts: env.optional("WAYBILL_ALLOWED_HOSTS").unwrap_or_default(),
            secrets_key_id: env.text("WAYBILL_SECRETS_KEY_ID"),
            passwords: env.parsed("WAYBILL_PASSWORD_COST"),
            requests_per_minute: env.parsed("WAYBILL_REQUESTS_PER_MINUTE"),
            allowed_origins: env.optional("WAYBILL_ALLOWED_ORIGINS").unwrap_or_default(),
            operator_key: OperatorKeySource::Stored { arn: env.text("WAYBILL_OPERATOR_KEY_SECRET_ARN") },
        }
    }
}
