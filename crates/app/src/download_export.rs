//! Giving out a link to an archive: to administrators, for minutes, on record.

use crate::read_export::visible;
use crate::retry::Attempts;
use crate::{Context, Error};
use std::time::Duration;
use waybill_domain::{Archive, AuditAction, Export, ExportId, Principal, State, Surface};
use waybill_ports::{ArchiveStore, Download, Stored};

/// Longest life of a link.
const LINK_LIFETIME: Duration = Duration::from_mins(5);

/// Entries of the trail in one commit.
const ENTRIES: usize = 100;

/// A link to the archive, or the file made of it, of the export with that id, if it is of the caller's org, made through `surface` (`None` = any) and
/// visible now; good for five minutes and never beyond the export's end. `filename` names the file that a browser saves. The
/// audit entry is committed before the link is given. For administrators.
///
/// # Errors
/// `NotFound`, `Forbidden`, `NotReady`, `NoArchive`; `Throttled`, `Unavailable`, `Internal`.
pub async fn download_export(
    context: &Context,
    archives: &dyn ArchiveStore,
    principal: &Principal,
    surface: Option<Surface>,
    id: ExportId,
    filename: impl Fn(&Export) -> String,
) -> Result<(Export, Download), Error> {
    let mut attempts = Attempts::new(context);
    let stored = loop {
        let stored = visible(context, &principal.org, surface, id).await?;
        if !principal.is_admin() {
            return Err(Error::Forbidden { reason: "only administrators may download archives" });
        }
        archive(&stored.value)?;
        lifetime(context, &stored.value)?;
        match record(context, principal, &stored).await {
            Ok(()) => break stored,
            Err(error) => attempts.after(error).await?,
        }
    };
    // Recording took its time: what is left is measured when the link is made.
    let lifetime = lifetime(context, &stored.value)?;
    let export = stored.value;
    let archive = archive(&export)?;
    let key = archive.download_file().map_or(&archive.key, |file| &file.key);
    let download = archives.presign(key, lifetime, &filename(&export), export.download_type()).await?;
    Ok((export, download))
}

/// Links to the archives, or the files made of them, of `exports`, which the caller has just read, in their order; `None` where there is
/// nothing to download, and everywhere for members. Good as those of [`download_export`], and as those on record, each by an entry of its
/// own, committed before any link is given.
///
/// # Errors
/// `Throttled`, `Unavailable`, `Internal`.
pub async fn link_exports(
    context: &Context,
    archives: &dyn ArchiveStore,
    principal: &Principal,
    exports: &[&Export],
    filename: impl Fn(&Export) -> String,
) -> Result<Vec<Option<String>>, Error> {
    let can_be_had =
        |export: &Export| principal.is_admin() && archive(export).is_ok() && lifetime(context, export).is_ok();
    let given: Vec<bool> = exports.iter().map(|export| can_be_had(export)).collect();
    let recorded: Vec<&Export> =
        exports.iter().zip(&given).filter(|(_, given)| **given).map(|(export, _)| *export).collect();
    for some in recorded.chunks(ENTRIES) {
        let mut attempts = Attempts::new(context);
        loop {
            let mut transaction = context.transaction();
            for export in some {
                let target = export.id.to_string();
                let entry = context.audit_entry(&principal.org, Some(principal), AuditAction::ExportDownloaded, target);
                transaction.insert(&entry)?;
            }
            match transaction.commit(&*context.state).await {
                Ok(_) => break,
                Err(error) => attempts.after(error).await?,
            }
        }
    }
    let mut links = Vec::with_capacity(exports.len());
    for (export, given) in exports.iter().zip(given) {
        // Recording took its time: one that ended meanwhile has no link any more.
        links.push(match (given, archive(export), lifetime(context, export)) {
            (true, Ok(archive), Ok(lifetime)) => {
                let key = archive.download_file().map_or(&archive.key, |file| &file.key);
                Some(archives.presign(key, lifetime, &filename(export), export.download_type()).await?.url)
            }
            _ => None,
        });
    }
    Ok(links)
}

/// How long a link made now is good for.
fn lifetime(context: &Context, export: &Export) -> Result<Duration, Error> {
    // Whole seconds are all that a link can say; less than one left is none.
    let left = Duration::from_secs(export.expires_at.since(context.now()).as_secs());
    if left.is_zero() {
        return Err(Error::NotFound { kind: "export", id: export.id.to_string() });
    }
    Ok(left.min(LINK_LIFETIME))
}

/// Commits the audit entry, only if the export is still as it was read: one that was deleted meanwhile gives no link.
async fn record(
    context: &Context,
    principal: &Principal,
    stored: &Stored<Export>,
) -> Result<(), waybill_ports::PortError> {
    let target = stored.value.id.to_string();
    let entry = context.audit_entry(&principal.org, Some(principal), AuditAction::ExportDownloaded, target);
    let mut transaction = context.transaction();
    transaction.check(stored).insert(&entry)?;
    transaction.commit(&*context.state).await?;
    Ok(())
}

fn archive(export: &Export) -> Result<&Archive, Error> {
    match &export.state {
        State::Ready { archive, .. } => Ok(archive),
        State::Scheduled { .. } => Err(Error::NotReady { state: "scheduled" }),
        State::Queued { .. } => Err(Error::NotReady { state: "queued" }),
        State::Running { .. } => Err(Error::NotReady { state: "running" }),
        State::Failed { failure, .. } => Err(Error::NoArchive { reason: failure.message.clone() }),
        State::Canceled { .. } => Err(Error::NoArchive { reason: "it was canceled".to_owned() }),
    }
}
