//! From an SQS event to as much of one delivery as there is time for, or to one signal, and back to what becomes of the message.

use crate::Config;
use crate::mail::Mailing;
use crate::wire::Words;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::LambdaEvent;
use std::sync::Arc;
use std::time::Duration;
use waybill_app::{Delivering, Signaling, advance_delivery, send_signal};
use waybill_aws::{
    DynamoStateStore, Encryption, KmsSecretVault, S3ArchiveStore, SqsDeliveryQueue, SystemClock, SystemEntropy,
    TableNames,
};
use waybill_destinations::Destinations;
use waybill_outgoing::Outgoing;
use waybill_ports::DeliveryMessage;
use waybill_runtime::Budget;

/// What the function works with; made once per process.
pub struct Deps {
    delivering: Delivering,
    signaling: Signaling,
    reserve: Duration,
}

impl Deps {
    /// Connects the ports to AWS, or to what stands in for it.
    pub fn new(config: &Config) -> Self {
        let connection = &config.connection;
        let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
        let tables = TableNames {
            main: config.main_table.clone(),
            // The function's role reaches no other table.
            records: String::new(),
            audit: config.audit_table.clone(),
            scripts: String::new(),
        };
        let outgoing = Arc::new(Outgoing::new(config.allowed_hosts.clone()));
        let destinations = Arc::new(Destinations {
            http: Arc::<Outgoing>::clone(&outgoing),
            tcp: outgoing,
            own: config.own.clone(),
            silence: Destinations::SILENCE,
        });
        let context = waybill_app::Context {
            state: Arc::new(DynamoStateStore::new(connection.dynamodb(), tables)),
            clock: Arc::<SystemClock>::clone(&clock),
            entropy: Arc::<SystemEntropy>::clone(&entropy),
            request_id: None,
        };
        let archives = S3ArchiveStore::new(connection.s3(), &config.archive_bucket, Encryption::BucketDefault);
        let delivering = Delivering {
            context,
            archives: Arc::new(archives),
            vault: Arc::new(KmsSecretVault::new(connection.kms(), &config.secrets_key_id, clock, entropy)),
            destinations: Arc::<Destinations>::clone(&destinations),
            queue: Arc::new(SqsDeliveryQueue::new(connection.sqs(), &config.delivery_queue_url)),
            settings: config.settings.clone(),
        };
        let signaling = Signaling {
            context: delivering.context.clone(),
            vault: Arc::clone(&delivering.vault),
            poster: destinations,
            mailer: Arc::new(Mailing::new(connection.clone(), config.mail.clone())),
            queue: Arc::clone(&delivering.queue),
            words: Arc::new(Words { api_url: config.api_url.clone() }),
            settings: config.settings.clone(),
        };
        Self { delivering, signaling, reserve: config.reserve }
    }
}

/// Goes on with the delivery of every message; one that could not be begun, or that does not parse, is reported as failed.
pub async fn handle(deps: &Deps, event: LambdaEvent<SqsEvent>) -> SqsBatchResponse {
    let soft = Budget::from_context(&event.context, deps.reserve).soft_deadline_ms();
    let clock = Arc::clone(&deps.delivering.context.clock);
    let left = Duration::from_millis(u64::try_from(soft.saturating_sub(clock.now().as_millis())).unwrap_or(0));
    let deadline = clock.monotonic() + left;
    let mut response = SqsBatchResponse::default();
    for message in event.payload.records {
        if !take(deps, &message, &event.context.request_id, deadline).await {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message.message_id.unwrap_or_default();
            response.batch_item_failures.push(failure);
        }
    }
    response
}

async fn take(deps: &Deps, message: &SqsMessage, request: &str, deadline: Duration) -> bool {
    let delivery: DeliveryMessage = match serde_json::from_str(message.body.as_deref().unwrap_or_default()) {
        Ok(delivery) => delivery,
        Err(error) => {
            tracing::error!(message = message.message_id, %error, "not about a delivery; it ends in the dead-letter queue");
            return false;
        }
    };
    let context = deps.delivering.context.for_request(request);
    let done = match &delivery {
        DeliveryMessage::AdvanceV1 { .. } => {
            let delivering = Delivering { context, ..deps.delivering.clone() };
            Box::pin(advance_delivery(&delivering, &delivery, deadline)).await
        }
        DeliveryMessage::SignalV1 { .. } => {
            let signaling = Signaling { context, ..deps.signaling.clone() };
            Box::pin(send_signal(&signaling, &delivery)).await
        }
    };
    match done {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(error = ?error, "a delivery or a signal was not begun; its message comes again");
            false
        }
    }
}
