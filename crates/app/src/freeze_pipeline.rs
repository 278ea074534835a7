//! Pipelines that are asked for: read against the definition of the records, and frozen with it.

use std::borrow::Cow;
use waybill_domain::{Collection, Flattening};
use waybill_query::dialects::cortex_where;
use waybill_query::pipeline::{Field, FieldKind, Source};
use waybill_query::{Filter, Pipeline};
use waybill_record::{Path, PropertyType};

/// A pipeline that was read.
pub(crate) struct FrozenPipeline {
    pub(crate) pipeline: Pipeline,
    /// Conditions that it began with and that can be asked of the records as they are stored.
    pub(crate) leading: Vec<Filter>,
}

/// The paths that a pipeline reads of records, whatever is wrong with it otherwise: those among them that cross references make
/// these be followed.
pub(crate) fn pipeline_paths(request: &serde_json::Value) -> Vec<Path> {
    let anything = Source { type_of: &|_| Some((PropertyType::Any, false)), properties: &[] };
    let read = parsed(request).ok().and_then(|request| Pipeline::parse(&request, &anything).ok());
    read.map(|pipeline| pipeline.reads().to_vec()).unwrap_or_default()
}

/// Reads a pipeline, an array or a text of JSON. `stored` is what records are as they are read, `collection` what they are once their
/// references are followed, which is what the pipeline sees.
///
/// # Errors
/// What is wrong with it, and where.
pub(crate) fn freeze_pipeline(
    request: &serde_json::Value,
    stored: &Collection,
    collection: &Collection,
) -> Result<FrozenPipeline, String> {
    let request = parsed(request)?;
    let properties: Vec<String> = collection
        .select(&[], &[], Flattening::Nothing)
        .map_err(|error| error.to_string())?
        .iter()
        .map(ToString::to_string)
        .collect();
    let type_of = |path: &Path| match collection.crossing(path) {
        Some(_) => None,
        None => collection.type_of(path),
    };
    let source = Source { type_of: &type_of, properties: &properties };
    let mut pipeline = Pipeline::parse(&request, &source).map_err(|error| error.to_string())?;
    let mut leading = Vec::new();
    pipeline.drop_leading_matches(|place| {
        let types = |path: &Path| stored.type_of(path).map(|(kind, _)| kind);
        let condition = request.get(place).and_then(|stage| stage.get("$match"));
        let read = condition.and_then(|condition| cortex_where::parse(condition, &types).ok());
        leading.extend(read.clone());
        read.is_some()
    });
    Ok(FrozenPipeline { pipeline, leading })
}

fn parsed(request: &serde_json::Value) -> Result<Cow<'_, serde_json::Value>, String> {
    match request {
        serde_json::Value::String(text) => serde_json::from_str(text)
            .map(Cow::Owned)
            .map_err(|error| format!("must be an array, or JSON as text: {error}")),
        other => Ok(Cow::Borrowed(other)),
    }
}

/// The columns of rows: their fields, documents among them as far as `flatten` says.
pub(crate) fn columns(fields: &[Field], flatten: Flattening) -> Vec<Path> {
    let mut columns = Vec::new();
    for field in fields {
        if let Ok(path) = field.name.parse() {
            leaves(field, path, flatten, &mut columns);
        }
    }
    columns
}

fn leaves(field: &Field, path: Path, flatten: Flattening, columns: &mut Vec<Path>) {
    let opens = match flatten {
        Flattening::Nothing => false,
        Flattening::Documents => !field.array,
        Flattening::Items => true,
    };
    match &field.kind {
        FieldKind::Document(inner) if opens && !inner.is_empty() => {
            for field in inner {
                if let Ok(path) = path.child(&field.name) {
                    leaves(field, path, flatten, columns);
                }
            }
        }
        _ => columns.push(path),
    }
}
