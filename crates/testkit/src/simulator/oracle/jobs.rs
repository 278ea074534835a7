//! What the oracle demands of jobs: each slot once, each with an outcome, none of a schedule that was changed.

use super::Oracle;
use crate::simulator::history::{Actor, Role};
use crate::simulator::profile::Calamity;
use crate::simulator::weaken::{Kind, kind_of};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use waybill_domain::{
    Export, ExportId, Job, JobId, JobSchedule, OrgCode, Run, RunId, RunStatus, Skipped, Slot, SlotOutcome, Timestamp,
};
use waybill_ports::{Row, Write};
use waybill_schedule::{Schedule, Zone, next_after};

/// How late a slot may fire.
const CATCH_UP: Duration = Duration::from_hours(1);
/// How long after faults have ended nobody may leave a slot alone.
const LOOKED_AFTER: Duration = Duration::from_mins(3);

/// Jobs, slots and runs that are there, by their rows' keys.
#[derive(Debug, Default)]
pub(super) struct JobsSeen {
    jobs: BTreeMap<(OrgCode, String), Job>,
    runs: BTreeMap<(OrgCode, String), Run>,
    slots: BTreeMap<(OrgCode, String), Slot>,
    /// Exports of jobs that are gone; another job may have the id by now.
    outlived: BTreeSet<ExportId>,
}

fn parse<T: DeserializeOwned>(row: &Row) -> Option<T> {
    serde_json::from_str(&row.body).ok()
}

/// The first slot of a job strictly after an instant, told by nobody but the schedule.
fn next(job: &Job, after: Timestamp) -> Option<Timestamp> {
    let JobSchedule::Cron { cron } = &job.request.schedule else { return None };
    let (schedule, zone) = (Schedule::Cron(cron.parse().ok()?), job.request.zone.parse::<Zone>().ok()?);
    let after = jiff::Timestamp::from_millisecond(after.as_millis()).ok()?;
    next_after(&schedule, after, &zone).map(|at| Timestamp::from_millis(at.as_millisecond()))
}

impl Oracle {
    /// Looks at what a commit says of jobs; `exports` are those that it wrote.
    pub(super) fn jobs_written(&mut self, actor: Actor, org: &OrgCode, writes: &[Write], exports: &[Export]) {
        let puts = |kind: Kind| {
            writes.iter().filter_map(move |write| match write {
                Write::Put { row, .. } if kind_of(&row.key) == kind => Some(row),
                _ => None,
            })
        };
        let slots: Vec<Slot> = puts(Kind::Slot).filter_map(parse).collect();
        for row in puts(Kind::Job) {
            match parse::<Job>(row) {
                Some(job) => self.job_written(actor, org, job, &slots),
                None => self.violate(format!("{} cannot be read", row.key)),
            }
        }
        for slot in &slots {
            self.slot_written(org, slot, writes);
        }
        for export in exports {
            self.export_of_slot(export, &slots);
        }
        for row in puts(Kind::Run) {
            if let Some(run) = parse::<Run>(row) {
                let on_their_way = run.status != RunStatus::Running && self.has_open_deliveries(run.id);
                self.demand(!on_their_way, || {
                    format!("{org}: the run {} is {:?} before its files have arrived", run.id, run.status)
                });
                let key = (org.clone(), row.key.sk.clone());
                let before = self.jobs.runs.insert(key, run.clone());
                let ended = before.filter(|before| before.status != RunStatus::Running);
                let same = ended.as_ref().is_none_or(|before| *before == run);
                // A file that is delivered again by hand is on its way again.
                let again = ended.is_some() && writes.iter().any(|write| kind_of(write.key()) == Kind::Delivery);
                self.demand(same || again, || format!("{org}: the run {} was {ended:?} and is {run:?}", run.id));
            }
        }
        for write in writes {
            let Write::Delete { key, .. } = write else { continue };
            let at = (org.clone(), key.sk.clone());
            match kind_of(key) {
                Kind::Slot => drop(self.jobs.slots.remove(&at)),
                Kind::Run => drop(self.jobs.runs.remove(&at)),
                Kind::Job => self.job_removed(org, &at),
                _ => {}
            }
        }
    }

