//! What the sweeper is told about its surroundings.

use std::time::Duration;
use waybill_aws::Connection;
use waybill_runtime::EnvReader;

/// How long a lane is left alone after it was looked at.
const LOOK_AGAIN: Duration = Duration::from_mins(1);
/// Time kept back of an invocation for rows under way.
const RESERVE: Duration = Duration::from_secs(5);

/// The sweeper's configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// How AWS is reached.
    pub connection: Connection,
    /// The table of state.
    pub main_table: String,
    /// The table of after-scripts.
    pub script_table: String,
    /// The bucket of archives.
    pub archive_bucket: String,
    /// The queue of wake-ups.
    pub wake_queue_url: String,
    /// The queue of after-scripts.
    pub script_queue_url: String,
    /// The queue of deliveries.
    pub delivery_queue_url: String,
    /// The queue of wake-ups that were handled too often.
    pub dead_letter_queue_url: String,
    /// How long a lane is left alone after it was looked at.
    pub look_again: Duration,
    /// How long before it is due a lane is looked at; nothing on AWS, whose queue forgets no message.
    pub look_ahead: Duration,
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
            archive_bucket: env.text("WAYBILL_ARCHIVE_BUCKET"),
            wake_queue_url: env.text("WAYBILL_WAKE_QUEUE_URL"),
            script_queue_url: env.text("WAYBILL_SCRIPT_QUEUE_URL"),
            delivery_queue_url: env.text("WAYBILL_DELIVERY_QUEUE_URL"),
            dead_letter_queue_url: env.text("WAYBILL_DEAD_LETTER_QUEUE_URL"),
            look_again: LOOK_AGAIN,
            look_ahead: Duration::ZERO,
            reserve: RESERVE,
        }
    }
}
