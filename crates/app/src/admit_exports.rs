//! Admission: every minute, scheduled exports whose time has come enter their org's lane, in the order of their times.
//!
//! Each row is read again before it is touched, and touched only as it was read, so that a doubled or late tick does nothing
//! twice. The cost grows with what is due.

use crate::Context;
use crate::make_export::{LOOK_AFTER, ring};
use crate::retry::Attempts;
use futures::stream::{StreamExt, iter};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{Export, QueueEntry};
use waybill_ports::{DUE_SHARDS, DueKind, DueRow, PortError, PortErrorKind, RowKey, Stored, WakeQueue};

/// Rows taken from the index at a time.
const BATCH: usize = 100;
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
    // Who entered leaves the index; so each round sees others, unless rows fail.
    while context.clock.monotonic() < deadline {
        let due = match context.state.due(DueKind::Admit, shard, context.now(), BATCH).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(shard, error = ?error, "index not read");
                admitted.failed += 1;
                return admitted;
            }
        };
        let found = due.len();
        let rounds = iter(by_org(due)).map(|rows| admit_org(admitting, rows, deadline)).buffer_unordered(SIDE_BY_SIDE);
        let mut round = Admitted::default();
        for count in rounds.collect::<Vec<Admitted>>().await {
            round.add(count);
        }
        admitted.add(round);
        // A full batch of which nothing entered is a stale index: the next tick sees more.
        if found < BATCH || round.failed > 0 || round.exports == 0 {
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

async fn admit_org(admitting: &Admitting, rows: Vec<DueRow>, deadline: Duration) -> Admitted {
    let mut admitted = Admitted::default();
    for row in rows {
        if admitting.context.clock.monotonic() >= deadline {
            break;
        }
        match admit(admitting, &row.key).await {
            Ok(true) => admitted.exports += 1,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(key = %row.key, error = ?error, "export not admitted; again at the next tick");
                admitted.failed += 1;
                // What cannot be read will not be read later either: it holds nobody up.
                if !matches!(error.kind, PortErrorKind::Corrupt { .. }) {
                    break;
                }
            }
        }
    }
    admitted
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
