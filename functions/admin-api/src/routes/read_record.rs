//! Reads one record.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use waybill_domain::Principal;

/// Reads one record.
#[utoipa::path(
    get,
    path = "/v1/collections/{name}/records/{id}",
    tag = "records",
    params(
        ("name" = String, Path, description = "The collection"),
        ("id" = String, Path, description = "The record's `_id`"),
    ),
    responses(
        (status = 200, description = "The record as it is kept", body = Object),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn read_record(
    call: &Call<'_>,
    principal: &Principal,
    name: &str,
    id: &str,
) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let (name, id) = (part("name", name)?, part("id", id)?);
    let record = waybill_app::read_record(call.context, &*call.deps.records, principal, &name, id).await?;
    Reply::ok_text(String::from_utf8_lossy(&record).into_owned())
}
