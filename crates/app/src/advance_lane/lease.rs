//! The right to advance a lane, held by one step and renewed beside its work.

use super::Exporting;
use crate::end_export::stop_asked_at;
use crate::retry::Attempts;
use futures::future::{Either, select};
use futures::lock::Mutex;
use std::pin::pin;
use std::time::Duration;
use waybill_domain::{CommitId, Epoch, Lane, LaneRefused, OrgCode, Timestamp, WorkerId};
use waybill_ports::{PortError, Stored, Transaction, WakeReceipt};

/// A lane held under an epoch.
pub(super) struct Lease {
    pub(super) org: OrgCode,
    pub(super) epoch: Epoch,
    owner: WorkerId,
    /// Monotonic time before the lease was asked for.
    acquired_at: Duration,
    /// The lane's row as this step last wrote it: renewals and stamps take turns.
    lane: Mutex<Stored<Lane>>,
}

impl Lease {
    /// Takes the lane under a new epoch, if nobody holds it.
    pub(super) async fn acquire(exporting: &Exporting, org: &OrgCode) -> Result<Result<Self, LaneRefused>, PortError> {
        let context = &exporting.context;
        let acquired_at = context.clock.monotonic();
        let stored = context.rows().lane(org).await?;
        let version = stored.as_ref().map(|stored| stored.version);
        let lane = stored.map_or_else(|| Lane::new(org.clone()), |stored| stored.value);
        let owner = context.entropy.worker_id();
        let (now, length) = (context.now(), exporting.settings.lease);
        let lane = match lane.clone().acquire(owner, now, length) {
            Ok(lane) => lane,
            // Neither a pause nor a holder that is gone keeps an export from ending.
            Err(refused) => match head_to_stop(exporting, org).await? {
                Some(asked_at) => match lane.acquire_to_stop(owner, now, length, asked_at) {
                    Ok(lane) => lane,
                    Err(refused) => return Ok(Err(refused)),
                },
                None => return Ok(Err(refused)),
            },
        };
        let mut transaction = context.transaction();
        match transaction.upsert(version, &lane)?.commit(&*context.state).await {
            Ok(version) => {
                let epoch = lane.epoch;
                let lane = Mutex::new(Stored { value: lane, version });
                Ok(Ok(Self { org: org.clone(), epoch, owner, acquired_at, lane }))
            }
            Err(error) if error.is_conflict() => Ok(Err(LaneRefused::Lost)),
            // Should it have taken effect, the lease simply runs out.
            Err(error) => Err(error),
        }
    }

    /// Renews lease and message until the lease is lost or too long without renewal; to be run beside the work.
    ///
    /// A renewal that gets no answer is given up when the last one is too old: it must not keep a stale worker at work.
    pub(super) async fn keep(&self, exporting: &Exporting, receipt: &WakeReceipt) {
        let (clock, settings) = (&exporting.context.clock, &exporting.settings);
        let mut renewed_at = self.acquired_at;
        loop {
            let age = clock.monotonic().saturating_sub(renewed_at);
            let stale = pin!(clock.sleep(settings.stale_after.saturating_sub(age)));
            match select(pin!(self.renew_later(exporting, receipt)), stale).await {
                Either::Left((Ok(Ok(began)), _)) => renewed_at = began,
                Either::Left((Ok(Err(_)), _)) | Either::Right(_) => return,
                Either::Left((Err(error), _)) => tracing::warn!(org = %self.org, %error, "lease not renewed"),
            }
            if clock.monotonic().saturating_sub(renewed_at) >= settings.stale_after {
                return;
            }
        }
    }

    /// Renews the message now and the lease after a heartbeat; gives the monotonic time at which the lease's renewal began.
    async fn renew_later(
        &self,
        exporting: &Exporting,
        receipt: &WakeReceipt,
    ) -> Result<Result<Duration, LaneRefused>, PortError> {
        let (clock, settings) = (&exporting.context.clock, &exporting.settings);
        match select(exporting.wake.set_visibility(receipt, settings.lease), clock.sleep(settings.heartbeat)).await {
            Either::Left((renewed, rest)) => {
                if let Err(error) = renewed {
                    tracing::warn!(org = %self.org, %error, "message not renewed");
                }
                rest.await;
            }
            // A queue that does not answer puts off no renewal of the lease.
            Either::Right(_) => tracing::warn!(org = %self.org, "message not renewed within a heartbeat"),
        }
        let began = clock.monotonic();
        Ok(self.write(exporting, |lane, _| Ok(lane)).await?.map(|_| began))
    }

