//! The text form of a sealed secret: `v1.<data key, encrypted by KMS>.<nonce and AES-256-GCM ciphertext>`, base64url.

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use waybill_ports::SealContext;

/// What the text form begins with: the version of the form.
const VERSION: &str = "v1";
/// Bytes of a data key.
pub(super) const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
pub(super) const NONCE_BYTES: usize = 12;

/// Why a text opens no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum EnvelopeError {
    /// It is not of the form.
    #[error("not a sealed secret")]
    Form,
    /// It was changed, or sealed for something else.
    #[error("changed, or sealed for another context")]
    Authentic,
}

/// A sealed secret in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    /// The data key as KMS encrypted it.
    pub(super) encrypted_key: Vec<u8>,
    /// The nonce, unique under the data key.
    nonce: [u8; NONCE_BYTES],
    /// The secret, encrypted and authenticated.
    ciphertext: Vec<u8>,
}

impl Envelope {
    /// Seals `secret` under a data key that is used for nothing else.
    pub(super) fn seal(
        key: &[u8; KEY_BYTES],
        encrypted_key: Vec<u8>,
        nonce: [u8; NONCE_BYTES],
        context: &SealContext,
        secret: &[u8],
    ) -> Result<Self, EnvelopeError> {
        let payload = Payload { msg: secret, aad: &bound(context) };
        let ciphertext = Aes256Gcm::new(key.into()).encrypt(&Nonce::from(nonce), payload);
        Ok(Self { encrypted_key, nonce, ciphertext: ciphertext.map_err(|_| EnvelopeError::Authentic)? })
    }

    /// The secret, if the envelope was sealed with this key for this context.
    pub(super) fn open(&self, key: &[u8; KEY_BYTES], context: &SealContext) -> Result<Vec<u8>, EnvelopeError> {
        let payload = Payload { msg: &self.ciphertext, aad: &bound(context) };
        Aes256Gcm::new(key.into()).decrypt(&Nonce::from(self.nonce), payload).map_err(|_| EnvelopeError::Authentic)
    }

    /// The text form.
    pub(super) fn to_text(&self) -> String {
        let sealed = [self.nonce.as_slice(), &self.ciphertext].concat();
        format!("{VERSION}.{}.{}", BASE64.encode(&self.encrypted_key), BASE64.encode(sealed))
    }

    /// Parses the text form.
    pub(super) fn parse(text: &str) -> Result<Self, EnvelopeError> {
        let rest = text.strip_prefix(VERSION).and_then(|rest| rest.strip_prefix('.')).ok_or(EnvelopeError::Form)?;
        let (key, sealed) = rest.split_once('.').ok_or(EnvelopeError::Form)?;
        let encrypted_key = BASE64.decode(key).map_err(|_| EnvelopeError::Form)?;
        let sealed = BASE64.decode(sealed).map_err(|_| EnvelopeError::Form)?;
        let (nonce, ciphertext) = sealed.split_first_chunk().ok_or(EnvelopeError::Form)?;
        Ok(Self { encrypted_key, nonce: *nonce, ciphertext: ciphertext.to_vec() })
    }
}

/// What the ciphertext is bound to; org codes hold no separator, so that no two contexts give the same bytes.
fn bound(context: &SealContext) -> Vec<u8> {
    format!("{VERSION}\n{}\n{}", context.org, context.purpose).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(org: &str, purpose: &str) -> SealContext {
        SealContext { org: org.parse().unwrap(), purpose: purpose.into() }
    }

    #[test]
    fn sealed_secrets_open_with_their_key_and_context_only() {
        let here = context("demo", "signature:a");
        let sealed = Envelope::seal(&[1; 32], vec![9, 9], [2; 12], &here, b"secret").unwrap();
        let read = Envelope::parse(&sealed.to_text()).unwrap();
        assert_eq!(read, sealed);
        assert_eq!(read.open(&[1; 32], &here).unwrap(), b"secret");
        assert_eq!(read.open(&[3; 32], &here), Err(EnvelopeError::Authentic));
        assert_eq!(read.open(&[1; 32], &context("demo", "signature:b")), Err(EnvelopeError::Authentic));
        assert_eq!(read.open(&[1; 32], &context("other", "signature:a")), Err(EnvelopeError::Authentic));
    }

    #[test]
    fn other_texts_are_no_sealed_secrets() {
        for text in ["", "v1", "v1.", "v1.AA", "v2.AA.AA", "v1.AA.AA", "v1.!.AAAAAAAAAAAAAAAAAAAA", "v1.AA.AA.AA"] {
            assert_eq!(Envelope::parse(text), Err(EnvelopeError::Form), "{text}");
        }
    }
}
