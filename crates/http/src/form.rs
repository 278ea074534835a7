//! Form-encoded bodies as the objects that they stand for: `paths[]=a&paths[]=b&where[name]=x`.

use percent_encoding::percent_decode;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Most pairs of a form.
const MAX_PAIRS: usize = 5000;
/// Deepest nesting of a name.
const MAX_DEPTH: usize = 16;

/// Why a body is no form that is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Not UTF-8 behind its encoding.
    #[error("the form is not UTF-8")]
    NotText,
    /// Too many pairs.
    #[error("the form has more than {MAX_PAIRS} pairs")]
    TooMany,
    /// A name nested too deep, or with brackets that do not match.
    #[error("`{0}` is no name of a form: they look like `label`, `paths[]`, `where[name]`")]
    Name(String),
    /// A name that is a value and has members, or the like.
    #[error("`{0}` is given twice, in different forms")]
    Clash(String),
}

/// Reads a form as browsers' libraries send objects: `a=1` is a text, `a[]=1` or `a` given twice an array, `a[b]=1` an
/// object, and `a[0][b]=1` an array of objects. Every value is a text.
///
/// # Errors
/// [`FormError`].
pub fn parse_form(body: &[u8]) -> Result<Map<String, Value>, FormError> {
    let pairs: Vec<&[u8]> = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).collect();
    if pairs.len() > MAX_PAIRS {
        return Err(FormError::TooMany);
    }
    let mut members = Map::new();
    for pair in pairs {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(halves.next().unwrap_or_default())?;
        let value = decode(halves.next().unwrap_or_default())?;
        let (first, rest) = segments(&name)?;
        put(members.entry(first).or_insert(Value::Null), &rest, value).ok_or(FormError::Clash(name))?;
    }
    Ok(members.into_iter().map(|(name, value)| (name, with_arrays(value))).collect())
}

fn decode(text: &[u8]) -> Result<String, FormError> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).decode_utf8().map(Cow::into_owned).map_err(|_| FormError::NotText)
}

fn segments(name: &str) -> Result<(String, Vec<String>), FormError> {
    let wrong = || FormError::Name(name.chars().take(100).collect());
    let Some((first, rest)) = name.split_once('[') else { return Ok((name.to_owned(), Vec::new())) };
    let inner = rest.strip_suffix(']').ok_or_else(wrong)?;
    let segments: Vec<String> = inner.split("][").map(str::to_owned).collect();
    let nested = segments.iter().any(|segment| segment.contains(['[', ']']));
    if first.is_empty() || nested || segments.len() > MAX_DEPTH {
        return Err(wrong());
    }
    Ok((first.to_owned(), segments))
}

fn put(place: &mut Value, path: &[String], value: String) -> Option<()> {
    match (path, place) {
        ([], place @ Value::Null) => *place = Value::String(value),
        ([], place @ Value::String(_)) => *place = Value::Array(vec![place.take(), Value::String(value)]),
        ([], Value::Array(elements)) => elements.push(Value::String(value)),
        ([last], place @ Value::Null) if last.is_empty() => *place = Value::Array(vec![Value::String(value)]),
        ([last], Value::Array(elements)) if last.is_empty() => elements.push(Value::String(value)),
        ([name, rest @ ..], place) if !name.is_empty() => {
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            put(place.as_object_mut()?.entry(name).or_insert(Value::Null), rest, value)?;
        }
        _ => return None,
    }
    Some(())
}

/// Objects whose names are 0, 1, 2 … are arrays.
fn with_arrays(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let counted = members.keys().enumerate().all(|(index, name)| *name == index.to_string());
    let inner = members.into_iter().map(|(name, value)| (name, with_arrays(value)));
    if counted { inner.map(|(_, value)| value).collect() } else { Value::Object(inner.collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: &str) -> Result<Value, FormError> {
        parse_form(body.as_bytes()).map(Value::Object)
    }

    #[test]
    fn forms_stand_for_objects() {
        let body = "label=Nightly+visits%21&paths[]=_id&paths%5B%5D=c_site.c_code&include=a&include=b&one[]=x\
                    &where[created][$gte]=2026&list[0][a]=1&list[1][a]=2&empty=";
        assert_eq!(
            read(body),
            Ok(json!({
                "label": "Nightly visits!", "paths": ["_id", "c_site.c_code"], "include": ["a", "b"], "one": ["x"],
                "where": {"created": {"$gte": "2026"}}, "list": [{"a": "1"}, {"a": "2"}], "empty": ""
            }))
        );
        assert_eq!(read(""), Ok(json!({})));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        assert_eq!(read("a=%ff"), Err(FormError::NotText));
        assert_eq!(read("a[b=1"), Err(FormError::Name("a[b".into())));
        assert_eq!(read("[a]=1"), Err(FormError::Name("[a]".into())));
        assert_eq!(read("a=1&a[b]=2"), Err(FormError::Clash("a[b]".into())));
        assert!(read(&format!("a{}=1", "[b]".repeat(17))).is_err());
        assert_eq!(read(&"a=1&".repeat(5001)), Err(FormError::TooMany));
    }
}
