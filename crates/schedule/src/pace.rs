//! How a zone's clock goes between two of its changes, remembered, because a search asks for neighbouring times.

use crate::Zone;
use crate::zone::Reading;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// At this distance from a change no clock shows a time twice or skips it, in seconds: no two offsets lie as far apart.
const FAR_FROM_CHANGES: i64 = 3 * 24 * 3600;

/// A time between two changes of the clock, in seconds since the epoch, and the zone to look others up in.
#[derive(Debug)]
pub(crate) struct Pace<'a> {
    zone: &'a Zone,
    start: i64,
    end: i64,
    offset: i64,
}

impl<'a> Pace<'a> {
    /// The clock of `zone`, from about `at` on.
    pub(crate) fn new(zone: &'a Zone, at: Timestamp) -> Self {
        let mut pace = Self { zone, start: 0, end: 0, offset: 0 };
        pace.turn(at);
        pace
    }

    fn turn(&mut self, at: Timestamp) {
        let span = self.zone.span(at);
        self.start = span.start.map_or(i64::MIN / 2, Timestamp::as_second);
        self.end = span.end.map_or(i64::MAX / 2, Timestamp::as_second);
        self.offset = i64::from(span.offset.seconds());
    }

    /// What the clock differs from UTC at `second`, and until which second it does; `None` outside the years that can be
    /// told.
    pub(crate) fn at(&mut self, second: i64) -> Option<(i64, i64)> {
        if !(self.start..self.end).contains(&second) {
            self.turn(Timestamp::from_second(second).ok()?);
        }
        Some((self.offset, self.end))
    }

    /// When the clock shows `local`, as [`Zone::reading`] says.
    pub(crate) fn reading(&mut self, local: DateTime) -> Option<Reading> {
        let at = Offset::UTC.to_timestamp(local).ok()?.as_second() - self.offset;
        if self.start + FAR_FROM_CHANGES <= at && at < self.end - FAR_FROM_CHANGES {
            return Timestamp::from_second(at).ok().map(Reading::Shown);
        }
        let reading = self.zone.reading(local)?;
        let (Reading::Shown(at) | Reading::Skipped(at)) = &reading;
        self.at(at.as_second())?;
        Some(reading)
    }

    /// Whether the clock is not changed within three days of `at`.
    pub(crate) fn is_even_around(&mut self, at: Timestamp) -> bool {
        let second = at.as_second();
        self.at(second).is_some() && self.start + FAR_FROM_CHANGES <= second && second < self.end - FAR_FROM_CHANGES
    }
}
