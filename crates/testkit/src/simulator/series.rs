//! Clients with series of exports: begun, changed, and ended by who saw which export of them is pending.

use super::clients::expected;
use super::processes::Process;
use super::profile::Calamity;
use super::setting::COLLECTION;
use std::time::Duration;
use waybill_app::{
    CreateExport, Error, ExportView, IdempotentRequest, RecurringRequest, create_export, delete_export, list_exports,
    replace_export,
};
use waybill_domain::{ExportFormat, ExportId, IdempotencyKey, Level, Principal, State, Surface, Timestamp};

/// What the labels of series begin with.
const LABEL: &str = "series-";
/// For how long somebody thinks about what they have seen.
const THOUGHT_MILLIS: u64 = 45_000;
/// What somebody has seen for longer is old, and nothing is promised about it.
const OLD: Duration = Duration::from_mins(1);

/// What a client does about a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SeriesErrand {
    Begin {
        rule: u64,
    },
    /// Somebody looks for the pending one of a series and asks something else of it.
    Change {
        rule: u64,
    },
    /// Somebody looks for it, thinks, and deletes it.
    Stop,
    StopAll,
}

impl SeriesErrand {
    /// The errand of a number.
    pub(super) fn of(choice: u64) -> Self {
        match choice % 4 {
            0 => Self::Begin { rule: choice / 4 },
            1 => Self::Change { rule: choice / 4 },
            _ => Self::Stop,
        }
    }
}

fn is_over(message: &str) -> bool {
    message == "is never due" || message.contains("the series is over")
}

/// Whether a label is that of a series.
pub(super) fn is_series(label: &str) -> bool {
    label.starts_with(LABEL)
}

/// One of a few rules.
fn rule(choice: u64, now: Timestamp) -> String {
    let until = || {
        let at = now.after(Duration::from_mins(5)).to_string();
        let digits: String = at.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
        format!("FREQ=MINUTELY;UNTIL={digits}Z")
    };
    match choice % 7 {
        0 => "FREQ=MINUTELY;INTERVAL=2".to_owned(),
        1 => "FREQ=MINUTELY;INTERVAL=3".to_owned(),
        2 => "FREQ=MINUTELY;COUNT=4".to_owned(),
        3 => "FREQ=MINUTELY;INTERVAL=7;COUNT=2".to_owned(),
        4 => until(),
        5 => "RRULE:FREQ=HOURLY;BYMINUTE=1,4,9,30".to_owned(),
        _ => "FREQ=MINUTELY".to_owned(),
    }
}

fn command(label: &str, instruction: Option<String>) -> Option<CreateExport> {
    Some(CreateExport {
        label: Some(label.to_owned()),
        level: Level::Fast,
        recurring: instruction.map(|instruction| RecurringRequest { instruction, start: None }),
        ..CreateExport::new(Surface::Rebilly, COLLECTION.parse().ok()?, ExportFormat::Ndjson)
    })
}

/// Does it, again and again while services ask for that.
pub(super) async fn run(process: &Process, principal: &Principal, errand: SeriesErrand) {
    let world = &process.world;
    for attempt in 0..6 {
        let done = match errand {
            SeriesErrand::Begin { rule } => Box::pin(begin(process, principal, rule)).await,
            SeriesErrand::Change { rule } => Box::pin(change(process, principal, rule)).await,
            SeriesErrand::Stop => stop(process, principal, world.millis(0, THOUGHT_MILLIS)).await,
            SeriesErrand::StopAll => stop_all(process, principal).await,
        };
        match done {
            Ok(()) => return,
            Err(Error::UnknownCollection { .. }) if world.profile.has(Calamity::CollectionGone) => return,
            Err(Error::TooManyWaiting { .. }) if world.oracle.with(|oracle| oracle.has_cap(&principal.org)) => return,
            // By a clock that is off, or the rule that goes on from where its series began, it is over already.
            Err(Error::Invalid(errors)) if errors.iter().all(|error| is_over(&error.message)) => return,
            // Gone, or not pending any more: looked at again.
            Err(Error::NotFound { .. } | Error::Conflict { .. }) => {}
            Err(error) => expected(process, &error),
        }
        world.sleep(Duration::from_millis(500 << attempt)).await;
    }
}

