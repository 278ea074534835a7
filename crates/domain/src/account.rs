//! Accounts: who acts in an org.

use crate::{AccountId, OrgCode, Role, Timestamp};
use serde::{Deserialize, Serialize};

/// A principal of an org; every key belongs to one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Its org.
    pub org: OrgCode,
    /// Its id.
    pub id: AccountId,
    /// A name for people.
    pub name: String,
    /// Where mail reaches it, if anywhere.
    pub email: Option<String>,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
}
