//! The AST of conditions on records.

use serde::{Deserialize, Serialize};
use waybill_record::Path;

/// A condition on one record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Filter {
    /// Every one holds; an empty list holds.
    All(Vec<Filter>),
    /// The value at the path equals the literal.
    Equals {
        /// Which value.
        path: Path,
        /// What it must be.
        value: Literal,
    },
}

/// A value to compare with, of the type that the property was declared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Literal {
    /// Null, or nothing there.
    Null,
    /// A truth value.
    Bool(bool),
    /// A decimal number as text.
    Number(String),
    /// Text.
    Text(String),
    /// An instant, milliseconds since the epoch of Unix time.
    Instant(i64),
}
