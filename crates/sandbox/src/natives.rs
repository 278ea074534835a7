//! What a script asks for and gets without its host: what it has used, digests, randomness.

use crate::engine::Meter;
use crate::limits::{DEPTH, MEMORY_BYTES, OPS, TIME};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rquickjs::Ctx;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use std::time::Duration;

/// Most random bytes at a time.
const RANDOM_BYTES: usize = 1024;

/// The answer to a call that needs no host, as JSON text; `None` when it does.
pub(crate) fn answer(name: &str, arguments: &str, meter: &Meter, ctx: &Ctx<'_>, environment: &str) -> Option<String> {
    let value = match name {
        "environment" => return Some(environment.to_owned()),
        "used" => used(meter),
        "gc" => {
            ctx.run_gc();
            Value::Null
        }
        "digest" => digest(arguments),
        "random" => random(arguments),
        _ => return None,
    };
    Some(value.to_string())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn used(meter: &Meter) -> Value {
    let memory = meter.memory();
    let most = u64::try_from(MEMORY_BYTES).unwrap_or(u64::MAX);
    json!({
        "ops": meter.ops(),
        "opsLeft": OPS.saturating_sub(meter.ops()),
        "elapsed": millis(meter.elapsed()),
        "timeLeft": millis(TIME.saturating_sub(meter.elapsed())),
        "memory": memory,
        "memoryLeft": most.saturating_sub(memory),
        "depth": DEPTH,
    })
}

/// `[algorithm, data, key or null]`, both in Base64; gives Base64, or nothing for what it does not know.
fn digest(arguments: &str) -> Value {
    let Ok((algorithm, data, key)) = serde_json::from_str::<(String, String, Option<String>)>(arguments) else {
        return Value::Null;
    };
    let Ok(data) = STANDARD.decode(data) else { return Value::Null };
    let key = match key.map(|key| STANDARD.decode(key)) {
        None => None,
        Some(Ok(key)) => Some(key),
        Some(Err(_)) => return Value::Null,
    };
    macro_rules! keyed {
        ($hash:ty) => {
            match key {
                None => <$hash>::digest(&data).to_vec(),
                Some(key) => {
                    let Ok(mut mac) = Hmac::<$hash>::new_from_slice(&key) else { return Value::Null };
                    mac.update(&data);
                    mac.finalize().into_bytes().to_vec()
                }
            }
        };
    }
    let made = match algorithm.as_str() {
        "sha256" => keyed!(Sha256),
        "sha384" => keyed!(Sha384),
        "sha512" => keyed!(Sha512),
        _ => return Value::Null,
    };
    Value::String(STANDARD.encode(made))
}

/// `[count]`; gives Base64.
#[expect(clippy::disallowed_methods, reason = "what a script draws decides nothing of ours")]
fn random(arguments: &str) -> Value {
    let count = serde_json::from_str::<(usize,)>(arguments).map_or(0, |(count,)| count.min(RANDOM_BYTES));
    let mut bytes = vec![0; count];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Value::String(STANDARD.encode(bytes)),
        Err(_) => Value::Null,
    }
}
