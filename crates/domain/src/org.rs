//! An org: the tenant, its limits, and nothing of anybody else.

use crate::{OrgCode, Timestamp};
use serde::{Deserialize, Serialize};

/// A tenant and what the operator set for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Org {
    /// Its code, the first path segment of the Cortex surface.
    pub code: OrgCode,
    /// A name for people.
    pub name: String,
    /// Most bytes that its archives and files may take; `None` = unlimited.
    pub quota_bytes: Option<u64>,
    /// Most exports that may wait; `None` = unlimited.
    pub max_waiting: Option<u32>,
    /// IANA zone that its schedules use where they name none.
    pub zone: String,
    /// When it was made.
    pub created_at: Timestamp,
}
