//! The description as a page for people: plain HTML, written once, without scripts.

use serde_json::{Map, Value};
use std::fmt::Write as _;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430}\
h1,h2,h3{line-height:1.2}h2{margin-top:2.5rem;border-bottom:1px solid #d5dae1}code{font:0.9em ui-monospace,monospace}\
details{margin:.4rem 0;border:1px solid #d5dae1;border-radius:6px;padding:.4rem .8rem}summary{cursor:pointer}\
.m{display:inline-block;min-width:4.2rem;font-weight:600;text-transform:uppercase}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0}\
.n{color:#5b6675}@media(prefers-color-scheme:dark){body{background:#12161c;color:#dfe5ec}h2,details{border-color:#39424e}}";

/// Writes the page of an `OpenAPI` document.
pub(super) fn render(document: &Value) -> String {
    let mut html = String::new();
    let title = text(&document["info"]["title"]);
    let version = text(&document["info"]["version"]);
    // Writing to a string cannot fail; so throughout.
    _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head><body><h1>{title} \
         <small class=\"n\">{version}</small></h1><p>{}</p><p>The same for machines: <a href=\"/openapi.json\">\
         <code>/openapi.json</code></a>.</p>",
        text(&document["info"]["description"])
    );
    for tag in document["tags"].as_array().into_iter().flatten() {
        let name = tag["name"].as_str().unwrap_or_default();
        _ = write!(html, "<h2>{}</h2><p>{}</p>", escape(name), text(&tag["description"]));
        for (path, method, operation) in operations(document) {
            if operation["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag == name)) {
                render_operation(&mut html, path, method, operation);
            }
        }
    }
    html.push_str("<h2>Schemas</h2>");
    for (name, schema) in members(&document["components"]["schemas"]) {
        _ = write!(html, "<details id=\"{0}\"><summary><code>{0}</code></summary>", escape(name));
        render_schema(&mut html, schema);
        html.push_str("</details>");
    }
    html.push_str("</body></html>");
    html
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    members(&document["paths"]).flat_map(|(path, item)| {
        let methods = members(item).filter(|(_, operation)| operation.get("responses").is_some());
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

fn render_operation(html: &mut String, path: &str, method: &str, operation: &Value) {
    let summary = text(&operation["summary"]);
    let summary = if summary.is_empty() { text(&operation["description"]) } else { summary };
    _ = write!(
        html,
        "<details><summary><span class=\"m\">{}</span> <code>{}</code> <span class=\"n\">{summary}</span></summary>",
        escape(method),
        escape(path)
    );
    html.push_str("<table>");
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        row(html, &text(&parameter["name"]), &text(&parameter["in"]), &text(&parameter["description"]));
    }
    for (media, content) in members(&operation["requestBody"]["content"]) {
        row(html, "body", &escape(media), &schema_name(&content["schema"]));
    }
    for (status, response) in members(&operation["responses"]) {
        let schemas = members(&response["content"]).map(|(_, content)| schema_name(&content["schema"]));
        let schemas: Vec<String> = schemas.filter(|name| !name.is_empty()).collect();
        row(html, &escape(status), &text(&response["description"]), &schemas.join(" "));
    }
    html.push_str("</table></details>");
}

fn render_schema(html: &mut String, schema: &Value) {
    let description = text(&schema["description"]);
    if !description.is_empty() {
        _ = write!(html, "<p>{description}</p>");
    }
    html.push_str("<table>");
    let parts = schema["allOf"].as_array().into_iter().flatten().chain([schema]);
    for part in parts {
        if part.get("$ref").is_some() {
            row(html, "", &schema_name(part), "");
        }
        for (name, property) in members(&part["properties"]) {
            row(html, &escape(name), &schema_name(property), &text(&property["description"]));
        }
    }
    html.push_str("</table>");
}

fn row(html: &mut String, name: &str, kind: &str, about: &str) {
    _ = write!(html, "<tr><td><code>{name}</code></td><td>{kind}</td><td>{about}</td></tr>");
}

/// A schema in a few words: its name as a link, or its type.
fn schema_name(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return format!("<a href=\"#{0}\"><code>{0}</code></a>", escape(name));
    }
    for member in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[member].as_array() {
            let names: Vec<String> = choices.iter().map(schema_name).collect();
            return names.join(" or ");
        }
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("array of {}", schema_name(&schema["items"])),
        Value::String(name) => escape(name),
        Value::Array(names) => {
            let names: Vec<String> = names.iter().map(text).collect();
            names.join(" or ")
        }
        _ => String::new(),
    }
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_description_says_cannot_become_markup() {
        let page = render(&json!({
            "info": {"title": "<script>", "version": "1", "description": "a & b"},
            "tags": [{"name": "x", "description": ""}],
            "paths": {"/x": {"get": {"tags": ["x"], "summary": "<b>", "responses": {"200": {"description": "\"ok\""}}}}},
            "components": {"schemas": {"S": {"type": "object", "properties": {"p": {"type": ["string", "null"]}}}}}
        }));
        assert!(!page.contains("<script") && !page.contains("<b>"));
        insta::assert_snapshot!(page.split("</style>").nth(1).unwrap());
    }
}
