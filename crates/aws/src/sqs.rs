//! Wake-ups and messages about scripts through SQS FIFO queues; messages about deliveries through one that holds them back.

use crate::errors::{has_code, port_error, rejected};
use async_trait::async_trait;
use aws_sdk_sqs::Client;
use serde::Serialize;
use std::time::Duration;
use waybill_ports::{
    DeadLetter, DeliveryMessage, DeliveryQueue, MOST_DELAY, PortError, PortErrorKind, ScriptMessage, ScriptQueue,
    WakeMessage, WakeQueue, WakeReceipt,
};

/// Most messages that one request gives.
const BATCH: i32 = 10;
/// Requests for dead letters in one call: a FIFO queue may give fewer than there are.
const RECEIVES: usize = 3;
/// How long a dead letter that was given is hidden, so that the next request gives others.
const DEAD_LETTER_HIDDEN_SECS: i32 = 60;
/// Longest that a message can be hidden.
const MOST_HIDDEN: Duration = Duration::from_hours(12);
/// Codes that say that a receipt is no longer good.
const STALE_RECEIPT: [&str; 7] = [
    "AWS.SimpleQueueService.MessageNotInflight",
    "InvalidParameterValue",
    "InvalidParameterValueException",
    "MessageNotInflight",
    "ReceiptHandleIsInvalid",
    "InvalidReceiptHandle",
    "AWS.SimpleQueueService.ReceiptHandleIsInvalid",
];

/// Sends wake-ups to one FIFO queue, and reads what it gave up on.
#[derive(Clone, Debug)]
pub struct SqsWakeQueue {
    client: Client,
    queue_url: String,
    dead_letter_url: Option<String>,
}

impl SqsWakeQueue {
    /// The queue at `queue_url`; whoever settles dead letters also names their queue.
    pub fn new(client: Client, queue_url: impl Into<String>, dead_letter_url: Option<&str>) -> Self {
        Self { client, queue_url: queue_url.into(), dead_letter_url: dead_letter_url.map(str::to_owned) }
    }

    fn dead_letter_url(&self, during: &'static str) -> Result<&str, PortError> {
        self.dead_letter_url.as_deref().ok_or_else(|| rejected("no dead-letter queue is configured", during))
    }
}

#[async_trait]
impl WakeQueue for SqsWakeQueue {
    async fn ring(&self, message: &WakeMessage, group: &str, deduplication: &str) -> Result<(), PortError> {
        send(&self.client, &self.queue_url, message, (group, deduplication)).await
    }

    async fn set_visibility(&self, receipt: &WakeReceipt, hidden: Duration) -> Result<(), PortError> {
        const DURING: &str = "hiding a message";
        if hidden > MOST_HIDDEN {
            return Err(rejected("more than 12 hours", DURING));
        }
        let secs = hidden.as_secs() + u64::from(hidden.subsec_nanos() > 0);
        let request = self.client.change_message_visibility().queue_url(&self.queue_url);
        let request = request.receipt_handle(&receipt.0).visibility_timeout(i32::try_from(secs).unwrap_or(i32::MAX));
        let Err(error) = request.send().await else { return Ok(()) };
        let stale = has_code(&error, &STALE_RECEIPT);
        let error = port_error(DURING, &error);
        Err(if stale { PortError { kind: PortErrorKind::NotFound, ..error } } else { error })
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, PortError> {
        const DURING: &str = "receiving dead letters";
        let url = self.dead_letter_url(DURING)?;
        let mut letters = Vec::new();
        for _ in 0..RECEIVES {
            let request = self.client.receive_message().queue_url(url).max_number_of_messages(BATCH);
            let request = request.visibility_timeout(DEAD_LETTER_HIDDEN_SECS).wait_time_seconds(0);
            let reply = request.send().await.map_err(|error| port_error(DURING, &error))?;
            let before = letters.len();
            letters.extend(reply.messages.unwrap_or_default().into_iter().filter_map(|message| {
                let receipt = WakeReceipt(message.receipt_handle?);
                Some(DeadLetter { body: message.body.unwrap_or_default(), receipt })
            }));
            if letters.len() == before {
                break;
            }
        }
        Ok(letters)
    }

    async fn bury(&self, receipt: &WakeReceipt) -> Result<(), PortError> {
        const DURING: &str = "removing a dead letter";
        let request = self.client.delete_message().queue_url(self.dead_letter_url(DURING)?).receipt_handle(&receipt.0);
        request.send().await.map(drop).map_err(|error| port_error(DURING, &error))
    }
}

/// Sends messages about scripts to one FIFO queue: each in a group of its export, so that none waits for another.
#[derive(Clone, Debug)]
pub struct SqsScriptQueue {
    client: Client,
    queue_url: String,
}

impl SqsScriptQueue {
    /// The queue at `queue_url`.
    pub fn new(client: Client, queue_url: impl Into<String>) -> Self {
        Self { client, queue_url: queue_url.into() }
    }
}

#[async_trait]
impl ScriptQueue for SqsScriptQueue {
    async fn ring(&self, message: &ScriptMessage, deduplication: &str) -> Result<(), PortError> {
        let ScriptMessage::RunV1 { export, .. } = message;
        send(&self.client, &self.queue_url, message, (&export.to_string(), deduplication)).await
    }
}

/// Sends messages about deliveries to one standard queue, which holds each back by itself: none waits for another.
#[derive(Clone, Debug)]
pub struct SqsDeliveryQueue {
    client: Client,
    queue_url: String,
}

impl SqsDeliveryQueue {
    /// The queue at `queue_url`.
    pub fn new(client: Client, queue_url: impl Into<String>) -> Self {
        Self { client, queue_url: queue_url.into() }
    }
}

#[async_trait]
impl DeliveryQueue for SqsDeliveryQueue {
    async fn ring(&self, message: &DeliveryMessage, after: Duration) -> Result<(), PortError> {
        const DURING: &str = "ringing for a delivery";
        let after = after.min(MOST_DELAY);
        let secs = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        let request = self.client.send_message().queue_url(&self.queue_url).message_body(written(message, DURING)?);
        let request = request.delay_seconds(i32::try_from(secs).unwrap_or(i32::MAX));
        request.send().await.map(drop).map_err(|error| port_error(DURING, &error))
    }
}

fn written(message: &impl Serialize, during: &'static str) -> Result<String, PortError> {
    serde_json::to_string(message).map_err(|error| {
        PortError::caused_by(PortErrorKind::Rejected { reason: "does not serialise".into() }, during, error)
    })
}

async fn send(
    client: &Client,
    queue_url: &str,
    message: &(impl Serialize + Sync),
    (group, deduplication): (&str, &str),
) -> Result<(), PortError> {
    const DURING: &str = "ringing";
    let body = written(message, DURING)?;
    let request = client.send_message().queue_url(queue_url).message_body(body);
    let request = request.message_group_id(group).message_deduplication_id(deduplication);
    request.send().await.map(drop).map_err(|error| port_error(DURING, &error))
}
