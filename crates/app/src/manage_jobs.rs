//! Jobs: made, replaced, paused, resumed, deleted, read and listed.

use crate::create_export::freeze_request;
use crate::job_destinations::{DestinationRequest, seal_destinations};
use crate::job_schedule::JobClock;
use crate::job_template::{Delivered, request_of, template_of};
use crate::retry::Attempts;
use crate::{Context, CreateExport, Error, FieldError, IdempotentRequest, Page};
use waybill_domain::{
    AuditAction, FilenameTemplate, Job, JobId, JobRequest, JobSchedule, JobTemplate, MAX_JOBS, Org, Principal, Skipped,
    Slot, SlotOutcome, Surface, Timestamp,
};
use waybill_ports::{PortError, SecretVault, Stored};

/// Jobs read at a time.
const PAGE: usize = 1000;
/// How many times a job is looked at anew because others changed it meanwhile.
const AMENDMENTS: usize = 5;

/// What a client asks of a job.
#[derive(Clone, Debug)]
pub struct PutJob {
    /// The surface that it is asked through.
    pub surface: Surface,
    /// A name for people.
    pub name: String,
    /// More for people.
    pub description: Option<String>,
    /// What is exported each time; its label, description, time and idempotency are no matter.
    pub export: CreateExport,
    /// When.
    pub schedule: JobSchedule,
    /// IANA zone; `None` = the org's.
    pub zone: Option<String>,
    /// Whether it is due at all.
    pub active: bool,
    /// Where the bare file goes.
    pub destinations: Vec<DestinationRequest>,
    /// Its name there.
    pub filename: Option<FilenameTemplate>,
    /// Whether it goes there as gzip.
    pub compress: bool,
}

/// Makes a job, under `id` if the client names one.
///
/// # Errors
/// `Invalid`, `UnknownCollection`, `Conflict` when there is such a job, `LimitExceeded` beyond 1 000 jobs, `IdempotencyMismatch`;
/// `Throttled`, `Unavailable`, `Internal`.
pub async fn create_job(
    context: &Context,
    vault: &dyn SecretVault,
    principal: &Principal,
    id: Option<JobId>,
    command: &PutJob,
    idempotency: Option<&IdempotentRequest>,
) -> Result<Job, Error> {
    if let Some(job) = repeated(context, principal, idempotency).await? {
        return Ok(job);
    }
    let org = &principal.org;
    let named = id.is_some();
    let id = id.unwrap_or_else(|| context.entropy.job_id(context.now()));
    let (checked, clock) = check(context, vault, principal, &id, command, None).await?;
    let (there, _) = context.rows().jobs(org, None, MAX_JOBS).await?;
    if there.len() >= MAX_JOBS {
        return Err(Error::LimitExceeded { reason: format!("an org has at most {MAX_JOBS} jobs") });
    }
    let mut attempts = Attempts::new(context);
    let mut tried = Vec::new();
    loop {
        if let Some(there) = context.rows().job(org, &id).await? {
            if tried.contains(&there.version) {
                return Ok(there.value);
            }
            let reason = match there.value.deleted_at {
                None => format!("the job `{id}` exists"),
                Some(_) => format!("the job `{id}` is being removed; try again in a minute"),
            };
            debug_assert!(named, "an id of our own is met again");
            return Err(Error::Conflict { reason });
        }
        let now = context.now();
        let job = Job::new(
            (org.clone(), id.clone()),
            (command.surface, principal.account),
            checked.clone(),
            clock.next(now),
            now,
        );
        let mut transaction = context.transaction();
        transaction.insert(&job)?;
        transaction.insert(&context.audit_entry(org, Some(principal), AuditAction::JobPut, id.as_str()))?;
        if let Some(request) = idempotency {
            let used = request.remembered(context, principal).await?;
            if used.as_ref().is_some_and(|used| now < used.value.expires_at) {
                // Another request of that key was quicker.
                return repeated(context, principal, idempotency).await?.ok_or(Error::IdempotencyMismatch);
            }
            let record = request.made((org, principal.key), &id, now);
            transaction.upsert(used.map(|used| used.version), &record)?;
        }
        tried.push(transaction.commit_id());
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(job),
            Err(error) => attempts.after(error).await?,
        }
    }
}

/// What an earlier request with the same key made, as it is now.
async fn repeated(
    context: &Context,
    principal: &Principal,
    request: Option<&IdempotentRequest>,
) -> Result<Option<Job>, Error> {
    let Some(request) = request else { return Ok(None) };
    let Some(made) = request.made_before(context, principal).await? else { return Ok(None) };
    let made: JobId = made.parse().map_err(|_| Error::IdempotencyMismatch)?;
    read_job(context, principal, None, &made).await.map(Some)
}

/// Replaces what is asked of a job, whole. The schedule goes on from its next slot; no slot is made up for.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid`, `UnknownCollection`; `Throttled`, `Unavailable`, `Internal`.
pub async fn put_job(
    context: &Context,
    vault: &dyn SecretVault,
    principal: &Principal,
    surface: Option<Surface>,
    id: &JobId,
    command: &PutJob,
) -> Result<Job, Error> {
    amend_job(context, vault, principal, surface, id, |_| Ok(command.clone())).await
}

