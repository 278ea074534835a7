//! Data keys that were opened lately: bounded in number and in age, and wiped when they go.

use super::envelope::KEY_BYTES;
use secrecy::{ExposeSecret as _, SecretBox};
use std::collections::HashMap;
use std::time::Duration;
use waybill_ports::SealContext;

/// How long an opened key is kept: how long a permission taken away may go unnoticed.
const KEPT: Duration = Duration::from_mins(5);
/// Most keys that are kept.
const MOST: usize = 256;

/// Which key, for which context: a key is never given out for another one than it was opened for.
type Name = (Vec<u8>, String, String);

struct Opened {
    key: SecretBox<[u8; KEY_BYTES]>,
    at: Duration,
}

/// Opened data keys by their encrypted form and context.
#[derive(Default)]
pub(super) struct DataKeys {
    opened: HashMap<Name, Opened>,
}

fn name(encrypted: &[u8], context: &SealContext) -> Name {
    (encrypted.to_vec(), context.org.to_string(), context.purpose.clone())
}

impl DataKeys {
    /// The key, if it was kept less than five minutes before `now`.
    pub(super) fn get(&self, encrypted: &[u8], context: &SealContext, now: Duration) -> Option<[u8; KEY_BYTES]> {
        let opened = self.opened.get(&name(encrypted, context))?;
        (now.saturating_sub(opened.at) < KEPT).then(|| *opened.key.expose_secret())
    }

    /// Keeps a key, and lets go of those that are too old, or of the oldest when there are too many.
    pub(super) fn keep(&mut self, encrypted: &[u8], context: &SealContext, key: [u8; KEY_BYTES], now: Duration) {
        self.opened.retain(|_, opened| now.saturating_sub(opened.at) < KEPT);
        if self.opened.len() >= MOST {
            let oldest = self.opened.iter().min_by_key(|(_, opened)| opened.at).map(|(name, _)| name.clone());
            if let Some(oldest) = oldest {
                self.opened.remove(&oldest);
            }
        }
        let opened = Opened { key: SecretBox::new(Box::new(key)), at: now };
        self.opened.insert(name(encrypted, context), opened);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(purpose: &str) -> SealContext {
        SealContext { org: "demo".parse().unwrap(), purpose: purpose.into() }
    }

    #[test]
    fn keys_are_kept_for_their_context_and_five_minutes() {
        let mut keys = DataKeys::default();
        keys.keep(b"k", &context("a"), [7; 32], Duration::ZERO);
        assert_eq!(keys.get(b"k", &context("a"), Duration::from_secs(299)), Some([7; 32]));
        assert_eq!(keys.get(b"k", &context("a"), Duration::from_mins(5)), None);
        assert_eq!(keys.get(b"k", &context("b"), Duration::ZERO), None);
        assert_eq!(keys.get(b"l", &context("a"), Duration::ZERO), None);
    }

    #[test]
    fn the_oldest_key_goes_when_there_are_too_many() {
        let mut keys = DataKeys::default();
        for number in 0..=256_u16 {
            keys.keep(&number.to_be_bytes(), &context("a"), [1; 32], Duration::from_millis(u64::from(number)));
        }
        assert_eq!(keys.opened.len(), MOST);
        assert_eq!(keys.get(&0_u16.to_be_bytes(), &context("a"), Duration::from_secs(1)), None);
        assert!(keys.get(&1_u16.to_be_bytes(), &context("a"), Duration::from_secs(1)).is_some());
    }
}
