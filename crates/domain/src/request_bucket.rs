//! What a key may still request: a bucket that fills by the minute.

use crate::{KeyId, OrgCode, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Requests that are left to a key. Debts are remembered: who asked for more waits until the bucket has filled up to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestBucket {
    /// The org.
    pub org: OrgCode,
    /// The key, or what stands for it.
    pub key: KeyId,
    /// Thousandths of requests that are left; below 0 there are debts.
    pub left_milli: i64,
    /// When that was.
    pub at: Timestamp,
}

impl RequestBucket {
    /// Takes `count` requests at `now` from what is left of `before`, a bucket that holds and regains `per_minute`.
    /// Debts end at a bucket's worth, so that nobody waits longer than two minutes.
    pub fn take(before: Option<&Self>, key: (&OrgCode, KeyId), per_minute: u32, count: u32, now: Timestamp) -> Self {
        let full = i64::from(per_minute) * 1000;
        let left = before.map_or(full, |before| {
            let elapsed = i64::try_from(now.since(before.at).as_millis()).unwrap_or(i64::MAX);
            let regained = elapsed.saturating_mul(i64::from(per_minute)) / 60;
            before.left_milli.saturating_add(regained).min(full)
        });
        let left_milli = (left - i64::from(count) * 1000).max(-full);
        Self { org: key.0.clone(), key: key.1, left_milli, at: now }
    }

    /// How long there is nothing to take, where there is not.
    pub fn closed_for(&self, per_minute: u32) -> Option<Duration> {
        let debt = u64::try_from(-self.left_milli).ok()?;
        (debt > 0).then(|| Duration::from_millis((debt * 60).div_ceil(u64::from(per_minute.max(1)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_by_the_minute() {
        let org: OrgCode = "demo".parse().unwrap();
        let key: KeyId = "00000000000000000000000a".parse().unwrap();
        let at = |secs: i64| Timestamp::from_millis(secs * 1000);
        let full = RequestBucket::take(None, (&org, key), 60, 60, at(0));
        assert_eq!((full.left_milli, full.closed_for(60)), (0, None));
        let over = RequestBucket::take(Some(&full), (&org, key), 60, 3, at(1));
        assert_eq!(over.closed_for(60), Some(Duration::from_secs(2)));
        let later = RequestBucket::take(Some(&over), (&org, key), 60, 1, at(3));
        assert_eq!(later.closed_for(60), Some(Duration::from_secs(1)));
        let rested = RequestBucket::take(Some(&over), (&org, key), 60, 1, at(10_000));
        assert_eq!(rested.left_milli, 59_000);
        let worst = RequestBucket::take(Some(&over), (&org, key), 60, u32::MAX, at(1));
        assert_eq!(worst.closed_for(60), Some(Duration::from_mins(1)));
    }
}
