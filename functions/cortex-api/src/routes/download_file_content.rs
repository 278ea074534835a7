//! GET `/{org}/v2/{objects}/{id}/{property}/content`.

use crate::fault::{Fault, Kind};
use crate::objects::Objects;
use crate::reply::Reply;
use crate::routes::Call;
use crate::wire::arguments::only;
use crate::wire::object::name_files;
use serde_json::{Map, Value};
use waybill_app::FileBytes;

/// Gives out a link to the bytes of a file of a record, good for five minutes: as a facet when `Accept` begins with
/// `application/json`, else as a redirect. For whoever may read that property of the record.
///
/// Of an array of files, `{property}/{file id}/content`.
///
/// # Errors
/// `kMediaNotReady` (202) while its upload is awaited, `kNotFound`.
#[utoipa::path(
    get,
    path = "/{org}/v2/{objects}/{id}/{property}/content",
    tag = "cortex",
    operation_id = "cortexDownloadFileContent",
    params(
        ("org" = String, Path, description = "The org's code"),
        ("objects" = String, Path, description = "A collection"),
        ("id" = String, Path, description = "The record's `_id`"),
        ("property" = String, Path, description = "A property of the type `file`"),
        ("Medable-Client-Key" = Option<String>, Query, description = "An API key, where headers cannot be set"),
    ),
    responses(
        (status = 200, description = "The facet with `url`, when `Accept` begins with `application/json`", body = Value),
        (status = 202, description = "Not uploaded yet", body = crate::fault::FaultBody),
        (status = 302, description = "To the bytes"),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
    )
)]
pub(crate) async fn download_file_content(
    call: &Call<'_>,
    objects: &Objects,
    id: &str,
    (property, file): (&str, Option<&str>),
) -> Result<Reply, Fault> {
    only(&call.query, &[])?;
    let (download, mut value) = match objects.file(call, id, property, file).await? {
        FileBytes::Here(download, value) => (download, value),
        FileBytes::Awaited => {
            let place = format!("{}.{property}", objects.collection.singular);
            let reason = "its bytes have not been uploaded yet";
            return Err(Fault::new(Kind::MediaNotReady).because(reason).at(place));
        }
    };
    if !call.prefers("application/json") {
        return Ok(Reply::redirect(download.url));
    }
    let place = format!("/{}/{id}/{property}", objects.collection.name);
    name_files(&mut value, &file.map_or_else(|| place.clone(), |file| format!("{place}/{file}")));
    let mut facet = Map::from_iter([("object".to_owned(), Value::from("facet"))]);
    if let Value::Object(members) = value {
        facet.extend(members);
    }
    // The states of facets: 2 is ready.
    facet.insert("state".to_owned(), 2.into());
    facet.insert("url".to_owned(), download.url.into());
    Reply::json(&facet)
}
