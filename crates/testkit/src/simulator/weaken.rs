//! How mutants change rows and commits on their way.

use super::mutant::Mutant;
use super::network::World;
use futures::FutureExt;
use std::time::Duration;
use waybill_domain::{Delivery, Epoch, Export, ExportSpec, Lane, Run, RunStatus, Sequence, Timestamp};
use waybill_ports::{Entity, Expect, Row, RowKey, StateStore, Write};

/// What a key says that its row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sequence,
    Lane,
    Queue,
    Export,
    Usage,
    Idempotency,
    Job,
    Slot,
    Run,
    Script,
    Log,
    Delivery,
    Spec,
    Other,
}

pub(super) fn kind_of(key: &RowKey) -> Kind {
    match key.sk.split_once('#').map_or(key.sk.as_str(), |(kind, _)| kind) {
        "SEQ" => Kind::Sequence,
        "LANE" => Kind::Lane,
        "QUEUE" => Kind::Queue,
        "EXPORT" => Kind::Export,
        "USAGE" => Kind::Usage,
        "IDEMPOTENCY" => Kind::Idempotency,
        "JOB" => Kind::Job,
        "SLOT" => Kind::Slot,
        "RUN" => Kind::Run,
        "SCRIPT" => Kind::Script,
        "LOG" => Kind::Log,
        "DELIVERY" => Kind::Delivery,
        "SPEC" => Kind::Spec,
        _ => Kind::Other,
    }
}

/// A row as a mutant shows it.
pub(super) fn weaken_row(world: &World, row: Row) -> Row {
    match (world.mutant, kind_of(&row.key)) {
        (Some(Mutant::NoLease), Kind::Lane) => changed(row, |lane: &mut Lane| lane.lease = None),
        (Some(Mutant::ImpatientStop), Kind::Lane) => changed(row, |lane: &mut Lane| {
            if let Some(lease) = &mut lane.lease {
                lease.taken_at = Timestamp::from_millis(0);
            }
        }),
        (Some(Mutant::ImpatientStop), Kind::Export) => changed(row, |export: &mut Export| {
            export.stop_asked_at = export.stop_asked_at.map(|_| Timestamp::from_millis(0));
        }),
        _ => row,
    }
}

/// A commit as a mutant carries it out; `None` when it does not change it.
pub(super) fn weaken_commit(world: &World, writes: &[Write]) -> Option<Vec<Write>> {
    let mutant = world.mutant?;
    let several = writes.len() > 1;
    let mut weakened = writes.to_vec();
    match mutant {
        Mutant::LaneUnversioned => free(world, &mut weakened, |kind, _| kind == Kind::Lane),
        Mutant::StampWithoutLane if several => free(world, &mut weakened, |kind, _| kind == Kind::Lane),
        Mutant::NoFencing => free(world, &mut weakened, |kind, row| kind == Kind::Export && !is_terminal(world, row)),
        Mutant::ReleaseTwice => free(world, &mut weakened, |kind, row| kind == Kind::Export && is_terminal(world, row)),
        Mutant::UsageUnversioned => free(world, &mut weakened, |kind, _| kind == Kind::Usage),
        Mutant::SequenceUnversioned => free(world, &mut weakened, |kind, _| kind == Kind::Sequence),
        Mutant::OneEpoch => rewrite(&mut weakened, Kind::Lane, |lane: &mut Lane| lane.epoch = Epoch(1)),
        Mutant::PutThenRing => rewrite(&mut weakened, Kind::Sequence, |counter: &mut Sequence| counter.due_at = None),
        Mutant::NoAttempts => rewrite(&mut weakened, Kind::Export, |export: &mut Export| export.attempts = 0),
        Mutant::AttemptKept => rewrite(&mut weakened, Kind::Export, |export: &mut Export| {
            let key = export.key();
            let now = current(world, &key).and_then(|row| serde_json::from_str::<Export>(&row.body).ok());
            if let Some(now) = now.filter(|now| now.checkpoint == export.checkpoint) {
                export.attempts = export.attempts.max(now.attempts);
            }
        }),
        Mutant::StopForgotten => rewrite(&mut weakened, Kind::Export, |export: &mut Export| export.stop = None),
        Mutant::DeleteForgotten => rewrite(&mut weakened, Kind::Export, |export: &mut Export| export.deleted = false),
        Mutant::LongerLife => rewrite(&mut weakened, Kind::Export, |export: &mut Export| {
            export.expires_at = export.expires_at.after(Duration::from_hours(u64::from(export.is_terminal())));
        }),
        Mutant::NoIdempotency => weakened.retain(|write| kind_of(write.key()) != Kind::Idempotency),
        Mutant::QueueRowStays => {
            weakened.retain(|write| !(matches!(write, Write::Delete { .. }) && kind_of(write.key()) == Kind::Queue));
        }
        Mutant::JobUnversioned => free(world, &mut weakened, |kind, _| kind == Kind::Job),
        Mutant::SlotApart if writes.iter().any(|write| kind_of(write.key()) == Kind::Slot) && world.fault(2000) => {
            weakened.retain(|write| !matches!(kind_of(write.key()), Kind::Job | Kind::Slot));
        }
        Mutant::SlotForgotten => weakened.retain(|write| kind_of(write.key()) != Kind::Slot),
        Mutant::RunLeftRunning => weakened.retain(|write| {
            !(kind_of(write.key()) == Kind::Run
                && current(world, write.key()).is_some()
                && matches!(write, Write::Put { .. }))
        }),
        Mutant::ScriptUnversioned => free(world, &mut weakened, |kind, _| kind == Kind::Script),
        Mutant::ScriptForgotten if writes.iter().any(|write| kind_of(write.key()) == Kind::Export) => {
            weakened.retain(|write| kind_of(write.key()) != Kind::Script);
        }
        Mutant::DeliveryUnversioned => free(world, &mut weakened, |kind, _| kind == Kind::Delivery),
        Mutant::DeliveryOneEpoch => {
            rewrite(&mut weakened, Kind::Delivery, |delivery: &mut Delivery| delivery.epoch = Epoch(1));
        }
        Mutant::DeliveryForgotten if writes.iter().any(|write| kind_of(write.key()) == Kind::Export) => {
            weakened.retain(|write| kind_of(write.key()) != Kind::Delivery);
        }
        Mutant::RunAhead => rewrite(&mut weakened, Kind::Run, |run: &mut Run| {
            if run.deliveries_open > 0 {
                (run.status, run.deliveries_open) = (RunStatus::Success, 0);
            }
        }),
        Mutant::SeriesApart if writes.iter().any(|write| kind_of(write.key()) == Kind::Queue) => {
            // What comes with the place in the lane, and is new, is the next one.
            weakened.retain(|write| {
                let of_next = matches!(kind_of(write.key()), Kind::Export | Kind::Spec);
                !(of_next && waits(write) && current(world, write.key()).is_none())
            });
        }
        Mutant::SeriesUnversioned => {
            let of_series = writes.iter().any(|write| kind_of(write.key()) == Kind::Spec && speaks_of_series(write));
            free(world, &mut weakened, |kind, _| of_series && matches!(kind, Kind::Export | Kind::Spec));
        }
        Mutant::SuccessionForgotten => {
            rewrite(&mut weakened, Kind::Export, |export: &mut Export| export.succession = None);
        }
        Mutant::SkippedForgotten => rewrite(&mut weakened, Kind::Spec, |spec: &mut ExportSpec| {
            if let Some(series) = &mut spec.series {
                series.skipped.clear();
            }
        }),
        Mutant::NoTransaction if several && world.fault(300) => weakened.truncate(writes.len() / 2),
        Mutant::CommitForgotten if world.fault(100) => weakened.clear(),
        _ => return None,
    }
    Some(weakened)
}

