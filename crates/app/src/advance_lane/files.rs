//! The stage in which the records' files are written: fetched ahead side by side, in pieces, assembled in the order of their records.
//!
//! A file that is missing or cannot be read is noted in the manifest; it never fails the export.

use super::file_pieces::{PieceSource, pieces_of};
use super::records::next_of;
use super::spill::Spill;
use super::stamp::Run;
use super::write::Stage;
use super::writing::{Writing, internal};
use super::{Exporting, Interrupted, Lease};
use futures::future::{Either, select};
use futures::stream::StreamExt as _;
use serde::{Deserialize, Serialize};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::{ExportSpec, FileInclusion};
use waybill_engine::{Assembly, AssemblyError, FilePiece, FileRef, FileRefs, Plan};

/// Plain size of the pieces in which lists go into the archive, in bytes.
const LIST_PIECE_BYTES: usize = 256 << 10;

/// Sizes of the files' stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSettings {
    /// Size of the pieces that files are fetched and compressed in.
    pub piece_bytes: u64,
    /// Most pieces that are fetched, or wait in memory, at once.
    pub ahead: usize,
    /// Size from which on a list leaves the checkpoint for an object of its own.
    pub spill_bytes: usize,
}

impl Default for FileSettings {
    fn default() -> Self {
        Self { piece_bytes: 512 << 10, ahead: 16, spill_bytes: 1 << 20 }
    }
}

/// The lists that grow with an export's files.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileLists {
    /// Files that the records name, in their order.
    refs: Spill,
    /// How many.
    count: u64,
    /// Their bytes, as the records say.
    size_bytes: u64,
    /// Lines of the manifest.
    lines: Spill,
    /// Directory records.
    directory: Spill,
    /// Those of the inner archive.
    inner_directory: Spill,
}

/// Where writing files goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FilePosition {
    /// The byte of the list at which the next file's line begins.
    pub(super) line: u64,
    /// How many bytes of that file are in the archive.
    pub(super) done: u64,
}

/// A piece of a file, or why there is none.
pub(super) struct FetchedPiece {
    pub(super) file: Arc<FileRef>,
    /// The line of its file.
    pub(super) line: u64,
    /// The line behind it.
    pub(super) next_line: u64,
    /// How many bytes of the file come before it.
    pub(super) start: u64,
    pub(super) content: Result<FilePiece, &'static str>,
}

impl FileLists {
    /// Takes in the files that the next records name.
    pub(super) fn name(&mut self, files: &FileRefs) {
        self.refs.append(files.lines());
        self.count += files.count();
        self.size_bytes = self.size_bytes.saturating_add(files.size_bytes());
    }

    fn all(&mut self) -> [&mut Spill; 4] {
        [&mut self.refs, &mut self.lines, &mut self.directory, &mut self.inner_directory]
    }
}

/// Writes the files that are left, and what stands behind them (`true`), or stops at `deadline` (`false`, with everything in a
/// checkpoint).
pub(super) async fn write_files(
    writing: &mut Writing<'_>,
    lease: &Lease,
    run: &mut Run,
    (spec, plan): (&ExportSpec, &Plan),
    deadline: Duration,
) -> Result<bool, Interrupted> {
    if !matches!(writing.stage, Stage::Files(_)) {
        let expected = (writing.files.count, writing.files.size_bytes);
        let mut out = Vec::new();
        let zipped = spec.files == FileInclusion::Zipped;
        writing.assembly.start_files(zipped, expected, &mut out).map_err(|error| internal(&error))?;
        writing.stage = Stage::Files(FilePosition::default());
        emit(writing, &out).await?;
        if writing.is_time_up(lease, run, deadline).await? {
            return Ok(false);
        }
    }
    let Stage::Files(position) = writing.stage else { return Ok(true) };
    let exporting = writing.exporting;
    let source = PieceSource::new(spec, plan);
    let lines = writing.files.refs.lines(&*exporting.archives, position.line);
    let mut pieces = pin!(pieces_of(exporting, source, lines, position));
    let clock = &exporting.context.clock;
    let mut time_up = clock.sleep(deadline.saturating_sub(clock.monotonic()));
    loop {
        let in_time = match select(pin!(next_of(&mut pieces, &mut writing.segments)), &mut time_up).await {
            Either::Left((piece, _)) => Some(piece?),
            Either::Right(_) => None,
        };
        let Some(piece) = in_time else {
            // A piece that does not come costs no more than the time that there is.
            writing.checkpoint(run).await?;
            return Ok(false);
        };
        let Some(piece) = piece else { break };
        take(writing, &piece).await?;
        if writing.is_time_up(lease, run, deadline).await? {
            return Ok(false);
        }
    }
    close(writing, run).await?;
    Ok(true)
}

