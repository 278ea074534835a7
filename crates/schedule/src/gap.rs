//! How close together the instants of a schedule can come, for orgs that have a minimum interval.

use crate::{Schedule, Zone};
use std::time::Duration;

/// How many instants of a rule are compared.
const COMPARED_INSTANTS: usize = 2000;

/// The shortest time between two instants of a schedule, by a clock that is never changed; `None` when it has fewer than
/// two. Exact for cron; of a rule, its first 2 000 instants are compared.
///
/// Clocks are left out because a schedule that keeps to the minimum all year should not be refused for the night in
/// which a clock is put forward.
pub fn shortest_gap(schedule: &Schedule, zone: &Zone) -> Option<Duration> {
    let secs = match schedule {
        Schedule::Cron(cron) => cron.shortest_gap_minutes()? * 60,
        Schedule::Rule(recurrence) => recurrence.shortest_gap_secs(zone, COMPARED_INSTANTS)?,
        Schedule::Once(_) => return None,
    };
    u64::try_from(secs).ok().map(Duration::from_secs)
}
