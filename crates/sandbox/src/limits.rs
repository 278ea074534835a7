//! What a script may use.

use std::time::Duration;

/// Most memory of the engine's heap.
pub(crate) const MEMORY_BYTES: usize = 64 << 20;
/// Deepest stack.
pub(crate) const STACK_BYTES: usize = 256 << 10;
/// Longest run, waiting for the host apart.
pub(crate) const TIME: Duration = Duration::from_secs(10);
/// How much longer the outer guard waits for the engine to end a script by itself.
pub(crate) const GRACE: Duration = Duration::from_secs(1);
/// Most operations: calls and backward jumps, as the engine polls for interrupts, and steps of the regex engine.
pub(crate) const OPS: u64 = 1_000_000;
/// Operations between two interrupts: a constant of the engine (`JS_INTERRUPT_COUNTER_INIT`).
pub(crate) const OPS_PER_INTERRUPT: u64 = 10_000;
/// Operations that a call of the host counts for.
pub(crate) const OPS_PER_CALL: u64 = 100;
/// Longest text of a call's arguments, and of its answer: a request of 524 288 bytes as JSON, escapes included.
pub(crate) const CALL_BYTES: usize = 4 << 20;
/// Deepest nesting of `script.as`.
pub(crate) const DEPTH: u32 = 4;
