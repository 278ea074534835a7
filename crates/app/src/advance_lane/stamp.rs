//! Stamping the head of a lane: the epoch goes onto the export before any work, and every later write of the step names it.

use super::unreadable::settle_unreadable;
use super::{Exporting, Interrupted, Lease};
use crate::date_range::{at_start, narrow};
use crate::retry::Attempts;
use crate::settle_export::{Settling, settle};
use waybill_domain::{
    Epoch, Export, ExportId, ExportSpec, Failure, FailureCode, QueueEntry, Refused, StorageHold, Timestamp, Usage,
};
use waybill_ports::{PortError, PortErrorKind, Stored};

/// The head of the lane, under way in this step.
pub(super) struct Run {
    export: Stored<Export>,
    entry: Stored<QueueEntry>,
    pub(super) epoch: Epoch,
}

/// What stamping came to.
pub(super) enum Stamped {
    /// It is ours to work on, as it was asked.
    Running(Box<Run>, Box<ExportSpec>),
    /// It has ended.
    Settled,
}

impl Run {
    pub(super) fn export(&self) -> &Export {
        &self.export.value
    }

    pub(super) fn id(&self) -> ExportId {
        self.export.value.id
    }

    /// The export as it was last read, and its place in the lane.
    pub(super) fn parts(&self) -> (Stored<Export>, Stored<QueueEntry>) {
        (self.export.clone(), self.entry.clone())
    }

    /// Writes a transition of the export under this step's epoch; reads again and repeats it when the row has moved on.
    pub(super) async fn write<F>(&mut self, exporting: &Exporting, transition: F) -> Result<(), Interrupted>
    where
        F: Fn(Export, Epoch, Timestamp) -> Result<Export, Refused>,
    {
        self.write_with_usage(exporting, 0, transition).await
    }

    /// The same, with `more` bytes of storage reserved in one transaction.
    pub(super) async fn write_with_usage<F>(
        &mut self,
        exporting: &Exporting,
        more: u64,
        transition: F,
    ) -> Result<(), Interrupted>
    where
        F: Fn(Export, Epoch, Timestamp) -> Result<Export, Refused>,
    {
        let context = &exporting.context;
        let target = self.export.value.reserved_bytes().saturating_add(more);
        let mut attempts = Attempts::new(context);
        loop {
            let current = self.export.value.clone();
            let missing = target.saturating_sub(current.reserved_bytes());
            let mut export = transition(current, self.epoch, context.now()).map_err(interruption)?;
            let mut transaction = context.transaction();
            if missing > 0 && more > 0 {
                let usage = context.rows().usage(&export.org).await?;
                let quota = context.rows().org(&export.org).await?.and_then(|org| org.value.quota_bytes);
                let version = usage.as_ref().map(|usage| usage.version);
                let usage = usage.map_or_else(|| Usage::empty(export.org.clone()), |usage| usage.value);
                let usage = usage.reserve(missing, quota, context.now()).map_err(|error| {
                    Interrupted::Failed(Failure::new(FailureCode::QuotaExceeded, error.to_string()))
                })?;
                export.storage = StorageHold::Reserved { bytes: target };
                transaction.upsert(version, &usage)?;
            }
            transaction.update(self.export.version, &export)?;
            match transaction.commit(&*context.state).await {
                Ok(version) => {
                    self.export = Stored { value: export, version };
                    return Ok(());
                }
                Err(error) => attempts.after(error).await?,
            }
            self.reread(exporting).await?;
        }
    }

    async fn reread(&mut self, exporting: &Exporting) -> Result<(), Interrupted> {
        let (org, seq) = (&self.export.value.org, self.export.value.seq);
        match exporting.context.rows().export(org, seq).await? {
            Some(export) => {
                self.export = export;
                Ok(())
            }
            None => Err(Interrupted::Lost),
        }
    }
}

fn interruption(refused: Refused) -> Interrupted {
    match refused {
        Refused::Stopped => Interrupted::Stopped,
        Refused::Terminal
        | Refused::StaleEpoch
        | Refused::NotTerminal
        | Refused::NotFinished
        | Refused::Scheduled
        | Refused::Admitted => Interrupted::Lost,
    }
}

