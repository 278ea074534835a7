//! GET `/{org}/v2/{objects}`.

use crate::fault::Fault;
use crate::objects::{Listing, Objects};
use crate::reply::{MAX_REPLY_BYTES, Reply, to_json, too_large};
use crate::routes::Call;
use crate::wire::arguments::of_query;
use crate::wire::envelope::List;
use serde_json::Value;

/// Objects that are shown at once: after the first of these, a list of lines ends with a fault when one cannot be shown.
const CHUNK: usize = 100;

/// Lists records of a collection, or `accounts`, in the order of their `_id` unless `sort` is given.
///
/// Lists of objects come along where `paths`, `include` or `expand` names them, or an argument behind their name does:
/// `c_visits.limit=5&c_visits.sort=-created`, with at most 100 objects.
///
/// A caller sees what its access allows. One request reads as much as time allows: a list that takes more says so, and is
/// what exports are for.
///
/// # Errors
/// `kInvalidObject`, faults of the arguments, `kRequestTooLarge`.
#[utoipa::path(
    get,
    path = "/{org}/v2/{objects}",
    tag = "cortex",
    operation_id = "cortexListObjects",
    params(
        ("org" = String, Path, description = "The org's code"),
        ("objects" = String, Path, description = "A collection, or `accounts`"),
        ("where" = Option<String>, Query, description = "A JSON object of conditions"),
        ("sort" = Option<String>, Query, description = "A property, `-property`, or JSON like `{\"created\":-1}`"),
        ("skip" = Option<usize>, Query, maximum = 100_000, description = "Objects to leave out at the beginning"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "Most objects to give; 100 unless said"),
        ("paths[]" = Option<Vec<String>>, Query, description = "Properties to give; all that are not optional unless said"),
        ("include[]" = Option<Vec<String>>, Query, description = "Optional properties to add"),
        ("expand[]" = Option<Vec<String>>, Query, description = "References to replace by what they lead to"),
        ("pipeline" = Option<String>, Query, description = "An aggregation instead: a JSON array of stages `$match`, `$project`, `$sort`, `$skip`, `$limit`, `$group`"),
        ("startingAfter" = Option<String>, Query, description = "Only those beyond this id"),
        ("endingBefore" = Option<String>, Query, description = "Only those before this id, the nearest first"),
    ),
    responses(
        (status = 200, description = "The objects", content((List = "application/json"), (String = "application/x-ndjson"))),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
    )
)]
pub(crate) async fn list_objects(call: &Call<'_>, objects: &str) -> Result<Reply, Fault> {
    let objects = Objects::named(call, objects).await?;
    let listing = objects.list(call, &of_query(&call.query, &objects.lists())?).await?;
    reply(call, listing).await
}

/// A listing in the form that the caller accepts.
///
/// # Errors
/// What goes wrong before there is a line, or at all where there are no lines.
pub(crate) async fn reply(call: &Call<'_>, listing: Listing) -> Result<Reply, Fault> {
    if call.prefers("application/x-ndjson") {
        return lines(call, listing).await;
    }
    let mut data = Vec::with_capacity(listing.len());
    for start in (0..listing.len()).step_by(CHUNK) {
        data.extend(listing.objects(call, start..listing.len().min(start + CHUNK)).await?);
    }
    match listing.cut {
        Some(fault) => Err(fault),
        None => Reply::json(&List::new(data, listing.more).at(listing.path)),
    }
}

/// One object a line. Once there are lines the reply is a success; what goes wrong after that is its last line.
async fn lines(call: &Call<'_>, listing: Listing) -> Result<Reply, Fault> {
    let mut text = String::new();
    let mut cut = None;
    for start in (0..listing.len()).step_by(CHUNK) {
        let objects = listing.objects(call, start..listing.len().min(start + CHUNK)).await;
        cut = match objects {
            Ok(objects) => append(&mut text, &objects).err(),
            Err(fault) => Some(fault),
        };
        if cut.is_some() {
            break;
        }
    }
    match cut.or(listing.cut) {
        None => {}
        Some(fault) if text.is_empty() => return Err(fault),
        Some(fault) => {
            text.push_str(&to_json(&fault)?);
            text.push('\n');
        }
    }
    Ok(Reply::lines(text))
}

fn append(text: &mut String, objects: &[Value]) -> Result<(), Fault> {
    for object in objects {
        let line = to_json(object)?;
        if text.len() + line.len() >= MAX_REPLY_BYTES {
            return Err(too_large());
        }
        text.push_str(&line);
        text.push('\n');
    }
    Ok(())
}

#[cfg(test)]
mod tests;
