//! Folders of SFTP servers.

use super::DestinationConfigError;
use super::fields::{Fields, Shown, error};
use super::path;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SftpConfig {
    /// A name, or an address without brackets.
    pub host: String,
    /// 22 where nothing is said.
    pub port: u16,
    /// Who writes.
    pub username: String,
    /// How that is proven.
    pub login: SftpLogin,
    /// The folder: absolute, or from where a login begins.
    pub path: Option<String>,
    /// The server's key. Without it no file is ever sent.
    pub host_key_fingerprint: Option<HostKeyFingerprint>,
}

/// How somebody proves who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SftpLogin {
    /// With the secret `password`.
    Password,
    /// With the secret `privateKey`.
    PrivateKey {
        /// Whether it needs the secret `passphrase`.
        has_passphrase: bool,
    },
}

/// The SHA-256 of a server's public key, as `ssh-keygen -l` prints it: `SHA256:` and 43 characters of Base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostKeyFingerprint(String);

impl HostKeyFingerprint {
    /// Reads one, with or without `SHA256:` and padding.
    pub fn parse(text: &str) -> Option<Self> {
        let digest = text.trim().trim_end_matches('=');
        let digest = digest.strip_prefix("SHA256:").unwrap_or(digest);
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
        (digest.len() == 43 && digest.bytes().all(is_base64)).then(|| Self(format!("SHA256:{digest}")))
    }
}

impl fmt::Display for HostKeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SftpConfig {
    /// A password.
    pub const PASSWORD: &str = "password";
    /// A private key, in PEM or OpenSSH's format.
    pub const PRIVATE_KEY: &str = "privateKey";
    /// What a private key is encrypted with.
    pub const PASSPHRASE: &str = "passphrase";

    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, DestinationConfigError> {
        let host = fields.needed("host")?;
        if host.contains(['/', '@', '[', ']', ' ']) {
            return Err(error("host", "must be the name or the address of a server alone"));
        }
        let port = match fields.value("port") {
            None => 22,
            Some(value) => value
                .as_u64()
                .and_then(|port| u16::try_from(port).ok())
                .filter(|port| *port > 0)
                .ok_or_else(|| error("port", "must be a number from 1 to 65535"))?,
        };
        let username = fields.needed("username")?;
        let has_password = fields.secret(Self::PASSWORD)?;
        let has_key = fields.secret(Self::PRIVATE_KEY)?;
        let has_passphrase = fields.secret(Self::PASSPHRASE)?;
        let login = match (has_password, has_key) {
            (true, true) => return Err(error(Self::PRIVATE_KEY, "cannot stand beside password")),
            (false, false) => return Err(error(Self::PASSWORD, "or privateKey is required")),
            (true, false) if has_passphrase => return Err(error(Self::PASSPHRASE, "is only for a privateKey")),
            (true, false) => SftpLogin::Password,
            (false, true) => SftpLogin::PrivateKey { has_passphrase },
        };
        if fields.given(Self::PRIVATE_KEY).is_some_and(|key| !key.contains("PRIVATE KEY") && !key.starts_with("PuTTY-"))
        {
            return Err(error(Self::PRIVATE_KEY, "must be a private key as text, its first and last line included"));
        }
        let path = path::folder(fields)?;
        let host_key_fingerprint = match fields.text("hostKeyFingerprint")? {
            None => None,
            Some(text) => Some(HostKeyFingerprint::parse(&text).ok_or_else(|| {
                let reason = "must be the SHA-256 fingerprint of the server's key: SHA256: and 43 characters, as `ssh-keygen -l` prints it";
                error("hostKeyFingerprint", reason)
            })?),
        };
        Ok(Self { host, port, username, login, path, host_key_fingerprint })
    }

    pub(super) fn write(&self, shown: &mut Shown) {
        shown.put("host", self.host.clone());
        shown.put("port", self.port);
        shown.put("username", self.username.clone());
        match self.login {
            SftpLogin::Password => shown.mask(Self::PASSWORD),
            SftpLogin::PrivateKey { has_passphrase } => {
                shown.mask(Self::PRIVATE_KEY);
                if has_passphrase {
                    shown.mask(Self::PASSPHRASE);
                }
            }
        }
        shown.put_some("path", self.path.as_ref());
        if let Some(fingerprint) = &self.host_key_fingerprint {
            shown.put("hostKeyFingerprint", fingerprint.to_string());
        }
    }

    /// The folder, and a file of this name in it.
    pub fn file(&self, name: &str) -> String {
        let key = path::key(self.path.as_ref(), name);
        let is_absolute = self.path.as_ref().is_some_and(|path| path.starts_with('/'));
        if is_absolute { format!("/{key}") } else { key }
    }
}
