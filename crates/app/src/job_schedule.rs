//! The schedule of a job, understood: its next slot, and which of its slots fire when somebody looks late.

use crate::FieldError;
use std::time::Duration;
use waybill_domain::{JobSchedule, Timestamp};
use waybill_schedule::{
    Recurrence, Schedule, Zone, assert_affordable, first_instants, instants_after, next_after, shortest_gap,
};

/// A slot fires up to this much late.
const CATCH_UP: Duration = Duration::from_hours(1);
/// The unit in which instants are told.
const MILLISECOND: Duration = Duration::from_millis(1);

/// When a job is due.
pub(crate) struct JobClock {
    schedule: Schedule,
    zone: Zone,
}

/// What becomes of the slots that are due. Ranges hold all instants of the schedule from the first to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Slots that nobody looked at in time.
    pub(crate) late: Option<(Timestamp, Timestamp)>,
    /// Slots in time that a later one supersedes.
    pub(crate) superseded: Option<(Timestamp, Timestamp)>,
    /// The slot that fires.
    pub(crate) fires: Option<Timestamp>,
    /// Every slot up to here is decided.
    pub(crate) through: Timestamp,
    /// The first one that is not.
    pub(crate) next: Option<Timestamp>,
}

impl JobClock {
    /// Understands a schedule.
    ///
    /// # Errors
    /// What is wrong, naming `schedule.cron`, `schedule.rrule` or `zone`.
    pub(crate) fn of(schedule: &JobSchedule, zone: &str) -> Result<Self, Vec<FieldError>> {
        let wrong = |field: &str, error: waybill_schedule::Error| FieldError {
            field: field.to_owned(),
            message: error.to_string(),
        };
        let parsed = match schedule {
            JobSchedule::Cron { cron } => {
                cron.parse().map(Schedule::Cron).map_err(|error| wrong("schedule.cron", error))
            }
            JobSchedule::Rrule { rrule, start } => rrule
                .parse()
                .map(|rule| Recurrence::new(rule, calendar(*start)).into())
                .map_err(|error| wrong("schedule.rrule", error)),
        };
        let zone = zone.parse::<Zone>().map_err(|error| wrong("zone", error));
        match (parsed, zone) {
            (Ok(schedule), Ok(zone)) => Ok(Self { schedule, zone }),
            (schedule, zone) => Err(schedule.err().into_iter().chain(zone.err()).collect()),
        }
    }

    /// The zone's name as the database spells it.
    pub(crate) fn zone(&self) -> &str {
        self.zone.name()
    }

    /// The first slot strictly after `after`.
    pub(crate) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        next_after(&self.schedule, calendar(after), &self.zone).map(told)
    }

    /// The first slot strictly after `after`, of a schedule that nobody depends on yet: where a question about it would cost too
    /// much, then or within a hundred years from `now`, it is refused.
    ///
    /// # Errors
    /// Why.
    pub(crate) fn first(&self, after: Timestamp, now: Timestamp) -> Result<Option<Timestamp>, String> {
        let first = first_instants(&self.schedule, calendar(after), &self.zone, 1);
        let affordable = assert_affordable(&self.schedule, calendar(now), &self.zone);
        let first = first.and_then(|first| affordable.map(|()| first)).map_err(|error| error.to_string())?;
        Ok(first.first().copied().map(told))
    }

    /// Whether it was due before now, as a series that has ended was.
    pub(crate) fn has_ever_been_due(&self) -> bool {
        match &self.schedule {
            Schedule::Rule(recurrence) => recurrence.first(&self.zone).is_some(),
            Schedule::Cron(_) | Schedule::Once(_) => false,
        }
    }

    /// The shortest time between two of its slots.
    pub(crate) fn shortest_gap(&self) -> Option<Duration> {
        shortest_gap(&self.schedule, &self.zone)
    }

    /// Decides the slots from `first`, which is one and not to come, up to `now`. Of those that are at most an hour old the latest
    /// fires. What was missed for longer is not counted one by one, so that the cost does not grow with it.
    pub(crate) fn decide(&self, first: Timestamp, now: Timestamp) -> Decision {
        let in_time = now.before(CATCH_UP);
        let (late, next) = if first < in_time {
            let last_late = in_time.before(MILLISECOND);
            (Some((first, last_late)), self.next(last_late))
        } else {
            (None, Some(first))
        };
        let mut decision =
            Decision { late, superseded: None, fires: None, through: late.map_or(first, |(_, last)| last), next };
        let Some(earliest) = next.filter(|at| *at <= now) else { return decision };
        let mut slots = instants_after(&self.schedule, calendar(earliest.before(MILLISECOND)), &self.zone).map(told);
        decision.next = None;
        for slot in slots.by_ref() {
            if slot > now {
                decision.next = Some(slot);
                break;
            }
            if let Some(earlier) = decision.fires.replace(slot) {
                decision.superseded = Some((earliest, earlier));
            }
            decision.through = slot;
        }
        decision
    }
}

fn calendar(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::MAX)
}

fn told(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn decide(cron: &str, first: &str, now: &str) -> Decision {
        let clock = JobClock::of(&JobSchedule::Cron { cron: cron.into() }, "UTC").unwrap();
        clock.decide(at(first), at(now))
    }

    #[test]
    fn the_only_slot_fires_up_to_an_hour_late() {
        for now in ["2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z"] {
            let decision = decide("0 2 * * *", "2026-01-01T02:00:00Z", now);
            assert_eq!((decision.late, decision.superseded), (None, None));
            assert_eq!(decision.fires, Some(at("2026-01-01T02:00:00Z")));
            assert_eq!(decision.next, Some(at("2026-01-02T02:00:00Z")));
        }
        let decision = decide("0 2 * * *", "2026-01-01T02:00:00Z", "2026-01-01T03:00:00.001Z");
        assert_eq!(decision.fires, None);
        assert_eq!(decision.late, Some((at("2026-01-01T02:00:00Z"), at("2026-01-01T02:00:00Z"))));
        assert_eq!(decision.next, Some(at("2026-01-02T02:00:00Z")));
    }

    #[test]
    fn of_several_in_time_the_latest_fires_and_all_others_are_accounted_for() {
        let decision = decide("*/20 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T05:10:00Z");
        assert_eq!(decision.late, Some((at("2026-01-01T00:00:00Z"), at("2026-01-01T04:09:59.999Z"))));
        assert_eq!(decision.superseded, Some((at("2026-01-01T04:20:00Z"), at("2026-01-01T04:40:00Z"))));
        assert_eq!(decision.fires, Some(at("2026-01-01T05:00:00Z")));
        assert_eq!(decision.through, at("2026-01-01T05:00:00Z"));
        assert_eq!(decision.next, Some(at("2026-01-01T05:20:00Z")));
    }
}
