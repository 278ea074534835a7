//! The sweeper: every minute, what is due is done, whatever was lost on the way.
//!
//! Lanes that are not empty are rung for again, ended exports lose what they left behind, expired ones go, dead letters are
//! looked into. Each row is read again before it is touched, and touched only as it was read, so that a doubled or late tick
//! does nothing twice. The cost grows with what is due.

use crate::Context;
use crate::advance_lane::{archive_prefix, work_prefix};
use crate::end_export::stop_asked_at;
use crate::look_at_file::look_at_file;
use crate::look_at_script::look_at_script;
use crate::make_export::ring_to_stop;
use crate::read_export::stored_export;
use crate::recount_usage::recount_usage;
use crate::retry::Attempts;
use crate::run_errand::look_at_errand;
use futures::future::{Either, ready, select};
use futures::stream::{StreamExt, iter};
use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{Export, ExportId, OrgCode, Sequence, Shipment, Timestamp, Told, Usage};
use waybill_ports::{
    ArchiveStore, DUE_SHARDS, DeadLetter, DeliveryQueue, DueKind, DueRow, PortError, RowKey, ScriptQueue, Stored,
    WakeMessage, WakeQueue,
};

/// How long a lane is left alone after it was looked at.
const LOOK_AGAIN: Duration = Duration::from_mins(1);
/// Rows taken from the index at a time.
const BATCH: usize = 100;
/// Rows of a shard that are passed over before a sweep leaves it.
const MOST_PASSED: usize = 1000;
/// Shards, and rows of one, that are handled side by side.
const SIDE_BY_SIDE: usize = 8;

/// The ports that the sweeper needs.
#[derive(Clone)]
pub struct Sweeping {
    /// State, time and randomness.
    pub context: Context,
    /// Where archives are.
    pub archives: Arc<dyn ArchiveStore>,
    /// Where wake-ups are sent.
    pub wake: Arc<dyn WakeQueue>,
    /// Where scripts are rung for.
    pub scripts: Arc<dyn ScriptQueue>,
    /// Where deliveries are rung for.
    pub deliveries: Arc<dyn DeliveryQueue>,
    /// How long a lane is left alone after it was looked at; a minute in production.
    pub look_again: Duration,
    /// How long before it is due a lane is looked at: not at all in production. An embedded stack, whose queue forgets
    /// all messages with its process, looks a minute ahead, so that no export waits that long after a restart.
    pub look_ahead: Duration,
}

impl Sweeping {
    /// With the production's lengths.
    pub fn new(
        context: Context,
        archives: Arc<dyn ArchiveStore>,
        wake: Arc<dyn WakeQueue>,
        scripts: Arc<dyn ScriptQueue>,
        deliveries: Arc<dyn DeliveryQueue>,
    ) -> Self {
        Self { context, archives, wake, scripts, deliveries, look_again: LOOK_AGAIN, look_ahead: Duration::ZERO }
    }
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Lanes that were due and looked at.
    pub lanes: usize,
    /// Exports whose leftovers were removed.
    pub cleaned: usize,
    /// Exports that expired.
    pub expired: usize,
    /// Files looked at or removed.
    pub files: usize,
    /// Orgs whose storage was recounted, or went on to be.
    pub recounted: usize,
    /// Scripts that were due and looked at.
    pub scripts: usize,
    /// Deliveries that were due and looked at.
    pub deliveries: usize,
    /// Signals that were due and looked at.
    pub signals: usize,
    /// Dead letters dealt with.
    pub dead_letters: usize,
    /// Rows that failed and are tried again at the next tick.
    pub failed: usize,
}

