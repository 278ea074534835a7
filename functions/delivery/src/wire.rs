//! What webhooks are told: the message of the Rebilly surface, with the data export as that surface shows it.

mod letter;

use serde_json::{Map, Value, json};
use waybill_app::{Letter, SignalFacts, SignalWords};
use waybill_domain::data_id::{export_name, file_name, user_name};
use waybill_domain::{Email, Export, ExportFormat, FailureCode, SignalEvent, State, Surface};

/// Words messages for an org's addresses.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    /// Where the HTTP surfaces answer, `https://host`.
    pub(crate) api_url: String,
}

/// What of an export its surface calls it, and where it is there.
struct Named {
    id: String,
    file: Option<String>,
    place: String,
    download: Option<String>,
}

impl Words {
    /// An export of another surface is not to be had on Rebilly's: it goes by its own id, at Waybill's own surface.
    fn named(&self, export: &Export) -> Named {
        let (api, has_file) = (&self.api_url, export.archive().is_some());
        if export.surface == Surface::Rebilly {
            let id = export.alias.as_ref().map_or_else(|| export_name(export.id), ToString::to_string);
            let file = has_file.then(|| file_name(export.id));
            let place = if export.is_of_everything() {
                format!("{api}/organizations/{}/organization-exports/{id}", export.org)
            } else {
                format!("{api}/experimental/organizations/{}/data-exports/{id}", export.org)
            };
            let download = file.as_ref().map(|file| format!("{api}/files/{file}/download"));
            return Named { id, file, place, download };
        }
        let id = export.id.to_string();
        let place = format!("{api}/v1/exports/{id}");
        let download = has_file.then(|| format!("{place}/download"));
        Named { file: has_file.then(|| id.clone()), id, place, download }
    }
}

impl SignalWords for Words {
    fn message(&self, facts: &SignalFacts) -> Value {
        let export = &facts.export;
        let named = self.named(export);
        let mut links = vec![link("dataExport", &named.place)];
        links.extend(named.download.as_ref().map(|href| link("download", href)));
        let is_completed = facts.event == SignalEvent::Completed;
        json!({
            "eventType": facts.event.name(),
            "dataExportId": named.id,
            "fileId": named.file,
            "recordCount": if is_completed { export.progress.records } else { 0 },
            "status": status(facts.event),
            "failureReason": failure_reason(export),
            "_embedded": {"dataExport": self.data_export(facts, &named)},
            "_links": links,
        })
    }

    fn letter(&self, facts: &SignalFacts) -> Letter {
        let named = self.named(&facts.export);
        letter::letter(facts, &named.place, named.download.as_deref())
    }
}

impl Words {
    /// The data export as the surface shows it; a story of the end-to-end tests compares the two.
    fn data_export(&self, facts: &SignalFacts, named: &Named) -> Value {
        let (export, spec) = (&facts.export, &facts.spec);
        let user = user_name(export.creator);
        let mut links = vec![link("self", &named.place), link("user", &format!("{}/users/{user}", self.api_url))];
        links.extend(named.download.as_ref().map(|href| link("download", href)));
        let data = spec.data.clone().unwrap_or_default();
        let mut arguments = Map::new();
        for (name, text) in [("filter", data.filter), ("sort", data.sort), ("q", spec.search.clone())] {
            arguments.extend(text.map(|text| (name.to_owned(), Value::from(text))));
        }
        let date_range = spec.date_range.as_ref().map(|range| {
            let field = data.date_field.clone().unwrap_or_else(|| range.field.segments().join("/"));
            json!({"start": range.start, "end": range.end, "field": field})
        });
        let recurring = spec
            .series
            .as_ref()
            .map(|series| json!({"instruction": series.instruction, "start": series.start.to_string()}));
        let changes = [export.changed_at, export.started_at, export.finished_at()];
        let updated_at = changes.into_iter().flatten().fold(export.created_at, Ord::max);
        json!({
            "id": named.id,
            "name": export.label.clone().unwrap_or_default(),
            "resource": export.collection.as_str(),
            "format": format_name(export.format),
            "status": status(facts.event),
            "failureReason": failure_reason(export),
            "userId": user,
            "fileId": named.file,
            "recordCount": if facts.event == SignalEvent::Completed { export.progress.records } else { 0 },
            "createdTime": export.created_at.to_string(),
            "updatedTime": updated_at.to_string(),
            "arguments": arguments,
            "fields": data.fields,
            "emailNotification": spec.delivery.notify.iter().map(Email::as_str).collect::<Vec<_>>(),
            "recurring": recurring,
            "dateRange": date_range,
            "scheduledTime": export.scheduled_at.unwrap_or(export.created_at).to_string(),
            "_links": links,
        })
    }
}

fn link(rel: &str, href: &str) -> Value {
    json!({"rel": rel, "href": href})
}

fn status(event: SignalEvent) -> &'static str {
    match event {
        SignalEvent::Completed => "completed",
        SignalEvent::Failed => "failed",
    }
}

/// The vendor has words for two reasons only.
fn failure_reason(export: &Export) -> Option<&'static str> {
    let State::Failed { failure, .. } = &export.state else { return None };
    match failure.code {
        FailureCode::RecordLimitExceeded => Some("record-limit-exceeded"),
        FailureCode::MaxRetriesReached | FailureCode::Unavailable => Some("max-retries-reached"),
        _ => None,
    }
}

fn format_name(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Ndjson => "ndjson",
        ExportFormat::Csv => "csv",
        ExportFormat::DetailedCsv => "detailed-csv",
        ExportFormat::Json => "json",
        ExportFormat::JsonApi => "json-api",
        ExportFormat::Xml => "xml",
        ExportFormat::Pdf => "pdf",
    }
}