/// Stamps the head with the lease's epoch, counts the attempt and reserves storage the first time; settles at once what must not run.
pub(super) async fn stamp(
    exporting: &Exporting,
    lease: &Lease,
    entry: Stored<QueueEntry>,
) -> Result<Stamped, Interrupted> {
    let (context, org) = (&exporting.context, &lease.org);
    // Before the stamp, so that a read that fails counts as no attempt.
    let spec = readable(context.rows().spec(org, entry.value.seq).await)?;
    let mut attempts = Attempts::new(context);
    let (mut run, refused) = loop {
        let export = match context.rows().export(org, entry.value.seq).await {
            Ok(export) => export.ok_or_else(|| missing(&entry))?,
            Err(error) if matches!(error.kind, PortErrorKind::Corrupt { .. }) => {
                settle_unreadable(exporting, lease, &entry, spec.as_ref()).await?;
                return Ok(Stamped::Settled);
            }
            Err(error) => return Err(error.into()),
        };
        let mut run = Run { export, entry: entry.clone(), epoch: lease.epoch };
        // Settled, or left the lane, since the head was read.
        if run.export().is_terminal() {
            return Ok(Stamped::Settled);
        }
        // An earlier attempt of this step whose reply was lost.
        if run.export().epoch == lease.epoch {
            break (run, None);
        }
        match try_stamp(exporting, lease, spec.as_ref(), &mut run).await {
            Ok(refused) => break (run, refused),
            Err(Interrupted::Port(error)) => attempts.after(error).await?,
            Err(interrupted) => return Err(interrupted),
        }
    };
    let exhausted = run.export().attempts > exporting.settings.max_attempts;
    let settling = if run.export().stop.is_some() {
        Some(Settling::Canceled)
    } else if let Some(failure) = refused {
        Some(Settling::Failed(failure))
    } else if exhausted {
        let message = format!("the export was begun {} times without getting on", exporting.settings.max_attempts);
        Some(Settling::Failed(Failure::new(FailureCode::MaxRetriesReached, message)))
    } else {
        None
    };
    let spec = match (spec, settling) {
        (Some(spec), None) => spec,
        (_, settling) => {
            let settling = settling.unwrap_or_else(|| Settling::Failed(unreadable_request()));
            settle(exporting, run.parts(), lease.epoch, settling).await?;
            return Ok(Stamped::Settled);
        }
    };
    let spec = match narrow(spec, run.export()) {
        Ok(spec) => spec,
        Err(failure) => {
            settle(exporting, run.parts(), lease.epoch, Settling::Failed(failure)).await?;
            return Ok(Stamped::Settled);
        }
    };
    // Nothing is reserved yet when the quota's refusal was lost with its reply.
    if run.export().storage == StorageHold::None {
        let more = exporting.settings.reserve_bytes;
        let reserved = run.write_with_usage(exporting, more, |export, epoch, _| {
            export.assert_running(epoch)?;
            Ok(export)
        });
        let settling = match reserved.await {
            Ok(()) => None,
            Err(Interrupted::Failed(failure)) => Some(Settling::Failed(failure)),
            Err(Interrupted::Stopped) => Some(Settling::Canceled),
            Err(interrupted) => return Err(interrupted),
        };
        if let Some(settling) = settling {
            settle(exporting, run.parts(), lease.epoch, settling).await?;
            return Ok(Stamped::Settled);
        }
    }
    Ok(Stamped::Running(Box::new(run), Box::new(spec)))
}

/// One attempt at the stamp: lane (proves the lease), export, and the first reservation. Gives the failure when the quota is full; then the
/// export is stamped without a reservation.
async fn try_stamp(
    exporting: &Exporting,
    lease: &Lease,
    spec: Option<&ExportSpec>,
    run: &mut Run,
) -> Result<Option<Failure>, Interrupted> {
    let (context, org) = (&exporting.context, &lease.org);
    let mut export = run.export().clone().start(lease.epoch, context.now()).map_err(interruption)?;
    let mut refused = None;
    // Once and for all steps: a range of dates means what it means as the export starts.
    if let (None, Some(spec)) = (export.date_span, spec) {
        // Where it means nothing, the export fails as soon as it is stamped.
        export.date_span = at_start(spec, &export).ok().flatten();
    }
    let mut usage = None;
    if export.storage == StorageHold::None {
        let stored = context.rows().usage(org).await?;
        let quota = context.rows().org(org).await?.and_then(|org| org.value.quota_bytes);
        let version = stored.as_ref().map(|stored| stored.version);
        let current = stored.map_or_else(|| Usage::empty(org.clone()), |stored| stored.value);
        let bytes = exporting.settings.reserve_bytes;
        match current.reserve(bytes, quota, context.now()) {
            Ok(reserved) => {
                export.storage = StorageHold::Reserved { bytes };
                usage = Some((version, reserved));
            }
            Err(error) => refused = Some(Failure::new(FailureCode::QuotaExceeded, error.to_string())),
        }
    }
    let read = run.export.version;
    let written = lease
        .write(exporting, |lane, transaction| {
            transaction.update(read, &export)?;
            if let Some((version, usage)) = &usage {
                transaction.upsert(*version, usage)?;
            }
            Ok(lane)
        })
        .await?;
    let Ok(version) = written else { return Err(Interrupted::Lost) };
    run.export = Stored { value: export, version };
    Ok(refused)
}

/// A frozen request that is missing or does not parse is `None`: it must not hold the lane.
fn readable(read: Result<Option<Stored<ExportSpec>>, PortError>) -> Result<Option<ExportSpec>, PortError> {
    match read {
        Ok(spec) => Ok(spec.map(|spec| spec.value)),
        Err(error) if matches!(error.kind, PortErrorKind::Corrupt { .. }) => {
            tracing::error!(error = ?error, "a frozen request cannot be read");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn unreadable_request() -> Failure {
    Failure::new(FailureCode::Internal, "the stored request cannot be read; the operator finds it in the log")
}

fn missing(entry: &Stored<QueueEntry>) -> PortError {
    let kind = PortErrorKind::Corrupt {
        table: "Main".to_owned(),
        key: format!("{} {}", entry.value.org, entry.value.export),
        field: "the export of a queue entry is missing".to_owned(),
    };
    PortError::new(kind, "reading the head of a lane")
}
