//! The SMTP client: one server, encrypted unless it is this machine, plain text and HTML side by side.

use async_trait::async_trait;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;
use waybill_ports::{Mail, MailError, Mailer};

/// How long the server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Hosts to which mail may go without TLS.
const OWN: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Why a server or a sender cannot be used. Never says the address of the server, which may hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpError {
    /// Not a URL of such a server.
    #[error(
        "the SMTP server must be like smtps://user:password@host:465, or smtp://user:password@host:587?tls=required"
    )]
    Url,
    /// Without TLS to another machine.
    #[error("the SMTP server is another machine, so that it must be smtps://…, or smtp://…?tls=required")]
    Plain,
    /// Not an address.
    #[error("the sender must be an address, or a name and an address: Exports <exports@example.com>")]
    From,
}

/// Sends mail by SMTP, from one address.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl SmtpMailer {
    /// Through the server at `url`, which may hold its user and password, from that address or `Name <address>`.
    ///
    /// # Errors
    /// [`SmtpError`].
    pub fn new(url: &SecretString, from: &str) -> Result<Self, SmtpError> {
        let from = from.parse().map_err(|_| SmtpError::From)?;
        let text = url.expose_secret().trim();
        if !is_encrypted(text) && !is_own(text) {
            return Err(SmtpError::Plain);
        }
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(text).map_err(|_| SmtpError::Url)?;
        Ok(Self { transport: builder.timeout(Some(PATIENCE)).build(), from })
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let refused = |what: String| MailError::Refused(what);
        let to: Mailbox = mail.to.as_str().parse().map_err(|_| refused("it is no address for SMTP".to_owned()))?;
        let host = self.from.email.domain();
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&mail.subject)
            .message_id(Some(format!("<{}@{host}>", mail.id)))
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|error| refused(error.to_string()))
    }
}

fn is_encrypted(url: &str) -> bool {
    let tls = url.split_once('?').is_some_and(|(_, query)| query.split('&').any(|pair| pair == "tls=required"));
    url.starts_with("smtps://") || tls
}

fn is_own(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("smtp://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    OWN.contains(&name)
}

/// A server's permanent no is one; what it does not believe of us can be put right.
fn fault(error: &Error) -> MailError {
    let code = error.status().map(|code| code.to_string());
    let words = match &code {
        Some(code) => format!("the SMTP server answered {code}"),
        None => "the SMTP server was not reached".to_owned(),
    };
    let is_about_us = code.as_deref().is_some_and(|code| ["530", "534", "535", "538"].contains(&code));
    if error.is_permanent() && !is_about_us { MailError::Refused(words) } else { MailError::Unavailable(words) }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::warn!(mail = mail.id, %error, "a mail was not sent");
                Err(fault(&error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(url: &str, from: &str) -> Option<SmtpError> {
        SmtpMailer::new(&SecretString::from(url), from).err()
    }

    #[test]
    fn other_machines_get_mail_by_tls_only() {
        let from = "Exports <exports@example.com>";
        for url in [
            "smtps://ann:secret@mail.example.com",
            "smtp://ann:secret@mail.example.com:587?tls=required",
            "smtp://127.0.0.1:2525",
            "smtp://localhost",
            "smtp://[::1]:25",
        ] {
            assert_eq!(made(url, from), None, "{url}");
        }
        for url in [
            "smtp://mail.example.com",
            "smtp://mail.example.com?tls=opportunistic",
            "smtp://localhost@mail.example.com",
            "smtp://127.0.0.1.example.com:25",
        ] {
            assert_eq!(made(url, from), Some(SmtpError::Plain), "{url}");
        }
        assert_eq!(made("smtps://", from), Some(SmtpError::Url));
        assert_eq!(made("smtps://mail.example.com", "Exports"), Some(SmtpError::From));
    }
}
