//! What every clock does.

use super::{Broken, Fact, check, that};
use std::time::Duration;
use waybill_ports::Clock;

/// Checks a clock that moves by itself, at least while somebody sleeps.
///
/// # Errors
/// The first fact that does not hold.
pub async fn clock(clock: &dyn Clock) -> Result<(), Broken> {
    check!(clock, ""; a_sleep_lasts_at_least_as_long_as_asked, monotonic_time_does_not_go_back);
}

async fn a_sleep_lasts_at_least_as_long_as_asked(clock: &dyn Clock, _prefix: &str) -> Fact {
    for asked in [Duration::ZERO, Duration::from_millis(20)] {
        let before = clock.monotonic();
        clock.sleep(asked).await;
        let slept = clock.monotonic().saturating_sub(before);
        that(slept >= asked, format!("slept {slept:?} instead of {asked:?}"))?;
    }
    Ok(())
}

async fn monotonic_time_does_not_go_back(clock: &dyn Clock, _prefix: &str) -> Fact {
    let mut last = clock.monotonic();
    for _ in 0..100 {
        clock.sleep(Duration::ZERO).await;
        let now = clock.monotonic();
        that(now >= last, "it went back")?;
        last = now;
    }
    Ok(())
}
