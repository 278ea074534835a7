//! Rows in ordered maps.

use super::{conflict, rejected};
use crate::locked::Locked;
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use waybill_domain::{CommitId, Timestamp};
use waybill_ports::{DueKind, DueRow, Expect, PortError, Row, RowKey, RowPage, RowRange, StateStore, Table, Write};
use waybill_record::stored;

/// Most bytes of a row's body, compressed.
const MAX_ROW_BYTES: usize = 350 * 1024;
/// Most writes of a commit.
const MAX_WRITES: usize = 100;

/// A state store in memory. Commits happen at one instant; the due index is never stale.
#[derive(Debug, Default)]
pub struct MemoryStateStore(Locked<Tables>);

#[derive(Debug, Default)]
struct Tables {
    main: Partitions,
    audit: Partitions,
    scripts: Partitions,
    due: BTreeSet<(DueKind, u8, Timestamp, RowKey)>,
}

type Partitions = BTreeMap<String, BTreeMap<String, Row>>;

impl Tables {
    fn partitions(&self, table: Table) -> &Partitions {
        match table {
            Table::Main => &self.main,
            Table::Audit => &self.audit,
            Table::Scripts => &self.scripts,
        }
    }

    fn partitions_mut(&mut self, table: Table) -> &mut Partitions {
        match table {
            Table::Main => &mut self.main,
            Table::Audit => &mut self.audit,
            Table::Scripts => &mut self.scripts,
        }
    }

    fn row(&self, key: &RowKey) -> Option<&Row> {
        self.partitions(key.table).get(&key.pk)?.get(&key.sk)
    }

    fn remove(&mut self, key: &RowKey) {
        let removed = self.partitions_mut(key.table).get_mut(&key.pk).and_then(|rows| rows.remove(&key.sk));
        if let Some((kind, shard, at)) = removed.and_then(|row| row.due) {
            self.due.remove(&(kind, shard, at, key.clone()));
        }
    }

    fn put(&mut self, row: Row) {
        self.remove(&row.key);
        if let Some((kind, shard, at)) = row.due {
            self.due.insert((kind, shard, at, row.key.clone()));
        }
        let partition = self.partitions_mut(row.key.table).entry(row.key.pk.clone()).or_default();
        partition.insert(row.key.sk.clone(), row);
    }

    fn holds(&self, key: &RowKey, expect: Expect) -> bool {
        match (self.row(key), expect) {
            (None, Expect::Absent) => true,
            (Some(row), Expect::Version(version)) => row.version == version,
            (None, Expect::Version(_)) | (Some(_), Expect::Absent) => false,
        }
    }

    /// Whether `write` would be allowed now.
    fn allows(&self, write: &Write) -> bool {
        match write {
            Write::Put { row, expect } => self.holds(&row.key, *expect),
            Write::Delete { key, version } => self.holds(key, Expect::Version(*version)),
            Write::Check { key, expect } => self.holds(key, *expect),
        }
    }

    /// Whether `write` of `commit` has visibly happened.
    fn has_happened(&self, commit: CommitId, write: &Write) -> bool {
        match write {
            Write::Put { row, .. } => self.holds(&row.key, Expect::Version(commit)),
            Write::Delete { key, .. } => self.holds(key, Expect::Absent),
            Write::Check { .. } => true,
        }
    }
}

impl MemoryStateStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every row of a table, in the order of the keys.
    pub fn rows(&self, table: Table) -> Vec<Row> {
        self.0.with(|tables| tables.partitions(table).values().flat_map(|rows| rows.values().cloned()).collect())
    }

    /// Drops the rows whose time is over, as a store may do at any time after; tells how many.
    pub fn drop_expired(&self, now: Timestamp) -> usize {
        self.0.with(|tables| {
            let keys: Vec<RowKey> = [&tables.main, &tables.audit, &tables.scripts]
                .into_iter()
                .flat_map(|partitions| partitions.values().flat_map(BTreeMap::values))
                .filter(|row| row.drop_after.is_some_and(|after| after < now))
                .map(|row| row.key.clone())
                .collect();
            for key in &keys {
                tables.remove(key);
            }
            keys.len()
        })
    }

    /// Writes without looking: for tests that need a state no use case makes.
    pub fn overwrite(&self, row: Row) {
        self.0.with(|tables| tables.put(row));
    }

    /// Removes without looking.
    pub fn erase(&self, key: &RowKey) {
        self.0.with(|tables| tables.remove(key));
    }
}

