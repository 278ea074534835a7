//! Announcing a file of a record: its storage reserved, the record made to name it, and a link for the upload given out.
//!
//! The record's value of the property says what the file is; where its bytes lie follows from the org, the record, the property
//! and the file's id alone, so that no value can lead anywhere else. Whether the bytes came is seen by the sweeper.

use crate::load_records::{FILES_BYTES, assert_scope, plain};
use crate::manage_collections::kept;
use crate::remove_files::remove_files;
use crate::retry::Attempts;
use crate::{Context, Error, IdempotentRequest};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use waybill_domain::{
    Collection, CollectionName, FileId, Principal, Property, RecordFile, RecordId, Scope, StorageHold, Timestamp, Usage,
};
use waybill_ports::{ArchiveStore, PortError, PortErrorKind, RecordPatch, RecordStore, UploadLink};
use waybill_record::stored::MAX_RECORD_BYTES;
use waybill_record::{Tape, Value};

/// Largest file: what one `PUT` takes.
pub const MAX_FILE_BYTES: u64 = 5 << 30;
/// Longest name of a file, in bytes.
const MAX_FILENAME_BYTES: usize = 255;
/// Longest media type, in bytes.
const MAX_MEDIA_TYPE_BYTES: usize = 127;

/// A file to be uploaded.
#[derive(Clone, Debug)]
pub struct AnnounceFile {
    /// The record's collection.
    pub collection: CollectionName,
    /// The record.
    pub record: RecordId,
    /// The property that it becomes the value of, or is added to.
    pub property: String,
    /// What it is called.
    pub filename: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The client's promise that it may send this again.
    pub idempotency: Option<IdempotentRequest>,
}

/// A file whose upload is awaited.
#[derive(Clone, PartialEq, Eq)]
pub struct AnnouncedFile {
    /// The file.
    pub file: RecordFile,
    /// The value that the record names it by, JSON.
    pub value: String,
    /// Where its bytes go.
    pub upload: UploadLink,
    /// Until when the upload may begin.
    pub until: Timestamp,
}

/// Announces a file: reserves its storage, makes the record name it, and gives out a link that takes exactly those bytes, once.
/// A property that is no array loses the file that it named before.
///
/// # Errors
/// `Forbidden` without the scope `records:write`; `NotFound` for the collection, the record or the property; `Invalid`;
/// `Conflict` when the quota is exceeded, the record names too many files or the time for a repeated upload is over;
/// `IdempotencyMismatch`, `Throttled`, `Unavailable`, `Internal`.
pub async fn announce_file(
    context: &Context,
    records: &dyn RecordStore,
    archives: &dyn ArchiveStore,
    principal: &Principal,
    command: &AnnounceFile,
) -> Result<AnnouncedFile, Error> {
    assert_scope(principal, Scope::RecordsWrite)?;
    check(command)?;
    let collection = kept(context, &principal.org, &command.collection).await?;
    let property = file_property(&collection, &command.property)?;
    let json = record_json(records, &collection, command.record).await?;
    let file = new_file(context, principal, command);
    // Before anything is reserved.
    with_file(&json, &collection, property, &file)?;
    let file = awaited(context, file).await?;
    let json = with_file(&json, &collection, property, &file)?;
    let patch = RecordPatch { id: command.record, json: json.into() };
    records.put(&collection.org, &collection.name, &[patch]).await?;
    if !property.array {
        let replaced = |other: &RecordFile| other.property == property.name && other.id != file.id;
        remove_files(context, &collection.org, (&collection.name, Some(command.record)), None, replaced).await?;
    }
    let until = file.upload_until();
    // Whole seconds are all that a link can say.
    let left = Duration::from_secs(until.since(context.now()).as_secs());
    if left.is_zero() {
        return Err(Error::Conflict { reason: "the time for this upload is over; announce the file anew".to_owned() });
    }
    let upload = archives.presign_upload(&file.object_key(), left, &file.media_type, file.size_bytes).await?;
    Ok(AnnouncedFile { value: value_of(&file), file, upload, until })
}

fn check(command: &AnnounceFile) -> Result<(), Error> {
    if command.filename.trim().is_empty() || command.filename.len() > MAX_FILENAME_BYTES {
        return Err(Error::invalid("filename", format!("must have 1 to {MAX_FILENAME_BYTES} bytes")));
    }
    if !is_media_type(&command.media_type) {
        return Err(Error::invalid("contentType", "must be a media type like `image/png`"));
    }
    if command.size_bytes > MAX_FILE_BYTES {
        return Err(Error::invalid("sizeBytes", format!("must be at most {MAX_FILE_BYTES}, which is 5 GiB")));
    }
    Ok(())
}

/// Whether a text is a media type that can be sent as a header: `type/subtype`, parameters allowed.
fn is_media_type(text: &str) -> bool {
    let token = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte);
        !text.is_empty() && text.bytes().all(allowed)
    };
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let two = essence.split_once('/').is_some_and(|(left, right)| token(left) && token(right));
    two && text.len() <= MAX_MEDIA_TYPE_BYTES && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn file_property<'a>(collection: &'a Collection, name: &str) -> Result<&'a Property, Error> {
    let found = collection.file_properties().find(|property| property.name == name);
    found.ok_or_else(|| Error::NotFound { kind: "file property", id: name.to_owned() })
}

async fn record_json(records: &dyn RecordStore, collection: &Collection, id: RecordId) -> Result<Vec<u8>, Error> {
    let found = records.get(&collection.org, &collection.name, &[id]).await?.into_iter().next().flatten();
    let found = found.ok_or_else(|| Error::NotFound { kind: "record", id: id.to_string() })?;
    Ok(plain(collection, &found)?.to_vec())
}

