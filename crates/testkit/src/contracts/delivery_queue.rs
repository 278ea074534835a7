//! What every queue of messages about deliveries does.

use super::{Broken, Fact, Found, equal, hash};
use async_trait::async_trait;
use std::time::Duration;
use waybill_domain::{ExportId, Timestamp};
use waybill_ports::{DeliveryMessage, DeliveryQueue, MOST_DELAY};

/// How long a message of the suite is held back.
const HELD_BACK: Duration = Duration::from_secs(3);

/// The consumer's side of a queue, which in production is the event source mapping's.
#[async_trait]
pub trait DeliveryConsumer: Send + Sync {
    /// Messages whose time has come, within a second or two. They are under way from then on, and not given out again for a minute or more.
    async fn receive_deliveries(&self) -> Vec<DeliveryMessage>;

    /// Lets time go by.
    async fn wait_for_deliveries(&self, length: Duration);
}

/// Checks a queue that nobody else uses meanwhile.
///
/// # Errors
/// The first fact that does not hold.
pub async fn delivery_queue(
    queue: &dyn DeliveryQueue,
    consumer: &dyn DeliveryConsumer,
    prefix: &str,
) -> Result<(), Broken> {
    let suite = Suite { queue, consumer, prefix };
    let named = |fact: &'static str| move |found: Found| Broken { fact, found: found.0 };
    suite.a_message_arrives_as_it_was_sent().await.map_err(named("a_message_arrives_as_it_was_sent"))?;
    suite.deliveries_do_not_wait_for_each_other().await.map_err(named("deliveries_do_not_wait_for_each_other"))?;
    suite.a_message_comes_when_its_time_has_come().await.map_err(named("a_message_comes_when_its_time_has_come"))?;
    suite.the_longest_delay_is_cut().await.map_err(named("the_longest_delay_is_cut"))
}

struct Suite<'a> {
    queue: &'a dyn DeliveryQueue,
    consumer: &'a dyn DeliveryConsumer,
    prefix: &'a str,
}

impl Suite<'_> {
    fn message(&self, number: u16) -> Result<DeliveryMessage, Found> {
        let export = ExportId::new(Timestamp::from_millis(0), hash(self.prefix).to_be_bytes());
        Ok(DeliveryMessage::AdvanceV1 { org: self.prefix.parse()?, export, number })
    }

    async fn ring(&self, number: u16, after: Duration) -> Fact {
        Ok(self.queue.ring(&self.message(number)?, after).await?)
    }

    /// What arrives while waiting for `count` messages.
    async fn take(&self, count: usize) -> Vec<DeliveryMessage> {
        let mut taken = Vec::new();
        for _ in 0..5 {
            if taken.len() >= count {
                break;
            }
            taken.extend(self.consumer.receive_deliveries().await);
        }
        taken
    }

    async fn a_message_arrives_as_it_was_sent(&self) -> Fact {
        self.ring(1, Duration::ZERO).await?;
        equal(&self.take(1).await, &vec![self.message(1)?])?;
        equal(&self.consumer.receive_deliveries().await, &Vec::new())
    }

    /// The first is under way when the second comes, of the same export.
    async fn deliveries_do_not_wait_for_each_other(&self) -> Fact {
        self.ring(11, Duration::ZERO).await?;
        equal(&self.take(1).await, &vec![self.message(11)?])?;
        self.ring(12, Duration::ZERO).await?;
        equal(&self.take(1).await, &vec![self.message(12)?])
    }

    async fn a_message_comes_when_its_time_has_come(&self) -> Fact {
        self.ring(21, HELD_BACK).await?;
        equal(&self.consumer.receive_deliveries().await, &Vec::new())?;
        self.consumer.wait_for_deliveries(HELD_BACK).await;
        equal(&self.take(1).await, &vec![self.message(21)?])
    }

    async fn the_longest_delay_is_cut(&self) -> Fact {
        self.ring(31, MOST_DELAY * 4).await?;
        equal(&self.consumer.receive_deliveries().await, &Vec::new())
    }
}
