//! How the domain's types are kept as rows: their keys, when they are due, and how they are read back.

pub(crate) mod access;
pub(crate) mod catalogue;
pub(crate) mod errands;
pub(crate) mod exports;
pub(crate) mod jobs;
pub(crate) mod lanes;
pub(crate) mod scripts;
pub(crate) mod webhooks;

pub use errands::ErrandKind;

use crate::{PortError, PortErrorKind, Row, RowKey, StateStore, Table};
use serde::{Serialize, de::DeserializeOwned};
use waybill_domain::{CommitId, OrgCode, Timestamp};

/// Shards of the index of what is due.
pub const DUE_SHARDS: u8 = 16;

/// What somebody has to do about a row that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DueKind {
    /// Look whether a lane that is not empty moves.
    Lane,
    /// Let a scheduled export into its lane.
    Admit,
    /// Decide a job's slots, or remove what a deleted one left.
    Job,
    /// Remove objects that an export left.
    Cleanup,
    /// Remove an export whose seven days are over.
    Expiry,
    /// Look whether a file was uploaded, or remove one.
    File,
    /// Recount an org's storage.
    Usage,
    /// Look whether an after-script was run.
    Script,
    /// Look whether a delivery is on its way.
    Delivery,
    /// Look whether a signal is on its way.
    Signal,
}

impl DueKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Lane,
        Self::Admit,
        Self::Job,
        Self::Cleanup,
        Self::Expiry,
        Self::File,
        Self::Usage,
        Self::Script,
        Self::Delivery,
        Self::Signal,
    ];

    /// Its name in the index.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lane => "lane",
            Self::Admit => "admit",
            Self::Job => "job",
            Self::Cleanup => "cleanup",
            Self::Expiry => "expiry",
            Self::File => "file",
            Self::Usage => "usage",
            Self::Script => "script",
            Self::Delivery => "delivery",
            Self::Signal => "signal",
        }
    }

    /// The table whose rows are due for it.
    pub fn table(self) -> Table {
        match self {
            Self::Lane
            | Self::Admit
            | Self::Job
            | Self::Cleanup
            | Self::Expiry
            | Self::File
            | Self::Usage
            | Self::Delivery
            | Self::Signal => Table::Main,
            Self::Script => Table::Scripts,
        }
    }
}

/// That a row is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// For what.
    pub kind: DueKind,
    /// When.
    pub at: Timestamp,
}

/// The shard of the index in which an org's rows are due.
pub fn due_shard(org: &OrgCode) -> u8 {
    // FNV-1a, 32 bit: stable over builds, which a `Hasher` of the standard library is not.
    let hash =
        org.as_str().bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    u8::try_from(hash % u32::from(DUE_SHARDS)).unwrap_or(0)
}

/// A type of the domain that is kept as one row.
pub trait Entity: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// Where it is.
    fn key(&self) -> RowKey;

    /// When somebody has to look at it.
    fn due(&self) -> Option<Due> {
        None
    }

    /// The org whose shard it is due in.
    fn due_org(&self) -> Option<&OrgCode> {
        None
    }

    /// From when on the store may drop it by itself.
    fn drop_after(&self) -> Option<Timestamp> {
        None
    }
}

/// An entity as it was read, with the version that a conditional write names.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<T> {
    /// What it says.
    pub value: T,
    /// The commit that wrote it.
    pub version: CommitId,
}

impl<T: Entity> Stored<T> {
    /// Reads a row.
    ///
    /// # Errors
    /// `Corrupt` with the field when the body is not of the type.
    pub fn parse(row: &Row) -> Result<Self, PortError> {
        let value = serde_json::from_str(&row.body).map_err(|error| {
            let kind = PortErrorKind::Corrupt {
                table: format!("{:?}", row.key.table),
                key: row.key.to_string(),
                field: error.to_string(),
            };
            PortError::new(kind, "reading a row")
        })?;
        Ok(Self { value, version: row.version })
    }
}

/// Writes an entity as a row of `version`.
///
/// # Errors
/// `Rejected` when it does not serialise.
pub(crate) fn to_row<T: Entity>(entity: &T, version: CommitId) -> Result<Row, PortError> {
    let body = serde_json::to_string(entity).map_err(|error| {
        PortError::caused_by(PortErrorKind::Rejected { reason: "does not serialise".into() }, "writing a row", error)
    })?;
    let shard = entity.due_org().map_or(0, due_shard);
    Ok(Row {
        key: entity.key(),
        version,
        body,
        due: entity.due().map(|due| (due.kind, shard, due.at)),
        drop_after: entity.drop_after(),
    })
}

/// Reads the entity at `key`.
///
/// # Errors
/// As [`StateStore::get`].
pub(crate) async fn load<T: Entity>(store: &dyn StateStore, key: &RowKey) -> Result<Option<Stored<T>>, PortError> {
    store.get(key).await?.as_ref().map(Stored::parse).transpose()
}

/// The partition that holds everything of an org.
pub(crate) fn org_partition(org: &OrgCode) -> String {
    format!("ORG#{org}")
}

/// A key in an org's partition.
pub(crate) fn org_key(org: &OrgCode, sk: impl Into<String>) -> RowKey {
    RowKey { table: Table::Main, pk: org_partition(org), sk: sk.into() }
}
