//! Begins a delivery that has ended anew.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::delivery::DeliveryWire;
use waybill_domain::Principal;

/// Begins a delivery that has ended anew, under the same name and id. Where the export is one of a job, it goes to that place of the job's
/// destinations as it is set up now. For administrators, and whoever made the export or its job.
#[utoipa::path(
    post,
    path = "/v1/exports/{id}/deliveries/{number}/redeliver",
    tag = "exports",
    params(
        ("id" = String, Path, description = "The export's id"),
        ("number" = u16, Path, description = "Which of its deliveries, from 0"),
    ),
    responses(
        (status = 200, description = "The delivery, waiting", body = DeliveryWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn redeliver(
    call: &Call<'_>,
    principal: &Principal,
    id: &str,
    number: &str,
) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let of = (part("id", id)?, part("number", number)?);
    let delivery = waybill_app::redeliver(call.context, &*call.deps.deliveries, principal, None, of).await?;
    Reply::ok(&DeliveryWire::from(delivery))
}
