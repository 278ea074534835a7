//! The event source mapping of the wake-up queue: receives messages and hands each to the exporter as an SQS event,
//! with partial-batch semantics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::clients::REGION;
use crate::invocations::{Function, Invocations};

/// How long a receive waits for a message.
const LONG_POLL_SECS: i32 = 10;

/// Pause after a receive that failed.
const RETRY: Duration = Duration::from_millis(250);

/// What the poller of one queue works with.
pub(crate) struct Poller {
    pub(crate) client: aws_sdk_sqs::Client,
    pub(crate) queue_url: String,
    pub(crate) queue_arn: String,
    /// The function's name, for its context and for logs.
    pub(crate) name: &'static str,
    pub(crate) function: Function,
    pub(crate) invocations: Arc<Invocations>,
    /// How long an invocation may take.
    pub(crate) timeout: Duration,
    /// How many invocations may run side by side.
    pub(crate) concurrency: usize,
}

impl Poller {
    /// Polls until `stop` is true; what has been handed out by then is still brought to its end.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let poller = Arc::new(self);
        let permits = Arc::new(Semaphore::new(poller.concurrency));
        let mut handed_out = JoinSet::new();
        loop {
            let free = tokio::select! {
                free = Arc::clone(&permits).acquire_owned() => free,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let Ok(first) = free else { break };
            drop(first);
            let wanted = i32::try_from(permits.available_permits().clamp(1, 10)).unwrap_or(1);
            let messages = tokio::select! {
                messages = poller.receive(wanted) => messages,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            while handed_out.try_join_next().is_some() {}
            for message in messages {
                let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break };
                let poller = Arc::clone(&poller);
                handed_out.spawn(async move {
                    poller.hand_out(message).await;
                    drop(permit);
                });
            }
        }
        while handed_out.join_next().await.is_some() {}
    }

    async fn receive(&self, wanted: i32) -> Vec<Message> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(wanted)
            .wait_time_seconds(LONG_POLL_SECS)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await;
        match received {
            Ok(reply) => reply.messages.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, queue = self.queue_url, "nothing could be received");
                tokio::time::sleep(RETRY).await;
                Vec::new()
            }
        }
    }

    /// One message, one invocation; the message is deleted unless the function says that it failed.
    async fn hand_out(&self, message: Message) {
        let id = message.message_id.clone().unwrap_or_default();
        let receipt = message.receipt_handle.clone().unwrap_or_default();
        let event = sqs_event(&message, &self.queue_arn);
        let reply = self.invocations.invoke(&self.function, self.name, event, self.timeout).await;
        let done = match reply {
            Ok(reply) => succeeded(&reply, &id),
            Err(error) => {
                tracing::error!(function = self.name, message = id, %error, "the message stays in the queue");
                false
            }
        };
        if !done {
            return;
        }
        let deleted = self.client.delete_message().queue_url(&self.queue_url).receipt_handle(receipt).send().await;
        if let Err(error) = deleted {
            tracing::warn!(message = id, %error, "the message is done and could not be deleted");
        }
    }
}

/// The event of a batch of one, as Lambda's event source mapping writes it.
fn sqs_event(message: &Message, queue_arn: &str) -> String {
    let attributes: BTreeMap<&str, &str> =
        message.attributes.iter().flatten().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let message_attributes: BTreeMap<&str, Value> = message
        .message_attributes
        .iter()
        .flatten()
        .map(|(name, value)| {
            let value = json!({
                "stringValue": value.string_value(),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value.data_type(),
            });
            (name.as_str(), value)
        })
        .collect();
    json!({"Records": [{
        "messageId": message.message_id(),
        "receiptHandle": message.receipt_handle(),
        "body": message.body(),
        "attributes": attributes,
        "messageAttributes": message_attributes,
        "md5OfBody": message.md5_of_body(),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }]})
    .to_string()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchReply {
    #[serde(default)]
    batch_item_failures: Option<Vec<IgnoredAny>>,
}

/// Whether `reply` counts message `id`, the only one of its batch, as done. An empty reply does. Any entry does not: it is
/// the message's, or it names none of the batch, which fails the whole batch; so does a reply that does not parse.
fn succeeded(reply: &str, id: &str) -> bool {
    let reply = if reply.is_empty() { "null" } else { reply };
    match serde_json::from_str::<Option<BatchReply>>(reply) {
        Ok(reply) => reply.and_then(|reply| reply.batch_item_failures).unwrap_or_default().is_empty(),
        Err(error) => {
            tracing::error!(message = id, %error, "the reply is no batch reply, so the message counts as failed");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};

    use super::*;

    #[test]
    fn the_event_is_the_one_of_lambda() {
        let message = Message::builder()
            .message_id("m-1")
            .receipt_handle("r-1")
            .body("{}")
            .md5_of_body("99914b932bd37a50b983c5e7c90ae93b")
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "2")
            .attributes(MessageSystemAttributeName::MessageGroupId, "acme")
            .build();
        let text = sqs_event(&message, "arn:aws:sqs:us-east-1:000000000000:wake-ups.fifo");
        let event: SqsEvent = serde_json::from_str(&text).unwrap();
        let record = &event.records[0];
        assert_eq!(record.message_id.as_deref(), Some("m-1"));
        assert_eq!(record.attributes["MessageGroupId"], "acme");
        assert_eq!(record.event_source.as_deref(), Some("aws:sqs"));
    }

    #[test]
    fn partial_batch_replies_are_read_as_lambda_reads_them() {
        assert!(succeeded("", "m-1"));
        assert!(succeeded("null", "m-1"));
        assert!(succeeded("{}", "m-1"));
        assert!(succeeded(r#"{"batchItemFailures":[]}"#, "m-1"));
        assert!(succeeded(r#"{"batchItemFailures":null}"#, "m-1"));
        assert!(!succeeded(r#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#, "m-1"));
        assert!(!succeeded(r#"{"batchItemFailures":[{"itemIdentifier":"other"}]}"#, "m-1"));
        assert!(!succeeded(r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, "m-1"));
        assert!(!succeeded("[]x", "m-1"));
        let empty = serde_json::to_string(&SqsBatchResponse::default()).unwrap();
        assert!(succeeded(&empty, "m-1"));
    }
}
