//! What every record store does.

use super::{Broken, Fact, Found, check, equal, hash, is_rejected, noise, that};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use waybill_domain::{CollectionName, OrgCode, RecordId, Timestamp};
use waybill_ports::{PageCursor, RecordPatch, RecordStore};
use waybill_record::{Page, PageReader};

/// Checks a record store.
///
/// # Errors
/// The first fact that does not hold.
pub async fn record_store(store: &dyn RecordStore, prefix: &str) -> Result<(), Broken> {
    check!(store, prefix;
        an_empty_collection_has_empty_partitions,
        every_record_is_in_exactly_one_partition,
        pages_are_in_the_order_of_ids_and_go_on_where_they_ended,
        a_second_put_replaces_the_record_whole,
        records_are_read_by_id_in_the_order_asked_for,
        removed_records_are_gone_and_removing_again_succeeds,
        a_cursor_that_is_none_is_refused,
        collections_and_orgs_are_apart,
        json_of_any_size_is_kept_verbatim,
        ids_of_one_second_spread_over_the_partitions,
    );
}

struct Place {
    org: OrgCode,
    collection: CollectionName,
}

impl Place {
    fn new(prefix: &str) -> Result<Self, Found> {
        Ok(Self { org: prefix.parse()?, collection: "things".parse()? })
    }
}

fn id(number: u64) -> RecordId {
    // Consecutive numbers in the last byte, as clients that count make them.
    RecordId::new(Timestamp::from_millis(1_700_000_000_000), number.to_be_bytes())
}

fn patch(number: u64, json: &str) -> RecordPatch {
    RecordPatch { id: id(number), json: Bytes::copy_from_slice(json.as_bytes()) }
}

fn patches(count: u64) -> Vec<RecordPatch> {
    (0..count).map(|number| patch(number, &format!("{{\"n\":{number}}}"))).collect()
}

fn texts(page: &Page) -> Result<Vec<String>, Found> {
    let mut reader = PageReader::new();
    let chunk = page.whole();
    let (mut records, mut texts) = (reader.read(&chunk), Vec::new());
    while let Some(text) = records.next_text() {
        let text = text.map_err(|error| Found(error.to_string()))?;
        texts.push(String::from_utf8_lossy(text).into_owned());
    }
    Ok(texts)
}

/// Every record of a partition, read in pages of at most `limit`.
async fn read_partition(
    store: &dyn RecordStore,
    place: &Place,
    partition: u16,
    limit: Option<u32>,
) -> Result<Vec<(RecordId, String)>, Found> {
    let mut records = Vec::new();
    let mut cursor: Option<PageCursor> = None;
    for _ in 0..10_000 {
        let page = store.read_page(&place.org, &place.collection, partition, cursor.as_ref(), limit).await?;
        let texts = texts(&page.page)?;
        let size = u32::try_from(texts.len()).unwrap_or(u32::MAX);
        that(limit.is_none_or(|limit| size <= limit), "a page over its limit")?;
        let ids = store.ids(&place.org, &place.collection, partition, cursor.as_ref(), Some(size.max(1))).await?.ids;
        equal(&ids.len(), &texts.len())?;
        records.extend(ids.into_iter().zip(texts));
        match page.next {
            None => return Ok(records),
            // A cursor is kept as text between two steps.
            Some(next) => cursor = Some(PageCursor(next.0.clone())),
        }
    }
    Err(Found("a partition without end".into()))
}

async fn read_all(store: &dyn RecordStore, place: &Place) -> Result<BTreeMap<RecordId, String>, Found> {
    let mut all = BTreeMap::new();
    for partition in 0..store.partitions() {
        for (id, json) in read_partition(store, place, partition, None).await? {
            that(all.insert(id, json).is_none(), format!("{id} is in two partitions"))?;
        }
    }
    Ok(all)
}

async fn an_empty_collection_has_empty_partitions(store: &dyn RecordStore, prefix: &str) -> Fact {
    that(store.partitions() > 0, "no partitions")?;
    equal(&read_all(store, &Place::new(prefix)?).await?, &BTreeMap::new())
}

async fn every_record_is_in_exactly_one_partition(store: &dyn RecordStore, prefix: &str) -> Fact {
    let place = Place::new(prefix)?;
    store.put(&place.org, &place.collection, &patches(100)).await?;
    let expected: BTreeMap<RecordId, String> = (0..100).map(|n| (id(n), format!("{{\"n\":{n}}}"))).collect();
    equal(&read_all(store, &place).await?, &expected)
}

async fn pages_are_in_the_order_of_ids_and_go_on_where_they_ended(store: &dyn RecordStore, prefix: &str) -> Fact {
    let place = Place::new(prefix)?;
    store.put(&place.org, &place.collection, &patches(100)).await?;
    let mut seen = BTreeSet::new();
    for partition in 0..store.partitions() {
        let whole = read_partition(store, &place, partition, None).await?;
        that(whole.is_sorted_by(|a, b| a.0 < b.0), "records out of order")?;
        for limit in [1, 2, 7] {
            equal(&read_partition(store, &place, partition, Some(limit)).await?, &whole)?;
        }
        seen.extend(whole.into_iter().map(|(id, _)| id));
    }
    equal(&seen.len(), &100)
}

