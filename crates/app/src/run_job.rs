//! Running a job now, whatever its schedule says.

use crate::create_export::freeze_request;
use crate::job_template::request_of;
use crate::make_export::{Cap, Draft, Failed, compose, repeated, ring, taken};
use crate::manage_jobs::{assert_may_change_job, stored_job};
use crate::retry::Attempts;
use crate::tick_schedules::{is_busy, principal_of};
use crate::{Context, Error, ExportView, IdempotentRequest};
use waybill_domain::{JobId, OfJob, Principal, Surface};
use waybill_ports::WakeQueue;

/// Makes one of the job's exports now and rings for it, paused or not. It reads with the rights of the job's account. For administrators and the maker of the job.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Conflict` when one of its exports waits or runs, or its account is locked or gone, `UnknownCollection`, `Invalid`, `TooManyWaiting`,
/// `IdempotencyMismatch`; `Throttled`, `Unavailable`, `Internal`.
pub async fn run_job(
    context: &Context,
    wake: &dyn WakeQueue,
    principal: &Principal,
    surface: Option<Surface>,
    job: &JobId,
    idempotency: Option<&IdempotentRequest>,
) -> Result<ExportView, Error> {
    // The job is part of what was asked, as the body of a create is.
    let request = idempotency.map(|request| {
        let body_digest = format!("{job}:{}", request.body_digest);
        IdempotentRequest { body_digest, ..request.clone() }
    });
    let mut stored = stored_job(context, principal, surface, job).await?;
    assert_may_change_job(principal, &stored.value)?;
    if let Some(request) = &request
        && let Some(view) = repeated(context, principal, stored.value.surface, request).await?
    {
        return Ok(view);
    }
    let template = &stored.value.request.template;
    let Some(reader) = principal_of(context, &principal.org, template.principal).await? else {
        return Err(Error::Conflict { reason: "the account that the job acts as is locked or gone".to_owned() });
    };
    let asked = &stored.value.request;
    let export = request_of(&asked.template, stored.value.surface, &asked.name, asked.description.as_deref())?;
    let draft = Draft {
        alias: None,
        surface: stored.value.surface,
        label: Some(asked.name.clone()),
        description: asked.description.clone(),
        retry_of: None,
        job: Some(OfJob { job: job.clone(), slot: None }),
        spec: Box::pin(freeze_request(context, &reader, &export)).await?,
        date_span: None,
        idempotency: request.as_ref(),
    };
    // Chosen before the first attempt, so that an attempt of unknown outcome can be recognised.
    let id = context.entropy.export_id(context.now());
    let mut attempts = Attempts::new(context);
    loop {
        if context.rows().export_pointer(&principal.org, id).await?.is_some() {
            let view = crate::read_export(context, principal, None, id).await?;
            ring(wake, &view.export).await;
            return Ok(view);
        }
        if is_busy(context, &stored.value).await? {
            return Err(Error::Conflict { reason: "an export of the job waits or runs already".to_owned() });
        }
        let mut transaction = context.transaction();
        let result = match compose(context, principal, &draft, (id, Cap::Holds), &mut transaction).await {
            Ok(view) => {
                let ran = stored.value.clone().ran(view.export.created_at, view.export.seq);
                transaction.update(stored.version, &ran)?;
                if let Some(request) = &request {
                    crate::make_export::remember_export(context, principal, request, id, &mut transaction).await?;
                }
                transaction.commit(&*context.state).await.map(|_| view)
            }
            Err(Failed::Full(limit)) => return Err(Error::TooManyWaiting { limit }),
            Err(Failed::Taken(alias)) => return Err(taken(&alias)),
            Err(Failed::Mismatch) => return Err(Error::IdempotencyMismatch),
            Err(Failed::Port(error)) => Err(error),
        };
        match result {
            Ok(view) => {
                ring(wake, &view.export).await;
                return Ok(view);
            }
            Err(error) => attempts.after(error).await?,
        }
        if let Some(request) = &request
            && context.rows().export_pointer(&principal.org, id).await?.is_none()
            && let Some(view) = repeated(context, principal, stored.value.surface, request).await?
        {
            return Ok(view);
        }
        stored = stored_job(context, principal, surface, job).await?;
    }
}