    fn job_written(&mut self, actor: Actor, org: &OrgCode, job: Job, slots: &[Slot]) {
        let key = (org.clone(), format!("JOB#{}", job.id));
        let id = job.id.clone();
        if let Some(before) = self.jobs.jobs.get(&key).cloned() {
            let changed = before.request != job.request;
            let grown = job.generation == before.generation + u64::from(changed)
                || (!changed && job.generation == before.generation + 1 && actor.role == Role::Client);
            self.demand(grown, || {
                format!("{org} {id}: generation {} after {}, changed: {changed}", job.generation, before.generation)
            });
            let by_schedule = actor.role == Role::Scheduler;
            self.demand(!(by_schedule && changed), || format!("{org} {id}: #{} changed what was asked", actor.number));
            let back = job.decided_through < before.decided_through;
            self.demand(!back, || format!("{org} {id}: what was decided is open again"));
            let revived = before.deleted_at.is_some() && job.deleted_at.is_none();
            self.demand(!revived, || format!("{org} {id}: a deleted job came back"));
            self.all_are_accounted_for(org, &before, &job, slots);
        }
        let active = job.request.active && job.deleted_at.is_none();
        let due = next(&job, job.decided_through);
        let right = job.next_run_at == due.filter(|_| active);
        let (says, decided) = (job.next_run_at, job.decided_through);
        self.demand(right, || format!("{org} {id}: says {says:?} is next after {decided}, and {due:?} is"));
        self.jobs.jobs.insert(key, job);
    }

    /// Every slot that is decided by a commit is in it, with what became of it.
    fn all_are_accounted_for(&mut self, org: &OrgCode, before: &Job, after: &Job, slots: &[Slot]) {
        let mut due = before.next_run_at;
        let mut looked = 0;
        while let Some(at) = due.filter(|at| *at <= after.decided_through && looked < 2000) {
            let told = slots.iter().filter(|slot| slot.job == before.id && slot.at <= at && at <= slot.through).count();
            self.demand(told == 1, || format!("{org} {}: its slot {at} was told of {told} times", before.id));
            due = next(before, at);
            looked += 1;
        }
    }

    fn slot_written(&mut self, org: &OrgCode, slot: &Slot, writes: &[Write]) {
        let (id, at) = (&slot.job, slot.at);
        let key = (org.clone(), format!("SLOT#{id}#{:015}", at.as_millis()));
        let earlier = self.jobs.slots.insert(key, slot.clone());
        self.demand(earlier.is_none(), || format!("{org} {id}: the slot {at} was decided as {earlier:?} already"));
        let Some(job) = self.jobs.jobs.get(&(org.clone(), format!("JOB#{id}"))).cloned() else {
            self.violate(format!("{org} {id}: a slot of no job was decided"));
            return;
        };
        let changed = slot.outcome == SlotOutcome::Skipped { reason: Skipped::Changed };
        let of_now = changed || job.generation == slot.generation;
        self.demand(of_now, || {
            format!("{org} {id}: a slot of generation {} was decided under {}", slot.generation, job.generation)
        });
        let is_one = changed || next(&job, at.before(Duration::from_millis(1))) == Some(at);
        self.demand(is_one, || format!("{org} {id}: {at} is no slot"));
        let in_time = slot.at <= slot.decided_at && slot.decided_at.since(slot.at) <= CATCH_UP;
        let exports = writes.iter().filter(|write| kind_of(write.key()) == Kind::Export).count();
        match &slot.outcome {
            SlotOutcome::Fired { .. } => {
                self.demand(in_time, || format!("{org} {id}: {at} fired at {}", slot.decided_at));
                self.demand(exports == 1, || format!("{org} {id}: {at} made {exports} exports"));
            }
            SlotOutcome::Skipped { reason: Skipped::Late } => {
                let late = slot.decided_at.since(slot.through) > CATCH_UP;
                self.demand(late, || format!("{org} {id}: {at} was given up at {}", slot.decided_at));
            }
            SlotOutcome::Skipped { reason: Skipped::Busy } => {
                self.demand(job.last_export.is_some(), || format!("{org} {id}: nothing of it ran at {at}"));
            }
            SlotOutcome::Skipped { reason: Skipped::Superseded | Skipped::Changed } => {}
            SlotOutcome::Failed { message } => {
                let due = self.orgs.get(org).is_some_and(|org| org.traits.has(Calamity::CollectionGone));
                self.demand(due, || format!("{org} {id}: {at} failed for no good reason: {message}"));
            }
        }
    }

