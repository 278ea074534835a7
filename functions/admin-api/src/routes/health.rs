//! Says that this function answers, and which version it is.

use crate::error::ApiError;
use crate::operation::Call;
use crate::reply::Reply;
use serde::Serialize;
use utoipa::ToSchema;

/// That it answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
    /// The version of Waybill.
    version: &'static str,
}

/// Says that this function answers, and which version it is. For anyone.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "about",
    responses((status = 200, description = "It answers", body = Health)),
    security(()),
)]
pub(crate) fn health(call: &Call<'_>) -> Result<Reply, ApiError> {
    call.only_arguments(&[])?;
    Reply::ok(&Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}
