//! Reading and deleting records of a collection.

use crate::keep_count::begin_change;
use crate::load_records::{assert_scope, plain};
use crate::manage_collections::kept;
use crate::remove_files::remove_files;
use crate::{Context, Error};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::iter;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use waybill_domain::{Collection, CollectionName, CountChange, OrgCode, Principal, RecordId, Scope};
use waybill_ports::{PageCursor, PortError, PortErrorKind, RecordStore};
use waybill_record::{Page, PageReader};

/// Most bytes of JSON on one page: a reply of the gateway has at most 6 MB.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// How long one call goes on deleting, so that it is answered in time.
const DELETING: Duration = Duration::from_secs(20);
/// Partitions that are emptied side by side.
const SIDE_BY_SIDE: usize = 4;
/// Records that are deleted in one go.
const DELETE_BLOCK: u32 = 500;

/// Where reading records goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsCursor {
    /// The partition.
    partition: u16,
    /// Where in it; `None` = at its beginning.
    from: Option<PageCursor>,
}

/// A page of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsPage {
    /// JSON objects, in no order that means anything.
    pub items: Vec<Bytes>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<RecordsCursor>,
}

/// Records of a collection beyond `after`, at most `limit` and about 4 MiB.
///
/// Not a snapshot: a record that is there throughout appears exactly once.
///
/// # Errors
/// `Forbidden` without the scope `records:read`; `NotFound`; `Throttled`, `Unavailable`, `Internal`.
pub async fn list_records(
    context: &Context,
    records: &dyn RecordStore,
    principal: &Principal,
    name: &CollectionName,
    after: Option<RecordsCursor>,
    limit: usize,
) -> Result<RecordsPage, Error> {
    assert_scope(principal, Scope::RecordsRead)?;
    let collection = kept(context, &principal.org, name).await?;
    let mut at = after.unwrap_or(RecordsCursor { partition: 0, from: None });
    let (mut items, mut bytes): (Vec<Bytes>, usize) = (Vec::new(), 0);
    while at.partition < records.partitions() {
        if items.len() >= limit || bytes >= PAGE_BYTES {
            return Ok(RecordsPage { items, next: Some(at) });
        }
        let room = PAGE_BYTES - bytes;
        let Some((page, next)) = read_page(records, &collection, &at, limit - items.len(), room).await? else {
            return Ok(RecordsPage { items, next: Some(at) });
        };
        bytes += page.iter().map(Bytes::len).sum::<usize>();
        items.extend(page);
        at = match next {
            Some(from) => RecordsCursor { partition: at.partition, from: Some(from) },
            None => RecordsCursor { partition: at.partition + 1, from: None },
        };
    }
    Ok(RecordsPage { items, next: None })
}

type PageOfPartition = (Vec<Bytes>, Option<PageCursor>);

/// The next page of a partition that fits into `room` bytes, read again with half the records while it does not; `None`
/// when not even one record does.
async fn read_page(
    records: &dyn RecordStore,
    collection: &Collection,
    at: &RecordsCursor,
    limit: usize,
    room: usize,
) -> Result<Option<PageOfPartition>, Error> {
    let mut limit = u32::try_from(limit).unwrap_or(u32::MAX);
    loop {
        let page =
            records.read_page(&collection.org, &collection.name, at.partition, at.from.as_ref(), Some(limit)).await?;
        let plain = plain_texts(collection, &page.page)?;
        if plain.iter().map(Bytes::len).sum::<usize>() <= room {
            return Ok(Some((plain, page.next)));
        }
        if limit <= 1 {
            // A page that begins with this record has room for it: records are far smaller than pages.
            return Ok(None);
        }
        limit = limit.min(u32::try_from(plain.len()).unwrap_or(u32::MAX)) / 2;
        limit = limit.max(1);
    }
}

/// The JSON of every record of a page.
fn plain_texts(collection: &Collection, page: &Page) -> Result<Vec<Bytes>, PortError> {
    let mut reader = PageReader::new();
    let chunk = page.whole();
    let mut texts = reader.read(&chunk);
    let mut plain = Vec::with_capacity(page.len());
    while let Some(text) = texts.next_text() {
        let text = text.map_err(|error| {
            let (org, name) = (&collection.org, &collection.name);
            let key = format!("{org} {name}");
            let kind = PortErrorKind::Corrupt { table: "records".to_owned(), key, field: error.to_string() };
            PortError::new(kind, "reading records")
        })?;
        plain.push(Bytes::copy_from_slice(text));
    }
    Ok(plain)
}

/// One record, as JSON.
///
/// # Errors
/// `Forbidden` without the scope `records:read`; `NotFound` for the collection or the record; `Throttled`,
/// `Unavailable`, `Internal`.
pub async fn read_record(
    context: &Context,
    records: &dyn RecordStore,
    principal: &Principal,
    name: &CollectionName,
    id: RecordId,
) -> Result<Bytes, Error> {
    assert_scope(principal, Scope::RecordsRead)?;
    let collection = kept(context, &principal.org, name).await?;
    let found = records.get(&collection.org, &collection.name, &[id]).await?.into_iter().next().flatten();
    let found = found.ok_or_else(|| not_found(id))?;
    Ok(plain(&collection, &found)?)
}

