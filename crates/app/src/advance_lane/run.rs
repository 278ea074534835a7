//! The loop of a step: head after head, each stamped, worked on and settled.

use super::packaging::package;
use super::stamp::{Run, Stamped};
use super::{Exporting, Interrupted, Lease, StepEnd, finish, stamp, write};
use crate::end_export::stop_asked_at;
use crate::expand_references::definition;
use crate::export_within::is_readable;
use crate::settle_export::{Settling, settle};
use futures::future::{Either, select};
use std::pin::pin;
use std::time::Duration;
use waybill_domain::{Epoch, ExportSpec, Failure, FailureCode, OrgCode, Prefix, Seq, StepOutcome};
use waybill_ports::{PortError, PortErrorKind};

/// The table that unreadable records are reported of.
const RECORDS: &str = "records";

/// Advances the lane's head, and the next, until the lane is empty or time is up.
pub(super) async fn advance_heads(
    exporting: &Exporting,
    lease: &Lease,
    org: &OrgCode,
    deadline: Duration,
) -> Result<StepEnd, Interrupted> {
    let context = &exporting.context;
    loop {
        let Some(head) = context.rows().queue_head(org).await? else { return Ok(StepEnd::Empty) };
        if deadline.saturating_sub(context.clock.monotonic()) < exporting.settings.min_budget {
            return Ok(StepEnd::OutOfTime);
        }
        // The lane was taken during a pause to end an export: the others wait on.
        if let Some(left) = lease.pause_left(exporting).await
            && stop_asked_at(context.rows(), &head.value).await?.is_none()
        {
            return Ok(StepEnd::Paused(left));
        }
        let (mut run, spec) = match Box::pin(stamp::stamp(exporting, lease, head)).await? {
            Stamped::Running(run, spec) => (*run, spec),
            Stamped::Settled => continue,
        };
        let settling = match work_watched(exporting, lease, &mut run, &spec, deadline).await {
            Ok(Some(settling)) => settling,
            Ok(None) | Err(Interrupted::Overdue) => {
                run.write(exporting, |export, epoch, now| export.step_ended(epoch, StepOutcome::Continued, now))
                    .await?;
                return Ok(StepEnd::OutOfTime);
            }
            Err(Interrupted::Stopped) => Settling::Canceled,
            Err(Interrupted::Failed(failure)) => Settling::Failed(failure),
            Err(Interrupted::Lost) => return Err(Interrupted::Lost),
            Err(Interrupted::Port(error)) => match judge(exporting, lease, &error).await {
                Judgement::Fail(failure) => {
                    tracing::warn!(%org, export = %run.id(), error = ?error, "export failed");
                    Settling::Failed(failure)
                }
                Judgement::Wait(asked) => return put_off(exporting, lease, &mut run, asked, &error).await,
            },
        };
        match settle(exporting, run.parts(), lease.epoch, settling).await {
            // Whoever is next has the whole patience again.
            Ok(()) => lease.progressed().await,
            // What is finished already does not fail because its end cannot be written now.
            Err(error) if error.is_transient() || error.is_conflict() => {
                return put_off(exporting, lease, &mut run, None, &error).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Gives the attempt back and pauses the lane.
async fn put_off(
    exporting: &Exporting,
    lease: &Lease,
    run: &mut Run,
    asked: Option<Duration>,
    error: &PortError,
) -> Result<StepEnd, Interrupted> {
    tracing::warn!(org = %lease.org, export = %run.id(), error = ?error, "export waits");
    run.write(exporting, |export, epoch, now| export.step_ended(epoch, StepOutcome::Throttled, now)).await?;
    Ok(StepEnd::Later(lease.pause(exporting, asked).await?))
}

/// [`work`], given up where it is when it must not go on: between two writes of its own it may wait for long.
async fn work_watched(
    exporting: &Exporting,
    lease: &Lease,
    run: &mut Run,
    spec: &ExportSpec,
    deadline: Duration,
) -> Result<Option<Settling>, Interrupted> {
    let (org, seq) = (lease.org.clone(), run.export().seq);
    let watched = pin!(watch(exporting, &org, seq, lease.epoch, deadline));
    match select(pin!(work(exporting, lease, run, spec, deadline)), watched).await {
        Either::Left((worked, _)) => worked,
        Either::Right((interrupted, _)) => Err(interrupted),
    }
}

/// Waits for a reason to give work up: its end was asked for, another lease has taken the export, or time is long over.
async fn watch(exporting: &Exporting, org: &OrgCode, seq: Seq, epoch: Epoch, deadline: Duration) -> Interrupted {
    let (context, settings) = (&exporting.context, &exporting.settings);
    loop {
        let left = (deadline + settings.overtime).saturating_sub(context.clock.monotonic());
        if left.is_zero() {
            return Interrupted::Overdue;
        }
        context.clock.sleep(settings.stop_every.min(left)).await;
        match context.rows().export(org, seq).await {
            Ok(Some(export)) if export.value.epoch != epoch || export.value.is_terminal() => return Interrupted::Lost,
            Ok(Some(export)) if export.value.stop.is_some() => return Interrupted::Stopped,
            Ok(Some(_)) => {}
            Ok(None) => return Interrupted::Lost,
            Err(error) => tracing::warn!(%org, error = ?error, "not known whether the export is to stop"),
        }
    }
}

/// Writes and finishes the archive; `None` when time is up.
async fn work(
    exporting: &Exporting,
    lease: &Lease,
    run: &mut Run,
    spec: &ExportSpec,
    deadline: Duration,
) -> Result<Option<Settling>, Interrupted> {
    if run.export().stop.is_some() {
        return Err(Interrupted::Stopped);
    }
    // What an earlier step has recorded as finished needs no reading of records any more.
    if finish::appear_again(exporting, run).await? {
        let packaged = package(exporting, lease, run, spec, deadline).await?;
        return Ok(packaged.then_some(Settling::Ready));
    }
    assert_collection(exporting, spec).await?;
    assert_parent(exporting, spec).await?;
    match write::write_archive(exporting, lease, run, spec, deadline).await? {
        write::Written::Finished(last) => {
            // Records of a collection that was deleted meanwhile are missing: no archive shall pass for all of them.
            assert_collection(exporting, spec).await?;
            assert_parent(exporting, spec).await?;
            let appeared = finish::appear(exporting, run, last, deadline).await?;
            let ready = appeared && package(exporting, lease, run, spec, deadline).await?;
            Ok(ready.then_some(Settling::Ready))
        }
        write::Written::Checkpointed => Ok(None),
    }
}

/// Fails the export when its collection was deleted: its frozen definition stands, but the records went with the collection.
async fn assert_collection(exporting: &Exporting, spec: &ExportSpec) -> Result<(), Interrupted> {
    for reading in spec.readings() {
        let name = &reading.collection.name;
        match definition(&exporting.context, &spec.org, name).await {
            Ok(None) => {
                let message = format!("the collection `{name}` was deleted before its export ended");
                return Err(Interrupted::Failed(Failure::new(FailureCode::CollectionMissing, message)));
            }
            // What it says does not matter here.
            Err(error) if matches!(error.kind, PortErrorKind::Corrupt { .. }) => {}
            Ok(Some(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Fails the export when the record that it is limited to is gone, or out of its principal's sight, now.
async fn assert_parent(exporting: &Exporting, spec: &ExportSpec) -> Result<(), Interrupted> {
    let Some(within) = &spec.within else { return Ok(()) };
    if is_readable(&*exporting.records, &spec.org, within, &spec.viewer).await? {
        return Ok(());
    }
    let Prefix { parent, record, property } = &within.prefix;
    let message = format!("the record `{record}` of `{parent}` is not there, or its `{property}` may not be read");
    Err(Interrupted::Failed(Failure::new(FailureCode::RecordMissing, message)))
}

enum Judgement {
    Fail(Failure),
    Wait(Option<Duration>),
}

/// What a port's failure means for the export that it interrupted.
async fn judge(exporting: &Exporting, lease: &Lease, error: &PortError) -> Judgement {
    let asked = match &error.kind {
        PortErrorKind::Throttled { retry_after } => *retry_after,
        PortErrorKind::Unavailable | PortErrorKind::Conflict => None,
        PortErrorKind::Denied => {
            let message = "Waybill may not read the records or write the archive; the operator has to allow it";
            return Judgement::Fail(Failure::new(FailureCode::Denied, message));
        }
        PortErrorKind::Corrupt { table, key, .. } if table == RECORDS => {
            let message = format!("the record stored at `{key}` cannot be read");
            return Judgement::Fail(Failure::new(FailureCode::BadRecord, message));
        }
        PortErrorKind::Corrupt { .. } | PortErrorKind::NotFound | PortErrorKind::Rejected { .. } => {
            let message = "an internal error occurred; the operator finds it in the log";
            return Judgement::Fail(Failure::new(FailureCode::Internal, message));
        }
    };
    if lease.is_out_of_patience(exporting).await {
        let message = "a service that the export needs has been unavailable for 24 hours";
        return Judgement::Fail(Failure::new(FailureCode::Unavailable, message));
    }
    Judgement::Wait(asked)
}
