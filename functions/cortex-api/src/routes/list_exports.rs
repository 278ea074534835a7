//! GET `/{org}/v2/exports`.

use crate::fault::Fault;
use crate::objects::Objects;
use crate::reply::Reply;
use crate::routes::Call;
use crate::routes::list_objects::reply;
use crate::wire::arguments::of_query;
use crate::wire::envelope::List;

/// Lists the exports that were made through this surface; in order of creation unless `sort` is given.
///
/// `startingAfter` and `endingBefore` stand for the product's `where` on `_id`; the latter goes back from that id.
///
/// # Errors
/// Faults of the arguments, and of the state store.
#[utoipa::path(
    get,
    path = "/{org}/v2/exports",
    tag = "cortex",
    operation_id = "cortexListExports",
    params(
        ("org" = String, Path, description = "The org's code"),
        ("where" = Option<String>, Query, description = "A JSON object of conditions"),
        ("skip" = Option<usize>, Query, maximum = 100_000, description = "Exports to leave out at the beginning"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "Most exports to give; 100 unless said"),
        ("sort" = Option<String>, Query, description = "A property, `-property`, or JSON like `{\"created\":-1}`"),
        ("paths[]" = Option<Vec<String>>, Query, description = "Properties to give; all unless said"),
        ("include[]" = Option<Vec<String>>, Query, description = "Properties to add"),
        ("expand[]" = Option<Vec<String>>, Query, description = "References to replace by what they lead to: `creator`, `owner`"),
        ("pipeline" = Option<String>, Query, description = "An aggregation instead: a JSON array of stages `$match`, `$project`, `$sort`, `$skip`, `$limit`, `$group`"),
        ("startingAfter" = Option<String>, Query, description = "Only those beyond this id"),
        ("endingBefore" = Option<String>, Query, description = "Only those before this id, the nearest first"),
    ),
    responses(
        (status = 200, description = "The exports", content((List = "application/json"), (String = "application/x-ndjson"))),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
    )
)]
pub(crate) async fn list_exports(call: &Call<'_>) -> Result<Reply, Fault> {
    let listing = Objects::exports(call)?.list(call, &of_query(&call.query, &[])?).await?;
    reply(call, listing).await
}

#[cfg(test)]
mod tests;
