//! Who acts, and what they may do.

use crate::{Account, AccountId, KeyId, OrgCode, RoleName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What an account may do in its org.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Creates and reads exports.
    Member,
    /// Everything in its org, downloads included.
    Admin,
}

/// A narrower permission that a key may carry beside its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Load and delete records.
    #[serde(rename = "records:write")]
    RecordsWrite,
    /// Read records.
    #[serde(rename = "records:read")]
    RecordsRead,
    /// On the Sigma surface: read jobs and runs.
    #[serde(rename = "read")]
    SigmaRead,
    /// There: write data, runs among it.
    #[serde(rename = "update-data")]
    SigmaUpdateData,
    /// There: delete data.
    #[serde(rename = "delete-data")]
    SigmaDeleteData,
    /// There: write what data are made by, jobs among it.
    #[serde(rename = "update-model")]
    SigmaUpdateModel,
    /// There: delete what data are made by.
    #[serde(rename = "delete-model")]
    SigmaDeleteModel,
}

impl Scope {
    /// Whether it is a permission of the Sigma surface.
    pub fn is_sigma(self) -> bool {
        !matches!(self, Self::RecordsWrite | Self::RecordsRead)
    }
}

/// The authenticated caller of a request: its org and rights come from the credential alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The org that everything it does happens in.
    pub org: OrgCode,
    /// The account behind the credential.
    pub account: AccountId,
    /// Its role.
    pub role: Role,
    /// Every role by which access lists may name it: the account's own, and `admin` or `member` as it acts.
    pub roles: BTreeSet<RoleName>,
    /// Scopes of the key; an administrator has all of them.
    pub scopes: BTreeSet<Scope>,
    /// The key that was used; [`KeyId::of_account`] where it was none.
    pub key: KeyId,
}

impl Principal {
    /// `account` acting with at most `role`, by `key`.
    pub fn of(account: &Account, role: Role, scopes: BTreeSet<Scope>, key: KeyId) -> Self {
        let role = role.min(account.role);
        let roles = account.roles.iter().cloned().chain([RoleName::of(role)]).collect();
        Self { org: account.org.clone(), account: account.id, role, roles, scopes, key }
    }

    /// The key that was used, if it was one.
    pub fn key_used(&self) -> Option<KeyId> {
        Some(self.key).filter(|key| *key != KeyId::of_account(self.account))
    }

    /// Whether it is an administrator of its org.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether it may do what `scope` names: administrators may all, but not by a key of the Sigma surface, which does
    /// what it names. Without such a key, who may what on that surface is said by roles alone.
    pub fn has(&self, scope: Scope) -> bool {
        let by_sigma_key = self.scopes.iter().any(|scope| scope.is_sigma());
        self.scopes.contains(&scope) || !by_sigma_key && (self.is_admin() || scope.is_sigma())
    }
}
