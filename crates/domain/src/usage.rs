//! Storage that an org uses, counted exactly once.

use crate::{OrgCode, Timestamp};
use serde::{Deserialize, Serialize};

/// Bytes that an org's archives and files take, and that its running exports and files on their way have reserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// The org.
    pub org: OrgCode,
    /// Bytes of what exists: Σ of what its terminal exports and its files hold.
    pub used_bytes: u64,
    /// Bytes that running exports and announced files have reserved.
    pub reserved_bytes: u64,
    /// When the sum is to be recounted, if anything has changed since it last was.
    #[serde(default)]
    pub recount_at: Option<Timestamp>,
    /// A recount under way.
    #[serde(default)]
    pub recount: Option<Recount>,
}

/// How far a recount is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recount {
    /// What is counted; `None` at the beginning and at the end.
    pub after: Option<String>,
    /// Bytes that exist, of what is counted.
    pub used_bytes: u64,
    /// Bytes that are reserved, of what is counted.
    pub reserved_bytes: u64,
}

/// A reservation that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "storage quota exceeded: {used_bytes} bytes used, {needed_bytes} more needed, {limit_bytes} allowed; delete exports or ask the operator for more"
)]
pub struct QuotaExceeded {
    /// Used and reserved so far.
    pub used_bytes: u64,
    /// What was asked for on top.
    pub needed_bytes: u64,
    /// The quota.
    pub limit_bytes: u64,
}

impl Usage {
    /// No storage used.
    pub fn empty(org: OrgCode) -> Self {
        Self { org, used_bytes: 0, reserved_bytes: 0, recount_at: None, recount: None }
    }

    /// Reserves `bytes` more.
    ///
    /// # Errors
    /// [`QuotaExceeded`] when used, reserved and `bytes` together are over `quota_bytes`.
    pub fn reserve(mut self, bytes: u64, quota_bytes: Option<u64>) -> Result<Self, QuotaExceeded> {
        let taken = self.used_bytes.saturating_add(self.reserved_bytes);
        if let Some(limit) = quota_bytes
            && taken.saturating_add(bytes) > limit
        {
            return Err(QuotaExceeded { used_bytes: taken, needed_bytes: bytes, limit_bytes: limit });
        }
        self.reserved_bytes = self.reserved_bytes.saturating_add(bytes);
        self.recount = None;
        Ok(self)
    }

    /// Gives a reservation of `reserved` bytes back and counts `held` bytes that exist instead.
    #[must_use]
    pub fn settle(mut self, reserved: u64, held: u64) -> Self {
        self.reserved_bytes = self.reserved_bytes.saturating_sub(reserved);
        self.used_bytes = self.used_bytes.saturating_add(held);
        self.recount = None;
        self
    }

    /// Gives `held` bytes back that no longer exist.
    #[must_use]
    pub fn release(mut self, held: u64) -> Self {
        self.used_bytes = self.used_bytes.saturating_sub(held);
        self.recount = None;
        self
    }

    /// Has the sum recounted at `at` or earlier.
    #[must_use]
    pub fn recount_by(mut self, at: Timestamp) -> Self {
        self.recount_at = Some(self.recount_at.map_or(at, |earlier| earlier.min(at)));
        self
    }

    /// Takes note of how far a recount is that goes on at `at`, unless something changes: then it starts over.
    #[must_use]
    pub fn recounting(mut self, recount: Recount, at: Timestamp) -> Self {
        self.recount = Some(recount);
        self.recount_at = Some(at);
        self
    }

    /// The sum of a recount that has come to its end.
    #[must_use]
    pub fn recounted(self, recount: &Recount) -> Self {
        let Recount { used_bytes, reserved_bytes, .. } = *recount;
        Self { used_bytes, reserved_bytes, ..Self::empty(self.org) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_over_the_quota_says_used_needed_and_limit() {
        let usage = Usage::empty("demo".parse().unwrap()).reserve(60, Some(100)).unwrap().settle(60, 70);
        assert_eq!(
            usage.clone().reserve(31, Some(100)),
            Err(QuotaExceeded { used_bytes: 70, needed_bytes: 31, limit_bytes: 100 })
        );
        assert_eq!(usage.release(70), Usage::empty("demo".parse().unwrap()));
    }
}
