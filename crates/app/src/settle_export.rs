//! Settling: an export ends, leaves the lane and its storage is counted, in one transaction.

use crate::advance_lane::Exporting;
use crate::look_at_script::ring;
use crate::queue_deliveries::new_deliveries;
use crate::queue_script::script_of;
use crate::queue_signals::new_signals;
use crate::retry::Attempts;
use crate::run_errand::ring as ring_for;
use crate::settle_run::settle_run;
use std::time::Duration;
use waybill_domain::{Epoch, Export, Failure, QueueEntry, StorageHold, Usage};
use waybill_ports::{PortError, PortErrorKind, Stored};

/// How long after a change an org's storage is recounted.
const RECOUNT_AFTER: Duration = Duration::from_hours(24);

/// How an export ends.
#[derive(Clone, Debug)]
pub(crate) enum Settling {
    /// With the archive of its finish record.
    Ready,
    /// Without.
    Failed(Failure),
    /// By request.
    Canceled,
}

/// Ends an export under `epoch`. Returns without effect when it has ended already or a later epoch has taken it; a request to stop that
/// came meanwhile wins over `Ready`.
pub(crate) async fn settle(
    exporting: &Exporting,
    (mut export, entry): (Stored<Export>, Stored<QueueEntry>),
    epoch: Epoch,
    settling: Settling,
) -> Result<(), PortError> {
    let context = &exporting.context;
    let mut attempts = Attempts::new(context);
    let mut too_large = false;
    loop {
        let now = context.now();
        let current = export.value.clone();
        let reserved = current.reserved_bytes();
        let settled = match &settling {
            _ if current.stop.is_some() => current.stopped(epoch, now),
            Settling::Ready => current.ready(epoch, now),
            Settling::Failed(failure) => current.failed(epoch, failure.clone(), now),
            Settling::Canceled => current.stopped(epoch, now),
        };
        let Ok(settled) = settled else { return Ok(()) };
        let held = match settled.storage {
            StorageHold::Held { bytes } => bytes,
            StorageHold::None | StorageHold::Reserved { .. } | StorageHold::Released => 0,
        };
        let mut transaction = context.transaction();
        transaction.update(export.version, &settled)?.delete(&entry);
        if reserved > 0 || held > 0 {
            let usage = context.rows().usage(&settled.org).await?;
            let version = usage.as_ref().map(|usage| usage.version);
            let usage = usage.map_or_else(|| Usage::empty(settled.org.clone()), |usage| usage.value);
            transaction.upsert(version, &usage.settle(reserved, held, now).recount_by(now.after(RECOUNT_AFTER)))?;
        }
        let script = script_of(context, &settled).await?.map(|run| if too_large { run.not_kept() } else { run });
        if let Some(run) = &script {
            transaction.insert(run)?;
        }
        let deliveries = new_deliveries(context, &settled).await?;
        deliveries.iter().try_for_each(|delivery| transaction.insert(delivery).map(drop))?;
        let signals = new_signals(context, &settled).await?;
        signals.iter().try_for_each(|signal| transaction.insert(signal).map(drop))?;
        settle_run(context.rows(), &settled, &deliveries, &mut transaction).await?;
        match transaction.commit(&*context.state).await {
            Ok(_) => {
                tracing::info!(org = %settled.org, export = %settled.id, epoch = epoch.0, state = ?settled.progress.phase, "export settled");
                if let Some(run) = script.filter(|run| !run.is_over())
                    && let Err(error) = ring(&*exporting.scripts, &run, &run.export.to_string()).await
                {
                    tracing::warn!(org = %run.org, export = %run.export, %error, "script not rung for; the sweeper will");
                }
                for delivery in &deliveries {
                    ring_for(&*exporting.deliveries, delivery, now).await;
                }
                for signal in &signals {
                    ring_for(&*exporting.deliveries, signal, now).await;
                }
                return Ok(());
            }
            // Whatever follows an export does not keep it from its end.
            Err(error) if script.is_some() && !too_large && is_too_large(&error) => too_large = true,
            Err(error) => attempts.after(error).await?,
        }
        match context.rows().export(&settled.org, settled.seq).await? {
            Some(read) => export = read,
            None => return Ok(()),
        }
    }
}

fn is_too_large(error: &PortError) -> bool {
    matches!(&error.kind, PortErrorKind::Rejected { reason } if reason == PortError::ROW_TOO_LARGE)
}
