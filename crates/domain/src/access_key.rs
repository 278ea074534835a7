//! Access keys: their secrets' form, what is stored of them, and when they are good.

use crate::{AccountId, KeyId, OrgCode, Role, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;

/// Prefix by which people and scanners recognise a key.
const PREFIX: &str = "wbk_";
/// The same of keys for the Sigma surface, as its clients know them.
const SIGMA_PREFIX: &str = "sigma_sk_live_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters of randomness: 43 × log2 62 = 256 bits.
const RANDOM_CHARS: usize = 43;
/// Characters of the CRC-32 checksum.
const CHECK_CHARS: usize = 6;

/// An API key as its bearer holds it: `wbk_`, or `sigma_sk_live_` for the Sigma surface, + 43 random base-62 characters + 6 of
/// checksum. Does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySecret(String);

/// Why a text is no API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySecretError {
    /// Not of the form of our keys.
    #[error("not a Waybill API key")]
    Form,
    /// A mistyped or cut key.
    #[error("the key's checksum does not match: was it copied whole?")]
    Checksum,
}

impl KeySecret {
    /// A key made of 64 random bytes (each gives at most one character; biased bytes are reduced modulo 62 after discarding ≥ 248).
    pub fn from_randomness(randomness: &[u8; 64]) -> Self {
        Self::made(PREFIX, randomness)
    }

    /// The same for the Sigma surface.
    pub fn for_sigma(randomness: &[u8; 64]) -> Self {
        Self::made(SIGMA_PREFIX, randomness)
    }

    fn made(prefix: &str, randomness: &[u8; 64]) -> Self {
        let mut body: String = randomness
            .iter()
            .filter(|byte| **byte < 248)
            .take(RANDOM_CHARS)
            .map(|byte| char::from(ALPHABET[usize::from(*byte) % 62]))
            .collect();
        // Fewer than 43 usable bytes of 64 happens about once in 10^17: hash on instead of failing.
        let mut digest = Sha256::digest(randomness);
        while body.len() < RANDOM_CHARS {
            for byte in digest.iter().filter(|byte| **byte < 248) {
                if body.len() < RANDOM_CHARS {
                    body.push(char::from(ALPHABET[usize::from(*byte) % 62]));
                }
            }
            digest = Sha256::digest(digest);
        }
        Self(format!("{prefix}{body}{}", checksum(&body)))
    }

    /// Parses a key as a client sends it.
    ///
    /// # Errors
    /// [`KeySecretError`] when it cannot be one of ours; says nothing of whether it exists.
    pub fn parse(text: &str) -> Result<Self, KeySecretError> {
        Self::parsed(PREFIX, text)
    }

    /// The same for a key of the Sigma surface, which is taken nowhere else.
    ///
    /// # Errors
    /// As [`KeySecret::parse`].
    pub fn parse_sigma(text: &str) -> Result<Self, KeySecretError> {
        Self::parsed(SIGMA_PREFIX, text)
    }

    fn parsed(prefix: &str, text: &str) -> Result<Self, KeySecretError> {
        let body = text.strip_prefix(prefix).ok_or(KeySecretError::Form)?;
        if body.len() != RANDOM_CHARS + CHECK_CHARS || !body.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(KeySecretError::Form);
        }
        let (random, check) = body.split_at(RANDOM_CHARS);
        if checksum(random) == check { Ok(Self(text.to_owned())) } else { Err(KeySecretError::Checksum) }
    }

    /// What is stored in its stead.
    pub fn digest(&self) -> SecretDigest {
        SecretDigest(hex::encode(Sha256::digest(self.0.as_bytes())))
    }

    /// The key itself, for the one reply that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySecret(…)")
    }
}

fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut out = [b'0'; CHECK_CHARS];
    for slot in out.iter_mut().rev() {
        let digit = usize::try_from(rest % 62).unwrap_or(0);
        *slot = ALPHABET[digit];
        rest /= 62;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// SHA-256 of a key's secret, 64 hex digits: all that is stored of it, and where it is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretDigest(pub String);

/// The signature pair of a key: a public 22-character name, and a 64-character secret kept encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignaturePair {
    /// 22 characters of `[0-9A-Za-z]`; identifies, never authenticates alone.
    pub api_key: String,
    /// The secret as the vault sealed it, base64.
    pub sealed_secret: String,
}

/// The public key of a key's JSON Web Tokens, whose private half its holder keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenKey {
    /// What its tokens name as `iss`: 22 characters of `[0-9A-Za-z]`, the signature pair's where there is one.
    pub issuer: String,
    /// What it is a key of.
    pub kind: TokenKeyKind,
    /// The key itself, hex.
    pub public: String,
}

/// What a public key of tokens is a key of, and how it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenKeyKind {
    /// RSA: `RSAPublicKey` (PKCS #1) in DER.
    Rsa,
    /// ECDSA on P-256: the point, uncompressed.
    P256,
}

/// What is stored of an access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// Its org.
    pub org: OrgCode,
    /// Its id.
    pub id: KeyId,
    /// The account that it acts as.
    pub account: AccountId,
    /// A name for people.
    pub name: String,
    /// Its role: at most the account's.
    pub role: Role,
    /// Scopes beside the role.
    pub scopes: BTreeSet<Scope>,
    /// Digest of its secret.
    pub digest: SecretDigest,
    /// Its signature pair, where one was asked for.
    pub signature: Option<SignaturePair>,
    /// The public key of its tokens, where one was given.
    #[serde(default)]
    pub token: Option<TokenKey>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is no longer good.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to within some minutes.
    pub last_used_at: Option<Timestamp>,
}

impl AccessKey {
    /// Whether it is a key of the Sigma surface: one with permissions there, which does nothing else.
    pub fn is_sigma(&self) -> bool {
        self.scopes.iter().any(|scope| scope.is_sigma())
    }

    /// Whether it is good at `now`.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// Where a credential leads: from a secret's digest, or a signature pair's public name, to the key's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPointer {
    /// `digest:<64 hex>` or `pair:<22 characters>`.
    pub credential: String,
    /// The key's org.
    pub org: OrgCode,
    /// The key.
    pub key: KeyId,
}

impl KeyPointer {
    /// The credential under which a secret's digest is looked up.
    pub fn of_digest(digest: &SecretDigest) -> String {
        format!("digest:{}", digest.0)
    }

    /// The credential under which a signature pair's public name, or the issuer of tokens, is looked up.
    pub fn of_pair(api_key: &str) -> String {
        format!("pair:{api_key}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_parses_and_a_mistyped_one_does_not() {
        let key = KeySecret::from_randomness(&[7; 64]);
        assert_eq!(KeySecret::parse(key.expose()), Ok(key.clone()));
        let mut typo = key.expose().to_owned();
        typo.replace_range(10..11, "Z");
        assert_eq!(KeySecret::parse(&typo), Err(KeySecretError::Checksum));
        assert_eq!(KeySecret::parse("sk_live_1"), Err(KeySecretError::Form));
        let sigma = KeySecret::for_sigma(&[7; 64]);
        assert!(sigma.expose().starts_with("sigma_sk_live_"));
        assert_eq!(KeySecret::parse_sigma(sigma.expose()), Ok(sigma.clone()));
        assert_eq!(KeySecret::parse(sigma.expose()), Err(KeySecretError::Form), "good on one surface only");
        assert_eq!(KeySecret::parse_sigma(key.expose()), Err(KeySecretError::Form));
    }

    #[test]
    fn unusable_randomness_still_gives_a_whole_key() {
        assert!(KeySecret::parse(KeySecret::from_randomness(&[255; 64]).expose()).is_ok());
    }

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", KeySecret::from_randomness(&[7; 64])), "KeySecret(…)");
    }
}
