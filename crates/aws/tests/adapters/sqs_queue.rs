//! Wake-ups through an embedded SQS.

use crate::listener::{Served, bind, connection, serve};
use anyhow::{Context as _, Result};
use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use rustack_sqs_core::config::SqsConfig;
use rustack_sqs_core::handler::RustackSqsHandler;
use rustack_sqs_core::provider::RustackSqs;
use rustack_sqs_http::service::{SqsHttpConfig, SqsHttpService};
use std::sync::Arc;
use std::time::Duration;
use waybill_aws::{SqsDeliveryQueue, SqsScriptQueue, SqsWakeQueue};
use waybill_domain::{ExportId, Timestamp};
use waybill_ports::{DeliveryMessage, PortErrorKind, ScriptMessage, WakeMessage, WakeQueue, WakeReceipt};
use waybill_testkit::contracts::{DeliveryConsumer, ScriptConsumer, WakeConsumer};

struct Queues {
    client: Client,
    url: String,
    dead_letter_url: String,
    _served: Served,
}

async fn make(client: &Client, name: &str, redrive: Option<&str>) -> Result<String> {
    let mut request = client.create_queue().queue_name(name).attributes(QueueAttributeName::FifoQueue, "true");
    if let Some(redrive) = redrive {
        request = request.attributes(QueueAttributeName::RedrivePolicy, redrive);
    }
    request.send().await?.queue_url.context("a queue without an address")
}

async fn queues() -> Result<Queues> {
    let listener = bind().await?;
    let address = listener.local_addr()?;
    let config = SqsConfig {
        skip_signature_validation: true,
        default_region: "us-east-1".into(),
        account_id: "000000000000".into(),
        host: address.ip().to_string(),
        port: address.port(),
    };
    let http = SqsHttpConfig { region: "us-east-1".into(), ..SqsHttpConfig::default() };
    let handler = RustackSqsHandler::new(Arc::new(RustackSqs::new(config)));
    let served = serve(listener, SqsHttpService::new(Arc::new(handler), http))?;
    let client = connection(&served.url).sqs();
    let dead_letter_url = make(&client, "dead.fifo", None).await?;
    let redrive = "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead.fifo\",\"maxReceiveCount\":2}";
    let url = make(&client, "wake.fifo", Some(redrive)).await?;
    Ok(Queues { client, url, dead_letter_url, _served: served })
}

impl Queues {
    fn adapter(&self) -> SqsWakeQueue {
        SqsWakeQueue::new(self.client.clone(), &self.url, Some(&self.dead_letter_url))
    }
}

#[async_trait]
impl WakeConsumer for Queues {
    async fn receive(&self) -> Vec<(WakeMessage, WakeReceipt)> {
        let request = self.client.receive_message().queue_url(&self.url).max_number_of_messages(10);
        let reply = request.visibility_timeout(60).wait_time_seconds(1).send().await;
        let messages = reply.ok().and_then(|reply| reply.messages).unwrap_or_default();
        let parsed = messages.into_iter().filter_map(|message| {
            let wake = serde_json::from_str(message.body.as_deref()?).ok()?;
            Some((wake, WakeReceipt(message.receipt_handle?)))
        });
        parsed.collect()
    }

    async fn acknowledge(&self, receipt: &WakeReceipt) {
        drop(self.client.delete_message().queue_url(&self.url).receipt_handle(&receipt.0).send().await);
    }

    async fn wait(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[async_trait]
impl ScriptConsumer for Queues {
    async fn receive_scripts(&self) -> Vec<ScriptMessage> {
        let request = self.client.receive_message().queue_url(&self.url).max_number_of_messages(10);
        let reply = request.visibility_timeout(60).wait_time_seconds(1).send().await;
        let messages = reply.ok().and_then(|reply| reply.messages).unwrap_or_default();
        messages.into_iter().filter_map(|message| serde_json::from_str(message.body.as_deref()?).ok()).collect()
    }
}

/// Messages of a standard queue.
struct Deliveries {
    queues: Queues,
    url: String,
}

#[async_trait]
impl DeliveryConsumer for Deliveries {
    async fn receive_deliveries(&self) -> Vec<DeliveryMessage> {
        let request = self.queues.client.receive_message().queue_url(&self.url).max_number_of_messages(10);
        let reply = request.visibility_timeout(60).wait_time_seconds(1).send().await;
        let messages = reply.ok().and_then(|reply| reply.messages).unwrap_or_default();
        messages.into_iter().filter_map(|message| serde_json::from_str(message.body.as_deref()?).ok()).collect()
    }

    async fn wait_for_deliveries(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_of_a_delivery_queue_holds() -> Result<()> {
    let queues = queues().await?;
    let made = queues.client.create_queue().queue_name("deliveries").send().await?;
    let url = made.queue_url.context("a queue without an address")?;
    let adapter = SqsDeliveryQueue::new(queues.client.clone(), &url);
    waybill_testkit::contracts::delivery_queue(&adapter, &Deliveries { queues, url }, "aws").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_of_a_script_queue_holds() -> Result<()> {
    let queues = queues().await?;
    let adapter = SqsScriptQueue::new(queues.client.clone(), &queues.url);
    waybill_testkit::contracts::script_queue(&adapter, &queues, "aws").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_of_a_wake_queue_holds() -> Result<()> {
    let queues = queues().await?;
    waybill_testkit::contracts::wake_queue(&queues.adapter(), &queues, "aws").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_handled_too_often_is_a_dead_letter_until_it_is_buried() -> Result<()> {
    let queues = queues().await?;
    let adapter = queues.adapter();
    let export = ExportId::new(Timestamp::from_millis(0), [7; 8]);
    let message = WakeMessage::ExportV1 { org: "demo".parse()?, export };
    adapter.ring(&message, "demo", "one").await?;
    for _ in 0..2 {
        let (_, receipt) = queues.receive().await.pop().context("no message")?;
        adapter.set_visibility(&receipt, Duration::ZERO).await?;
    }
    assert_eq!(queues.receive().await, []);
    let letter = adapter.dead_letters().await?.pop().context("no dead letter")?;
    assert_eq!(serde_json::from_str::<WakeMessage>(&letter.body)?, message);
    adapter.bury(&letter.receipt).await?;
    assert_eq!(adapter.dead_letters().await?, []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_is_none_is_not_found() -> Result<()> {
    let queues = queues().await?;
    let adapter = queues.adapter();
    let lost = adapter.set_visibility(&WakeReceipt("gone".into()), Duration::from_secs(5)).await;
    assert_eq!(lost.err().map(|error| error.kind), Some(PortErrorKind::NotFound));
    let too_long = adapter.set_visibility(&WakeReceipt("gone".into()), Duration::from_hours(13)).await;
    assert!(matches!(too_long.err().map(|error| error.kind), Some(PortErrorKind::Rejected { .. })));
    Ok(())
}
