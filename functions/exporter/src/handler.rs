//! From an SQS event to steps of lanes, and back to what becomes of each message.

use crate::Config;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::{Context as Invocation, LambdaEvent};
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{Context, Exporting, Verdict, advance_lane};
use waybill_aws::{
    DynamoRecordStore, DynamoStateStore, Encryption, S3ArchiveStore, SqsDeliveryQueue, SqsScriptQueue, SqsWakeQueue,
    SystemClock, SystemEntropy, TableNames, ThreadCompute,
};
use waybill_ports::{WakeMessage, WakeReceipt};
use waybill_runtime::Budget;

/// What the exporter works with; made once per process.
pub struct Deps {
    exporting: Exporting,
    reserve: Duration,
}

impl Deps {
    /// Connects the ports to AWS, or to what stands in for it.
    pub fn new(config: &Config) -> Self {
        let connection = &config.connection;
        let tables = TableNames {
            main: config.main_table.clone(),
            records: config.records_table.clone(),
            // Nothing is audited here, and the function's role does not reach the trail.
            audit: String::new(),
            scripts: config.script_table.clone(),
        };
        let dynamodb = connection.dynamodb();
        let context = Context {
            state: Arc::new(DynamoStateStore::new(dynamodb.clone(), tables)),
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy),
            request_id: None,
        };
        let compute = config.memory_mb.map_or_else(ThreadCompute::for_cores, ThreadCompute::for_memory);
        Self {
            exporting: Exporting {
                context,
                records: Arc::new(DynamoRecordStore::new(dynamodb, &config.records_table)),
                archives: Arc::new(S3ArchiveStore::new(connection.s3(), &config.archive_bucket, Encryption::S3Managed)),
                wake: Arc::new(SqsWakeQueue::new(connection.sqs(), &config.wake_queue_url, None)),
                scripts: Arc::new(SqsScriptQueue::new(connection.sqs(), &config.script_queue_url)),
                deliveries: Arc::new(SqsDeliveryQueue::new(connection.sqs(), &config.delivery_queue_url)),
                compute: Arc::new(compute),
                settings: config.settings.clone(),
            },
            reserve: config.reserve,
        }
    }
}

/// Advances the lane of every message, one after the other; a message whose lane has more to do, or that does not parse, is reported as
/// failed and so keeps its place.
pub async fn handle(deps: &Deps, event: LambdaEvent<SqsEvent>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in event.payload.records {
        if take(deps, &message, &event.context).await == Verdict::Retry {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message.message_id.unwrap_or_default();
            response.batch_item_failures.push(failure);
        }
    }
    response
}

async fn take(deps: &Deps, message: &SqsMessage, invocation: &Invocation) -> Verdict {
    let body = message.body.as_deref().unwrap_or_default();
    let receipt = WakeReceipt(message.receipt_handle.clone().unwrap_or_default());
    let wake: WakeMessage = match serde_json::from_str(body) {
        Ok(wake) => wake,
        Err(error) => {
            tracing::error!(message = message.message_id, %error, "not a wake-up; it ends in the dead-letter queue");
            // Its group waits behind it meanwhile, and at the queue's own visibility that would take days.
            if let Err(error) =
                deps.exporting.wake.set_visibility(&receipt, deps.exporting.settings.continue_pause).await
            {
                tracing::warn!(message = message.message_id, error = ?error, "visibility not set");
            }
            return Verdict::Retry;
        }
    };
    let soft = Budget::from_context(invocation, deps.reserve).soft_deadline_ms();
    let left = soft.saturating_sub(deps.exporting.context.now().as_millis());
    let budget = Duration::from_millis(u64::try_from(left).unwrap_or(0));
    // The largest future of all: on the heap, so that nobody around it carries it along.
    Box::pin(advance_lane(&deps.exporting, &wake, &receipt, budget)).await
}
