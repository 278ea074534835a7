//! Making the archive appear: recorded first, then written at a key that is never used for anything else, then compared.

use super::appearing::{Target, assemble, is_there, write};
use super::packaging::record_of;
use super::segments::Bodies;
use super::stamp::Run;
use super::write::Finished;
use super::{Exporting, Interrupted};
use std::time::Duration;
use waybill_domain::{Archive, ArchiveEntry, Epoch, ExportId, FinishRecord, OrgCode};

/// Time that must be left to begin an assembly; else the next step does it, with all of its time.
pub(super) const ASSEMBLY_TIME: Duration = Duration::from_mins(1);

/// Where the archives of an export lie, one for each lease that finished it.
pub(crate) fn archive_prefix(org: &OrgCode, export: ExportId) -> String {
    format!("archives/{org}/{export}-")
}

/// Where a file made of an export's records under a lease lies.
pub(super) fn archive_key(org: &OrgCode, export: ExportId, epoch: Epoch, ending: &str) -> String {
    format!("{}{epoch}.{ending}", archive_prefix(org, export))
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
    let packaging = record_of(&summary);
    let entries = summary.entries.into_iter().map(|entry| ArchiveEntry {
        name: entry.name.to_string(),
        offset: entry.offset,
        size_bytes: entry.size,
        compressed_bytes: entry.compressed_size,
        crc32: entry.crc32,
        sha256: entry.sha256,
    });
    let archive = Archive {
        key: archive_key(&export.org, export.id, run.epoch, "zip"),
        size_bytes: summary.size_bytes,
        sha256: summary.sha256,
        entries: entries.collect(),
        packaged: None,
    };
    let (segments, here) = match bodies {
        Bodies::Here(bytes) => (Vec::new(), Some(bytes)),
        Bodies::Stored(segments) => (segments, None),
    };
    let waybill_engine::FileTally { count: files, size_bytes: file_bytes, missing: missing_files } = summary.files;
    let (records, by_collection) = (summary.records, summary.section_records);
    let finish =
        FinishRecord { archive, segments, records, by_collection, files, file_bytes, missing_files, packaging };
    // What the archive takes is reserved before it appears.
    let more = finish.archive.size_bytes.saturating_sub(export.reserved_bytes());
    run.write_with_usage(exporting, more, |export, epoch, _| export.finishing(epoch, finish.clone())).await?;
    match here {
        Some(bytes) => write(exporting, &Target::archive(&finish.archive), bytes).await?,
        None if deadline.saturating_sub(exporting.context.clock.monotonic()) < ASSEMBLY_TIME => return Ok(false),
        None => assemble(exporting, &Target::archive(&finish.archive), &finish.segments).await?,
    }
    Ok(true)
}

/// Makes the archive that an earlier step has recorded appear, if it can be: `false` when it has to be written again.
pub(super) async fn appear_again(exporting: &Exporting, run: &Run) -> Result<bool, Interrupted> {
    let Some(finish) = &run.export().finish else { return Ok(false) };
    if is_there(exporting, &Target::archive(&finish.archive)).await? {
        return Ok(true);
    }
    if finish.segments.is_empty() {
        // Its bytes were with the worker that is gone. Should they still arrive, then under a key that nobody looks at.
        return Ok(false);
    }
    assemble(exporting, &Target::archive(&finish.archive), &finish.segments).await?;
    Ok(true)
}
