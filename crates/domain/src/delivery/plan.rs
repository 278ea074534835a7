//! What is to become of an export's file once it is finished, and who is told: frozen with the request.

use crate::{Email, FilenameTemplate, SealedDestination};
use serde::{Deserialize, Serialize};

/// Most people who are told by mail: each adds a row to the commit that settles an export.
pub const MAX_NOTIFIED: usize = 20;

/// Where the file of an export goes, as what, and who is told that it has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryPlan {
    /// Where.
    pub destinations: Vec<SealedDestination>,
    /// Its name there; `None` = `export-{date}` and its ending.
    pub filename: Option<FilenameTemplate>,
    /// Whether it goes there as gzip.
    pub compress: bool,
    /// Who is told by mail that it is ready, or has failed; each once.
    #[serde(default)]
    pub notify: Vec<Email>,
}
