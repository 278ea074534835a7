//! Secrets at rest.

use crate::PortError;
use async_trait::async_trait;
use waybill_domain::OrgCode;

/// What a sealed secret is bound to: it opens only with the same context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealContext {
    /// The org.
    pub org: OrgCode,
    /// What it is the secret of: `signature:<public name>`.
    pub purpose: String,
}

/// Encrypts secrets under a key that never leaves its service.
#[async_trait]
pub trait SecretVault: Send + Sync {
    /// Seals a secret; the result is text.
    ///
    /// # Errors
    /// [`PortError`].
    async fn seal(&self, context: &SealContext, secret: &[u8]) -> Result<String, PortError>;

    /// Opens what [`SecretVault::seal`] gave for the same context.
    ///
    /// # Errors
    /// `Corrupt` when it was tampered with or sealed for another context.
    async fn open(&self, context: &SealContext, sealed: &str) -> Result<Vec<u8>, PortError>;
}
