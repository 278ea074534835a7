//! The state machine: entries in, archive bytes out.

use crate::block::end_block;
use crate::digest::Digest;
use crate::layout::{self, Announced, EntryFacts, Modified, ZIP64_FROM};
use crate::name::EntryName;
use crate::packing::{Keeping, Packed, Packing, Restart};
use serde::{Deserialize, Serialize};

/// Up to this many bytes of an entry of unknown size are held back, so that its header can tell its sizes when it ends
/// within them: less than one part, so that nothing waits for it.
pub const HOLD_BYTES: usize = 4 << 20;

/// What is known about an entry's size before its first byte.
///
/// A header that announces ZIP64 makes the sizes behind the body 8 bytes wide whatever they are, which `ZipInputStream`
/// of Java up to 21 does not know: it goes by the actual size. So ZIP64 is announced only where it could be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SizeBound {
    /// Nothing: the entry is held back while it is small, then the headers leave room for any size.
    Unknown,
    /// Neither its plain nor its compressed bytes will be more than this: more is refused.
    AtMost(u64),
    /// Its plain bytes will be about this many: four times as many and more are still accepted, but beyond 4 GiB readers
    /// that go through the archive from front to back may stumble.
    About(u64),
}

impl SizeBound {
    /// For an entry of `plain_bytes` that is appended in blocks of `block_bytes`, none of which takes more than
    /// [`stored_block`](crate::stored_block) would make of it. Held back where it is small enough for that.
    pub fn of_size(plain_bytes: u64, block_bytes: u64) -> Self {
        let pieces = plain_bytes / u64::from(u16::MAX) + plain_bytes / block_bytes.max(1) + 2;
        let most = plain_bytes.saturating_add(pieces.saturating_mul(5)).saturating_add(length64(end_block()));
        if usize::try_from(most).is_ok_and(|most| most <= HOLD_BYTES) { Self::Unknown } else { Self::AtMost(most) }
    }

    /// What the local header can say at once; `None` if that is left open for a while.
    fn announces(self) -> Option<Announced> {
        let wide = match self {
            SizeBound::Unknown => return None,
            SizeBound::AtMost(bytes) => bytes >= ZIP64_FROM,
            SizeBound::About(bytes) => bytes >= ZIP64_FROM / 4,
        };
        Some(if wide { Announced::LaterWide } else { Announced::Later })
    }
}

/// A piece of an entry: byte-aligned deflate blocks, none of them final, and what they stand for.
#[derive(Clone, Copy, Debug)]
pub struct BlockBytes<'a> {
    /// The deflate blocks.
    pub deflated: &'a [u8],
    /// The bytes they inflate to.
    pub plain: &'a [u8],
    /// The CRC-32 of `plain`.
    pub crc32: u32,
}

/// A finished entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntrySummary {
    /// Its name.
    pub name: EntryName,
    /// Offset of its local header in the archive, in bytes.
    pub offset: u64,
    /// Offset of its body in the archive, in bytes: `compressed_size` bytes of raw deflate from there on.
    pub data_offset: u64,
    /// Plain size in bytes.
    pub size: u64,
    /// Size in the archive in bytes, headers apart.
    pub compressed_size: u64,
    /// CRC-32 of the plain bytes.
    pub crc32: u32,
    /// SHA-256 of the plain bytes, 64 hexadecimal digits.
    pub sha256: String,
    /// What was kept for handing it out by itself ([`ArchiveWriter::keep_for`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packed: Option<Packed>,
}

/// A finished archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchiveSummary {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// SHA-256 of its bytes, 64 hexadecimal digits.
    pub sha256: String,
    /// How many entries it has.
    pub entries: u64,
}

/// Why a call is refused. The archive is then as before the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// An entry is open and must be finished first.
    #[error("an entry is still open")]
    EntryOpen,
    /// No entry is open.
    #[error("no entry is open")]
    NoEntry,
    /// The directory is begun: no entry can follow it.
    #[error("the directory is begun")]
    Closing,
    /// The entry grew over the bound given when it was started.
    #[error("the entry is larger than announced")]
    OverBound,
    /// What was given back is not what was spilled.
    #[error("the spilled directory records do not match")]
    Spilled,
}

/// The entry being written.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OpenEntry {
    name: EntryName,
    modified: Modified,
    bound: SizeBound,
    /// What its local header says; `None` while that is held back.
    announced: Option<Announced>,
    /// The body so far, while the header is held back.
    #[serde(with = "crate::bytes_as_text")]
    held: Vec<u8>,
    offset: u64,
    data_offset: u64,
    compressed: u64,
    plain: u64,
    crc32: u32,
    sha256: Digest,
    keeping: Option<Keeping>,
}

