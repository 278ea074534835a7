//! What every queue of messages about scripts does.

use super::{Broken, Fact, Found, equal, hash};
use async_trait::async_trait;
use waybill_domain::{ExportId, Timestamp};
use waybill_ports::{ScriptMessage, ScriptQueue};

/// The consumer's side of a queue, which in production is the event source mapping's.
#[async_trait]
pub trait ScriptConsumer: Send + Sync {
    /// Messages that can be handled now, within a second or two. They are under way from then on: not removed, and not given out again
    /// for a minute or more.
    async fn receive_scripts(&self) -> Vec<ScriptMessage>;
}

/// Checks a queue that nobody else uses meanwhile.
///
/// # Errors
/// The first fact that does not hold.
pub async fn script_queue(queue: &dyn ScriptQueue, consumer: &dyn ScriptConsumer, prefix: &str) -> Result<(), Broken> {
    let suite = Suite { queue, consumer, prefix };
    let named = |fact: &'static str| move |found: Found| Broken { fact, found: found.0 };
    suite.a_message_arrives_as_it_was_sent().await.map_err(named("a_message_arrives_as_it_was_sent"))?;
    suite.a_doubled_message_is_dropped().await.map_err(named("a_doubled_message_is_dropped"))?;
    suite.scripts_do_not_wait_for_each_other().await.map_err(named("scripts_do_not_wait_for_each_other"))
}

struct Suite<'a> {
    queue: &'a dyn ScriptQueue,
    consumer: &'a dyn ScriptConsumer,
    prefix: &'a str,
}

impl Suite<'_> {
    fn message(&self, number: u64) -> Result<ScriptMessage, Found> {
        let export = ExportId::new(Timestamp::from_millis(0), (hash(self.prefix) ^ number).to_be_bytes());
        Ok(ScriptMessage::RunV1 { org: self.prefix.parse()?, export })
    }

    async fn ring(&self, number: u64, deduplication: &str) -> Fact {
        let deduplication = format!("{}-{deduplication}", self.prefix);
        Ok(self.queue.ring(&self.message(number)?, &deduplication).await?)
    }

    /// What arrives while waiting for `count` messages.
    async fn take(&self, count: usize) -> Vec<ScriptMessage> {
        let mut taken = Vec::new();
        for _ in 0..5 {
            if taken.len() >= count {
                break;
            }
            taken.extend(self.consumer.receive_scripts().await);
        }
        taken
    }

    async fn a_message_arrives_as_it_was_sent(&self) -> Fact {
        self.ring(1, "a").await?;
        equal(&self.take(1).await, &vec![self.message(1)?])?;
        equal(&self.consumer.receive_scripts().await, &Vec::new())
    }

    async fn a_doubled_message_is_dropped(&self) -> Fact {
        self.ring(11, "b").await?;
        self.ring(11, "b").await?;
        equal(&self.take(1).await, &vec![self.message(11)?])?;
        self.ring(11, "b").await?;
        equal(&self.consumer.receive_scripts().await, &Vec::new())
    }

    /// The first is under way when the second comes.
    async fn scripts_do_not_wait_for_each_other(&self) -> Fact {
        self.ring(21, "c").await?;
        equal(&self.take(1).await, &vec![self.message(21)?])?;
        self.ring(22, "d").await?;
        equal(&self.take(1).await, &vec![self.message(22)?])
    }
}
