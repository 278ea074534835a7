//! Clients: what they ask for, how often they ask again, and what they see.

use super::history::Role;
use super::mutant::Mutant;
use super::processes::Process;
use super::profile::Calamity;
use super::setting::COLLECTION;
use crate::{MemoryVault, samples};
use futures::future::BoxFuture;
use std::time::Duration;
use waybill_app::{
    CreateExport, Error, IdempotentRequest, UpdateExport, cancel_export, create_export, delete_export, download_export,
    list_exports, read_export, redeliver, seal_for_export, update_export,
};
use waybill_domain::{
    DeliveryPlan, ExportFormat, ExportId, FileInclusion, IdempotencyKey, Level, OrgCode, Principal, Role as Rights,
    Surface,
};
use waybill_query::SortOrder;

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    /// `wait` = so much later.
    Create(Request),
    Cancel,
    Delete,
    Describe,
    Download,
    Look,
    Redeliver,
    Job(super::jobs::JobErrand),
    Series(super::series::SeriesErrand),
}

/// What a client wants exported, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) idempotent: bool,
    pub(super) format: ExportFormat,
    pub(super) sorted: bool,
    pub(super) files: FileInclusion,
    /// Whether a script follows.
    pub(super) script: bool,
    /// To how many destinations it goes.
    pub(super) destinations: usize,
    /// So much later.
    pub(super) wait: Option<Duration>,
}

/// One client on one errand.
pub(super) fn client(process: Process, org: OrgCode, errand: Errand) -> BoxFuture<'static, ()> {
    debug_assert_eq!(process.actor.role, Role::Client, "clients run errands");
    Box::pin(async move {
        let Ok(principal) = samples::principal(org.as_str(), Rights::Admin) else { return };
        let number = process.actor.number;
        process.world.note(|| format!("#{number} {errand:?} in {org}"));
        match errand {
            Errand::Create(request) => create(&process, &principal, request).await,
            Errand::Cancel => cancel(&process, &principal).await,
            Errand::Delete => delete(&process, &principal).await,
            Errand::Describe => describe(&process, &principal).await,
            Errand::Download => download(&process, &principal).await,
            Errand::Look => look(&process, &principal).await,
            Errand::Redeliver => send_again(&process, &principal).await,
            Errand::Job(errand) => Box::pin(super::jobs::run(&process, &principal, errand)).await,
            Errand::Series(errand) => super::series::run(&process, &principal, errand).await,
        }
    })
}

async fn create(process: &Process, principal: &Principal, asked: Request) {
    let (world, number) = (&process.world, process.actor.number);
    let Request { idempotent, format, sorted, files, script, destinations, wait } = asked;
    // The label says what the archive is to be like.
    let request = format!("request-{number} sorted:{sorted} files:{files:?}");
    let Ok(collection) = COLLECTION.parse() else { return };
    let key = IdempotencyKey::parse(&format!("request-{number}")).filter(|_| idempotent);
    let (context, org) = (&process.context, &principal.org);
    let Ok(destinations) =
        seal_for_export(context, &MemoryVault, org, &super::deliveries::destinations(destinations)).await
    else {
        return process.world.violate(format!("#{number} cannot name its destinations"));
    };
    let command = CreateExport {
        delivery: DeliveryPlan { destinations, ..DeliveryPlan::default() },
        label: Some(request.clone()),
        level: Level::Fast,
        sort: SortOrder::parse(&"-n".into()).ok().filter(|_| sorted),
        files,
        after_script: script.then(|| "simulated".to_owned()),
        scheduled_at: wait.map(|wait| process.context.now().after(wait)),
        idempotency: key.map(|key| IdempotentRequest {
            key,
            operation: "simulated:create-export",
            body_digest: request.clone(),
        }),
        ..CreateExport::new(Surface::Cortex, collection, format)
    };
    let wake = process.wake();
    // Only who sends an idempotency key may send again.
    for attempt in 0..if idempotent { 6 } else { 1 } {
        match create_export(&process.context, &*wake, principal, &command).await {
            Ok(view) => {
                world.note(|| format!("#{number} is answered {}", view.export.id));
                world.oracle.with(|oracle| oracle.accepted(&principal.org, view.export.id, &request));
                if attempt > 0 || world.below(4) > 0 || !idempotent {
                    return;
                }
            }
            // Made by an earlier attempt, and deleted by somebody since.
            Err(Error::NotFound { .. }) => return,
            Err(Error::UnknownCollection { .. }) if world.profile.has(Calamity::CollectionGone) => return,
            // Tried again below: it may have room by then.
            Err(Error::TooManyWaiting { .. }) if world.oracle.with(|oracle| oracle.has_cap(&principal.org)) => {}
            Err(error) => expected(process, &error),
        }
        world.sleep(Duration::from_millis(500 << attempt)).await;
    }
}

