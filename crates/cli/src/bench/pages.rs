//! Pages replayed as a record store: what a table would answer, without the table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use waybill_domain::{CollectionName, OrgCode, RecordId};
use waybill_ports::{
    IdPage, PageCursor, PortError, PortErrorKind, RecordPage, RecordPatch, RecordSource, RecordStore, StoredRecord,
};
use waybill_record::Page;

use super::data::{PageFile, stored_records};

/// Partitions, as in the real store.
pub(super) const PARTITIONS: u16 = 16;

/// Where a store's pages come from.
#[derive(Debug)]
enum Pages {
    /// A file, whose pages are given again from the first one when they are at their end.
    File(PageFile),
    /// Records in memory, in pages of as many as are asked for.
    Kept(Vec<Bytes>),
}

/// Replays pages: page `n` is in partition `n mod 16`, so that turns over the partitions give them in order.
#[derive(Debug)]
pub(super) struct ReplayedRecords {
    pages: Pages,
    count: u64,
    read: Arc<AtomicU32>,
}

impl ReplayedRecords {
    /// So many pages of `file`, which is begun anew as often as it takes.
    pub(super) fn of_file(file: PageFile, count: u64) -> Self {
        Self { pages: Pages::File(file), count, read: Arc::default() }
    }

    /// These records, in their stored form. `per_page` of them are asked for at a time; `read` counts the pages.
    pub(super) fn kept(records: Vec<Bytes>, per_page: u32, read: Arc<AtomicU32>) -> Self {
        let length = u64::try_from(records.len()).unwrap_or(u64::MAX);
        Self { pages: Pages::Kept(records), count: length.div_ceil(u64::from(per_page)), read }
    }

    fn page(&self, number: u64, limit: Option<u32>) -> Option<Vec<Bytes>> {
        match &self.pages {
            Pages::File(file) => {
                let (page, records) = file.read(number.checked_rem(file.count())?, b"").ok()?;
                stored_records(page, records).ok()
            }
            Pages::Kept(records) => {
                let per_page = usize::try_from(limit?).ok()?;
                let start = usize::try_from(number).ok()?.checked_mul(per_page)?;
                Some(records.iter().skip(start).take(per_page).cloned().collect())
            }
        }
    }
}

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
        limit: Option<u32>,
    ) -> Result<RecordPage, PortError> {
        self.read.fetch_add(1, Ordering::Relaxed);
        let number = match from {
            None => u64::from(partition),
            Some(cursor) => cursor.0.parse().map_err(|_| unused("a page of another store"))?,
        };
        if number >= self.count {
            return Ok(RecordPage { page: Page::default(), next: None });
        }
        let next = number + u64::from(PARTITIONS);
        let next = (next < self.count).then(|| PageCursor(next.to_string()));
        let records = self.page(number, limit).ok_or_else(|| unused("a page that is not there"))?;
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

impl RecordSource for ReplayedRecords {}

/// What an export never asks of a port.
pub(super) fn unused(during: &'static str) -> PortError {
    PortError::new(PortErrorKind::Rejected { reason: "not part of the benchmark".to_owned() }, during)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::data::{Paged, make};
    use std::collections::VecDeque;

    /// Lengths of all pages, in the order in which turns over the partitions give them.
    async fn lengths(store: &ReplayedRecords, limit: Option<u32>) -> Vec<usize> {
        let (org, collection) = ("bench".parse().unwrap(), "people".parse().unwrap());
        let mut turns: VecDeque<(u16, Option<PageCursor>)> = (0..PARTITIONS).map(|turn| (turn, None)).collect();
        let mut lengths = Vec::new();
        while let Some((partition, from)) = turns.pop_front() {
            let page = store.read_page(&org, &collection, partition, from.as_ref(), limit).await.unwrap();
            lengths.push(page.page.len());
            if page.next.is_some() {
                turns.push_back((partition, page.next));
            }
        }
        lengths.retain(|length| *length > 0);
        lengths
    }

    #[tokio::test]
    async fn kept_records_come_in_pages_of_as_many_as_asked_for() {
        let records = vec![Bytes::from_static(b"\0{}"); 100];
        let store = ReplayedRecords::kept(records, 7, Arc::default());
        let mut expected = vec![7; 14];
        expected.push(2);
        assert_eq!(lengths(&store, Some(7)).await, expected);
    }

    #[tokio::test]
    async fn a_file_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), 5000, &[Paged::Stored], 1).unwrap();
        let file = PageFile::open(folder.path(), Paged::Stored).unwrap();
        let (count, records) = (file.count(), usize::try_from(file.records()).unwrap());
        let store = ReplayedRecords::of_file(file, count * 20);
        let lengths = lengths(&store, None).await;
        assert_eq!(lengths.iter().sum::<usize>(), records * 20);
    }
}
