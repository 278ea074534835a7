//! Ranges of dates: checked when an export is asked for, understood once when it starts, and from then on a condition.

use crate::FieldError;
use waybill_domain::{Collection, DateRange, DateSpan, Export, ExportSpec, Failure, FailureCode, Timestamp};
use waybill_query::{Filter, Instant, Operand, Order, Test};
use waybill_record::{Path, PropertyType};
use waybill_schedule::Moment;

/// The date that a range is about where it names none.
const USUAL_FIELD: &str = "created";

/// A range of dates as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateRangeRequest {
    /// Where it begins, in words.
    pub start: String,
    /// Before what it ends, in words.
    pub end: String,
    /// The date that it is about; `None` = when the record was created.
    pub field: Option<Path>,
}

/// Checks a range: both ends are understood, its end is not before its start at `at`, and the property is a date.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn check(
    asked: &DateRangeRequest,
    stored: &Collection,
    at: Timestamp,
) -> Result<DateRange, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut refuse = |member: &str, message: String| {
        errors.push(FieldError { field: format!("dateRange.{member}"), message });
    };
    for (member, text) in [("start", &asked.start), ("end", &asked.end)] {
        if let Err(error) = text.parse::<Moment>() {
            refuse(member, error.to_string());
        }
    }
    let field = asked.field.clone().or_else(|| USUAL_FIELD.parse().ok());
    let known = field.as_ref().and_then(|field| stored.type_of(field));
    match (&field, known, &asked.field) {
        (_, Some((PropertyType::Date | PropertyType::Any, false)), _) => {}
        (Some(field), Some((_, true)), _) => refuse("field", format!("`{field}` is in an array")),
        (Some(field), Some(_), _) => refuse("field", format!("`{field}` is no date")),
        (_, None, None) => refuse("field", format!("must name a date: records of `{}` have no `created`", stored.name)),
        (_, None, Some(field)) => refuse("field", format!("`{field}` is no property of `{}`", stored.name)),
        (None, _, _) => refuse("field", "must name a date".to_owned()),
    }
    let Some(field) = field.filter(|_| errors.is_empty()) else { return Err(errors) };
    let range = DateRange { start: asked.start.clone(), end: asked.end.clone(), field };
    match span(&range, at) {
        Ok(_) => Ok(range),
        Err(message) => Err(vec![FieldError { field: "dateRange".to_owned(), message }]),
    }
}

/// The instants that a range means at `now`, to the millisecond.
///
/// # Errors
/// Why it means none.
fn span(range: &DateRange, now: Timestamp) -> Result<DateSpan, String> {
    let now = jiff::Timestamp::from_millisecond(now.as_millis()).map_err(|error| error.to_string())?;
    let instant = |text: &str| {
        let moment: Moment = text.parse().map_err(|error: waybill_schedule::Error| error.to_string())?;
        let at = moment.at(now).map_err(|error| error.to_string())?;
        Ok::<_, String>(Timestamp::from_millis(at.as_millisecond()))
    };
    let span = DateSpan { start: instant(&range.start)?, end: instant(&range.end)? };
    if span.end < span.start {
        return Err(format!("ends at {}, before it begins at {}", span.end, span.start));
    }
    Ok(span)
}

/// The instants that the range of an export means as of its start; `None` where it has none.
///
/// # Errors
/// Why the export cannot be made.
pub(crate) fn at_start(spec: &ExportSpec, export: &Export) -> Result<Option<DateSpan>, Failure> {
    let Some(range) = &spec.date_range else { return Ok(None) };
    let now = export.started_at.unwrap_or(export.created_at);
    let understood = span(range, now).map_err(|why| {
        let message = format!("the range of dates `{}` to `{}` {why}", range.start, range.end);
        Failure::new(FailureCode::BadDateRange, message)
    });
    understood.map(Some)
}

/// The request with the instants of its range, which the stamped export holds, in its condition.
///
/// # Errors
/// Why the export cannot be made.
pub(crate) fn narrow(mut spec: ExportSpec, export: &Export) -> Result<ExportSpec, Failure> {
    let span = export.date_span.map_or_else(|| at_start(&spec, export), |span| Ok(Some(span)))?;
    let Some((range, span)) = spec.date_range.as_ref().zip(span) else { return Ok(spec) };
    let part = |order, at: Timestamp| match Instant::parse(&at.to_string()) {
        Some(at) => Filter::Property { path: range.field.clone(), test: Test::Compare(order, Operand::Instant(at)) },
        // Before the year 0 or so: nothing stands in an order to it.
        None => Filter::Any(Vec::new()),
    };
    let parts = [part(Order::GreaterOrEqual, span.start), part(Order::Less, span.end)];
    spec.filter = Some(Filter::All(spec.filter.into_iter().chain(parts).collect()));
    Ok(spec)
}