    /// The export of a slot is made with the slot, while no other of its job waits or runs.
    fn export_of_slot(&mut self, export: &Export, slots: &[Slot]) {
        let Some((of, at)) = export.job.as_ref().and_then(|of| Some((of, of.slot?))) else { return };
        let id = export.id;
        let told = slots.iter().any(|slot| slot.outcome == SlotOutcome::Fired { export: id });
        let kept = self.jobs.slots.values().any(|slot| slot.outcome == SlotOutcome::Fired { export: id });
        let key = (export.org.clone(), format!("JOB#{}", of.job));
        let deleted = self.jobs.jobs.get(&key).is_none_or(|job| job.deleted_at.is_some()) || self.outlived_its_job(&id);
        self.demand(told || kept || deleted, || format!("{id} is of the slot {at} of {}, which did not fire", of.job));
        if told && let Some(seen) = self.orgs.get(&export.org) {
            let other = seen.exports.values().map(|seen| &seen.export).find(|other| {
                let same = other.job.as_ref().is_some_and(|other| other.job == of.job);
                // One that was made by hand since the job was read changes the job, so that the slot's commit fails.
                same && other.id != id && other.ticket().is_some() && !self.outlived_its_job(&other.id)
            });
            let other = other.map(|other| other.id);
            self.demand(other.is_none(), || format!("{id} was made while {other:?} of its job waited or ran"));
        }
    }

    /// Whether the job that made an export is gone; another may have its id by now.
    pub(super) fn outlived_its_job(&self, export: &ExportId) -> bool {
        self.jobs.outlived.contains(export)
    }

    fn job_removed(&mut self, org: &OrgCode, key: &(OrgCode, String)) {
        let Some(job) = self.jobs.jobs.remove(key) else { return };
        let seen = self.orgs.get(org).into_iter().flat_map(|org| org.exports.values());
        let of_it = seen.filter(|seen| seen.export.job.as_ref().is_some_and(|of| of.job == job.id));
        self.jobs.outlived.extend(of_it.map(|seen| seen.export.id));
        self.demand(job.deleted_at.is_some(), || format!("{org} {}: was removed though nobody deleted it", job.id));
        let left = self.jobs.slots.iter().filter(|((of, _), slot)| of == org && slot.job == job.id).count();
        let runs = self.jobs.runs.iter().filter(|((of, _), run)| of == org && run.job == job.id).count();
        self.demand(left + runs == 0, || format!("{org} {}: left {left} slots and {runs} runs behind", job.id));
    }

    /// Whether no job is due any more.
    pub(in crate::simulator) fn are_jobs_quiet(&self) -> bool {
        self.jobs.jobs.values().all(|job| job.next_run_at.is_none() && job.deleted_at.is_none())
    }

    /// Without faults no slot waits for long.
    pub(in crate::simulator) fn are_jobs_looked_after(&mut self, now: Timestamp) {
        let late = |job: &&Job| job.next_run_at.is_some_and(|at| now.since(at) > LOOKED_AFTER);
        let forgotten = self.jobs.jobs.values().find(late).map(|job| format!("{} {}", job.org, job.id));
        self.demand(forgotten.is_none(), || format!("nobody looks after {forgotten:?}"));
    }

    /// A run, by its id.
    pub(super) fn run_of(&self, org: &OrgCode, id: RunId) -> Option<&Run> {
        self.jobs.runs.iter().find(|((of, _), run)| of == org && run.id == id).map(|(_, run)| run)
    }

    /// Whether the job that began a run then is there.
    pub(super) fn is_job_there(&self, org: &OrgCode, id: &JobId, started_at: Timestamp) -> bool {
        let job = self.jobs.jobs.get(&(org.clone(), format!("JOB#{id}")));
        job.is_some_and(|job| job.deleted_at.is_none() && job.created_at <= started_at)
    }

    /// Runs that are said to run although nothing does.
    pub(super) fn runs_left_running(&self) -> Vec<String> {
        let running = self.jobs.runs.values().filter(|run| run.status == RunStatus::Running);
        running.map(|run| format!("{}: the run {} of {} is left running", run.org, run.id, run.job)).collect()
    }
}
