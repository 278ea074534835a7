//! What one side of the benchmark came to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a side has written, and in what time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    /// Time from the first page to the finished archive.
    pub(super) took: Duration,
    /// Records.
    pub(super) records: u64,
    /// Size of the CSV file in the archive, in bytes.
    pub(super) csv_bytes: u64,
    /// Its CRC-32.
    pub(super) csv_crc32: u32,
    /// Size of the archive in bytes.
    pub(super) archive_bytes: u64,
}

/// One run of one side, as its process reports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    /// Wall-clock seconds.
    pub(super) secs: f64,
    /// Processor seconds of all threads meanwhile; `None` where the system does not tell.
    pub(super) processor_secs: Option<f64>,
    /// Records.
    pub(super) records: u64,
    /// JSON text of the records, in bytes.
    pub(super) json_bytes: u64,
    /// Size of the CSV file, in bytes.
    pub(super) csv_bytes: u64,
    /// Its CRC-32.
    pub(super) csv_crc32: u32,
    /// Size of the archive, in bytes.
    pub(super) archive_bytes: u64,
    /// Most memory resident at once, in bytes; `None` where the system does not tell.
    pub(super) peak_rss_bytes: Option<u64>,
}
