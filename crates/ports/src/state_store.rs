//! Waybill's own state: small rows, read consistently and written conditionally.

use crate::{DueKind, PortError};
use async_trait::async_trait;
use std::fmt;
use waybill_domain::{CommitId, Timestamp};

/// A table of state rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Everything that changes.
    Main,
    /// The append-only audit trail.
    Audit,
    /// What after-scripts run with, keep and log.
    Scripts,
}

/// Where a row is: partition and sort key, both made by us.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The table.
    pub table: Table,
    /// Partition key.
    pub pk: String,
    /// Sort key, compared bytewise.
    pub sk: String,
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pk, self.sk)
    }
}

/// A row as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where.
    pub key: RowKey,
    /// The commit that wrote it.
    pub version: CommitId,
    /// What it says: JSON of its type, at most 350 KB after compression.
    pub body: String,
    /// When somebody has to look at it, if ever: kind, shard and instant of the sparse index.
    pub due: Option<(DueKind, u8, Timestamp)>,
    /// From when on the store may drop it by itself; rows are never trusted to be gone by then.
    pub drop_after: Option<Timestamp>,
}

/// What must hold of a row for a commit to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// There is no such row.
    Absent,
    /// It is as that commit left it.
    Version(CommitId),
}

/// One write of a commit. All of a commit's rows differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Writes the row whole.
    Put {
        /// What.
        row: Row,
        /// If.
        expect: Expect,
    },
    /// Removes the row.
    Delete {
        /// Which.
        key: RowKey,
        /// If it is as that commit left it.
        version: CommitId,
    },
    /// Changes nothing, but the commit happens only if this holds.
    Check {
        /// Which.
        key: RowKey,
        /// If.
        expect: Expect,
    },
}

impl Write {
    /// The row that is written or checked.
    pub fn key(&self) -> &RowKey {
        match self {
            Self::Put { row, .. } => &row.key,
            Self::Delete { key, .. } | Self::Check { key, .. } => key,
        }
    }
}

/// Rows of one partition in the order of their sort keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowRange {
    /// The table.
    pub table: Table,
    /// The partition.
    pub pk: String,
    /// Only sort keys that begin so.
    pub prefix: String,
    /// Only sort keys beyond this one, in the direction of reading.
    pub after: Option<String>,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// Most rows to give; a page may hold fewer and still not be the last.
    pub limit: usize,
}

/// A page of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPage {
    /// The rows, in order.
    pub rows: Vec<Row>,
    /// Whether there may be more beyond the last.
    pub more: bool,
}

/// A row that the index says is due; the row itself may have moved on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRow {
    /// Which.
    pub key: RowKey,
    /// Since when.
    pub due_at: Timestamp,
}

/// Keeps rows.
///
/// Reads by key and by range are strongly consistent: they see every commit that was answered before they began.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// The row at `key`, or `None`.
    ///
    /// # Errors
    /// [`PortError`]; `Corrupt` when the stored item is no row.
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, PortError>;

    /// The rows at `keys`, in their order, `None` for the absent ones. Not one snapshot: each is consistent by itself.
    ///
    /// # Errors
    /// As [`StateStore::get`].
    async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, PortError>;

    /// A page of rows of one partition.
    ///
    /// # Errors
    /// As [`StateStore::get`].
    async fn query(&self, range: &RowRange) -> Result<RowPage, PortError>;

    /// Makes all of `writes`, or none: all when every expectation holds at one instant. `commit` becomes the version of
    /// every row that is put. Idempotent per `commit`: repeating a commit that took effect, while its rows are as it left
    /// them, succeeds without effect. At most 100 writes.
    ///
    /// # Errors
    /// `Conflict` when an expectation does not hold, or another commit is under way on the same rows; `Unavailable` when
    /// it is not known whether it took effect; `Rejected` when a row is too large.
    async fn commit(&self, commit: CommitId, writes: &[Write]) -> Result<(), PortError>;

    /// Rows of `kind` and `shard` that are due at `until` or before, the longest due first, at most `limit`. Eventually
    /// consistent: may miss what has just become due and give what no longer is.
    ///
    /// # Errors
    /// [`PortError`].
    async fn due(&self, kind: DueKind, shard: u8, until: Timestamp, limit: usize) -> Result<Vec<DueRow>, PortError>;
}
