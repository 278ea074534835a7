//! Conditions on records: one AST that every dialect is compiled to, and its one evaluator.

mod filter;

pub use filter::{Filter, Literal};
