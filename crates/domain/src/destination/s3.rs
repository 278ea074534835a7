//! Buckets of S3 and of services that speak like it.

use super::DestinationConfigError;
use super::fields::{Fields, Shown, error};
use super::path;
use super::webhook::checked_url;
use serde::{Deserialize, Serialize};

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct S3Config {
    /// Its name.
    pub bucket: String,
    /// Its region: `eu-north-1`.
    pub region: String,
    /// A folder in it.
    pub path: Option<String>,
    /// Where the service listens, if it is not AWS.
    pub endpoint: Option<String>,
    /// Whether the bucket is a part of the path instead of the host.
    pub force_path_style: bool,
    /// Who writes.
    pub login: S3Login,
    /// How it is encrypted there; `None` leaves it to the bucket.
    pub encryption: Option<S3Encryption>,
}

/// Who writes to a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum S3Login {
    /// A key pair; its other half is the secret `secretAccessKey`.
    Keys {
        /// The id of the key.
        access_key_id: String,
    },
    /// A role of the bucket's owner that trusts this deployment.
    Role {
        /// Its ARN.
        role_arn: String,
        /// What the owner's trust policy asks for.
        external_id: Option<String>,
    },
    /// This deployment itself, which the bucket's policy must let in.
    Deployment,
}

/// How objects are encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum S3Encryption {
    /// With keys of the service.
    Aes256,
    /// With a key of KMS.
    Kms {
        /// Which; `None` for the account's own.
        key_id: Option<String>,
    },
}

impl S3Config {
    /// The secret half of a key pair.
    pub const SECRET_ACCESS_KEY: &str = "secretAccessKey";

    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, DestinationConfigError> {
        let bucket = fields.needed("bucket")?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(is_plain) || bucket.contains("..") {
            return Err(error("bucket", "must be the name of a bucket: 3 to 63 letters, digits, hyphens and dots"));
        }
        let region = fields.needed("region")?;
        if region.len() > 40 || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(error("region", "must be the name of a region, such as eu-north-1"));
        }
        let path = path::folder(fields)?;
        let endpoint = fields.text("endpoint")?;
        if let Some(endpoint) = &endpoint {
            checked_url("endpoint", endpoint)?;
        }
        let force_path_style = fields.flag("forcePathStyle")?;
        let login = login(fields, endpoint.is_some())?;
        let encryption = encryption(fields)?;
        Ok(Self { bucket, region, path, endpoint, force_path_style, login, encryption })
    }

    pub(super) fn write(&self, shown: &mut Shown) {
        shown.put("bucket", self.bucket.clone());
        shown.put("region", self.region.clone());
        shown.put_some("path", self.path.as_ref());
        shown.put_some("endpoint", self.endpoint.as_ref());
        if self.force_path_style {
            shown.put("forcePathStyle", true);
        }
        match &self.login {
            S3Login::Keys { access_key_id } => {
                shown.put("accessKeyId", access_key_id.clone());
                shown.mask(Self::SECRET_ACCESS_KEY);
            }
            S3Login::Role { role_arn, external_id } => {
                shown.put("roleArn", role_arn.clone());
                shown.put_some("externalId", external_id.as_ref());
            }
            S3Login::Deployment => {}
        }
        match &self.encryption {
            Some(S3Encryption::Aes256) => shown.put("sseAlgorithm", "AES256"),
            Some(S3Encryption::Kms { key_id }) => {
                shown.put("sseAlgorithm", "aws:kms");
                shown.put_some("kmsKeyId", key_id.as_ref());
            }
            None => {}
        }
    }

    /// The key of a file of this name.
    pub fn key(&self, name: &str) -> String {
        path::key(self.path.as_ref(), name)
    }
}

fn login(fields: &mut Fields<'_>, has_endpoint: bool) -> Result<S3Login, DestinationConfigError> {
    let access_key_id = fields.text("accessKeyId")?;
    let has_secret = fields.secret(S3Config::SECRET_ACCESS_KEY)?;
    let role_arn = fields.text("roleArn")?;
    let external_id = fields.text("externalId")?;
    match (access_key_id, has_secret, role_arn) {
        (Some(_), _, Some(_)) | (None, true, Some(_)) => {
            Err(error("roleArn", "cannot stand beside accessKeyId and secretAccessKey"))
        }
        (Some(_), false, None) => Err(error(S3Config::SECRET_ACCESS_KEY, "is required beside accessKeyId")),
        (None, true, None) => Err(error("accessKeyId", "is required beside secretAccessKey")),
        (Some(access_key_id), true, None) if external_id.is_none() => Ok(S3Login::Keys { access_key_id }),
        (None, false, Some(role_arn)) => {
            if !role_arn.starts_with("arn:") || !role_arn.contains(":role/") {
                return Err(error("roleArn", "must be the ARN of a role: arn:aws:iam::<account>:role/<name>"));
            }
            Ok(S3Login::Role { role_arn, external_id })
        }
        (None, false, None) if external_id.is_none() && has_endpoint => {
            Err(error("accessKeyId", "is required beside endpoint, together with secretAccessKey"))
        }
        (None, false, None) if external_id.is_none() => Ok(S3Login::Deployment),
        _ => Err(error("externalId", "is only for a roleArn")),
    }
}

fn encryption(fields: &mut Fields<'_>) -> Result<Option<S3Encryption>, DestinationConfigError> {
    let algorithm = fields.text("sseAlgorithm")?;
    let key_id = fields.text("kmsKeyId")?;
    match (algorithm.as_deref(), key_id) {
        (Some("aws:kms"), key_id) => Ok(Some(S3Encryption::Kms { key_id })),
        (_, Some(_)) => Err(error("kmsKeyId", "is only for the sseAlgorithm aws:kms")),
        (Some("AES256"), None) => Ok(Some(S3Encryption::Aes256)),
        (None, None) => Ok(None),
        (Some(_), None) => Err(error("sseAlgorithm", "must be AES256 or aws:kms")),
    }
}
