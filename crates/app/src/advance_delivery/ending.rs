//! The end of an attempt: recorded, with the last delivery's end that of the run that waits for it, and with what it says of the destination.

use crate::Context;
use crate::retry::Attempts;
use waybill_domain::{AuditAction, Delivery, ErrandRefused, Timestamp};
use waybill_ports::PortError;

/// Writes what `by` makes of the delivery as it is, together with what that means for its run; `None` when it is somebody else's by now.
/// After an ambiguous reply, what an earlier attempt of this very call wrote is recognised.
pub(crate) async fn end_delivery(
    context: &Context,
    of: &Delivery,
    by: impl Fn(Delivery, Timestamp) -> Result<Delivery, ErrandRefused>,
) -> Result<Option<Delivery>, PortError> {
    let mut attempts = Attempts::new(context);
    let mut tried = Vec::new();
    loop {
        // The run first: whoever ends another of the deliveries moves it, so that a commit on it as it was read proves what is read of them.
        let run = match &of.what.run {
            Some(run) => context.rows().run(&of.org, &run.job, run.started_at, run.id).await?,
            None => None,
        };
        let all = context.rows().deliveries(&of.org, of.export).await?;
        let Some(stored) = all.iter().find(|stored| stored.value.number == of.number) else { return Ok(None) };
        if tried.contains(&stored.version) {
            return Ok(Some(stored.value.clone()));
        }
        let Ok(delivery) = by(stored.value.clone(), context.now()) else { return Ok(None) };
        let mut transaction = context.transaction();
        transaction.update(stored.version, &delivery)?;
        if let Some(run) = run {
            let now: Vec<&Delivery> = all
                .iter()
                .map(|other| if other.value.number == delivery.number { &delivery } else { &other.value })
                .collect();
            let told = run.value.clone().delivered(&now);
            if told != run.value {
                transaction.update(run.version, &told)?;
            } else if delivery.is_ended() {
                transaction.check(&run);
            }
        }
        if let Some(run) = &of.what.run
            && delivery.is_ended()
            && let Some(job) = context.rows().job(&of.org, &run.job).await?
            && let Some(told) = job.value.told(&delivery)
        {
            if told.is_off(delivery.number) {
                let target = run.job.as_str();
                let entry = context.audit_entry(&of.org, None, AuditAction::DestinationSwitchedOff, target);
                transaction.insert(&entry)?;
            }
            transaction.update(job.version, &told)?;
        }
        tried.push(transaction.commit_id());
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(Some(delivery)),
            Err(error) => attempts.after(error).await?,
        }
    }
}
