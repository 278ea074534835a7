//! Ports that live in memory, with the semantics of the services they stand for.

mod archive_store;
mod delivery_queue;
mod destinations;
mod record_source;
mod record_store;
mod script_queue;
mod state_store;
mod vault;
mod wake_queue;

pub use archive_store::MemoryArchiveStore;
pub use delivery_queue::MemoryDeliveryQueue;
pub use destinations::MemoryDestinations;
pub use record_store::MemoryRecordStore;
pub use script_queue::MemoryScriptQueue;
pub use state_store::MemoryStateStore;
pub use vault::MemoryVault;
pub use wake_queue::{Delivery, MemoryWakeQueue, QueueOptions};

use waybill_ports::{PortError, PortErrorKind};

fn rejected(reason: impl Into<String>, during: &'static str) -> PortError {
    PortError::new(PortErrorKind::Rejected { reason: reason.into() }, during)
}

pub(crate) fn conflict(during: &'static str) -> PortError {
    PortError::new(PortErrorKind::Conflict, during)
}

fn not_found(during: &'static str) -> PortError {
    PortError::new(PortErrorKind::NotFound, during)
}
