//! The types that a property of a record can have.

use serde::{Deserialize, Serialize};

/// The scalar or structural type of a declared property, as a query compares it and an encoder writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PropertyType {
    /// Text.
    String,
    /// A decimal number, kept verbatim.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An instant, RFC 3339 text.
    Date,
    /// Twelve bytes as 24 hex digits.
    ObjectId,
    /// The `_id` of a record of another collection.
    Reference,
    /// A file kept beside the record.
    File,
    /// A nested document.
    Document,
    /// Anything.
    Any,
    /// Bytes as base64 text.
    Binary,
    /// A `GeoJSON` object.
    Geometry,
    /// The records of another collection that refer to this one.
    List,
}
