//! Trying again after a conflict, with full jitter, a bounded number of times.

use crate::Context;
use std::time::Duration;
use waybill_ports::PortError;

/// Attempts before contention is reported to the caller.
const MAX_ATTEMPTS: u32 = 12;
/// First upper bound of the pause, doubled each time up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// Last upper bound of the pause.
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Counts attempts at one commit and says whether to try again.
pub(crate) struct Attempts<'a> {
    context: &'a Context,
    failed: u32,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(context: &'a Context) -> Self {
        Self { context, failed: 0 }
    }

    /// Waits and returns after a conflict, a throttle or an unanswered call, so that the caller reads again and retries.
    ///
    /// # Errors
    /// The error itself when it is of another kind, or attempts are used up.
    pub(crate) async fn after(&mut self, error: PortError) -> Result<(), PortError> {
        self.failed += 1;
        if self.failed >= MAX_ATTEMPTS || !(error.is_conflict() || error.is_transient()) {
            return Err(error);
        }
        let bound = FIRST_PAUSE.saturating_mul(1 << self.failed.min(10)).min(LAST_PAUSE);
        let micros = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        self.context.clock.sleep(Duration::from_micros(self.context.entropy.below(micros))).await;
        Ok(())
    }
}
