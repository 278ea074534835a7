//! The runs and slots of a job: exports seen from it, and what outside runners recorded.

use crate::manage_jobs::{assert_may_change_job, read_job, stored_job};
use crate::retry::Attempts;
use crate::{Context, Error, IdempotentRequest, Page};
use std::time::Duration;
use waybill_domain::{Job, JobId, Principal, Run, RunId, RunStatus, Slot, Surface, Timestamp};
use waybill_ports::PortError;

/// How far the clock of an outside runner may be ahead of ours.
const AHEAD: Duration = Duration::from_mins(5);

/// Runs of the job, the last begun first, before `before`, at most `limit` (1 to 1000).
///
/// # Errors
/// `NotFound`; `Throttled`, `Unavailable`, `Internal`.
pub async fn list_runs(
    context: &Context,
    principal: &Principal,
    (surface, job): (Option<Surface>, &JobId),
    before: Option<(Timestamp, RunId)>,
    limit: usize,
) -> Result<Page<Run, (Timestamp, RunId)>, Error> {
    read_job(context, principal, surface, job).await?;
    let now = context.now();
    let (rows, more) = context.rows().runs((&principal.org, job), before, limit).await?;
    // Runs are in the order of their beginnings, so what has expired comes last.
    let all = rows.len();
    let rows: Vec<_> = rows.into_iter().filter(|run| now < run.value.expires_at()).collect();
    let more = more && rows.len() == all;
    let mut page = Page::of(rows, more, |run: &Run| (run.started_at, run.id));
    for run in &mut page.items {
        if run.status == RunStatus::Running {
            *run = as_it_is(context, run.clone()).await?;
        }
    }
    Ok(page)
}

/// A run that is said to run, as its export says: that one may have ended where nobody could tell its run.
async fn as_it_is(context: &Context, run: Run) -> Result<Run, PortError> {
    let Some(seq) = run.export else { return Ok(run) };
    match context.rows().export(&run.org, seq).await {
        Ok(Some(export)) if export.value.is_terminal() => {
            // Its end may have come between the two reads; what was told with it knows of deliveries.
            let again = context.rows().run(&run.org, &run.job, run.started_at, run.id).await?;
            if let Some(told) = again.map(|stored| stored.value).filter(|told| *told != run) {
                return Ok(told);
            }
            // What waits for deliveries is told by them.
            if run.deliveries_open > 0 { Ok(run) } else { Ok(run.settled(&export.value, 0)) }
        }
        Ok(None) if run.deliveries_open == 0 => Ok(run.lost()),
        Ok(_) => Ok(run),
        Err(error) if matches!(error.kind, waybill_ports::PortErrorKind::Corrupt { .. }) => Ok(run.lost()),
        Err(error) => Err(error),
    }
}

/// Slots of the job that were decided, the last first, before `before`, at most `limit` (1 to 1000).
///
/// # Errors
/// As [`list_runs`].
pub async fn list_slots(
    context: &Context,
    principal: &Principal,
    (surface, job): (Option<Surface>, &JobId),
    before: Option<Timestamp>,
    limit: usize,
) -> Result<Page<Slot, Timestamp>, Error> {
    read_job(context, principal, surface, job).await?;
    let (rows, more) = context.rows().slots((&principal.org, job), before, limit).await?;
    Ok(Page::of(rows, more, |slot| slot.at))
}

