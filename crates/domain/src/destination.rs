//! Where finished files go: the four kinds of destinations, read from and shown in the wire's shape, and their secrets.
//!
//! A configuration holds no secret. What is secret goes into [`DestinationSecrets`], which are sealed before they are
//! stored; a configuration that is shown has a mask in their place, and a mask that comes back keeps the secret.

mod azure_blob;
mod fields;
mod path;
mod s3;
mod sftp;
mod webhook;

pub use azure_blob::{AzureBlobConfig, AzureLogin};
pub use s3::{S3Config, S3Encryption, S3Login};
pub use sftp::{HostKeyFingerprint, SftpConfig, SftpLogin};
pub use webhook::WebhookConfig;

use crate::Timestamp;
use fields::{Fields, Shown};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What stands in the place of a secret that is shown.
pub const SECRET_MASK: &str = "••••••••";

/// Why a configuration is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {reason}")]
pub struct DestinationConfigError {
    /// The field, below `destinationConfig`: `bucket`, `headers.x-mine`.
    pub field: String,
    /// What is wrong with it, as a clause that follows its name.
    pub reason: String,
}

/// The kinds of destinations, by their names on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DestinationType {
    /// A bucket of S3, or of a service that speaks like it.
    S3,
    /// A container of Azure Blob Storage.
    AzureBlob,
    /// A folder of an SFTP server.
    Sftp,
    /// An address that files are posted to.
    Webhook,
}

impl DestinationType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::S3, Self::AzureBlob, Self::Sftp, Self::Webhook];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::AzureBlob => "azure-blob",
            Self::Sftp => "sftp",
            Self::Webhook => "webhook",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Where files go, without what is secret about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum DestinationConfig {
    /// A bucket.
    S3(S3Config),
    /// A container.
    AzureBlob(AzureBlobConfig),
    /// A folder.
    Sftp(SftpConfig),
    /// An address.
    Webhook(WebhookConfig),
}

/// The secrets of one destination, by the names of their fields. Sealed as a whole; never logged, never shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DestinationSecrets(BTreeMap<String, String>);

impl std::fmt::Debug for DestinationSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl DestinationSecrets {
    /// A secret, by the name of its field.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(String::as_str)
    }

    /// All of them, by the names of their fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(field, secret)| (field.as_str(), secret.as_str()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, String)> for DestinationSecrets {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(pairs: T) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// A configuration that was read: what is stored openly, which secrets were given, and which are kept as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedDestination {
    /// Without secrets.
    pub config: DestinationConfig,
    /// Secrets that were given.
    pub given: DestinationSecrets,
    /// Fields whose mask came back.
    pub kept: BTreeSet<String>,
}

/// A destination as it is kept: what may be shown, and its secrets, each sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedDestination {
    /// Without secrets.
    pub config: DestinationConfig,
    /// By the names of their fields, each as the vault sealed it.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// What the vault bound them to.
    pub sealed_for: String,
    /// That nothing is sent there any more.
    #[serde(default)]
    pub off: Option<SwitchedOff>,
}

/// That a destination was switched off, until it is set up anew or takes something again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchedOff {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

impl SealedDestination {
    /// Whether it is set up as `other` is, be one of them switched off or not.
    pub fn is_set_up_as(&self, other: &Self) -> bool {
        (&self.config, &self.secrets, &self.sealed_for) == (&other.config, &other.secrets, &other.sealed_for)
    }
}

impl DestinationConfig {
    /// Reads a `destinationConfig`; `had` is the configuration that it takes the place of, whose secrets a mask keeps.
    ///
    /// # Errors
    /// Names the first field that is missing, unknown, or not what it must be; never says a secret again.
    pub fn parse(
        kind: DestinationType,
        wire: &Map<String, Value>,
        had: Option<&Self>,
    ) -> Result<ParsedDestination, DestinationConfigError> {
        let held = had.filter(|had| had.kind() == kind).map(Self::secret_fields).unwrap_or_default();
        let mut fields = Fields::new(wire, held);
        let config = match kind {
            DestinationType::S3 => Self::S3(S3Config::parse(&mut fields)?),
            DestinationType::AzureBlob => Self::AzureBlob(AzureBlobConfig::parse(&mut fields)?),
            DestinationType::Sftp => Self::Sftp(SftpConfig::parse(&mut fields)?),
            DestinationType::Webhook => Self::Webhook(WebhookConfig::parse(&mut fields)?),
        };
        let (given, kept) = fields.finish(kind.name())?;
        Ok(ParsedDestination { config, given: DestinationSecrets(given), kept })
    }

    /// Its kind.
    pub fn kind(&self) -> DestinationType {
        match self {
            Self::S3(_) => DestinationType::S3,
            Self::AzureBlob(_) => DestinationType::AzureBlob,
            Self::Sftp(_) => DestinationType::Sftp,
            Self::Webhook(_) => DestinationType::Webhook,
        }
    }

    /// As a client sees it: in the wire's shape, a mask in the place of each secret.
    pub fn shown(&self) -> Map<String, Value> {
        self.write().fields
    }

    /// The fields whose values are secret, where there is one.
    pub fn secret_fields(&self) -> BTreeSet<String> {
        self.write().secrets
    }

    /// Whether a secret that is kept for this one would be given to whom it was given for, `other`: the same service (scheme, host and
    /// port of an endpoint or URL, an account, host and port), be it another bucket, container, folder or path there.
    pub fn is_at_the_place_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::S3(one), Self::S3(two)) => {
                one.endpoint.as_deref().map(origin) == two.endpoint.as_deref().map(origin)
            }
            (Self::AzureBlob(one), Self::AzureBlob(two)) => one.login == two.login,
            (Self::Sftp(one), Self::Sftp(two)) => one.host.eq_ignore_ascii_case(&two.host) && one.port == two.port,
            (Self::Webhook(one), Self::Webhook(two)) => origin(&one.url) == origin(&two.url),
            _ => false,
        }
    }

    fn write(&self) -> Shown {
        let mut shown = Shown::default();
        match self {
            Self::S3(config) => config.write(&mut shown),
            Self::AzureBlob(config) => config.write(&mut shown),
            Self::Sftp(config) => config.write(&mut shown),
            Self::Webhook(config) => config.write(&mut shown),
        }
        shown
    }
}

/// Scheme, host and port of a URL that was checked.
fn origin(url: &str) -> (&str, String, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let (host, port) = authority.rsplit_once(':').filter(|(_, port)| is_port(port)).unwrap_or((authority, ""));
    let port = match (port, scheme) {
        ("", "http") => "80",
        ("", _) => "443",
        (port, _) => port,
    };
    (scheme, host.to_ascii_lowercase(), port)
}

#[cfg(test)]
mod tests;
