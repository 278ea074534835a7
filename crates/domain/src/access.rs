//! Access: the levels, the entries that grant them, and the one decision which level somebody has on a record.
//!
//! Nobody can do anything with a record until an entry grants it, but its owner, who may do everything unless the
//! definition says otherwise, and administrators.

mod entry;
mod rules;

pub use entry::{AccessEntry, AccessEntryError, MAX_ACCESS_ENTRIES, read_access_entries};
pub use rules::{AccessRules, GuardedProperty, RecordSight};

use crate::{AccountId, Principal, Role, RoleName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// The member of a record that holds its own access entries. No property can be called so.
pub const ACCESS_LIST: &str = "_access";

/// What the owner of a record may do where the definition has no entry for owners.
const OWNERS: AccessLevel = AccessLevel::Delete;
/// What an administrator may do at least.
const ADMINISTRATORS: AccessLevel = AccessLevel::Delete;

/// What somebody may do; each level includes those below it. Stored and sent as a number, 1 to 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum AccessLevel {
    /// 1: what anybody may.
    Public,
    /// 2: what whoever is connected may.
    Connected,
    /// 3: means nothing.
    Reserved,
    /// 4: read.
    Read,
    /// 5: let others read.
    Share,
    /// 6: change.
    Update,
    /// 7: delete; what an owner gets.
    Delete,
    /// 8: what scripts may, and no list can grant.
    Script,
}

/// A number that is no level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an access level, 1 to 8")]
pub struct AccessLevelError;

impl AccessLevel {
    const ALL: [Self; 8] = [
        Self::Public,
        Self::Connected,
        Self::Reserved,
        Self::Read,
        Self::Share,
        Self::Update,
        Self::Delete,
        Self::Script,
    ];

    /// Its number, 1 to 8.
    pub fn number(self) -> u8 {
        (1..).zip(Self::ALL).find(|(_, level)| *level == self).map_or(0, |(number, _)| number)
    }
}

impl TryFrom<u8> for AccessLevel {
    type Error = AccessLevelError;

    fn try_from(number: u8) -> Result<Self, AccessLevelError> {
        (1..).zip(Self::ALL).find(|(own, _)| *own == number).map(|(_, level)| level).ok_or(AccessLevelError)
    }
}

impl From<AccessLevel> for u8 {
    fn from(level: AccessLevel) -> Self {
        level.number()
    }
}

impl fmt::Display for AccessLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}

/// Whose rights decide: an account, and what it was when that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Viewer {
    /// The account.
    pub account: AccountId,
    /// What it may do in its org.
    pub role: Role,
    /// Every role by which entries may name it.
    pub roles: BTreeSet<RoleName>,
}

impl From<&Principal> for Viewer {
    fn from(principal: &Principal) -> Self {
        Self { account: principal.account, role: principal.role, roles: principal.roles.clone() }
    }
}

impl From<&crate::Account> for Viewer {
    fn from(account: &crate::Account) -> Self {
        Self { account: account.id, role: account.role, roles: account.role_names() }
    }
}

/// What there is to a record that decides who may do what with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordAccess<'a> {
    /// Whether it is the viewer's own account.
    pub is_self: bool,
    /// Whether the viewer owns it.
    pub is_owner: bool,
    /// Its own entries.
    pub entries: &'a [AccessEntry],
}

/// The level that `viewer` has on a record of a collection whose definition has the entries `defaults`; `None` = none
/// at all.
pub fn effective_level(viewer: &Viewer, defaults: &[AccessEntry], record: &RecordAccess<'_>) -> Option<AccessLevel> {
    let entries = || defaults.iter().chain(record.entries);
    let mut level = (viewer.role == Role::Admin).then_some(ADMINISTRATORS);
    let owners_are_told_of = defaults.iter().any(|entry| matches!(entry, AccessEntry::Owner { .. }));
    if record.is_owner && !owners_are_told_of {
        level = level.max(Some(OWNERS));
    }
    for entry in entries() {
        let (grants, allow) = match entry {
            AccessEntry::Account { target, allow } => (*target == viewer.account, *allow),
            AccessEntry::Own { allow } => (record.is_self, *allow),
            AccessEntry::Role { target, allow } => (viewer.roles.contains(target), *allow),
            AccessEntry::Owner { allow } => (record.is_owner, *allow),
            AccessEntry::Access { .. } => continue,
        };
        if grants {
            level = level.max(Some(allow));
        }
    }
    // What an entry gives may be what another one asks for; levels only rise, so this ends.
    loop {
        let before = level;
        for entry in entries() {
            if let AccessEntry::Access { target, allow } = entry
                && level >= Some(*target)
            {
                level = level.max(Some(*allow));
            }
        }
        if level == before {
            return level;
        }
    }
}

/// What `principal` may do with an export that `creator` made: everything with one's own, and for administrators.
pub fn export_level(principal: &Principal, creator: AccountId) -> AccessLevel {
    if principal.is_admin() || principal.account == creator { AccessLevel::Delete } else { AccessLevel::Read }
}

#[cfg(test)]
mod tests;
