//! The stage behind the archive: where the file of records is downloaded by itself, it is made of the archive's own bytes.
//!
//! As gzip it is a range of the archive between a header and a trailer, copied inside the store. Plain it is inflated, in segments as
//! the archive was written, from places on behind which nothing refers to what is before.

use super::appearing::{Target, assemble, begin, end, is_there, write};
use super::copying::ranges;
use super::finish::{ASSEMBLY_TIME, archive_key};
use super::segments::Bodies;
use super::stamp::Run;
use super::unpacking::unpack;
use super::writing::internal;
use super::{Exporting, Interrupted, Lease};
use bytes::{Bytes, BytesMut};
use futures::stream::{StreamExt, TryStreamExt, iter};
use std::time::Duration;
use waybill_domain::{Archive, ArchiveEntry, ExportSpec, PackagedFile, Packaging, PackagingRecord};
use waybill_engine::{AssemblySummary, Packed, Packing, gzip_header, gzip_trailer};
use waybill_ports::{ByteRange, PartTag, PortError, PortErrorKind, UploadId};

/// Copies of ranges on their way at once.
const COPIES: usize = 16;

/// What has to be kept of the records' entry while it is written.
pub(super) fn packing(exporting: &Exporting, spec: &ExportSpec) -> Option<Packing> {
    match spec.file_packaging() {
        Packaging::Zip => None,
        Packaging::Gzip => Some(Packing::Gzip),
        Packaging::Bare => Some(Packing::Plain { restart_every: exporting.settings.restart_bytes }),
    }
}

/// What the making of the file needs to know of the archive's first entry; nothing where there are several of records.
pub(super) fn record_of(summary: &AssemblySummary) -> Option<PackagingRecord> {
    let entry = summary.entries.first().filter(|_| summary.parts == 1)?;
    let (restarts, gzip_sha256) = match entry.packed.as_ref()? {
        Packed::Gzip(sha256) => (Vec::new(), Some(sha256.clone())),
        Packed::Plain(restarts) => (restarts.iter().copied().map(Into::into).collect(), None),
    };
    let data_offset = entry.data_offset;
    Some(PackagingRecord { data_offset, restarts, gzip_sha256, checkpoint: None, file: None, segments: Vec::new() })
}

/// The archive's entry that the file is made of.
pub(super) struct Source<'a> {
    pub(super) archive: &'a str,
    pub(super) entry: &'a ArchiveEntry,
    pub(super) record: &'a PackagingRecord,
}

impl Source<'_> {
    /// Some of the entry's body, counted from its beginning.
    pub(super) async fn read(&self, exporting: &Exporting, start: u64, end: u64) -> Result<Bytes, PortError> {
        if start == end {
            return Ok(Bytes::new());
        }
        let read = exporting.archives.read(self.archive, self.range(start, end)).await?;
        read.ok_or_else(|| {
            let field = "the archive is missing".to_owned();
            let kind = PortErrorKind::Corrupt { table: "archives".to_owned(), key: self.archive.to_owned(), field };
            PortError::new(kind, "reading an archive's entry")
        })
    }

    fn range(&self, start: u64, end: u64) -> ByteRange {
        ByteRange { start: self.record.data_offset + start, end: self.record.data_offset + end }
    }
}

/// Makes the download of an archive that is there, unless it is the archive itself, as it is where records are in parts; `false` when time is up, with everything that the
/// next step needs on record.
pub(super) async fn package(
    exporting: &Exporting,
    lease: &Lease,
    run: &mut Run,
    spec: &ExportSpec,
    deadline: Duration,
) -> Result<bool, Interrupted> {
    let packaging = spec.file_packaging();
    if packaging == Packaging::Zip {
        return Ok(true);
    }
    let finish = run.export().finish.clone();
    if spec.part_records().is_some() && finish.as_ref().is_some_and(|finish| finish.packaging.is_none()) {
        return Ok(true);
    }
    let Some((archive, record)) = finish.and_then(|finish| Some((finish.archive, finish.packaging?))) else {
        return Err(internal(&NothingToPackage));
    };
    let Some(entry) = archive.entries.first() else { return Err(internal(&NothingToPackage)) };
    if let Some(file) = &record.file {
        let target = Target::file(file, spec.format);
        if is_there(exporting, &target).await? {
            return Ok(true);
        }
        if !record.segments.is_empty() {
            assemble(exporting, &target, &record.segments).await?;
            return Ok(true);
        }
    }
    // What an earlier step was about to write was with the worker that is gone: this one makes its own.
    let record = PackagingRecord { file: None, ..record };
    let size_bytes = match packaging {
        Packaging::Gzip => gzip_size(entry),
        Packaging::Bare | Packaging::Zip => entry.size_bytes,
    };
    let needed = archive.size_bytes.saturating_add(size_bytes);
    let more = needed.saturating_sub(run.export().reserved_bytes());
    run.write_with_usage(exporting, more, |export, epoch, _| export.packaging(epoch, record.clone())).await?;
    let sha256 = record.gzip_sha256.clone().unwrap_or_else(|| entry.sha256.clone());
    let key = archive_key(&spec.org, run.id(), run.epoch, &packaging.ending(spec.format));
    let file = PackagedFile { packaging, key, size_bytes, sha256, is_for_delivery: spec.packaging == Packaging::Zip };
    match packaging {
        Packaging::Gzip => {
            let record = PackagingRecord { file: Some(file.clone()), ..record };
            run.write(exporting, |export, epoch, _| export.packaging(epoch, record.clone())).await?;
            let source = Source { archive: &archive.key, entry, record: &record };
            gzip(exporting, &source, &Target::file(&file, spec.format)).await?;
            Ok(true)
        }
        Packaging::Bare | Packaging::Zip => {
            bare(exporting, lease, run, spec, (&archive, entry, record, file), deadline).await
        }
    }
}

