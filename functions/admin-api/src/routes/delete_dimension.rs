//! Deletes a dimension; values that are scoped by it are those of no segment from then on. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use waybill_domain::Principal;

/// Deletes a dimension; values that are scoped by it are those of no segment from then on. For administrators.
#[utoipa::path(
    delete,
    path = "/v1/dimensions/{id}",
    tag = "collections",
    params(
        ("id" = String, Path, description = "The dimension's id"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_dimension(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    waybill_app::delete_dimension(call.context, principal, &part("id", id)?).await?;
    Ok(Reply::gone())
}
