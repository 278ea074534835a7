//! Cursors of lists: opaque to clients, bound to what they were made for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use waybill_domain::OrgCode;

/// Longest cursor that is looked at, in characters.
const MAX_CHARS: usize = 2048;

/// A text that is no cursor of this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor of this list; take `next` of an earlier page as it is")]
pub struct CursorError;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bound<T> {
    /// The org; none for lists that only the operator sees.
    o: Option<OrgCode>,
    /// The list.
    l: String,
    /// Where it goes on.
    v: T,
}

/// Writes `position` as the cursor of the list called `list` of `org`.
pub fn encode_cursor<T: Serialize>(org: Option<&OrgCode>, list: &str, position: &T) -> String {
    let bound = Bound { o: org.cloned(), l: list.to_owned(), v: position };
    // Positions are ids, names and numbers, which always serialise; an empty cursor would be refused, not misread.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&bound).unwrap_or_default())
}

/// Reads what [`encode_cursor`] wrote for the same org and list.
///
/// # Errors
/// [`CursorError`] for anything else: a cursor of another org or list is not told apart from nonsense.
pub fn decode_cursor<T: DeserializeOwned>(org: Option<&OrgCode>, list: &str, text: &str) -> Result<T, CursorError> {
    if text.len() > MAX_CHARS {
        return Err(CursorError);
    }
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
    let bound: Bound<T> = serde_json::from_slice(&json).map_err(|_| CursorError)?;
    if bound.o.as_ref() == org && bound.l == list { Ok(bound.v) } else { Err(CursorError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_goes_on_only_where_it_was_made() {
        let (demo, acme): (OrgCode, OrgCode) = ("demo".parse().unwrap(), "acme".parse().unwrap());
        let cursor = encode_cursor(Some(&demo), "exports", &17_u64);
        assert_eq!(decode_cursor(Some(&demo), "exports", &cursor), Ok(17_u64));
        assert_eq!(decode_cursor::<u64>(Some(&acme), "exports", &cursor), Err(CursorError));
        assert_eq!(decode_cursor::<u64>(None, "exports", &cursor), Err(CursorError));
        assert_eq!(decode_cursor::<u64>(Some(&demo), "keys", &cursor), Err(CursorError));
        assert_eq!(decode_cursor::<u64>(Some(&demo), "exports", "17"), Err(CursorError));
        assert_eq!(decode_cursor::<u64>(Some(&demo), "exports", ""), Err(CursorError));
    }
}
