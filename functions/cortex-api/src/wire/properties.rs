//! The properties of an export object: which there are, and how some of them are picked.

use crate::fault::{Fault, Kind};
use serde_json::{Map, Value};

/// Every property, nested ones with dots.
const PROPERTIES: [&str; 55] = [
    "_id",
    "object",
    "created",
    "creator",
    "creator._id",
    "creator.object",
    "creator.path",
    "owner",
    "owner._id",
    "owner.object",
    "owner.path",
    "access",
    "label",
    "description",
    "state",
    "exportFiles",
    "zipFiles",
    "format",
    "objects",
    "paths",
    "include",
    "expand",
    "where",
    "afterScript",
    "principal",
    "prefix",
    "pipeline",
    "dataFile",
    "dataFile.ETag",
    "dataFile.creator",
    "dataFile.filename",
    "dataFile.location",
    "dataFile.mime",
    "dataFile.name",
    "dataFile.path",
    "dataFile.size",
    "dataFile.state",
    "dataFile.fault",
    "stats",
    "stats.docs",
    "stats.docs.count",
    "stats.files",
    "stats.files.count",
    "stats.files.size",
    "expiresAt",
    "err",
    "err.object",
    "err.name",
    "err.code",
    "err.errCode",
    "err.status",
    "err.message",
    "err.reason",
    "err.path",
    "err.faults",
];

/// Properties whose value is a reference: what lies beyond is another object's.
const REFERENCES: [&str; 2] = ["creator", "owner"];

/// What a caller who names `argument` asks for with `path`.
///
/// # Errors
/// A fault that names the argument when there is no such property, or when it is another object's.
pub(crate) fn check(argument: &str, path: &str) -> Result<(), Fault> {
    if PROPERTIES.contains(&path) {
        return Ok(());
    }
    let head = path.split('.').next().unwrap_or(path);
    if REFERENCES.contains(&head) {
        let reason = format!("`{path}` crosses the reference `{head}`; expanding references is not available yet");
        return Err(Fault::new(Kind::UnsupportedOperation).because(reason).at(argument));
    }
    Err(Fault::new(Kind::InvalidArgument).because(format!("`{path}` is no property of an export")).at(argument))
}

/// Whether there is such a property.
pub(crate) fn exists(path: &str) -> bool {
    PROPERTIES.contains(&path)
}

/// Of an export object, `_id`, `object` and what stands at `paths`; all of it when there are none.
pub(crate) fn pick(export: Value, paths: &[String]) -> Value {
    match export {
        Value::Object(members) if !paths.is_empty() => {
            let mut wanted: Vec<&str> = paths.iter().map(String::as_str).collect();
            wanted.extend(["_id", "object"]);
            Value::Object(part(members, &wanted))
        }
        whole => whole,
    }
}

fn part(members: Map<String, Value>, wanted: &[&str]) -> Map<String, Value> {
    let mut picked = Map::new();
    for (name, value) in members {
        let inner: Vec<&str> = wanted.iter().filter_map(|path| below(path, &name)).collect();
        match value {
            value if wanted.contains(&name.as_str()) => _ = picked.insert(name, value),
            Value::Object(inside) if !inner.is_empty() => {
                picked.insert(name, Value::Object(part(inside, &inner)));
            }
            _ => {}
        }
    }
    picked
}

/// What is left of `path` below the member `name`.
fn below<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    path.strip_prefix(name)?.strip_prefix('.')
}

/// What stands at `path` of an export object, if anything.
pub(crate) fn at<'a>(export: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(export, |value, name| value.get(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn picked_properties_keep_the_order_of_the_object_and_always_say_what_it_is() {
        let export = json!({"_id": "1", "object": "export", "label": "a", "stats": {"docs": {"count": 3}, "files": {"count": 0}}});
        let paths = ["stats.docs".to_owned(), "description".to_owned()];
        let picked = pick(export.clone(), &paths).to_string();
        assert_eq!(picked, r#"{"_id":"1","object":"export","stats":{"docs":{"count":3}}}"#);
        assert_eq!(pick(export.clone(), &[]), export);
        assert_eq!(pick(export.clone(), &["stats".to_owned(), "stats.docs".to_owned()])["stats"], export["stats"]);
    }

    #[test]
    fn what_is_no_property_and_what_is_anothers_are_told_apart() {
        assert!(check("paths", "stats.docs.count").is_ok());
        assert_eq!(check("paths", "owner.name.first").unwrap_err().kind, Kind::UnsupportedOperation);
        assert_eq!(check("paths", "colour").unwrap_err().kind, Kind::InvalidArgument);
    }
}