/// Replaces what is asked of a job by what `amend` makes of the job as it is, for callers that know only a part of what can be asked: so
/// the rest is not taken from an older reading. The schedule goes on as by [`put_job`].
///
/// # Errors
/// As [`put_job`], those of `amend`, and `Conflict` when others change the job all the time.
pub async fn amend_job<E: From<Error>>(
    context: &Context,
    vault: &dyn SecretVault,
    principal: &Principal,
    surface: Option<Surface>,
    id: &JobId,
    amend: impl Fn(&Job) -> Result<PutJob, E>,
) -> Result<Job, E> {
    for _ in 0..AMENDMENTS {
        let before = read_job(context, principal, surface, id).await?;
        assert_may_change_job(principal, &before)?;
        let command = amend(&before)?;
        let (request, clock) = check(context, vault, principal, id, &command, Some(&before.request.template)).await?;
        let after = change(context, principal, surface, id, |job, now| {
            let next = clock.next(job.begins_after(now));
            // What was checked is made of this very request, secrets that are kept among it.
            (job.request == before.request).then(|| job.changed(request.clone(), next, now))
        })
        .await?;
        if after.request == request {
            return Ok(after);
        }
    }
    Err(Error::Conflict { reason: format!("others change the job `{id}`; try again") }.into())
}

/// Pauses a job: it is not due any more, and stays as it is otherwise. Repeating it changes nothing.
///
/// # Errors
/// `NotFound`, `Forbidden`; `Throttled`, `Unavailable`, `Internal`.
pub async fn pause_job(
    context: &Context,
    principal: &Principal,
    surface: Option<Surface>,
    id: &JobId,
) -> Result<Job, Error> {
    set_active(context, principal, surface, id, false).await
}

/// Resumes a job from its next slot; those of the pause are not made up for. Repeating it changes nothing.
///
/// # Errors
/// As [`pause_job`].
pub async fn resume_job(
    context: &Context,
    principal: &Principal,
    surface: Option<Surface>,
    id: &JobId,
) -> Result<Job, Error> {
    set_active(context, principal, surface, id, true).await
}

async fn set_active(
    context: &Context,
    principal: &Principal,
    surface: Option<Surface>,
    id: &JobId,
    active: bool,
) -> Result<Job, Error> {
    let job = read_job(context, principal, surface, id).await?;
    assert_may_change_job(principal, &job)?;
    change(context, principal, surface, id, |job, now| {
        let request = JobRequest { active, ..job.request.clone() };
        let clock = JobClock::of(&request.schedule, &request.zone).ok()?;
        let next = clock.next(job.begins_after(now));
        (job.request.active != active).then(|| job.changed(request, next, now))
    })
    .await
}

/// Deletes a job with its runs and slots: invisible from the reply on, its rows removed by the next ticks. Exports that it made stay.
///
/// # Errors
/// As [`pause_job`].
pub async fn delete_job(
    context: &Context,
    principal: &Principal,
    surface: Option<Surface>,
    id: &JobId,
) -> Result<(), Error> {
    let job = read_job(context, principal, surface, id).await?;
    assert_may_change_job(principal, &job)?;
    match change(context, principal, surface, id, |job, now| Some(job.deleted(now))).await {
        // By an attempt whose reply was lost, or by somebody else: what was asked for holds.
        Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The job with that id, if it is of the caller's org, made through `surface` (`None` = any), and not deleted.
///
/// # Errors
/// `NotFound` otherwise, whatever the reason.
pub async fn read_job(
    context: &Context,
    principal: &Principal,
    surface: Option<Surface>,
    id: &JobId,
) -> Result<Job, Error> {
    stored_job(context, principal, surface, id).await.map(|stored| stored.value)
}

pub(crate) async fn stored_job(
    context: &Context,
    principal: &Principal,
    surface: Option<Surface>,
    id: &JobId,
) -> Result<Stored<Job>, Error> {
    let stored = context.rows().job(&principal.org, id).await?;
    stored.filter(|stored| is_shown(&stored.value, surface)).ok_or_else(|| not_found(id))
}

fn is_shown(job: &Job, surface: Option<Surface>) -> bool {
    job.deleted_at.is_none() && surface.is_none_or(|surface| surface == job.surface)
}

fn not_found(id: &JobId) -> Error {
    Error::NotFound { kind: "export job", id: id.to_string() }
}

/// Jobs of the caller's org made through `surface` (`None` = any) beyond the id `after`, by id.
///
/// # Errors
/// `Throttled`, `Unavailable`, `Internal`.
pub async fn list_jobs(
    context: &Context,
    principal: &Principal,
    surface: Option<Surface>,
    after: Option<&JobId>,
    limit: usize,
) -> Result<Page<Job, JobId>, Error> {
    let mut items: Vec<Job> = Vec::new();
    let mut from = after.cloned();
    let mut more = true;
    while more && items.len() <= limit {
        let (page, rest) = context.rows().jobs(&principal.org, from.as_ref(), PAGE.min(limit + 1)).await?;
        from = page.last().map(|last| last.value.id.clone()).or(from);
        more = rest;
        items.extend(page.into_iter().map(|stored| stored.value).filter(|job| is_shown(job, surface)));
    }
    let further = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| further).map(|last| last.id.clone());
    Ok(Page { items, next })
}

/// Refuses unless the caller made the job or is an administrator.
///
/// # Errors
/// `Forbidden`.
pub(crate) fn assert_may_change_job(principal: &Principal, job: &Job) -> Result<(), Error> {
    if principal.is_admin() || principal.account == job.creator {
        Ok(())
    } else {
        Err(Error::Forbidden { reason: "only administrators and the maker of a job may change or run it" })
    }
}

/// Changes a job as `by` says; `None` leaves it.
async fn change(
    context: &Context,
    principal: &Principal,
    surface: Option<Surface>,
    id: &JobId,
    by: impl Fn(Job, Timestamp) -> Option<Job>,
) -> Result<Job, Error> {
    let mut attempts = Attempts::new(context);
    let mut tried = Vec::new();
    loop {
        let stored = stored_job(context, principal, surface, id).await?;
        if tried.contains(&stored.version) {
            return Ok(stored.value);
        }
        let Some(job) = by(stored.value.clone(), context.now()) else { return Ok(stored.value) };
        let action = if job.deleted_at.is_some() { AuditAction::JobDeleted } else { AuditAction::JobPut };
        let mut transaction = context.transaction();
        transaction.update(stored.version, &job)?;
        transaction.insert(&context.audit_entry(&principal.org, Some(principal), action, id.as_str()))?;
        if let Some(slot) = left_out(&stored.value, &job, context.now()) {
            transaction.insert(&slot)?;
        }
        tried.push(transaction.commit_id());
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(job),
            Err(error) => attempts.after(error).await?,
        }
    }
}