/// The archive has no entry of records, or nothing was kept of it.
#[derive(Debug, thiserror::Error)]
#[error("the archive holds nothing to make a file of")]
struct NothingToPackage;

async fn bare(
    exporting: &Exporting,
    lease: &Lease,
    run: &mut Run,
    spec: &ExportSpec,
    (archive, entry, record, file): (&Archive, &ArchiveEntry, PackagingRecord, PackagedFile),
    deadline: Duration,
) -> Result<bool, Interrupted> {
    let source = Source { archive: &archive.key, entry, record: &record };
    let Some(bodies) = unpack(exporting, lease, run, &source, deadline).await? else { return Ok(false) };
    let (segments, here) = match bodies {
        Bodies::Here(bytes) => (Vec::new(), Some(bytes)),
        Bodies::Stored(segments) => (segments, None),
    };
    // The checkpoint stays: should these bytes be lost with this worker, the next one goes on from there.
    let checkpoint = run.export().finish.as_ref().and_then(|finish| finish.packaging.as_ref()?.checkpoint.clone());
    let record = PackagingRecord { file: Some(file.clone()), segments, checkpoint, ..record };
    run.write(exporting, |export, epoch, _| export.packaging(epoch, record.clone())).await?;
    let target = Target::file(&file, spec.format);
    match here {
        Some(bytes) => write(exporting, &target, bytes).await?,
        None if deadline.saturating_sub(exporting.context.clock.monotonic()) < ASSEMBLY_TIME => return Ok(false),
        None => assemble(exporting, &target, &record.segments).await?,
    }
    Ok(true)
}

fn gzip_size(entry: &ArchiveEntry) -> u64 {
    let around = gzip_header().len() + gzip_trailer(0, 0).len();
    entry.compressed_bytes.saturating_add(u64::try_from(around).unwrap_or(u64::MAX))
}

/// Writes a small file in one go, and has the store copy most of a large one.
async fn gzip(exporting: &Exporting, source: &Source<'_>, target: &Target<'_>) -> Result<(), PortError> {
    let length = source.entry.compressed_bytes;
    let first = u64::try_from(exporting.settings.part_bytes).unwrap_or(u64::MAX);
    let trailer = gzip_trailer(source.entry.crc32, source.entry.size_bytes);
    if length <= first.saturating_mul(2) {
        let mut file = BytesMut::from(gzip_header());
        file.extend_from_slice(&source.read(exporting, 0, length).await?);
        file.extend_from_slice(&trailer);
        return write(exporting, target, file.freeze()).await;
    }
    let upload = begin(exporting, target).await?;
    let parts = gzip_parts(exporting, source, target.key, &upload, first).await;
    end(exporting, target, &upload, parts).await
}

/// The header with as much of the body as makes a part; the rest of the body in ranges; the trailer, which as the last part may be short.
async fn gzip_parts(
    exporting: &Exporting,
    source: &Source<'_>,
    key: &str,
    upload: &UploadId,
    first: u64,
) -> Result<Vec<PartTag>, PortError> {
    let (archives, length) = (&*exporting.archives, source.entry.compressed_bytes);
    let mut part = BytesMut::from(gzip_header());
    part.extend_from_slice(&source.read(exporting, 0, first).await?);
    let mut parts = vec![archives.upload_part(key, upload, 1, part.freeze()).await?];
    let rest: Vec<(u32, ByteRange)> = (2..).zip(ranges(length - first, exporting.settings.copy_bytes)).collect();
    let copied: Vec<PartTag> = iter(rest)
        .map(|(number, range)| async move {
            let range = source.range(first + range.start, first + range.end);
            archives.copy_part(key, upload, number, source.archive, range).await
        })
        .buffered(COPIES)
        .try_collect()
        .await?;
    parts.extend(copied);
    let number = u32::try_from(parts.len() + 1).unwrap_or(u32::MAX);
    let trailer = gzip_trailer(source.entry.crc32, source.entry.size_bytes);
    parts.push(archives.upload_part(key, upload, number, Bytes::copy_from_slice(&trailer)).await?);
    Ok(parts)
}