/// Does what is due, until nothing is or `budget` is over; the next sweep goes on. Failures of single rows are logged and counted.
pub async fn sweep(sweeping: &Sweeping, budget: Duration) -> Swept {
    let deadline = sweeping.context.clock.monotonic() + budget;
    let mut swept = Swept::default();
    // First, as they are few: however much else is due, they are looked into.
    (swept.dead_letters, swept.failed) = sweep_dead_letters(sweeping).await;
    let kinds = [
        DueKind::Lane,
        DueKind::Expiry,
        DueKind::Cleanup,
        DueKind::File,
        DueKind::Usage,
        DueKind::Script,
        DueKind::Delivery,
        DueKind::Signal,
    ];
    for kind in kinds {
        let shards = iter(0..DUE_SHARDS).map(|shard| sweep_shard(sweeping, kind, shard, deadline));
        let counts: Vec<(usize, usize)> = shards.buffer_unordered(SIDE_BY_SIDE).collect().await;
        let done: usize = counts.iter().map(|(done, _)| done).sum();
        swept.failed += counts.iter().map(|(_, failed)| failed).sum::<usize>();
        match kind {
            DueKind::Lane => swept.lanes += done,
            DueKind::Cleanup => swept.cleaned += done,
            DueKind::Expiry => swept.expired += done,
            DueKind::File => swept.files += done,
            DueKind::Usage => swept.recounted += done,
            DueKind::Script => swept.scripts += done,
            DueKind::Delivery => swept.deliveries += done,
            DueKind::Signal => swept.signals += done,
            // The scheduler's.
            DueKind::Admit | DueKind::Job => {}
        }
    }
    swept
}

/// How many rows of a shard were done, and how many failed.
async fn sweep_shard(sweeping: &Sweeping, kind: DueKind, shard: u8, deadline: Duration) -> (usize, usize) {
    let (context, mut done, mut failed) = (&sweeping.context, 0, 0);
    // Rows that are not due any more once they are done leave the index. Those that fail, or that it shows late, stay in it, before all
    // others as the longest due: they are passed over, so that they hide nothing behind them.
    let mut passed: BTreeSet<RowKey> = BTreeSet::new();
    while passed.len() < MOST_PASSED {
        let left = deadline.saturating_sub(context.clock.monotonic());
        if left.is_zero() {
            break;
        }
        let horizon = if kind == DueKind::Lane { context.now().after(sweeping.look_ahead) } else { context.now() };
        let asked = BATCH + passed.len();
        let mut due = match context.state.due(kind, shard, horizon, asked).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(?kind, shard, error = ?error, "index not read");
                return (done, failed + 1);
            }
        };
        let last = due.len() < asked;
        due.retain(|row| !passed.contains(&row.key));
        if due.is_empty() {
            break;
        }
        // Rows go in by value: with borrowed ones the compiler cannot tell that the future may change threads.
        let round = iter(due).map(|row| sweep_row(sweeping, kind, row)).buffer_unordered(SIDE_BY_SIDE);
        let round = round.for_each(|(key, outcome)| {
            match outcome {
                RowSwept::Done => done += 1,
                RowSwept::NotDue => drop(passed.insert(key)),
                RowSwept::Failed => {
                    failed += 1;
                    passed.insert(key);
                }
            }
            ready(())
        });
        // A row that hangs does not cost the sweep its end: what is dropped here is due at the next tick.
        if let Either::Right(_) = select(pin!(round), pin!(context.clock.sleep(left))).await {
            break;
        }
        if last {
            break;
        }
    }
    (done, failed)
}

/// What became of a row.
enum RowSwept {
    /// What it was due for is done.
    Done,
    /// It was not due any more, or somebody else has moved it on.
    NotDue,
    /// Again at the next tick.
    Failed,
}

/// Does what a row is due for.
async fn sweep_row(sweeping: &Sweeping, kind: DueKind, row: DueRow) -> (RowKey, RowSwept) {
    // Boxed, because a stream of futures sets the size of one aside before there is any.
    let swept = match Box::pin(handle_row(sweeping, kind, &row.key)).await {
        Ok(true) => RowSwept::Done,
        Ok(false) => RowSwept::NotDue,
        Err(error) if error.is_conflict() => RowSwept::NotDue,
        Err(error) => {
            tracing::warn!(?kind, key = %row.key, error = ?error, "row not done; again at the next tick");
            RowSwept::Failed
        }
    };
    (row.key, swept)
}

