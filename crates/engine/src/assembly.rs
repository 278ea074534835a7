//! Blocks in order, put together to an archive.

mod sections;

use crate::block::Block;
use crate::file_assembly::{FileTally, Files, FilesState};
use crate::manifest::{Counts, manifest_head, manifest_tail};
use crate::plan::Plan;
use serde::{Deserialize, Serialize};
use waybill_archive::{
    ArchiveError, ArchiveState, ArchiveSummary, ArchiveWriter, BlockBytes, DeflateError, EntryName, EntrySummary,
    Level, Modified, NameError, SizeBound, deflate_block, document_name, manifest_name, part_name, plain_crc32,
    records_name, stored_block,
};

/// Pieces up to this size are not worth a compressor's work.
const SMALL_BYTES: usize = 64;

/// A number of entries, as that of the place behind them.
fn place(entries: u64) -> usize {
    usize::try_from(entries).unwrap_or(usize::MAX)
}

/// What an archive says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssemblyHeader {
    /// The collection; its records lie in the entry `<collection>.<extension>`.
    pub collection: String,
    /// The export's id.
    pub export: String,
    /// The org's code.
    pub org: Option<String>,
    /// The frozen request, copied into the manifest.
    pub request: serde_json::Value,
    /// The time that the entries carry; the same on every attempt.
    pub modified: Modified,
}

/// Why an archive cannot be assembled.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// The archive refuses a step.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A constant piece does not compress.
    #[error(transparent)]
    Deflate(#[from] DeflateError),
    /// A file's record has no id that can be part of a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A call for a part of the archive that has not begun.
    #[error("that part of the archive has not begun")]
    OutOfOrder,
    /// The manifest cannot be written.
    #[error("the manifest cannot be written")]
    Manifest(#[source] serde_json::Error),
}

/// What another process needs to go on; at most a few megabytes, however many pages were pushed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssemblyState {
    archive: ArchiveState,
    scanned: u64,
    records: u64,
    /// How many entries of records were begun.
    parts: u64,
    /// How many records the last one has.
    part_records: u64,
    /// How many each one before it has, where each is a collection's.
    #[serde(default)]
    section_records: Vec<u64>,
    /// Finished entries, files apart; the first are those of the records.
    entries: Vec<EntrySummary>,
    files: Option<FilesState>,
    manifest_begun: bool,
}

/// A finished archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssemblySummary {
    /// How many records it holds.
    pub records: u64,
    /// How many entries of records it has; 0 where each record has its own.
    pub parts: u64,
    /// How many records each of them holds, where each is a collection's; else none.
    pub section_records: Vec<u64>,
    /// Its entries in order, those of files apart; the last one is the manifest, where there is one.
    pub entries: Vec<EntrySummary>,
    /// How many files it holds.
    pub files: FileTally,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// SHA-256 of its bytes, 64 hexadecimal digits.
    pub sha256: String,
}

/// Assembles the archive of one export.
#[derive(Debug)]
pub struct Assembly {
    pub(crate) plan: Plan,
    pub(crate) header: AssemblyHeader,
    pub(crate) archive: ArchiveWriter,
    scanned: u64,
    records: u64,
    parts: u64,
    part_records: u64,
    section_records: Vec<u64>,
    pub(crate) entries: Vec<EntrySummary>,
    pub(crate) files: Option<Files>,
    manifest_begun: bool,
}

