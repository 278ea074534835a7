//! A data export as it is asked for.

use crate::error::{ApiError, InvalidField};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use waybill_app::{CreateExport, DateRangeRequest, RecurringRequest};
use waybill_domain::{
    CollectionName, DataRequest, DeliveryPlan, Email, ExportFormat, MAX_NOTIFIED, Packaging, Surface, Timestamp,
};
use waybill_http::{Members, Problem};

/// Longest name, in characters.
const MAX_NAME: usize = 50;
/// Longest text of an argument, in characters.
const MAX_ARGUMENT: usize = 10_000;
/// Longest rule of a series, in characters.
const MAX_RULE: usize = 1000;
/// Longest end of a range, in characters.
const MAX_WORDS: usize = 200;
/// What a time must be: the last day and a half of the calendar is what no zone's clock could show.
const TIME: &str = "an RFC 3339 date and time, at the latest `9999-12-30T22:00:00Z`";
/// What only Waybill says; sent back, it is not read.
const READ_ONLY: [&str; 10] = [
    "id",
    "userId",
    "fileId",
    "recordCount",
    "createdTime",
    "updatedTime",
    "status",
    "failureReason",
    "_links",
    "_embedded",
];

/// A data export to be made, or to be made otherwise. What only Waybill says (`id`, `userId`, `fileId`, `recordCount`, `createdTime`,
/// `updatedTime`, `status`, `failureReason`, `_links`, `_embedded`) may be sent back and is not read.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DataExportRequest)]
#[expect(dead_code, reason = "says what is read; the reading names everything that is wrong at once")]
pub(crate) struct DataExportBody {
    /// A name for people, and for the file.
    #[schema(min_length = 1, max_length = 50)]
    name: String,
    /// A collection of the organization.
    #[schema(pattern = "^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
    resource: String,
    /// What the file is.
    #[schema(pattern = "^(csv|detailed-csv|json|json-api|xml|pdf)$")]
    format: String,
    /// Which records, in which order.
    arguments: Option<ArgumentsBody>,
    /// Which parts of them, nested ones with slashes; empty = the default.
    fields: Option<Vec<String>>,
    /// Which of them by a date of theirs.
    date_range: Option<DateRangeBody>,
    /// Who is told by mail that it is completed or has failed, 20 addresses at most; the links in it ask who is there.
    email_notification: Option<Vec<String>>,
    /// When it enters the organization's queue; absent or past = at once. Of a new series whose rule has no `start`, that; else the rule
    /// says it.
    #[schema(format = DateTime)]
    scheduled_time: Option<String>,
    /// The series that it is the first of, or goes on with; absent = it is made once.
    recurring: Option<RecurringBody>,
}

/// A series: when one of it enters the organization's queue, the next one is made and is pending.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "says what is read")]
struct RecurringBody {
    /// A recurrence rule (RFC 5545), with or without `RRULE:` in front; in UTC.
    #[schema(min_length = 1, max_length = 1000)]
    instruction: String,
    /// Where it begins; absent = where the series begins that is changed, or `scheduledTime`, or now.
    #[schema(format = DateTime)]
    start: Option<String>,
}

/// Which records, in which order.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "says what is read")]
struct ArgumentsBody {
    /// Which: `status:approved;amount:10..`.
    filter: Option<String>,
    /// In which order: `name,-createdTime`.
    sort: Option<String>,
    /// Words that occur in them.
    q: Option<String>,
}

/// Which records by a date of theirs.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "says what is read")]
struct DateRangeBody {
    /// Where the range begins: `first day of last month midnight`, `2026-01-01T00:00:00Z`.
    start: String,
    /// Before what it ends.
    end: String,
    /// The date; absent = the collection's usual one, or `createdTime`.
    field: Option<String>,
}

