//! The registry of ids: each a type of its own, parsed on the way in.

use crate::{Role, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Why a text is no id of the asked kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 24 hex digits.
    #[error("an id is 24 hex digits")]
    NotObjectId,
    /// Not an org code.
    #[error("an org code matches ^[a-z][a-z0-9_-]{{1,38}}$")]
    NotOrgCode,
    /// An org code that a route of ours needs.
    #[error("the org code `{0}` is reserved")]
    Reserved(String),
    /// Not a collection name.
    #[error("a collection name matches ^[A-Za-z][A-Za-z0-9_-]{{0,63}}$")]
    NotCollectionName,
    /// Not the id of a job.
    #[error("a job's id matches ^[A-Za-z0-9][A-Za-z0-9_-]{{0,63}}$")]
    NotJobId,
    /// Not an id that a client may choose for an export.
    #[error("an id matches ^[@~\\-\\.\\w]{{1,50}}$")]
    NotExportAlias,
    /// Not the id of a dimension.
    #[error("a dimension's id matches ^[A-Za-z0-9][A-Za-z0-9_-]{{0,63}}$")]
    NotDimensionId,
    /// Not the name of a role.
    #[error("a role matches ^[a-z][a-z0-9_-]{{0,38}}$")]
    NotRoleName,
}

macro_rules! object_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; 12]);

        impl $name {
            /// A new id: four bytes of `now` in seconds, then eight of `randomness`.
            pub fn new(now: Timestamp, randomness: [u8; 8]) -> Self {
                let mut bytes = [0; 12];
                let secs = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
                bytes[..4].copy_from_slice(&secs.to_be_bytes());
                bytes[4..].copy_from_slice(&randomness);
                Self(bytes)
            }

            /// The id whose digits write these bytes.
            pub const fn from_bytes(bytes: [u8; 12]) -> Self {
                Self(bytes)
            }

            /// What its digits write.
            pub const fn to_bytes(self) -> [u8; 12] {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut bytes = [0; 12];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| IdError::NotObjectId)?;
                Ok(Self(bytes))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

object_id! {
    /// An export: 24 hex digits, upper case accepted and printed lower.
    ExportId
}
object_id! {
    /// An account of an org.
    AccountId
}
object_id! {
    /// An access key of an org (its name, not its secret).
    KeyId
}
object_id! {
    /// A record of a collection, `_id`.
    RecordId
}
object_id! {
    /// A line of an org's log.
    LogId
}
object_id! {
    /// A file of a record.
    FileId
}
object_id! {
    /// A run of a job; of one that an export is, the export's id.
    RunId
}
object_id! {
    /// A webhook of an org.
    WebhookId
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

counter! {
    /// Place of an export in the order of creation of its org.
    Seq
}
counter! {
    /// Place of an export in the order of entry into its org's lane; of the same counter as [`Seq`].
    Ticket
}
counter! {
    /// Number of the lease under which a write happens; grows with every acquisition of a lane.
    Epoch
}

/// One worker invocation, random.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(pub u64);

impl fmt::Debug for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkerId({:016x})", self.0)
    }
}

/// One commit to the state store, random: it becomes the version of every row that the commit writes, so that a repeated attempt recognises its own effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommitId(pub u128);

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for CommitId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

/// First path segments that routes of ours take, and so no org can.
const RESERVED: [&str; 16] = [
    "v1",
    "api",
    "experimental",
    "organizations",
    "data-exports",
    "organization-exports",
    "files",
    "users",
    "export-jobs",
    "export",
    "auth",
    "console",
    "docs",
    "dl",
    "healthz",
    "assets",
];

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let check: fn(&str) -> Result<(), IdError> = $check;
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

checked_text! {
    /// The code of an org, `^[a-z][a-z0-9_-]{1,38}$` and none of our routes' first segments.
    OrgCode,
    |text| {
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
        let rest = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
        if !(first && rest && (2..=39).contains(&text.len())) {
            return Err(IdError::NotOrgCode);
        }
        if RESERVED.contains(&text) {
            return Err(IdError::Reserved(text.to_owned()));
        }
        Ok(())
    }
}

