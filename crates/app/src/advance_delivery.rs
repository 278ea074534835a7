//! Going on with a delivery: claimed, sent piece by piece with a checkpoint after each, and ended together with the run that waits for it.
//!
//! One invocation does what its time allows; the next one goes on. What is sent is fenced by the delivery's epoch, so that of two workers
//! one records how it came out; both send the same bytes under the same name.

mod ending;
mod sending;

use crate::Context;
use crate::run_errand::{Claim, claim, open_secrets, ours, ring, write};
use sending::{Sent, send};
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{Backoff, DeliveredRun, Delivery, DestinationSecrets, Miss, OrgCode, State};
use waybill_ports::{ArchiveStore, DeliveryMessage, DeliveryQueue, DestinationOpener, PortError, SecretVault};

pub(crate) use ending::end_delivery;

/// The ports that delivering needs.
#[derive(Clone)]
pub struct Delivering {
    /// State, time and randomness.
    pub context: Context,
    /// Where the files are.
    pub archives: Arc<dyn ArchiveStore>,
    /// What opens the secrets of destinations.
    pub vault: Arc<dyn SecretVault>,
    /// What speaks to destinations.
    pub destinations: Arc<dyn DestinationOpener>,
    /// Where deliveries are rung for.
    pub queue: Arc<dyn DeliveryQueue>,
    /// Lengths and limits.
    pub settings: DeliverySettings,
}

/// Lengths and limits of deliveries.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// How long a worker is believed to be alive without a word.
    pub lease: Duration,
    /// How often it says that it is.
    pub heartbeat: Duration,
    /// How many deliveries, and how many signals, of one org are under way at a time at most, however many workers there are.
    pub share: usize,
    /// How long one call to a destination may take.
    pub call: Duration,
    /// For how long after the deadline a call that was begun before it goes on.
    pub grace: Duration,
    /// When what failed is tried again.
    pub backoff: Backoff,
    /// The longest file that is posted to a webhook; of a longer one it is told where it is to be had.
    pub longest_posted_bytes: u64,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(90),
            heartbeat: Duration::from_secs(30),
            share: 4,
            call: Duration::from_mins(10),
            grace: Duration::from_secs(45),
            backoff: Backoff::default(),
            longest_posted_bytes: 64 << 20,
        }
    }
}

/// Begins the delivery that `message` is about, or goes on with it, unless somebody does or its time has not come; `deadline` is the instant
/// of the monotonic clock after which no further piece is begun. When this returns well there is nothing to do about the message: the
/// delivery has ended, or it was rung for, or the sweeper will.
///
/// # Errors
/// [`PortError`] when nothing was begun: the message is to be handled again.
pub async fn advance_delivery(
    delivering: &Delivering,
    message: &DeliveryMessage,
    deadline: Duration,
) -> Result<(), PortError> {
    let DeliveryMessage::AdvanceV1 { org, export, number } = message else { return Ok(()) };
    let context = &delivering.context;
    let Some(stored) = context.rows().errand(org, *export, *number).await? else { return Ok(()) };
    if stored.value.is_abandoned(context.now()) {
        let backoff = &delivering.settings.backoff;
        let left = end_delivery(context, &stored.value, |delivery, now| delivery.abandoned(now, backoff)).await?;
        if let Some(left) = left {
            tracing::warn!(%org, %export, number, "a delivery's worker is gone");
            ring(&*delivering.queue, &left, context.now()).await;
        }
        return Ok(());
    }
    let claimed = match claim(context, stored, (delivering.settings.lease, delivering.settings.share)).await? {
        Claim::Taken(claimed) => claimed,
        Claim::PutOff(delivery) => {
            ring(&*delivering.queue, &delivery, context.now()).await;
            return Ok(());
        }
        Claim::Nothing => return Ok(()),
    };
    let sent = match begin(delivering, &claimed).await {
        Ok(secrets) => send(delivering, &claimed, &secrets, deadline).await,
        Err(miss) => Sent::Missed(miss),
    };
    if let Err(error) = record(delivering, &claimed, sent).await {
        // The lease runs out, and the sweeper finds it.
        tracing::error!(%org, %export, number, error = ?error, "how far a delivery came was not recorded");
    }
    Ok(())
}

/// Looks whether there is something to deliver, and opens the destination's secrets.
async fn begin(delivering: &Delivering, delivery: &Delivery) -> Result<DestinationSecrets, Miss> {
    let context = &delivering.context;
    let export = match context.rows().export(&delivery.org, delivery.seq).await {
        Ok(export) => export,
        Err(error) => return Err(ours(&error, "the export cannot be read at the moment")),
    };
    let now = context.now();
    let there =
        export.is_some_and(|export| export.value.is_visible(now) && matches!(export.value.state, State::Ready { .. }));
    if !there {
        return Err(Miss::finally("the export was deleted, or its seven days are over, before it arrived"));
    }
    if let Some(run) = &delivery.what.run {
        match is_job_there(context, &delivery.org, run).await {
            Ok(true) => {}
            Ok(false) => return Err(Miss::finally("the job was deleted before it arrived")),
            Err(error) => return Err(ours(&error, "the job cannot be read at the moment")),
        }
    }
    open_secrets(&*delivering.vault, (&delivery.org, &delivery.what.destination), "destination").await
}

/// How far the clocks of two that make a job and run it may be apart.
const CLOCKS_APART: Duration = Duration::from_mins(1);

/// Whether the job of a run is still there, and no later one of the same id.
pub(crate) async fn is_job_there(context: &Context, org: &OrgCode, run: &DeliveredRun) -> Result<bool, PortError> {
    let job = context.rows().job(org, &run.job).await?;
    Ok(job.is_some_and(|job| {
        job.value.deleted_at.is_none() && job.value.created_at <= run.started_at.after(CLOCKS_APART)
    }))
}

/// Records how far it came, and rings for what is left.
async fn record(delivering: &Delivering, claimed: &Delivery, sent: Sent) -> Result<(), PortError> {
    let (context, epoch) = (&delivering.context, claimed.epoch);
    let backoff = &delivering.settings.backoff;
    let written = match &sent {
        Sent::TakenOver => return Ok(()),
        Sent::OutOfTime => write(context, claimed, |delivery, now| delivery.paused(epoch, now)).await?,
        Sent::Missed(miss) => {
            end_delivery(context, claimed, |delivery, now| delivery.missed(epoch, miss.clone(), now, backoff)).await?
        }
        Sent::Arrived(held) => {
            end_delivery(context, claimed, |delivery, now| delivery.arrived(epoch, held.clone(), now)).await?
        }
    };
    let Some(delivery) = written else { return Ok(()) };
    match (&sent, delivery.last_error()) {
        (Sent::Missed(_), Some(error)) => {
            tracing::warn!(org = %delivery.org, export = %delivery.export, number = delivery.number, failures = delivery.failures, ended = delivery.is_ended(), error, "delivery failed");
        }
        (Sent::Arrived(held), _) => {
            tracing::info!(org = %delivery.org, export = %delivery.export, number = delivery.number, bytes = held.size_bytes, "delivered");
        }
        _ => {}
    }
    ring(&*delivering.queue, &delivery, context.now()).await;
    Ok(())
}
