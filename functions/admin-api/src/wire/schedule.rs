//! Schedules on the wire.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use waybill_app::{PreviewSchedule, ScheduleText};
use waybill_domain::Timestamp;
use waybill_http::{Members, Problem};

/// Longest text of a schedule, in characters.
const SCHEDULE_CHARS: usize = 10_000;
/// Longest name of a zone, in characters.
const ZONE_CHARS: usize = 100;

/// A schedule to be looked at: `cron`, or `rrule`.
#[derive(Debug, ToSchema)]
#[schema(as = PreviewSchedule, rename_all = "camelCase")]
pub(crate) struct PreviewScheduleBody {
    /// Five fields (minute, hour, day of month, month, day of week), or `@hourly`, `@daily`, `@weekly`, `@monthly`,
    /// `@yearly`.
    cron: Option<String>,
    /// A recurrence rule (RFC 5545), with or without `RRULE:` in front.
    rrule: Option<String>,
    /// Where the rule begins; absent = now.
    #[schema(value_type = Option<String>, format = DateTime)]
    start: Option<Timestamp>,
    /// IANA time zone; absent = the org's.
    zone: Option<String>,
}

impl PreviewScheduleBody {
    /// Reads a body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(body: &Value) -> Result<PreviewSchedule, Vec<Problem>> {
        let mut members = Members::of(body, "").map_err(|problem| vec![problem])?;
        let read = Self {
            cron: members.text("cron", SCHEDULE_CHARS).map(str::to_owned),
            rrule: members.text("rrule", SCHEDULE_CHARS).map(str::to_owned),
            start: members.parsed("start", "an RFC 3339 date and time"),
            zone: members.text("zone", ZONE_CHARS).map(str::to_owned),
        };
        let given = |name: &str| body.get(name).is_some_and(|value| !value.is_null());
        match (given("cron"), given("rrule")) {
            (true, true) => members.refuse::<()>("rrule", "does not go together with `cron`"),
            (false, false) => members.refuse("cron", "or `rrule` is required"),
            (true, false) if given("start") => members.refuse("start", "belongs to `rrule`"),
            _ => None,
        };
        let problems = members.finish();
        let schedule = match (read.cron, read.rrule) {
            (Some(cron), _) => ScheduleText::Cron(cron),
            (None, Some(rule)) => ScheduleText::Rrule { rule, start: read.start },
            (None, None) => return Err(problems),
        };
        if problems.is_empty() { Ok(PreviewSchedule { schedule, zone: read.zone }) } else { Err(problems) }
    }
}

/// When a schedule is due.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SchedulePreview)]
pub(crate) struct SchedulePreviewWire {
    /// The next five instants; fewer when it ends before.
    #[schema(max_items = 5)]
    next: Vec<String>,
}

impl From<Vec<Timestamp>> for SchedulePreviewWire {
    fn from(next: Vec<Timestamp>) -> Self {
        Self { next: next.iter().map(ToString::to_string).collect() }
    }
}
