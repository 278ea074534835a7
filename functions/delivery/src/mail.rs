//! Who carries mail: Amazon SES or a server of SMTP, as the operator set it up, or nobody.

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::OnceCell;
use waybill_aws::{Connection, SesMailer, read_secret};
use waybill_mail::SmtpMailer;
use waybill_ports::{Mail, MailError, Mailer};

/// How mail is sent.
#[derive(Clone, Debug)]
pub enum MailService {
    /// Not at all.
    Nobody,
    /// By Amazon SES, from that address.
    Ses {
        /// `exports@example.com`, or `Exports <exports@example.com>`.
        from: String,
    },
    /// By a server of SMTP.
    Smtp {
        /// As that of SES.
        from: String,
        /// ARN of the secret that holds the server's URL.
        url_arn: String,
    },
}

impl MailService {
    /// As the two variables say: without a sender nobody, with a server that one, else SES.
    pub(crate) fn of(from: Option<String>, url_arn: Option<String>) -> Self {
        match (from, url_arn) {
            (None, _) => Self::Nobody,
            (Some(from), None) => Self::Ses { from },
            (Some(from), Some(url_arn)) => Self::Smtp { from, url_arn },
        }
    }
}

/// Sends mail as it is set up. What SMTP needs is read when the first mail is sent.
pub(crate) struct Mailing {
    connection: Connection,
    service: MailService,
    smtp: OnceCell<SmtpMailer>,
}

impl Mailing {
    pub(crate) fn new(connection: Connection, service: MailService) -> Self {
        Self { connection, service, smtp: OnceCell::new() }
    }

    async fn smtp(&self, from: &str, url_arn: &str) -> Result<&SmtpMailer, MailError> {
        let make = || async {
            let unread = |error: waybill_ports::PortError| {
                tracing::error!(?error, "the address of the SMTP server cannot be read");
                MailError::Unavailable("the address of the SMTP server cannot be read".to_owned())
            };
            let url: SecretString = read_secret(&self.connection, url_arn).await.map_err(unread)?;
            SmtpMailer::new(&url, from).map_err(|error| MailError::Unavailable(error.to_string()))
        };
        self.smtp.get_or_try_init(make).await
    }
}

#[async_trait]
impl Mailer for Mailing {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        match &self.service {
            MailService::Nobody => {
                Err(MailError::Refused("this deployment sends no mail: its operator named no sender".to_owned()))
            }
            MailService::Ses { from } => SesMailer::new(self.connection.ses(), from).send(mail).await,
            MailService::Smtp { from, url_arn } => self.smtp(from, url_arn).await?.send(mail).await,
        }
    }
}
