//! Secrets: sealed under data keys of KMS, and read from Secrets Manager.

mod data_keys;
mod envelope;
mod vault;

pub use vault::KmsSecretVault;

use crate::Connection;
use crate::errors::{port_error, rejected};
use secrecy::SecretString;
use waybill_ports::PortError;

/// The text of the secret with this ARN, read once at the start of a function.
///
/// # Errors
/// `NotFound`, `Denied`; `Rejected` when the secret is no text.
pub async fn read_secret(connection: &Connection, arn: &str) -> Result<SecretString, PortError> {
    const DURING: &str = "reading a secret";
    let reply = connection.secrets_manager().get_secret_value().secret_id(arn).send().await;
    let reply = reply.map_err(|error| port_error(DURING, &error))?;
    reply.secret_string.map(SecretString::from).ok_or_else(|| rejected("the secret is no text", DURING))
}
