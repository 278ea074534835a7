//! A data export as it is shown.

use super::file::FileWire;
use super::user::UserWire;
use super::{Link, Place};
use crate::names::{export_name, file_name, user_name};
use serde::Serialize;
use utoipa::ToSchema;
use waybill_app::{ExportView, PropertyType};
use waybill_domain::{Export, ExportFormat, FailureCode, State, Timestamp};

/// The members of [`Listed`], with their types; whether they are searched.
pub(crate) const LISTED: [(&str, PropertyType, bool); 12] = [
    ("id", PropertyType::String, false),
    ("name", PropertyType::String, true),
    ("resource", PropertyType::String, true),
    ("format", PropertyType::String, true),
    ("status", PropertyType::String, true),
    ("failureReason", PropertyType::String, false),
    ("userId", PropertyType::String, false),
    ("fileId", PropertyType::String, false),
    ("recordCount", PropertyType::Number, false),
    ("scheduledTime", PropertyType::Date, false),
    ("createdTime", PropertyType::Date, false),
    ("updatedTime", PropertyType::Date, false),
];

/// What lists are filtered, searched and sorted by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Listed {
    /// Its id: the client's, or `exp_` and a ULID.
    id: String,
    /// Its name.
    name: String,
    /// The collection.
    resource: String,
    /// `csv`, `detailed-csv`, `json`, `json-api`, `xml` or `pdf`.
    format: &'static str,
    /// `pending`, `queued`, `processing`, `completed` or `failed`.
    status: &'static str,
    /// Why it failed: `record-limit-exceeded`, `max-retries-reached`, or something else.
    failure_reason: Option<&'static str>,
    /// Who asked for it.
    user_id: String,
    /// The file, once it is completed.
    file_id: Option<String>,
    /// Records written; 0 for one that failed.
    record_count: u64,
    /// When it enters, or entered, the organization's queue.
    scheduled_time: String,
    /// When it was asked for.
    created_time: String,
    /// When it last changed.
    updated_time: String,
}

/// Which records, in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DataExportArguments)]
pub(crate) struct ArgumentsWire {
    /// Which: `status:approved;amount:10..`.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    /// In which order: `name,-createdTime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    sort: Option<String>,
    /// Words that occur in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    q: Option<String>,
}

/// Which records by a date of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DataExportDateRange)]
pub(crate) struct DateRangeWire {
    /// Where the range begins, in words or as an instant, understood when the export starts.
    start: String,
    /// Before what it ends.
    end: String,
    /// The date that it is about.
    field: String,
}

/// A series, of which the next one is always pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DataExportRecurring)]
pub(crate) struct RecurringWire {
    /// Its recurrence rule (RFC 5545).
    instruction: String,
    /// Where it begins.
    #[schema(format = DateTime)]
    start: String,
}

/// What `expand` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DataExportEmbedded)]
pub(crate) struct Embedded {
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<FileWire>,
    /// Who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<UserWire>,
}

/// A data export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DataExport)]
pub(crate) struct DataExportWire {
    #[serde(flatten)]
    listed: Listed,
    /// Which records, in which order.
    arguments: ArgumentsWire,
    /// Which parts of them, nested ones with slashes; empty = the default.
    fields: Vec<String>,
    /// Addresses that are told when it has ended.
    email_notification: Vec<String>,
    /// The series that it is one of; `null` = none.
    #[schema(required)]
    recurring: Option<RecurringWire>,
    /// Which records by a date of theirs; `null` = all.
    date_range: Option<DateRangeWire>,
    /// Where it, who asked for it and its file are.
    #[serde(rename = "_links")]
    links: Vec<Link>,
    /// What `expand` asks for.
    #[serde(rename = "_embedded", skip_serializing_if = "Option::is_none")]
    embedded: Option<Embedded>,
}

/// The id under which its clients know an export.
pub(crate) fn name_of(export: &Export) -> String {
    export.alias.as_ref().map_or_else(|| export_name(export.id), ToString::to_string)
}

