//! Passwords: how costly their hashes are, making one, and comparing with one.

use crate::Error;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use subtle::ConstantTimeEq as _;
use waybill_ports::{Entropy, PortError, PortErrorKind};

/// Fewest characters of a password.
const PASSWORD_MIN_CHARS: usize = 10;
/// Most bytes of a password; more would be work for nothing.
pub const PASSWORD_MAX_BYTES: usize = 256;
/// Bytes of a salt and of a hash.
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// How passwords are hashed: argon2id of one lane.
#[derive(Clone, Debug)]
pub struct Passwords {
    params: Params,
}

/// Costs that argon2 does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `m=<KiB of memory, 8 or more>,t=<passes, 1 or more>`")]
pub struct CostError;

impl Default for Passwords {
    /// 19 MiB and two passes: what OWASP's Password Storage Cheat Sheet names first for argon2id; tens of milliseconds on
    /// a whole processor, and room for itself in a function of 512 MB.
    fn default() -> Self {
        Self { params: Params::default() }
    }
}

impl std::str::FromStr for Passwords {
    type Err = CostError;

    /// `m=<KiB of memory>,t=<passes>`.
    fn from_str(text: &str) -> Result<Self, CostError> {
        let (memory, passes) = text.strip_prefix("m=").and_then(|rest| rest.split_once(",t=")).ok_or(CostError)?;
        Self::new(memory.parse().map_err(|_| CostError)?, passes.parse().map_err(|_| CostError)?)
    }
}

impl Passwords {
    /// Hashes that take `memory_kib` KiB and `passes` passes over it.
    ///
    /// # Errors
    /// When these are no costs.
    pub fn new(memory_kib: u32, passes: u32) -> Result<Self, CostError> {
        let params = Params::new(memory_kib, passes, 1, Some(HASH_BYTES)).map_err(|_| CostError)?;
        Ok(Self { params })
    }

    /// A new hash, with a salt of its own and its costs beside it (PHC text).
    ///
    /// # Errors
    /// `Internal` when there is no memory for it.
    pub fn hash(&self, entropy: &dyn Entropy, password: &str) -> Result<String, Error> {
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt);
        let hash = digest(&self.params, &salt, password)?;
        let (memory, passes) = (self.params.m_cost(), self.params.t_cost());
        let (salt, hash) = (BASE64.encode(salt), BASE64.encode(hash));
        Ok(format!("$argon2id$v=19$m={memory},t={passes},p=1${salt}${hash}"))
    }

    /// Whether `password` is the one behind `kept`. Without one, as much work is done, and the answer is no.
    ///
    /// # Errors
    /// `Internal` when `kept` is no hash of ours.
    pub fn matches(&self, kept: Option<&str>, password: &str) -> Result<bool, Error> {
        let Some(kept) = kept else {
            digest(&self.params, &[0; SALT_BYTES], password)?;
            return Ok(false);
        };
        let (params, salt, hash) = parse(kept).ok_or_else(|| unusable("a password's hash does not parse"))?;
        Ok(digest(&params, &salt, password)?.ct_eq(&hash).into())
    }
}

/// Whether a text may be a password.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_password(password: &str) -> Result<(), &'static str> {
    if password.chars().count() < PASSWORD_MIN_CHARS {
        return Err("must have at least 10 characters");
    }
    if password.len() > PASSWORD_MAX_BYTES { Err("must have at most 256 bytes") } else { Ok(()) }
}

fn unusable(what: &'static str) -> Error {
    let kind = PortErrorKind::Rejected { reason: what.to_owned() };
    Error::Internal(PortError::new(kind, "hashing a password"))
}

fn digest(params: &Params, salt: &[u8], password: &str) -> Result<[u8; HASH_BYTES], Error> {
    let mut hash = [0; HASH_BYTES];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let done = argon2.hash_password_into(password.as_bytes(), salt, &mut hash);
    done.map_err(|_| unusable("argon2 refused its input"))?;
    Ok(hash)
}

fn parse(kept: &str) -> Option<(Params, Vec<u8>, Vec<u8>)> {
    let mut parts = kept.strip_prefix("$argon2id$v=19$")?.split('$');
    let (costs, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let (memory, passes) = costs.strip_suffix(",p=1")?.strip_prefix("m=")?.split_once(",t=")?;
    let params = Params::new(memory.parse().ok()?, passes.parse().ok()?, 1, Some(HASH_BYTES)).ok()?;
    Some((params, BASE64.decode(salt).ok()?, BASE64.decode(hash).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_testkit::MemoryPorts;

    #[test]
    fn a_password_matches_its_hash_and_no_other() {
        let (passwords, ports) = (Passwords::new(64, 1).unwrap(), MemoryPorts::new(1));
        let entropy = ports.context().entropy;
        let kept = passwords.hash(&*entropy, "correct horse").unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{kept}");
        assert_ne!(kept, passwords.hash(&*entropy, "correct horse").unwrap(), "salted");
        // Costs of today do not matter to a hash of yesterday.
        let dearer = Passwords::new(128, 2).unwrap();
        assert!(dearer.matches(Some(&kept), "correct horse").unwrap());
        assert!(!dearer.matches(Some(&kept), "correct hors").unwrap());
        assert!(!dearer.matches(None, "correct horse").unwrap());
        assert!(dearer.matches(Some("$argon2i$"), "x").is_err());
    }

    #[test]
    fn costs_are_read_from_text() {
        let default = Passwords::default().params;
        let read = "m=19456,t=2".parse::<Passwords>().unwrap().params;
        assert_eq!(
            (read.m_cost(), read.t_cost(), read.p_cost()),
            (default.m_cost(), default.t_cost(), default.p_cost())
        );
        for bad in ["", "m=1,t=1", "m=8", "m=8,t=0", "19456,2"] {
            assert!(bad.parse::<Passwords>().is_err(), "{bad}");
        }
    }

    #[test]
    fn hashes_are_those_of_other_implementations() {
        // Of the reference implementation's own tests (phc-winner-argon2, `src/test.c`).
        let kept = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(Passwords::new(8, 1).unwrap().matches(Some(kept), "password").unwrap());
    }
}
