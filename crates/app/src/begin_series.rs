//! The beginning of a series: its rule understood, and the instant of the export that is made first.

use crate::create_export::freeze_request;
use crate::job_schedule::JobClock;
use crate::{Context, CreateExport, Error, FieldError};
use std::time::Duration;
use waybill_domain::{ExportSpec, JobSchedule, OrgCode, Principal, Series, Timestamp};
use waybill_ports::{PortError, PortErrorKind};

/// The zone whose clocks a series follows.
const ZONE: &str = "UTC";
/// The unit in which instants are told.
const MILLISECOND: Duration = Duration::from_millis(1);

/// A series that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecurringRequest {
    /// A recurrence rule (RFC 5545), with or without `RRULE:` in front.
    pub instruction: String,
    /// Where it begins; `None` = where the series begins that is changed, or at the time that the export is scheduled for, or now.
    pub start: Option<Timestamp>,
}

/// A series as its pending export has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// It.
    pub(crate) series: Series,
    /// The instant that the export waits for.
    pub(crate) at: Timestamp,
}

/// When a series is due.
///
/// # Errors
/// What is wrong with its rule.
pub(crate) fn clock_of(series: &Series) -> Result<JobClock, Vec<FieldError>> {
    let schedule = JobSchedule::Rrule { rrule: series.instruction.clone(), start: series.start };
    JobClock::of(&schedule, ZONE).map_err(|errors| {
        let named = |error| FieldError { field: "recurring.instruction".to_owned(), ..error };
        errors.into_iter().map(named).collect()
    })
}

/// The same of a series that was kept.
///
/// # Errors
/// `Corrupt`.
pub(crate) fn kept_clock(spec: &ExportSpec, series: &Series) -> Result<JobClock, PortError> {
    clock_of(series).map_err(|errors| {
        let field = errors.first().map(|error| error.message.clone()).unwrap_or_default();
        let key = format!("{} {}", spec.org, spec.seq.0);
        PortError::new(PortErrorKind::Corrupt { table: "Main".to_owned(), key, field }, "reading a series")
    })
}

/// The series that is asked for, and when its first export enters the lane: at the rule's first instant from its start on, or, where that
/// is more than an hour ago, at the next. Of a series that is changed (`before`) no instant is made up for; what its pending export waits
/// for, though it is due, stays due where it is an instant of the new rule.
///
/// # Errors
/// `Invalid` (`recurring.instruction`); `Throttled`, `Unavailable`, `Internal`.
async fn begin(
    context: &Context,
    org: &OrgCode,
    asked: (&RecurringRequest, Option<Timestamp>),
    before: Option<&Waiting>,
) -> Result<(Series, Timestamp), Error> {
    let now = context.now();
    let (asked, scheduled_at) = asked;
    let start = asked.start.or(before.map(|before| before.series.start)).or(scheduled_at).unwrap_or(now);
    let start = Timestamp::from_millis(start.as_secs().saturating_mul(1000));
    let (decided_through, skipped) =
        before.map(|Waiting { series, .. }| (series.decided_through, series.skipped.clone())).unwrap_or_default();
    let series = Series { instruction: asked.instruction.trim().to_owned(), start, decided_through, skipped };
    let clock = clock_of(&series).map_err(Error::Invalid)?;
    let refuse = |message: String| Err(Error::invalid("recurring.instruction", message));
    let first = match clock.first(start.before(MILLISECOND), now) {
        Ok(Some(first)) => first,
        Ok(None) => return refuse("is never due".to_owned()),
        Err(reason) => return refuse(reason),
    };
    if let (Some(gap), Some(org)) = (clock.shortest_gap(), context.rows().org(org).await?)
        && gap < org.value.min_interval()
    {
        let (gap, least) = (gap.as_secs(), org.value.min_interval().as_secs());
        return refuse(format!("is due {gap} s after it was; this organization keeps {least} s between two exports"));
    }
    let (series, at) = if let Some(before) = before {
        if before.at <= now && clock.next(before.at.before(MILLISECOND)) == Some(before.at) {
            (series, Some(before.at))
        } else {
            let series = series.decided(now);
            let at = clock.next(series.decided_through.unwrap_or(now));
            (series, at)
        }
    } else if first > now {
        (series, Some(first))
    } else {
        let decision = clock.decide(first, now);
        (series, decision.fires.or(decision.next))
    };
    match at {
        Some(at) => Ok((series, at)),
        None => refuse("has no instant that is to come: the series is over".to_owned()),
    }
}

/// The request frozen, and the series that it asks for with it; `before` is the one that is changed.
///
/// # Errors
/// As [`freeze_request`], with everything that is wrong with the series (`recurring.instruction`).
pub(crate) async fn freeze_in_series(
    context: &Context,
    principal: &Principal,
    command: &CreateExport,
    before: Option<&Waiting>,
) -> Result<ExportSpec, Error> {
    let Some(asked) = &command.recurring else { return Box::pin(freeze_request(context, principal, command)).await };
    let begun = match begin(context, &principal.org, (asked, command.scheduled_at), before).await {
        Ok(begun) => Ok(begun),
        Err(Error::Invalid(errors)) => Err(errors),
        Err(error) => return Err(error),
    };
    // The rule alone says when.
    let scheduled_at = begun.as_ref().ok().map(|(_, at)| *at);
    let command = CreateExport { scheduled_at, ..command.clone() };
    let frozen = Box::pin(freeze_request(context, principal, &command)).await;
    match (begun, frozen) {
        (Ok((series, _)), Ok(spec)) => Ok(ExportSpec { series: Some(series), ..spec }),
        (Err(errors), Ok(_)) => Err(Error::Invalid(errors)),
        (Err(errors), Err(Error::Invalid(more))) => Err(Error::Invalid(errors.into_iter().chain(more).collect())),
        (_, Err(error)) => Err(error),
    }
}
