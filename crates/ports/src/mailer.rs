//! Sending one mail to one address.

use async_trait::async_trait;
use waybill_domain::Email;

/// A mail, in the name of this deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its name, the same at every attempt.
    pub id: String,
    /// Whom it is for.
    pub to: Email,
    /// One line.
    pub subject: String,
    /// What it says, plain.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// It will not be taken: another attempt is of no use.
    #[error("{0}")]
    Refused(String),
    /// It was not taken; it may be later. It **may have been sent**.
    #[error("{0}")]
    Unavailable(String),
}

/// Sends mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a mail to whoever carries it on. That it arrives is not promised.
    ///
    /// # Errors
    /// [`MailError`].
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}
