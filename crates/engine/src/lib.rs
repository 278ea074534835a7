//! The page pipeline: pages of records in, the bytes of an archive out.
//!
//! [`Plan::transform`] turns one page into a [`Block`], on any thread and in any order; [`Assembly`] puts the blocks
//! together in order and can be taken up by another process between any two of them ([`Assembly::state`]).
//! Nothing here reads, writes, waits or knows the time.
//!
//! **Invariant:** the archive's bytes depend on the plan, the header and the pages alone.

mod assembly;
mod block;
mod expand;
mod file_assembly;
mod files;
mod manifest;
mod plan;
mod scope;
mod sort;
mod unwind;
mod view;

pub use assembly::{Assembly, AssemblyError, AssemblyHeader, AssemblyState, AssemblySummary};
pub use block::{Block, PackedDocument};
pub use expand::{Chosen, Expansion, Follow, Reference, Rendered};
pub use file_assembly::FileTally;
pub use files::{FilePiece, FileRef, FileRefs};
pub use plan::{Parts, Plan, PlanSpec, RecordFault, RowTexts, TransformError};
pub use scope::{Scope, ScopedProperty};
pub use sort::{Filled, Merge, MergedChunk, Rows, Run, RunLength, RunPosition, SortError};
pub use unwind::unwound;
pub use view::viewed;
pub use waybill_archive::{
    EntryPiece, EntryReader, EntrySummary, InflateError, Level, Modified, Packed, Packing, Restart, gzip_header,
    gzip_trailer, is_precompressed,
};
pub use waybill_formats::{EncodeError, Format, Holds, PropertyShape, Selection, SelectionError, Shape};

#[cfg(test)]
mod export_tests;
#[cfg(test)]
mod sort_tests;
