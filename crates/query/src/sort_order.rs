//! The order in which records are written.

use crate::sort_key::write_term;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::fmt;
use waybill_record::{Document, Path, PathError, PropertyType};

/// Most properties that an order goes by.
pub const MAX_SORT_TERMS: usize = 16;
/// What tells records apart that are otherwise equal.
const ID: &str = "_id";

/// One property that an order goes by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SortTerm {
    /// The property.
    pub path: Path,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// As what its values are compared; [`PropertyType::Any`] until the definition was asked.
    pub kind: PropertyType,
}

/// An order of records: by the first term, among equals by the second, and so on, at last by `_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SortOrder(Vec<SortTerm>);

/// Why something says no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SortError {
    /// A property that is no path.
    #[error("`{text}` is no property: {source}")]
    Path {
        /// As it was sent.
        text: String,
        /// Why.
        source: PathError,
    },
    /// There is none, or too many.
    #[error("must name 1 to {MAX_SORT_TERMS} properties")]
    Count,
    /// The same property twice.
    #[error("names `{0}` twice")]
    Twice(Path),
    /// A direction that is none.
    #[error("the direction of `{0}` must be 1 or -1")]
    Direction(String),
    /// Neither a text nor an object.
    #[error("must be a text like `name,-created` or an object like {{\"name\":1,\"created\":-1}}")]
    Form,
}

impl SortOrder {
    /// Reads an order from either form that requests have: `"name,-created"` or `{"name":1,"created":-1}`.
    ///
    /// # Errors
    /// [`SortError`].
    pub fn parse(request: &Json) -> Result<Self, SortError> {
        match request {
            Json::String(text) => Self::new(text.split(',').map(|part| text_term(part.trim())).collect()),
            Json::Object(members) => {
                Self::new(members.iter().map(|(name, direction)| object_term(name, direction)).collect())
            }
            _ => Err(SortError::Form),
        }
    }

    fn new(terms: Result<Vec<SortTerm>, SortError>) -> Result<Self, SortError> {
        let terms = terms?;
        if terms.is_empty() || terms.len() > MAX_SORT_TERMS {
            return Err(SortError::Count);
        }
        for (position, term) in terms.iter().enumerate() {
            if terms[..position].iter().any(|earlier| earlier.path == term.path) {
                return Err(SortError::Twice(term.path.clone()));
            }
        }
        Ok(Self(terms))
    }

    /// The properties, the first counting most.
    pub fn terms(&self) -> &[SortTerm] {
        &self.0
    }

    /// The same order with the types that `kind_of` knows.
    ///
    /// # Errors
    /// The first property of which `kind_of` says what is wrong.
    pub fn resolve<E>(mut self, mut kind_of: impl FnMut(&Path) -> Result<PropertyType, E>) -> Result<Self, E> {
        for term in &mut self.0 {
            term.kind = kind_of(&term.path)?;
        }
        Ok(self)
    }

    /// The same order by what `name_of` calls the properties, where that is something else.
    #[must_use]
    pub fn renamed(mut self, name_of: impl Fn(&Path) -> Option<Path>) -> Self {
        for term in &mut self.0 {
            if let Some(path) = name_of(&term.path) {
                term.path = path;
            }
        }
        self
    }

    /// Appends the key of a record: keys compare as bytes as records do in this order.
    pub fn write_key(&self, record: &Document<'_>, out: &mut Vec<u8>) {
        let root = record.root();
        for term in &self.0 {
            write_term(root, term.path.segments(), term.kind, term.descending, out);
        }
        if !self.0.iter().any(|term| matches!(term.path.segments(), [only] if only == ID)) {
            write_term(root, &[ID.to_owned()], PropertyType::ObjectId, false, out);
        }
    }
}

/// The text form: `name,-created`.
impl fmt::Display for SortOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, term) in self.0.iter().enumerate() {
            let comma = if position > 0 { "," } else { "" };
            let sign = match term.descending {
                true => "-",
                // A name may begin with the sign.
                false if term.path.head().starts_with('-') => "+",
                false => "",
            };
            write!(f, "{comma}{sign}{}", term.path)?;
        }
        Ok(())
    }
}

fn text_term(text: &str) -> Result<SortTerm, SortError> {
    match text.strip_prefix('-') {
        Some(name) => term(name, true),
        None => term(text.strip_prefix('+').unwrap_or(text), false),
    }
}

fn object_term(name: &str, direction: &Json) -> Result<SortTerm, SortError> {
    match direction.as_i64() {
        Some(1) => term(name, false),
        Some(-1) => term(name, true),
        _ => Err(SortError::Direction(name.to_owned())),
    }
}

fn term(name: &str, descending: bool) -> Result<SortTerm, SortError> {
    match name.parse() {
        Ok(path) => Ok(SortTerm { path, descending, kind: PropertyType::Any }),
        Err(source) => Err(SortError::Path { text: name.to_owned(), source }),
    }
}
