//! From a tick to the admission of what is due, and to the slots of jobs.

use crate::Config;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{Admitting, Context, admit_exports, tick_schedules};
use waybill_aws::{DynamoStateStore, SqsWakeQueue, SystemClock, SystemEntropy, TableNames};
use waybill_runtime::Budget;

/// What the scheduler works with; made once per process.
pub struct Deps {
    admitting: Admitting,
    reserve: Duration,
}

impl Deps {
    /// Connects the ports to AWS, or to what stands in for it.
    pub fn new(config: &Config) -> Self {
        let connection = &config.connection;
        let tables = TableNames {
            main: config.main_table.clone(),
            // The function's role reaches neither records nor the audit trail nor scripts.
            records: String::new(),
            audit: String::new(),
            scripts: String::new(),
        };
        let context = Context {
            state: Arc::new(DynamoStateStore::new(connection.dynamodb(), tables)),
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy),
            request_id: None,
        };
        let wake = Arc::new(SqsWakeQueue::new(connection.sqs(), &config.wake_queue_url, None));
        Self { admitting: Admitting { context, wake }, reserve: config.reserve }
    }
}

/// Admits the exports that are due, and decides the slots of jobs that are. The event's content does not matter: what is due stands in the rows. Gives the counts, for the log and for
/// people.
///
/// # Errors
/// When rows failed, so that the invocation shows as failed; they are tried again at the next tick.
pub async fn handle(deps: &Deps, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let soft = Budget::from_context(&event.context, deps.reserve).soft_deadline_ms();
    let left = soft.saturating_sub(deps.admitting.context.now().as_millis());
    let budget = Duration::from_millis(u64::try_from(left).unwrap_or(0));
    // Side by side, so that neither waits for the other's crowd.
    let (admitted, ticked) =
        tokio::join!(admit_exports(&deps.admitting, budget), tick_schedules(&deps.admitting, budget));
    let failed = admitted.failed + ticked.failed;
    if failed > 0 {
        return Err(format!("{failed} due rows failed and are tried again at the next tick").into());
    }
    Ok(json!({"exports": admitted.exports, "jobs": ticked.jobs}))
}
