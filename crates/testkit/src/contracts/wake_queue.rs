//! What every queue of wake-ups does.

use super::{Broken, Fact, Found, equal, hash, that};
use async_trait::async_trait;
use std::time::Duration;
use waybill_domain::{ExportId, Timestamp};
use waybill_ports::{WakeMessage, WakeQueue, WakeReceipt};

/// The consumer's side of a queue, which in production is the event source mapping's.
#[async_trait]
pub trait WakeConsumer: Send + Sync {
    /// Messages that can be handled now, within a second or two; they are hidden from then on, for a minute or more.
    async fn receive(&self) -> Vec<(WakeMessage, WakeReceipt)>;

    /// Removes a message that was handled.
    async fn acknowledge(&self, receipt: &WakeReceipt);

    /// Lets that much time go by.
    async fn wait(&self, duration: Duration);
}

/// Checks a queue that nobody else uses meanwhile.
///
/// # Errors
/// The first fact that does not hold.
pub async fn wake_queue(queue: &dyn WakeQueue, consumer: &dyn WakeConsumer, prefix: &str) -> Result<(), Broken> {
    let suite = Suite { queue, consumer, prefix };
    let named = |fact: &'static str| move |found: Found| Broken { fact, found: found.0 };
    suite.a_message_arrives_as_it_was_sent().await.map_err(named("a_message_arrives_as_it_was_sent"))?;
    suite.a_message_of_a_group_waits_for_the_one_before_it().await.map_err(named("a_message_of_a_group_waits"))?;
    suite.groups_do_not_wait_for_each_other().await.map_err(named("groups_do_not_wait_for_each_other"))?;
    suite.a_doubled_message_is_dropped().await.map_err(named("a_doubled_message_is_dropped"))?;
    suite.a_message_put_back_keeps_its_place().await.map_err(named("a_message_put_back_keeps_its_place"))?;
    suite.there_are_no_dead_letters_of_what_was_handled().await.map_err(named("there_are_no_dead_letters"))
}

struct Suite<'a> {
    queue: &'a dyn WakeQueue,
    consumer: &'a dyn WakeConsumer,
    prefix: &'a str,
}

impl Suite<'_> {
    fn message(&self, number: u64) -> Result<WakeMessage, Found> {
        let export = ExportId::new(Timestamp::from_millis(0), (hash(self.prefix) ^ number).to_be_bytes());
        Ok(WakeMessage::ExportV1 { org: self.prefix.parse()?, export })
    }

    async fn ring(&self, number: u64, group: &str) -> Fact {
        let deduplication = format!("{}-{number}", self.prefix);
        self.queue.ring(&self.message(number)?, &format!("{}{group}", self.prefix), &deduplication).await?;
        Ok(())
    }

    /// What arrives while waiting for `count` messages.
    async fn take(&self, count: usize) -> Vec<(WakeMessage, WakeReceipt)> {
        let mut taken = Vec::new();
        for _ in 0..5 {
            if taken.len() >= count {
                break;
            }
            taken.extend(self.consumer.receive().await);
        }
        taken
    }

    async fn take_one(&self, number: u64) -> Result<WakeReceipt, Found> {
        let taken = self.take(1).await;
        equal(&taken.iter().map(|(message, _)| message.clone()).collect::<Vec<_>>(), &vec![self.message(number)?])?;
        taken.into_iter().next().map(|(_, receipt)| receipt).ok_or_else(|| Found("nothing".into()))
    }

    async fn nothing_arrives(&self) -> Fact {
        equal(&self.consumer.receive().await, &Vec::new())
    }

    async fn a_message_arrives_as_it_was_sent(&self) -> Fact {
        self.ring(1, "a").await?;
        let receipt = self.take_one(1).await?;
        self.consumer.acknowledge(&receipt).await;
        self.nothing_arrives().await
    }

    async fn a_message_of_a_group_waits_for_the_one_before_it(&self) -> Fact {
        self.ring(11, "a").await?;
        self.ring(12, "a").await?;
        let first = self.take_one(11).await?;
        self.nothing_arrives().await?;
        self.consumer.acknowledge(&first).await;
        let second = self.take_one(12).await?;
        self.consumer.acknowledge(&second).await;
        Ok(())
    }

    async fn groups_do_not_wait_for_each_other(&self) -> Fact {
        self.ring(21, "a").await?;
        let first = self.take_one(21).await?;
        self.ring(22, "b").await?;
        let second = self.take_one(22).await?;
        self.consumer.acknowledge(&first).await;
        self.consumer.acknowledge(&second).await;
        Ok(())
    }

    async fn a_doubled_message_is_dropped(&self) -> Fact {
        self.ring(31, "a").await?;
        self.ring(31, "a").await?;
        let receipt = self.take_one(31).await?;
        self.consumer.acknowledge(&receipt).await;
        self.ring(31, "a").await?;
        self.nothing_arrives().await
    }

    async fn a_message_put_back_keeps_its_place(&self) -> Fact {
        self.ring(41, "a").await?;
        self.ring(42, "a").await?;
        let first = self.take_one(41).await?;
        self.queue.set_visibility(&first, Duration::from_secs(2)).await?;
        self.consumer.wait(Duration::from_secs(3)).await;
        let again = self.take_one(41).await?;
        self.consumer.acknowledge(&again).await;
        let second = self.take_one(42).await?;
        self.consumer.acknowledge(&second).await;
        Ok(())
    }

    async fn there_are_no_dead_letters_of_what_was_handled(&self) -> Fact {
        let letters = self.queue.dead_letters().await?;
        let ours = letters.iter().filter(|letter| letter.body.contains(self.prefix)).count();
        that(ours == 0, format!("{ours} dead letters"))
    }
}
