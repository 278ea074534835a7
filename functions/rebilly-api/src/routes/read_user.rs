//! GET `…/users/{id}`.

use super::{Call, SURFACE};
use crate::error::{ApiError, ProblemBody};
use crate::names::parse_user;
use crate::reply::Reply;
use crate::wire::user::UserWire;
use http::StatusCode;

/// Shows who asked for an export: to administrators everybody, to members themselves, and of others who asked for an export that they may
/// read the name.
///
/// # Errors
/// 404 for everybody else.
#[utoipa::path(
    get,
    path = "/organizations/{org}/users/{id}",
    tag = "rebilly",
    operation_id = "rebillyReadUser",
    params(
        ("org" = String, Path, description = "The organization's code"),
        ("id" = String, Path, description = "`userId` of an export"),
    ),
    responses(
        (status = 200, description = "The user", body = UserWire),
        (status = "4XX", description = "A problem", body = ProblemBody),
    )
)]
pub(crate) async fn read_user(call: &Call<'_>, id: &str) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let account = parse_user(id).ok_or_else(ApiError::not_found)?;
    let requester = waybill_app::read_requester(call.context, &call.principal, SURFACE, account).await?;
    Reply::json(StatusCode::OK, &UserWire::new(requester, &call.place))
}
