//! A state store before whose next commit somebody else is quicker.

use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use waybill_app::{Admitting, Context, admit_exports};
use waybill_domain::{CommitId, Timestamp};
use waybill_ports::{DueKind, DueRow, PortError, Row, RowKey, RowPage, RowRange, StateStore, Write};

/// The context in which the next commit is overtaken by a tick of the scheduler.
pub(crate) fn overtaking(context: Context, tick: Admitting) -> Context {
    let state = Arc::clone(&context.state);
    Context { state: Arc::new(Overtaken { state, tick, done: AtomicBool::new(false) }), ..context }
}

/// Has the tick come before the first commit.
struct Overtaken {
    state: Arc<dyn StateStore>,
    tick: Admitting,
    done: AtomicBool,
}

#[async_trait]
impl StateStore for Overtaken {
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, PortError> {
        self.state.get(key).await
    }

    async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, PortError> {
        self.state.get_many(keys).await
    }

    async fn query(&self, range: &RowRange) -> Result<RowPage, PortError> {
        self.state.query(range).await
    }

    async fn commit(&self, commit: CommitId, writes: &[Write]) -> Result<(), PortError> {
        if !self.done.swap(true, Ordering::Relaxed) {
            assert_eq!(admit_exports(&self.tick, Duration::from_hours(1)).await.exports, 1);
        }
        self.state.commit(commit, writes).await
    }

    async fn due(&self, kind: DueKind, shard: u8, until: Timestamp, limit: usize) -> Result<Vec<DueRow>, PortError> {
        self.state.due(kind, shard, until, limit).await
    }
}
