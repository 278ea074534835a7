//! Prefixes: what belongs to one record, be it the records of a list of it or the documents of an array in it.

use crate::{AccessRules, Collection, CollectionName, DefinitionError, Property, PropertyKind, RecordId, Source};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use waybill_record::Path;

/// A property of one record: `c_sites/5d25192f61827de1579d5fcd/c_visits`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix {
    /// The record's collection.
    pub parent: CollectionName,
    /// The record.
    pub record: RecordId,
    /// The property, through documents.
    pub property: Path,
}

/// Why a text is no prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// It has another form.
    #[error("must be `<plural>/<_id>/<property>`, like `c_sites/5d25192f61827de1579d5fcd/c_visits`")]
    Form,
    /// No property can be called so.
    #[error("`{0}` is no property")]
    Property(String),
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let text = text.strip_prefix('/').unwrap_or(text);
        let mut parts = text.splitn(3, '/');
        let (Some(parent), Some(record), Some(property)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(PrefixError::Form);
        };
        let parent = parent.parse().map_err(|_| PrefixError::Form)?;
        let record = record.parse().map_err(|_| PrefixError::Form)?;
        // Paths of the surface have a part for each name.
        let property = property.strip_suffix('/').unwrap_or(property).replace('/', ".");
        let property = property.parse().map_err(|_| PrefixError::Property(property))?;
        Ok(Self { parent, record, property })
    }
}

impl TryFrom<String> for Prefix {
    type Error = PrefixError;

    fn try_from(text: String) -> Result<Self, PrefixError> {
        text.parse()
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.to_string()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.parent, self.record, self.property)
    }
}

/// The record that an export is limited to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Within {
    /// The record, and which of its properties.
    pub prefix: Prefix,
    /// What its collection's definition says of who may see what.
    pub access: AccessRules,
    /// What is exported of it.
    pub items: Items,
}

/// What belongs to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Items {
    /// The records of a list.
    Records,
    /// The documents of an array.
    Elements,
}

/// A property that is a list, and where its records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List<'a> {
    /// The property.
    pub property: &'a Property,
    /// The collection of its records.
    pub collection: &'a CollectionName,
    /// The reference in them that leads back.
    pub via: &'a str,
}

impl Collection {
    /// The properties that are lists, in their order.
    pub fn lists(&self) -> impl Iterator<Item = List<'_>> {
        self.properties.iter().filter_map(|property| match &property.kind {
            PropertyKind::List { collection, via } => Some(List { property, collection, via }),
            _ => None,
        })
    }

    /// Whether the property `via` of this collection refers to records of `parent`, so that they can have lists of these.
    pub fn leads_back(&self, via: &str, parent: &CollectionName) -> bool {
        via.parse().is_ok_and(|via| self.reference(&via).as_ref() == Some(parent))
    }

    /// The elements of the array at `path` as the records of a collection, whose name is this one's still; `None` where there is no
    /// array of documents.
    pub fn elements(&self, path: &Path) -> Option<Self> {
        let (last, above) = path.segments().split_last()?;
        let mut properties = &self.properties;
        for segment in above {
            let property = properties.iter().find(|property| property.name == *segment)?;
            match &property.kind {
                // Of an array in an array nobody could say whose elements are meant.
                PropertyKind::Document { properties: inner } if !property.array => properties = inner,
                _ => return None,
            }
        }
        let property = properties.iter().find(|property| property.name == *last).filter(|property| property.array)?;
        let PropertyKind::Document { properties } = &property.kind else { return None };
        Some(Self {
            source: Source::Elements,
            open: properties.is_empty(),
            properties: properties.clone(),
            ..self.clone()
        })
    }

    /// Checks that lists belong to records that Waybill keeps, and are no arrays.
    pub(crate) fn check_list(&self, property: &Property, pointer: String) -> Result<(), DefinitionError> {
        let wrong = |reason| Err(DefinitionError::List { pointer, reason });
        match (&self.source, property.array) {
            (_, true) => wrong("a list cannot be an array"),
            (Source::Dynamodb(_), _) => {
                wrong("only records that Waybill keeps have lists, and these are items of a table of the platform")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_printed_as_it_is_read() {
        let id = "5d25192f61827de1579d5fcd";
        for (text, printed) in [
            (format!("c_sites/{id}/c_visits"), format!("c_sites/{id}/c_visits")),
            (format!("/c_sites/{}/c_lines.parts", id.to_uppercase()), format!("c_sites/{id}/c_lines.parts")),
            (format!("c_sites/{id}/c_place/parts/"), format!("c_sites/{id}/c_place.parts")),
        ] {
            assert_eq!(text.parse::<Prefix>().unwrap().to_string(), printed);
        }
        for text in ["", "c_sites", "c_sites/1/c_visits", "c sites/5d25192f61827de1579d5fcd/x"] {
            assert_eq!(text.parse::<Prefix>(), Err(PrefixError::Form), "{text}");
        }
        let nameless = format!("c_sites/{id}/");
        assert_eq!(nameless.parse::<Prefix>(), Err(PrefixError::Property(String::new())));
    }
}
