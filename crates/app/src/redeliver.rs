//! Deliveries of an export as people see them: listed, and begun anew by hand.

use crate::advance_delivery::{end_delivery, is_job_there};
use crate::manage_jobs::assert_may_change_job;
use crate::read_export::visible;
use crate::run_errand::ring;
use crate::{Context, Error};
use std::sync::atomic::{AtomicBool, Ordering};
use waybill_domain::{AuditAction, Delivery, Export, ExportId, Job, Principal, SealedDestination, State, Surface};
use waybill_ports::DeliveryQueue;

/// The deliveries of an export that is visible to the caller, in the order of its destinations, each with its attempts.
///
/// # Errors
/// `NotFound`; `Throttled`, `Unavailable`, `Internal`.
pub async fn list_deliveries(
    context: &Context,
    principal: &Principal,
    surface: Option<Surface>,
    export: ExportId,
) -> Result<Vec<Delivery>, Error> {
    let export = visible(context, &principal.org, surface, export).await?.value;
    deliveries_of(context, &export).await
}

/// The deliveries of an export that was read.
///
/// # Errors
/// `Throttled`, `Unavailable`, `Internal`.
pub async fn deliveries_of(context: &Context, export: &Export) -> Result<Vec<Delivery>, Error> {
    if export.deliveries == 0 || export.archive().is_none() {
        return Ok(Vec::new());
    }
    let deliveries = context.rows().deliveries(&export.org, export.id).await?;
    Ok(deliveries.into_iter().map(|stored| stored.value).collect())
}

/// Begins a delivery that has ended anew. Where its job sends the same kind of thing to that place of its list today, it goes there as that is
/// set up now, so that a secret that was wrong can be put right; the name and the id stay. For administrators, and whoever made the export
/// or its job.
///
/// # Errors
/// `NotFound`, `Forbidden`, `NotReady`, `Conflict` while it is on its way, or once its job is deleted; `Throttled`, `Unavailable`, `Internal`.
pub async fn redeliver(
    context: &Context,
    queue: &dyn DeliveryQueue,
    principal: &Principal,
    surface: Option<Surface>,
    (export, number): (ExportId, u16),
) -> Result<Delivery, Error> {
    let stored = visible(context, &principal.org, surface, export).await?.value;
    let job = match &stored.job {
        Some(of) => context.rows().job(&principal.org, &of.job).await?.map(|job| job.value),
        None => None,
    };
    if stored.creator != principal.account {
        match &job {
            Some(job) => assert_may_change_job(principal, job)?,
            None if principal.is_admin() => {}
            None => {
                return Err(Error::Forbidden {
                    reason: "only administrators and the maker of an export may deliver it again",
                });
            }
        }
    }
    if !matches!(stored.state, State::Ready { .. }) {
        return Err(Error::NotReady { state: "not ready" });
    }
    let not_found = || Error::NotFound { kind: "delivery", id: format!("{export}/{number}") };
    let delivery: Delivery = context.rows().errand(&principal.org, export, number).await?.ok_or_else(not_found)?.value;
    if let Some(run) = &delivery.what.run
        && !is_job_there(context, &principal.org, run).await?
    {
        return Err(Error::Conflict { reason: "the job was deleted: nothing of it is delivered any more".to_owned() });
    }
    let destination = destination_now(&delivery, job.as_ref());
    let on_its_way = AtomicBool::new(false);
    let again = end_delivery(context, &delivery, |delivery, now| {
        let again = delivery.again(destination.clone(), now);
        on_its_way.store(again.is_err(), Ordering::Relaxed);
        again
    });
    let Some(delivery) = again.await? else {
        if on_its_way.load(Ordering::Relaxed) {
            return Err(Error::Conflict { reason: "the delivery is on its way already".to_owned() });
        }
        return Err(not_found());
    };
    let entry = context.audit_entry(&principal.org, Some(principal), AuditAction::DeliveryRepeated, delivery.id());
    let mut transaction = context.transaction();
    transaction.insert(&entry)?;
    transaction.commit(&*context.state).await?;
    ring(queue, &delivery, context.now()).await;
    Ok(delivery)
}

fn destination_now(delivery: &Delivery, job: Option<&Job>) -> SealedDestination {
    let frozen = &delivery.what.destination;
    job.and_then(|job| job.request.template.destinations.get(usize::from(delivery.number)))
        .filter(|now| now.config.kind() == frozen.config.kind())
        .unwrap_or(frozen)
        .clone()
}
