//! Messages about deliveries in a list.

use crate::locked::Locked;
use async_trait::async_trait;
use std::time::Duration;
use waybill_ports::{DeliveryMessage, DeliveryQueue, PortError};

/// Keeps messages until somebody takes them, with how long each is held back.
#[derive(Debug, Default)]
pub struct MemoryDeliveryQueue(Locked<Vec<(DeliveryMessage, Duration)>>);

impl MemoryDeliveryQueue {
    /// Takes what waits, whether its time has come or not.
    pub fn take(&self) -> Vec<(DeliveryMessage, Duration)> {
        self.0.with(std::mem::take)
    }
}

#[async_trait]
impl DeliveryQueue for MemoryDeliveryQueue {
    async fn ring(&self, message: &DeliveryMessage, after: Duration) -> Result<(), PortError> {
        self.0.with(|messages| messages.push((message.clone(), after)));
        Ok(())
    }
}
