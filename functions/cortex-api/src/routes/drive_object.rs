//! POST `/{org}/v2/{object}/db/{operation}`: the calls of the vendor's driver.

use crate::fault::{Fault, Kind};
use crate::objects::Objects;
use crate::reply::Reply;
use crate::routes::Call;
use crate::routes::create_export::create;
use crate::routes::list_objects::reply;
use crate::routes::read_object_property::at;
use crate::routes::update_export::{change, change_of_update};
use crate::wire::arguments::{DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT, Options, of_body, only};
use crate::wire::body::{self, Fields};
use crate::wire::create::command;
use crate::wire::envelope::ResultBody;
use crate::wire::export::ExportObject;
use serde_json::{Map, Value};
use waybill_app::ObjectQuery;
use waybill_domain::{ExportId, Surface};
use waybill_http::idempotent_request;

/// Carries out one operation of the vendor's driver, which names objects in the singular.
///
/// `cursor` gives lines where `Accept` begins with `application/x-ndjson`, else a list; `count` a number; `readOne` an object,
/// or with `path` one of its properties. Of exports also `insertOne` (its `_id`, or with `lean: false` the export), `updateOne`
/// of label and description, and `deleteOne`.
///
/// # Errors
/// `kInvalidObject`, faults of the options, `kUnsupportedOperation` for writes that are not offered, `kNotFound`.
#[utoipa::path(
    post,
    path = "/{org}/v2/{object}/db/{operation}",
    tag = "cortex",
    operation_id = "cortexDriveObject",
    params(
        ("org" = String, Path, description = "The org's code"),
        ("object" = String, Path, description = "What it is about, in either number: `export`, `account`, `c_visit`"),
        ("operation" = String, Path, description = "`cursor`, `count`, `readOne`, `insertOne`, `updateOne`, `deleteOne`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the same `insertOne` again for 24 hours"),
    ),
    request_body = serde_json::Value,
    responses(
        (status = 200, description = "What was asked for", content((ResultBody = "application/json"), (String = "application/x-ndjson"))),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
        (status = 501, description = "A fault: a bundle of operations", body = crate::fault::FaultBody),
    )
)]
pub(crate) async fn drive_object(call: &Call<'_>, object: &str, operation: &str) -> Result<Reply, Fault> {
    only(&call.query, &[])?;
    if operation == "bulk" {
        let reason = "operations cannot be sent in a bundle; send each by itself";
        return Err(Fault::new(Kind::NotImplemented).because(reason).at(operation));
    }
    let objects = Objects::named(call, object).await?;
    let (members, bytes) = body::optional_object(call.request)?;
    let options = Options::new(members)?;
    match operation {
        "cursor" => cursor(call, &objects, options).await,
        "count" => count(call, &objects, options).await,
        "readOne" => read_one(call, &objects, options).await,
        "insertOne" if objects.are_exports() => insert_one(call, options, bytes).await,
        "updateOne" if objects.are_exports() => update_one(call, &objects, options).await,
        "deleteOne" if objects.are_exports() => delete_one(call, &objects, options).await,
        _ => {
            let offered = if objects.are_exports() {
                "`cursor`, `count`, `readOne`, `insertOne`, `updateOne` and `deleteOne` are"
            } else {
                "`cursor`, `count` and `readOne` are; records are loaded through `/v1`"
            };
            let reason = format!("`{operation}` is no operation of `{}`: {offered}", objects.collection.singular);
            Err(Fault::new(Kind::UnsupportedOperation).because(reason).at(operation))
        }
    }
}

async fn cursor(call: &Call<'_>, objects: &Objects, mut options: Options) -> Result<Reply, Fault> {
    // Lines do not tell whether there are more: they are all that there are, or end with a fault.
    let (default, most) =
        if call.prefers("application/x-ndjson") { (MAX_CURSOR, MAX_CURSOR) } else { (DEFAULT_LIMIT, MAX_LIMIT) };
    let arguments = of_body(&mut options, default, most)?;
    options.finish()?;
    reply(call, objects.list(call, &arguments).await?).await
}

async fn count(call: &Call<'_>, objects: &Objects, mut options: Options) -> Result<Reply, Fault> {
    let arguments = of_body(&mut options, DEFAULT_LIMIT, MAX_LIMIT)?;
    options.finish()?;
    if arguments.pipeline.is_some() {
        let reason = "a pipeline counts by `$group`, in a cursor";
        return Err(Fault::new(Kind::UnsupportedOperation).because(reason).at("pipeline"));
    }
    let query = ObjectQuery { condition: arguments.condition, ..ObjectQuery::default() };
    Reply::json(&ResultBody::new(objects.count(call, &query).await?.into()))
}