/// What an outside runner says of a run of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRun {
    /// Where it stands.
    pub status: RunStatus,
    /// When it began; `None` = now.
    pub started_at: Option<Timestamp>,
    /// When it ended; `None` = now, once it has.
    pub completed_at: Option<Timestamp>,
    /// Records.
    pub record_count: Option<u64>,
    /// Bytes delivered.
    pub file_size: Option<u64>,
    /// Where they are.
    pub destination_path: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Puts a run of an outside runner on record. For administrators and the maker of the job.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid` when it ends before it begins, is long past or yet to come, `IdempotencyMismatch`; `Throttled`,
/// `Unavailable`, `Internal`.
pub async fn record_run(
    context: &Context,
    principal: &Principal,
    (surface, job): (Option<Surface>, &JobId),
    command: RecordRun,
    idempotency: Option<&IdempotentRequest>,
) -> Result<Run, Error> {
    let mut stored = stored_job(context, principal, surface, job).await?;
    assert_may_change_job(principal, &stored.value)?;
    // The job is part of what was asked, as the body of a create is.
    let request = idempotency.map(|request| {
        let body_digest = format!("{job}:{}", request.body_digest);
        IdempotentRequest { body_digest, ..request.clone() }
    });
    if let Some(run) = recorded(context, principal, job, request.as_ref()).await? {
        return Ok(run);
    }
    let now = context.now();
    let started_at = command.started_at.unwrap_or(now);
    let ended = command.status != RunStatus::Running;
    if command.completed_at.is_some() && !ended {
        return Err(Error::invalid("completedAt", "must not be there while `status` is `running`"));
    }
    let completed_at = command.completed_at.or(ended.then_some(now.max(started_at)));
    for (field, at) in [("startedAt", command.started_at), ("completedAt", command.completed_at)] {
        if at.is_some_and(|at| at > now.after(AHEAD)) {
            return Err(Error::invalid(field, "must not be in the future"));
        }
    }
    if completed_at.is_some_and(|at| at < started_at) {
        return Err(Error::invalid("completedAt", "must not be before `startedAt`"));
    }
    let run = Run {
        org: principal.org.clone(),
        job: job.clone(),
        id: context.entropy.run_id(now),
        started_at,
        status: command.status,
        completed_at,
        record_count: command.record_count,
        file_size: command.file_size,
        destination_path: command.destination_path,
        error: command.error,
        slot: None,
        export: None,
        deliveries_open: 0,
    };
    if run.expires_at() <= now || started_at.as_millis() < 0 {
        return Err(Error::invalid("startedAt", "must be within the last 400 days"));
    }
    let mut attempts = Attempts::new(context);
    loop {
        if context.rows().run(&run.org, &run.job, run.started_at, run.id).await?.is_some() {
            return Ok(run);
        }
        let mut transaction = context.transaction();
        transaction.insert(&run)?;
        if let Some(request) = &request {
            let used = request.remembered(context, principal).await?;
            if let Some(run) = made_by(context, principal, job, request.made_by(used.as_ref(), now)?).await? {
                // Another request of that key was quicker.
                return Ok(run);
            }
            let made = format!("{}/{}", run.started_at.as_millis(), run.id);
            transaction.upsert(used.map(|used| used.version), &request.made((&run.org, principal.key), &made, now))?;
        }
        let last = stored.value.last_run_at;
        if last.is_none_or(|last| last < run.started_at) {
            let ran = Job { last_run_at: Some(run.started_at), ..stored.value.clone() };
            transaction.update(stored.version, &ran)?;
        }
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(run),
            Err(error) => attempts.after(error).await?,
        }
        stored = stored_job(context, principal, surface, job).await?;
    }
}

/// What an earlier request with the same key put on record, as it is now.
async fn recorded(
    context: &Context,
    principal: &Principal,
    job: &JobId,
    request: Option<&IdempotentRequest>,
) -> Result<Option<Run>, Error> {
    let Some(request) = request else { return Ok(None) };
    let made = request.made_before(context, principal).await?;
    made_by(context, principal, job, made.as_deref()).await
}

/// The run that a key's row names: when it began, and its id.
async fn made_by(
    context: &Context,
    principal: &Principal,
    job: &JobId,
    made: Option<&str>,
) -> Result<Option<Run>, Error> {
    let Some(made) = made else { return Ok(None) };
    let parts = made.split_once('/').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
    let (at, id): (i64, RunId) = parts.ok_or(Error::IdempotencyMismatch)?;
    let run = context.rows().run(&principal.org, job, Timestamp::from_millis(at), id).await?;
    run.map(|run| Some(run.value)).ok_or_else(|| Error::NotFound { kind: "run", id: id.to_string() })
}
