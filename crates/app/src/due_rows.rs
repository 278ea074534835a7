//! Walking through what is due: shard by shard, org by org, the longest due first, until none is left or time is up.
//!
//! Each row is read again by whoever handles it, so that a doubled or late tick does nothing twice. The cost grows with what is
//! due.

use crate::Context;
use async_trait::async_trait;
use futures::stream::{StreamExt, iter};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use waybill_ports::{DUE_SHARDS, DueKind, DueRow, PortError, PortErrorKind, RowKey};

/// Rows taken from the index at a time.
const BATCH: usize = 100;
/// Rows of a shard that are passed over before a tick gives it up.
const MOST_PASSED: usize = 1000;
/// Shards, and orgs of one, that are handled side by side.
const SIDE_BY_SIDE: usize = 8;

/// What a walk came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Walked {
    /// Rows about which something was done.
    pub(crate) done: usize,
    /// Rows that failed and are tried again at the next tick.
    pub(crate) failed: usize,
}

impl Walked {
    fn add(&mut self, other: Self) {
        self.done += other.done;
        self.failed += other.failed;
    }
}

/// What is done about a row that is due.
#[async_trait]
pub(crate) trait DueWork: Sync {
    /// Handles one row; `false` when there was nothing to do about it: the index is late.
    async fn handle(&self, key: &RowKey) -> Result<bool, PortError>;
}

/// Has `work` look at every row of `kind` that is due, those of one org one after another. Failures of single rows are logged and
/// counted; one that may pass holds up what is behind it of its org, so that the order stays.
pub(crate) async fn walk_due(context: &Context, kind: DueKind, budget: Duration, work: &dyn DueWork) -> Walked {
    let walk = Walk { context, kind, deadline: context.clock.monotonic() + budget, work };
    let shards = iter(0..DUE_SHARDS).map(|shard| walk.shard(shard));
    let mut walked = Walked::default();
    for count in shards.buffer_unordered(SIDE_BY_SIDE).collect::<Vec<Walked>>().await {
        walked.add(count);
    }
    walked
}

struct Walk<'a> {
    context: &'a Context,
    kind: DueKind,
    deadline: Duration,
    work: &'a dyn DueWork,
}

/// What became of the rows of one org.
#[derive(Default)]
struct Round {
    walked: Walked,
    /// Those that are not to be looked at again at this tick.
    passed: Vec<RowKey>,
    /// The org's partition, when what is behind has to wait.
    held_up: Option<String>,
}

impl Walk<'_> {
    fn is_over(&self) -> bool {
        self.context.clock.monotonic() >= self.deadline
    }

    async fn shard(&self, shard: u8) -> Walked {
        let (context, mut walked) = (self.context, Walked::default());
        // What was handled leaves the index. What was not stays in it, before all others as the longest due, and is passed over.
        let mut passed: BTreeSet<RowKey> = BTreeSet::new();
        let mut held_up: BTreeSet<String> = BTreeSet::new();
        while passed.len() < MOST_PASSED && !self.is_over() {
            let asked = BATCH + passed.len();
            let due = match context.state.due(self.kind, shard, context.now(), asked).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::warn!(shard, kind = self.kind.as_str(), error = ?error, "index not read");
                    walked.failed += 1;
                    return walked;
                }
            };
            let last = due.len() < asked;
            let (due, behind): (Vec<DueRow>, Vec<DueRow>) = due
                .into_iter()
                .filter(|row| !passed.contains(&row.key))
                .partition(|row| !held_up.contains(&row.key.pk));
            passed.extend(behind.into_iter().map(|row| row.key));
            if due.is_empty() && last {
                break;
            }
            let round = iter(by_org(due)).map(|rows| self.org(rows)).buffer_unordered(SIDE_BY_SIDE);
            for org in round.collect::<Vec<Round>>().await {
                walked.add(org.walked);
                passed.extend(org.passed);
                held_up.extend(org.held_up);
            }
            if last {
                break;
            }
        }
        walked
    }

    async fn org(&self, rows: Vec<DueRow>) -> Round {
        let mut round = Round::default();
        for row in rows {
            if round.held_up.is_some() || self.is_over() {
                round.passed.push(row.key);
                continue;
            }
            match self.work.handle(&row.key).await {
                Ok(true) => round.walked.done += 1,
                // The index is late.
                Ok(false) => round.passed.push(row.key),
                Err(error) => {
                    tracing::warn!(key = %row.key, kind = self.kind.as_str(), error = ?error, "due row failed; again at the next tick");
                    round.walked.failed += 1;
                    // What cannot be read will not be read later either: it holds nobody up.
                    if !matches!(error.kind, PortErrorKind::Corrupt { .. }) {
                        round.held_up = Some(row.key.pk.clone());
                    }
                    round.passed.push(row.key);
                }
            }
        }
        round
    }
}

/// The rows of each org, the longest due first, of those that are due at once the first by key.
fn by_org(mut due: Vec<DueRow>) -> Vec<Vec<DueRow>> {
    due.sort_by(|a, b| (a.due_at, &a.key).cmp(&(b.due_at, &b.key)));
    let mut orgs: BTreeMap<String, Vec<DueRow>> = BTreeMap::new();
    for row in due {
        orgs.entry(row.key.pk.clone()).or_default().push(row);
    }
    orgs.into_values().collect()
}
