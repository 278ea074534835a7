//! GET `/{org}/v2/{objects}/{id}`.

use crate::fault::Fault;
use crate::objects::Objects;
use crate::reply::Reply;
use crate::routes::Call;
use crate::wire::arguments::of_read;

/// Reads one object: a record of a collection, or an account, `me` being the caller's own. Lists of it come along as with
/// those of a list: `c_visits.limit=5`.
///
/// # Errors
/// `kInvalidObject`, `kNotFound`, and faults of the arguments.
#[utoipa::path(
    get,
    path = "/{org}/v2/{objects}/{id}",
    tag = "cortex",
    operation_id = "cortexReadObject",
    params(
        ("org" = String, Path, description = "The org's code"),
        ("objects" = String, Path, description = "A collection, or `accounts`"),
        ("id" = String, Path, description = "The object's `_id`; `me` of `accounts`"),
        ("paths[]" = Option<Vec<String>>, Query, description = "Properties to give; all that are not optional unless said"),
        ("include[]" = Option<Vec<String>>, Query, description = "Optional properties to add"),
        ("expand[]" = Option<Vec<String>>, Query, description = "References to replace by what they lead to"),
    ),
    responses(
        (status = 200, description = "The object", body = serde_json::Value),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
    )
)]
pub(crate) async fn read_object(call: &Call<'_>, objects: &str, id: &str) -> Result<Reply, Fault> {
    let objects = Objects::named(call, objects).await?;
    let parts = of_read(&call.query, &objects.lists())?;
    Reply::json(&objects.read(call, id, &parts).await?)
}
