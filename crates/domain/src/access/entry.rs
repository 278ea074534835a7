//! Entries of access lists, and reading them from what a client wrote.

use super::AccessLevel;
use crate::{AccountId, RoleName};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Most entries of one list.
pub const MAX_ACCESS_ENTRIES: usize = 50;

/// Grants a level on records to whom it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum AccessEntry {
    /// To one account.
    Account {
        /// Which.
        target: AccountId,
        /// What it may do.
        allow: AccessLevel,
    },
    /// To the account that the record itself is.
    #[serde(rename = "self")]
    Own {
        /// What it may do.
        allow: AccessLevel,
    },
    /// To every account that has a role.
    Role {
        /// Which.
        target: RoleName,
        /// What they may do.
        allow: AccessLevel,
    },
    /// To the record's owner.
    Owner {
        /// What they may do.
        allow: AccessLevel,
    },
    /// To whoever has a level by other entries.
    Access {
        /// Which level, at least.
        target: AccessLevel,
        /// What they may do.
        allow: AccessLevel,
    },
}

/// A list of entries that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct AccessEntryError {
    /// Where in the list, member after member: `["0", "target"]`; empty for the list as a whole.
    pub place: Vec<String>,
    /// What it must be.
    pub reason: String,
}

/// The kinds of entries by name and by the numbers that the Cortex API gives them.
const KINDS: [(&str, u64); 5] = [("account", 1), ("self", 2), ("role", 3), ("owner", 4), ("access", 5)];

/// Reads a list of entries, each `{"type", "target", "allow"}`; types may be written as numbers.
///
/// # Errors
/// The first that is wrong with it.
pub fn read_access_entries(list: &Value) -> Result<Vec<AccessEntry>, AccessEntryError> {
    let whole = |reason: String| AccessEntryError { place: Vec::new(), reason };
    let Some(elements) = list.as_array() else { return Err(whole("must be an array of access entries".to_owned())) };
    if elements.len() > MAX_ACCESS_ENTRIES {
        return Err(whole(format!("has more than {MAX_ACCESS_ENTRIES} entries")));
    }
    let read = |(index, element): (usize, &Value)| {
        entry(element).map_err(|(member, reason)| AccessEntryError {
            place: std::iter::once(index.to_string()).chain(member.map(str::to_owned)).collect(),
            reason,
        })
    };
    elements.iter().enumerate().map(read).collect()
}

type Wrong<'a> = (Option<&'a str>, String);

fn entry(value: &Value) -> Result<AccessEntry, Wrong<'_>> {
    let Some(members) = value.as_object() else {
        return Err((None, "must be an object with `type`, `target` and `allow`".to_owned()));
    };
    if let Some(name) = members.keys().find(|name| !["type", "target", "allow"].contains(&name.as_str())) {
        let shown: String = name.chars().take(80).collect();
        return Err((None, format!("`{shown}` is no member of an access entry")));
    }
    let kind = members.get("type").and_then(|given| {
        KINDS.iter().find(|(name, number)| given.as_str() == Some(name) || given.as_u64() == Some(*number))
    });
    let Some((kind, _)) = kind else {
        return Err((Some("type"), "must be `account`, `self`, `role`, `owner` or `access`".to_owned()));
    };
    let allow = match level(members.get("allow")) {
        Some(AccessLevel::Reserved | AccessLevel::Script) | None => {
            let reason = "must be an access level that can be granted: 1, 2, 4, 5, 6 or 7";
            return Err((Some("allow"), reason.to_owned()));
        }
        Some(level) => level,
    };
    match *kind {
        "account" => Ok(AccessEntry::Account { target: text(members, "the id of an account: 24 hex digits")?, allow }),
        "role" => {
            Ok(AccessEntry::Role { target: text(members, "the name of a role: ^[a-z][a-z0-9_-]{0,38}$")?, allow })
        }
        "access" => match level(members.get("target")) {
            Some(target) => Ok(AccessEntry::Access { target, allow }),
            None => Err((Some("target"), "must be an access level, 1 to 8".to_owned())),
        },
        _ if members.get("target").is_some_and(|target| !target.is_null()) => {
            Err((Some("target"), format!("must be left out of an entry for `{kind}`")))
        }
        "self" => Ok(AccessEntry::Own { allow }),
        _ => Ok(AccessEntry::Owner { allow }),
    }
}

fn level(value: Option<&Value>) -> Option<AccessLevel> {
    u8::try_from(value?.as_u64()?).ok()?.try_into().ok()
}

fn text<T: std::str::FromStr>(members: &Map<String, Value>, expected: &str) -> Result<T, Wrong<'static>> {
    let target = members.get("target").and_then(Value::as_str).and_then(|text| text.parse().ok());
    target.ok_or_else(|| (Some("target"), format!("must be {expected}")))
}
