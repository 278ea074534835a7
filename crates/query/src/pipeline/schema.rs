//! What rows look like between the stages of a pipeline.

use serde::{Deserialize, Serialize};
use waybill_record::{Path, PropertyType};

/// What a pipeline is read against.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The type of a property of the records, and whether an array is on the way; `None` refuses it.
    pub type_of: &'a dyn Fn(&Path) -> Option<(PropertyType, bool)>,
    /// The properties that records have, `_id` first: what is left where a `$project` says what is left out.
    pub properties: &'a [String],
}

/// A field of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether it holds an array of that.
    pub array: bool,
    /// The property that it is, where it is one.
    #[serde(skip)]
    pub(super) origin: Option<Path>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FieldKind {
    /// A value.
    Value(PropertyType),
    /// A document with these fields.
    Document(Vec<Field>),
}

impl Field {
    /// A field that is computed.
    pub(super) fn new(name: &str, kind: FieldKind, array: bool) -> Self {
        Self { name: name.to_owned(), kind, array, origin: None }
    }

    /// The type of what it holds.
    pub fn property_type(&self) -> PropertyType {
        match &self.kind {
            FieldKind::Value(kind) => *kind,
            FieldKind::Document(_) => PropertyType::Document,
        }
    }
}

/// The form of rows at a point of a pipeline.
pub(super) struct Schema<'a> {
    source: Source<'a>,
    /// `None` = records as they come.
    pub(super) rows: Option<Vec<Field>>,
}

impl<'a> Schema<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        Self { source, rows: None }
    }

    /// The type of what a path leads to, and whether through or to an array.
    pub(super) fn type_of(&self, path: &Path) -> Option<(PropertyType, bool)> {
        match &self.rows {
            None => (self.source.type_of)(path),
            Some(fields) => self.inside(fields, path.segments(), false),
        }
    }

    fn inside(&self, fields: &[Field], segments: &[String], array: bool) -> Option<(PropertyType, bool)> {
        let (name, rest) = segments.split_first()?;
        let field = fields.iter().find(|field| field.name == *name)?;
        let array = array || field.array;
        if rest.is_empty() {
            return Some((field.property_type(), array));
        }
        if let FieldKind::Document(inner) = &field.kind {
            return self.inside(inner, rest, array);
        }
        if let Some(origin) = &field.origin {
            let full: Path = format!("{origin}.{}", rest.join(".")).parse().ok()?;
            return (self.source.type_of)(&full).map(|(kind, inner)| (kind, array || inner));
        }
        let open = matches!(
            field.property_type(),
            PropertyType::Any | PropertyType::Document | PropertyType::File | PropertyType::Geometry
        );
        open.then_some((PropertyType::Any, array))
    }

    /// The field that a path leads to, called `name`.
    pub(super) fn field(&self, path: &Path, name: &str) -> Option<Field> {
        let (kind, array) = self.type_of(path)?;
        let found = self.rows.as_deref().and_then(|fields| find(fields, path.segments()));
        let (kind, origin) = match found {
            Some(field) => (field.kind.clone(), field.origin.clone()),
            None => (FieldKind::Value(kind), self.rows.is_none().then(|| path.clone())),
        };
        Some(Field { name: name.to_owned(), kind, array, origin })
    }

    /// All fields of the rows.
    pub(super) fn fields(&self) -> Vec<Field> {
        if let Some(fields) = &self.rows {
            return fields.clone();
        }
        let named = self.source.properties.iter();
        named.filter_map(|name| self.field(&name.parse().ok()?, name)).collect()
    }
}

fn find<'f>(fields: &'f [Field], segments: &[String]) -> Option<&'f Field> {
    let (name, rest) = segments.split_first()?;
    let field = fields.iter().find(|field| field.name == *name)?;
    match (&field.kind, rest.is_empty()) {
        (_, true) => Some(field),
        (FieldKind::Document(inner), false) => find(inner, rest),
        (FieldKind::Value(_), false) => None,
    }
}