#[async_trait]
impl StateStore for MemoryStateStore {
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, PortError> {
        Ok(self.0.with(|tables| tables.row(key).cloned()))
    }

    async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, PortError> {
        Ok(self.0.with(|tables| keys.iter().map(|key| tables.row(key).cloned()).collect()))
    }

    async fn query(&self, range: &RowRange) -> Result<RowPage, PortError> {
        Ok(self.0.with(|tables| {
            let Some(rows) = tables.partitions(range.table).get(&range.pk) else {
                return RowPage { rows: Vec::new(), more: false };
            };
            let inside = |(sk, _): &(&String, &Row)| sk.starts_with(&range.prefix);
            let limit = range.limit.max(1);
            let mut found: Vec<Row> = if range.descending {
                let end = range.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
                let beyond = rows.range::<String, _>((Bound::Unbounded, end)).rev();
                let beyond = beyond.skip_while(|(sk, _)| !sk.starts_with(&range.prefix) && **sk > range.prefix);
                beyond.take_while(inside).take(limit + 1).map(|(_, row)| row.clone()).collect()
            } else {
                let start = match &range.after {
                    Some(after) if *after >= range.prefix => Bound::Excluded(after),
                    _ => Bound::Included(&range.prefix),
                };
                let beyond = rows.range::<String, _>((start, Bound::Unbounded));
                beyond.take_while(inside).take(limit + 1).map(|(_, row)| row.clone()).collect()
            };
            let more = found.len() > limit;
            found.truncate(limit);
            RowPage { rows: found, more }
        }))
    }

    async fn commit(&self, commit: CommitId, writes: &[Write]) -> Result<(), PortError> {
        const DURING: &str = "committing";
        if writes.len() > MAX_WRITES {
            return Err(rejected("more than 100 writes", DURING));
        }
        for (index, write) in writes.iter().enumerate() {
            if writes[..index].iter().any(|earlier| earlier.key() == write.key()) {
                return Err(rejected("two writes of one row", DURING));
            }
            if let Write::Put { row, .. } = write
                && row.body.len() > MAX_ROW_BYTES
                && stored::encode(row.body.as_bytes()).len() > MAX_ROW_BYTES
            {
                return Err(rejected(PortError::ROW_TOO_LARGE, DURING));
            }
        }
        self.0.with(|tables| {
            if !writes.iter().all(|write| tables.allows(write)) {
                let puts = writes.iter().any(|write| matches!(write, Write::Put { .. }));
                let repeated = puts && writes.iter().all(|write| tables.has_happened(commit, write));
                return if repeated { Ok(()) } else { Err(conflict(DURING)) };
            }
            for write in writes {
                match write {
                    Write::Put { row, .. } => tables.put(row.clone()),
                    Write::Delete { key, .. } => tables.remove(key),
                    Write::Check { .. } => {}
                }
            }
            Ok(())
        })
    }

    async fn due(&self, kind: DueKind, shard: u8, until: Timestamp, limit: usize) -> Result<Vec<DueRow>, PortError> {
        let first = RowKey { table: Table::Main, pk: String::new(), sk: String::new() };
        Ok(self.0.with(|tables| {
            let from = (kind, shard, Timestamp::from_millis(i64::MIN), first);
            let rows = tables.due.range(from..);
            rows.take_while(|(k, s, at, _)| (*k, *s) == (kind, shard) && *at <= until)
                .take(limit)
                .map(|(_, _, at, key)| DueRow { key: key.clone(), due_at: *at })
                .collect()
        }))
    }
}
