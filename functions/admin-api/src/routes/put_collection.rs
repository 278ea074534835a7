//! Defines a collection, or defines it anew. For administrators.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::collection::{CollectionWire, PutCollectionBody};
use waybill_domain::Principal;

/// Defines a collection, or defines it anew. For administrators.
#[utoipa::path(
    put,
    path = "/v1/collections/{name}",
    tag = "collections",
    params(("name" = String, Path, description = "The collection")),
    request_body = PutCollectionBody,
    responses(
        (status = 200, description = "The collection, defined anew", body = CollectionWire),
        (status = 201, description = "The collection, new", body = CollectionWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn put_collection(call: &Call<'_>, principal: &Principal, name: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let body = PutCollectionBody::read(part("name", name)?, &call.json()?)?;
    let (collection, is_new) = waybill_app::put_collection(call.context, principal, &body.into()).await?;
    let wire = CollectionWire::from(collection);
    if is_new { Reply::created(format!("/v1/collections/{name}"), &wire) } else { Reply::ok(&wire) }
}
