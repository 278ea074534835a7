//! The part of an archive that holds the records' files: one entry each, or all of them in one inner archive.

use crate::assembly::{Assembly, AssemblyError};
use crate::files::{FilePiece, FileRef};
use crate::manifest::{DocumentLine, FileLine, MissingFile};
use crate::plan::Plan;
use serde::{Deserialize, Serialize};
use waybill_archive::{
    ArchiveState, ArchiveWriter, BlockBytes, EntrySummary, SizeBound, file_folders, file_name, files_archive_name,
    plain_crc32, stored_block,
};

/// What a file's headers take in an inner archive, more or less, in bytes.
const HEADERS_BYTES: u64 = 300;

/// How many files an archive holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileTally {
    /// Files in it.
    pub count: u64,
    /// Their plain bytes.
    pub size_bytes: u64,
    /// Files that records name and that are not in it, or not whole.
    pub missing: u64,
}

/// The files' part of an assembly.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) tally: FileTally,
    /// Whether the records' files have begun; until then only their documents are listed.
    begun: bool,
    /// How many lines of the manifest there are.
    pub(crate) lines: u64,
    /// Those that the caller has not taken yet.
    pending: Vec<u8>,
    inner: Option<ArchiveWriter>,
    folders: Vec<Folder>,
}

/// Where the files of a property lie.
#[derive(Debug)]
struct Folder {
    /// The collection's, where there are several.
    within: Option<String>,
    name: String,
}

fn folders(plan: &Plan) -> Vec<Folder> {
    let of = |within: Option<&String>, plan: &Plan| {
        let names = file_folders(plan.file_properties().iter().map(String::as_str)).into_iter();
        names.map(|name| Folder { within: within.cloned(), name }).collect::<Vec<_>>()
    };
    match plan.sections() {
        [] => of(None, plan),
        sections => sections.iter().flat_map(|section| of(Some(&section.folder), &section.plan)).collect(),
    }
}

/// What [`Assembly::resume`] needs of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FilesState {
    tally: FileTally,
    begun: bool,
    lines: u64,
    pending: String,
    inner: Option<ArchiveState>,
}

/// The property that names a file, and its collection where there are several.
fn property_of<'a>(plan: &'a Plan, file: &FileRef) -> Result<(Option<&'a str>, &'a str), AssemblyError> {
    let property = plan.file_properties().get(file.property).ok_or(AssemblyError::OutOfOrder)?;
    let section = plan.section_of_file(file.property);
    Ok((section.map(|section| section.collection.as_str()), property))
}

impl Files {
    pub(crate) fn new(plan: &Plan) -> Self {
        let (tally, folders) = (FileTally::default(), folders(plan));
        Self { tally, begun: false, lines: 0, pending: Vec::new(), inner: None, folders }
    }

    pub(crate) fn state(&self) -> FilesState {
        FilesState {
            tally: self.tally,
            begun: self.begun,
            lines: self.lines,
            pending: String::from_utf8_lossy(&self.pending).into_owned(),
            inner: self.inner.as_ref().map(|inner| inner.state().clone()),
        }
    }

    pub(crate) fn resume(plan: &Plan, state: FilesState) -> Self {
        Self {
            tally: state.tally,
            begun: state.begun,
            lines: state.lines,
            pending: state.pending.into_bytes(),
            inner: state.inner.map(ArchiveWriter::resume),
            ..Self::new(plan)
        }
    }

    /// What the manifest counts of them.
    pub(crate) fn counted(&self) -> Option<FileTally> {
        self.begun.then_some(self.tally)
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), AssemblyError> {
        self.pending.extend_from_slice(if self.lines == 0 { b"\n    " } else { b",\n    " });
        serde_json::to_writer(&mut self.pending, line).map_err(AssemblyError::Manifest)?;
        self.lines += 1;
        Ok(())
    }
}