/// Refusals that faults explain; every other is a violation.
pub(super) fn expected(process: &Process, error: &Error) {
    let number = process.actor.number;
    process.world.note(|| format!("#{number} is refused: {error}"));
    if !matches!(error, Error::Throttled { .. } | Error::Unavailable(_)) {
        process.world.violate(format!("#{number} was refused for no good reason: {error:?}"));
    }
}

fn choose(process: &Process, org: &OrgCode) -> Option<ExportId> {
    let known = process.world.oracle.with(|oracle| oracle.known(org));
    known.get(process.world.pick(known.len())).copied()
}

async fn cancel(process: &Process, principal: &Principal) {
    let Some(id) = choose(process, &principal.org) else { return };
    process.world.oracle.with(|oracle| oracle.asks_to_end(id));
    let ended = if process.world.is(Mutant::WrongExport) { choose(process, &principal.org).unwrap_or(id) } else { id };
    match cancel_export(&process.context, &*process.wake(), principal, None, ended).await {
        Ok(_) => process.world.oracle.with(|oracle| oracle.canceled(id)),
        // Ended otherwise, or is not to be seen.
        Err(Error::Conflict { .. } | Error::NotFound { .. }) => {}
        Err(error) => expected(process, &error),
    }
}

async fn delete(process: &Process, principal: &Principal) {
    let Some(id) = choose(process, &principal.org) else { return };
    process.world.oracle.with(|oracle| oracle.asks_to_end(id));
    match delete_export(&process.context, &*process.wake(), principal, None, id).await {
        Ok(()) => process.world.oracle.with(|oracle| oracle.deleted(id)),
        Err(Error::NotFound { .. }) => {}
        // It has just entered its lane, and its series goes on.
        Err(Error::Conflict { .. }) if process.world.oracle.with(|oracle| oracle.is_of_series(&principal.org, id)) => {}
        Err(error) => expected(process, &error),
    }
}

async fn describe(process: &Process, principal: &Principal) {
    let Some(id) = choose(process, &principal.org) else { return };
    let description = format!("by #{}", process.actor.number);
    let change = UpdateExport { label: None, description: Some(Some(description.clone())) };
    match update_export(&process.context, principal, None, id, &change).await {
        Ok(_) | Err(Error::NotFound { .. }) => {}
        Err(error) => expected(process, &error),
    }
}

async fn download(process: &Process, principal: &Principal) {
    let world = &process.world;
    let Some(id) = choose(process, &principal.org) else { return };
    let was_deleted = world.oracle.with(|oracle| oracle.is_deleted(id));
    let archives = process.archives();
    match download_export(&process.context, &*archives, principal, None, id, |_| "export.zip".to_owned()).await {
        Ok(_) if was_deleted => world.violate(format!("a link to {id} was given after its delete was answered")),
        Ok((export, _)) => {
            let key = export.archive().map(|archive| archive.key.clone()).unwrap_or_default();
            // Deleted since the link was asked for, or there to be fetched.
            let gone = world.oracle.with(|oracle| oracle.is_gone_or_going(&export));
            if !gone && world.archives.body(&key).is_none() {
                world.violate(format!("a link to {id} leads nowhere"));
            }
        }
        Err(Error::NotFound { .. } | Error::NotReady { .. } | Error::NoArchive { .. }) => {}
        Err(error) => expected(process, &error),
    }
}

async fn send_again(process: &Process, principal: &Principal) {
    let Some(id) = choose(process, &principal.org) else { return };
    match redeliver(&process.context, &*process.deliveries(), principal, None, (id, 0)).await {
        // On its way, not there, or there is nothing to deliver.
        Ok(_) | Err(Error::Conflict { .. } | Error::NotFound { .. } | Error::NotReady { .. }) => {}
        Err(error) => expected(process, &error),
    }
}

async fn look(process: &Process, principal: &Principal) {
    let world = &process.world;
    let Some(id) = choose(process, &principal.org) else { return };
    let was_deleted = world.oracle.with(|oracle| oracle.is_deleted(id));
    match read_export(&process.context, principal, None, id).await {
        Ok(_) if was_deleted => world.violate(format!("{id} was read after its delete was answered")),
        Ok(_) | Err(Error::NotFound { .. }) => {}
        Err(error) => expected(process, &error),
    }
    match list_exports(&process.context, principal, None, None, false, 100).await {
        Ok(page) => {
            if was_deleted && page.items.iter().any(|view| view.export.id == id) {
                world.violate(format!("{id} was listed after its delete was answered"));
            }
        }
        Err(error) => expected(process, &error),
    }
}