/// The request that a body asks for.
///
/// # Errors
/// Every field that is wrong.
pub(crate) fn command(body: &Value) -> Result<CreateExport, ApiError> {
    let mut members = Members::of(body, "").map_err(|_| ApiError::unprocessable("the body must be an object"))?;
    for name in READ_ONLY {
        members.take(name);
    }
    let name = members.text("name", MAX_NAME).filter(|name| !name.trim().is_empty());
    let blank =
        name.is_none() && members.take("name").and_then(Value::as_str).is_some_and(|name| name.trim().is_empty());
    let name = if blank { members.refuse("name", "must not be empty") } else { members.require("name", name) };
    let resource = members.parsed::<CollectionName>("resource", "the name of a collection");
    let resource = members.require("resource", resource);
    let format = members.word(
        "format",
        &[
            ("csv", ExportFormat::Csv),
            ("detailed-csv", ExportFormat::DetailedCsv),
            ("json", ExportFormat::Json),
            ("json-api", ExportFormat::JsonApi),
            ("xml", ExportFormat::Xml),
            ("pdf", ExportFormat::Pdf),
        ],
    );
    let format = members.require("format", format);
    let (mut data, search) = arguments(&mut members);
    data.fields = members.list("fields");
    let date_range = date_range(&mut members, &mut data);
    let scheduled_at = members.parsed::<Timestamp>("scheduledTime", TIME);
    let notify = addresses(&mut members);
    let recurring = recurring(&mut members);
    let problems = members.finish();
    match (name, resource, format) {
        (Some(name), Some(resource), Some(format)) if problems.is_empty() => Ok(CreateExport {
            label: Some(name.to_owned()),
            packaging: if format.makes_documents() { Packaging::Zip } else { Packaging::Bare },
            search,
            date_range,
            scheduled_at,
            recurring,
            data: Some(data),
            delivery: DeliveryPlan { notify, ..DeliveryPlan::default() },
            ..CreateExport::new(Surface::Rebilly, resource, format)
        }),
        _ => Err(ApiError::invalid(problems.into_iter().map(InvalidField::from).collect())),
    }
}

/// Takes `arguments`: how to read them, and the words to look for.
fn arguments(members: &mut Members<'_>) -> (DataRequest, Option<String>) {
    let (mut data, mut search) = (DataRequest::default(), None);
    match members.take("arguments").map(|value| Members::of(value, "/arguments")) {
        Some(Ok(mut inner)) => {
            // An empty one asks for nothing.
            let mut text =
                |name| inner.text(name, MAX_ARGUMENT).filter(|text| !text.trim().is_empty()).map(str::to_owned);
            (data.filter, data.sort, search) = (text("filter"), text("sort"), text("q"));
            members.add(inner.finish());
        }
        // What PHP makes of an empty object.
        Some(Err(problem)) => {
            let empty = members.take("arguments").and_then(Value::as_array).is_some_and(Vec::is_empty);
            members.add((!empty).then_some(problem));
        }
        None => {}
    }
    (data, search)
}

/// Takes `emailNotification`, each address once.
fn addresses(members: &mut Members<'_>) -> Vec<Email> {
    let mut addresses: Vec<Email> = Vec::new();
    for address in members.list::<Email>("emailNotification") {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.len() > MAX_NOTIFIED {
        members.refuse::<()>("emailNotification", format!("must be at most {MAX_NOTIFIED} addresses"));
    }
    addresses
}

fn date_range(members: &mut Members<'_>, data: &mut DataRequest) -> Option<DateRangeRequest> {
    let mut inner = match Members::of(members.take("dateRange")?, "/dateRange") {
        Ok(inner) => inner,
        Err(problem) => {
            members.add([problem]);
            return None;
        }
    };
    let start = inner.text("start", MAX_WORDS);
    let start = inner.require("start", start).map(str::to_owned);
    let end = inner.text("end", MAX_WORDS);
    let end = inner.require("end", end).map(str::to_owned);
    data.date_field = inner.text("field", MAX_WORDS).map(str::to_owned);
    let problems: Vec<Problem> = inner.finish();
    members.add(problems);
    Some(DateRangeRequest { start: start?, end: end?, field: None })
}

fn recurring(members: &mut Members<'_>) -> Option<RecurringRequest> {
    let mut inner = match Members::of(members.take("recurring")?, "/recurring") {
        Ok(inner) => inner,
        Err(problem) => {
            members.add([problem]);
            return None;
        }
    };
    let instruction = inner.text("instruction", MAX_RULE);
    let instruction = inner.require("instruction", instruction).map(str::to_owned);
    let start = inner.parsed::<Timestamp>("start", TIME);
    let problems: Vec<Problem> = inner.finish();
    members.add(problems);
    Some(RecurringRequest { instruction: instruction?, start })
}
