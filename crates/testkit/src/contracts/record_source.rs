//! What every source of records does.

use super::{Broken, Fact, Found, check, equal, is_rejected, that};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use waybill_domain::{KeyCondition, RecordId, SortCondition, Source, TableSource, Timestamp};
use waybill_ports::{Extent, IdRange, PageCursor, Reading, RecordPatch, RecordSource};
use waybill_record::PageReader;

/// The table that holds [`source_items`] when the contract is checked; its keys are `pk` and `sk`, both text.
const TABLE: &str = "platform";
/// Visits of each of the two orgs, in each of two partitions.
const VISITS: usize = 60;

/// Checks a source, which reads the table `platform` with [`source_items`].
///
/// # Errors
/// The first fact that does not hold.
pub async fn record_source(source: &dyn RecordSource, prefix: &str) -> Result<(), Broken> {
    check!(source, prefix;
        records_are_read_whole_from_any_cursor,
        a_range_of_ids_limits_what_is_read_and_loses_nothing,
        some_ids_alone_are_read_each_once_from_any_cursor,
        the_extent_is_the_first_and_the_last_id,
        a_table_is_read_by_key_and_only_the_orgs_items,
        a_table_is_scanned_and_only_the_orgs_items,
        items_become_records_of_every_type,
        foreign_cursors_are_refused,
    );
}

/// The items that the contract expects in the table `platform`, as the wire writes them: of the orgs `left` and `right`.
pub fn source_items() -> Vec<Value> {
    let mut items = Vec::new();
    for org in ["left", "right"] {
        for part in 0..2 {
            for n in 0..VISITS {
                items.push(json!({
                    "pk": {"S": format!("ORG#{org}#{part}")}, "sk": {"S": format!("VISIT#{n:03}")},
                    "tenant": {"S": org}, "id": {"S": format!("{org}-{part}-{n}")}, "n": {"N": n.to_string()},
                    "all": {"M": {
                        "long": {"N": "12345678901234567890123456789012345678"}, "yes": {"BOOL": true}, "no": {"NULL": true},
                        "bytes": {"B": "AP8="}, "list": {"L": [{"S": "a \"quoted\" ü"}, {"N": "-1.5"}, {"M": {}}]},
                        "texts": {"SS": ["x"]}, "numbers": {"NS": ["7"]}, "blobs": {"BS": ["AA=="]},
                    }},
                }));
            }
            items.push(json!({
                "pk": {"S": format!("ORG#{org}#{part}")}, "sk": {"S": "META"}, "tenant": {"S": org}, "id": {"S": "none"},
            }));
        }
    }
    items
}

fn table(org: &str, by_key: bool) -> Result<Reading, Found> {
    let key_condition = by_key.then(|| KeyCondition {
        attribute: "pk".to_owned(),
        values: vec!["ORG#{org}#0".to_owned(), "ORG#{org}#1".to_owned()],
        sort: Some(SortCondition { attribute: "sk".to_owned(), prefix: "VISIT#".to_owned() }),
    });
    let source = Source::Dynamodb(TableSource {
        table: TABLE.to_owned(),
        key_condition,
        id_attribute: "id".to_owned(),
        org_attribute: (!by_key).then(|| "tenant".to_owned()),
    });
    Ok(Reading { org: org.parse()?, collection: "visits".parse()?, source, ids: IdRange::default(), among: None })
}

fn records(prefix: &str) -> Result<Reading, Found> {
    let (org, collection) = (prefix.parse()?, "sourced".parse()?);
    Ok(Reading { org, collection, source: Source::Records, ids: IdRange::default(), among: None })
}

fn id(number: u64) -> RecordId {
    RecordId::new(Timestamp::from_millis(1_700_000_000_000), number.to_be_bytes())
}