async fn begin(process: &Process, principal: &Principal, choice: u64) -> Result<(), Error> {
    let (world, number) = (&process.world, process.actor.number);
    // The label says what the archive is to be like.
    let label = format!("{LABEL}{number} sorted:false files:None");
    let instruction = rule(choice, process.context.now());
    let key = IdempotencyKey::parse(&format!("{LABEL}{number}"));
    let idempotency =
        key.map(|key| IdempotentRequest { key, operation: "simulated:begin-series", body_digest: label.clone() });
    world.oracle.with(|oracle| oracle.rule_asked(&label, Some(&instruction)));
    let Some(command) = command(&label, Some(instruction)) else { return Ok(()) };
    let command = CreateExport { idempotency, ..command };
    match create_export(&process.context, &*process.wake(), principal, &command).await {
        Ok(view) => {
            world.note(|| format!("#{number} is answered {}", view.export.id));
            world.oracle.with(|oracle| oracle.series_accepted(&view.export));
            Ok(())
        }
        // Made by an earlier attempt, and deleted by somebody since.
        Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The pending exports of series, as they are listed.
async fn pending(process: &Process, principal: &Principal) -> Result<Vec<ExportView>, Error> {
    let page = list_exports(&process.context, principal, Some(Surface::Rebilly), None, true, 100).await?;
    let waits = |view: &ExportView| matches!(view.export.state, State::Scheduled { .. }) && view.spec.series.is_some();
    let found: Vec<ExportView> = page.items.into_iter().filter(waits).collect();
    for view in &found {
        process.world.oracle.with(|oracle| oracle.series_accepted(&view.export));
    }
    Ok(found)
}

async fn change(process: &Process, principal: &Principal, choice: u64) -> Result<(), Error> {
    let (world, number) = (&process.world, process.actor.number);
    let found = pending(process, principal).await?;
    let Some(view) = found.get(world.pick(found.len())) else { return Ok(()) };
    let (id, label) = (view.export.id, view.export.label.clone().unwrap_or_default());
    // Some take the rule away: then it is made once.
    let instruction = (!(choice / 7).is_multiple_of(6)).then(|| rule(choice, process.context.now()));
    world.oracle.with(|oracle| oracle.rule_asked(&label, instruction.as_deref()));
    let Some(command) = command(&label, instruction.clone()) else { return Ok(()) };
    match Box::pin(replace_export(&process.context, &*process.wake(), principal, id, &command)).await {
        Ok(_) => {
            world.note(|| format!("#{number} changed {id}: {instruction:?}"));
            world.oracle.with(|oracle| oracle.series_changed(number, &label, instruction.as_deref()));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

async fn stop(process: &Process, principal: &Principal, thought: Duration) -> Result<(), Error> {
    let world = &process.world;
    let looked_at = world.clock.elapsed();
    let found = pending(process, principal).await?;
    let Some(view) = found.get(world.pick(found.len())) else { return Ok(()) };
    world.sleep(thought).await;
    delete(process, principal, view, looked_at).await
}

async fn stop_all(process: &Process, principal: &Principal) -> Result<(), Error> {
    loop {
        let looked_at = process.world.clock.elapsed();
        let found = pending(process, principal).await?;
        if found.is_empty() {
            return Ok(());
        }
        for view in &found {
            match delete(process, principal, view, looked_at).await {
                // The next one is pending by now.
                Ok(()) | Err(Error::Conflict { .. } | Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Deletes what was pending when it was looked at.
async fn delete(process: &Process, principal: &Principal, seen: &ExportView, looked_at: Duration) -> Result<(), Error> {
    let (world, number) = (&process.world, process.actor.number);
    let id: ExportId = seen.export.id;
    world.oracle.with(|oracle| oracle.asks_to_end(id));
    delete_export(&process.context, &*process.wake(), principal, Some(Surface::Rebilly), id).await?;
    let label = seen.export.label.clone().unwrap_or_default();
    let fresh = world.clock.elapsed().saturating_sub(looked_at) <= OLD && !world.profile.has(Calamity::Jump);
    world.note(|| format!("#{number} deleted {id}, seen lately: {fresh}"));
    world.oracle.with(|oracle| {
        oracle.deleted(id);
        if fresh {
            oracle.series_stopped(&label, id);
        }
    });
    Ok(())
}
