//! Signatures of what is posted: Standard Webhooks 1.0.0, and the Sigma surface's own header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// Both signatures of one body, which may come in pieces.
pub(crate) struct Signing {
    standard: Hmac<Sha256>,
    sigma: Hmac<Sha256>,
}

/// `webhook-signature`, then the value of `X-Sigma-Signature`.
pub(crate) type Signatures = (String, String);

impl Signing {
    /// The secret of Standard Webhooks is the Base64 behind `whsec_`; a secret without that prefix is taken as it is. The
    /// surface's own header is always made with the secret as it is.
    pub(crate) fn new(secret: &str, id: &str, at_secs: i64) -> Self {
        let decoded = secret.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
        let mut standard = keyed(decoded.as_deref().unwrap_or(secret.as_bytes()));
        standard.update(format!("{id}.{at_secs}.").as_bytes());
        Self { standard, sigma: keyed(secret.as_bytes()) }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.standard.update(bytes);
        self.sigma.update(bytes);
    }

    pub(crate) fn finish(self) -> Signatures {
        let standard = STANDARD.encode(self.standard.finalize().into_bytes());
        (format!("v1,{standard}"), hex::encode(self.sigma.finalize().into_bytes()))
    }
}

/// HMAC takes keys of every length (RFC 2104): longer ones than a block are hashed, shorter ones filled up with zeros.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    let hashed;
    let key = if key.len() > block.len() {
        hashed = Sha256::digest(key);
        &hashed[..]
    } else {
        key
    };
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Hmac::new(&block.into())
}

/// The value of `webhook-signature` for a body: `v1,` and Base64 of HMAC-SHA-256 over `<id>.<seconds>.<body>`.
pub fn standard_signature(secret: &str, id: &str, at_secs: i64, body: &[u8]) -> String {
    let mut signing = Signing::new(secret, id, at_secs);
    signing.update(body);
    signing.finish().0
}

/// The value of `X-Sigma-Signature` for a body: HMAC-SHA-256 over it alone, hex.
pub fn sigma_signature(secret: &str, body: &[u8]) -> String {
    let mut signing = Signing::new(secret, "", 0);
    signing.update(body);
    signing.finish().1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_that_others_make() {
        // The example of the specification's reference libraries.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = br#"{"test": 2432232314}"#;
        let signed = standard_signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        // RFC 4231, test case 2.
        let signed = sigma_signature("Jefe", b"what do ya want for nothing?");
        assert_eq!(signed, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        // The same, test case 6: a key longer than a block.
        let mut long = keyed(&[0xaa; 131]);
        long.update(b"Test Using Larger Than Block-Size Key - Hash Key First");
        let long = hex::encode(long.finalize().into_bytes());
        assert_eq!(long, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }
}