async fn a_second_put_replaces_the_record_whole(store: &dyn RecordStore, prefix: &str) -> Fact {
    let place = Place::new(prefix)?;
    store.put(&place.org, &place.collection, &[patch(1, "{\"a\":1,\"b\":2}"), patch(2, "{}")]).await?;
    store.put(&place.org, &place.collection, &[patch(1, "{\"c\":3}")]).await?;
    let expected = BTreeMap::from([(id(1), "{\"c\":3}".to_owned()), (id(2), "{}".to_owned())]);
    equal(&read_all(store, &place).await?, &expected)
}

async fn records_are_read_by_id_in_the_order_asked_for(store: &dyn RecordStore, prefix: &str) -> Fact {
    let place = Place::new(prefix)?;
    store.put(&place.org, &place.collection, &patches(120)).await?;
    let ids: Vec<RecordId> = (0..130).rev().map(id).collect();
    let found = store.get(&place.org, &place.collection, &ids).await?;
    equal(&found.len(), &ids.len())?;
    for (id, record) in ids.iter().zip(&found) {
        that(record.as_ref().is_none_or(|record| record.id == *id), format!("another record in the place of {id}"))?;
    }
    equal(&found.iter().filter(|record| record.is_none()).count(), &10)?;
    equal(&store.get(&place.org, &place.collection, &[]).await?, &Vec::new())
}

async fn removed_records_are_gone_and_removing_again_succeeds(store: &dyn RecordStore, prefix: &str) -> Fact {
    let place = Place::new(prefix)?;
    store.put(&place.org, &place.collection, &patches(3)).await?;
    for _ in 0..2 {
        store.delete(&place.org, &place.collection, &[id(0), id(2), id(9)]).await?;
        equal(&read_all(store, &place).await?.into_keys().collect::<Vec<_>>(), &vec![id(1)])?;
    }
    equal(&store.get(&place.org, &place.collection, &[id(0)]).await?, &vec![None])
}

async fn a_cursor_that_is_none_is_refused(store: &dyn RecordStore, prefix: &str) -> Fact {
    let place = Place::new(prefix)?;
    for text in ["", "zzz", "65"] {
        let cursor = PageCursor(text.to_owned());
        is_rejected(&store.read_page(&place.org, &place.collection, 0, Some(&cursor), None).await)?;
        is_rejected(&store.ids(&place.org, &place.collection, 0, Some(&cursor), None).await)?;
    }
    Ok(())
}

async fn collections_and_orgs_are_apart(store: &dyn RecordStore, prefix: &str) -> Fact {
    let place = Place::new(prefix)?;
    let beside = Place { org: place.org.clone(), collection: "thing".parse()? };
    let abroad = Place { org: format!("{prefix}x").parse()?, collection: place.collection.clone() };
    store.put(&place.org, &place.collection, &[patch(1, "{\"of\":1}")]).await?;
    store.put(&beside.org, &beside.collection, &[patch(1, "{\"of\":2}")]).await?;
    store.put(&abroad.org, &abroad.collection, &[patch(1, "{\"of\":3}")]).await?;
    for (place, number) in [(&place, 1), (&beside, 2), (&abroad, 3)] {
        equal(&read_all(store, place).await?, &BTreeMap::from([(id(1), format!("{{\"of\":{number}}}"))]))?;
    }
    store.delete(&place.org, &place.collection, &[id(1)]).await?;
    equal(&read_all(store, &beside).await?.len(), &1)?;
    equal(&read_all(store, &abroad).await?.len(), &1)
}

async fn json_of_any_size_is_kept_verbatim(store: &dyn RecordStore, prefix: &str) -> Fact {
    let place = Place::new(prefix)?;
    let mut large = String::from("{\"s\":\"");
    for byte in noise(prefix, 190_000) {
        // Writing to a string does not fail.
        let _ = write!(large, "{byte:02x}");
    }
    large.push_str("\"}");
    let texts = [
        "{}".to_owned(),
        "{ \"n\" : 1.0000000000000000000001e400 , \"s\": \"\\u0000ä𝄞\" }".to_owned(),
        format!("{{\"a\":[{}]}}", "0,".repeat(100_000).trim_end_matches(',')),
        large,
    ];
    let records: Vec<RecordPatch> = (0..).zip(&texts).map(|(number, json)| patch(number, json)).collect();
    store.put(&place.org, &place.collection, &records).await?;
    let found = read_all(store, &place).await?;
    for (number, json) in (0..).zip(&texts) {
        that(found.get(&id(number)) == Some(json), format!("record {number} came back changed"))?;
    }
    Ok(())
}

async fn ids_of_one_second_spread_over_the_partitions(store: &dyn RecordStore, prefix: &str) -> Fact {
    let place = Place::new(prefix)?;
    let random = |n: u64| RecordId::new(Timestamp::from_millis(0), hash(&format!("{prefix}{n}")).to_be_bytes());
    let records: Vec<RecordPatch> =
        (0..160).map(|n| RecordPatch { id: random(n), json: Bytes::from_static(b"{}") }).collect();
    store.put(&place.org, &place.collection, &records).await?;
    for partition in 0..store.partitions() {
        let count = read_partition(store, &place, partition, None).await?.len();
        that(count < 80, format!("half of all records are in partition {partition}"))?;
    }
    Ok(())
}
