//! Lists where the file of an export goes, and how far it is.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::List;
use crate::wire::delivery::DeliveryWire;
use waybill_domain::Principal;

/// Lists where the file of an export goes, in the order of its destinations, each with its attempts.
#[utoipa::path(
    get,
    path = "/v1/exports/{id}/deliveries",
    tag = "exports",
    params(("id" = String, Path, description = "The export's id")),
    responses(
        (status = 200, description = "All of them", body = List<DeliveryWire>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list_deliveries(call: &Call<'_>, principal: &Principal, id: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let deliveries = waybill_app::list_deliveries(call.context, principal, None, part("id", id)?).await?;
    Reply::ok(&List::new(deliveries.into_iter().map(DeliveryWire::from), None))
}