/// Whether the row was due and is done.
async fn handle_row(sweeping: &Sweeping, kind: DueKind, key: &RowKey) -> Result<bool, PortError> {
    let Some(stored) = sweeping.context.state.get(key).await? else { return Ok(false) };
    match kind {
        DueKind::Lane => look_at_lane(sweeping, Stored::parse(&stored)?).await,
        DueKind::Cleanup | DueKind::Expiry => tidy(sweeping, Stored::parse(&stored)?).await,
        DueKind::File => {
            look_at_file(&sweeping.context, &*sweeping.archives, Stored::parse(&stored)?).await.map(|()| true)
        }
        DueKind::Usage => recount_usage(&sweeping.context, Stored::parse(&stored)?).await,
        DueKind::Script => look_at_script(sweeping, Stored::parse(&stored)?).await,
        DueKind::Delivery => look_at_errand::<Shipment>(sweeping, Stored::parse(&stored)?).await,
        DueKind::Signal => look_at_errand::<Told>(sweeping, Stored::parse(&stored)?).await,
        DueKind::Admit | DueKind::Job => Ok(false),
    }
}

fn is_due(due_at: Option<Timestamp>, now: Timestamp) -> bool {
    due_at.is_some_and(|due_at| due_at <= now)
}

async fn look_at_lane(sweeping: &Sweeping, sequence: Stored<Sequence>) -> Result<bool, PortError> {
    let (context, org, now) = (&sweeping.context, sequence.value.org.clone(), sweeping.context.now());
    if !is_due(sequence.value.due_at, now.after(sweeping.look_ahead)) {
        return Ok(false);
    }
    let head = context.rows().queue_head(&org).await?;
    let due_at = match &head {
        None => None,
        Some(head) => {
            let lane = context.rows().lane(&org).await?;
            let to_stop = stop_asked_at(context.rows(), &head.value).await?.is_some();
            if to_stop {
                ring_to_stop(&*sweeping.wake, &org, head.value.export).await;
            } else if !lane.as_ref().is_some_and(|lane| lane.value.is_held(now)) {
                ring_again(sweeping, &org, head.value.export, now).await?;
            }
            let pause = lane.and_then(|lane| lane.value.not_before).filter(|_| !to_stop);
            // Beyond the horizon, so that a round does not find it again.
            Some(now.after(sweeping.look_ahead + sweeping.look_again).max(pause.unwrap_or(now)))
        }
    };
    let looked = Sequence { due_at, ..sequence.value.clone() };
    context.transaction().update(sequence.version, &looked)?.commit(&*context.state).await?;
    Ok(true)
}

/// Rings past the queue's deduplication and past a group that is stuck.
async fn ring_again(sweeping: &Sweeping, org: &OrgCode, id: ExportId, now: Timestamp) -> Result<(), PortError> {
    let message = WakeMessage::ExportV1 { org: org.clone(), export: id };
    let period = i64::try_from(sweeping.look_again.as_millis()).unwrap_or(i64::MAX).max(1);
    let deduplication = format!("{id}.{}", now.as_millis() / period);
    tracing::info!(%org, export = %id, "lane rung again");
    sweeping.wake.ring(&message, &format!("{org}~"), &deduplication).await
}

/// Expires an export, or removes what an ended one left: its row is due for whichever comes first, and may be for both by now.
async fn tidy(sweeping: &Sweeping, stored: Stored<Export>) -> Result<bool, PortError> {
    if has_expired(&stored.value, sweeping.context.now()) {
        expire(sweeping, stored).await
    } else {
        clean_up(sweeping, stored).await
    }
}

/// Expires an export. Those of one org meet at its usage: who comes second reads again, so that all of them go at one tick.
async fn expire(sweeping: &Sweeping, mut stored: Stored<Export>) -> Result<bool, PortError> {
    let context = &sweeping.context;
    let mut attempts = Attempts::new(context);
    loop {
        if !has_expired(&stored.value, context.now()) {
            return Ok(false);
        }
        let (org, seq, now) = (stored.value.org.clone(), stored.value.seq, context.now());
        match remove(context, stored, now).await {
            Ok(gone) => return clean_up(sweeping, gone).await.map(|_| true),
            Err(error) => attempts.after(error).await?,
        }
        match context.rows().export(&org, seq).await? {
            Some(read) => stored = read,
            None => return Ok(false),
        }
    }
}

fn has_expired(export: &Export, now: Timestamp) -> bool {
    export.is_terminal() && !export.deleted && export.expires_at <= now
}

