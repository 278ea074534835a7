//! Reads a configuration field by field, and writes it with masks.

use super::{DestinationConfigError, SECRET_MASK};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The longest value of a field that is no key.
const VALUE_BYTES: usize = 2048;
/// The longest secret: a private key of 16 384 bits in PEM is below.
const SECRET_BYTES: usize = 16 * 1024;

type Taken = (BTreeMap<String, String>, BTreeSet<String>);

pub(super) fn error(field: &str, reason: impl Into<String>) -> DestinationConfigError {
    DestinationConfigError { field: field.to_owned(), reason: reason.into() }
}

/// What is left to read of a configuration. `null` is as if the field were not there.
pub(super) struct Fields<'a> {
    wire: &'a Map<String, Value>,
    known: Vec<&'static str>,
    held: BTreeSet<String>,
    given: BTreeMap<String, String>,
    kept: BTreeSet<String>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(wire: &'a Map<String, Value>, held: BTreeSet<String>) -> Self {
        Self { wire, known: Vec::new(), held, given: BTreeMap::new(), kept: BTreeSet::new() }
    }

    pub(super) fn value(&mut self, field: &'static str) -> Option<&'a Value> {
        self.known.push(field);
        self.wire.get(field).filter(|value| !value.is_null())
    }

    /// A text without control characters; an empty one counts as none.
    pub(super) fn text(&mut self, field: &'static str) -> Result<Option<String>, DestinationConfigError> {
        let Some(value) = self.value(field) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| error(field, "must be a text"))?;
        if text.len() > VALUE_BYTES {
            return Err(error(field, "is longer than 2048 bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err(error(field, "must not hold control characters"));
        }
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    pub(super) fn needed(&mut self, field: &'static str) -> Result<String, DestinationConfigError> {
        self.text(field)?.ok_or_else(|| error(field, "is required"))
    }

    pub(super) fn flag(&mut self, field: &'static str) -> Result<bool, DestinationConfigError> {
        match self.value(field) {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| error(field, "must be true or false")),
        }
    }

    /// A secret: whether there is one, given or kept.
    pub(super) fn secret(&mut self, field: &'static str) -> Result<bool, DestinationConfigError> {
        match self.value(field) {
            None => Ok(false),
            Some(value) => self.take_secret(field, value),
        }
    }

    /// A secret below another field.
    pub(super) fn take_secret(&mut self, field: &str, value: &Value) -> Result<bool, DestinationConfigError> {
        let text = value.as_str().ok_or_else(|| error(field, "must be a text"))?;
        if text.len() > SECRET_BYTES {
            return Err(error(field, "is longer than 16384 bytes"));
        }
        if text.is_empty() {
            return Ok(false);
        }
        if text == SECRET_MASK {
            if !self.held.contains(field) {
                return Err(error(field, "is the mask of a secret, but there is none to keep; give the secret itself"));
            }
            self.kept.insert(field.to_owned());
        } else {
            self.given.insert(field.to_owned(), text.to_owned());
        }
        Ok(true)
    }

    /// A secret as it was given; `None` when it is kept.
    pub(super) fn given(&self, field: &str) -> Option<&str> {
        self.given.get(field).map(String::as_str)
    }

    /// The secrets, once every field has been read.
    pub(super) fn finish(self, kind: &str) -> Result<Taken, DestinationConfigError> {
        match self.wire.keys().find(|field| !self.known.contains(&field.as_str())) {
            Some(unknown) => {
                let known = self.known.join(", ");
                Err(error(unknown, format!("is not a field of a destination of type {kind}, which has {known}")))
            }
            None => Ok((self.given, self.kept)),
        }
    }
}

/// A configuration in the wire's shape, and where its secrets are.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) fields: Map<String, Value>,
    pub(super) secrets: BTreeSet<String>,
}

impl Shown {
    pub(super) fn put(&mut self, field: &str, value: impl Into<Value>) {
        self.fields.insert(field.to_owned(), value.into());
    }

    pub(super) fn put_some(&mut self, field: &str, value: Option<&String>) {
        if let Some(value) = value {
            self.put(field, value.clone());
        }
    }

    pub(super) fn mask(&mut self, field: &str) {
        self.put(field, SECRET_MASK);
        self.secrets.insert(field.to_owned());
    }
}
