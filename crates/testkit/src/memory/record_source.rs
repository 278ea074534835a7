//! What exports read, from memory: records, and tables of items as the wire writes them.

use super::{MemoryRecordStore, not_found, rejected};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use waybill_domain::{RecordId, Source, TableSource, with_org};
use waybill_ports::{Extent, IdRange, PageCursor, PortError, Reading, RecordPage, RecordSource, RecordStore, not_read};
use waybill_record::{AttributeForm, ItemForm, Page, Reply};

const DURING: &str = "reading a table in memory";
/// Segments of a scan.
const SEGMENTS: u16 = 4;
/// Items that are looked at for a page, unless told otherwise.
const PAGE_ITEMS: usize = 50;

/// Items of tables by name, in the order in which they were put.
pub(super) type Tables = BTreeMap<String, Vec<Value>>;

impl MemoryRecordStore {
    /// Adds items to a table, each an object of attribute values as the wire writes them: `{"id":{"S":"a"}}`.
    pub fn put_items(&self, table: &str, items: impl IntoIterator<Item = Value>) {
        self.tables.with(|tables| tables.entry(table.to_owned()).or_default().extend(items));
    }

    fn read_among(&self, reading: &Reading, section: u16, from: Option<&PageCursor>) -> Result<RecordPage, PortError> {
        let place = (&reading.org, &reading.collection);
        let after = from.map(|cursor| cursor.0.parse::<RecordId>()).transpose();
        let after = after.map_err(|_| rejected("not a cursor", DURING))?;
        // Which section a record is in, its own pages tell.
        let found =
            |id| self.page(place.0, place.1, section, (None, Some(1)), IdRange::one(id)).map(|(found, _)| found);
        let next = reading.next_among(after, |id| found(id).is_ok_and(|found| !found.is_empty())).flatten();
        let Some((id, more)) = next else { return Ok(RecordPage { page: Page::default(), next: None }) };
        let page = Page::stored(found(id)?.into_iter().map(|(_, stored)| stored).collect());
        Ok(RecordPage { page, next: more.then(|| PageCursor(id.to_string())) })
    }

    fn table_page(
        &self,
        reading: &Reading,
        table: &TableSource,
        section: u16,
        (from, limit): (Option<&PageCursor>, Option<u32>),
    ) -> Result<RecordPage, PortError> {
        let start = match from.map(|cursor| cursor.0.split_once('/')) {
            None => 0,
            Some(place) => place
                .filter(|(of, _)| *of == section.to_string())
                .and_then(|(_, at)| at.parse::<usize>().ok())
                .ok_or_else(|| rejected("a cursor of another section", DURING))?,
        };
        let items = self.tables.with(|tables| tables.get(&table.table).cloned());
        let items = items.ok_or_else(|| not_found(DURING))?;
        let text = |item: &Value, name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
        let mine: Vec<&Value> = match &table.key_condition {
            None => items.iter().skip(usize::from(section)).step_by(usize::from(SEGMENTS)).collect(),
            Some(condition) => {
                let value = condition.values.get(usize::from(section)).map(|value| with_org(value, &reading.org));
                let in_section = |item: &&Value| {
                    let sorts = condition.sort.as_ref().is_none_or(|sort| {
                        text(item, &sort.attribute).starts_with(&with_org(&sort.prefix, &reading.org))
                    });
                    sorts && Some(text(item, &condition.attribute)) == value
                };
                items.iter().filter(in_section).collect()
            }
        };
        let limit = limit.map_or(PAGE_ITEMS, |limit| usize::try_from(limit.max(1)).unwrap_or(usize::MAX));
        let looked_at: Vec<&Value> = mine.iter().skip(start).take(limit).copied().collect();
        let end = start + looked_at.len();
        let next = (end < mine.len()).then(|| PageCursor(format!("{section}/{end}")));
        let only = table.org_attribute.iter().map(|name| (name.clone(), reading.org.to_string())).collect();
        let form = ItemForm::Attributes(AttributeForm { id: table.id_attribute.clone(), only });
        let body = json!({"Items": looked_at}).to_string();
        let reply = Reply::parse(body.into(), Arc::new(form)).map_err(|error| rejected(error.to_string(), DURING))?;
        Ok(RecordPage { page: reply.page, next })
    }
}

#[async_trait]
impl RecordSource for MemoryRecordStore {
    fn sections(&self, reading: &Reading) -> u16 {
        match &reading.source {
            Source::Records => self.partitions(),
            Source::Accounts | Source::Elements => 1,
            Source::Dynamodb(TableSource { key_condition: Some(condition), .. }) => {
                u16::try_from(condition.values.len()).unwrap_or(u16::MAX)
            }
            Source::Dynamodb(_) => SEGMENTS,
        }
    }

    async fn read_section(
        &self,
        reading: &Reading,
        section: u16,
        from: Option<&PageCursor>,
        limit: Option<u32>,
    ) -> Result<RecordPage, PortError> {
        match &reading.source {
            Source::Records if reading.among.is_some() => self.read_among(reading, section, from),
            Source::Records => {
                let place = (&reading.org, &reading.collection);
                let (records, next) = self.page(place.0, place.1, section, (from, limit), reading.ids)?;
                Ok(RecordPage { page: Page::stored(records.into_iter().map(|(_, stored)| stored).collect()), next })
            }
            Source::Dynamodb(table) => self.table_page(reading, table, section, (from, limit)),
            Source::Accounts => Err(not_read("accounts")),
            Source::Elements => Err(not_read("elements of arrays")),
        }
    }

    async fn extent(&self, reading: &Reading, section: u16) -> Result<Extent, PortError> {
        if reading.source != Source::Records {
            return Ok(Extent::Unknown);
        }
        let all = (None, Some(u32::MAX));
        let (records, _) = self.page(&reading.org, &reading.collection, section, all, reading.ids)?;
        Ok(match (records.first(), records.last()) {
            (Some((first, _)), Some((last, _))) => Extent::Between(*first, *last),
            _ => Extent::Nothing,
        })
    }

    fn reached(&self, _: &Reading, cursor: &PageCursor) -> Option<RecordId> {
        cursor.0.parse().ok()
    }
}
