//! Giving out a link to the bytes of a record's file, to whoever may read that property of the record.

use crate::query_records::read_one_record;
use crate::{Context, Error};
use serde_json::Value;
use std::time::Duration;
use waybill_domain::{Collection, FileId, Principal, RecordId};
use waybill_ports::{ArchiveStore, Download, PortError, PortErrorKind, RecordSource};

/// Longest life of a link.
const LINK_LIFETIME: Duration = Duration::from_mins(5);

/// Which file of which record.
#[derive(Clone, Debug)]
pub struct FileOfRecord {
    /// The record.
    pub record: RecordId,
    /// The property.
    pub property: String,
    /// Which of its files; `None` where it has one.
    pub file: Option<FileId>,
}

/// The bytes of a file that a record names.
#[derive(Clone)]
pub enum FileBytes {
    /// They are here, and the value by which the record names them.
    Here(Download, Value),
    /// They have not been uploaded yet.
    Awaited,
}

/// A link to the bytes of a file, good for five minutes, saved under the file's own name.
///
/// # Errors
/// `NotFound` when the record or the property is not there or none of the caller's business, when it names no such file, or when the
/// file was never uploaded; as [`read_one_record`].
pub async fn download_file(
    context: &Context,
    records: &dyn RecordSource,
    archives: &dyn ArchiveStore,
    principal: &Principal,
    collection: &Collection,
    wanted: &FileOfRecord,
) -> Result<FileBytes, Error> {
    let FileOfRecord { record, property, file } = wanted;
    let text = read_one_record(context, records, principal, collection, *record).await?;
    let mut members: Value = serde_json::from_slice(&text).map_err(|error| {
        let key = format!("{} {} {record}", collection.org, collection.name);
        let kind = PortErrorKind::Corrupt { table: "records".to_owned(), key, field: error.to_string() };
        PortError::new(kind, "reading a record")
    })?;
    let not_found = || Error::NotFound { kind: "file", id: file.map_or_else(|| property.clone(), |id| id.to_string()) };
    let value = match members.get_mut(property).map(Value::take) {
        Some(Value::Array(files)) if file.is_some() => {
            files.into_iter().find(|value| id_of(value) == *file).ok_or_else(not_found)?
        }
        Some(value @ Value::Object(_)) if file.is_none_or(|file| id_of(&value) == Some(file)) => value,
        _ => return Err(not_found()),
    };
    let id = id_of(&value).ok_or_else(not_found)?;
    let row = context.rows().file(&collection.org, &collection.name, *record, property, id).await?;
    let file = row.map(|row| row.value).filter(|file| !file.is_removed()).ok_or_else(not_found)?;
    // The sweeper sees later than this whether the bytes have come.
    let key = file.object_key();
    if archives.head(&key).await?.is_none() {
        return if file.look_at.is_some() { Ok(FileBytes::Awaited) } else { Err(not_found()) };
    }
    let download = archives.presign(&key, LINK_LIFETIME, &file.filename, &file.media_type).await?;
    Ok(FileBytes::Here(download, value))
}

fn id_of(value: &Value) -> Option<FileId> {
    value.get("_id")?.as_str()?.parse().ok()
}
