//! From a tick to a sweep.

use crate::Config;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{Context, Sweeping, sweep};
use waybill_aws::{
    DynamoStateStore, Encryption, S3ArchiveStore, SqsDeliveryQueue, SqsScriptQueue, SqsWakeQueue, SystemClock,
    SystemEntropy, TableNames,
};
use waybill_runtime::Budget;

/// What the sweeper works with; made once per process.
pub struct Deps {
    sweeping: Sweeping,
    reserve: Duration,
}

impl Deps {
    /// Connects the ports to AWS, or to what stands in for it.
    pub fn new(config: &Config) -> Self {
        let connection = &config.connection;
        let tables = TableNames {
            main: config.main_table.clone(),
            // The function's role reaches neither records nor the audit trail.
            records: String::new(),
            audit: String::new(),
            scripts: config.script_table.clone(),
        };
        let context = Context {
            state: Arc::new(DynamoStateStore::new(connection.dynamodb(), tables)),
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy),
            request_id: None,
        };
        let archives = S3ArchiveStore::new(connection.s3(), &config.archive_bucket, Encryption::S3Managed);
        let wake = SqsWakeQueue::new(connection.sqs(), &config.wake_queue_url, Some(&config.dead_letter_queue_url));
        let sweeping = Sweeping {
            context,
            archives: Arc::new(archives),
            wake: Arc::new(wake),
            scripts: Arc::new(SqsScriptQueue::new(connection.sqs(), &config.script_queue_url)),
            deliveries: Arc::new(SqsDeliveryQueue::new(connection.sqs(), &config.delivery_queue_url)),
            look_again: config.look_again,
            look_ahead: config.look_ahead,
        };
        Self { sweeping, reserve: config.reserve }
    }
}

/// Sweeps once. The event's content does not matter: what is due stands in the rows. Gives the counts, for the log and for people.
///
/// # Errors
/// When rows failed, so that the invocation shows as failed; they are tried again at the next tick.
pub async fn handle(deps: &Deps, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let soft = Budget::from_context(&event.context, deps.reserve).soft_deadline_ms();
    let left = soft.saturating_sub(deps.sweeping.context.now().as_millis());
    let swept = sweep(&deps.sweeping, Duration::from_millis(u64::try_from(left).unwrap_or(0))).await;
    if swept.failed > 0 {
        return Err(format!("{} due rows failed and are tried again at the next tick", swept.failed).into());
    }
    Ok(json!({
        "lanes": swept.lanes,
        "cleaned": swept.cleaned,
        "expired": swept.expired,
        "files": swept.files,
        "recounted": swept.recounted,
        "scripts": swept.scripts,
        "deliveries": swept.deliveries,
        "signals": swept.signals,
        "deadLetters": swept.dead_letters,
    }))
}