/// Assembles a piece; the stage says what comes behind it.
async fn take(writing: &mut Writing<'_>, piece: &FetchedPiece) -> Result<(), Interrupted> {
    let FetchedPiece { file, line, next_line, start, content } = piece;
    let Stage::Files(position) = writing.stage else { return Ok(()) };
    // What was fetched ahead of a file that is given up.
    if *line < position.line {
        return Ok(());
    }
    let piece_bytes = writing.exporting.settings.files.piece_bytes;
    let (assembly, mut out) = (&mut writing.assembly, Vec::new());
    let begun = match content {
        Ok(_) if *start == 0 => assembly.start_file(file, piece_bytes, &mut out),
        _ => Ok(()),
    };
    let next = FilePosition { line: *next_line, done: 0 };
    let assembled = match (begun, content) {
        (Err(AssemblyError::Name(_)), _) => {
            assembly.miss_file(file, "its record's id cannot be part of a name").map(|()| next)
        }
        (Err(error), _) => Err(error),
        (Ok(()), Err(reason)) if *start == 0 => assembly.miss_file(file, reason).map(|()| next),
        (Ok(()), Err(reason)) => assembly.finish_file(file, Some(reason), &mut out).map(|()| next),
        (Ok(()), Ok(content)) => assembly.push_file(content, &mut out).and_then(|()| {
            let done = start + content.size_bytes();
            if done < file.size_bytes {
                return Ok(FilePosition { line: *line, done });
            }
            assembly.finish_file(file, None, &mut out).map(|()| next)
        }),
    };
    writing.stage = Stage::Files(assembled.map_err(|error| internal(&error))?);
    gather(writing);
    emit(writing, &out).await
}

/// Takes what has grown out of the assembly.
pub(super) fn gather(writing: &mut Writing<'_>) {
    let (assembly, lists) = (&mut writing.assembly, &mut writing.files);
    lists.lines.append(&assembly.take_lines());
    lists.directory.append(&assembly.take_directory());
    lists.inner_directory.append(&assembly.take_inner_directory());
}

/// Brings bytes of the archive on their way.
async fn emit(writing: &mut Writing<'_>, bytes: &[u8]) -> Result<(), Interrupted> {
    writing.moved = true;
    while writing.segments.is_busy() {
        writing.segments.arrived().await?;
    }
    Ok(writing.segments.append(bytes).await?)
}

/// Moves lists that have become long out of the checkpoint.
pub(super) async fn spill(writing: &mut Writing<'_>) -> Result<(), Interrupted> {
    let spill_bytes = writing.exporting.settings.files.spill_bytes;
    for list in writing.files.all() {
        if let Some(bytes) = list.overflow(spill_bytes) {
            let object = writing.segments.put_beside('f', bytes).await?;
            list.stored(object);
        }
    }
    Ok(())
}

/// Writes what stands behind the files, or behind records' documents: the inner archive's end, the manifest, the directory. What comes in between has no checkpoint
/// of its own.
pub(super) async fn close(writing: &mut Writing<'_>, run: &mut Run) -> Result<(), Interrupted> {
    gather(writing);
    let inner = writing.files.inner_directory.clone();
    push_list(writing, run, &inner, Assembly::push_inner_directory).await?;
    let mut out = Vec::new();
    let ended = writing.assembly.end_files(&mut out).and_then(|()| writing.assembly.start_manifest(&mut out));
    ended.map_err(|error| internal(&error))?;
    emit(writing, &out).await?;
    let lines = writing.files.lines.clone();
    push_list(writing, run, &lines, Assembly::push_manifest).await?;
    let mut out = Vec::new();
    writing.assembly.end_manifest(&mut out).map_err(|error| internal(&error))?;
    emit(writing, &out).await?;
    gather(writing);
    let directory = writing.files.directory.clone();
    push_list(writing, run, &directory, Assembly::push_directory).await
}

async fn push_list(
    writing: &mut Writing<'_>,
    run: &mut Run,
    list: &Spill,
    push: impl Fn(&mut Assembly, &[u8], &mut Vec<u8>) -> Result<(), AssemblyError>,
) -> Result<(), Interrupted> {
    let exporting: &Exporting = writing.exporting;
    let pieces = list.pieces(&*exporting.archives, LIST_PIECE_BYTES);
    let mut pieces = pin!(pieces.map(|piece| piece.map_err(Interrupted::from)));
    while let Some(piece) = next_of(&mut pieces, &mut writing.segments).await? {
        let mut out = Vec::new();
        push(&mut writing.assembly, &piece, &mut out).map_err(|error| internal(&error))?;
        emit(writing, &out).await?;
        writing.reserve_ahead(run).await?;
    }
    Ok(())
}