/// Slots of what was asked for before that were due, and that nobody has looked at: they cannot fire any more.
fn left_out(before: &Job, after: &Job, now: Timestamp) -> Option<Slot> {
    let at = before.next_run_at.filter(|at| *at <= after.decided_through)?;
    Some(Slot {
        org: before.org.clone(),
        job: before.id.clone(),
        generation: before.generation,
        at,
        through: after.decided_through,
        outcome: SlotOutcome::Skipped { reason: Skipped::Changed },
        decided_at: now,
    })
}

/// What is asked for, checked as if an export were made of it now.
async fn check(
    context: &Context,
    vault: &dyn SecretVault,
    principal: &Principal,
    id: &JobId,
    command: &PutJob,
    before: Option<&JobTemplate>,
) -> Result<(JobRequest, JobClock), Error> {
    let Some(org) = context.rows().org(&principal.org).await? else {
        return Err(Error::NotFound { kind: "org", id: principal.org.to_string() });
    };
    let zone = command.zone.clone().unwrap_or_else(|| org.value.zone.clone());
    let clock = on_time(&command.schedule, &zone, &org.value, context.now())?;
    let kept: &[_] = before.map_or(&[], |template| &template.destinations);
    let destinations = seal_destinations(vault, (&principal.org, id.as_str()), &command.destinations, kept).await?;
    let delivered = Delivered { destinations, filename: command.filename.clone(), compress: command.compress };
    let named = command.export.principal;
    let account = named.or(before.map(|template| template.principal)).unwrap_or(principal.account);
    let template = template_of(command.export.clone(), account, delivered);
    let request = request_of(&template, command.surface, &command.name, command.description.as_deref())?;
    freeze_request(context, principal, &CreateExport { principal: named, ..request }).await?;
    let zone = clock.zone().to_owned();
    let request = JobRequest {
        name: command.name.clone(),
        description: command.description.clone(),
        template,
        schedule: command.schedule.clone(),
        zone,
        active: command.active,
    };
    Ok((request, clock))
}

/// The schedule, understood, when it is ever due and not more often than the org allows.
fn on_time(schedule: &JobSchedule, zone: &str, org: &Org, now: Timestamp) -> Result<JobClock, Error> {
    let clock = JobClock::of(schedule, zone).map_err(Error::Invalid)?;
    let field = match schedule {
        JobSchedule::Cron { .. } => "schedule.cron",
        JobSchedule::Rrule { .. } => "schedule.rrule",
    };
    let refuse = |message: String| Err(Error::Invalid(vec![FieldError { field: field.to_owned(), message }]));
    match clock.first(now, now) {
        Err(reason) => return refuse(reason),
        Ok(None) if !clock.has_ever_been_due() => return refuse("is never due".to_owned()),
        Ok(_) => {}
    }
    let least = org.min_interval();
    match clock.shortest_gap() {
        Some(gap) if gap < least => {
            let (gap, least) = (gap.as_secs(), least.as_secs());
            refuse(format!("is due {gap} s after it was; this org's jobs keep {least} s between two slots"))
        }
        _ => Ok(clock),
    }
}

/// A conflict of two who change one job.
pub(crate) fn moved_on() -> PortError {
    PortError::new(waybill_ports::PortErrorKind::Conflict, "changing a job")
}