/// Marks an ended export as gone and releases its storage, in one transaction.
async fn remove(context: &Context, stored: Stored<Export>, now: Timestamp) -> Result<Stored<Export>, PortError> {
    let Ok((gone, released)) = stored.value.clone().delete(now) else { return Ok(stored) };
    let mut transaction = context.transaction();
    transaction.update(stored.version, &gone)?;
    if released > 0
        && let Some(usage) = context.rows().usage(&gone.org).await?
    {
        let released: Usage = usage.value.release(released, now);
        transaction.update(usage.version, &released)?;
    }
    let version = transaction.commit(&*context.state).await?;
    Ok(Stored { value: gone, version })
}

/// Removes what an ended export left. Objects that cannot be removed are tried again later and later, and keep neither its expiry nor
/// other exports from their turn.
async fn clean_up(sweeping: &Sweeping, stored: Stored<Export>) -> Result<bool, PortError> {
    let (context, now) = (&sweeping.context, sweeping.context.now());
    if !stored.value.is_terminal() || !is_due(stored.value.cleanup_at, now) {
        return Ok(false);
    }
    if let Err(error) = remove_objects(sweeping, &stored.value).await {
        let put_off = stored.value.clone().cleanup_failed(now);
        context.transaction().update(stored.version, &put_off)?.commit(&*context.state).await?;
        return Err(error);
    }
    let mut transaction = context.transaction();
    let export = &stored.value;
    if export.deleted {
        transaction.delete(&stored);
        if let Some(spec) = context.rows().spec(&export.org, export.seq).await? {
            transaction.delete(&spec);
        }
        if let Some(pointer) = context.rows().export_pointer(&export.org, export.id).await? {
            transaction.delete(&pointer);
        }
        if let Some(alias) = &export.alias
            && let Some(pointer) = context.rows().export_alias(&export.org, alias).await?
            && pointer.value.seq == export.seq
        {
            transaction.delete(&pointer);
        }
    } else {
        transaction.update(stored.version, &export.clone().cleaned())?;
    }
    transaction.commit(&*context.state).await?;
    Ok(true)
}

/// Removes the objects that an ended export left: its work, archives that never became its own, and everything when it is deleted.
async fn remove_objects(sweeping: &Sweeping, export: &Export) -> Result<(), PortError> {
    let archive = export.archive().filter(|_| !export.deleted);
    let kept = [archive.map(|archive| &archive.key), archive.and_then(|archive| Some(&archive.packaged.as_ref()?.key))];
    for prefix in [work_prefix(&export.org, export.id), archive_prefix(&export.org, export.id)] {
        loop {
            let mut keys = sweeping.archives.list(&prefix).await?;
            keys.retain(|key| !kept.contains(&Some(key)));
            if keys.is_empty() {
                break;
            }
            sweeping.archives.delete(&keys).await?;
        }
    }
    Ok(())
}

/// How many dead letters were dealt with, and how many failed; those come again.
async fn sweep_dead_letters(sweeping: &Sweeping) -> (usize, usize) {
    let letters = match sweeping.wake.dead_letters().await {
        Ok(letters) => letters,
        Err(error) => {
            tracing::warn!(error = ?error, "dead letters not read");
            return (0, 1);
        }
    };
    let (mut done, mut failed) = (0, 0);
    for letter in letters {
        match bury(sweeping, &letter).await {
            Ok(()) => done += 1,
            Err(error) => {
                tracing::warn!(error = ?error, "dead letter not dealt with; again at a later tick");
                failed += 1;
            }
        }
    }
    (done, failed)
}

async fn bury(sweeping: &Sweeping, letter: &DeadLetter) -> Result<(), PortError> {
    look_into(sweeping, letter).await?;
    sweeping.wake.bury(&letter.receipt).await
}

/// A message that was handled a thousand times: its export, if it has not ended, is rung for anew. Whether it fails is decided by its attempts,
/// not by how often the queue gave a message out.
async fn look_into(sweeping: &Sweeping, letter: &DeadLetter) -> Result<(), PortError> {
    let Ok(WakeMessage::ExportV1 { org, export }) = serde_json::from_str(&letter.body) else {
        tracing::error!(bytes = letter.body.len(), "a dead letter is no wake-up of ours");
        return Ok(());
    };
    tracing::error!(%org, %export, "a wake-up was handled too often");
    match stored_export(&sweeping.context, &org, export).await? {
        Some(stored) if stored.value.ticket().is_some() => {
            ring_again(sweeping, &org, export, sweeping.context.now()).await
        }
        _ => Ok(()),
    }
}
