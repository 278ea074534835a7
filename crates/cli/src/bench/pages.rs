//! Canned pages, replayed as a record store: what a table would answer, without the table.

use async_trait::async_trait;
use bytes::Bytes;
use waybill_domain::{CollectionName, OrgCode, RecordId};
use waybill_ports::{IdPage, PageCursor, PortError, PortErrorKind, RecordPage, RecordPatch, RecordStore, StoredRecord};
use waybill_record::{Page, stored};

use super::records;
use crate::arguments::StoredForm;

/// Codec byte of a stored record whose JSON text follows as it is.
const PLAIN: u8 = 0;
/// Different pages; they repeat after that, far beyond what a compressor looks back.
const DIFFERENT: u64 = 8;
/// Partitions, as in the real store.
const PARTITIONS: u16 = 16;

/// One page: ids of its records, where each ends in `bytes`, and how long the JSON text of each is.
#[derive(Debug, Default)]
struct Canned {
    ids: Vec<RecordId>,
    ends: Vec<usize>,
    bytes: Vec<u8>,
    json_sizes: Vec<usize>,
}

/// A collection of so many records, as pages of equally many.
#[derive(Debug)]
pub(super) struct Pages {
    canned: Vec<Canned>,
    records: u64,
    per_page: usize,
}

/// Records of a page: about 1 MiB of stored bytes, as a table's page holds.
fn per_page(form: StoredForm) -> usize {
    match form {
        StoredForm::Deflated => 2_600,
        StoredForm::Plain => 1_570,
    }
}

impl Pages {
    /// Pages of `records` generated records.
    pub(super) fn new(records: u64, form: StoredForm) -> Self {
        let mut pages = Self { canned: Vec::new(), records, per_page: per_page(form) };
        let mut numbers = 0..;
        for _ in 0..pages.count().min(DIFFERENT) {
            let mut page = Canned::default();
            for number in numbers.by_ref().take(pages.per_page) {
                let (id, json) = records::record(number);
                page.ids.push(id);
                match form {
                    StoredForm::Deflated => page.bytes.extend_from_slice(&stored::encode(json.as_bytes())),
                    StoredForm::Plain => {
                        page.bytes.push(PLAIN);
                        page.bytes.extend_from_slice(json.as_bytes());
                    }
                }
                page.ends.push(page.bytes.len());
                page.json_sizes.push(json.len());
            }
            pages.canned.push(page);
        }
        pages
    }

    /// How many pages there are.
    pub(super) fn count(&self) -> u64 {
        self.records.div_ceil(self.stride())
    }

    /// JSON text of all records, in bytes.
    pub(super) fn json_bytes(&self) -> u64 {
        let size = |page| -> usize {
            let sizes = self.canned_page(page).map_or(&[][..], |canned| &canned.json_sizes);
            sizes.iter().take(self.length(page)).sum()
        };
        (0..self.count()).map(|page| u64::try_from(size(page)).unwrap_or(u64::MAX)).sum()
    }

    /// The records of page `page`, in memory of their own, as a table would send them.
    pub(super) fn page(&self, page: u64) -> Vec<StoredRecord> {
        let Some(canned) = self.canned_page(page) else { return Vec::new() };
        let length = self.length(page);
        let end = length.checked_sub(1).and_then(|last| canned.ends.get(last)).copied().unwrap_or(0);
        let bytes = Bytes::copy_from_slice(&canned.bytes[..end]);
        let starts = std::iter::once(0).chain(canned.ends.iter().copied());
        let spans = starts.zip(&canned.ends).take(length);
        let stored = spans.map(|(start, &end)| bytes.slice(start..end));
        canned.ids.iter().zip(stored).map(|(&id, stored)| StoredRecord { id, stored }).collect()
    }

    fn canned_page(&self, page: u64) -> Option<&Canned> {
        self.canned.get(usize::try_from(page % DIFFERENT).ok()?)
    }

