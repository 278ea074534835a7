//! Zip as a resumable state machine.
//!
//! [`ArchiveWriter`] appends bytes to the caller's buffer and keeps nothing of them but sizes, checksums and the
//! directory; [`ArchiveWriter::state`] is all that another process needs to go on. An entry's body is a concatenation
//! of byte-aligned deflate blocks, so blocks can be made on any thread ([`Deflater`]) and only their order matters.
//!
//! **Invariant:** the bytes depend on the calls alone, never on where a state was taken and resumed.

mod block;
mod bytes_as_text;
mod deflate;
mod digest;
mod file_name;
mod inflate;
mod layout;
mod name;
mod packing;
mod precompressed;
mod writer;

pub use block::{DeflateError, Deflater, Level, deflate_block, end_block, plain_crc32, stored_block};
pub use digest::Digest;
pub use file_name::{document_name, file_folders, file_name};
pub use inflate::{InflateError, Inflated, Inflater};
pub use layout::Modified;
pub use name::{EntryName, NameError, files_archive_name, manifest_name, part_name, records_name, records_names};
pub use packing::{EntryPiece, EntryReader, Packed, Packing, Restart, gzip_header, gzip_trailer};
pub use precompressed::is_precompressed;
pub use writer::{
    ArchiveError, ArchiveState, ArchiveSummary, ArchiveWriter, BlockBytes, EntrySummary, HOLD_BYTES, SizeBound,
};

#[cfg(test)]
mod packing_tests;
#[cfg(test)]
mod writer_tests;
