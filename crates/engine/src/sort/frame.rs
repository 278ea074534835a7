//! The layout of runs: frames, each a block of rows, deflated, with its lengths and checksum in front.

use super::SortError;
use waybill_archive::{Deflater, plain_crc32};

/// Deflated length, plain length and CRC-32, 4 bytes each, least first.
pub(super) const HEADER_BYTES: usize = 12;
/// Lengths of key and encoded record.
const ROW_HEADER_BYTES: usize = 8;

/// What stands in front of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) deflated: usize,
    pub(super) plain: usize,
    pub(super) crc32: u32,
}

/// One row of a block, as places in it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RowPlace {
    pub(super) key: usize,
    pub(super) record: usize,
    pub(super) end: usize,
}

impl Header {
    /// The header at the beginning of `bytes`, once it is there.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (deflated, rest) = bytes.split_first_chunk()?;
        let (plain, rest) = rest.split_first_chunk()?;
        let crc32 = rest.first_chunk()?;
        Some(Self {
            deflated: length(u32::from_le_bytes(*deflated)),
            plain: length(u32::from_le_bytes(*plain)),
            crc32: u32::from_le_bytes(*crc32),
        })
    }
}

/// Lengths fit: on the platforms we build for.
fn length(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

fn length32(length: usize) -> Result<[u8; 4], SortError> {
    u32::try_from(length).map(u32::to_le_bytes).map_err(|_| SortError::TooLong)
}

/// Appends a block as a frame.
pub(super) fn write_frame(plain: &[u8], deflater: &mut Deflater, out: &mut Vec<u8>) -> Result<(), SortError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    deflater.deflate(plain, out)?;
    let length = length32(out.len() - start - HEADER_BYTES)?;
    out[start..start + 4].copy_from_slice(&length);
    out[start + 4..start + 8].copy_from_slice(&length32(plain.len())?);
    out[start + 8..start + 12].copy_from_slice(&plain_crc32(plain).to_le_bytes());
    Ok(())
}

/// Appends a row to a block.
pub(super) fn write_row(key: &[u8], record: &[u8], plain: &mut Vec<u8>) -> Result<(), SortError> {
    plain.extend_from_slice(&length32(key.len())?);
    plain.extend_from_slice(&length32(record.len())?);
    plain.extend_from_slice(key);
    plain.extend_from_slice(record);
    Ok(())
}

/// The row at `at`, `None` where the block holds no whole one.
pub(super) fn read_row(plain: &[u8], at: usize) -> Option<RowPlace> {
    let (key_length, rest) = plain.get(at..)?.split_first_chunk()?;
    let record_length = rest.first_chunk()?;
    let key = at + ROW_HEADER_BYTES;
    let record = key.checked_add(length(u32::from_le_bytes(*key_length)))?;
    let end = record.checked_add(length(u32::from_le_bytes(*record_length)))?;
    (end <= plain.len()).then_some(RowPlace { key, record, end })
}
