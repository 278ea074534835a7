//! The vault: one data key of KMS per secret, bound to the org and the purpose by KMS and by the ciphertext.

use super::data_keys::DataKeys;
use super::envelope::{Envelope, KEY_BYTES, NONCE_BYTES};
use crate::errors::{corrupt, has_code, port_error};
use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use waybill_ports::{Clock, Entropy, PortError, PortErrorKind, SealContext, SecretVault};

const OPENING: &str = "opening a secret";
const SEALING: &str = "sealing a secret";

/// Codes that say that what was stored is not what KMS encrypted with this key and context.
const NOT_OURS: [&str; 2] = ["IncorrectKeyException", "InvalidCiphertextException"];

/// Seals secrets with AES-256-GCM under data keys of one KMS key.
#[derive(Clone)]
pub struct KmsSecretVault {
    client: Client,
    key_id: String,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    opened: Arc<Mutex<DataKeys>>,
}

impl fmt::Debug for KmsSecretVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsSecretVault").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl KmsSecretVault {
    /// Data keys come from the KMS key `key_id`, an id or an ARN; they are kept for some minutes of `clock`.
    pub fn new(client: Client, key_id: impl Into<String>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { client, key_id: key_id.into(), clock, entropy, opened: Arc::default() }
    }

    fn opened(&self) -> MutexGuard<'_, DataKeys> {
        // What is kept is whole at any instant, so that a panic elsewhere spoils nothing.
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn decrypt(&self, encrypted: &[u8], context: &SealContext) -> Result<[u8; KEY_BYTES], PortError> {
        let request = self.client.decrypt().key_id(&self.key_id).ciphertext_blob(Blob::new(encrypted));
        let reply = request.set_encryption_context(Some(encryption_context(context))).send().await;
        let reply = reply.map_err(|error| {
            let not_ours = has_code(&error, &NOT_OURS);
            let error = port_error(OPENING, &error);
            if not_ours { PortError { kind: unreadable(context, "data key").kind, ..error } } else { error }
        })?;
        data_key(reply.plaintext).ok_or_else(|| unreadable(context, "data key: not of 32 bytes"))
    }
}

fn encryption_context(context: &SealContext) -> HashMap<String, String> {
    HashMap::from([("org".to_owned(), context.org.to_string()), ("purpose".to_owned(), context.purpose.clone())])
}

fn data_key(plaintext: Option<Blob>) -> Option<[u8; KEY_BYTES]> {
    plaintext?.into_inner().try_into().ok()
}

fn unreadable(context: &SealContext, field: impl Into<String>) -> PortError {
    corrupt("secrets", format!("{} {}", context.org, context.purpose), field, OPENING)
}

#[async_trait]
impl SecretVault for KmsSecretVault {
    async fn seal(&self, context: &SealContext, secret: &[u8]) -> Result<String, PortError> {
        let request = self.client.generate_data_key().key_id(&self.key_id).key_spec(DataKeySpec::Aes256);
        let reply = request.set_encryption_context(Some(encryption_context(context))).send().await;
        let reply = reply.map_err(|error| port_error(SEALING, &error))?;
        let incomplete = || PortError::new(PortErrorKind::Unavailable, SEALING);
        let key = data_key(reply.plaintext).ok_or_else(incomplete)?;
        let encrypted_key = reply.ciphertext_blob.ok_or_else(incomplete)?.into_inner();
        let mut nonce = [0; NONCE_BYTES];
        self.entropy.fill(&mut nonce);
        let envelope = Envelope::seal(&key, encrypted_key, nonce, context, secret)
            .map_err(|error| PortError::caused_by(PortErrorKind::Unavailable, SEALING, error))?;
        Ok(envelope.to_text())
    }

    async fn open(&self, context: &SealContext, sealed: &str) -> Result<Vec<u8>, PortError> {
        let envelope = Envelope::parse(sealed).map_err(|error| unreadable(context, error.to_string()))?;
        let kept = self.opened().get(&envelope.encrypted_key, context, self.clock.monotonic());
        let key = match kept {
            Some(key) => key,
            None => self.decrypt(&envelope.encrypted_key, context).await?,
        };
        let secret = envelope.open(&key, context).map_err(|error| unreadable(context, error.to_string()))?;
        if kept.is_none() {
            self.opened().keep(&envelope.encrypted_key, context, key, self.clock.monotonic());
        }
        Ok(secret)
    }
}
