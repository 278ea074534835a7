//! Mail by Amazon SES.

use crate::errors::port_error;
use async_trait::async_trait;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::BuildError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use waybill_ports::{Mail, MailError, Mailer, PortErrorKind};

/// Sends mail by SES, from one address.
#[derive(Clone, Debug)]
pub struct SesMailer {
    client: Client,
    from: String,
}

impl SesMailer {
    /// From that address, or `Name <address>`, which SES has to know as verified.
    pub fn new(client: Client, from: &str) -> Self {
        Self { client, from: from.to_owned() }
    }
}

fn content(text: &str) -> Result<Content, MailError> {
    let wrong = |error: BuildError| MailError::Refused(error.to_string());
    Content::builder().data(text).charset("UTF-8").build().map_err(wrong)
}

#[async_trait]
impl Mailer for SesMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let body = Body::builder().text(content(&mail.text)?).html(content(&mail.html)?).build();
        let message = Message::builder().subject(content(&mail.subject)?).body(body).build();
        let sent = self
            .client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(mail.to.as_str()).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        let error = port_error("sending a mail", &error);
        tracing::warn!(mail = mail.id, ?error, "a mail was not sent");
        Err(match error.kind {
            PortErrorKind::Rejected { reason } => MailError::Refused(format!("Amazon SES does not take it: {reason}")),
            // Whom SES lets send, and what it knows as verified, can be put right.
            PortErrorKind::Denied | PortErrorKind::NotFound => {
                MailError::Unavailable("Amazon SES does not let this deployment send".to_owned())
            }
            _ => MailError::Unavailable("Amazon SES does not take it at the moment".to_owned()),
        })
    }
}
