//! What the scheduler is told about its surroundings.

use std::time::Duration;
use waybill_aws::Connection;
use waybill_runtime::EnvReader;

/// Time kept back of an invocation for rows under way.
const RESERVE: Duration = Duration::from_secs(5);

/// The scheduler's configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// How AWS is reached.
    pub connection: Connection,
    /// The table of state.
    pub main_table: String,
    /// The queue of wake-ups.
    pub wake_queue_url: String,
    /// Time kept back of an invocation.
    pub reserve: Duration,
}

impl Config {
    /// Reads the environment that the template sets.
    pub fn from_env(env: &mut EnvReader) -> Self {
        Self {
            connection: Connection { region: env.text("AWS_REGION"), endpoints: None, credentials: None },
            main_table: env.text("WAYBILL_MAIN_TABLE"),
            wake_queue_url: env.text("WAYBILL_WAKE_QUEUE_URL"),
            reserve: RESERVE,
        }
    }
}
