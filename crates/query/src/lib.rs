//! Conditions on records: one syntax tree, one evaluator, and the dialects that are read into it.

pub mod decimal;
pub mod dialects;
mod evaluate;
mod filter;
mod instant;
mod pattern;
pub mod pipeline;
mod sort_key;
mod sort_order;
mod sum;

pub use filter::{Filter, Operand, Order, Test};
pub use instant::Instant;
pub use pattern::{MAX_PATTERN_BYTES, Pattern, PatternError};
pub use pipeline::{Pipeline, PipelineError};
pub use sort_order::{MAX_SORT_TERMS, SortError, SortOrder, SortTerm};
pub use sum::OutOfRange;

#[cfg(test)]
mod pipeline_tests;
#[cfg(test)]
mod rebilly_filter_tests;
#[cfg(test)]
mod sort_tests;
#[cfg(test)]
mod where_tests;
