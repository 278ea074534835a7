//! Admission: every minute, scheduled exports whose time has come enter their org's lane, in the order of their times.
//!
//! Each row is read again before it is touched, and touched only as it was read, so that a doubled or late tick does nothing
//! twice. The cost grows with what is due.

use crate::Context;
use crate::make_export::{LOOK_AFTER, ring};
use crate::retry::Attempts;
use futures::stream::{StreamExt, iter};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{Export, QueueEntry};
use waybill_ports::{DUE_SHARDS, DueKind, DueRow, PortError, PortErrorKind, RowKey, Stored, WakeQueue};

/// Rows taken from the index at a time.
const BATCH: usize = 100;
/// Rows of a shard that are passed over before a tick gives it up.
const MOST_PASSED: usize = 1000;
/// Shards, and orgs of one, that are handled side by side.
const SIDE_BY_SIDE: usize = 8;

/// The ports that admission needs.
#[derive(Clone)]
pub struct Admitting {
    /// State, time and randomness.
    pub context: Context,
    /// Where wake-ups are sent.
    pub wake: Arc<dyn WakeQueue>,
}

/// What a tick did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Exports that entered their lane.
    pub exports: usize,
    /// Rows that failed and are tried again at the next tick.
    pub failed: usize,
}

impl Admitted {
    fn add(&mut self, other: Self) {
        self.exports += other.exports;
        self.failed += other.failed;
    }
}

/// Lets every export whose time has come into its lane, behind what is there, until none is left or `budget` is over; the next
/// tick goes on. Exports of one org enter one after another, the longest due first. Failures of single rows are logged and
/// counted; one that may pass holds up what is behind it of its org, so that the order stays.
pub async fn admit_exports(admitting: &Admitting, budget: Duration) -> Admitted {
    let deadline = admitting.context.clock.monotonic() + budget;
    let shards = iter(0..DUE_SHARDS).map(|shard| admit_shard(admitting, shard, deadline));
    let mut admitted = Admitted::default();
    for count in shards.buffer_unordered(SIDE_BY_SIDE).collect::<Vec<Admitted>>().await {
        admitted.add(count);
    }
    admitted
}

async fn admit_shard(admitting: &Admitting, shard: u8, deadline: Duration) -> Admitted {
    let (context, mut admitted) = (&admitting.context, Admitted::default());
    // Who entered leaves the index. Who did not stays in it, before all others as the longest due, and is passed over.
    let mut passed: BTreeSet<RowKey> = BTreeSet::new();
    let mut held_up: BTreeSet<String> = BTreeSet::new();
    while passed.len() < MOST_PASSED && context.clock.monotonic() < deadline {
        let asked = BATCH + passed.len();
        let due = match context.state.due(DueKind::Admit, shard, context.now(), asked).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(shard, error = ?error, "index not read");
                admitted.failed += 1;
                return admitted;
            }
        };
        let last = due.len() < asked;
        let (due, behind): (Vec<DueRow>, Vec<DueRow>) =
            due.into_iter().filter(|row| !passed.contains(&row.key)).partition(|row| !held_up.contains(&row.key.pk));
        passed.extend(behind.into_iter().map(|row| row.key));
        if due.is_empty() && last {
            break;
        }
        let round = iter(by_org(due)).map(|rows| admit_org(admitting, rows, deadline)).buffer_unordered(SIDE_BY_SIDE);
        for org in round.collect::<Vec<Round>>().await {
            admitted.add(org.admitted);
            passed.extend(org.passed);
            held_up.extend(org.held_up);
        }
        if last {
            break;
        }
    }
    admitted
}

/// The rows of each org, the longest due first, of those that are due at once the first created.
fn by_org(mut due: Vec<DueRow>) -> Vec<Vec<DueRow>> {
    due.sort_by(|a, b| (a.due_at, &a.key).cmp(&(b.due_at, &b.key)));
    let mut orgs: BTreeMap<String, Vec<DueRow>> = BTreeMap::new();
    for row in due {
        orgs.entry(row.key.pk.clone()).or_default().push(row);
    }
    orgs.into_values().collect()
}

/// What became of the rows of one org.
#[derive(Default)]
struct Round {
    admitted: Admitted,
    /// Those that are not to be looked at again at this tick.
    passed: Vec<RowKey>,
    /// The org's partition, when what is behind has to wait.
    held_up: Option<String>,
}

async fn admit_org(admitting: &Admitting, rows: Vec<DueRow>, deadline: Duration) -> Round {
    let mut round = Round::default();
    for row in rows {
        if round.held_up.is_some() || admitting.context.clock.monotonic() >= deadline {
            round.passed.push(row.key);
            continue;
        }
        // Boxed, because a stream of futures sets the size of one aside before there is any.
        match Box::pin(admit(admitting, &row.key)).await {
            Ok(true) => round.admitted.exports += 1,
            // The index is late.
            Ok(false) => round.passed.push(row.key),
            Err(error) => {
                tracing::warn!(key = %row.key, error = ?error, "export not admitted; again at the next tick");
                round.admitted.failed += 1;
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

/// Lets one export in and rings for it; `false` when it is not due any more: admitted by another tick, ended, or gone.
async fn admit(admitting: &Admitting, key: &RowKey) -> Result<bool, PortError> {
    let context = &admitting.context;
    let mut attempts = Attempts::new(context);
    let mut tried = false;
    loop {
        let Some(row) = context.state.get(key).await? else { return Ok(false) };
        let stored: Stored<Export> = Stored::parse(&row)?;
        if stored.value.admission_at().is_none_or(|at| at > context.now()) {
            // By an attempt of this very call, perhaps, whose reply was lost: ringing twice does no harm.
            if tried && stored.value.ticket().is_some() {
                ring(&*admitting.wake, &stored.value).await;
            }
            return Ok(false);
        }
        match enter(context, stored).await {
            Ok(export) => {
                tracing::info!(org = %export.org, export = %export.id, "scheduled export admitted");
                ring(&*admitting.wake, &export).await;
                return Ok(true);
            }
            Err(error) => attempts.after(error).await?,
        }
        tried = true;
    }
}

/// One attempt: export, counter and place in the lane, in one transaction.
async fn enter(context: &Context, stored: Stored<Export>) -> Result<Export, PortError> {
    let (org, seq, id) = (stored.value.org.clone(), stored.value.seq, stored.value.id);
    let Some(sequence) = context.rows().sequence(&org).await? else {
        let field = "the counter of an org with exports is missing".to_owned();
        let kind = PortErrorKind::Corrupt { table: "Main".to_owned(), key: org.to_string(), field };
        return Err(PortError::new(kind, "admitting an export"));
    };
    let (ticket, counter) = sequence.value.take_ticket(context.now().after(LOOK_AFTER));
    let moved_on = |_| PortError::new(PortErrorKind::Conflict, "admitting an export");
    let export = stored.value.admit(ticket).map_err(moved_on)?;
    let mut transaction = context.transaction();
    transaction.update(sequence.version, &counter)?.update(stored.version, &export)?.insert(&QueueEntry {
        org,
        ticket,
        seq,
        export: id,
    })?;
    transaction.commit(&*context.state).await?;
    Ok(export)
}
