//! The state store as a process reaches it: late, lost, throttled, refused, stale where it may be.

use super::history::{Actor, Role};
use super::mutant::Mutant;
use super::network::{Effect, Fate, Service, World};
use super::weaken::{weaken_commit, weaken_row};
use crate::memory::conflict;
use async_trait::async_trait;
use futures::FutureExt;
use std::sync::Arc;
use waybill_domain::{CommitId, Timestamp};
use waybill_ports::{Clock, DueKind, DueRow, PortError, Row, RowKey, RowPage, RowRange, StateStore, Write};

/// The state store of one process.
pub(super) struct FaultyState {
    pub(super) world: Arc<World>,
    pub(super) actor: Actor,
    pub(super) clock: Arc<dyn Clock>,
}

impl FaultyState {
    async fn read<T>(&self, read: impl FnOnce(&World) -> T + Send) -> Result<T, PortError> {
        let fate = self.world.travel(self.actor, Service::State, Effect::None).await?;
        let found = read(&self.world);
        self.world.reply(fate, Ok(found)).await
    }
}

/// What the store gives, which is there at once.
fn at_once<T>(call: impl Future<Output = Result<T, PortError>>) -> Result<T, PortError> {
    call.now_or_never().unwrap_or_else(|| Err(conflict("a store in memory waited")))
}

/// Carries a commit out and tells the oracle.
fn apply(
    world: &World,
    actor: Actor,
    asked_at: Timestamp,
    commit: CommitId,
    writes: &[Write],
) -> Result<(), PortError> {
    let weakened = weaken_commit(world, writes);
    let writes = weakened.as_deref().unwrap_or(writes);
    if writes.is_empty() {
        return Ok(());
    }
    let repeated = world.oracle.with(|oracle| oracle.has_seen(commit));
    let result = at_once(world.state.commit(commit, writes));
    if result.is_ok() && !repeated {
        world.note(|| {
            let keys: Vec<String> = writes.iter().map(describe).collect();
            format!("#{} {:?} commits {}", actor.number, actor.role, keys.join(", "))
        });
        let ready = world.oracle.with(|oracle| oracle.committed(actor, asked_at, commit, writes));
        for export in ready {
            super::archives::check(world, &export);
        }
    } else if let Err(error) = &result {
        world.note(|| format!("#{} {:?} is refused a commit: {error}", actor.number, actor.role));
    }
    result
}

fn describe(write: &Write) -> String {
    match write {
        Write::Put { row, .. } => {
            let body: String = row.body.chars().take(700).collect();
            format!("{}={body}", row.key.sk)
        }
        Write::Delete { key, .. } => format!("-{}", key.sk),
        Write::Check { key, .. } => format!("?{}", key.sk),
    }
}

#[async_trait]
impl StateStore for FaultyState {
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, PortError> {
        let row = self.read(|world| at_once(world.state.get(key))).await??;
        Ok(row.map(|row| weaken_row(&self.world, row)))
    }

    async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, PortError> {
        self.read(|world| at_once(world.state.get_many(keys))).await?
    }

    async fn query(&self, range: &RowRange) -> Result<RowPage, PortError> {
        let (world, of_lane) = (&self.world, range.prefix == "QUEUE#");
        let of_worker = of_lane && self.actor.role == Role::Worker;
        let stale = world.is(Mutant::StaleHead) && of_lane && world.fault(500);
        let unhelpful = world.is(Mutant::NoHelping) && of_worker;
        let limit = if unhelpful { 1000 } else { range.limit + usize::from(stale) };
        let range = RowRange { limit, ..range.clone() };
        let mut page = self.read(|world| at_once(world.state.query(&range))).await??;
        if stale && page.rows.len() > 1 {
            page.rows.remove(0);
        }
        if unhelpful && let Some(own) = world.serving.with(|serving| serving.get(&self.actor.number).copied()) {
            let place = page.rows.iter().position(|row| row.body.contains(&own.to_string())).unwrap_or(0);
            page.rows.drain(..place);
            page.rows.truncate(1);
        }
        if of_worker && world.fault(world.profile.stall_at_head) {
            // Between the look at the head and its stamp a worker may stand still for longer than its lease.
            world.stall(world.millis(60_000, 400_000));
            world.pause().await;
        }
        Ok(page)
    }

    async fn commit(&self, commit: CommitId, writes: &[Write]) -> Result<(), PortError> {
        let asked_at = self.clock.now();
        let (world, actor) = (&self.world, self.actor);
        let fate = world.travel(actor, Service::State, Effect::NowOrLater).await?;
        if fate == Fate::Answered && world.fault(world.profile.conflict) {
            world.note(|| format!("#{} meets contention", actor.number));
            return Err(conflict("contention"));
        }
        if let Fate::Late(late) = fate {
            let (world, writes) = (Arc::clone(world), writes.to_vec());
            self.world.spawn(Box::pin(async move {
                world.sleep(late).await;
                // Nobody waits for the answer any more.
                drop(apply(&world, actor, asked_at, commit, &writes));
            }));
            return Err(self.world.no_answer().await);
        }
        let mut result = apply(world, actor, asked_at, commit, writes);
        if result.is_ok() && world.fault(100) {
            // The service's client sends a call again whose answer it missed.
            result = apply(world, actor, asked_at, commit, writes);
        }
        world.reply(fate, result).await
    }

    async fn due(&self, kind: DueKind, shard: u8, until: Timestamp, limit: usize) -> Result<Vec<DueRow>, PortError> {
        // The scheduler, which asks for what is to be admitted, is another function.
        if self.world.is(Mutant::NoSweeper) && kind != DueKind::Admit {
            return Ok(Vec::new());
        }
        let found = at_once(self.world.state.due(kind, shard, until, limit))?;
        if found.is_empty() && !self.world.stale_due.with(|before| before.contains_key(&(kind, shard))) {
            // Most shards never have anything: no call is worth simulating.
            return Ok(found);
        }
        let stale = self.world.fault(self.world.profile.stale_index);
        let shown = self.world.stale_due.with(|before| {
            let before = before.entry((kind, shard)).or_default();
            if stale {
                before.clone()
            } else {
                before.clone_from(&found);
                found
            }
        });
        if shown.is_empty() {
            return Ok(shown);
        }
        self.read(|_| shown).await
    }
}

/// The state store without anything in between.
pub(super) struct Direct(pub(super) Arc<World>);

#[async_trait]
impl StateStore for Direct {
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, PortError> {
        self.0.state.get(key).await
    }

    async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, PortError> {
        self.0.state.get_many(keys).await
    }

    async fn query(&self, range: &RowRange) -> Result<RowPage, PortError> {
        self.0.state.query(range).await
    }

    async fn commit(&self, commit: CommitId, writes: &[Write]) -> Result<(), PortError> {
        self.0.state.commit(commit, writes).await
    }

    async fn due(&self, kind: DueKind, shard: u8, until: Timestamp, limit: usize) -> Result<Vec<DueRow>, PortError> {
        self.0.state.due(kind, shard, until, limit).await
    }
}
