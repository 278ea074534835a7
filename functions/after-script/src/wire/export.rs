//! The export as the Cortex surface shows it; a story of the end-to-end tests compares the two.

use super::fault::fault;
use serde_json::{Map, Value, json};
use waybill_domain::{Export, FileInclusion, Role, RoleName, ScriptInput, State};

/// What the principal may do with the export: 7 as its owner or an administrator, else 4.
pub(crate) fn level(input: &ScriptInput) -> u8 {
    let is_admin = input.principal.roles.contains(&RoleName::of(Role::Admin));
    if is_admin || input.principal.id == input.export.creator { 7 } else { 4 }
}

/// The export object.
pub(crate) fn export(input: &ScriptInput) -> Value {
    let (export, spec) = (&input.export, &input.spec);
    let account = json!({"_id": export.creator.to_string(), "object": "account", "path": format!("/accounts/{}", export.creator)});
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| {
        let absent = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !absent {
            shown.insert(name.to_owned(), value);
        }
    };
    let texts = |paths: &[_]| -> Value {
        paths.iter().map(|path: &waybill_app::Path| Value::String(path.to_string())).collect()
    };
    put("_id", export.id.to_string().into());
    put("object", "export".into());
    put("created", export.created_at.to_string().into());
    put("creator", account.clone());
    put("owner", account);
    put("access", level(input).into());
    put("label", json!(export.label));
    put("description", json!(export.description));
    put("state", if matches!(export.state, State::Ready { .. }) { "ready" } else { "error" }.into());
    put("exportFiles", (spec.files != FileInclusion::None).into());
    put("zipFiles", (spec.files == FileInclusion::Zipped).into());
    put("format", export.format.media_type().into());
    put("objects", export.collection.as_str().into());
    put("paths", texts(&spec.selection.paths));
    put("include", texts(&spec.selection.include));
    put("expand", texts(&spec.expand));
    put("where", json!(spec.filter_text));
    put("prefix", json!(spec.within.as_ref().map(|within| within.prefix.to_string())));
    put("dataFile", data_file(export));
    put(
        "stats",
        json!({
            "docs": {"count": export.progress.records},
            "files": {"count": export.progress.files, "size": export.progress.file_bytes},
        }),
    );
    put("expiresAt", export.expires_at.to_string().into());
    put("err", json!(fault(export)));
    Value::Object(shown)
}

fn data_file(export: &Export) -> Value {
    let Some(archive) = export.archive() else { return Value::Null };
    let start = export.started_at.unwrap_or(export.created_at);
    json!({
        "ETag": archive.sha256.get(..32),
        "creator": export.creator.to_string(),
        "filename": format!("export-{start}.{}", export.format.extension()),
        "location": 4,
        "mime": "application/zip",
        "name": "content",
        "path": format!("/exports/{}/dataFile/content", export.id),
        "size": archive.size_bytes,
        "state": 2,
    })
}