impl OpenEntry {
    fn facts(&self, announced: Announced) -> EntryFacts<'_> {
        EntryFacts {
            name: &self.name,
            modified: self.modified,
            announced,
            offset: self.offset,
            crc32: self.crc32,
            compressed: self.compressed,
            plain: self.plain,
        }
    }
}

/// All that is needed to go on with an archive: sizes, checksums, midstates and the directory so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ArchiveState {
    written: u64,
    sha256: Digest,
    open: Option<OpenEntry>,
    entries: u64,
    /// Directory records of the finished entries that were not spilled.
    #[serde(with = "crate::bytes_as_text")]
    directory: Vec<u8>,
    /// Bytes of directory records that the caller has taken away.
    spilled: u64,
    /// Once the directory is begun: where, and how much of it is written.
    closing: Option<Closing>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Closing {
    offset: u64,
    bytes: u64,
}

/// Writes one archive.
#[derive(Clone, Debug)]
pub struct ArchiveWriter {
    state: ArchiveState,
    hold_bytes: usize,
}

impl Default for ArchiveWriter {
    fn default() -> Self {
        Self::resume(ArchiveState::default())
    }
}

impl ArchiveWriter {
    /// An archive without a byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on where [`ArchiveWriter::state`] was taken.
    pub fn resume(state: ArchiveState) -> Self {
        Self { state, hold_bytes: HOLD_BYTES }
    }

    /// Holds at most `bytes` of an entry of unknown size back, in place of [`HOLD_BYTES`].
    #[must_use]
    pub fn holding(self, bytes: usize) -> Self {
        Self { hold_bytes: bytes, ..self }
    }

    /// What a later [`ArchiveWriter::resume`] needs; may be taken after any call.
    pub fn state(&self) -> &ArchiveState {
        &self.state
    }

    /// Bytes of the archive so far, those held back included.
    pub fn size_bytes(&self) -> u64 {
        self.state.written + self.state.open.as_ref().map_or(0, |entry| length64(&entry.held))
    }

    /// Starts an entry; its header is appended to `out`, now or when it is decided.
    ///
    /// # Errors
    /// An entry is open, or the directory is begun.
    pub fn start_entry(
        &mut self,
        name: EntryName,
        modified: Modified,
        bound: SizeBound,
        out: &mut Vec<u8>,
    ) -> Result<(), ArchiveError> {
        if self.state.open.is_some() {
            return Err(ArchiveError::EntryOpen);
        }
        if self.state.closing.is_some() {
            return Err(ArchiveError::Closing);
        }
        let mut entry = OpenEntry {
            name,
            modified,
            bound,
            announced: None,
            held: Vec::new(),
            offset: self.state.written,
            data_offset: 0,
            compressed: 0,
            plain: 0,
            crc32: 0,
            sha256: Digest::new(),
            keeping: None,
        };
        if let Some(announced) = bound.announces() {
            self.write_header(&mut entry, announced, out);
        }
        self.state.open = Some(entry);
        Ok(())
    }

    /// Keeps of the open entry, of which nothing was appended yet, what handing it out by itself needs.
    ///
    /// # Errors
    /// No entry is open.
    pub fn keep_for(&mut self, packing: Packing) -> Result<(), ArchiveError> {
        let entry = self.state.open.as_mut().ok_or(ArchiveError::NoEntry)?;
        entry.keeping = Some(Keeping::new(packing));
        Ok(())
    }

    /// Appends a block to the open entry.
    ///
    /// # Errors
    /// No entry is open, or it would grow over its bound.
    pub fn append(&mut self, block: BlockBytes<'_>, out: &mut Vec<u8>) -> Result<(), ArchiveError> {
        let mut entry = self.state.open.take().ok_or(ArchiveError::NoEntry)?;
        let plain = entry.plain + length64(block.plain);
        let compressed = entry.compressed + length64(block.deflated);
        if let SizeBound::AtMost(bytes) = entry.bound
            && (plain > bytes || compressed + length64(end_block()) > bytes)
        {
            self.state.open = Some(entry);
            return Err(ArchiveError::OverBound);
        }
        let before = Restart { deflated: entry.compressed, plain: entry.plain };
        if let Some(keeping) = &mut entry.keeping {
            keeping.take(before, block.deflated);
        }
        entry.plain = plain;
        entry.compressed = compressed;
        entry.crc32 = combine(entry.crc32, block.crc32, length64(block.plain));
        entry.sha256.update(block.plain);
        if entry.announced.is_none() && entry.held.len() + block.deflated.len() <= self.hold_bytes {
            entry.held.extend_from_slice(block.deflated);
        } else {
            if entry.announced.is_none() {
                self.write_header(&mut entry, Announced::LaterWide, out);
            }
            self.emit(out, |out| out.extend_from_slice(block.deflated));
        }
        self.state.open = Some(entry);
        Ok(())
    }

