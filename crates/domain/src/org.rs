//! An org: the tenant, its limits, and nothing of anybody else.

use crate::{OrgCode, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

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
    /// Fewest seconds between two slots of a job; `None` = a minute.
    #[serde(default)]
    pub min_interval_secs: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Org {
    /// The shortest time that may lie between two slots of a job of its.
    pub fn min_interval(&self) -> Duration {
        Duration::from_secs(self.min_interval_secs.unwrap_or(60).into())
    }
}