    /// Renews the lease in one commit with what `add` puts beside it; so the commit proves that the lane is held.
    ///
    /// `add` may change the lane before it is written. Gives the version of what was written; `Err(LaneRefused::Lost)` inside when the
    /// lease is no longer ours.
    pub(super) async fn write<F>(
        &self,
        exporting: &Exporting,
        add: F,
    ) -> Result<Result<CommitId, LaneRefused>, PortError>
    where
        F: Fn(Lane, &mut Transaction) -> Result<Lane, PortError>,
    {
        let context = &exporting.context;
        let mut attempts = Attempts::new(context);
        let mut held = self.lane.lock().await;
        let mut tried = Vec::new();
        loop {
            let lane = held.value.clone();
            let renewed = match lane.renew(self.owner, self.epoch, context.now(), exporting.settings.lease) {
                Ok(renewed) => renewed,
                Err(refused) => return Ok(Err(refused)),
            };
            let mut transaction = context.transaction();
            let lane = add(renewed, &mut transaction)?;
            transaction.update(held.version, &lane)?;
            tried.push(transaction.commit_id());
            match transaction.commit(&*context.state).await {
                Ok(version) => {
                    *held = Stored { value: lane, version };
                    return Ok(Ok(version));
                }
                Err(error) => {
                    // What `add` put may be what conflicts: its author has to read again.
                    let refused = if error.is_conflict() && transaction.len() > 1 {
                        Some(error)
                    } else {
                        attempts.after(error).await?;
                        None
                    };
                    self.reread(exporting, &mut held).await?;
                    // An attempt whose reply was lost has taken effect: `add` is not to be done twice.
                    if tried.contains(&held.version) {
                        return Ok(Ok(held.version));
                    }
                    if let Some(error) = refused {
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn reread(&self, exporting: &Exporting, held: &mut Stored<Lane>) -> Result<(), PortError> {
        if let Some(lane) = exporting.context.rows().lane(&self.org).await? {
            *held = lane;
        }
        Ok(())
    }

    /// How long a pause that is on still lasts.
    pub(super) async fn pause_left(&self, exporting: &Exporting) -> Option<Duration> {
        let now = exporting.context.now();
        self.lane.lock().await.value.paused_until(now).map(|until| until.since(now))
    }

    /// Whether services have been refusing for longer than an export waits.
    pub(super) async fn is_out_of_patience(&self, exporting: &Exporting) -> bool {
        let since = self.lane.lock().await.value.throttled_since;
        since.is_some_and(|since| exporting.context.now().since(since) >= Lane::PATIENCE)
    }

    /// Forgets earlier pauses, in memory: the next write, at the latest the release, carries it.
    pub(super) async fn progressed(&self) {
        let mut held = self.lane.lock().await;
        held.value = held.value.clone().progressed();
    }

    /// Puts a pause on the lane: nobody starts before it is over. Gives its length.
    pub(super) async fn pause(&self, exporting: &Exporting, asked: Option<Duration>) -> Result<Duration, PortError> {
        let (context, pause_from) = (&exporting.context, exporting.context.now());
        let jitter = u32::try_from(context.entropy.below(1001)).unwrap_or(0);
        // Refused means lost: then the pause is somebody else's matter.
        drop(self.write(exporting, |lane, _| Ok(lane.pause(pause_from, asked, jitter))).await?);
        let until = self.lane.lock().await.value.not_before;
        Ok(until.map_or(Duration::ZERO, |until| until.since(context.now())))
    }

    /// Gives the lane back, if it is still ours.
    pub(super) async fn release(&self, exporting: &Exporting) -> Result<(), PortError> {
        let context = &exporting.context;
        let mut attempts = Attempts::new(context);
        let mut held = self.lane.lock().await;
        loop {
            let Ok(lane) = held.value.clone().release(self.owner, self.epoch) else { return Ok(()) };
            let mut transaction = context.transaction();
            match transaction.update(held.version, &lane)?.commit(&*context.state).await {
                Ok(version) => {
                    *held = Stored { value: lane, version };
                    return Ok(());
                }
                Err(error) => attempts.after(error).await?,
            }
            self.reread(exporting, &mut held).await?;
        }
    }
}

/// When the end of the export at the head of a lane was asked for, if it was.
async fn head_to_stop(exporting: &Exporting, org: &OrgCode) -> Result<Option<Timestamp>, PortError> {
    let rows = exporting.context.rows();
    let Some(head) = rows.queue_head(org).await? else { return Ok(None) };
    stop_asked_at(rows, &head.value).await
}
