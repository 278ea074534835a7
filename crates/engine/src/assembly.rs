//! Blocks in order, put together to an archive.

use crate::block::Block;
use crate::manifest::manifest;
use crate::plan::Plan;
use serde::{Deserialize, Serialize};
use waybill_archive::{
    ArchiveError, ArchiveState, ArchiveWriter, BlockBytes, DeflateError, EntrySummary, Level, Modified, SizeBound,
    deflate_block, manifest_name, plain_crc32, records_name, stored_block,
};

/// Pieces up to this size are not worth a compressor's work.
const SMALL_BYTES: usize = 64;

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
}

/// A finished archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssemblySummary {
    /// How many records it holds.
    pub records: u64,
    /// Its entries in order; the last one is the manifest.
    pub entries: Vec<EntrySummary>,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// SHA-256 of its bytes, 64 hexadecimal digits.
    pub sha256: String,
}

/// Assembles the archive of one export.
#[derive(Debug)]
pub struct Assembly {
    plan: Plan,
    header: AssemblyHeader,
    archive: ArchiveWriter,
    scanned: u64,
    records: u64,
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
        let mut archive = ArchiveWriter::new();
        let name = records_name(&header.collection, plan.format().file_extension());
        archive.start_entry(name, header.modified, bound, out)?;
        let mut assembly = Self { plan: plan.clone(), header, archive, scanned: 0, records: 0 };
        let prologue = assembly.plan.encoder().prologue();
        assembly.append(&prologue, out)?;
        Ok(assembly)
    }

    /// Goes on where [`Assembly::state`] was taken; plan and header must be those it was started with.
    pub fn resume(plan: &Plan, header: AssemblyHeader, state: AssemblyState) -> Self {
        Self {
            plan: plan.clone(),
            header,
            archive: ArchiveWriter::resume(state.archive),
            scanned: state.scanned,
            records: state.records,
        }
    }

    /// What [`Assembly::resume`] needs, taken after any push. The bytes appended so far are the caller's to keep.
    pub fn state(&self) -> AssemblyState {
        AssemblyState { archive: self.archive.state().clone(), scanned: self.scanned, records: self.records }
    }

    /// How many records the pages pushed so far had.
    pub fn scanned(&self) -> u64 {
        self.scanned
    }

    /// How many records are in the archive so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// How many bytes the archive has so far.
    pub fn size_bytes(&self) -> u64 {
        self.archive.size_bytes()
    }

    /// Appends the next page to the archive and its bytes to `out`; nothing for a page without a matching record.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn push(&mut self, block: &Block, out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        self.scanned += block.scanned;
        if block.records == 0 {
            return Ok(());
        }
        if self.records > 0 {
            self.append(self.plan.encoder().separator(), out)?;
        }
        self.records += block.records;
        let bytes = BlockBytes { deflated: &block.deflated, plain: &block.plain, crc32: block.crc32 };
        self.archive.append(bytes, out)?;
        Ok(())
    }

    /// Ends the archive; its last bytes are appended to `out`.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<AssemblySummary, AssemblyError> {
        let epilogue = self.plan.encoder().epilogue();
        self.append(&epilogue, out)?;
        let mut entries = vec![self.archive.finish_entry(out)?];
        let text =
            manifest(&self.header, self.plan.encoder(), self.records, &entries).map_err(AssemblyError::Manifest)?;
        entries.push(self.write_manifest(&text, out)?);
        let archive = self.archive.finish(out)?;
        Ok(AssemblySummary { records: self.records, entries, size_bytes: archive.size_bytes, sha256: archive.sha256 })
    }

    fn write_manifest(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<EntrySummary, AssemblyError> {
        let name = manifest_name();
        self.archive.start_entry(name, self.header.modified, SizeBound::Unknown, out)?;
        self.append(text, out)?;
        Ok(self.archive.finish_entry(out)?)
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
