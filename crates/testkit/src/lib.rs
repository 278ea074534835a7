//! Everything that tests stand on: in-memory ports, a clock by hand, seeded randomness, contract suites, and the fault simulator.
//!
//! A dev-dependency only. Nothing here knows a runtime: futures of the in-memory ports are ready at once, and
//! [`ManualClock::sleep`](waybill_ports::Clock::sleep) waits for whoever moves the clock.
//!
//! - [`MemoryPorts`]: one of every port and a `Context`, for tests of use cases.
//! - [`contracts`]: what every implementation of a port does; run here against memory, elsewhere against services.
//! - [`simulator`]: the use cases under every fault that may happen, decided by a seed, before an oracle that knows the
//!   promises. `cargo run --release -p waybill-testkit --bin simulate -- --seeds 100000` lives through many worlds,
//!   `--crash-points` cuts a process off at each await in turn, `--mutant NAME` weakens a port to show that it is seen.

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
    Delivery, MemoryArchiveStore, MemoryDeliveryQueue, MemoryDestinations, MemoryRecordStore, MemoryScriptQueue,
    MemoryStateStore, MemoryVault, MemoryWakeQueue, QueueOptions,
};
pub use ports::MemoryPorts;
