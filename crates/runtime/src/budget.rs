//! The time that one invocation may use, taken from the deadline in its Lambda context.

use std::time::{Duration, SystemTime};

use lambda_runtime::Context;

/// When an invocation ends, and when its work has to have stopped so that the end is orderly.
///
/// Both are instants of the wall clock, because Lambda states the deadline as one. The present is always an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    deadline: SystemTime,
    reserve: Duration,
}

impl Budget {
    /// Reads the hard deadline of `context`; `reserve` is what is kept back of it for checkpoint, release and reply.
    #[must_use]
    pub fn from_context(context: &Context, reserve: Duration) -> Self {
        Self { deadline: context.deadline(), reserve }
    }

    /// A budget that ends at `deadline` and keeps back `reserve`.
    #[must_use]
    pub fn until(deadline: SystemTime, reserve: Duration) -> Self {
        Self { deadline, reserve }
    }

    /// The instant at which Lambda ends the invocation.
    #[must_use]
    pub fn hard_deadline(&self) -> SystemTime {
        self.deadline
    }

    /// The instant at which work stops: the hard deadline less the reserve.
    #[must_use]
    pub fn soft_deadline(&self) -> SystemTime {
        self.deadline.checked_sub(self.reserve).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// The soft deadline in milliseconds since the Unix epoch, saturating.
    #[must_use]
    pub fn soft_deadline_ms(&self) -> i64 {
        epoch_ms(self.soft_deadline())
    }

    /// How much time is left for work at `now`; zero once the soft deadline has passed.
    #[must_use]
    pub fn remaining(&self, now: SystemTime) -> Duration {
        self.soft_deadline().duration_since(now).unwrap_or_default()
    }

    /// Whether work has to stop at `now`.
    #[must_use]
    pub fn is_spent(&self, now: SystemTime) -> bool {
        self.remaining(now).is_zero()
    }
}

fn epoch_ms(instant: SystemTime) -> i64 {
    let since = instant.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    #[test]
    fn work_stops_a_reserve_before_the_deadline() {
        let mut context = Context::default();
        context.deadline = 900_000;
        let budget = Budget::from_context(&context, Duration::from_secs(75));
        assert_eq!(budget.hard_deadline(), at(900_000));
        assert_eq!(budget.soft_deadline_ms(), 825_000);
        assert_eq!(budget.remaining(at(800_000)), Duration::from_secs(25));
        assert!(!budget.is_spent(at(824_999)));
        assert!(budget.is_spent(at(825_000)));
        assert!(budget.is_spent(at(2_000_000)));
    }

    #[test]
    fn a_reserve_longer_than_the_invocation_leaves_nothing() {
        let budget = Budget::until(at(1_000), Duration::from_secs(75));
        assert_eq!(budget.soft_deadline_ms(), 0);
        assert!(budget.is_spent(at(1)));
    }
}
