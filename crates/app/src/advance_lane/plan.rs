//! From a frozen request to the engine's plan.

use std::sync::Arc;
use waybill_domain::{
    AccessRules, Collection, Export, ExportFormat, ExportSpec, FileInclusion, Level, Property, PropertyKind,
    ScopeRequest, Source, Viewer,
};
use waybill_engine::{
    Format, Holds, Parts, Plan, PlanSpec, PropertyShape, Scope, ScopedProperty, SelectionError, Shape,
};
use waybill_query::Filter;
use waybill_query::pipeline::{Course, Field, FieldKind};
use waybill_record::{Path, Sight};

/// Where the built-in references lead.
const ACCOUNTS: &str = "accounts";

/// Compiles what the engine does to every page of an export; `course` is that of its pipeline.
///
/// # Errors
/// No column, or too many; names that do not belong to them.
pub(super) fn compile(spec: &ExportSpec, course: &Course) -> Result<Plan, SelectionError> {
    if spec.per_collection {
        let compiled = |member: &ExportSpec| Ok((member.collection.name.to_string(), compile(member, course)?));
        let plans: Vec<(String, Plan)> = spec.members.iter().map(compiled).collect::<Result<_, _>>()?;
        return Plan::of_each(plans).ok_or(SelectionError::Empty);
    }
    let plan = Plan::compile(&PlanSpec {
        filter: condition(spec),
        paths: spec.selection.columns.clone(),
        names: spec.selection.names.clone(),
        links: links(spec),
        format: format(spec.format),
        shape: match spec.pipeline.as_ref().and_then(|pipeline| pipeline.output()) {
            Some(fields) => Shape { properties: row_shapes(fields), ..shape(&spec.collection) },
            None => shape(&spec.collection),
        },
        level: match spec.level {
            Level::Fast => waybill_engine::Level::Fast,
            Level::Default => waybill_engine::Level::Default,
            Level::Small => waybill_engine::Level::Small,
        },
        raw_cells: spec.raw_cells,
    })?;
    // Where references are followed, records are looked at before.
    let sight = record_sight(spec).filter(|_| spec.followed.is_empty());
    let plan = plan.with_stages(course.before.clone(), course.after.clone());
    Ok(plan.with_files(file_properties(spec)).seen_by(sight).within(scope(spec)))
}

/// The followed references that go out as themselves, with the collections that they lead to.
fn links(spec: &ExportSpec) -> Vec<(Path, String)> {
    let followed = |path: &Path| spec.followed.iter().find(|followed| followed.path == *path);
    let references = spec.selection.references.iter();
    references.filter_map(|path| Some((path.clone(), followed(path)?.collection.to_string()))).collect()
}

/// How its records are split; the parts are called as the export is, whose name does not change once it runs.
pub(super) fn parts(export: &Export, spec: &ExportSpec) -> Option<Parts> {
    let stem = export.label.clone().unwrap_or_else(|| spec.collection.name.to_string());
    spec.part_records().map(|records| Parts { records: records.get(), stem })
}

/// What is taken of every record.
pub(super) fn scope(spec: &ExportSpec) -> Option<Scope> {
    // Where there are several collections, it is taken of each before they come together.
    let frozen = spec.scope.as_ref().filter(|_| spec.members.is_empty())?;
    let properties = spec.collection.properties.iter().map(|property| ScopedProperty {
        name: property.name.clone(),
        dimensional: !property.dimensions.is_empty(),
        inheritable: property.inheritable,
    });
    let properties = properties.filter(|property| property.dimensional || property.inheritable).collect();
    let ScopeRequest { segments, variants, catalog } = frozen.asked.clone();
    Some(Scope::compile(properties, (segments, frozen.defaults.clone()), variants, catalog))
}

