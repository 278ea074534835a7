//! The `Idempotency-Key` header.

use lambda_http::Request;
use sha2::{Digest as _, Sha256};
use waybill_app::IdempotentRequest;
use waybill_domain::IdempotencyKey;

/// An `Idempotency-Key` that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Idempotency-Key must be 1 to 255 visible ASCII characters")]
pub struct IdempotencyKeyError;

/// The client's promise that it may send this request again, if it gives one; `operation` names surface and use case
/// (`admin:create-key`), so that one key on two endpoints means two things.
///
/// # Errors
/// When the header is not 1 to 255 visible ASCII characters, or is given twice.
pub fn idempotent_request(
    request: &Request,
    operation: &'static str,
    body: &[u8],
) -> Result<Option<IdempotentRequest>, IdempotencyKeyError> {
    let mut values = request.headers().get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().ok().and_then(|text| IdempotencyKey::parse(text.trim())).ok_or(IdempotencyKeyError)?;
    if values.next().is_some() {
        return Err(IdempotencyKeyError);
    }
    Ok(Some(IdempotentRequest { key, operation, body_digest: hex::encode(Sha256::digest(body)) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::Body;

    fn request(key: &str) -> Request {
        http::Request::builder().header("Idempotency-Key", key).body(Body::Empty).unwrap()
    }

    #[test]
    fn a_key_comes_with_the_digest_of_the_body() {
        let read = idempotent_request(&request("abc"), "admin:create-key", b"").unwrap().unwrap();
        assert_eq!(read.scope(), "admin:create-key:abc");
        assert_eq!(read.body_digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn no_key_is_no_promise_and_a_bad_one_is_refused() {
        assert!(idempotent_request(&Request::new(Body::Empty), "x", b"").unwrap().is_none());
        assert!(idempotent_request(&request(""), "x", b"").is_err());
        assert!(idempotent_request(&request("two words"), "x", b"").is_err());
        assert!(idempotent_request(&request(&"k".repeat(256)), "x", b"").is_err());
    }
}
