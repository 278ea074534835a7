//! Dimensions that values are scoped by, like a language or a market, and what of them an export is to take.

use crate::{DimensionId, OrgCode, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most segments of a dimension.
pub const MAX_SEGMENTS: usize = 1000;
/// Most dimensions of an org.
pub const MAX_DIMENSIONS: usize = 100;

/// The member of a record that names the record that it is a variant of.
pub const PARENT: &str = "_parent";
/// The member of a variant that says how deep it is below the record at the top.
pub const LEVEL: &str = "_level";
/// The member of a record that names the catalogs that it is in.
pub const CATALOGS: &str = "_catalogs";
/// What [`PARENT`] is called in an export with variants.
pub const PARENT_ID: &str = "_parentId";

/// Something that values differ by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// The org.
    pub org: OrgCode,
    /// Its id.
    pub id: DimensionId,
    /// A short name for programs.
    pub alias: String,
    /// A name for people.
    pub name: String,
    /// The segment that counts where none is named.
    pub default_segment: Option<String>,
    /// Its segments, in order.
    pub segments: Vec<DimensionSegment>,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// One of what a dimension divides values into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DimensionSegment {
    /// Its id.
    pub id: String,
    /// A short name for programs.
    pub alias: String,
    /// A name for people.
    pub name: String,
}

/// What of scoped values, variants and catalogs is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeRequest {
    /// Which segment of which dimension; of the others the default.
    pub segments: BTreeMap<String, String>,
    /// Whether variants come along, with what they inherit.
    pub variants: bool,
    /// Only records in this catalog.
    pub catalog: Option<String>,
}

/// That, with the default segments as they were when the export was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrozenScope {
    /// As it was asked.
    pub asked: ScopeRequest,
    /// Segments of dimensions that were not named.
    pub defaults: BTreeMap<String, String>,
}