impl Assembly {
    /// Starts an archive of which nothing is known; bytes are appended to `out` once there are a few megabytes, or all.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn start(plan: &Plan, header: AssemblyHeader, out: &mut Vec<u8>) -> Result<Self, AssemblyError> {
        Self::begin(plan, header, SizeBound::Unknown, out)
    }

    /// Starts an archive whose encoded records are expected to be about `plain_bytes` long.
    ///
    /// Below 1 GiB the archive is then readable from front to back by every reader, old ones of Java included; an
    /// estimate that is too low costs that at most.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn start_expecting(
        plan: &Plan,
        header: AssemblyHeader,
        plain_bytes: u64,
        out: &mut Vec<u8>,
    ) -> Result<Self, AssemblyError> {
        Self::begin(plan, header, SizeBound::About(plain_bytes), out)
    }

    fn begin(plan: &Plan, header: AssemblyHeader, bound: SizeBound, out: &mut Vec<u8>) -> Result<Self, AssemblyError> {
        let documents = plan.format().makes_documents();
        let mut assembly = Self {
            plan: plan.clone(),
            header,
            archive: ArchiveWriter::new(),
            scanned: 0,
            records: 0,
            parts: 0,
            part_records: 0,
            section_records: Vec::new(),
            entries: Vec::new(),
            files: documents.then(|| Files::new(plan)),
            manifest_begun: false,
        };
        if !documents {
            assembly.start_part(bound, out)?;
        }
        Ok(assembly)
    }

    /// Begins the entry of the records, or of the next part of them, or of the next collection.
    fn start_part(&mut self, bound: SizeBound, out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        let extension = self.plan.format().file_extension();
        let name: EntryName = match (self.plan.sections().get(place(self.parts)), self.plan.parts()) {
            (Some(section), _) => section.entry.clone(),
            (None, None) => records_name(&self.header.collection, extension),
            (None, Some(parts)) => part_name(&parts.stem, self.parts + 1, extension),
        };
        self.archive.start_entry(name, self.header.modified, bound, out)?;
        // Where there are more, the archive is what is handed out.
        if let Some(packing) = self.plan.packing().filter(|_| self.parts == 0) {
            self.archive.keep_for(packing)?;
        }
        if self.parts > 0 && !self.plan.sections().is_empty() {
            self.section_records.push(self.part_records);
        }
        (self.parts, self.part_records) = (self.parts + 1, 0);
        let prologue = self.open_plan().encoder().prologue();
        self.append(&prologue, out)
    }

    /// Ends the entry of the records, or of a part of them, or of a collection.
    fn end_part(&mut self, out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        let epilogue = self.open_plan().encoder().epilogue();
        self.append(&epilogue, out)?;
        self.entries.push(self.archive.finish_entry(out)?);
        Ok(())
    }

    /// Goes on where [`Assembly::state`] was taken; plan and header must be those it was started with.
    pub fn resume(plan: &Plan, header: AssemblyHeader, state: AssemblyState) -> Self {
        Self {
            plan: plan.clone(),
            header,
            archive: ArchiveWriter::resume(state.archive),
            scanned: state.scanned,
            records: state.records,
            parts: state.parts,
            part_records: state.part_records,
            section_records: state.section_records,
            entries: state.entries,
            files: state.files.map(|files| Files::resume(plan, files)),
            manifest_begun: state.manifest_begun,
        }
    }

    /// What [`Assembly::resume`] needs, taken after any push. The bytes appended so far are the caller's to keep.
    pub fn state(&self) -> AssemblyState {
        AssemblyState {
            archive: self.archive.state().clone(),
            scanned: self.scanned,
            records: self.records,
            parts: self.parts,
            part_records: self.part_records,
            section_records: self.section_records.clone(),
            entries: self.entries.clone(),
            files: self.files.as_ref().map(Files::state),
            manifest_begun: self.manifest_begun,
        }
    }

    /// How many records the pages pushed so far had.
    pub fn scanned(&self) -> u64 {
        self.scanned
    }

    /// How many records are in the archive so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// How many records the next block may have at most: as many as have room in the part that they go into.
    pub fn room(&self) -> u64 {
        let Some(parts) = self.plan.parts() else { return u64::MAX };
        match parts.records.saturating_sub(self.part_records) {
            // The next part begins with the next record, so that none is empty.
            0 => parts.records,
            room => room,
        }
    }

    /// How many bytes the archive has so far.
    pub fn size_bytes(&self) -> u64 {
        self.archive.size_bytes()
    }

    /// Holds at most `bytes` of an entry back to write its size in front of it, in place of [`waybill_archive::HOLD_BYTES`].
    #[must_use]
    pub fn holding(self, bytes: usize) -> Self {
        Self { archive: self.archive.holding(bytes), ..self }
    }

    /// Appends the next page to the archive and its bytes to `out`; nothing for a page without a matching record.
    ///
    /// # Errors
    /// [`AssemblyError::OutOfOrder`] for more records than there is [`Assembly::room`] for.
    pub fn push(&mut self, block: &Block, out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        self.scanned += block.scanned;
        if block.records == 0 {
            return Ok(());
        }
        if self.plan.format().makes_documents() {
            return self.push_documents(block, out);
        }
        if block.records > self.room() {
            return Err(AssemblyError::OutOfOrder);
        }
        if self.plan.parts().is_some_and(|parts| self.part_records >= parts.records) {
            self.end_part(out)?;
            self.start_part(SizeBound::Unknown, out)?;
        }
        if self.part_records > 0 {
            self.append(self.plan.encoder().separator(), out)?;
        }
        self.records += block.records;
        self.part_records += block.records;
        let bytes = BlockBytes { deflated: &block.deflated, plain: &block.plain, crc32: block.crc32 };
        self.archive.append(bytes, out)?;
        Ok(())
    }

    /// Appends each record's document as an entry of its own, numbered in the order of the records.
    fn push_documents(&mut self, block: &Block, out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        for document in &block.documents {
            self.records += 1;
            let extension = self.plan.format().file_extension();
            let name = document_name(&self.header.collection, self.records, &document.id, extension);
            let (plain, deflated) =
                (block.plain.get(document.plain.clone()), block.deflated.get(document.deflated.clone()));
            let (Some(plain), Some(deflated)) = (plain, deflated) else { return Err(AssemblyError::OutOfOrder) };
            self.archive.start_entry(name, self.header.modified, SizeBound::Unknown, out)?;
            self.archive.append(BlockBytes { deflated, plain, crc32: document.crc32 }, out)?;
            let entry = self.archive.finish_entry(out)?;
            self.note_document(&document.id, &entry)?;
        }
        Ok(())
    }

    /// Ends the entry of the records, unless that is done.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn end_records(&mut self, out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        if self.entries.len() < place(self.parts) {
            self.enter_last_section(out)?;
            self.end_part(out)?;
        }
        Ok(())
    }

    /// Begins the manifest: records and files are over.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn start_manifest(&mut self, out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        let counts = Counts::new(self.records, self.files.as_ref().and_then(Files::counted));
        let listed = self.files.is_some();
        let counts = (counts, self.section_lines());
        let head = manifest_head(&self.header, self.plan.encoder(), counts, &self.entries, listed);
        let head = head.map_err(AssemblyError::Manifest)?;
        self.archive.start_entry(manifest_name(), self.header.modified, SizeBound::Unknown, out)?;
        self.manifest_begun = true;
        self.append(&head, out)
    }

    /// Gives the next bytes of the manifest's lines back ([`Assembly::take_lines`]). How they are cut shows in the archive.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn push_manifest(&mut self, lines: &[u8], out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        self.append(lines, out)
    }

    /// Ends the manifest.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn end_manifest(&mut self, out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        let tail = manifest_tail(self.files.as_ref().map(|files| files.lines));
        self.append(tail, out)?;
        self.entries.push(self.archive.finish_entry(out)?);
        Ok(())
    }

    /// Gives the next bytes of the directory back, cut anywhere ([`Assembly::take_directory`]).
    ///
    /// # Errors
    /// More than was taken.
    pub fn push_directory(&mut self, records: &[u8], out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        Ok(self.archive.append_directory(records, out)?)
    }

    /// Ends the archive, with the manifest unless that is written or the plan makes parts, whose archive holds nothing else; its
    /// last bytes are appended to `out`.
    ///
    /// # Errors
    /// Something that was taken has not been given back.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<AssemblySummary, AssemblyError> {
        if self.plan.parts().is_some() {
            self.end_records(out)?;
        } else if !self.manifest_begun {
            self.end_records(out)?;
            self.start_manifest(out)?;
            let lines = self.take_lines();
            self.append(&lines, out)?;
            self.end_manifest(out)?;
        }
        let (files, section_records) = (self.file_tally(), self.section_records());
        let ArchiveSummary { size_bytes, sha256, .. } = self.archive.finish(out)?;
        Ok(AssemblySummary {
            records: self.records,
            parts: self.parts,
            section_records,
            entries: self.entries,
            files,
            size_bytes,
            sha256,
        })
    }

    /// Appends a piece that is no page to the open entry.
    fn append(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        if plain.is_empty() {
            return Ok(());
        }
        let deflated =
            if plain.len() <= SMALL_BYTES { stored_block(plain) } else { deflate_block(plain, Level::Default)? };
        let bytes = BlockBytes { deflated: &deflated, plain, crc32: plain_crc32(plain) };
        Ok(self.archive.append(bytes, out)?)
    }
}
