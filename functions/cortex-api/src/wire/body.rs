//! Reading the object in a request's body, so that everything that is wrong with it is named.

use crate::fault::{Fault, Kind};
use lambda_http::Request;
use serde_json::{Map, Value};
use std::fmt::Display;
use std::str::FromStr;
use waybill_http::{BODY_LIMIT_BYTES, MAX_LIST_ELEMENTS, parse_form, parse_json, read_body};

/// Most characters of a label.
const MAX_LABEL_CHARS: usize = 512;
/// Most characters of a description.
const MAX_DESCRIPTION_CHARS: usize = 4096;

/// The object in a request's body, JSON or a form, and the bytes of that body.
///
/// # Errors
/// A fault when it is too large, neither JSON nor a form as it says, or no object.
pub(crate) fn object(request: &Request) -> Result<(Map<String, Value>, &[u8]), Fault> {
    match json(request)? {
        Value::Object(members) => Ok((members, read_body(request, BODY_LIMIT_BYTES)?)),
        _ => Err(Fault::new(Kind::InvalidArgument).because("the body must be a JSON object").at("body")),
    }
}

/// The JSON in a request's body.
///
/// # Errors
/// A fault when it is too large, or no JSON.
pub(crate) fn json(request: &Request) -> Result<Value, Fault> {
    let bytes = read_body(request, BODY_LIMIT_BYTES)?;
    let content_type = request.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(Value::Object(parse_form(bytes)?));
    }
    Ok(parse_json(bytes)?)
}

/// As [`object`]; a body that is empty is an object without members.
///
/// # Errors
/// As [`object`].
pub(crate) fn optional_object(request: &Request) -> Result<(Map<String, Value>, &[u8]), Fault> {
    let bytes = read_body(request, BODY_LIMIT_BYTES)?;
    if bytes.iter().all(u8::is_ascii_whitespace) { Ok((Map::new(), bytes)) } else { object(request) }
}

/// The members of a body, taken one by one; gathers what is wrong with them.
#[derive(Debug)]
pub(crate) struct Fields {
    members: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Fields {
    pub(crate) fn new(members: Map<String, Value>) -> Self {
        Self { members, faults: Vec::new() }
    }

    /// Takes a member; `null` is as good as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.members.shift_remove(name).filter(|value| !value.is_null())
    }

    /// Notes that `name` is wrong. Always `None`.
    pub(crate) fn refuse<T>(&mut self, kind: Kind, name: &str, reason: impl Into<String>) -> Option<T> {
        self.faults.push(Fault::new(kind).because(reason).at(format!("export.{name}")));
        None
    }

    /// Takes a text.
    fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => self.refuse(Kind::InvalidValue, name, "must be a string"),
        }
    }

    /// Takes a text of at most `most` characters; an empty one is as good as absent.
    fn short_text(&mut self, name: &str, most: usize) -> Option<String> {
        let text = self.text(name).filter(|text| !text.is_empty())?;
        if text.chars().count() > most {
            return self.refuse(Kind::MaxLength, name, format!("has more than {most} characters"));
        }
        Some(text)
    }

    /// Takes the source of a script, of at most `most` characters; an empty one is as good as absent.
    pub(crate) fn script(&mut self, name: &str, most: usize) -> Option<String> {
        self.short_text(name, most)
    }

    /// Takes the label.
    pub(crate) fn label(&mut self) -> Option<String> {
        self.short_text("label", MAX_LABEL_CHARS)
    }

    /// Takes the description.
    pub(crate) fn description(&mut self) -> Option<String> {
        self.short_text("description", MAX_DESCRIPTION_CHARS)
    }

    /// Takes a boolean; absent = `false`.
    pub(crate) fn boolean(&mut self, name: &str) -> bool {
        match self.take(name) {
            None => false,
            Some(Value::Bool(value)) => value,
            // A form has texts only.
            Some(Value::String(text)) if text == "true" => true,
            Some(Value::String(text)) if text == "false" => false,
            Some(_) => self.refuse(Kind::InvalidValue, name, "must be `true` or `false`").unwrap_or_default(),
        }
    }

    /// Takes an array of at most [`MAX_LIST_ELEMENTS`] texts that parse.
    pub(crate) fn list<T>(&mut self, name: &str) -> Vec<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let values = match self.take(name) {
            None => return Vec::new(),
            Some(Value::Array(values)) => values,
            Some(_) => return self.refuse(Kind::InvalidValue, name, "must be an array of strings").unwrap_or_default(),
        };
        if values.len() > MAX_LIST_ELEMENTS {
            let reason = format!("has {} elements; at most {MAX_LIST_ELEMENTS} are taken", values.len());
            return self.refuse(Kind::MaxLength, name, reason).unwrap_or_default();
        }
        let mut list = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            let place = format!("{name}.{index}");
            match value.as_str().map(str::parse::<T>) {
                Some(Ok(parsed)) => list.push(parsed),
                Some(Err(error)) => _ = self.refuse::<()>(Kind::InvalidValue, &place, error.to_string()),
                None => _ = self.refuse::<()>(Kind::InvalidValue, &place, "must be a string"),
            }
        }
        list
    }

    /// Takes a member that is not built yet; a value that asks for nothing is none.
    pub(crate) fn asks_for(&mut self, name: &str) -> Option<Value> {
        self.take(name).filter(|value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(elements) => !elements.is_empty(),
            Value::Bool(true) | Value::Number(_) | Value::Object(_) => true,
        })
    }

    /// Whether a member is there, `null` included.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Names of the members that nobody took.
    pub(crate) fn rest(&self) -> Vec<String> {
        self.members.keys().cloned().collect()
    }

    /// Succeeds when nothing was wrong.
    ///
    /// # Errors
    /// One validation fault for everything that was.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        if self.faults.is_empty() { Ok(()) } else { Err(Fault::validation(self.faults)) }
    }
}