async fn put(source: &dyn RecordSource, reading: &Reading, count: u64) -> Result<(), Found> {
    let patch = |number| RecordPatch { id: id(number), json: Bytes::from(format!("{{\"_id\":\"{}\"}}", id(number))) };
    let patches: Vec<RecordPatch> = (0..count).map(patch).collect();
    Ok(source.put(&reading.org, &reading.collection, &patches).await?)
}

/// The records of a section beyond `from`, and the cursors behind its pages.
async fn read(
    source: &dyn RecordSource,
    reading: &Reading,
    section: u16,
    from: Option<PageCursor>,
) -> Result<(Vec<Value>, Vec<PageCursor>), Found> {
    let (mut records, mut cursors, mut from) = (Vec::new(), Vec::new(), from);
    let mut reader = PageReader::new();
    for _ in 0..1000 {
        let page = source.read_section(reading, section, from.as_ref(), Some(7)).await?;
        for chunk in page.page.chunks(100) {
            let mut texts = reader.read(&chunk);
            while let Some(text) = texts.next_text() {
                let text = text.map_err(|error| Found(error.to_string()))?;
                records.push(serde_json::from_slice(text).map_err(|error| Found(error.to_string()))?);
            }
        }
        match page.next {
            None => return Ok((records, cursors)),
            Some(next) => {
                cursors.push(next.clone());
                from = Some(next);
            }
        }
    }
    Err(Found("a section without end".into()))
}

/// Ids of all records, each section also read from the cursor of each of its pages.
async fn read_all(source: &dyn RecordSource, reading: &Reading) -> Result<BTreeSet<String>, Found> {
    let mut ids = BTreeSet::new();
    for section in 0..source.sections(reading) {
        let (whole, cursors) = read(source, reading, section, None).await?;
        for cursor in cursors {
            let (rest, _) = read(source, reading, section, Some(cursor)).await?;
            that(whole.ends_with(&rest), "another rest of a section behind a cursor")?;
        }
        for record in &whole {
            let id = record["_id"].as_str().unwrap_or_default().to_owned();
            that(ids.insert(id), "a record twice")?;
        }
    }
    Ok(ids)
}

async fn records_are_read_whole_from_any_cursor(source: &dyn RecordSource, prefix: &str) -> Fact {
    let reading = records(prefix)?;
    put(source, &reading, 150).await?;
    equal(&read_all(source, &reading).await?, &(0..150).map(|number| id(number).to_string()).collect())
}

async fn a_range_of_ids_limits_what_is_read_and_loses_nothing(source: &dyn RecordSource, prefix: &str) -> Fact {
    let reading = records(prefix)?;
    put(source, &reading, 100).await?;
    for (first, last) in
        [(None, Some(20)), (Some(70), None), (Some(30), Some(60)), (Some(44), Some(44)), (Some(9), Some(8))]
    {
        let ids = IdRange { first: first.map(id), last: last.map(id) };
        let within = Reading { ids, ..reading.clone() };
        let numbers = first.unwrap_or(0)..=last.unwrap_or(99);
        let expected: BTreeSet<String> = numbers.map(|number| id(number).to_string()).collect();
        equal(&read_all(source, &within).await?, &expected)?;
    }
    Ok(())
}

async fn some_ids_alone_are_read_each_once_from_any_cursor(source: &dyn RecordSource, prefix: &str) -> Fact {
    let reading = records(prefix)?;
    put(source, &reading, 100).await?;
    let numbers = [3, 4, 17, 40, 41, 42, 99, 100, 5000];
    let among = Some(numbers.iter().map(|number| id(*number)).collect());
    for (ids, expected) in [
        (IdRange::default(), &[3, 4, 17, 40, 41, 42, 99][..]),
        (IdRange { first: Some(id(17)), last: Some(id(41)) }, &[17, 40, 41]),
        (IdRange { first: Some(id(5)), last: Some(id(9)) }, &[]),
    ] {
        let some = Reading { ids, among: Option::clone(&among), ..reading.clone() };
        let expected = expected.iter().map(|number| id(*number).to_string()).collect();
        equal(&read_all(source, &some).await?, &expected)?;
    }
    let none = Reading { among: Some([].into()), ..reading };
    equal(&read_all(source, &none).await?, &BTreeSet::new())
}

