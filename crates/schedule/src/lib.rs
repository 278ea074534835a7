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
//! - [`Zone`] is an IANA time zone out of the database that is compiled in.
//!
//! | clock change | cron, fixed time | cron, wildcard in minute or hour | rule, daily and rarer | rule, hourly and oftener |
//! |---|---|---|---|---|
//! | gap | at the first instant after it | what the new wall clock shows | with the offset before it | elapsed time |
//! | overlap | first pass | both passes | first pass | elapsed time |

mod cron;
mod error;
mod gap;
mod moment;
mod rule;
mod zone;

pub use cron::Cron;
pub use error::{CronField, Error};
pub use gap::shortest_gap;
pub use moment::Moment;
pub use rule::{MAX_COUNT, Recurrence, Rule};
pub use zone::Zone;

use jiff::Timestamp;

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
