//! An export of the whole organization as it is asked for and shown.

use super::data_export::{status_of, updated_at};
use super::{Link, Place};
use crate::error::{ApiError, InvalidField};
use crate::names::{export_name, file_name, user_name};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use waybill_app::{CreateExport, ExportView, PropertyType};
use waybill_domain::{CollectionName, Export, ExportFormat, FileInclusion, Surface};
use waybill_http::Members;

/// What only Waybill says; sent back, it is not read.
const READ_ONLY: [&str; 9] =
    ["id", "userId", "fileId", "status", "resources", "createdTime", "updatedTime", "retentionTime", "_links"];
/// The members of [`Listed`], with their types; whether they are searched.
pub(crate) const LISTED: [(&str, PropertyType, bool); 7] = [
    ("id", PropertyType::String, false),
    ("userId", PropertyType::String, false),
    ("fileId", PropertyType::String, false),
    ("status", PropertyType::String, true),
    ("createdTime", PropertyType::Date, false),
    ("updatedTime", PropertyType::Date, false),
    ("retentionTime", PropertyType::Date, false),
];

/// An export of the whole organization to be made. What only Waybill says (`id`, `userId`, `fileId`, `status`, `resources`,
/// `createdTime`, `updatedTime`, `retentionTime`, `_links`) may be sent back and is not read.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationExportRequest)]
#[expect(dead_code, reason = "says what is read; the reading names everything that is wrong at once")]
pub(crate) struct OrganizationExportBody {
    /// Whether the records' files come along; absent = `false`.
    include_files: Option<bool>,
}

/// What lists are filtered, searched and sorted by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedOrganizationExport)]
pub(crate) struct Listed {
    /// Its id: `exp_` and a ULID.
    id: String,
    /// Who asked for it.
    user_id: String,
    /// The file, a zip with a JSON array for each collection, once it is completed.
    #[schema(required)]
    file_id: Option<String>,
    /// `pending`, `queued`, `processing`, `completed` or `failed`; what expired (`expired`) is not there any more.
    status: &'static str,
    /// When it was asked for.
    #[schema(format = DateTime)]
    created_time: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    updated_time: String,
    /// When it and its file will not be there any more; `null` until it has ended.
    #[schema(required, format = DateTime)]
    retention_time: Option<String>,
}

/// The records of one collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationExportResource)]
pub(crate) struct ResourceWire {
    /// The collection; `accounts` for the organization's people.
    r#type: String,
    /// Records written so far; 0 for an export that failed.
    record_count: u64,
}

/// An export of the whole organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationExport)]
pub(crate) struct OrganizationExportWire {
    #[serde(flatten)]
    listed: Listed,
    /// What it holds.
    resources: Vec<ResourceWire>,
    /// Where it, who asked for it and its file are.
    #[serde(rename = "_links")]
    links: Vec<Link>,
}

impl Listed {
    pub(crate) fn new(export: &Export) -> Self {
        Self {
            id: export_name(export.id),
            user_id: user_name(export.creator),
            file_id: export.archive().map(|_| file_name(export.id)),
            status: status_of(export),
            created_time: export.created_at.to_string(),
            updated_time: updated_at(export).to_string(),
            retention_time: export.is_terminal().then(|| export.expires_at.to_string()),
        }
    }
}

impl OrganizationExportWire {
    /// `signed` is a link to the file that needs no credential.
    pub(crate) fn new(view: &ExportView, place: &Place, signed: Option<String>) -> Self {
        let listed = Listed::new(&view.export);
        let mut links = vec![
            Link::new("self", place.of_organization_export(view.export.id)),
            Link::new("user", place.of_user(&listed.user_id)),
        ];
        links.extend(signed.map(|href| Link::new("signedLink", href)));
        let failed = listed.status == "failed";
        let counts = view.spec.counts(&view.export.progress);
        let resources = counts.map(|(collection, records)| ResourceWire {
            r#type: collection.to_string(),
            record_count: if failed { 0 } else { records },
        });
        Self { resources: resources.collect(), listed, links }
    }
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
    let files = match members.boolean("includeFiles") {
        Some(true) => FileInclusion::Entries,
        Some(false) | None => FileInclusion::None,
    };
    let problems = members.finish();
    if !problems.is_empty() {
        return Err(ApiError::invalid(problems.into_iter().map(InvalidField::from).collect()));
    }
    Ok(CreateExport {
        per_collection: true,
        files,
        ..CreateExport::new(Surface::Rebilly, CollectionName::everything(), ExportFormat::Json)
    })
}
