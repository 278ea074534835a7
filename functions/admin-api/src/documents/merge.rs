//! One description of several surfaces.

use serde_json::{Map, Value};

/// The members of an `OpenAPI` path item that are operations.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Merges descriptions into the first: paths, schemas, credentials and tags of all, each operation with the credentials of
/// its own description. The names of a description's schemas get what stands before it in front, since surfaces call
/// different things by one name. Where two still describe the same thing, the first counts; tests make sure that they
/// do not differ.
pub(super) fn merge(documents: &[(&str, &str)]) -> Value {
    let mut documents = documents.iter().filter_map(|(prefix, text)| parse(prefix, text)).map(with_own_credentials);
    let mut merged = documents.next().unwrap_or_default();
    for document in documents {
        merge_objects(&mut merged, &document, "paths");
        for kind in ["schemas", "securitySchemes"] {
            if let (Some(into), Some(from)) = (merged.get_mut("components"), document.get("components")) {
                merge_objects(into, from, kind);
            }
        }
        if let (Some(into), Some(from)) =
            (merged.get_mut("tags").and_then(Value::as_array_mut), document.get("tags").and_then(Value::as_array))
        {
            into.extend(from.iter().cloned());
        }
    }
    merged
}

/// A description with the names of its schemas begun by `prefix`.
fn parse(prefix: &str, text: &str) -> Option<Value> {
    let mut document: Value = serde_json::from_str(text).ok()?;
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
        return Some(document);
    };
    if prefix.is_empty() {
        return Some(document);
    }
    *schemas = std::mem::take(schemas).into_iter().map(|(name, schema)| (format!("{prefix}{name}"), schema)).collect();
    point_to(&mut document, prefix);
    Some(document)
}

/// Lets references to schemas lead to the names that begin with `prefix`.
fn point_to(value: &mut Value, prefix: &str) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match member {
                    Value::String(text) if name == "$ref" => {
                        *text = text.replace("#/components/schemas/", &format!("#/components/schemas/{prefix}"));
                    }
                    _ => point_to(member, prefix),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| point_to(element, prefix)),
        _ => {}
    }
}

/// Moves the credentials that hold for a whole document to its operations, where others do not stand.
fn with_own_credentials(mut document: Value) -> Value {
    let Some(security) = document.as_object_mut().and_then(|document| document.remove("security")) else {
        return document;
    };
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut);
    for path in paths {
        for method in METHODS {
            if let Some(operation) = path.get_mut(method).and_then(Value::as_object_mut) {
                operation.entry("security").or_insert_with(|| security.clone());
            }
        }
    }
    document
}

fn merge_objects(into: &mut Value, from: &Value, member: &str) {
    let Some(from) = from.get(member).and_then(Value::as_object) else { return };
    let Some(into) = into.as_object_mut() else { return };
    if let Some(into) = into.entry(member).or_insert_with(|| Value::Object(Map::new())).as_object_mut() {
        for (name, value) in from {
            into.entry(name).or_insert_with(|| value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::SURFACES;
    use std::collections::BTreeMap;

    #[test]
    fn the_surfaces_describe_nothing_twice() {
        let documents: Vec<Value> = SURFACES.iter().map(|(prefix, text)| parse(prefix, text).unwrap()).collect();
        for place in ["/paths", "/components/schemas", "/components/securitySchemes"] {
            let mut seen: BTreeMap<String, Value> = BTreeMap::new();
            for document in &documents {
                for (name, value) in document.pointer(place).and_then(Value::as_object).into_iter().flatten() {
                    let other = seen.insert(name.clone(), value.clone());
                    assert!(other.is_none_or(|other| other == *value), "{place}/{name} is described in two ways");
                }
            }
        }
    }

    #[test]
    fn every_surface_is_in_the_merged_description() {
        let merged = merge(SURFACES);
        for path in ["/v1/exports", "/healthz", "/{org}/v2/exports"] {
            assert!(merged["paths"].get(path).is_some(), "{path}");
        }
        assert!(merged.get("security").is_none());
        assert!(merged["paths"]["/v1/exports"]["get"].get("security").is_some());
        assert!(merged["openapi"].as_str().unwrap().starts_with("3.1"));
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let merged = merge(SURFACES);
        let text = merged.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(merged.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
