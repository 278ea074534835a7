//! PATCH and PUT `/{org}/v2/exports/{id}`.

use crate::fault::{Fault, Kind};
use crate::reply::Reply;
use crate::routes::Call;
use crate::wire::arguments::only;
use crate::wire::body::{self, Fields};
use crate::wire::export::ExportObject;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use waybill_app::UpdateExport;
use waybill_domain::{ExportId, Surface};

/// What may change; `null` takes a value away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExportUpdate)]
#[expect(dead_code, reason = "describes the body for the OpenAPI document")]
pub(crate) struct UpdateBody {
    /// A short name, at most 512 characters.
    label: Option<String>,
    /// A longer one, at most 4096 characters.
    description: Option<String>,
}

/// Changes an export's label and description. For administrators and the owner.
///
/// # Errors
/// `kUnsupportedOperation` for every other property, `kValidationError`, `kNotFound`, `kAccessDenied`.
#[utoipa::path(
    patch,
    path = "/{org}/v2/exports/{id}",
    tag = "cortex",
    operation_id = "cortexUpdateExport",
    params(
        ("org" = String, Path, description = "The org's code"),
        ("id" = String, Path, description = "The export's `_id`"),
    ),
    request_body = UpdateBody,
    responses(
        (status = 200, description = "The export", body = ExportObject),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
    )
)]
pub(crate) async fn update_export(call: &Call<'_>, id: ExportId) -> Result<Reply, Fault> {
    only(&call.query, &[])?;
    let members = match body::json(call.request)? {
        Value::Object(members) => members,
        Value::Array(operations) => change_of_operations(operations)?,
        _ => {
            return Err(Fault::new(Kind::InvalidArgument)
                .because("must be an object, or an array of operations")
                .at("body"));
        }
    };
    let change = change(Fields::new(members))?;
    let surface = Some(Surface::Cortex);
    let view = waybill_app::update_export(call.context, &call.principal, surface, id, &change).await?;
    Reply::json(&ExportObject::new(&view, &call.principal))
}

/// The members that a list of operations, as the vendor's client patches, comes to.
fn change_of_operations(operations: Vec<Value>) -> Result<Map<String, Value>, Fault> {
    let mut members = Map::new();
    for (index, operation) in operations.into_iter().enumerate() {
        let text = |name: &str| operation.get(name).and_then(Value::as_str);
        let Some(path) = text("path") else {
            return Err(Fault::new(Kind::InvalidArgument).because("must be a string").at(format!("{index}.path")));
        };
        let value = match text("op") {
            Some("set" | "update" | "replace" | "add") => operation.get("value").cloned().unwrap_or_default(),
            Some("unset" | "remove") => Value::Null,
            _ => {
                let reason = "must be `set` or `unset`; other operations are not supported";
                return Err(Fault::new(Kind::UnsupportedOperation).because(reason).at(format!("{index}.op")));
            }
        };
        members.insert(path.to_owned(), value);
    }
    Ok(members)
}

/// The members that an update of the driver, `{"$set": {…}, "$unset": {…}}`, comes to.
///
/// # Errors
/// A fault that names another operator.
pub(crate) fn change_of_update(update: Map<String, Value>) -> Result<Map<String, Value>, Fault> {
    let mut members = Map::new();
    for (operator, operand) in update {
        match (operator.as_str(), operand) {
            ("$set", Value::Object(set)) => members.extend(set),
            ("$unset", Value::Object(unset)) => members.extend(unset.into_iter().map(|(name, _)| (name, Value::Null))),
            ("$set" | "$unset", _) => {
                return Err(Fault::new(Kind::InvalidArgument).because("must be an object").at(operator));
            }
            _ => {
                let reason = "must be `$set` or `$unset`";
                return Err(Fault::new(Kind::UnsupportedOperation).because(reason).at(operator));
            }
        }
    }
    Ok(members)
}

pub(crate) fn change(mut fields: Fields) -> Result<UpdateExport, Fault> {
    let label = fields.has("label").then(|| fields.label());
    let description = fields.has("description").then(|| fields.description());
    if let Some(name) = fields.rest().first() {
        let reason = format!("`{name}` of an export cannot change; only `label` and `description` can");
        return Err(Fault::new(Kind::UnsupportedOperation).because(reason).at(format!("export.{name}")));
    }
    fields.finish()?;
    Ok(UpdateExport { label, description })
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    #[tokio::test]
    async fn words_for_people_change_and_nothing_else() {
        let stage = Stage::new().await;
        let target = format!("/demo/v2/exports/{}", stage.create("a").await);
        let body = r#"{"label":"b","description":"longer"}"#;
        insta::assert_snapshot!("updated", stage.member("PATCH", &target, body).await);
        let export = stage.json("PUT", &target, r#"{"label":null}"#).await;
        assert_eq!((export.get("label"), &export["description"]), (None, &"longer".into()));
        insta::assert_snapshot!("frozen", stage.admin("PATCH", &target, r#"{"label":"c","format":"text/csv"}"#).await);
        insta::assert_snapshot!("no_text", stage.admin("PATCH", &target, r#"{"label":7}"#).await);
        assert_eq!(stage.json("GET", &target, "").await.get("label"), None);
    }

    #[tokio::test]
    async fn only_administrators_and_the_owner_may_change_an_export() {
        let stage = Stage::new().await;
        let id = stage.json("POST", "/demo/v2/exports", r#"{"objects":"airports"}"#).await["_id"].clone();
        let target = format!("/demo/v2/exports/{}", id.as_str().unwrap());
        insta::assert_snapshot!("of_another", stage.member("PATCH", &target, r#"{"label":"b"}"#).await);
    }
}
