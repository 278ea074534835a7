//! Making the archive appear: recorded first, then written at a key that is never used for anything else, then compared.

use super::copying::copy;
use super::segments::Bodies;
use super::stamp::Run;
use super::write::Finished;
use super::{Exporting, Interrupted};
use bytes::Bytes;
use std::time::Duration;
use waybill_domain::{Archive, ArchiveEntry, Epoch, ExportId, FinishRecord, OrgCode};
use waybill_ports::{ArchiveStore, ObjectMetadata, PartTag, PortError, PortErrorKind, UploadId};

/// Time that must be left to begin an assembly; else the next step does it, with all of its time.
const ASSEMBLY_TIME: Duration = Duration::from_mins(1);
/// Attempts at a completion that another one is in the way of.
const MAX_ATTEMPTS: u32 = 5;

/// Where the archives of an export lie, one for each lease that finished it.
pub(crate) fn archive_prefix(org: &OrgCode, export: ExportId) -> String {
    format!("archives/{org}/{export}-")
}

fn archive_key(org: &OrgCode, export: ExportId, epoch: Epoch) -> String {
    format!("{}{epoch}.zip", archive_prefix(org, export))
}

/// Records what the archive will be and makes it appear; `false` when that is left to the next step, for want of time.
pub(super) async fn appear(
    exporting: &Exporting,
    run: &mut Run,
    finished: Finished,
    deadline: Duration,
) -> Result<bool, Interrupted> {
    let Finished { summary, bodies } = finished;
    let export = run.export();
    let entries = summary.entries.into_iter().map(|entry| ArchiveEntry {
        name: entry.name.to_string(),
        offset: entry.offset,
        size_bytes: entry.size,
        compressed_bytes: entry.compressed_size,
        crc32: entry.crc32,
        sha256: entry.sha256,
    });
    let archive = Archive {
        key: archive_key(&export.org, export.id, run.epoch),
        size_bytes: summary.size_bytes,
        sha256: summary.sha256,
        entries: entries.collect(),
    };
    let (segments, here) = match bodies {
        Bodies::Here(bytes) => (Vec::new(), Some(bytes)),
        Bodies::Stored(segments) => (segments, None),
    };
    let waybill_engine::FileTally { count: files, size_bytes: file_bytes, missing: missing_files } = summary.files;
    let finish = FinishRecord { archive, segments, records: summary.records, files, file_bytes, missing_files };
    // What the archive takes is reserved before it appears.
    let more = finish.archive.size_bytes.saturating_sub(export.reserved_bytes());
    run.write_with_usage(exporting, more, |export, epoch, _| export.finishing(epoch, finish.clone())).await?;
    match here {
        Some(bytes) => write(exporting, &finish.archive, bytes).await?,
        None if deadline.saturating_sub(exporting.context.clock.monotonic()) < ASSEMBLY_TIME => return Ok(false),
        None => assemble(exporting, &finish).await?,
    }
    Ok(true)
}

/// Makes the archive that an earlier step has recorded appear, if it can be: `false` when it has to be written again.
pub(super) async fn appear_again(exporting: &Exporting, run: &Run) -> Result<bool, Interrupted> {
    let Some(finish) = &run.export().finish else { return Ok(false) };
    if is_there(&*exporting.archives, &finish.archive).await? {
        return Ok(true);
    }
    if finish.segments.is_empty() {
        // Its bytes were with the worker that is gone. Should they still arrive, then under a key that nobody looks at.
        return Ok(false);
    }
    assemble(exporting, finish).await?;
    Ok(true)
}

async fn write(exporting: &Exporting, archive: &Archive, bytes: Bytes) -> Result<(), PortError> {
    let archives = &*exporting.archives;
    match archives.put_new(&archive.key, bytes, &metadata(archive)).await {
        Ok(()) => Ok(()),
        Err(error) => confirm(archives, archive, error).await,
    }
}

async fn assemble(exporting: &Exporting, finish: &FinishRecord) -> Result<(), PortError> {
    let (archives, key) = (&*exporting.archives, finish.archive.key.as_str());
    let upload = archives.begin_upload(key, &metadata(&finish.archive)).await?;
    let completed = match copy(archives, key, &upload, &finish.segments, exporting.settings.copy_bytes).await {
        Ok(parts) => complete(exporting, &finish.archive, &upload, &parts).await,
        Err(error) => Err(error),
    };
    if completed.is_err() {
        // Where that fails too, the bucket's lifecycle does it.
        drop(archives.abort_upload(key, &upload).await);
    }
    completed
}

async fn complete(
    exporting: &Exporting,
    archive: &Archive,
    upload: &UploadId,
    parts: &[PartTag],
) -> Result<(), PortError> {
    let archives = &*exporting.archives;
    let mut attempt = 1;
    loop {
        let Err(error) = archives.complete_upload(&archive.key, upload, parts).await else { return Ok(()) };
        let in_the_way = error.kind == PortErrorKind::Unavailable && attempt < MAX_ATTEMPTS;
        match confirm(archives, archive, error).await {
            Ok(()) => return Ok(()),
            Err(_) if in_the_way => {
                exporting.context.clock.sleep(Duration::from_secs(1)).await;
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn metadata(archive: &Archive) -> ObjectMetadata {
    ObjectMetadata { content_type: "application/zip".to_owned(), sha256: Some(archive.sha256.clone()) }
}

/// Succeeds when a write that seemed to fail, or was made before, left this very archive.
async fn confirm(archives: &dyn ArchiveStore, archive: &Archive, error: PortError) -> Result<(), PortError> {
    match error.kind {
        PortErrorKind::Conflict | PortErrorKind::NotFound | PortErrorKind::Unavailable => {
            if is_there(archives, archive).await? { Ok(()) } else { Err(error) }
        }
        _ => Err(error),
    }
}

/// Whether this very archive is at its key.
async fn is_there(archives: &dyn ArchiveStore, archive: &Archive) -> Result<bool, PortError> {
    let Some(head) = archives.head(&archive.key).await? else { return Ok(false) };
    let same = head.size_bytes == archive.size_bytes && head.metadata.sha256.as_ref() == Some(&archive.sha256);
    if same {
        return Ok(true);
    }
    let kind = PortErrorKind::Corrupt {
        table: "archives".to_owned(),
        key: archive.key.clone(),
        field: "another object is at the archive's key".to_owned(),
    };
    Err(PortError::new(kind, "comparing an archive"))
}