checked_text! {
    /// The name of a collection, `^[A-Za-z][A-Za-z0-9_-]{0,63}$`.
    CollectionName,
    |text| {
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic());
        let rest = bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if first && rest && text.len() <= 64 { Ok(()) } else { Err(IdError::NotCollectionName) }
    }
}

checked_text! {
    /// The id of a job, `^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`: `exp-` and 24 hex digits, or what the client chose.
    JobId,
    |text| {
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric());
        let rest = bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if first && rest && text.len() <= JobId::MAX_BYTES { Ok(()) } else { Err(IdError::NotJobId) }
    }
}

impl JobId {
    /// Longest one, in bytes, which are its characters.
    pub const MAX_BYTES: usize = 64;
}

checked_text! {
    /// The id that a client chose for an export, `^[@~\-\.\w]{1,50}$`.
    ExportAlias,
    |text| {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'~' | b'-' | b'.' | b'_');
        if (1..=50).contains(&text.len()) && text.bytes().all(good) { Ok(()) } else { Err(IdError::NotExportAlias) }
    }
}

checked_text! {
    /// The id of a dimension, `^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`.
    DimensionId,
    |text| text.parse::<JobId>().map(drop).map_err(|_| IdError::NotDimensionId)
}

checked_text! {
    /// The name of a role that access lists name, `^[a-z][a-z0-9_-]{0,38}$`: one of the org's own, or `admin` or `member`.
    RoleName,
    |text| {
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
        let rest = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
        if first && rest && text.len() <= 39 { Ok(()) } else { Err(IdError::NotRoleName) }
    }
}

impl CollectionName {
    /// The built-in collection of an org's accounts.
    pub fn accounts() -> Self {
        Self("accounts".to_owned())
    }

    /// One of [`CollectionName::accounts`].
    pub fn account() -> Self {
        Self("account".to_owned())
    }

    /// All collections of an org together, where an export takes records of every one.
    pub fn everything() -> Self {
        Self("everything".to_owned())
    }

    /// One record of [`CollectionName::everything`].
    pub fn anything() -> Self {
        Self("record".to_owned())
    }

    /// Whether no collection may be called so, nor one record of it: paths of surfaces are.
    pub fn is_reserved(&self) -> bool {
        ["account", "accounts", "everything", "export", "exports", "log", "logs", "org", "orgs"]
            .contains(&self.0.as_str())
    }
}

impl RoleName {
    /// The name that whoever has `role` holds.
    pub fn of(role: Role) -> Self {
        let name = match role {
            Role::Member => "member",
            Role::Admin => "admin",
        };
        Self(name.to_owned())
    }
}

impl JobId {
    /// A new id of our own.
    pub fn new(now: Timestamp, randomness: [u8; 8]) -> Self {
        Self(format!("exp-{}", RunId::new(now, randomness)))
    }
}

impl From<ExportId> for RunId {
    fn from(id: ExportId) -> Self {
        Self(id.0)
    }
}

impl KeyId {
    /// What stands for the key where an account acts without one, by a password or a session: the account's id with
    /// every bit turned, in a time that no key is made in.
    pub fn of_account(account: AccountId) -> Self {
        Self(account.0.map(|byte| !byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_ids_carry_their_second_and_print_as_hex() {
        let id = ExportId::new(Timestamp::from_millis(1000), [0xab; 8]);
        assert_eq!(id.to_string(), "00000001abababababababab");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("xyz".parse::<ExportId>(), Err(IdError::NotObjectId));
    }

    #[test]
    fn org_codes_keep_clear_of_our_routes() {
        for good in ["demo", "ab", "a-b_c9"] {
            assert!(good.parse::<OrgCode>().is_ok(), "{good}");
        }
        for bad in ["a", "Demo", "9a", "a.b", "v1", "export-jobs", ""] {
            assert!(bad.parse::<OrgCode>().is_err(), "{bad}");
        }
    }
}