async fn the_extent_is_the_first_and_the_last_id(source: &dyn RecordSource, prefix: &str) -> Fact {
    let reading = records(prefix)?;
    equal(&source.extent(&reading, 0).await?, &Extent::Nothing)?;
    put(source, &reading, 150).await?;
    for section in 0..source.sections(&reading) {
        let (records, cursors) = read(source, &reading, section, None).await?;
        let ends = records.first().zip(records.last()).map(|(first, last)| (&first["_id"], &last["_id"]));
        match source.extent(&reading, section).await? {
            Extent::Between(first, last) => equal(&ends, &Some((&json!(first.to_string()), &json!(last.to_string()))))?,
            Extent::Nothing => that(records.is_empty(), "an extent of nothing around records")?,
            Extent::Unknown => {}
        }
        let reached: Vec<RecordId> = cursors.iter().filter_map(|cursor| source.reached(&reading, cursor)).collect();
        that(reached.is_sorted() && reached.len() == cursors.len(), "cursors that do not tell where they are")?;
    }
    Ok(())
}

fn visits(org: &str) -> BTreeSet<String> {
    (0..2).flat_map(|part| (0..VISITS).map(move |n| format!("{org}-{part}-{n}"))).collect()
}

async fn a_table_is_read_by_key_and_only_the_orgs_items(source: &dyn RecordSource, _: &str) -> Fact {
    for org in ["left", "right"] {
        let reading = table(org, true)?;
        equal(&source.sections(&reading), &2)?;
        equal(&read_all(source, &reading).await?, &visits(org))?;
    }
    equal(&read_all(source, &table("nobody", true)?).await?, &BTreeSet::new())
}

async fn a_table_is_scanned_and_only_the_orgs_items(source: &dyn RecordSource, _: &str) -> Fact {
    let reading = table("right", false)?;
    let mut found = Vec::new();
    for section in 0..source.sections(&reading) {
        found.extend(read(source, &reading, section, None).await?.0);
    }
    let mut ids: Vec<String> =
        found.iter().map(|record| record["_id"].as_str().unwrap_or_default().to_owned()).collect();
    ids.retain(|id| id != "none");
    equal(&ids.len(), &(2 * VISITS))?;
    equal(&ids.into_iter().collect(), &visits("right"))
}

async fn items_become_records_of_every_type(source: &dyn RecordSource, _: &str) -> Fact {
    let (records, _) = read(source, &table("left", true)?, 1, None).await?;
    let long: Value =
        serde_json::from_str("12345678901234567890123456789012345678").map_err(|error| Found(error.to_string()))?;
    let expected = json!({
        "pk": "ORG#left#1", "sk": "VISIT#000", "tenant": "left", "id": "left-1-0", "n": 0, "_id": "left-1-0",
        "all": {
            "long": long, "yes": true, "no": null, "bytes": "AP8=", "list": ["a \"quoted\" ü", -1.5, {}],
            "texts": ["x"], "numbers": [7], "blobs": ["AA=="],
        },
    });
    equal(&records.first(), &Some(&expected))
}

async fn foreign_cursors_are_refused(source: &dyn RecordSource, prefix: &str) -> Fact {
    let (left, right) = (table("left", true)?, table("right", true)?);
    let (_, cursors) = read(source, &left, 0, None).await?;
    let cursor = cursors.first().ok_or_else(|| Found("one page only".into()))?;
    is_rejected(&source.read_section(&left, 1, Some(cursor), None).await)?;
    let nonsense = PageCursor("nonsense".to_owned());
    for reading in [&left, &right, &table("left", false)?, &records(prefix)?] {
        is_rejected(&source.read_section(reading, 0, Some(&nonsense), None).await)?;
    }
    Ok(())
}
