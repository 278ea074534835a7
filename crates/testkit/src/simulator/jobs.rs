//! Clients with jobs: made, changed, paused, resumed, deleted, run by hand.

use super::clients::expected;
use super::processes::Process;
use super::profile::Calamity;
use super::setting::COLLECTION;
use crate::MemoryVault;
use std::time::Duration;
use waybill_app::{
    CreateExport, Error, PutJob, create_job, delete_job, list_jobs, pause_job, put_job, resume_job, run_job,
};
use waybill_domain::{ExportFormat, JobId, JobSchedule, Level, Principal, Surface};

/// What a client does about one of the two jobs that an org may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobErrand {
    Create { job: u64, every: u64 },
    Put { job: u64, every: u64, active: bool },
    Pause { job: u64 },
    Resume { job: u64 },
    Delete { job: u64 },
    Run { job: u64 },
    PauseAll,
}

impl JobErrand {
    /// The errand of a number.
    pub(super) fn of(choice: u64) -> Self {
        let (job, every, active) = (choice / 6 % 2, 1 + choice / 12 % 4, !choice.is_multiple_of(5));
        match choice % 6 {
            0 => Self::Create { job, every },
            1 => Self::Put { job, every, active },
            2 => Self::Pause { job },
            3 => Self::Resume { job },
            4 => Self::Delete { job },
            _ => Self::Run { job },
        }
    }
}

/// Does it, again and again while services ask for that.
pub(super) async fn run(process: &Process, principal: &Principal, errand: JobErrand) {
    let world = &process.world;
    for attempt in 0..6 {
        match Box::pin(once(process, principal, errand)).await {
            // Done; or not there any more or yet, there already, or nothing that can be exported any more.
            Ok(()) | Err(Error::NotFound { .. } | Error::Conflict { .. }) => return,
            Err(Error::UnknownCollection { .. }) if world.profile.has(Calamity::CollectionGone) => return,
            Err(Error::TooManyWaiting { .. }) if world.oracle.with(|oracle| oracle.has_cap(&principal.org)) => return,
            Err(error) => expected(process, &error),
        }
        world.sleep(Duration::from_millis(500 << attempt)).await;
    }
}

fn command(every: u64, active: bool) -> Option<PutJob> {
    Some(PutJob {
        surface: Surface::Sigma,
        // The name says what the archive is to be like.
        name: format!("every {every} sorted:false files:None"),
        description: None,
        export: CreateExport {
            level: Level::Fast,
            ..CreateExport::new(Surface::Sigma, COLLECTION.parse().ok()?, ExportFormat::Ndjson)
        },
        schedule: JobSchedule::Cron { cron: format!("*/{every} * * * *") },
        zone: None,
        active,
        destinations: super::deliveries::destinations(usize::try_from(every % 3).unwrap_or(0)),
        filename: None,
        compress: false,
    })
}

async fn once(process: &Process, principal: &Principal, errand: JobErrand) -> Result<(), Error> {
    let (context, vault) = (&process.context, MemoryVault);
    let id = |job: u64| -> Result<JobId, Error> {
        format!("job-{job}").parse().map_err(|_| Error::NotFound { kind: "job", id: job.to_string() })
    };
    let none = || Error::NotFound { kind: "job", id: String::new() };
    match errand {
        JobErrand::Create { job, every } => {
            let command = command(every, true).ok_or_else(none)?;
            create_job(context, &vault, principal, Some(id(job)?), &command, None).await.map(drop)
        }
        JobErrand::Put { job, every, active } => {
            let command = command(every, active).ok_or_else(none)?;
            put_job(context, &vault, principal, None, &id(job)?, &command).await.map(drop)
        }
        JobErrand::Pause { job } => pause_job(context, principal, None, &id(job)?).await.map(drop),
        JobErrand::Resume { job } => resume_job(context, principal, None, &id(job)?).await.map(drop),
        JobErrand::Delete { job } => delete_job(context, principal, None, &id(job)?).await,
        JobErrand::Run { job } => {
            let (wake, id) = (process.wake(), id(job)?);
            Box::pin(run_job(context, &*wake, principal, None, &id, None)).await.map(drop)
        }
        JobErrand::PauseAll => {
            for job in list_jobs(context, principal, None, None, 100).await?.items {
                pause_job(context, principal, None, &job.id).await?;
            }
            Ok(())
        }
    }
}
