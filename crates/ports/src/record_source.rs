//! What exports read, page by page: Waybill's own records, or items of the platform's tables.

use crate::{PageCursor, PortError, PortErrorKind, RecordPage, RecordStore};
use async_trait::async_trait;
use std::sync::Arc;
use waybill_domain::{Collection, CollectionName, OrgCode, RecordId, Source};

/// Which records are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Whose.
    pub org: OrgCode,
    /// Of which collection.
    pub collection: CollectionName,
    /// Where they are.
    pub source: Source,
    /// Which of them; a source may give others, too, so that whoever asks looks again.
    pub ids: IdRange,
    /// Which of those alone, in order, where they are few; `None` = all.
    pub among: Option<Arc<[RecordId]>>,
}

/// Ids from one to another, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdRange {
    /// The first; `None` = from the beginning.
    pub first: Option<RecordId>,
    /// The last; `None` = to the end.
    pub last: Option<RecordId>,
}

/// What ids a partition has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// It cannot be told, or not cheaply.
    Unknown,
    /// None.
    Nothing,
    /// From the first to the last; in between they lie about evenly.
    Between(RecordId, RecordId),
}

impl Reading {
    /// Everything of a collection.
    pub fn all(collection: &Collection) -> Self {
        Self {
            org: collection.org.clone(),
            collection: collection.name.clone(),
            source: collection.source.clone(),
            ids: IdRange::default(),
            among: None,
        }
    }

    /// The next one to look for in a section that reads `among`, and whether more of its own follow; `here` tells which are its own.
    /// `None` when none is left.
    pub fn next_among(
        &self,
        from: Option<RecordId>,
        here: impl Fn(RecordId) -> bool,
    ) -> Option<Option<(RecordId, bool)>> {
        let left = |id: &RecordId| from.is_none_or(|from| from < *id) && self.ids.holds(*id) && here(*id);
        let mut left = self.among.as_ref()?.iter().copied().filter(left);
        Some(left.next().map(|id| (id, left.next().is_some())))
    }
}

impl IdRange {
    /// One id alone.
    pub fn one(id: RecordId) -> Self {
        Self { first: Some(id), last: Some(id) }
    }

    /// Whether an id lies in it.
    pub fn holds(&self, id: RecordId) -> bool {
        self.first.is_none_or(|first| first <= id) && self.last.is_none_or(|last| id <= last)
    }

    /// What lies in either, and between them.
    #[must_use]
    pub fn around(self, other: Self) -> Self {
        let last = self.last.zip(other.last).map(|(left, right)| left.max(right));
        Self { first: self.first.zip(other.first).map(|(left, right)| left.min(right)), last }
    }

    /// What lies in both.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        let last = self.last.into_iter().chain(other.last).min();
        Self { first: self.first.max(other.first), last }
    }
}

/// The refusal of a source that does not give `what`: accounts are rows of the state, and read there.
pub fn not_read(what: &str) -> PortError {
    let reason = format!("{what} are not read here");
    PortError::new(PortErrorKind::Rejected { reason }, "reading a source")
}

/// Gives the records of any source in sections, each page by page; sections can be read side by side. What is given here is
/// a source of Waybill's own records alone, a section being a partition of the store.
#[async_trait]
pub trait RecordSource: RecordStore {
    /// How many sections there are to be read; the same number for the same reading, always.
    fn sections(&self, _reading: &Reading) -> u16 {
        self.partitions()
    }

    /// The next page of a section: about 1 MiB, or at most `limit` records. Not a snapshot: a record that is there
    /// throughout appears exactly once. May be empty without being the last.
    ///
    /// # Errors
    /// `Rejected` when the cursor is none of that section's, or when the source does not fit the table; `NotFound`
    /// and `Denied` when the table is not there or may not be read.
    async fn read_section(
        &self,
        reading: &Reading,
        section: u16,
        from: Option<&PageCursor>,
        limit: Option<u32>,
    ) -> Result<RecordPage, PortError> {
        match &reading.source {
            Source::Records => self.read_page(&reading.org, &reading.collection, section, from, limit).await,
            Source::Dynamodb(_) => Err(not_read("tables of the platform")),
            Source::Accounts => Err(not_read("accounts")),
            Source::Elements => Err(not_read("elements of arrays")),
        }
    }

    /// What ids a section has, as far as that costs next to nothing.
    ///
    /// # Errors
    /// As [`RecordSource::read_section`].
    async fn extent(&self, _reading: &Reading, _section: u16) -> Result<Extent, PortError> {
        Ok(Extent::Unknown)
    }

    /// The id up to which a section has been read at this cursor, where cursors tell.
    fn reached(&self, _reading: &Reading, _cursor: &PageCursor) -> Option<RecordId> {
        None
    }
}
