//! Storage that an org uses, counted exactly once.

use crate::OrgCode;
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
        Self { org, used_bytes: 0, reserved_bytes: 0 }
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
        Ok(self)
    }

    /// Gives a reservation of `reserved` bytes back and counts `held` bytes that exist instead.
    #[must_use]
    pub fn settle(mut self, reserved: u64, held: u64) -> Self {
        self.reserved_bytes = self.reserved_bytes.saturating_sub(reserved);
        self.used_bytes = self.used_bytes.saturating_add(held);
        self
    }

    /// Gives `held` bytes back that no longer exist.
    #[must_use]
    pub fn release(mut self, held: u64) -> Self {
        self.used_bytes = self.used_bytes.saturating_sub(held);
        self
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
