//! The one place of this crate that reads the clock and the operating system's randomness: it plays the part of the
//! AWS services, which have both.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};

/// The present instant of the wall clock.
pub(crate) fn now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "the services that this crate plays stamp their own events")]
    SystemTime::now()
}

/// Milliseconds since the Unix epoch at `instant`.
pub(crate) fn epoch_ms(instant: SystemTime) -> u64 {
    let since = instant.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The instant as a [`jiff::Timestamp`], for formatting.
pub(crate) fn timestamp(instant: SystemTime) -> jiff::Timestamp {
    jiff::Timestamp::try_from(instant).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// The deadline of an invocation that starts now, in milliseconds since the Unix epoch.
pub(crate) fn deadline_ms(length: Duration) -> u64 {
    epoch_ms(now() + length)
}

/// `N` random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    #[expect(clippy::disallowed_methods, reason = "keys and request ids of the services that this crate plays")]
    getrandom::fill(&mut bytes).context("the operating system gave no randomness")?;
    Ok(bytes)
}

/// A random id in the form of a UUID, as AWS gives requests and messages.
pub(crate) fn request_id() -> Result<String> {
    let mut bytes = random::<16>()?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = hex::encode(bytes);
    Ok(format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]))
}
