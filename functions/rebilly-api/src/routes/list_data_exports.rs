//! GET `…/data-exports`.

use super::read_data_export::signed_links;
use super::{Call, SURFACE};
use crate::error::{ApiError, InvalidField, ProblemBody};
use crate::reply::Reply;
use crate::wire::arguments::Expand;
use crate::wire::data_export::{DataExportWire, LISTED, Listed};
use http::StatusCode;
use serde::Serialize;
use waybill_app::{
    Arrangement, Error, ExportWindow, FieldError, PropertyType, arrange_documents, window_exports_as_created,
    with_requests,
};
use waybill_domain::Export;

/// Exports that are shown where no limit is named.
const USUAL_LIMIT: usize = 100;
/// Most exports of a list, and of those left out before it.
const MOST: usize = 1000;
/// Most exports that a list is chosen from.
const ALL: usize = 1_000_000;

/// Lists the organization's data exports, the newest first unless `sort` says otherwise; past the end, an empty array.
/// Administrators are shown `signedLink` of what is completed, in the first 300 of a list.
///
/// # Errors
/// 422 with the argument that is wrong.
#[utoipa::path(
    get,
    path = "/experimental/organizations/{org}/data-exports",
    tag = "rebilly",
    operation_id = "rebillyListDataExports",
    params(
        ("org" = String, Path, description = "The organization's code"),
        ("limit" = Option<u64>, Query, description = "Most exports to show, 0 to 1000; 100 where it is absent"),
        ("offset" = Option<u64>, Query, description = "How many to leave out first, 0 to 1000"),
        ("sort" = Option<String>, Query, description = "Members with commas between, `-` before one for the greatest first"),
        ("expand" = Option<String>, Query, description = "`file`, `user`, with a comma between"),
        ("filter" = Option<String>, Query, description = "Which: `status:completed;recordCount:1..`"),
        ("q" = Option<String>, Query, description = "Words that occur in name, resource, format or status"),
        ("criteria" = Option<String>, Query, description = "Taken and not read"),
    ),
    responses(
        (status = 200, description = "The exports; `Pagination-Total`, `-Limit` and `-Offset` say of how many", body = Vec<DataExportWire>),
        (status = "4XX", description = "A problem", body = ProblemBody),
    )
)]
pub(crate) async fn list_data_exports(call: &Call<'_>) -> Result<Reply, ApiError> {
    let query = &call.query;
    query.only(&["limit", "offset", "sort", "expand", "filter", "q", "criteria"])?;
    let expand = Expand::of(query)?;
    let Window { exports, total, limit, offset } = window(call, false, Listed::new, &LISTED).await?;
    let views = with_requests(call.context, &call.principal, exports).await?;
    let signed = signed_links(call, &views).await?;
    let shown = call.shown_all(&views, expand, signed).await?;
    Ok(Reply::json(StatusCode::OK, &shown)?.paged(total, limit, offset))
}

/// Some exports of a list.
pub(super) struct Window {
    pub(super) exports: Vec<Export>,
    /// How many there are beside the window.
    pub(super) total: usize,
    pub(super) limit: usize,
    pub(super) offset: usize,
}

/// The exports that the arguments ask for: those of the organization (`whole`), or data exports. They are chosen by what `listed` shows,
/// whose members have the types of `members`.
///
/// # Errors
/// 422 with the argument that is wrong.
pub(super) async fn window<T: Serialize>(
    call: &Call<'_>,
    whole: bool,
    listed: impl Fn(&Export) -> T,
    members: &[(&str, PropertyType, bool)],
) -> Result<Window, ApiError> {
    let query = &call.query;
    let (limit, offset) = (query.number("limit", USUAL_LIMIT, 0, MOST)?, query.number("offset", 0, 0, MOST)?);
    let asked =
        Arrangement { filter: query.one("filter")?, sort: query.one("sort")?, search: query.one("q")?, offset, limit };
    let all = ExportWindow { after: None, before: None, skip: 0, limit: ALL };
    let (mut exports, _) = window_exports_as_created(call.context, &call.principal, SURFACE, all, true).await?;
    exports.retain(|export| export.is_of_everything() == whole);
    let documents = exports.iter().map(|export| serde_json::to_string(&listed(export)));
    let documents: Vec<String> = documents.collect::<Result<_, _>>().map_err(|error| {
        tracing::error!(%error, "an export does not serialise");
        ApiError::internal()
    })?;
    let arranged = arrange_documents(&documents, members, asked).map_err(|error| match error {
        // Arguments have their own names, not those of a body's.
        Error::Invalid(wrong) => ApiError::invalid(wrong.into_iter().map(named).collect()),
        error => error.into(),
    })?;
    let mut slots: Vec<_> = exports.drain(..).map(Some).collect();
    let chosen = arranged.positions.iter().filter_map(|position| slots.get_mut(*position)?.take()).collect();
    Ok(Window { exports: chosen, total: arranged.total, limit, offset })
}

fn named(error: FieldError) -> InvalidField {
    InvalidField::new(error.field, error.message)
}
