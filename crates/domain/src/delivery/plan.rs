//! What is to become of an export's file once it is finished: frozen with the request.

use crate::{FilenameTemplate, SealedDestination};
use serde::{Deserialize, Serialize};

/// Where the file of an export goes, and as what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryPlan {
    /// Where.
    pub destinations: Vec<SealedDestination>,
    /// Its name there; `None` = `export-{date}` and its ending.
    pub filename: Option<FilenameTemplate>,
    /// Whether it goes there as gzip.
    pub compress: bool,
}
