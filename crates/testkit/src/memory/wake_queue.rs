//! A FIFO queue in memory: groups that block, visibility, deduplication, dead letters.

use super::not_found;
use crate::locked::Locked;
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use waybill_domain::Timestamp;
use waybill_ports::{Clock, DeadLetter, PortError, PortErrorKind, WakeMessage, WakeQueue, WakeReceipt};

/// How long a deduplication id is remembered.
const DEDUPLICATION: Duration = Duration::from_mins(5);

/// What a queue is configured with.
#[derive(Clone, Copy, Debug)]
pub struct QueueOptions {
    /// How long a received message is hidden unless said otherwise.
    pub visibility: Duration,
    /// Receives after which a message goes to the dead letters.
    pub max_receives: u32,
}

impl Default for QueueOptions {
    /// A function time-out of 15 minutes, 1000 receives.
    fn default() -> Self {
        Self { visibility: Duration::from_mins(15), max_receives: 1000 }
    }
}

/// A received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What it says.
    pub message: WakeMessage,
    /// Its body as it was sent.
    pub body: String,
    /// Names it while it is handled.
    pub receipt: WakeReceipt,
    /// Its group.
    pub group: String,
    /// How many times it has been received, this time included.
    pub receives: u32,
}

#[derive(Debug)]
struct Message {
    number: u64,
    wake: WakeMessage,
    body: String,
    receives: u32,
    /// The receipt of the last receive, and until when it hides the message.
    hidden: Option<(String, Timestamp)>,
}

#[derive(Debug, Default)]
struct Queue {
    groups: BTreeMap<String, VecDeque<Message>>,
    seen: BTreeMap<String, Timestamp>,
    dead: Vec<DeadLetter>,
    made: u64,
}

impl Queue {
    fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn held(&mut self, receipt: &WakeReceipt, now: Timestamp) -> Option<(String, usize)> {
        let held = |message: &Message| {
            message.hidden.as_ref().is_some_and(|(holder, until)| *holder == receipt.0 && *until > now)
        };
        self.groups.iter().find_map(|(group, messages)| Some((group.clone(), messages.iter().position(held)?)))
    }
}

/// A FIFO queue in memory, with the consumer's side that the event source mapping uses.
pub struct MemoryWakeQueue {
    queue: Locked<Queue>,
    clock: Arc<dyn Clock>,
    options: QueueOptions,
}

impl MemoryWakeQueue {
    /// An empty one whose visibility and deduplication go by `clock`.
    pub fn new(clock: Arc<dyn Clock>, options: QueueOptions) -> Self {
        Self { queue: Locked::default(), clock, options }
    }

    /// At most `max` messages that can be handled now: of each group the first, unless it is being handled. They are
    /// hidden from then on. What was received too often goes to the dead letters instead.
    pub fn receive(&self, max: usize) -> Vec<Delivery> {
        let now = self.clock.now();
        let until = now.after(self.options.visibility);
        self.queue.with(|queue| {
            let mut groups = std::mem::take(&mut queue.groups);
            let mut received: Vec<(u64, Delivery)> = Vec::new();
            for (group, messages) in &mut groups {
                while let Some(first) = messages.front_mut() {
                    if received.len() >= max || first.hidden.as_ref().is_some_and(|(_, until)| *until > now) {
                        break;
                    }
                    let receipt = WakeReceipt(format!("receipt-{}", queue.number()));
                    if first.receives >= self.options.max_receives {
                        queue.dead.push(DeadLetter { body: first.body.clone(), receipt });
                        messages.pop_front();
                        continue;
                    }
                    first.receives += 1;
                    first.hidden = Some((receipt.0.clone(), until));
                    let delivery = Delivery {
                        message: first.wake.clone(),
                        body: first.body.clone(),
                        receipt,
                        group: group.clone(),
                        receives: first.receives,
                    };
                    received.push((first.number, delivery));
                    break;
                }
            }
            groups.retain(|_, messages| !messages.is_empty());
            queue.groups = groups;
            received.sort_by_key(|(number, _)| *number);
            received.into_iter().map(|(_, delivery)| delivery).collect()
        })
    }

    /// Removes a message that was handled; whether it was still the caller's.
    pub fn acknowledge(&self, receipt: &WakeReceipt) -> bool {
        let now = self.clock.now();
        self.queue.with(|queue| {
            let Some((group, index)) = queue.held(receipt, now) else { return false };
            if let Some(messages) = queue.groups.get_mut(&group) {
                messages.remove(index);
            }
            queue.groups.retain(|_, messages| !messages.is_empty());
            true
        })
    }

    /// Messages that wait or are being handled.
    pub fn len(&self) -> usize {
        self.queue.with(|queue| queue.groups.values().map(VecDeque::len).sum())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When the earliest hidden message becomes visible, if one is hidden.
    pub fn next_visible(&self) -> Option<Timestamp> {
        let until = |message: &Message| message.hidden.as_ref().map(|(_, until)| *until);
        self.queue.with(|queue| queue.groups.values().filter_map(|messages| until(messages.front()?)).min())
    }

    /// The groups that have messages, for shufflers and losers of messages.
    pub fn groups(&self) -> BTreeSet<String> {
        self.queue.with(|queue| queue.groups.keys().cloned().collect())
    }

    /// Loses every message, as no queue should; tells how many.
    pub fn lose_all(&self) -> usize {
        self.queue.with(|queue| std::mem::take(&mut queue.groups).into_values().map(|messages| messages.len()).sum())
    }

    /// Puts a message among the dead letters.
    pub fn add_dead_letter(&self, body: impl Into<String>) {
        self.queue.with(|queue| {
            let receipt = WakeReceipt(format!("receipt-{}", queue.number()));
            queue.dead.push(DeadLetter { body: body.into(), receipt });
        });
    }
}

#[async_trait]
impl WakeQueue for MemoryWakeQueue {
    async fn ring(&self, message: &WakeMessage, group: &str, deduplication: &str) -> Result<(), PortError> {
        let now = self.clock.now();
        let body = serde_json::to_string(message).map_err(|error| {
            PortError::caused_by(PortErrorKind::Rejected { reason: "does not serialise".into() }, "ringing", error)
        })?;
        self.queue.with(|queue| {
            queue.seen.retain(|_, until| *until > now);
            if queue.seen.contains_key(deduplication) {
                return;
            }
            queue.seen.insert(deduplication.to_owned(), now.after(DEDUPLICATION));
            let number = queue.number();
            let message = Message { number, wake: message.clone(), body, receives: 0, hidden: None };
            queue.groups.entry(group.to_owned()).or_default().push_back(message);
        });
        Ok(())
    }

    async fn set_visibility(&self, receipt: &WakeReceipt, hidden: Duration) -> Result<(), PortError> {
        let now = self.clock.now();
        self.queue.with(|queue| {
            let (group, index) = queue.held(receipt, now).ok_or_else(|| not_found("hiding a message"))?;
            if let Some(message) = queue.groups.get_mut(&group).and_then(|messages| messages.get_mut(index)) {
                message.hidden = Some((receipt.0.clone(), now.after(hidden)));
            }
            Ok(())
        })
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, PortError> {
        Ok(self.queue.with(|queue| queue.dead.iter().take(10).cloned().collect()))
    }

    async fn bury(&self, receipt: &WakeReceipt) -> Result<(), PortError> {
        self.queue.with(|queue| queue.dead.retain(|letter| letter.receipt != *receipt));
        Ok(())
    }
}
