//! A state store whose replies get lost.

use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use waybill_app::Context;
use waybill_domain::{CommitId, Timestamp};
use waybill_ports::{DueKind, DueRow, PortError, PortErrorKind, Row, RowKey, RowPage, RowRange, StateStore, Write};

/// The context in which the replies to the next `lost` commits are.
pub(crate) fn losing(context: Context, lost: u32) -> Context {
    let state = Arc::clone(&context.state);
    Context { state: Arc::new(Unanswered { state, left: AtomicU32::new(lost) }), ..context }
}

/// Makes commits that happen look as if they had not been answered, as many as it is told to.
struct Unanswered {
    state: Arc<dyn StateStore>,
    left: AtomicU32,
}

#[async_trait]
impl StateStore for Unanswered {
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
        self.state.commit(commit, writes).await?;
        let lost = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        if lost { Err(PortError::new(PortErrorKind::Unavailable, "committing")) } else { Ok(()) }
    }

    async fn due(&self, kind: DueKind, shard: u8, until: Timestamp, limit: usize) -> Result<Vec<DueRow>, PortError> {
        self.state.due(kind, shard, until, limit).await
    }
}
