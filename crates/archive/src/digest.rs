//! SHA-256 that can be interrupted and taken up by another process.

use serde::{Deserialize, Serialize};
use sha2::Sha256;
use sha2::digest::Digest as _;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};

/// A running SHA-256; as serde data it is its midstate in hexadecimal digits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(Sha256);

impl Digest {
    /// The digest of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes taken in, 64 hexadecimal digits.
    pub fn finish(self) -> String {
        hex::encode(self.0.finalize())
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        hex::encode(digest.0.serialize())
    }
}

impl TryFrom<String> for Digest {
    type Error = MidstateError;

    fn try_from(text: String) -> Result<Self, MidstateError> {
        let bytes = hex::decode(text).map_err(|_| MidstateError)?;
        let state = SerializedState::<Sha256>::try_from(bytes.as_slice()).map_err(|_| MidstateError)?;
        Sha256::deserialize(&state).map(Self).map_err(|_| MidstateError)
    }
}

/// The text is no midstate of a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 midstate")]
pub struct MidstateError;
