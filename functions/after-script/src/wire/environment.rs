//! The `script` object, and what else stands around a script.

use super::{export, fault, schema};
use serde_json::{Value, json};
use waybill_domain::ScriptInput;

/// What a script sees of its surroundings.
pub(crate) fn environment(input: &ScriptInput, request: Option<&str>, api_url: &str) -> Value {
    let (shown, principal) = (export::export(input), &input.principal);
    let mut arguments = json!({"export": shown});
    if let (Some(err), Some(members)) = (fault::fault(&input.export), arguments.as_object_mut()) {
        members.insert("err".to_owned(), err);
    }
    let org = input.export.org.as_str();
    let principal = json!({
        "_id": principal.id.to_string(),
        "object": "account",
        "email": principal.email.as_ref().map(waybill_domain::Email::as_str),
        "name": {"first": principal.name.first, "last": principal.name.last},
        "roles": principal.roles.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "tz": "UTC",
    });
    let host = api_url.split_once("://").map_or(api_url, |(_, rest)| rest).trim_end_matches('/');
    json!({
        "script": {
            "_id": input.export.id.to_string(),
            "access": export::level(input),
            "arguments": arguments,
            "depth": 1,
            "label": input.export.label,
            "type": "export",
            "env": {"host": host, "name": "waybill", "url": format!("{}/{org}/v2", api_url.trim_end_matches('/')), "version": "v2"},
            "org": {"_id": org, "code": org},
            "originalPrincipal": principal.clone(),
            "principal": principal,
        },
        "schemas": [schema::schema(&input.spec.collection)],
        "limits": {
            "milliseconds": 10_000, "ops": 1_000_000, "memory": 64 << 20, "callouts": 5, "notifications": 100, "depth": 4,
        },
        "request": request,
    })
}
