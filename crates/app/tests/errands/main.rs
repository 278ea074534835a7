//! Errands cut at every call that they make.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken fixture fails the test")]

mod cut;
mod deliveries;
mod share;
mod signals;
