//! The guard against hostile targets, and the exchange behind it against servers that misbehave.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod exchange;
mod hostile;
mod sockets;
mod world;