    /// Ends the open entry.
    ///
    /// # Errors
    /// No entry is open.
    pub fn finish_entry(&mut self, out: &mut Vec<u8>) -> Result<EntrySummary, ArchiveError> {
        let mut entry = self.state.open.take().ok_or(ArchiveError::NoEntry)?;
        entry.compressed += length64(end_block());
        let announced = match entry.announced {
            Some(announced) => announced,
            None => self.write_header(&mut entry, Announced::Known, out),
        };
        self.emit(out, |out| {
            out.extend_from_slice(end_block());
            layout::descriptor(&entry.facts(announced), out);
        });
        layout::directory_record(&entry.facts(announced), &mut self.state.directory);
        self.state.entries += 1;
        let packed = entry.keeping.map(|keeping| keeping.finish(end_block(), entry.crc32, entry.plain));
        Ok(EntrySummary {
            packed,
            name: entry.name,
            offset: entry.offset,
            data_offset: entry.data_offset,
            size: entry.plain,
            compressed_size: entry.compressed,
            crc32: entry.crc32,
            sha256: entry.sha256.finish(),
        })
    }

    /// Writes the entry's header, and what was held back behind it.
    fn write_header(&mut self, entry: &mut OpenEntry, announced: Announced, out: &mut Vec<u8>) -> Announced {
        entry.announced = Some(announced);
        self.emit(out, |out| layout::local_header(&entry.facts(announced), out));
        entry.data_offset = self.state.written;
        let held = std::mem::take(&mut entry.held);
        self.emit(out, |out| out.extend_from_slice(&held));
        announced
    }

    /// Bytes of the directory records that are kept in the state.
    pub fn directory_bytes(&self) -> usize {
        self.state.directory.len()
    }

    /// Takes the directory records collected so far out of the state, so that it does not grow with the archive.
    ///
    /// Whoever takes them gives them back, in order, to [`ArchiveWriter::append_directory`].
    pub fn spill_directory(&mut self) -> Vec<u8> {
        let records = std::mem::take(&mut self.state.directory);
        self.state.spilled += length64(&records);
        records
    }

    /// Gives back the next bytes of what was spilled, cut anywhere; the first call begins the directory.
    ///
    /// # Errors
    /// An entry is open, or that is more than was spilled.
    pub fn append_directory(&mut self, records: &[u8], out: &mut Vec<u8>) -> Result<(), ArchiveError> {
        if self.state.open.is_some() {
            return Err(ArchiveError::EntryOpen);
        }
        let mut closing = self.state.closing.unwrap_or(Closing { offset: self.state.written, bytes: 0 });
        closing.bytes += length64(records);
        if closing.bytes > self.state.spilled {
            return Err(ArchiveError::Spilled);
        }
        self.emit(out, |out| out.extend_from_slice(records));
        self.state.closing = Some(closing);
        Ok(())
    }

    /// Ends an archive of which everything that was spilled has been given back.
    ///
    /// # Errors
    /// An entry is open, or something is missing.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<ArchiveSummary, ArchiveError> {
        self.append_directory(&[], out)?;
        let Closing { offset, bytes } = self.state.closing.unwrap_or(Closing { offset: self.state.written, bytes: 0 });
        if bytes != self.state.spilled {
            return Err(ArchiveError::Spilled);
        }
        let records = std::mem::take(&mut self.state.directory);
        self.emit(out, |out| out.extend_from_slice(&records));
        let entries = self.state.entries;
        self.emit(out, |out| layout::end_records(entries, offset, bytes + length64(&records), out));
        Ok(ArchiveSummary { size_bytes: self.state.written, sha256: self.state.sha256.finish(), entries })
    }

    /// Lets `write` append to `out` and takes account of what it appended.
    fn emit(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let before = out.len();
        write(out);
        let appended = &out[before..];
        self.state.written += length64(appended);
        self.state.sha256.update(appended);
    }
}

fn length64(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// The CRC-32 of two byte strings one after the other, the second `length` bytes long.
fn combine(first: u32, second: u32, length: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(first);
    hasher.combine(&crc32fast::Hasher::new_with_initial_len(second, length));
    hasher.finalize()
}