/// What is seen of the records that are exported; `None` = all of all, also where they are elements, which are cut out of what is
/// seen of their record.
pub(super) fn record_sight(spec: &ExportSpec) -> Option<Arc<dyn Sight>> {
    if spec.collection.source == Source::Elements || !spec.members.is_empty() {
        None
    } else {
        sight(&spec.access, &spec.viewer)
    }
}

/// What `viewer` sees of a collection's records; `None` = all of all.
pub(super) fn sight(access: &AccessRules, viewer: &Viewer) -> Option<Arc<dyn Sight>> {
    let sight = access.sight(viewer);
    if sight.sees_everything() { None } else { Some(Arc::new(sight)) }
}

/// The form of rows that a pipeline makes.
fn row_shapes(fields: &[Field]) -> Vec<PropertyShape> {
    let shape = |field: &Field| PropertyShape {
        name: field.name.clone(),
        array: field.array,
        holds: match &field.kind {
            FieldKind::Document(fields) => Holds::Document(row_shapes(fields)),
            FieldKind::Value(_) => Holds::Value,
        },
    };
    fields.iter().map(shape).collect()
}

/// The properties whose files come along: those that the request names, else all.
fn file_properties(spec: &ExportSpec) -> Vec<String> {
    if spec.files == FileInclusion::None {
        return Vec::new();
    }
    let all: Vec<&str> = spec.collection.file_properties().map(|property| property.name.as_str()).collect();
    let is_named = |name: &&str| spec.selection.paths.iter().any(|path| path.head() == *name);
    if all.iter().any(is_named) {
        let columns = spec.selection.columns.iter().map(Path::head);
        let selected: std::collections::BTreeSet<&str> = columns.collect();
        return all.into_iter().filter(|name| selected.contains(name)).map(str::to_owned).collect();
    }
    all.into_iter().map(str::to_owned).collect()
}

/// What the plan has to look at: where references are followed, that is done before they are replaced.
fn condition(spec: &ExportSpec) -> Filter {
    spec.filter.clone().filter(|_| spec.followed.is_empty()).unwrap_or_else(Filter::everything)
}

fn format(format: ExportFormat) -> Format {
    match format {
        ExportFormat::Ndjson => Format::Ndjson,
        ExportFormat::Json => Format::Json,
        ExportFormat::Csv => Format::Csv,
        ExportFormat::DetailedCsv => Format::DetailedCsv,
        ExportFormat::Xml => Format::Xml,
        ExportFormat::JsonApi => Format::JsonApi,
        ExportFormat::Pdf => Format::Pdf,
    }
}

/// What the definition says of the records' form.
fn shape(collection: &Collection) -> Shape {
    let built_in = ["creator", "owner"].map(|name| PropertyShape {
        name: name.to_owned(),
        array: false,
        holds: Holds::Reference(ACCOUNTS.to_owned()),
    });
    Shape {
        collection: collection.name.to_string(),
        singular: collection.singular.to_string(),
        properties: shapes(&collection.properties).into_iter().chain(built_in).collect(),
    }
}

