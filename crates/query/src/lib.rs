//! Conditions on records: one syntax tree, one evaluator, and the dialects that are read into it.

pub mod decimal;
pub mod dialects;
mod evaluate;
mod filter;
mod instant;

pub use filter::{Filter, Operand, Order, Test};
pub use instant::Instant;

#[cfg(test)]
mod where_tests;
