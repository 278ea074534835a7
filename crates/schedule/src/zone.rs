//! Time zones: from wall clocks to instants and back, around clock changes.

use crate::Error;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// How far back clock changes can still matter to a span, in changes.
const EARLIER_CHANGES: usize = 3;

/// An IANA time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// A time on the wall clock as an instant.
pub(crate) enum Reading {
    /// The clock showed it; the first time, if twice.
    Shown(Timestamp),
    /// The clock was put forward over it: the instant by the offset before the change.
    Skipped(Timestamp),
}

/// A time between two changes of the clock.
pub(crate) struct Span {
    /// When it began; `None` = ever since.
    pub(crate) start: Option<Timestamp>,
    /// When it ends; `None` = never.
    pub(crate) end: Option<Timestamp>,
    /// What the clock differs from UTC.
    pub(crate) offset: Offset,
}

impl Span {
    /// What the clock would show at its end.
    pub(crate) fn local_end(&self) -> DateTime {
        self.end.map_or(DateTime::MAX, |end| self.offset.to_datetime(end))
    }
}

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Its name, spelt as the database spells it.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// What the clock shows, and what it differs from UTC.
    pub fn local(&self, at: Timestamp) -> (DateTime, Offset) {
        let offset = self.0.to_offset(at);
        (offset.to_datetime(at), offset)
    }

    /// When the clock shows `local`; `None` outside the years that can be told.
    pub(crate) fn reading(&self, local: DateTime) -> Option<Reading> {
        Some(match self.0.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => Reading::Shown(offset.to_timestamp(local).ok()?),
            AmbiguousOffset::Fold { before, .. } => Reading::Shown(before.to_timestamp(local).ok()?),
            AmbiguousOffset::Gap { before, .. } => Reading::Skipped(before.to_timestamp(local).ok()?),
        })
    }

    /// The span that `at` is in.
    pub(crate) fn span(&self, at: Timestamp) -> Span {
        let just_after = at.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MAX);
        Span {
            start: self.0.preceding(just_after).next().map(|change| change.timestamp()),
            end: self.0.following(at).next().map(|change| change.timestamp()),
            offset: self.0.to_offset(at),
        }
    }

    /// The latest time that the clock had shown before `span`.
    pub(crate) fn reached_before(&self, span: &Span) -> DateTime {
        let mut reached = DateTime::MIN;
        let mut change = span.start;
        for _ in 0..EARLIER_CHANGES {
            let Some(at) = change else { break };
            let Ok(just_before) = at.checked_sub(SignedDuration::from_nanos(1)) else { break };
            reached = reached.max(self.0.to_offset(just_before).to_datetime(at));
            change = self.0.preceding(at).next().map(|change| change.timestamp());
        }
        reached
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Zone {
    type Err = Error;

    /// A name of the database, in any case; an offset or a POSIX rule is none.
    fn from_str(name: &str) -> Result<Self, Error> {
        match DATABASE.get(name) {
            Ok(zone) if !zone.is_unknown() => Ok(Self(zone)),
            _ => Err(Error::UnknownZone { name: name.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_found_by_name_in_any_case() {
        for (given, name) in
            [("UTC", "UTC"), ("europe/copenhagen", "Europe/Copenhagen"), ("Asia/Kolkata", "Asia/Kolkata")]
        {
            assert_eq!(given.parse::<Zone>().unwrap().to_string(), name);
        }
        assert_eq!("utc".parse::<Zone>().unwrap(), Zone::utc());
    }

    #[test]
    fn what_is_no_zone_is_refused_by_name() {
        for name in
            ["", "Mars/Phobos", "+02:00", "CET-1CEST", "Etc/Unknown", " UTC", "Europe/Copenhagen\n", "../UTC", "local"]
        {
            assert_eq!(name.parse::<Zone>(), Err(Error::UnknownZone { name: name.to_owned() }));
        }
    }

    #[test]
    fn the_clock_reached_further_before_an_overlap_than_it_shows_after_it() {
        let zone: Zone = "Europe/Copenhagen".parse().unwrap();
        let span = zone.span("2026-10-25T01:00:00Z".parse().unwrap());
        assert_eq!(span.offset.to_datetime(span.start.unwrap()).to_string(), "2026-10-25T02:00:00");
        assert_eq!(zone.reached_before(&span).to_string(), "2026-10-25T03:00:00");
    }
}
