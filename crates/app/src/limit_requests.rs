//! How many requests a caller may make: a bucket for each key, shared by the processes that serve it.
//!
//! A bucket lives in a row, and a process tells it of requests in sums: when there are as many as a twentieth of what the
//! bucket holds, or when [`TELL_AFTER`] has passed. Whoever is slow by far costs no reads and writes; whoever is not
//! costs two of them a process every few seconds. The price: processes that have not told yet let more through than the
//! limit, at most a twentieth of it each.

use crate::{Context, Error};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use waybill_domain::{KeyId, OrgCode, Principal, RequestBucket, Timestamp};

/// How long a process keeps requests to itself.
const TELL_AFTER: Duration = Duration::from_secs(5);
/// The share of a bucket that a process may keep to itself.
const SHARE: u32 = 20;
/// Most callers that a process remembers at a time.
const MAX_CALLERS: usize = 10_000;
/// How often a bucket is written when others write it at the same time.
const ATTEMPTS: usize = 3;

/// What this process knows of a caller.
#[derive(Clone, Copy, Debug)]
struct Caller {
    untold: u32,
    since: Timestamp,
    closed_until: Timestamp,
}

/// Limits requests; one for each process.
#[derive(Debug)]
pub struct RequestLimiter {
    per_minute: u32,
    callers: Mutex<HashMap<(OrgCode, KeyId), Caller>>,
}

impl RequestLimiter {
    /// Lets every key make `per_minute` requests a minute, and as many at once.
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute: per_minute.max(1), callers: Mutex::default() }
    }

    /// How many requests a minute a key may make.
    pub fn per_minute(&self) -> u32 {
        self.per_minute
    }

    /// Counts a request of `principal`.
    ///
    /// # Errors
    /// `Throttled` with the time to wait. A store that does not answer limits nobody.
    pub async fn admit(&self, context: &Context, principal: &Principal) -> Result<(), Error> {
        let now = context.now();
        let Some(untold) = self.count(principal, now)? else { return Ok(()) };
        let Some(bucket) = tell(context, principal, self.per_minute, untold).await else { return Ok(()) };
        if let Some(wait) = bucket.closed_for(self.per_minute) {
            let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(caller) = callers.get_mut(&(principal.org.clone(), principal.key)) {
                caller.closed_until = now.after(wait);
            }
            return Err(Error::Throttled { retry_after: Some(wait) });
        }
        Ok(())
    }

    /// Counts in this process; gives the sum that is to be told, if it is.
    fn count(&self, principal: &Principal, now: Timestamp) -> Result<Option<u32>, Error> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= MAX_CALLERS {
            callers.retain(|_, caller| now < caller.since.after(TELL_AFTER) || now < caller.closed_until);
        }
        let fresh = Caller { untold: 0, since: now, closed_until: Timestamp::from_millis(0) };
        let caller = callers.entry((principal.org.clone(), principal.key)).or_insert(fresh);
        if now < caller.closed_until {
            return Err(Error::Throttled { retry_after: Some(caller.closed_until.since(now)) });
        }
        caller.untold += 1;
        let share = (self.per_minute / SHARE).max(1);
        let elapsed = now.since(caller.since);
        if caller.untold < share && elapsed < TELL_AFTER {
            return Ok(None);
        }
        let untold = std::mem::take(&mut caller.untold);
        caller.since = now;
        // So few for the time that twenty processes like this one together stay below the limit.
        let slow = u128::from(untold) * 60_000 * u128::from(SHARE) < u128::from(self.per_minute) * elapsed.as_millis();
        Ok((!slow).then_some(untold))
    }
}

/// Takes `count` requests from the shared bucket; `None` when that could not be done, which is no caller's fault.
async fn tell(context: &Context, principal: &Principal, per_minute: u32, count: u32) -> Option<RequestBucket> {
    for _ in 0..ATTEMPTS {
        let stored = context.rows().request_bucket(&principal.org, principal.key).await.ok()?;
        let before = stored.as_ref().map(|stored| &stored.value);
        let bucket = RequestBucket::take(before, (&principal.org, principal.key), per_minute, count, context.now());
        let mut transaction = context.transaction();
        transaction.upsert(stored.map(|stored| stored.version), &bucket).ok()?;
        match transaction.commit(&*context.state).await {
            Ok(_) => return Some(bucket),
            Err(error) if error.is_conflict() => {}
            Err(error) => {
                tracing::warn!(org = %principal.org, %error, "requests were not counted");
                return None;
            }
        }
    }
    None
}
