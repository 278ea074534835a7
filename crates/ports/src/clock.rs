//! Time.

use async_trait::async_trait;
use std::time::Duration;
use waybill_domain::Timestamp;

/// Where time comes from.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Wall-clock time; may jump.
    fn now(&self) -> Timestamp;

    /// Time since some fixed point of this process; never goes back.
    fn monotonic(&self) -> Duration;

    /// Returns after `duration` or somewhat later; canceled by dropping.
    async fn sleep(&self, duration: Duration);
}
