//! Writes records, one JSON object a line; a bad line rejects that line alone.

use crate::error::{ApiError, ProblemDocument};
use crate::operation::{Call, part};
use crate::reply::Reply;
use crate::wire::record::LoadedWire;
use waybill_domain::Principal;
use waybill_http::BULK_LIMIT_BYTES;

/// Writes records, one JSON object a line; a bad line rejects that line alone.
#[utoipa::path(
    post,
    path = "/v1/collections/{name}/records",
    tag = "records",
    params(
        ("name" = String, Path, description = "The collection"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending this again safe for 24 hours"),
    ),
    request_body(content = String, content_type = "application/x-ndjson", description = "At most 4 MiB"),
    responses(
        (status = 200, description = "What became of the lines", body = LoadedWire),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn load_records(call: &Call<'_>, principal: &Principal, name: &str) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    let name = part("name", name)?;
    let lines = call.body(BULK_LIMIT_BYTES)?;
    let idempotency = call.idempotency("admin:load-records")?;
    let records = &*call.deps.records;
    let loaded =
        waybill_app::load_records(call.context, records, principal, &name, lines, idempotency.as_ref()).await?;
    Reply::ok(&LoadedWire::from(loaded))
}
