//! Containers of Azure Blob Storage.

use super::DestinationConfigError;
use super::fields::{Fields, Shown, error};
use super::path;
use serde::{Deserialize, Serialize};

/// A container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AzureBlobConfig {
    /// Its name.
    pub container: String,
    /// A folder in it.
    pub path: Option<String>,
    /// Who writes.
    pub login: AzureLogin,
}

/// Who writes to a container; each has a secret of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AzureLogin {
    /// All in one text: the secret `connectionString`.
    ConnectionString,
    /// The storage account's key: the secret `accountKey`.
    AccountKey {
        /// The account.
        account_name: String,
    },
    /// A signature that grants some access: the secret `sasToken`.
    SasToken {
        /// The account.
        account_name: String,
    },
}

impl AzureBlobConfig {
    /// A connection string.
    pub const CONNECTION_STRING: &str = "connectionString";
    /// An account's key.
    pub const ACCOUNT_KEY: &str = "accountKey";
    /// A shared access signature.
    pub const SAS_TOKEN: &str = "sasToken";

    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, DestinationConfigError> {
        let container = fields.needed("container")?;
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-$".contains(&byte);
        if !(3..=63).contains(&container.len()) || !container.bytes().all(is_plain) {
            return Err(error(
                "container",
                "must be the name of a container: 3 to 63 lower-case letters, digits and hyphens",
            ));
        }
        let path = path::folder(fields)?;
        let has_string = fields.secret(Self::CONNECTION_STRING)?;
        let account_name = fields.text("accountName")?;
        let has_key = fields.secret(Self::ACCOUNT_KEY)?;
        let has_token = fields.secret(Self::SAS_TOKEN)?;
        let login = match (has_string, account_name, has_key, has_token) {
            (true, None, false, false) => AzureLogin::ConnectionString,
            (true, ..) => {
                return Err(error(Self::CONNECTION_STRING, "cannot stand beside accountName, accountKey and sasToken"));
            }
            (false, Some(account_name), true, false) => AzureLogin::AccountKey { account_name: account(account_name)? },
            (false, Some(account_name), false, true) => AzureLogin::SasToken { account_name: account(account_name)? },
            (false, _, true, true) => return Err(error(Self::SAS_TOKEN, "cannot stand beside accountKey")),
            (false, Some(_), false, false) => return Err(error(Self::ACCOUNT_KEY, "or sasToken is required")),
            (false, None, true, false) | (false, None, false, true) => return Err(error("accountName", "is required")),
            (false, None, false, false) => {
                return Err(error(Self::CONNECTION_STRING, "is required, or accountName with accountKey or sasToken"));
            }
        };
        Ok(Self { container, path, login })
    }

    pub(super) fn write(&self, shown: &mut Shown) {
        shown.put("container", self.container.clone());
        shown.put_some("path", self.path.as_ref());
        match &self.login {
            AzureLogin::ConnectionString => shown.mask(Self::CONNECTION_STRING),
            AzureLogin::AccountKey { account_name } => {
                shown.put("accountName", account_name.clone());
                shown.mask(Self::ACCOUNT_KEY);
            }
            AzureLogin::SasToken { account_name } => {
                shown.put("accountName", account_name.clone());
                shown.mask(Self::SAS_TOKEN);
            }
        }
    }

    /// The name of a file's blob.
    pub fn key(&self, name: &str) -> String {
        path::key(self.path.as_ref(), name)
    }
}

/// The account becomes a part of a host's name.
fn account(name: String) -> Result<String, DestinationConfigError> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if !(3..=24).contains(&name.len()) || !name.bytes().all(is_plain) {
        return Err(error(
            "accountName",
            "must be the name of a storage account: 3 to 24 lower-case letters and digits",
        ));
    }
    Ok(name)
}
