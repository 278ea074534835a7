//! Whether the scanner and `serde_json` agree on a text: on whether it is valid, and on what it means.

use waybill_record::{Kind, MAX_DEPTH, ScanError, Tape, Value};

/// The scanned value as a tree, as `serde_json` would have built it; `None` when a part of it cannot be read back.
fn tree(value: Value<'_>) -> Option<serde_json::Value> {
    Some(match value.kind() {
        Kind::Null => serde_json::Value::Null,
        Kind::Boolean => value.boolean()?.into(),
        Kind::Number => serde_json::Value::Number(value.number()?.parse().ok()?),
        Kind::Text => value.text()?.decoded().into(),
        Kind::Array => value.elements().map(tree).collect::<Option<Vec<_>>>()?.into(),
        Kind::Object => value
            .members()
            .map(|(key, value)| Some((key.text()?.decoded().into_owned(), tree(value)?)))
            .collect::<Option<serde_json::Map<_, _>>>()?
            .into(),
    })
}

/// Levels of nesting of a valid text; of its tokens, because a tree has lost the first of equal keys.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Checks that both readers agree on a text; otherwise says how they do not.
pub(crate) fn agree(tape: &mut Tape, text: &[u8]) -> Result<(), String> {
    let shown = || String::from_utf8_lossy(text).into_owned();
    let scanned = tape.scan(text);
    let expected = match serde_json::from_slice::<serde_json::Value>(text) {
        // A text that is both too deep and broken may be refused for either.
        Err(error) => {
            return scanned.err().map(|_| ()).ok_or_else(|| format!("accepted although {error}: {:?}", shown()));
        }
        Ok(expected) => expected,
    };
    let document = match (scanned, depth(text) > MAX_DEPTH, expected.is_object()) {
        (Err(ScanError::Depth), true, _) | (Err(ScanError::NotAnObject), false, false) => return Ok(()),
        (Ok(document), false, true) => document,
        (other, _, _) => return Err(format!("{:?}: {:?}", other.err(), shown())),
    };
    if tree(document.root()).as_ref() != Some(&expected) {
        return Err(format!("means something else: {:?}", shown()));
    }
    let mut compact = Vec::new();
    document.root().write_compact(&mut compact);
    if compact.contains(&b'\n') || serde_json::from_slice::<serde_json::Value>(&compact).ok() != Some(expected) {
        return Err(format!("is something else without white space: {:?}", shown()));
    }
    Ok(())
}
