//! Loading records: NDJSON lines, each checked against the definition, written whole or refused by name.

mod build;
mod shape;

use crate::keep_count::begin_change;
use crate::manage_collections::kept;
use crate::{Context, Error, IdempotentRequest};
use build::{Built, Stamp, build};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use shape::Shape;
use std::collections::HashMap;
use waybill_domain::{Collection, CollectionName, CountChange, Principal, RecordId, Scope, Timestamp};
use waybill_ports::{PortError, PortErrorKind, RecordPatch, RecordStore, StoredRecord};
use waybill_record::{Tape, stored};

/// Most refused lines that are told; of the rest only the number.
pub const MAX_REJECTED: usize = 1000;
/// Most bytes of JSON by which a record names its files; kept free in records of collections that have them.
pub(crate) const FILES_BYTES: usize = 64 * 1024;
/// Records that are read and written in one go.
const BLOCK: usize = 1000;

/// What became of the lines of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadedRecords {
    /// Lines that were written.
    pub accepted: u64,
    /// The first 1000 lines that were not, in order.
    pub rejected: Vec<RejectedLine>,
    /// How many more were not.
    pub rejected_further: u64,
}

/// A line that was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedLine {
    /// Its number, from 1; blank lines count.
    pub line: u64,
    /// Why, naming the property.
    pub reason: String,
}

/// Writes the records of NDJSON lines, new ones and over those of the same `_id`.
///
/// A line without `_id` gets one. `created`, `updated`, `creator` and `owner` stay as given; where they are not given, a
/// record that is there keeps its `created`, `creator` and `owner`, and the rest is the time of the call and the caller.
/// `_access` is the record's own access list: checked, kept where the line does not give one, and no property.
/// Files stay as they are: they are set by announcing and uploading them. Of two lines with one `_id` the last counts. Sending the same lines again is safe; with `idempotency` also those
/// without `_id`, whose ids then follow from the client's key, the body and the line.
///
/// # Errors
/// `Forbidden` without the scope `records:write`; `NotFound`; `Throttled`, `Unavailable` (some lines may be written),
/// `Internal`.
pub async fn load_records(
    context: &Context,
    records: &dyn RecordStore,
    principal: &Principal,
    name: &CollectionName,
    ndjson: &[u8],
    idempotency: Option<&IdempotentRequest>,
) -> Result<LoadedRecords, Error> {
    assert_scope(principal, Scope::RecordsWrite)?;
    let collection = kept(context, &principal.org, name).await?;
    let new_id = |line: u64| match idempotency {
        Some(request) => derived_id(principal, request, line),
        None => context.entropy.record_id(context.now()),
    };
    let (built, outcome) = read_lines(&collection, ndjson, &new_id);
    let stamp = Stamp { at: context.now().to_string(), by: principal.account.to_string() };
    let files: Vec<&str> = collection.file_properties().map(|property| property.name.as_str()).collect();
    if built.is_empty() {
        return Ok(outcome);
    }
    let change = begin_change(context, records, &collection.org, &collection.name).await?;
    // Those that were named, by the line or by the client's key, may be there.
    let may_be_there = |record: &Built| record.named || idempotency.is_some();
    let written = write(records, &collection, &built, (&stamp, &files), may_be_there).await;
    change.end(written.as_ref().ok().map(|added| CountChange { added: *added, removed: 0 })).await;
    written.map(|_| outcome)
}

/// Writes records, whole; how many of them were not there before.
async fn write(
    records: &dyn RecordStore,
    collection: &Collection,
    built: &[Built],
    (stamp, files): (&Stamp, &[&str]),
    may_be_there: impl Fn(&Built) -> bool,
) -> Result<u64, Error> {
    let mut added = 0;
    for block in built.chunks(BLOCK) {
        let ids: Vec<RecordId> = block.iter().filter(|record| may_be_there(record)).map(|record| record.id).collect();
        let old = read_old(records, collection, &ids).await?;
        let patches: Vec<RecordPatch> =
            block.iter().map(|record| record.finish(old.get(&record.id), stamp, files)).collect();
        records.put(&collection.org, &collection.name, &patches).await?;
        added += u64::try_from(block.len().saturating_sub(old.len())).unwrap_or(u64::MAX);
    }
    Ok(added)
}

