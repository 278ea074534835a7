//! PUT `…/data-exports/{id}`.

use super::Call;
use crate::error::{ApiError, ProblemBody};
use crate::reply::Reply;
use crate::wire::arguments::Expand;
use crate::wire::body::{DataExportBody, command};
use crate::wire::data_export::{DataExportWire, name_of};
use http::StatusCode;
use waybill_app::{CreateExport, ExportView, create_export, replace_export};
use waybill_domain::ExportAlias;

/// Asks something else of a data export that is pending, or makes one with an id that the client chooses.
///
/// # Errors
/// 422 with every field that is wrong, or when the export is not pending any more.
#[utoipa::path(
    put,
    path = "/experimental/organizations/{org}/data-exports/{id}",
    tag = "rebilly",
    operation_id = "rebillyPutDataExport",
    params(
        ("org" = String, Path, description = "The organization's code"),
        ("id" = String, Path, description = "The export's id, or a new one: `^[@~\\-\\.\\w]{1,50}$`"),
        ("expand" = Option<String>, Query, description = "`file`, `user`, with a comma between"),
    ),
    request_body = DataExportBody,
    responses(
        (status = 200, description = "The changed export", body = DataExportWire),
        (status = 201, description = "The new export; `Location` says where it is", body = DataExportWire),
        (status = "4XX", description = "A problem", body = ProblemBody),
    )
)]
pub(crate) async fn put_data_export(call: &Call<'_>, id: &str) -> Result<Reply, ApiError> {
    call.query.only(&["expand"])?;
    let expand = Expand::of(&call.query)?;
    let alias: ExportAlias = id.parse().map_err(|error| ApiError::invalid_field("id", format!("{error}")))?;
    let command = CreateExport { limits: Some(call.deps.limits), ..command(&call.json()?.0)? };
    let (status, view) = match replace(call, id, &command).await? {
        Some(view) => (StatusCode::OK, view),
        None => match create(call, alias, &command).await {
            Ok(view) => (StatusCode::CREATED, view),
            // Somebody was quicker.
            Err(error) if error.is_conflict() => match replace(call, id, &command).await? {
                Some(view) => (StatusCode::OK, view),
                None => return Err(error),
            },
            Err(error) => return Err(error),
        },
    };
    let reply = Reply::json(status, &call.shown(&view, expand, None).await?)?;
    Ok(match status {
        StatusCode::CREATED => reply.with("location", &call.place.of_export(&name_of(&view.export))),
        _ => reply,
    })
}

/// The changed export; `None` when there is none of that id.
async fn replace(call: &Call<'_>, id: &str, command: &CreateExport) -> Result<Option<ExportView>, ApiError> {
    let Some(found) = call.find(id).await? else { return Ok(None) };
    let (wake, principal) = (&*call.deps.wake, &call.principal);
    let replaced = replace_export(call.context, wake, principal, found.export.id, command);
    match Box::pin(replaced).await.map_err(ApiError::from) {
        Ok(view) => Ok(Some(view)),
        Err(error) if error.is_conflict() => Err(error.into_unprocessable()),
        Err(error) => Err(error),
    }
}

async fn create(call: &Call<'_>, alias: ExportAlias, command: &CreateExport) -> Result<ExportView, ApiError> {
    let command = CreateExport { alias: Some(alias), ..command.clone() };
    Ok(Box::pin(create_export(call.context, &*call.deps.wake, &call.principal, &command)).await?)
}