async fn read_one(call: &Call<'_>, objects: &Objects, mut options: Options) -> Result<Reply, Fault> {
    let throws = options.switch("throwNotFound", true)?;
    let path = options.text("path")?;
    let mut arguments = of_body(&mut options, DEFAULT_LIMIT, MAX_LIMIT)?;
    options.finish()?;
    let path: Option<waybill_app::Path> = match path {
        None => None,
        Some(text) => Some(text.parse().map_err(|error: waybill_app::PathError| {
            Fault::new(Kind::InvalidArgument).because(error.to_string()).at("path")
        })?),
    };
    if let Some(path) = &path {
        arguments.paths = vec![path.clone()];
    }
    arguments.limit = 1;
    match (first(call, objects, &arguments).await?, path) {
        (Some(object), None) => Reply::json(&object),
        (Some(object), Some(path)) => Reply::json(&ResultBody::new(at(&object, path.segments()))),
        (None, _) if throws => Err(absent(objects)),
        (None, _) => Reply::json(&ResultBody::new(Value::Null)),
    }
}

/// The first object that is found.
async fn first(call: &Call<'_>, objects: &Objects, arguments: &ObjectQuery) -> Result<Option<Value>, Fault> {
    let listing = objects.list(call, arguments).await?;
    match (listing.objects(call, 0..1).await?.pop(), listing.cut) {
        (Some(object), _) => Ok(Some(object)),
        (None, Some(fault)) => Err(fault),
        (None, None) => Ok(None),
    }
}

fn absent(objects: &Objects) -> Fault {
    let singular = &objects.collection.singular;
    Fault::new(Kind::NotFound).because(format!("no {singular} matches")).at(singular.as_str())
}

async fn insert_one(call: &Call<'_>, mut options: Options, bytes: &[u8]) -> Result<Reply, Fault> {
    let document = options.take("document");
    let picks = !options.paths("paths")?.is_empty() | !options.paths("include")?.is_empty();
    let lean = options.take("lean").is_none_or(|lean| lean != Value::Bool(false)) && !picks;
    options.finish()?;
    let Some(Value::Object(members)) = document else {
        return Err(Fault::new(Kind::InvalidArgument).because("must be an object").at("document"));
    };
    let idempotency = idempotent_request(call.request, "cortex:create-export", bytes)?;
    let command = command(members, idempotency)?;
    let view = create(call, &command).await?;
    if lean {
        return Reply::json(&ResultBody::new(view.export.id.to_string().into()));
    }
    Reply::json(&ExportObject::new(&view, &call.principal))
}

async fn update_one(call: &Call<'_>, objects: &Objects, mut options: Options) -> Result<Reply, Fault> {
    let update = options.take("update");
    let lean = options.take("lean").is_none_or(|lean| lean != Value::Bool(false));
    let id = matching(call, objects, &mut options).await?;
    options.finish()?;
    let Some(Value::Object(update)) = update else {
        return Err(Fault::new(Kind::InvalidArgument).because("must be an object").at("update"));
    };
    let change = change(Fields::new(change_of_update(update)?))?;
    let surface = Some(Surface::Cortex);
    let view = waybill_app::update_export(call.context, &call.principal, surface, id, &change).await?;
    if lean {
        return Reply::json(&ResultBody::new(Value::Bool(true)));
    }
    Reply::json(&ExportObject::new(&view, &call.principal))
}

async fn delete_one(call: &Call<'_>, objects: &Objects, mut options: Options) -> Result<Reply, Fault> {
    let id = matching(call, objects, &mut options).await?;
    options.finish()?;
    waybill_app::delete_export(call.context, &*call.deps.wake, &call.principal, Some(Surface::Cortex), id).await?;
    Reply::json(&ResultBody::new(Value::Bool(true)))
}

/// The export that `match` means: the first that meets it.
async fn matching(call: &Call<'_>, objects: &Objects, options: &mut Options) -> Result<ExportId, Fault> {
    let condition = match options.json("match")? {
        Some(Value::Object(condition)) if !condition.is_empty() => condition,
        // Whatever comes first is not what anybody means to change or delete.
        _ => return Err(Fault::new(Kind::InvalidArgument).because("must be an object of conditions").at("match")),
    };
    if let Some(id) = only_id(&condition) {
        return Ok(id);
    }
    let paths = vec!["_id".parse().map_err(|_| Fault::new(Kind::Error))?];
    let query = ObjectQuery { condition: Some(Value::Object(condition)), limit: 1, paths, ..ObjectQuery::default() };
    let found = first(call, objects, &query).await?;
    let id = found.as_ref().and_then(|export| export["_id"].as_str()).and_then(|id| id.parse().ok());
    id.ok_or_else(|| absent(objects))
}

/// The id, where a condition is nothing but one.
fn only_id(condition: &Map<String, Value>) -> Option<ExportId> {
    let mut members = condition.iter();
    match (members.next(), members.next()) {
        (Some((name, value)), None) if name == "_id" => value.as_str()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