/// Deletes one record and its files.
///
/// # Errors
/// `Forbidden` without the scope `records:write`; `NotFound` for the collection or the record; `Throttled`,
/// `Unavailable`, `Internal`.
pub async fn delete_record(
    context: &Context,
    records: &dyn RecordStore,
    principal: &Principal,
    name: &CollectionName,
    id: RecordId,
) -> Result<(), Error> {
    assert_scope(principal, Scope::RecordsWrite)?;
    let collection = kept(context, &principal.org, name).await?;
    if records.get(&collection.org, &collection.name, &[id]).await?.into_iter().flatten().next().is_none() {
        return Err(not_found(id));
    }
    // Before the record, so that a call that is cut off can be sent again.
    remove_files(context, &collection.org, (&collection.name, Some(id)), None, |_| true).await?;
    let change = begin_change(context, records, &collection.org, &collection.name).await?;
    let removed = remove_one(records, &collection, id).await;
    change.end(removed.as_ref().ok().map(|removed| CountChange { added: 0, removed: *removed })).await;
    removed.map(drop)
}

/// Removes a record; how many there were.
async fn remove_one(records: &dyn RecordStore, collection: &Collection, id: RecordId) -> Result<u64, Error> {
    // Looked at again, since somebody else may have been quicker.
    let found = records.get(&collection.org, &collection.name, &[id]).await?.into_iter().flatten().count();
    records.delete(&collection.org, &collection.name, &[id]).await?;
    Ok(u64::try_from(found).unwrap_or(u64::MAX))
}

fn not_found(id: RecordId) -> Error {
    Error::NotFound { kind: "record", id: id.to_string() }
}

/// Deletes every record of a collection with its files and tells how many. What fails on the way can be sent again.
///
/// # Errors
/// `Forbidden` without the scope `records:write`; `NotFound`; `Conflict` when they are too many for one call;
/// `Throttled`, `Unavailable`, `Internal`.
pub async fn delete_records(
    context: &Context,
    records: &dyn RecordStore,
    principal: &Principal,
    name: &CollectionName,
) -> Result<u64, Error> {
    assert_scope(principal, Scope::RecordsWrite)?;
    let collection = kept(context, &principal.org, name).await?;
    delete_all(context, records, &collection.org, &collection.name).await
}

/// Whether a collection has records.
pub(crate) async fn has_records(
    records: &dyn RecordStore,
    org: &OrgCode,
    name: &CollectionName,
) -> Result<bool, Error> {
    for partition in 0..records.partitions() {
        let mut from: Option<PageCursor> = None;
        loop {
            let page = records.ids(org, name, partition, from.as_ref(), Some(1)).await?;
            if !page.ids.is_empty() {
                return Ok(true);
            }
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
    }
    Ok(false)
}

/// Deletes every record of a collection, partitions side by side, then their files.
pub(crate) async fn delete_all(
    context: &Context,
    records: &dyn RecordStore,
    org: &OrgCode,
    name: &CollectionName,
) -> Result<u64, Error> {
    let until = context.clock.monotonic() + DELETING;
    let change = begin_change(context, records, org, name).await?;
    let partitions = iter(0..records.partitions())
        .map(|partition| delete_partition(context, records, (org, name), partition, until));
    let outcomes: Vec<Result<(u64, bool), Error>> = partitions.buffer_unordered(SIDE_BY_SIDE).collect().await;
    let outcomes: Result<Vec<(u64, bool)>, Error> = outcomes.into_iter().collect();
    let deleted = |outcomes: &Vec<(u64, bool)>| outcomes.iter().map(|(count, _)| count).sum();
    change.end(outcomes.as_ref().ok().map(|outcomes| CountChange { added: 0, removed: deleted(outcomes) })).await;
    let outcomes = outcomes?;
    let deleted: u64 = deleted(&outcomes);
    if outcomes.iter().all(|(_, whole)| *whole) {
        remove_files(context, org, (name, None), Some(until), |_| true).await?;
        return Ok(deleted);
    }
    Err(Error::Conflict { reason: format!("{deleted} records are deleted, and there are more; send this again") })
}

/// Deletes records of a partition until there are none (`true`) or the time is over.
async fn delete_partition(
    context: &Context,
    records: &dyn RecordStore,
    (org, name): (&OrgCode, &CollectionName),
    partition: u16,
    until: Duration,
) -> Result<(u64, bool), Error> {
    let (mut deleted, mut from): (u64, Option<PageCursor>) = (0, None);
    loop {
        if context.clock.monotonic() >= until {
            return Ok((deleted, false));
        }
        let page = records.ids(org, name, partition, from.as_ref(), Some(DELETE_BLOCK)).await?;
        if !page.ids.is_empty() {
            records.delete(org, name, &page.ids).await?;
            deleted += u64::try_from(page.ids.len()).unwrap_or(u64::MAX);
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok((deleted, true)),
        }
    }
}
