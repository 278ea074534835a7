//! Contract suites: what every implementation of a port does, in memory or over a service.
//!
//! Each suite takes the port and a `prefix` of its own — lower-case letters, digits and `-`, beginning with a letter, at
//! most 16 of them — so that it can run against tables and buckets that others use. It answers with the first fact that
//! does not hold.

mod archive_store;
mod clock;
mod compute;
mod delivery_queue;
mod destination;
mod entropy;
mod record_source;
mod record_store;
mod script_queue;
mod script_runner;
mod secret_vault;
mod state_store;
mod wake_queue;

pub use archive_store::archive_store;
pub use clock::clock;
pub use compute::compute;
pub use delivery_queue::{DeliveryConsumer, delivery_queue};
pub use destination::{ShownFiles, destination};
pub use entropy::entropy;
pub use record_source::{record_source, source_items};
pub use record_store::record_store;
pub use script_queue::{ScriptConsumer, script_queue};
pub use script_runner::script_runner;
pub use secret_vault::secret_vault;
pub use state_store::state_store;
pub use wake_queue::{WakeConsumer, wake_queue};

use waybill_ports::{PortError, PortErrorKind};

/// A fact that does not hold.
#[derive(Debug, thiserror::Error)]
#[error("{fact}: {found}")]
pub struct Broken {
    /// The fact.
    pub fact: &'static str,
    /// What was found instead.
    pub found: String,
}

/// What was found instead, before the fact has a name.
#[derive(Debug)]
struct Found(String);

impl From<PortError> for Found {
    fn from(error: PortError) -> Self {
        Self(format!("a call failed: {error:?}"))
    }
}

impl From<waybill_domain::IdError> for Found {
    fn from(error: waybill_domain::IdError) -> Self {
        Self(format!("the prefix does not suit: {error}"))
    }
}

type Fact = Result<(), Found>;

fn that(holds: bool, found: impl Into<String>) -> Fact {
    if holds { Ok(()) } else { Err(Found(found.into())) }
}

fn equal<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Fact {
    that(found == expected, format!("found {found:?} instead of {expected:?}"))
}

fn fails<T: std::fmt::Debug>(result: &Result<T, PortError>, kinds: &[PortErrorKind]) -> Fact {
    match result {
        Err(error) if kinds.contains(&error.kind) => Ok(()),
        other => Err(Found(format!("found {other:?} instead of {kinds:?}"))),
    }
}

fn is_rejected<T: std::fmt::Debug>(result: &Result<T, PortError>) -> Fact {
    let rejected = result.as_ref().err().is_some_and(|error| matches!(error.kind, PortErrorKind::Rejected { .. }));
    that(rejected, format!("found {result:?} instead of Rejected"))
}

/// Checks facts in order; each has its own name as its prefix in the store.
macro_rules! check {
    ($port:expr, $prefix:expr; $($fact:ident),* $(,)?) => {
        $(
            $fact($port, &$crate::contracts::own_prefix($prefix, stringify!($fact)))
                .await
                .map_err(|found| $crate::contracts::Broken { fact: stringify!($fact), found: found.0 })?;
        )*
        return Ok(())
    };
}
use check;

/// `prefix`, made different for each fact, and short.
fn own_prefix(prefix: &str, fact: &str) -> String {
    format!("{prefix}-{:016x}", hash(fact))
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Bytes without pattern, that do not compress.
fn noise(seed: &str, length: usize) -> Vec<u8> {
    let mut state = hash(seed) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
