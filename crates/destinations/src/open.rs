//! From a configuration and its secrets to a destination.

use crate::azure_blob::AzureBlobDestination;
use crate::s3::S3Destination;
use crate::sftp::SftpDestination;
use crate::webhook::WebhookDestination;
use async_trait::async_trait;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{DestinationConfig, DestinationSecrets, Timestamp, WebhookConfig};
use waybill_ports::{
    Destination, DestinationError, DestinationOpener, MessagePoster, OutgoingHttp, OutgoingTcp, PostedMessage,
    WebhookMessage,
};

/// Who this deployment is to AWS: it assumes the roles of tenants, and writes to buckets that let it in.
#[derive(Clone, Default)]
pub struct OwnCredentials {
    source: Source,
    pub(crate) sts_endpoint: Option<String>,
}

#[derive(Clone, Default)]
enum Source {
    #[default]
    Nobody,
    Environment,
    Fixed {
        access_key_id: String,
        secret_access_key: SecretString,
    },
}

impl OwnCredentials {
    /// Nobody: only buckets with keys of their own can be written to.
    pub fn nobody() -> Self {
        Self::default()
    }

    /// What Lambda puts into the environment.
    pub fn environment() -> Self {
        Self { source: Source::Environment, sts_endpoint: None }
    }

    /// A key pair, and where STS listens, for an embedded stack and for tests.
    pub fn fixed(access_key_id: &str, secret_access_key: SecretString, sts_endpoint: Option<String>) -> Self {
        Self { source: Source::Fixed { access_key_id: access_key_id.to_owned(), secret_access_key }, sts_endpoint }
    }

    pub(crate) fn provider(&self) -> Result<SharedCredentialsProvider, DestinationError> {
        match &self.source {
            Source::Nobody => Err(DestinationError::Misconfigured(
                "this deployment has no credentials of its own: give accessKeyId and secretAccessKey".to_owned(),
            )),
            Source::Environment => Ok(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())),
            Source::Fixed { access_key_id, secret_access_key } => Ok(SharedCredentialsProvider::new(
                Credentials::from_keys(access_key_id, secret_access_key.expose_secret(), None),
            )),
        }
    }
}

/// Makes destinations, all of them behind one guard.
#[derive(Clone)]
pub struct Destinations {
    /// Requests.
    pub http: Arc<dyn OutgoingHttp>,
    /// Connections of other protocols.
    pub tcp: Arc<dyn OutgoingTcp>,
    /// Who this deployment is to AWS.
    pub own: OwnCredentials,
    /// How long an SFTP server may be silent; [`Destinations::SILENCE`], where nothing else is wanted.
    pub silence: Duration,
}

impl Destinations {
    /// How long a server may be silent while a file is sent: 30 s.
    pub const SILENCE: Duration = Duration::from_secs(30);
}

#[async_trait]
impl DestinationOpener for Destinations {
    async fn open(
        &self,
        config: &DestinationConfig,
        secrets: &DestinationSecrets,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        Ok(match config {
            DestinationConfig::S3(config) => {
                Box::new(S3Destination::open(config.clone(), secrets, self.http.clone(), &self.own).await?)
            }
            DestinationConfig::AzureBlob(config) => {
                Box::new(AzureBlobDestination::open(config.clone(), secrets, self.http.clone())?)
            }
            DestinationConfig::Sftp(config) => {
                Box::new(SftpDestination::open(config.clone(), secrets, self.tcp.clone(), self.silence))
            }
            DestinationConfig::Webhook(config) => {
                Box::new(WebhookDestination::open(config.clone(), secrets, self.http.clone()))
            }
        })
    }
}

#[async_trait]
impl MessagePoster for Destinations {
    async fn post(
        &self,
        config: &WebhookConfig,
        secrets: &DestinationSecrets,
        message: &WebhookMessage,
        now: Timestamp,
    ) -> PostedMessage {
        WebhookDestination::open(config.clone(), secrets, self.http.clone()).tell(message, now).await
    }
}
