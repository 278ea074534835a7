//! A definition as scripts see it.

use serde_json::{Value, json};
use waybill_domain::{Collection, Property};

/// The definition that the export was made with, references that it follows as the documents that they become.
pub(crate) fn schema(collection: &Collection) -> Value {
    json!({
        "object": "schema",
        "name": collection.singular.as_str(),
        "pluralName": collection.name.as_str(),
        "properties": collection.properties.iter().map(property).collect::<Vec<_>>(),
    })
}

fn property(property: &Property) -> Value {
    json!({
        "name": property.name,
        "type": format!("{:?}", property.kind.property_type()),
        "array": property.array,
        "optional": property.optional,
    })
}
