//! What formats need to know of a collection's definition.

use serde::{Deserialize, Serialize};

/// A collection as its definition was frozen: its names, and the structure of its records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shape {
    /// Its name: the root element of XML, the type of JSON:API resources.
    pub collection: String,
    /// The name of one record: the element of a record in XML.
    pub singular: String,
    /// The declared and built-in properties; what is not listed is a plain value.
    pub properties: Vec<PropertyShape>,
}

/// One property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PropertyShape {
    /// Its name.
    pub name: String,
    /// Whether it holds an array.
    pub array: bool,
    /// What it holds, or each item of its array.
    pub holds: Holds,
}

/// What a property holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Holds {
    /// A value; any structure in it is undeclared.
    Value,
    /// An object with these properties.
    Document(Vec<PropertyShape>),
    /// The `_id` of a record of the collection of this name.
    Reference(String),
}

impl Holds {
    /// The declared properties inside.
    pub(crate) fn properties(&self) -> &[PropertyShape] {
        match self {
            Self::Document(properties) => properties,
            Self::Value | Self::Reference(_) => &[],
        }
    }
}