impl Assembly {
    /// Ends the records and begins the files, `expected` of them with that many bytes together; with `zipped`, as an archive inside of
    /// the archive.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn start_files(
        &mut self,
        zipped: bool,
        (expected, bytes): (u64, u64),
        out: &mut Vec<u8>,
    ) -> Result<(), AssemblyError> {
        self.end_records(out)?;
        let mut files = self.files.take().unwrap_or_else(|| Files::new(&self.plan));
        files.begun = true;
        if zipped {
            let about = bytes.saturating_add(expected.saturating_mul(HEADERS_BYTES));
            let modified = self.header.modified;
            self.archive.start_entry(files_archive_name(), modified, SizeBound::About(about), out)?;
            files.inner = Some(ArchiveWriter::new());
        }
        self.files = Some(files);
        Ok(())
    }

    /// How many files there are so far.
    pub fn file_tally(&self) -> FileTally {
        self.files.as_ref().map(|files| files.tally).unwrap_or_default()
    }

    /// Begins a file, which comes in pieces of `piece_bytes`, the last one shorter.
    ///
    /// # Errors
    /// [`AssemblyError::Name`] when the record's id cannot be part of a name; none else that a caller can cause.
    pub fn start_file(&mut self, file: &FileRef, piece_bytes: u64, out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        let files = self.files.as_mut().ok_or(AssemblyError::OutOfOrder)?;
        let folder = files.folders.get(file.property).ok_or(AssemblyError::OutOfOrder)?;
        let name = file_name(folder.within.as_deref(), &file.record, &folder.name, file.number, &file.name)?;
        let (modified, bound) = (self.header.modified, SizeBound::of_size(file.size_bytes, piece_bytes));
        self.nest(out, |archive, out| archive.start_entry(name, modified, bound, out))
    }

    /// Appends the next piece of the file.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn push_file(&mut self, piece: &FilePiece, out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        let FilePiece { plain, deflated, crc32 } = piece;
        self.nest(out, |archive, out| archive.append(BlockBytes { deflated, plain, crc32: *crc32 }, out))
    }

    /// Ends the file; `broken` says why it is not whole.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn finish_file(
        &mut self,
        file: &FileRef,
        broken: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<(), AssemblyError> {
        let entry = self.nest(out, ArchiveWriter::finish_entry)?;
        let property = property_of(&self.plan, file)?;
        let files = self.files.as_mut().ok_or(AssemblyError::OutOfOrder)?;
        files.tally.count += 1;
        files.tally.size_bytes += entry.size;
        files.tally.missing += u64::from(broken.is_some());
        files.line(&FileLine::new(file, property, &entry, broken))
    }

    /// Takes note of a file that cannot be read, instead of starting it.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn miss_file(&mut self, file: &FileRef, reason: &str) -> Result<(), AssemblyError> {
        let property = property_of(&self.plan, file)?;
        let files = self.files.as_mut().ok_or(AssemblyError::OutOfOrder)?;
        files.tally.missing += 1;
        files.line(&MissingFile::new(file, property, reason))
    }

    /// Takes note of a record's document.
    pub(crate) fn note_document(&mut self, record: &str, entry: &EntrySummary) -> Result<(), AssemblyError> {
        let files = self.files.as_mut().ok_or(AssemblyError::OutOfOrder)?;
        files.line(&DocumentLine::new(record, entry))
    }

    /// Takes the manifest's lines so far, which go to [`Assembly::push_manifest`] in the end.
    pub fn take_lines(&mut self) -> Vec<u8> {
        self.files.as_mut().map(|files| std::mem::take(&mut files.pending)).unwrap_or_default()
    }

    /// Takes the directory records of the archive so far, which go to [`Assembly::push_directory`] in the end.
    pub fn take_directory(&mut self) -> Vec<u8> {
        self.archive.spill_directory()
    }

    /// Takes those of the inner archive, which go to [`Assembly::push_inner_directory`].
    pub fn take_inner_directory(&mut self) -> Vec<u8> {
        let inner = self.files.as_mut().and_then(|files| files.inner.as_mut());
        inner.map(ArchiveWriter::spill_directory).unwrap_or_default()
    }

    /// Gives the next bytes of the inner archive's directory back. How they are cut shows in the archive.
    ///
    /// # Errors
    /// More than was taken.
    pub fn push_inner_directory(&mut self, records: &[u8], out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        self.nest(out, |archive, out| archive.append_directory(records, out))
    }

    /// Ends the files; of an inner archive every directory record must have been taken and given back.
    ///
    /// # Errors
    /// Something is missing.
    pub fn end_files(&mut self, out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        let Some(inner) = self.files.as_mut().and_then(|files| files.inner.take()) else { return Ok(()) };
        let mut last = Vec::new();
        inner.finish(&mut last)?;
        self.append_nested(&last, out)?;
        self.entries.push(self.archive.finish_entry(out)?);
        Ok(())
    }

    /// Works on the archive that files go to, and brings what it gives into this one.
    fn nest<T>(
        &mut self,
        out: &mut Vec<u8>,
        work: impl FnOnce(&mut ArchiveWriter, &mut Vec<u8>) -> Result<T, waybill_archive::ArchiveError>,
    ) -> Result<T, AssemblyError> {
        let Some(inner) = self.files.as_mut().and_then(|files| files.inner.as_mut()) else {
            return Ok(work(&mut self.archive, out)?);
        };
        let mut nested = Vec::new();
        let done = work(inner, &mut nested)?;
        self.append_nested(&nested, out)?;
        Ok(done)
    }

    fn append_nested(&mut self, nested: &[u8], out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        if nested.is_empty() {
            return Ok(());
        }
        let deflated = stored_block(nested);
        let bytes = BlockBytes { deflated: &deflated, plain: nested, crc32: plain_crc32(nested) };
        Ok(self.archive.append(bytes, out)?)
    }
}
