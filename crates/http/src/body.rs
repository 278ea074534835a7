//! Bodies within limits, and JSON with the place of what is wrong with it.

use lambda_http::{Body, Request};
use serde_json::Value;

/// Largest body of an ordinary request, in bytes.
pub const BODY_LIMIT_BYTES: usize = 256 * 1024;
/// Largest body of a bulk load, in bytes.
pub const BULK_LIMIT_BYTES: usize = 4 * 1024 * 1024;
/// Deepest nesting of a JSON body; the outermost value is the first level.
pub const JSON_MAX_DEPTH: usize = 32;

/// Why a body is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is over the limit.
    #[error("the body has {size_bytes} bytes; at most {limit_bytes} are taken")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
}

/// Why a body is no JSON that is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// There is nothing.
    #[error("the body is empty; a JSON value is expected")]
    Empty,
    /// It is not JSON.
    #[error("the body is not JSON: {reason} at line {line}, column {column}")]
    Syntax {
        /// What is wrong.
        reason: String,
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
    },
    /// It is nested deeper than [`JSON_MAX_DEPTH`].
    #[error("the body is nested deeper than {JSON_MAX_DEPTH} levels")]
    TooDeep,
}

/// The bytes of a request's body; empty when it has none.
///
/// # Errors
/// When it is over `limit_bytes`.
pub fn read_body(request: &Request, limit_bytes: usize) -> Result<&[u8], BodyError> {
    let bytes: &[u8] = match request.body() {
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        // `Empty`, and whatever kinds may be added, carry nothing that we take.
        _ => &[],
    };
    let size_bytes = bytes.len();
    if size_bytes > limit_bytes { Err(BodyError::TooLarge { size_bytes, limit_bytes }) } else { Ok(bytes) }
}

/// Reads one JSON value; numbers keep their text and objects their order.
///
/// # Errors
/// [`JsonError`] with line and column of the first thing that is wrong.
pub fn parse_json(bytes: &[u8]) -> Result<Value, JsonError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(JsonError::Empty);
    }
    if depth(bytes) > JSON_MAX_DEPTH {
        return Err(JsonError::TooDeep);
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let text = error.to_string();
        // The place stands in fields of its own.
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
        JsonError::Syntax { reason: reason.to_owned(), line: error.line(), column: error.column() }
    })
}

/// The deepest nesting of brackets outside of strings; exact for JSON, harmless for what is none.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_binary_bodies_are_read_alike_up_to_the_limit() {
        let text = Request::new(Body::Text("{}".into()));
        let binary = Request::new(Body::Binary(b"{}".to_vec()));
        assert_eq!(read_body(&text, 2), Ok(&b"{}"[..]));
        assert_eq!(read_body(&binary, 2), Ok(&b"{}"[..]));
        assert_eq!(read_body(&binary, 1), Err(BodyError::TooLarge { size_bytes: 2, limit_bytes: 1 }));
        assert_eq!(read_body(&Request::new(Body::Empty), 1), Ok(&b""[..]));
    }

    #[test]
    fn broken_json_is_refused_with_its_place() {
        let error = parse_json(b"{\n  \"a\": 1,\n  b\n}").unwrap_err();
        assert_eq!(error.to_string(), "the body is not JSON: key must be a string at line 3, column 3");
        assert_eq!(parse_json(b" \n"), Err(JsonError::Empty));
        assert!(matches!(parse_json(b"{} {}"), Err(JsonError::Syntax { .. })));
        assert!(matches!(parse_json(&[b'"', 0xff, b'"']), Err(JsonError::Syntax { .. })));
    }

    #[test]
    fn nesting_is_limited_whatever_strings_hold() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse_json(nested(JSON_MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(parse_json(nested(JSON_MAX_DEPTH + 1).as_bytes()), Err(JsonError::TooDeep));
        let text = format!("\"\\\"{}\"", "[".repeat(100));
        assert!(parse_json(text.as_bytes()).is_ok());
    }

    #[test]
    fn numbers_keep_their_text() {
        let value = parse_json(b"{\"a\":1.10,\"b\":123456789012345678901234567890}").unwrap();
        assert_eq!(value.to_string(), "{\"a\":1.10,\"b\":123456789012345678901234567890}");
    }
}
