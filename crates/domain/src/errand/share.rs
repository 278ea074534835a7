//! An org's share of the workers that run errands: which of its errands they have under way.

use crate::{ExportId, OrgCode};
use serde::{Deserialize, Serialize};

/// Errands of one kind and one org that were claimed last. Whether one is still under way, its own row says: nobody gives a place back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrandShare {
    /// The org.
    pub org: OrgCode,
    /// The kind, as rows name it.
    pub kind: String,
    /// The errands, by their exports and numbers.
    pub taken: Vec<(ExportId, u16)>,
}

impl ErrandShare {
    /// One that nobody has taken a place of.
    pub fn empty(org: OrgCode, kind: impl Into<String>) -> Self {
        Self { org, kind: kind.into(), taken: Vec::new() }
    }

    /// With a place for that errand.
    #[must_use]
    pub fn with(mut self, errand: (ExportId, u16)) -> Self {
        self.taken.retain(|taken| *taken != errand);
        self.taken.push(errand);
        self
    }
}