impl Listed {
    pub(crate) fn new(export: &Export) -> Self {
        let status = status_of(export);
        let failure_reason = match &export.state {
            State::Failed { failure, .. } => reason(failure.code),
            _ => None,
        };
        Self {
            id: name_of(export),
            name: export.label.clone().unwrap_or_default(),
            resource: export.collection.to_string(),
            format: format_name(export.format),
            status,
            failure_reason,
            user_id: user_name(export.creator),
            file_id: export.archive().map(|_| file_name(export.id)),
            record_count: if status == "failed" { 0 } else { export.progress.records },
            scheduled_time: export.scheduled_at.unwrap_or(export.created_at).to_string(),
            created_time: export.created_at.to_string(),
            updated_time: updated_at(export).to_string(),
        }
    }
}

/// Where an export stands.
pub(super) fn status_of(export: &Export) -> &'static str {
    match &export.state {
        State::Scheduled { .. } => "pending",
        State::Queued { .. } => "queued",
        State::Running { .. } => "processing",
        State::Ready { .. } => "completed",
        State::Failed { .. } | State::Canceled { .. } => "failed",
    }
}

/// When an export last changed.
pub(super) fn updated_at(export: &Export) -> Timestamp {
    let changes = [export.changed_at, export.started_at, export.finished_at()];
    changes.into_iter().flatten().fold(export.created_at, Ord::max)
}

/// The vendor has words for two reasons only.
fn reason(code: FailureCode) -> Option<&'static str> {
    match code {
        FailureCode::RecordLimitExceeded => Some("record-limit-exceeded"),
        FailureCode::MaxRetriesReached | FailureCode::Unavailable => Some("max-retries-reached"),
        FailureCode::CollectionMissing
        | FailureCode::RecordMissing
        | FailureCode::BadRecord
        | FailureCode::BadDateRange
        | FailureCode::QuotaExceeded
        | FailureCode::LimitExceeded
        | FailureCode::Denied
        | FailureCode::Internal => None,
    }
}

/// The name of a format here.
pub(crate) fn format_name(format: ExportFormat) -> &'static str {
    match format {
        // Not offered here; an administrator's retry may be of one.
        ExportFormat::Ndjson => "ndjson",
        ExportFormat::Csv => "csv",
        ExportFormat::DetailedCsv => "detailed-csv",
        ExportFormat::Json => "json",
        ExportFormat::JsonApi => "json-api",
        ExportFormat::Xml => "xml",
        ExportFormat::Pdf => "pdf",
    }
}

impl DataExportWire {
    /// `signed` is a link to the file that needs no credential.
    pub(crate) fn new(view: &ExportView, place: &Place, signed: Option<String>, embedded: Option<Embedded>) -> Self {
        let (export, spec) = (&view.export, &view.spec);
        let listed = Listed::new(export);
        let mut links =
            vec![Link::new("self", place.of_export(&listed.id)), Link::new("user", place.of_user(&listed.user_id))];
        links.extend(listed.file_id.iter().map(|file| Link::new("download", place.of_download(file))));
        links.extend(signed.map(|href| Link::new("signedLink", href)));
        let data = spec.data.clone().unwrap_or_default();
        let date_range = spec.date_range.as_ref().map(|range| DateRangeWire {
            start: range.start.clone(),
            end: range.end.clone(),
            field: data.date_field.unwrap_or_else(|| range.field.segments().join("/")),
        });
        Self {
            listed,
            arguments: ArgumentsWire { filter: data.filter, sort: data.sort, q: spec.search.clone() },
            fields: data.fields,
            email_notification: spec.delivery.notify.iter().map(|address| address.as_str().to_owned()).collect(),
            recurring: spec.series.as_ref().map(|series| RecurringWire {
                instruction: series.instruction.clone(),
                start: series.start.to_string(),
            }),
            date_range,
            links,
            embedded,
        }
    }
}
