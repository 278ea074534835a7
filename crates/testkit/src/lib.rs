//! Everything that tests stand on: in-memory ports, a clock by hand, seeded randomness, contract suites, and the fault simulator.
//!
//! A dev-dependency only. Nothing here knows a runtime: futures of the in-memory ports are ready at once, and
//! [`ManualClock::sleep`](waybill_ports::Clock::sleep) waits for whoever moves the clock.

mod clock;
mod compute;
pub mod contracts;
mod entropy;
mod locked;
mod memory;
mod ports;
pub mod samples;
pub mod simulator;

pub use clock::ManualClock;
pub use compute::InlineCompute;
pub use entropy::SeededEntropy;
pub use memory::{
    Delivery, MemoryArchiveStore, MemoryRecordStore, MemoryStateStore, MemoryVault, MemoryWakeQueue, QueueOptions,
};
pub use ports::MemoryPorts;