fn shapes(properties: &[Property]) -> Vec<PropertyShape> {
    let shape = |property: &Property| PropertyShape {
        name: property.name.clone(),
        array: property.array,
        holds: match &property.kind {
            PropertyKind::Document { properties } => Holds::Document(shapes(properties)),
            PropertyKind::Reference { collection } => Holds::Reference(collection.to_string()),
            PropertyKind::String
            | PropertyKind::Number
            | PropertyKind::Boolean
            | PropertyKind::Date
            | PropertyKind::ObjectId
            | PropertyKind::File
            | PropertyKind::Any
            | PropertyKind::Binary
            | PropertyKind::Geometry
            | PropertyKind::List { .. } => Holds::Value,
        },
    };
    properties.iter().map(shape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_record::{Page, stored};
    use waybill_testkit::samples;

    /// Visits with a document, arrays of values and of documents, and references.
    fn visits() -> Collection {
        let many = |property| Property { array: true, ..property };
        let place = PropertyKind::Document {
            properties: vec![
                samples::property("lat", PropertyKind::Number),
                Property { optional: true, ..samples::property("alt", PropertyKind::Number) },
            ],
        };
        let line = PropertyKind::Document {
            properties: vec![
                samples::property("sku", PropertyKind::String),
                many(samples::property("marks", PropertyKind::Number)),
            ],
        };
        let properties = vec![
            samples::property("site", PropertyKind::Reference { collection: "sites".parse().unwrap() }),
            samples::property("place", place),
            many(samples::property("lines", line)),
            samples::property("extra", PropertyKind::Any),
        ];
        let org = "demo".parse().unwrap();
        let singular = "visit".parse().unwrap();
        Collection { singular, ..samples::collection(&org, &"visits".parse().unwrap(), properties) }
    }

    fn written(written: ExportFormat, asked: &[&str]) -> String {
        let collection = visits();
        let asked: Vec<_> = asked.iter().map(|path| path.parse().unwrap()).collect();
        let spec = PlanSpec {
            filter: Filter::everything(),
            paths: collection.select(&asked, &[], written.flattening()).unwrap(),
            names: Vec::new(),
            links: Vec::new(),
            format: format(written),
            shape: shape(&collection),
            level: waybill_engine::Level::Fast,
            raw_cells: false,
        };
        let record = r#"{"_id":"00a1","owner":"00f1","site":"00b1","place":{"lat":1.50,"alt":2},
            "lines":[{"sku":"=s1","marks":[1,2]},{"sku":null}],"extra":[{"k":1}]}"#;
        let block = Plan::compile(&spec)
            .unwrap()
            .transform(&Page::stored(vec![stored::encode(record.as_bytes()).into()]).whole())
            .unwrap();
        String::from_utf8(block.plain).unwrap().trim().replace("\r\n", "\n")
    }

    #[test]
    fn a_format_has_one_media_type_and_one_ending() {
        for kind in ["ndjson", "json", "csv", "detailed-csv", "xml", "json-api", "pdf"] {
            let asked: ExportFormat = serde_json::from_value(kind.into()).unwrap();
            let written = format(asked);
            assert_eq!((written.mime(), written.file_extension()), (asked.media_type(), asked.extension()), "{kind}");
        }
    }

    #[test]
    fn detailed_csv_has_the_leaves_of_declared_documents_and_the_items_of_declared_arrays() {
        let all = "00a1,00b1,1.50,'=s1,1,\"[{\"\"k\"\":1}]\"\n00a1,00b1,1.50,'=s1,2,\"[{\"\"k\"\":1}]\"\n\
                   00a1,00b1,1.50,,,\"[{\"\"k\"\":1}]\"";
        assert_eq!(written(ExportFormat::DetailedCsv, &[]), all);
        assert_eq!(
            written(ExportFormat::DetailedCsv, &["place", "lines.sku", "owner"]),
            "1.50,2,'=s1,00f1\n1.50,2,,00f1"
        );
    }

    #[test]
    fn xml_has_an_element_called_like_one_record() {
        assert_eq!(
            written(ExportFormat::Xml, &["site", "lines.sku", "place"]),
            "<visit><site>00b1</site><lines><item><sku>=s1</sku></item><item><sku xsi:nil=\"true\"/></item></lines>\
             <place><lat>1.50</lat><alt>2</alt></place></visit>"
        );
    }

    #[test]
    fn json_api_links_declared_and_built_in_references() {
        assert_eq!(
            written(ExportFormat::JsonApi, &["site", "owner", "place.lat", "extra"]),
            "{\"type\":\"visits\",\"id\":\"00a1\",\"attributes\":{\"place\":{\"lat\":1.50},\"extra\":[{\"k\":1}]},\
             \"relationships\":{\"site\":{\"data\":{\"type\":\"sites\",\"id\":\"00b1\"}},\
             \"owner\":{\"data\":{\"type\":\"accounts\",\"id\":\"00f1\"}}}}"
        );
    }
}
