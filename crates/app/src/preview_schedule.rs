//! Telling when a schedule would be due, before anything depends on it.

use crate::{Context, Error, FieldError};
use waybill_domain::{Principal, Timestamp};
use waybill_schedule::{Recurrence, Schedule, Zone, assert_affordable, first_instants};

/// How many instants are told.
pub const PREVIEWED_INSTANTS: usize = 5;

/// A schedule as a person writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleText {
    /// A cron expression.
    Cron(String),
    /// A recurrence rule.
    Rrule {
        /// The rule.
        rule: String,
        /// Where the series begins; `None` = now.
        start: Option<Timestamp>,
    },
}

/// A schedule to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewSchedule {
    /// The schedule.
    pub schedule: ScheduleText,
    /// IANA zone; `None` = the org's.
    pub zone: Option<String>,
}

/// The next five instants after now at which a schedule is due; fewer when it ends before. The org's minimum interval
/// is no matter here.
///
/// # Errors
/// `Invalid` naming `cron`, `rrule` or `zone`, also when the schedule is never due or costs too much to look into;
/// `NotFound` when the org is gone; `Throttled`, `Unavailable`, `Internal`.
pub async fn preview_schedule(
    context: &Context,
    principal: &Principal,
    command: &PreviewSchedule,
) -> Result<Vec<Timestamp>, Error> {
    let zone = match &command.zone {
        Some(zone) => zone.clone(),
        None => zone_of_org(context, principal).await?,
    };
    let now = context.now();
    let (zone, schedule) = match (zone.parse::<Zone>(), understood(&command.schedule, now)) {
        (Ok(zone), Ok(schedule)) => (zone, schedule),
        (zone, schedule) => {
            let zone = zone.err().map(|error| FieldError { field: "zone".into(), message: error.to_string() });
            return Err(Error::Invalid(zone.into_iter().chain(schedule.err()).collect()));
        }
    };
    let field = match &command.schedule {
        ScheduleText::Cron(_) => "cron",
        ScheduleText::Rrule { .. } => "rrule",
    };
    let after = calendar(now);
    let refuse = |error: waybill_schedule::Error| Error::invalid(field, error.to_string());
    let next = first_instants(&schedule, after, &zone, PREVIEWED_INSTANTS).map_err(refuse)?;
    // What would be refused when something is made to depend on it.
    assert_affordable(&schedule, after, &zone).map_err(refuse)?;
    let next: Vec<Timestamp> = next.into_iter().map(|at| Timestamp::from_millis(at.as_millisecond())).collect();
    if next.is_empty() && !has_ever_been_due(&schedule, &zone) {
        return Err(Error::invalid(field, "is never due"));
    }
    Ok(next)
}

async fn zone_of_org(context: &Context, principal: &Principal) -> Result<String, Error> {
    let org = &principal.org;
    match context.rows().org(org).await? {
        Some(stored) => Ok(stored.value.zone),
        None => Err(Error::NotFound { kind: "org", id: org.to_string() }),
    }
}

fn understood(text: &ScheduleText, now: Timestamp) -> Result<Schedule, FieldError> {
    let wrong =
        |field: &str, error: waybill_schedule::Error| FieldError { field: field.into(), message: error.to_string() };
    match text {
        ScheduleText::Cron(cron) => cron.parse().map(Schedule::Cron).map_err(|error| wrong("cron", error)),
        ScheduleText::Rrule { rule, start } => {
            let rule = rule.parse().map_err(|error| wrong("rrule", error))?;
            Ok(Recurrence::new(rule, calendar(start.unwrap_or(now))).into())
        }
    }
}

/// A series that has ended was due once; one without any instant is a mistake.
fn has_ever_been_due(schedule: &Schedule, zone: &Zone) -> bool {
    match schedule {
        Schedule::Rule(recurrence) => recurrence.first(zone).is_some(),
        Schedule::Cron(_) | Schedule::Once(_) => false,
    }
}

fn calendar(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::MAX)
}
