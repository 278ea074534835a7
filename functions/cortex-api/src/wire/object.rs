//! Records as objects of this surface.

use serde_json::{Map, Value, json};
use waybill_app::ObjectForm;
use waybill_domain::{Collection, CollectionName, RecordId};

/// How objects and references are written: as the product writes them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CortexForm;

impl ObjectForm for CortexForm {
    fn object(&self, collection: &Collection, level: u8, mut members: Map<String, Value>) -> Value {
        // Exports and lines of the log come as they are shown.
        if members.contains_key("object") && ["exports", "logs"].contains(&collection.name.as_str()) {
            return Value::Object(members);
        }
        let id = members.shift_remove("_id").unwrap_or_default();
        let mut object = Map::new();
        for property in collection.file_properties() {
            if let Some(value) = members.get_mut(&property.name) {
                name_files(value, &format!("/{}/{}/{}", collection.name, id.as_str().unwrap_or(""), property.name));
            }
        }
        object.insert("_id".to_owned(), id);
        object.insert("object".to_owned(), collection.singular.as_str().into());
        object.insert("access".to_owned(), level.into());
        for (name, value) in members {
            // What every object has is not any property's.
            object.entry(name).or_insert(value);
        }
        Value::Object(object)
    }

    fn reference(&self, collection: &CollectionName, singular: &CollectionName, id: &str) -> Value {
        json!({"_id": id, "object": singular.as_str(), "path": format!("/{collection}/{id}")})
    }

    fn list(&self, collection: &Collection, id: RecordId, property: &str, data: Vec<Value>, more: bool) -> Value {
        let path = format!("/{}/{id}/{property}", collection.name);
        json!({"object": "list", "data": data, "hasMore": more, "path": path})
    }
}

/// Makes facets of the files that a property names.
pub(crate) fn name_files(value: &mut Value, path: &str) {
    match value {
        Value::Array(files) => {
            for file in files {
                let id = file.get("_id").and_then(Value::as_str).map(str::to_owned).unwrap_or_default();
                name_files(file, &format!("{path}/{id}"));
            }
        }
        Value::Object(file) => {
            file.insert("name".to_owned(), "content".into());
            file.insert("location".to_owned(), 4.into());
            file.insert("path".to_owned(), format!("{path}/content").into());
        }
        _ => {}
    }
}
