//! State rows in one map: what an export's own bookkeeping needs while it is measured.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use waybill_domain::{CommitId, Timestamp};
use waybill_ports::{
    DueKind, DueRow, Expect, PortError, PortErrorKind, Row, RowKey, RowPage, RowRange, StateStore, Write,
};

/// Rows of one process, with conditional commits.
#[derive(Debug, Default)]
pub(super) struct MappedRows(Mutex<BTreeMap<RowKey, Row>>);

impl MappedRows {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<RowKey, Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn holds(rows: &BTreeMap<RowKey, Row>, write: &Write) -> bool {
    let version = rows.get(write.key()).map(|row| row.version);
    match write {
        Write::Put { expect: Expect::Absent, .. } | Write::Check { expect: Expect::Absent, .. } => version.is_none(),
        Write::Put { expect: Expect::Version(expected), .. }
        | Write::Check { expect: Expect::Version(expected), .. }
        | Write::Delete { version: expected, .. } => version == Some(*expected),
    }
}

#[async_trait]
impl StateStore for MappedRows {
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, PortError> {
        Ok(self.rows().get(key).cloned())
    }

    async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, PortError> {
        let rows = self.rows();
        Ok(keys.iter().map(|key| rows.get(key).cloned()).collect())
    }

    async fn query(&self, range: &RowRange) -> Result<RowPage, PortError> {
        let rows = self.rows();
        let inside = rows.values().filter(|row| {
            (row.key.table, &row.key.pk) == (range.table, &range.pk) && row.key.sk.starts_with(&range.prefix)
        });
        let mut found: Vec<Row> = inside.cloned().collect();
        if range.descending {
            found.reverse();
        }
        if let Some(after) = &range.after {
            found.retain(|row| if range.descending { row.key.sk < *after } else { row.key.sk > *after });
        }
        let more = found.len() > range.limit;
        found.truncate(range.limit);
        Ok(RowPage { rows: found, more })
    }

    async fn commit(&self, _: CommitId, writes: &[Write]) -> Result<(), PortError> {
        let mut rows = self.rows();
        if !writes.iter().all(|write| holds(&rows, write)) {
            return Err(PortError::new(PortErrorKind::Conflict, "committing"));
        }
        for write in writes {
            match write {
                Write::Put { row, .. } => drop(rows.insert(row.key.clone(), row.clone())),
                Write::Delete { key, .. } => drop(rows.remove(key)),
                Write::Check { .. } => {}
            }
        }
        Ok(())
    }

    async fn due(&self, _: DueKind, _: u8, _: Timestamp, _: usize) -> Result<Vec<DueRow>, PortError> {
        // Nobody sweeps here.
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_ports::Table;

    fn row(sk: &str, version: u128) -> Row {
        let key = RowKey { table: Table::Main, pk: "p".to_owned(), sk: sk.to_owned() };
        Row { key, version: CommitId(version), body: "{}".to_owned(), due: None, drop_after: None }
    }

    fn range(prefix: &str, descending: bool) -> RowRange {
        let (pk, prefix) = ("p".to_owned(), prefix.to_owned());
        RowRange { table: Table::Main, pk, prefix, after: None, descending, limit: 1 }
    }

    #[tokio::test]
    async fn a_commit_happens_whole_or_not_at_all() {
        let rows = MappedRows::default();
        let put = |sk, version, expect| Write::Put { row: row(sk, version), expect };
        rows.commit(CommitId(1), &[put("a1", 1, Expect::Absent), put("a2", 1, Expect::Absent)]).await.unwrap();
        let stale = [put("a3", 2, Expect::Absent), put("a1", 2, Expect::Version(CommitId(9)))];
        assert!(rows.commit(CommitId(2), &stale).await.unwrap_err().is_conflict());
        assert_eq!(rows.get(&row("a3", 0).key).await.unwrap(), None);
        let first = rows.query(&range("a", false)).await.unwrap();
        assert_eq!((first.rows[0].key.sk.as_str(), first.more), ("a1", true));
        let delete = Write::Delete { key: row("a2", 0).key, version: CommitId(1) };
        rows.commit(CommitId(3), &[delete]).await.unwrap();
        let last = rows.query(&range("a", true)).await.unwrap();
        assert_eq!((last.rows[0].key.sk.as_str(), last.more), ("a1", false));
    }
}
