//! GET `/{org}/v2/exports`.

use crate::fault::Fault;
use crate::reply::{MAX_REPLY_BYTES, Reply, to_json, too_large};
use crate::routes::Call;
use crate::wire::arguments::{Directed, ListArguments};
use crate::wire::envelope::List;
use crate::wire::export::ExportObject;
use crate::wire::properties::pick;
use serde_json::Value;
use waybill_app::{window_exports, window_exports_as_created, with_requests};
use waybill_domain::{Export, Surface};

/// Exports whose requests are read at once: after the first of these, a list of lines ends with a fault when one cannot be read.
const CHUNK: usize = 100;

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
        ("skip" = Option<usize>, Query, description = "Exports to leave out at the beginning"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "Most exports to give; 100 unless said"),
        ("sort" = Option<String>, Query, description = "A property, `-property`, or JSON like `{\"created\":-1}`"),
        ("paths[]" = Option<Vec<String>>, Query, description = "Properties to give; all unless said"),
        ("startingAfter" = Option<String>, Query, description = "Only those beyond this id"),
        ("endingBefore" = Option<String>, Query, description = "Only those before this id, the nearest first"),
    ),
    responses(
        (status = 200, description = "The exports", content((List = "application/json"), (String = "application/x-ndjson"))),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
    )
)]
pub(crate) async fn list_exports(call: &Call<'_>) -> Result<Reply, Fault> {
    let arguments = ListArguments::read(&call.query)?;
    let (exports, more) = find(call, &arguments).await?;
    if call.prefers("application/x-ndjson") {
        return lines(call, &arguments, exports).await;
    }
    let mut data = Vec::with_capacity(exports.len());
    for chunk in exports.chunks(CHUNK) {
        data.extend(objects(call, &arguments, chunk).await?);
    }
    Reply::json(&List::new(data, more))
}

async fn find(call: &Call<'_>, arguments: &ListArguments) -> Result<(Vec<Export>, bool), Fault> {
    let (surface, window) = (Some(Surface::Cortex), arguments.window);
    let found = if arguments.sort.is_empty() {
        window_exports_as_created(call.context, &call.principal, surface, window, window.before.is_some()).await
    } else {
        let key = |export: &Export| arguments.sort.iter().map(|key| key.of(export)).collect::<Vec<Directed>>();
        window_exports(call.context, &call.principal, surface, window, key).await
    };
    Ok(found?)
}

async fn objects(call: &Call<'_>, arguments: &ListArguments, exports: &[Export]) -> Result<Vec<Value>, Fault> {
    let views = with_requests(call.context, &call.principal, exports.to_vec()).await?;
    let objects = views.iter().map(|view| ExportObject::new(view, &call.principal).to_value());
    objects.map(|object| Ok(pick(object?, &arguments.paths))).collect()
}

/// One export a line. Once there are lines the reply is a success; what goes wrong after that is its last line.
async fn lines(call: &Call<'_>, arguments: &ListArguments, exports: Vec<Export>) -> Result<Reply, Fault> {
    let mut text = String::new();
    for chunk in exports.chunks(CHUNK) {
        let fault = match objects(call, arguments, chunk).await {
            Ok(objects) => append(&mut text, &objects).err(),
            Err(fault) => Some(fault),
        };
        match fault {
            None => {}
            Some(fault) if text.is_empty() => return Err(fault),
            Some(fault) => {
                text.push_str(&to_json(&fault)?);
                text.push('\n');
                break;
            }
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
