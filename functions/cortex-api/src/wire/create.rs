//! Reading the body of a create.

use crate::fault::{Fault, Kind};
use crate::wire::body::Fields;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use waybill_app::{CreateExport, FilterRequest, IdempotentRequest};
use waybill_domain::{
    AccountId, CollectionName, ExportFormat, FileInclusion, MAX_SCRIPT_CHARS, Prefix, PrefixError, Surface,
};
use waybill_http::parse_json;
use waybill_ports::ScriptChecker as _;
use waybill_sandbox::QuickJsChecker;

/// Properties of an export that the server sets.
const READ_ONLY: [&str; 13] = [
    "_id",
    "object",
    "created",
    "creator",
    "owner",
    "access",
    "state",
    "dataFile",
    "stats",
    "expiresAt",
    "err",
    "afterScriptResult",
    "updated",
];

const FORMATS: [ExportFormat; 3] = [ExportFormat::Ndjson, ExportFormat::Json, ExportFormat::Csv];

/// An export to be made, as the document describes it; [`command`] reads it member by member, so that all that is wrong is named.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ExportCreate)]
#[expect(dead_code, reason = "describes the body for the OpenAPI document")]
pub(crate) struct CreateBody {
    /// A short name, at most 512 characters.
    label: Option<String>,
    /// A longer one, at most 4096 characters.
    description: Option<String>,
    /// `application/x-ndjson` (default), `application/json` or `text/csv`.
    format: Option<String>,
    /// The collection, plural.
    objects: String,
    /// Which parts of its records; none = every one that is not optional.
    paths: Option<Vec<String>>,
    /// Optional parts to add.
    include: Option<Vec<String>>,
    /// References to replace by the records that they lead to; those that `paths` and `include` go through are, too.
    expand: Option<Vec<String>>,
    /// Which of its records: JSON as text, or an object.
    #[serde(rename = "where")]
    condition: Option<Value>,
    /// A record, and which list or array of documents of it goes out: `<plural>/<_id>/<property>`. `objects` is the collection of what
    /// goes out, or that record's.
    prefix: Option<String>,
    /// What is done to those records: an array of stages, or that as text.
    pipeline: Option<Value>,
    /// The script that runs when it has ended: a JavaScript module of at most 50 000 characters.
    after_script: Option<String>,
    /// Whether the files of its records come along.
    export_files: Option<bool>,
    /// Whether those come in an archive of their own.
    zip_files: Option<bool>,
    /// The account whose rights it reads with; none = the caller's own. Only administrators may name another.
    principal: Option<String>,
}

/// Reads a body into the export that it asks for.
///
/// # Errors
/// A fault that names everything that is wrong.
pub(crate) fn command(
    members: Map<String, Value>,
    idempotency: Option<IdempotentRequest>,
) -> Result<CreateExport, Fault> {
    let mut fields = Fields::new(members);
    let (label, description) = (fields.label(), fields.description());
    let after_script = script(&mut fields);
    let format = format(&mut fields);
    let collection = objects(&mut fields)?;
    let (paths, include, expand) = (fields.list("paths"), fields.list("include"), fields.list("expand"));
    let (filter, principal) = (filter(&mut fields), principal(&mut fields));
    let (prefix, pipeline) = (prefix(&mut fields), pipeline(&mut fields));
    let files = match (fields.boolean("exportFiles"), fields.boolean("zipFiles")) {
        (false, _) => FileInclusion::None,
        (true, false) => FileInclusion::Entries,
        (true, true) => FileInclusion::Zipped,
    };
    for name in fields.rest() {
        if READ_ONLY.contains(&name.as_str()) {
            fields.refuse::<()>(Kind::ReadOnly, &name, "is set by the server");
        } else {
            fields.refuse::<()>(Kind::UnknownProperty, &name, "is no property of an export");
        }
    }
    fields.finish()?;
    let Some(collection) = collection else { return Err(Fault::new(Kind::InvalidArgument).at("export.objects")) };
    Ok(CreateExport {
        label,
        description,
        prefix,
        paths,
        include,
        expand,
        filter,
        pipeline,
        files,
        after_script,
        principal,
        idempotency,
        ..CreateExport::new(Surface::Cortex, collection, format.unwrap_or(ExportFormat::Ndjson))
    })
}

