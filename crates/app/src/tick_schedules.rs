//! The tick of schedules: each slot that is due is decided once, and on record with what became of it; the one that fires makes its
//! export in the same transaction.
//!
//! A job's row holds its next slot, so the index of what is due names it; it is read again, and written only as it was read. So a tick
//! may be late, doubled, missing or cut off half-way: what is not committed has not happened, and the next tick finds it.

use crate::create_export::freeze_request;
use crate::due_rows::{DueWork, walk_due};
use crate::job_schedule::{Decision, JobClock};
use crate::job_template::request_of;
use crate::make_export::{Cap, Draft, Failed, compose, ring};
use crate::manage_jobs::moved_on;
use crate::retry::Attempts;
use crate::{Admitting, Context, Error};
use async_trait::async_trait;
use std::time::Duration;
use waybill_domain::{
    AccountId, Export, ExportSpec, Job, JobId, KeyId, OfJob, OrgCode, Principal, Run, RunId, RunStatus, Skipped, Slot,
    SlotOutcome, State, Timestamp,
};
use waybill_ports::{DueKind, PortError, PortErrorKind, RowKey, Stored, Transaction};

/// Rows of a deleted job that are removed at a time.
const REMOVED: usize = 90;

/// What a tick did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Jobs whose slots were decided, or whose rows were removed.
    pub jobs: usize,
    /// Jobs that failed and are looked at again at the next tick.
    pub failed: usize,
}

/// Decides every slot that is due, until none is left or `budget` is over; the next tick goes on. Of a job's slots that are at most an
/// hour old the latest fires, unless its export before still waits or runs; every other is on record with the reason.
pub async fn tick_schedules(admitting: &Admitting, budget: Duration) -> Ticked {
    let work = Deciding(admitting);
    let walked = walk_due(&admitting.context, DueKind::Job, budget, &work).await;
    Ticked { jobs: walked.done, failed: walked.failed }
}

struct Deciding<'a>(&'a Admitting);

#[async_trait]
impl DueWork for Deciding<'_> {
    async fn handle(&self, key: &RowKey) -> Result<bool, PortError> {
        let (admitting, context) = (self.0, &self.0.context);
        let mut attempts = Attempts::new(context);
        loop {
            let Some(row) = context.state.get(key).await? else { return Ok(false) };
            let job: Stored<Job> = Stored::parse(&row)?;
            let outcome = if job.value.deleted_at.is_some() {
                remove_rows(context, &job).await.map(|()| Outcome::Done)
            } else {
                decide(context, job).await
            };
            match outcome {
                Ok(Outcome::NotDue) => return Ok(false),
                Ok(Outcome::Done) => return Ok(true),
                Ok(Outcome::Made(export)) => {
                    ring(&*admitting.wake, &export).await;
                    return Ok(true);
                }
                Err(error) => attempts.after(error).await?,
            }
        }
    }
}

enum Outcome {
    NotDue,
    Done,
    Made(Box<Export>),
}

/// What becomes of the slot that would fire.
enum Firing {
    /// It makes the export of this request.
    Makes(Principal, Box<ExportSpec>),
    /// The export before it waits or runs.
    Busy,
    /// There is no making one.
    Fails(String),
}

async fn decide(context: &Context, job: Stored<Job>) -> Result<Outcome, PortError> {
    let now = context.now();
    let Some(first) = job.value.next_run_at.filter(|at| *at <= now) else { return Ok(Outcome::NotDue) };
    let request = &job.value.request;
    let clock = JobClock::of(&request.schedule, &request.zone).map_err(|errors| corrupt(&job.value, &errors))?;
    let decision = clock.decide(first, now);
    let mut transaction = context.transaction();
    for (range, reason) in [(decision.late, Skipped::Late), (decision.superseded, Skipped::Superseded)] {
        if let Some(range) = range {
            transaction.insert(&slot(&job.value, range, SlotOutcome::Skipped { reason }, now))?;
        }
    }
    let (mut made, mut failed_at) = (None, None);
    if let Some(at) = decision.fires {
        let outcome = match firing(context, &job.value).await? {
            Firing::Busy => SlotOutcome::Skipped { reason: Skipped::Busy },
            Firing::Fails(message) => {
                transaction.insert(&failed_run(context, &job.value, at, &message, now))?;
                failed_at = Some(now);
                SlotOutcome::Failed { message }
            }
            Firing::Makes(principal, spec) => {
                let export = make(context, &job.value, at, (&principal, *spec), &mut transaction).await?;
                let id = export.id;
                made = Some(export);
                SlotOutcome::Fired { export: id }
            }
        };
        transaction.insert(&slot(&job.value, (at, at), outcome, now))?;
    }
    move_on(&mut transaction, job, decision, (made.as_ref(), failed_at))?;
    transaction.commit(&*context.state).await?;
    Ok(made.map_or(Outcome::Done, |export| Outcome::Made(Box::new(export))))
}

fn move_on(
    transaction: &mut Transaction,
    job: Stored<Job>,
    decision: Decision,
    (made, failed_at): (Option<&Export>, Option<Timestamp>),
) -> Result<(), PortError> {
    let ran = made.map(|export| (export.created_at, export.seq));
    let moved = job.value.decided(decision.through, decision.next, ran).map_err(|_| moved_on())?;
    // A run that made no export is one all the same.
    let moved = Job { last_run_at: failed_at.or(moved.last_run_at), ..moved };
    transaction.update(job.version, &moved).map(drop)
}

