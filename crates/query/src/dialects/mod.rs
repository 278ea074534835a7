//! The notations in which conditions arrive.

pub mod cortex_where;
pub mod rebilly_filter;
