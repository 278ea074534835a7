//! GET `/{org}/v2/{objects}/{id}/{property.path}`.

use crate::fault::{Fault, Kind};
use crate::objects::Objects;
use crate::reply::Reply;
use crate::routes::Call;
use crate::routes::download_file_content::download_file_content;
use crate::routes::list_objects::reply;
use crate::wire::arguments::{of_query, of_read, only, part_of_array};
use crate::wire::envelope::{List, ResultBody};
use serde_json::Value;
use waybill_app::{ObjectQuery, Path};
use waybill_domain::RecordId;

/// Reads one property of an object; an array comes as a list. What there could be and is not is `null`.
///
/// A list property takes the arguments of a list of objects; `{list}.{id}` is one of its records.
///
/// # Errors
/// `kInvalidObject`; `kNotFound` for an object or a property that is none.
#[utoipa::path(
    get,
    path = "/{org}/v2/{objects}/{id}/{property}",
    tag = "cortex",
    operation_id = "cortexReadObjectProperty",
    params(
        ("org" = String, Path, description = "The org's code"),
        ("objects" = String, Path, description = "A collection, or `accounts`"),
        ("id" = String, Path, description = "The object's `_id`"),
        ("property" = String, Path, description = "A property, nested ones with dots, through references, too: `c_site.c_code`"),
        ("skip" = Option<usize>, Query, maximum = 100_000, description = "Elements of an array to leave out at the beginning"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "Most elements of an array to give; 100 unless said"),
    ),
    responses(
        (status = 200, description = "The value, or a list", body = ResultBody),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
    )
)]
pub(crate) async fn read_object_property(
    call: &Call<'_>,
    objects: &str,
    id: &str,
    property: &str,
) -> Result<Reply, Fault> {
    let objects = Objects::named(call, objects).await?;
    let parts: Vec<&str> = property.split('.').collect();
    match parts.as_slice() {
        [list] if objects.lists().contains(list) => {
            let arguments = of_query(&call.query, &[])?;
            reply(call, objects.list_of(call, (id, list), &arguments).await?).await
        }
        [list, one] if objects.lists().contains(list) && one.parse::<RecordId>().is_ok() => {
            let condition = Some(serde_json::json!({"_id": one}));
            let arguments = ObjectQuery { condition, limit: 1, ..of_read(&call.query, &[])? };
            let listing = objects.list_of(call, (id, list), &arguments).await?;
            let found = listing.objects(call, 0..1).await?.pop();
            let place = format!("{}.{list}", objects.collection.singular);
            let none = || Fault::new(Kind::NotFound).because(format!("`{one}` is not in this list")).at(place);
            Reply::json(&found.ok_or_else(|| listing.cut.unwrap_or_else(none))?)
        }
        [file, "content"] if has_file(&objects, file) => download_file_content(call, &objects, id, (file, None)).await,
        [file, one, "content"] if has_file(&objects, file) => {
            download_file_content(call, &objects, id, (file, Some(one))).await
        }
        _ => property_of(call, &objects, id, property).await,
    }
}

fn has_file(objects: &Objects, name: &str) -> bool {
    objects.collection.file_properties().any(|property| property.name == name)
}

/// One property of an object.
///
/// # Errors
/// As [`read_object_property`].
pub(crate) async fn property_of(call: &Call<'_>, objects: &Objects, id: &str, property: &str) -> Result<Reply, Fault> {
    only(&call.query, &["skip", "limit"])?;
    let (skip, limit) = part_of_array(&call.query)?;
    let value = value_at(call, objects, id, property).await?;
    match value {
        Value::Array(elements) => {
            let more = elements.len() > skip.saturating_add(limit);
            let part = elements.into_iter().skip(skip).take(limit).collect();
            Reply::json(&List::new(part, more))
        }
        value => Reply::json(&ResultBody::new(value)),
    }
}

/// The value of a property of an object.
async fn value_at(call: &Call<'_>, objects: &Objects, id: &str, property: &str) -> Result<Value, Fault> {
    let place = format!("{}.{property}", objects.collection.singular);
    let none = |reason: String| Fault::new(Kind::NotFound).because(reason).at(place.clone());
    let path: Path = property.parse().map_err(|error| none(format!("`{property}` is no property: {error}")))?;
    let always = ["_id", "object", "access"].contains(&property);
    let paths = if always { vec!["_id".parse().map_err(|_| Fault::new(Kind::Error))?] } else { vec![path.clone()] };
    let parts = ObjectQuery { paths, limit: 1, ..ObjectQuery::default() };
    let object = objects.read(call, id, &parts).await.map_err(|fault| match fault.kind {
        Kind::InvalidArgument if fault.path.as_deref() == Some("paths") => {
            Fault { kind: Kind::NotFound, path: Some(place.clone()), ..fault }
        }
        _ => fault,
    })?;
    Ok(at(&object, path.segments()))
}

/// What `path` leads to, through arrays: of each of their elements what is there.
pub(crate) fn at(value: &Value, path: &[String]) -> Value {
    match (value, path.split_first()) {
        (value, None) => value.clone(),
        (Value::Array(elements), _) => {
            let found = elements.iter().map(|element| at(element, path));
            Value::Array(found.filter(|value| !value.is_null()).collect())
        }
        (Value::Object(members), Some((name, rest))) => members.get(name).map_or(Value::Null, |value| at(value, rest)),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests;
