//! Reads a dimension. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::dimension::DimensionWire;
use waybill_domain::Principal;

/// Reads a dimension. For administrators.
#[utoipa::path(
    get,
    path = "/v1/dimensions/{id}",
    tag = "collections",
    params(
        ("id" = String, Path, description = "The dimension's id"),
    ),
    responses(
        (status = 200, description = "The dimension", body = DimensionWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn read_dimension(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let dimension = waybill_app::read_dimension(call.context, principal, &part("id", id)?).await?;
    Reply::ok(&DimensionWire::from(dimension))
}
