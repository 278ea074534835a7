//! Deletes a collection; one with records needs `records=true`. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use waybill_domain::Principal;

/// Deletes a collection; one with records needs `records=true`. For administrators.
#[utoipa::path(
    delete,
    path = "/v1/collections/{name}",
    tag = "collections",
    params(
        ("name" = String, Path, description = "The collection"),
        ("records" = Option<bool>, Query, description = "Whether its records go with it"),
    ),
    responses(
        (status = 204, description = "It is deleted"),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_collection(call: &Call<'_>, principal: &Principal, name: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&["records"])?;
    let (name, with_records) = (part("name", name)?, call.query.switch("records")?);
    waybill_app::delete_collection(call.context, &*call.deps.records, principal, &name, with_records).await?;
    Ok(Reply::gone())
}