/// Refuses callers without a scope.
///
/// # Errors
/// `Forbidden`.
pub fn assert_scope(principal: &Principal, scope: Scope) -> Result<(), Error> {
    if principal.has(scope) {
        return Ok(());
    }
    Err(Error::Forbidden {
        reason: match scope {
            Scope::RecordsWrite => "this takes the scope `records:write`",
            Scope::RecordsRead => "this takes the scope `records:read`",
            Scope::SigmaRead => "this takes the permission `read`",
            Scope::SigmaUpdateData => "this takes the permission `update-data`",
            Scope::SigmaDeleteData => "this takes the permission `delete-data`",
            Scope::SigmaUpdateModel => "this takes the permission `update-model`",
            Scope::SigmaDeleteModel => "this takes the permission `delete-model`",
        },
    })
}

/// The records that the lines write, without doubles, and what became of the lines.
fn read_lines(collection: &Collection, ndjson: &[u8], new_id: &dyn Fn(u64) -> RecordId) -> (Vec<Built>, LoadedRecords) {
    let shape = Shape::of(collection);
    let mut tape = Tape::new();
    let mut outcome = LoadedRecords::default();
    let mut built: Vec<Built> = Vec::new();
    let mut places: HashMap<RecordId, usize> = HashMap::new();
    let text = ndjson.strip_prefix(b"\xef\xbb\xbf").unwrap_or(ndjson);
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match build(&mut tape, &shape, line, || new_id(number)) {
            Ok(record) => {
                outcome.accepted += 1;
                if let Some(place) = places.get(&record.id) {
                    built[*place] = record;
                } else {
                    places.insert(record.id, built.len());
                    built.push(record);
                }
            }
            Err(reason) if outcome.rejected.len() < MAX_REJECTED => {
                outcome.rejected.push(RejectedLine { line: number, reason });
            }
            Err(_) => outcome.rejected_further += 1,
        }
    }
    (built, outcome)
}

/// The id of the record that a line without one makes, whenever it is sent.
fn derived_id(principal: &Principal, request: &IdempotentRequest, line: u64) -> RecordId {
    let text = format!("{}\n{}\n{}\n{line}", principal.key, request.scope(), request.body_digest);
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let mut randomness = [0; 8];
    randomness.copy_from_slice(&digest[..8]);
    let secs = digest[8..12].iter().fold(0_i64, |secs, byte| secs << 8 | i64::from(*byte));
    RecordId::new(Timestamp::from_millis(secs * 1000), randomness)
}

/// The records that are there of those with these ids: something of them may be kept, and they are counted already.
async fn read_old(
    records: &dyn RecordStore,
    collection: &Collection,
    ids: &[RecordId],
) -> Result<HashMap<RecordId, Bytes>, Error> {
    let mut old = HashMap::new();
    if ids.is_empty() {
        return Ok(old);
    }
    for found in records.get(&collection.org, &collection.name, ids).await?.into_iter().flatten() {
        old.insert(found.id, plain(collection, &found)?);
    }
    Ok(old)
}

/// The JSON of a stored record.
pub(crate) fn plain(collection: &Collection, record: &StoredRecord) -> Result<Bytes, PortError> {
    let mut json = Vec::new();
    stored::decode_into(&record.stored, &mut json).map_err(|error| {
        let kind = PortErrorKind::Corrupt {
            table: "records".to_owned(),
            key: format!("{} {} {}", collection.org, collection.name, record.id),
            field: error.to_string(),
        };
        PortError::new(kind, "reading a record")
    })?;
    Ok(json.into())
}
