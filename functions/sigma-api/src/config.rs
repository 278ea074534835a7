//! What this function is told by its environment.

use waybill_app::Passwords;
use waybill_aws::Connection;
use waybill_http::Origins;
use waybill_runtime::EnvReader;

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Config {
    /// How AWS is reached.
    pub connection: Connection,
    /// Table of the state (`WAYBILL_MAIN_TABLE`).
    pub main_table: String,
    /// Table of the audit trail (`WAYBILL_AUDIT_TABLE`).
    pub audit_table: String,
    /// Key under which secrets are sealed (`WAYBILL_SECRETS_KEY_ID`).
    pub secrets_key_id: String,
    /// How costly the hashes of passwords are (`WAYBILL_PASSWORD_COST`).
    pub passwords: Passwords,
    /// How many requests a key may make a minute (`WAYBILL_REQUESTS_PER_MINUTE`).
    pub requests_per_minute: u32,
    /// Pages of which origins may call (`WAYBILL_ALLOWED_ORIGINS`).
    pub allowed_origins: Origins,
}

impl Config {
    /// Reads the environment that the template sets.
    pub fn from_env(env: &mut EnvReader) -> Self {
        Self {
            connection: Connection { region: env.text("AWS_REGION"), endpoints: None, credentials: None },
            main_table: env.text("WAYBILL_MAIN_TABLE"),
            audit_table: env.text("WAYBILL_AUDIT_TABLE"),
            secrets_key_id: env.text("WAYBILL_SECRETS_KEY_ID"),
            passwords: env.parsed("WAYBILL_PASSWORD_COST"),
            requests_per_minute: env.parsed("WAYBILL_REQUESTS_PER_MINUTE"),
            allowed_origins: env.optional("WAYBILL_ALLOWED_ORIGINS").unwrap_or_default(),
        }
    }
}
