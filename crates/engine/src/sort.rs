//! External merge sort: rows of any number in a fixed amount of memory.
//!
//! A chunk of records becomes [`Rows`]: each record encoded, behind the key that it is sorted by, so that what lies
//! outside of memory is the projection. Rows gathered up to a budget become a [`Run`], sorted and deflated; runs are
//! merged to longer runs, or to the chunks of which the archive's blocks are made ([`Merge`]).
//!
//! **Invariant:** what comes out depends on the rows and their order in the source alone, not on where runs end, how they
//! were merged, or where a merge was taken up again. Rows with equal keys stay in the source's order, as long as runs
//! are given to a merge in that order.

mod frame;
mod heap;
mod input;
mod merge;
mod rows;

pub use merge::{Filled, Merge, MergedChunk, RunLength, RunPosition};
pub use rows::{Rows, Run};

/// Why a run cannot be written or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SortError {
    /// What was read is not what was written.
    #[error("a run is damaged at byte {offset}")]
    Damaged {
        /// Where the block lies.
        offset: u64,
    },
    /// The compressor refused.
    #[error(transparent)]
    Deflate(#[from] waybill_archive::DeflateError),
    /// A row, or a block, of over 4 GiB.
    #[error("a row is too long to be sorted")]
    TooLong,
}
