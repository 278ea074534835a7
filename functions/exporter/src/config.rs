//! What the exporter is told about its surroundings.

use std::time::Duration;
use waybill_app::StepSettings;
use waybill_aws::Connection;
use waybill_runtime::EnvReader;

/// Time kept back of an invocation for the last checkpoint and the release of the lane.
const RESERVE: Duration = Duration::from_secs(75);

/// The exporter's configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// How AWS is reached.
    pub connection: Connection,
    /// The table of state.
    pub main_table: String,
    /// The table of after-scripts.
    pub script_table: String,
    /// The table of records.
    pub records_table: String,
    /// The bucket of archives.
    pub archive_bucket: String,
    /// The queue of wake-ups.
    pub wake_queue_url: String,
    /// The queue of after-scripts.
    pub script_queue_url: String,
    /// The queue of deliveries.
    pub delivery_queue_url: String,
    /// The function's memory, which its share of processors goes by; `None` = as many threads as there are cores.
    pub memory_mb: Option<usize>,
    /// Lengths and sizes of a step.
    pub settings: StepSettings,
    /// Time kept back of an invocation.
    pub reserve: Duration,
}

impl Config {
    /// Reads the environment that the template sets.
    pub fn from_env(env: &mut EnvReader) -> Self {
        Self {
            connection: Connection { region: env.text("AWS_REGION"), endpoints: None, credentials: None },
            main_table: env.text("WAYBILL_MAIN_TABLE"),
            script_table: env.text("WAYBILL_SCRIPT_TABLE"),
            records_table: env.text("WAYBILL_RECORDS_TABLE"),
            archive_bucket: env.text("WAYBILL_ARCHIVE_BUCKET"),
            wake_queue_url: env.text("WAYBILL_WAKE_QUEUE_URL"),
            script_queue_url: env.text("WAYBILL_SCRIPT_QUEUE_URL"),
            delivery_queue_url: env.text("WAYBILL_DELIVERY_QUEUE_URL"),
            memory_mb: Some(env.parsed("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")),
            settings: StepSettings::default(),
            reserve: RESERVE,
        }
    }
}
