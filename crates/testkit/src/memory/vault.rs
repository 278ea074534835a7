//! Secrets that are bound to their context, without any secrecy: for tests only.

use async_trait::async_trait;
use std::fmt::Write as _;
use waybill_ports::{PortError, PortErrorKind, SealContext, SecretVault};

/// A vault in memory. It keeps nothing; what it seals is masked and carries a check of its context.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryVault;

const FORM: &str = "memory:";

fn check(context: &SealContext, secret: &[u8]) -> u64 {
    let parts = [context.org.as_str().as_bytes(), &[0], context.purpose.as_bytes(), &[0], secret];
    let bytes = parts.into_iter().flatten();
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[async_trait]
impl SecretVault for MemoryVault {
    async fn seal(&self, context: &SealContext, secret: &[u8]) -> Result<String, PortError> {
        let mut sealed = format!("{FORM}{:016x}:", check(context, secret));
        for byte in secret {
            // Writing to a string does not fail.
            let _ = write!(sealed, "{:02x}", byte ^ 0x5a);
        }
        Ok(sealed)
    }

    async fn open(&self, context: &SealContext, sealed: &str) -> Result<Vec<u8>, PortError> {
        let corrupt = || {
            let kind = PortErrorKind::Corrupt {
                table: "vault".into(),
                key: context.purpose.clone(),
                field: "sealed for another context, or tampered with".into(),
            };
            PortError::new(kind, "opening a secret")
        };
        let (sum, masked) = sealed.strip_prefix(FORM).and_then(|rest| rest.split_once(':')).ok_or_else(corrupt)?;
        if masked.len() % 2 != 0 || !masked.is_ascii() {
            return Err(corrupt());
        }
        let bytes = (0..masked.len()).step_by(2).map(|at| u8::from_str_radix(&masked[at..at + 2], 16));
        let masked: Vec<u8> = bytes.collect::<Result<_, _>>().map_err(|_| corrupt())?;
        let secret: Vec<u8> = masked.iter().map(|byte| byte ^ 0x5a).collect();
        if format!("{:016x}", check(context, &secret)) == sum { Ok(secret) } else { Err(corrupt()) }
    }
}
