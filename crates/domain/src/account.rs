//! Accounts: who acts in an org.

use crate::{AccountId, OrgCode, Role, RoleName, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most roles that an account may have beside `admin` or `member`.
pub const MAX_ROLES: usize = 64;

/// A principal of an org; every key belongs to one. Its password stands in a row of its own, so that whoever reads or
/// shows accounts never has it in hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Its org.
    pub org: OrgCode,
    /// Its id.
    pub id: AccountId,
    /// A name for people.
    pub name: AccountName,
    /// Where mail reaches it and by which it signs in, if at all; of one account of the org only.
    pub email: Option<Email>,
    /// What it may do.
    pub role: Role,
    /// The org's own roles that it has, beside the one above; access lists name them.
    #[serde(default)]
    pub roles: BTreeSet<RoleName>,
    /// Whether it is kept out: none of its credentials is good.
    #[serde(default)]
    pub locked: bool,
    /// Sessions that began before are over: the password was changed then, or the account locked.
    #[serde(default)]
    pub sessions_since: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Account {
    /// Every role by which access lists may name it: its own, and `admin` or `member`.
    pub fn role_names(&self) -> BTreeSet<RoleName> {
        self.roles.iter().cloned().chain([RoleName::of(self.role)]).collect()
    }
}

/// What an account is called; either part may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountName {
    /// The given name.
    pub first: String,
    /// The family name.
    pub last: String,
}

impl AccountName {
    /// A name of one part.
    pub fn of(first: impl Into<String>) -> Self {
        Self { first: first.into(), last: String::new() }
    }
}

/// An e-mail address: at most 254 visible ASCII characters, a part before `@` and a host behind it, kept as written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// A text that is no e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address, like `ann@example.com`, of at most 254 characters")]
pub struct EmailError;

impl Email {
    /// Parses an address.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let (local, host) = text.rsplit_once('@').ok_or(EmailError)?;
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"(),:;<>[\\]".contains(&byte));
        let labels = host.split('.').all(|label| {
            let ends = !label.starts_with('-') && !label.ends_with('-');
            !label.is_empty() && ends && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
        let whole = !local.is_empty() && local.len() <= 64 && !local.contains('@') && text.len() <= 254;
        if visible && labels && whole { Ok(Self(text.to_owned())) } else { Err(EmailError) }
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address by which accounts are told apart: case does not count.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl std::str::FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        Self::parse(text)
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Email {}

impl TryFrom<String> for Email {
    type Error = EmailError;

    fn try_from(text: String) -> Result<Self, EmailError> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_without_regard_to_case() {
        assert_eq!(Email::parse("Ann.Lee+x@Example.com"), Email::parse("ann.lee+X@example.COM"));
        for bad in
            ["", "ann", "@example.com", "ann@", "a b@example.com", "a@b@c", "a@-x.com", "a@x..com", "å@example.com"]
        {
            assert_eq!(Email::parse(bad), Err(EmailError), "{bad}");
        }
    }

    #[test]
    fn a_role_of_administration_is_a_role_name_too() {
        let account = Account {
            org: "demo".parse().unwrap(),
            id: "00000000000000000000000a".parse().unwrap(),
            name: AccountName::of("Ann"),
            email: None,
            role: Role::Member,
            roles: BTreeSet::from(["nurse".parse().unwrap()]),
            locked: false,
            sessions_since: None,
            created_at: Timestamp::from_millis(0),
        };
        let names: Vec<String> = account.role_names().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["member", "nurse"]);
    }
}