fn slot(job: &Job, (at, through): (Timestamp, Timestamp), outcome: SlotOutcome, now: Timestamp) -> Slot {
    Slot {
        org: job.org.clone(),
        job: job.id.clone(),
        generation: job.generation,
        at,
        through,
        outcome,
        decided_at: now,
    }
}

/// Whether the job's last export waits in the lane or runs. It is the only one that may: there is none beside it, by a slot or by hand.
pub(crate) async fn is_busy(context: &Context, job: &Job) -> Result<bool, PortError> {
    let Some(seq) = job.last_export else { return Ok(false) };
    let last = context.rows().export(&job.org, seq).await?;
    Ok(last.is_some_and(|last| matches!(last.value.state, State::Queued { .. } | State::Running { .. })))
}

async fn firing(context: &Context, job: &Job) -> Result<Firing, PortError> {
    if is_busy(context, job).await? {
        return Ok(Firing::Busy);
    }
    let account = job.request.template.principal;
    let Some(principal) = principal_of(context, &job.org, account).await? else {
        return Ok(Firing::Fails("the account that the job acts as is locked or gone".to_owned()));
    };
    match freeze_job(context, &principal, job).await {
        Ok(spec) => Ok(Firing::Makes(principal, Box::new(spec))),
        Err(Error::Internal(error) | Error::Unavailable(error)) => Err(error),
        Err(Error::Throttled { retry_after }) => {
            Err(PortError::new(PortErrorKind::Throttled { retry_after }, "freezing a job's request"))
        }
        Err(error) => Ok(Firing::Fails(error.to_string())),
    }
}

/// The request of the job's next export, checked against what there is now.
async fn freeze_job(context: &Context, principal: &Principal, job: &Job) -> Result<ExportSpec, Error> {
    let asked = &job.request;
    let request = request_of(&asked.template, job.surface, &asked.name, asked.description.as_deref())?;
    freeze_request(context, principal, &request).await
}

/// The account of a job as it acts without a key; `None` when it is locked or gone.
pub(crate) async fn principal_of(
    context: &Context,
    org: &OrgCode,
    account: AccountId,
) -> Result<Option<Principal>, PortError> {
    let account = context.rows().account(org, account).await?.filter(|account| !account.value.locked);
    Ok(account.map(|Stored { value, .. }| {
        let key = KeyId::of_account(value.id);
        Principal::of(&value, value.role, std::collections::BTreeSet::new(), key)
    }))
}

/// Adds the export of the slot `at`.
async fn make(
    context: &Context,
    job: &Job,
    at: Timestamp,
    (principal, spec): (&Principal, ExportSpec),
    transaction: &mut Transaction,
) -> Result<Export, PortError> {
    let draft = Draft {
        alias: None,
        surface: job.surface,
        label: Some(job.request.name.clone()),
        description: job.request.description.clone(),
        retry_of: None,
        job: Some(OfJob { job: job.id.clone(), slot: Some(at) }),
        spec,
        date_span: None,
        idempotency: None,
    };
    let id = context.entropy.export_id(context.now());
    match compose(context, principal, &draft, (id, Cap::PassedOver), transaction).await {
        Ok(view) => Ok(view.export),
        Err(Failed::Port(error)) => Err(error),
        // None is asked of an export that was accepted with its job.
        Err(Failed::Mismatch | Failed::Full(_) | Failed::Taken(_)) => Err(moved_on()),
    }
}

fn failed_run(context: &Context, job: &Job, at: Timestamp, message: &str, now: Timestamp) -> Run {
    let id: RunId = context.entropy.run_id(now);
    Run {
        org: job.org.clone(),
        job: job.id.clone(),
        id,
        started_at: now,
        status: RunStatus::Failed,
        completed_at: Some(now),
        record_count: Some(0),
        file_size: None,
        destination_path: None,
        error: Some(message.to_owned()),
        slot: Some(at),
        export: None,
        deliveries_open: 0,
    }
}

/// A schedule that was understood when it was kept.
fn corrupt(job: &Job, errors: &[crate::FieldError]) -> PortError {
    let field = errors.first().map(|error| error.field.clone()).unwrap_or_default();
    let key = format!("{} {}", job.org, job.id);
    PortError::new(PortErrorKind::Corrupt { table: "Main".to_owned(), key, field }, "reading a job's schedule")
}

/// Removes the runs and slots of a deleted job, and at last its row.
async fn remove_rows(context: &Context, job: &Stored<Job>) -> Result<(), PortError> {
    let (org, id): (&OrgCode, &JobId) = (&job.value.org, &job.value.id);
    loop {
        let (slots, more_slots) = context.rows().slots((org, id), None, REMOVED).await?;
        let (runs, more_runs) =
            context.rows().runs((org, id), None, REMOVED.saturating_sub(slots.len()).max(1)).await?;
        let mut transaction = context.transaction();
        for slot in &slots {
            transaction.delete(slot);
        }
        for run in &runs {
            transaction.delete(run);
        }
        let last = !more_slots && !more_runs;
        if last {
            transaction.delete(job);
        } else {
            transaction.check(job);
        }
        transaction.commit(&*context.state).await?;
        if last {
            return Ok(());
        }
    }
}
