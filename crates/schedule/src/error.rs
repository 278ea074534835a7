//! Why a schedule was not understood.

use std::fmt;

/// A field of a cron expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CronField {
    /// The first: 0 to 59.
    Minute,
    /// The second: 0 to 23.
    Hour,
    /// The third: 1 to 31.
    DayOfMonth,
    /// The fourth: 1 to 12, or names.
    Month,
    /// The fifth: 0 to 7, both ends Sunday, or names.
    DayOfWeek,
}

impl fmt::Display for CronField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        })
    }
}

/// Why a schedule was not understood. Positions count characters, the first is 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A cron expression does not have the shape of one.
    #[error("{reason}")]
    Cron {
        /// What is wrong.
        reason: String,
    },
    /// A field of a cron expression is wrong.
    #[error("{field} (character {position}): {reason}")]
    CronField {
        /// Which.
        field: CronField,
        /// Where.
        position: usize,
        /// What is wrong.
        reason: String,
    },
    /// A part of a recurrence rule is wrong, or not honoured.
    #[error("{part} (character {position}): {reason}")]
    RulePart {
        /// Its name.
        part: String,
        /// Where it begins.
        position: usize,
        /// What is wrong.
        reason: String,
    },
    /// A date in words is wrong.
    #[error("`{word}` (character {position}) {reason}")]
    Moment {
        /// Which word of it.
        word: String,
        /// Where it begins.
        position: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// There is no such zone.
    #[error("`{name}` is no IANA time zone, such as `Europe/Copenhagen` or `UTC`")]
    UnknownZone {
        /// What was given.
        name: String,
    },
}