    fn stride(&self) -> u64 {
        u64::try_from(self.per_page).unwrap_or(u64::MAX)
    }

    fn length(&self, page: u64) -> usize {
        let left = self.records.saturating_sub(page.saturating_mul(self.stride()));
        usize::try_from(left).unwrap_or(usize::MAX).min(self.per_page)
    }
}

/// Replays pages: page `n` is in partition `n mod 16`, so that turns over the partitions give them in order.
#[derive(Debug)]
pub(super) struct ReplayedRecords(pub(super) std::sync::Arc<Pages>);

#[async_trait]
impl RecordStore for ReplayedRecords {
    fn partitions(&self) -> u16 {
        PARTITIONS
    }

    async fn read_page(
        &self,
        _: &OrgCode,
        _: &CollectionName,
        partition: u16,
        from: Option<&PageCursor>,
        _: Option<u32>,
    ) -> Result<RecordPage, PortError> {
        let page = match from {
            None => u64::from(partition),
            Some(cursor) => cursor.0.parse().map_err(|_| unused("a page of another store"))?,
        };
        let next = page + u64::from(PARTITIONS);
        let next = (next < self.0.count()).then(|| PageCursor(next.to_string()));
        let records = self.0.page(page).into_iter().map(|record| record.stored).collect();
        Ok(RecordPage { page: Page::stored(records), next })
    }

    async fn ids(
        &self,
        _: &OrgCode,
        _: &CollectionName,
        _: u16,
        _: Option<&PageCursor>,
        _: Option<u32>,
    ) -> Result<IdPage, PortError> {
        Err(unused("reading ids"))
    }

    async fn put(&self, _: &OrgCode, _: &CollectionName, _: &[RecordPatch]) -> Result<(), PortError> {
        Err(unused("writing records"))
    }

    async fn get(
        &self,
        _: &OrgCode,
        _: &CollectionName,
        ids: &[RecordId],
    ) -> Result<Vec<Option<StoredRecord>>, PortError> {
        Ok(vec![None; ids.len()])
    }

    async fn delete(&self, _: &OrgCode, _: &CollectionName, _: &[RecordId]) -> Result<(), PortError> {
        Err(unused("deleting records"))
    }
}

/// What an export never asks of a port.
pub(super) fn unused(during: &'static str) -> PortError {
    PortError::new(PortErrorKind::Rejected { reason: "not part of the benchmark".to_owned() }, during)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(pages: &Pages) -> usize {
        (0..pages.count()).map(|page| pages.page(page).len()).sum()
    }

    const FORMS: [StoredForm; 2] = [StoredForm::Deflated, StoredForm::Plain];

    #[test]
    fn a_page_is_about_as_large_as_a_page_of_a_table() {
        for form in FORMS {
            let bytes: usize = Pages::new(5000, form).page(0).iter().map(|record| record.stored.len()).sum();
            assert!((900_000..1_150_000).contains(&bytes), "{form}: {bytes}");
        }
    }

    #[test]
    fn pages_hold_as_many_records_as_asked_for() {
        for records in [0, 1, 5000, 60_000] {
            let pages = Pages::new(records, StoredForm::Deflated);
            assert_eq!(u64::try_from(total(&pages)).unwrap(), records);
            assert!(pages.page(pages.count()).is_empty());
        }
    }

    #[test]
    fn pages_decode_to_the_records_and_their_size_is_known() {
        for form in FORMS {
            let pages = Pages::new(20_000, form);
            let mut decoder = stored::Decoder::new();
            let mut bytes = 0;
            for page in 0..pages.count() {
                for record in pages.page(page) {
                    let text = decoder.decode(&record.stored).unwrap();
                    let value: serde_json::Value = serde_json::from_slice(text).unwrap();
                    assert_eq!(value["_id"], record.id.to_string());
                    bytes += u64::try_from(text.len()).unwrap();
                }
            }
            assert_eq!(bytes, pages.json_bytes());
        }
    }
}
