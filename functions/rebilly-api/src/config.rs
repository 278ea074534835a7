//! What this function is told by its environment.

use std::num::NonZeroU64;
use waybill_aws::Connection;
use waybill_http::Origins;
use waybill_runtime::EnvReader;

/// Most files of an export: what is kept of each is in one row.
const MOST_PARTS: u64 = 100;

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Config {
    /// How AWS is reached.
    pub connection: Connection,
    /// Table of the state (`WAYBILL_MAIN_TABLE`).
    pub main_table: String,
    /// Table of the records (`WAYBILL_RECORDS_TABLE`).
    pub records_table: String,
    /// Table of the audit trail (`WAYBILL_AUDIT_TABLE`).
    pub audit_table: String,
    /// The table of after-scripts.
    pub script_table: String,
    /// Bucket of the archives (`WAYBILL_ARCHIVE_BUCKET`).
    pub archive_bucket: String,
    /// Queue of the wake-ups (`WAYBILL_WAKE_QUEUE_URL`).
    pub wake_queue_url: String,
    /// How many requests a key may make a minute (`WAYBILL_REQUESTS_PER_MINUTE`).
    pub requests_per_minute: u32,
    /// How many changes an org may ask for in ten minutes (`WAYBILL_CHANGES_PER_TEN_MINUTES`).
    pub changes_per_ten_minutes: u32,
    /// How many records one file of an export may have (`WAYBILL_RECORDS_PER_PART`).
    pub records_per_part: NonZeroU64,
    /// How many records an export may have (`WAYBILL_MAX_RECORDS`): at most a hundred times those of one file.
    pub max_records: NonZeroU64,
    /// Pages of which origins may call (`WAYBILL_ALLOWED_ORIGINS`).
    pub allowed_origins: Origins,
}

impl Config {
    /// Reads the environment that the template sets.
    pub fn from_env(env: &mut EnvReader) -> Self {
        let records_per_part = env.parsed_or("WAYBILL_RECORDS_PER_PART", NonZeroU64::MIN);
        let max_records = env.parsed_or("WAYBILL_MAX_RECORDS", NonZeroU64::MIN);
        if max_records.get() / MOST_PARTS > records_per_part.get() {
            env.refuse("WAYBILL_MAX_RECORDS", "is more than a hundred times WAYBILL_RECORDS_PER_PART");
        }
        Self {
            connection: Connection { region: env.text("AWS_REGION"), endpoints: None, credentials: None },
            main_table: env.text("WAYBILL_MAIN_TABLE"),
            records_table: env.text("WAYBILL_RECORDS_TABLE"),
            audit_table: env.text("WAYBILL_AUDIT_TABLE"),
            script_table: env.text("WAYBILL_SCRIPT_TABLE"),
            archive_bucket: env.text("WAYBILL_ARCHIVE_BUCKET"),
            wake_queue_url: env.text("WAYBILL_WAKE_QUEUE_URL"),
            requests_per_minute: env.parsed("WAYBILL_REQUESTS_PER_MINUTE"),
            changes_per_ten_minutes: env.parsed("WAYBILL_CHANGES_PER_TEN_MINUTES"),
            records_per_part,
            max_records,
            allowed_origins: env.optional("WAYBILL_ALLOWED_ORIGINS").unwrap_or_default(),
        }
    }
}