/// What went wrong when it was to be made, as the fault that names the member.
pub(crate) fn refused(error: waybill_app::Error) -> Fault {
    match error {
        // The only record that a request names.
        waybill_app::Error::NotFound { kind: "record", id } => {
            Fault::new(Kind::NotFound).because(format!("`{id}` is nothing that can be read")).at("export.prefix")
        }
        error => error.into(),
    }
}

fn prefix(fields: &mut Fields) -> Option<Prefix> {
    const NAME: &str = "prefix";
    match fields.asks_for(NAME)? {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => match text.parse() {
            Ok(prefix) => Some(prefix),
            Err(error) => {
                let error: PrefixError = error;
                fields.refuse(Kind::InvalidValue, NAME, error.to_string())
            }
        },
        _ => fields.refuse(Kind::InvalidValue, NAME, "must be a string"),
    }
}

fn principal(fields: &mut Fields) -> Option<AccountId> {
    let id = fields.asks_for("principal")?;
    let parsed = id.as_str().and_then(|text| text.parse().ok());
    parsed.or_else(|| fields.refuse(Kind::InvalidValue, "principal", "must be the id of an account: 24 hex digits"))
}

fn format(fields: &mut Fields) -> Option<ExportFormat> {
    let value = fields.take("format")?;
    let named = |format: &ExportFormat| value.as_str() == Some(format.media_type());
    FORMATS.into_iter().find(named).or_else(|| {
        let reason = format!("must be one of {}", FORMATS.map(ExportFormat::media_type).join(", "));
        fields.refuse(Kind::EnumValue, "format", reason)
    })
}

/// Takes the script; one that does not parse is told where.
fn script(fields: &mut Fields) -> Option<String> {
    const NAME: &str = "afterScript";
    let source = fields.script(NAME, MAX_SCRIPT_CHARS)?;
    match QuickJsChecker.check(&source) {
        Ok(()) => Some(source),
        Err(failure) => fields.refuse(Kind::InvalidValue, NAME, failure.at()),
    }
}

fn objects(fields: &mut Fields) -> Result<Option<CollectionName>, Fault> {
    let name = match fields.take("objects") {
        Some(Value::String(name)) if !name.is_empty() => name,
        None | Some(Value::String(_)) => {
            return Ok(fields.refuse(Kind::Required, "objects", "names the collection to export"));
        }
        Some(_) => return Ok(fields.refuse(Kind::InvalidValue, "objects", "must be a string")),
    };
    // A name that no collection can have names none.
    let parsed = name.parse();
    parsed
        .map(Some)
        .map_err(|_| Fault::new(Kind::InvalidObject).because(format!("collection `{name}` does not exist")).at(name))
}

/// Takes `pipeline`; one without stages is none.
fn pipeline(fields: &mut Fields) -> Option<Value> {
    match fields.take("pipeline")? {
        Value::Array(stages) if stages.is_empty() => None,
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => match parse_json(text.as_bytes()) {
            Ok(Value::Array(stages)) if stages.is_empty() => None,
            Ok(_) => Some(Value::String(text)),
            Err(error) => {
                let reason = error.to_string().replacen("the body", "the text", 1);
                fields.refuse(Kind::InvalidValue, "pipeline", format!("must be a string holding JSON; {reason}"))
            }
        },
        stages @ Value::Array(_) => Some(stages),
        _ => {
            fields.refuse(Kind::InvalidValue, "pipeline", "must be an array of stages, or a string holding one as JSON")
        }
    }
}

fn filter(fields: &mut Fields) -> Option<FilterRequest> {
    match fields.take("where")? {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => match parse_json(text.as_bytes()) {
            Ok(condition) => Some(FilterRequest::CortexWhere { condition, text }),
            Err(error) => {
                let reason = error.to_string().replacen("the body", "the text", 1);
                fields.refuse(Kind::InvalidValue, "where", format!("must be a string holding JSON; {reason}"))
            }
        },
        condition @ Value::Object(_) => {
            let text = condition.to_string();
            Some(FilterRequest::CortexWhere { condition, text })
        }
        _ => fields.refuse(Kind::InvalidValue, "where", "must be a string holding JSON, or an object"),
    }
}