fn current(world: &World, key: &RowKey) -> Option<Row> {
    world.state.get(key).now_or_never()?.ok()?
}

/// Whether a write leaves an export that waits for its time, or the frozen request of one that is of a series.
fn waits(write: &Write) -> bool {
    let Write::Put { row, .. } = write else { return false };
    match serde_json::from_str::<Export>(&row.body) {
        Ok(export) => export.admission_at().is_some(),
        Err(_) => speaks_of_series(write),
    }
}

fn speaks_of_series(write: &Write) -> bool {
    let Write::Put { row, .. } = write else { return false };
    serde_json::from_str::<ExportSpec>(&row.body).is_ok_and(|spec| spec.series.is_some())
}

fn is_terminal(world: &World, key: &RowKey) -> bool {
    let row = current(world, key);
    row.and_then(|row| serde_json::from_str::<Export>(&row.body).ok()).is_some_and(|export| export.is_terminal())
}

/// Frees writes from what they expect.
fn free(world: &World, writes: &mut [Write], which: impl Fn(Kind, &RowKey) -> bool) {
    for write in writes {
        let key = write.key().clone();
        if !which(kind_of(&key), &key) {
            continue;
        }
        let now = current(world, &key).map_or(Expect::Absent, |row| Expect::Version(row.version));
        match (write, now) {
            (Write::Put { expect, .. } | Write::Check { expect, .. }, now) => *expect = now,
            (Write::Delete { version, .. }, Expect::Version(now)) => *version = now,
            (Write::Delete { .. }, Expect::Absent) => {}
        }
    }
}

fn rewrite<T: Entity>(writes: &mut [Write], kind: Kind, change: impl Fn(&mut T)) {
    for write in writes {
        if let Write::Put { row, .. } = write
            && kind_of(&row.key) == kind
        {
            *row = changed(row.clone(), &change);
        }
    }
}

fn changed<T: Entity>(mut row: Row, change: impl Fn(&mut T)) -> Row {
    if let Ok(mut entity) = serde_json::from_str::<T>(&row.body) {
        change(&mut entity);
        if let Ok(body) = serde_json::to_string(&entity) {
            row.body = body;
        }
        row.due = row.due.and_then(|(_, shard, _)| entity.due().map(|due| (due.kind, shard, due.at)));
    }
    row
}