fn new_file(context: &Context, principal: &Principal, command: &AnnounceFile) -> RecordFile {
    let now = context.now();
    RecordFile {
        org: principal.org.clone(),
        collection: command.collection.clone(),
        record: command.record,
        property: command.property.clone(),
        id: match &command.idempotency {
            Some(request) => derived_id(principal, request),
            None => FileId::new(now, context.entropy.eight()),
        },
        filename: command.filename.clone(),
        media_type: command.media_type.clone(),
        size_bytes: command.size_bytes,
        creator: principal.account,
        created_at: now,
        storage: StorageHold::None,
        look_at: None,
    }
}

/// The file with its storage reserved, or the one that an earlier call with the same `Idempotency-Key` announced.
async fn awaited(context: &Context, file: RecordFile) -> Result<RecordFile, Error> {
    let org = &file.org;
    let mut attempts = Attempts::new(context);
    loop {
        let rows = context.rows();
        if let Some(made) = rows.file(org, &file.collection, file.record, &file.property, file.id).await? {
            return repeated(made.value, &file);
        }
        let usage = rows.usage(org).await?;
        let quota = rows.org(org).await?.and_then(|org| org.value.quota_bytes);
        let version = usage.as_ref().map(|usage| usage.version);
        let usage = usage.map_or_else(|| Usage::empty(org.clone()), |usage| usage.value);
        let usage = usage.reserve(file.size_bytes, quota, context.now());
        let usage = usage.map_err(|error| Error::Conflict { reason: error.to_string() })?;
        let announced = file.clone().announced();
        let mut transaction = context.transaction();
        transaction.insert(&announced)?.upsert(version, &usage)?;
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(announced),
            Err(error) => attempts.after(error).await?,
        }
    }
}

fn repeated(made: RecordFile, asked: &RecordFile) -> Result<RecordFile, Error> {
    if made.is_removed() {
        return Err(Error::Conflict { reason: "the file of this Idempotency-Key was removed since".to_owned() });
    }
    let facts = |file: &RecordFile| (file.filename.clone(), file.media_type.clone(), file.size_bytes);
    if facts(&made) == facts(asked) { Ok(made) } else { Err(Error::IdempotencyMismatch) }
}

/// The id of the file that a request with an `Idempotency-Key` announces, whenever it is sent.
fn derived_id(principal: &Principal, request: &IdempotentRequest) -> FileId {
    let digest: [u8; 32] = Sha256::digest(format!("{}\n{}", principal.key, request.scope()).as_bytes()).into();
    let mut randomness = [0; 8];
    randomness.copy_from_slice(&digest[..8]);
    let secs = digest[8..12].iter().fold(0_i64, |secs, byte| secs << 8 | i64::from(*byte));
    FileId::new(Timestamp::from_millis(secs * 1000), randomness)
}

/// The JSON by which a record names a file.
fn value_of(file: &RecordFile) -> String {
    serde_json::json!({
        "_id": file.id.to_string(),
        "filename": file.filename,
        "mime": file.media_type,
        "size": file.size_bytes,
        "created": file.created_at.to_string(),
        "creator": file.creator.to_string(),
    })
    .to_string()
}

/// The record with the file as the property's value, or as its last element.
fn with_file(json: &[u8], collection: &Collection, property: &Property, file: &RecordFile) -> Result<Vec<u8>, Error> {
    let mut tape = Tape::new();
    let record = tape.scan(json).map_err(|error| {
        let key = format!("{} {} {}", file.org, file.collection, file.record);
        let kind = PortErrorKind::Corrupt { table: "records".to_owned(), key, field: error.to_string() };
        PortError::new(kind, "adding a file to a record")
    })?;
    let record = record.root();
    let mut value = Vec::new();
    if property.array {
        let id = file.id.to_string();
        let is_other =
            |element: &Value<'_>| !element.get("_id").and_then(|id| id.text()).is_some_and(|text| text.is(&id));
        let before = record.get(&property.name).into_iter().flat_map(|before| before.elements());
        for element in before.filter(is_other) {
            value.push(if value.is_empty() { b'[' } else { b',' });
            element.write_compact(&mut value);
        }
        value.push(if value.is_empty() { b'[' } else { b',' });
    }
    value.extend_from_slice(value_of(file).as_bytes());
    if property.array {
        value.push(b']');
    }
    let (mut out, mut files_bytes) = (vec![b'{'], value.len());
    for (key, member) in record.members() {
        let name = key.text().map(|text| text.decoded()).unwrap_or_default();
        if name == property.name {
            continue;
        }
        if collection.file_properties().any(|property| property.name == name) {
            files_bytes += member.source().len();
        }
        out.extend_from_slice(key.source());
        out.push(b':');
        member.write_compact(&mut out);
        out.push(b',');
    }
    out.extend_from_slice(serde_json::json!(property.name).to_string().as_bytes());
    out.push(b':');
    out.extend_from_slice(&value);
    out.push(b'}');
    if files_bytes > FILES_BYTES || out.len() > MAX_RECORD_BYTES {
        return Err(Error::Conflict { reason: "the record names too many files already".to_owned() });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_ones_that_a_header_can_say() {
        for good in ["image/png", "text/plain; charset=utf-8", "application/vnd.a+b"] {
            assert!(is_media_type(good), "{good}");
        }
        for bad in ["", "png", "image/", "a/b\r\nx: y", "ä/b", "a b/c"] {
            assert!(!is_media_type(bad), "{bad}");
        }
    }
}
