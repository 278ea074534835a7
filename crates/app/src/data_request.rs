//! What is asked in the words of data exports, put into those of the engine with the collection's definition.

use crate::expand_references::Expanded;
use crate::{CreateExport, FieldError};
use std::borrow::Cow;
use std::collections::HashSet;
use waybill_domain::{
    Collection, DataRequest, DefinitionError, ExportFormat, Flattening, Followed, Property, PropertyKind,
};
use waybill_query::Filter;
use waybill_query::dialects::rebilly_filter::{self, Names};
use waybill_record::{Path, PathError, PropertyType};

/// The date that a range is about in the vendor's own collections, where they declare it; else [`CREATED`].
const USUAL_DATES: [(&str, &str); 3] =
    [("transactions", "processedTime"), ("invoices", "issuedTime"), ("invoiceItems", "issuedTime")];
/// What the vendor calls the date on which something was created; the built-in one, unless a collection declares its own.
const CREATED: &str = "createdTime";
/// What the vendor calls the id of a record.
const ID: &str = "_id";
/// Most text properties that a search looks into.
const MAX_SEARCHED: usize = 100;

/// A request in the engine's words.
pub(crate) struct Translated<'a> {
    /// The request with paths, order and date.
    pub(crate) command: Cow<'a, CreateExport>,
    /// Which records.
    pub(crate) filter: Option<Filter>,
    /// What is wrong, in the words of data exports.
    pub(crate) errors: Vec<FieldError>,
}

/// Puts the words of a data export into those of the engine; a request that has none stays as it is.
pub(crate) fn translate<'a>(command: &'a CreateExport, stored: &Collection) -> Translated<'a> {
    let Some(data) = &command.data else {
        return Translated { command: Cow::Borrowed(command), filter: None, errors: Vec::new() };
    };
    let types = |path: &Path| stored.type_of(path).map(|(kind, _)| kind);
    let declared = |path: &Path| declares(stored, path);
    let names = Names { types: &types, declared: &declared, lists: &|_| None };
    let mut errors = Vec::new();
    let mut refuse = |field: String, message: String| errors.push(FieldError { field, message });
    let mut own = command.clone();
    own.paths = asked_paths(&data.fields, names, |index, message| refuse(format!("fields.{index}"), message));
    match data.sort.as_deref().filter(|text| !text.trim().is_empty()).map(|text| rebilly_filter::sort(text, names)) {
        Some(Ok(sort)) => own.sort = Some(sort),
        Some(Err(error)) => refuse("arguments.sort".to_owned(), error.to_string()),
        None => {}
    }
    let filter = match data.filter.as_deref().map(|text| rebilly_filter::parse(text, names)).transpose() {
        Ok(filter) => filter,
        Err(error) => {
            refuse("arguments.filter".to_owned(), error.to_string());
            None
        }
    };
    if let Some(range) = &mut own.date_range {
        match data.date_field.as_ref().map(|field| property(field, names)) {
            Some(Ok(path)) => range.field = Some(path),
            Some(Err(message)) => refuse("dateRange.field".to_owned(), message),
            None => {
                range.field = usual_date(stored, names);
                // Frozen beside what was asked: what is shown, and may be sent back, is what is looked at.
                if let (Some(field), Some(own)) = (&range.field, &mut own.data) {
                    own.date_field = Some(names.name_of(field));
                }
            }
        }
    }
    Translated { command: Cow::Owned(own), filter, errors }
}

/// The paths of a data export with the vendor's names of what lies behind references, which have become documents in `expanded`;
/// and what is wrong with them.
pub(crate) fn paths_behind_references(data: &DataRequest, expanded: &Expanded) -> (Vec<Path>, Vec<FieldError>) {
    let collection = &expanded.collection;
    let types = |path: &Path| collection.type_of(path).map(|(kind, _)| kind);
    let declared = |path: &Path| declares(collection, path);
    let mut errors = Vec::new();
    let mut refuse =
        |index: usize, message: String| errors.push(FieldError { field: format!("paths.{index}"), message });
    let names = Names { types: &types, declared: &declared, lists: &|_| None };
    let paths = asked_paths(&data.fields, names, &mut refuse);
    // What a followed reference is by itself is the id of its record.
    for (index, path) in paths.iter().enumerate() {
        let Some(id) = expanded.id_of(path) else { continue };
        let Some(other) = paths.iter().position(|other| *other == id) else { continue };
        let (first, second) = (index.min(other), index.max(other));
        refuse(second, same_twice(&data.fields[second], &data.fields[first]));
    }
    (paths, errors)
}

fn same_twice(field: &str, first: &str) -> String {
    format!("`{field}` is the same property as `{first}`")
}

/// The properties that fields with slashes name, no two the same one.
fn asked_paths(fields: &[String], names: Names<'_>, mut refuse: impl FnMut(usize, String)) -> Vec<Path> {
    let mut asked: Vec<(Path, &String)> = Vec::new();
    let mut paths = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let twice =
            |path: &Path| asked.iter().find(|(other, first)| other == path && *first != field).map(|(_, first)| *first);
        let path = property(field, names).and_then(|path| match twice(&path) {
            Some(first) => Err(same_twice(field, first)),
            None => Ok(path),
        });
        match path {
            Ok(path) => {
                paths.push(path.clone());
                asked.push((path, field));
            }
            Err(message) => {
                refuse(index, message);
                // Nothing comes of the request, but the fields behind keep their places.
                paths.extend(ID.parse().ok());
            }
        }
    }
    paths
}

/// The condition that every word of `text` occurs in a text property of records of `collection`, or is their `_id`.
///
/// # Errors
/// Too many words, as the field `search`.
pub(crate) fn search(text: &str, collection: &Collection) -> Result<Filter, FieldError> {
    let refused = |message: String| FieldError { field: "search".to_owned(), message };
    let id: Path = ID.parse().map_err(|error: PathError| refused(error.to_string()))?;
    let mut searched = Vec::new();
    texts(&collection.properties, None, &mut searched);
    rebilly_filter::search(text, &searched, &id).map_err(|error| refused(error.to_string()))
}

/// What a data export writes of records.
#[derive(Debug, Default)]
pub(crate) struct LaidOut {
    /// What, in order.
    pub(crate) columns: Vec<Path>,
    /// What each of that is called.
    pub(crate) names: Vec<String>,
    /// References that go out as themselves by the `_id` behind them.
    pub(crate) references: Vec<Path>,
}

/// What a data export writes of records of `collection`, in which `followed` references have become documents: `paths` by the names in
/// `data`, whose `fields` they are; without any the default, as the vendor calls it. A cell holds a whole value, unless the table is a
/// detailed one. A followed reference that a field names, and does not lead through, goes out as itself.
///
/// # Errors
/// As [`Collection::select`].
pub(crate) fn laid_out(
    data: &DataRequest,
    paths: &[Path],
    (collection, followed): (&Collection, &[Followed]),
    format: ExportFormat,
) -> Result<LaidOut, DefinitionError> {
    let flatten = match format.flattening() {
        Flattening::Documents => Flattening::Nothing,
        other => other,
    };
    let types = |path: &Path| collection.type_of(path).map(|(kind, _)| kind);
    let declared = |path: &Path| declares(collection, path);
    let names = Names { types: &types, declared: &declared, lists: &|_| None };
    let name = |column: &Path| {
        let above = |(path, _): &(&Path, &String)| column.segments().starts_with(path.segments());
        let asked = paths.iter().zip(&data.fields).filter(above);
        match asked.max_by_key(|(path, _)| path.segments().len()) {
            Some((path, field)) => {
                let inside = column.segments().iter().skip(path.segments().len()).map(String::as_str);
                std::iter::once(field.as_str()).chain(inside).collect::<Vec<_>>().join("/")
            }
            None => names.name_of(column),
        }
    };
    let mut laid = LaidOut::default();
    let mut seen = HashSet::new();
    let all: Vec<&[Path]> = if paths.is_empty() { vec![&[]] } else { paths.chunks(1).collect() };
    for asked in all {
        for column in collection.select(asked, &[], flatten)? {
            let ends_in = asked.first().and_then(|path| {
                let within = |at: &&Followed| {
                    at.path.segments().starts_with(path.segments()) && column.segments().starts_with(at.path.segments())
                };
                followed.iter().filter(within).min_by_key(|at| at.path.segments().len())
            });
            let (column, called) = match ends_in {
                Some(Followed { path, .. }) => {
                    let Ok(id) = path.child(ID) else { continue };
                    if !laid.references.contains(path) {
                        laid.references.push(path.clone());
                    }
                    // In a document, where it stands beside what lies behind the reference.
                    let own = path.child("id").is_ok_and(|own| !declares(collection, &own));
                    let called = format!("{}/{}", name(path), if own { "id" } else { ID });
                    (id, called)
                }
                None => (column.clone(), name(&column)),
            };
            if seen.insert(column.clone()) {
                laid.columns.push(column);
                laid.names.push(called);
            }
        }
    }
    Ok(laid)
}

/// Whether the definition names what `path` leads to, as far as definitions go.
fn declares(collection: &Collection, path: &Path) -> bool {
    fn among(properties: &[Property], segments: &[String]) -> bool {
        let Some((name, inside)) = segments.split_first() else { return true };
        properties.iter().any(|property| match &property.kind {
            _ if property.name != *name => false,
            PropertyKind::Document { properties } => among(properties, inside),
            _ => true,
        })
    }
    among(&collection.properties, path.segments())
}

/// The property that a field with slashes names; whether there is one is found out with all other paths.
fn property(field: &str, names: Names<'_>) -> Result<Path, String> {
    let path: Path = field.replace('/', ".").parse().map_err(|error| format!("`{field}` is no property: {error}"))?;
    Ok(names.property(path.clone()).map_or(path, |(found, _)| found))
}

/// The date that a range is about which names none: the vendor's for the collection, its own `createdTime`, or the built-in one.
fn usual_date(stored: &Collection, names: Names<'_>) -> Option<Path> {
    let vendors = USUAL_DATES.iter().find(|(name, _)| *name == stored.name.as_str()).map(|(_, date)| *date);
    let candidates = [vendors, Some(CREATED), Some("created")].into_iter().flatten();
    let mut known = candidates.filter_map(|name| names.property(name.parse().ok()?));
    // Where anything may be there, what is not declared is no date by itself.
    known.find_map(|(path, kind)| {
        let is_date = kind == PropertyType::Date || (kind == PropertyType::Any && (names.declared)(&path));
        let is_one = stored.type_of(&path).is_some_and(|(_, in_array)| !in_array);
        (is_date && is_one).then_some(path)
    })
}

/// The declared text properties, through documents.
fn texts(properties: &[Property], above: Option<&Path>, found: &mut Vec<Path>) {
    for property in properties {
        let path = match above {
            Some(above) => above.child(&property.name).ok(),
            None => property.name.parse().ok(),
        };
        let Some(path) = path.filter(|_| found.len() < MAX_SEARCHED) else { continue };
        match &property.kind {
            PropertyKind::String => found.push(path),
            PropertyKind::Document { properties } => texts(properties, Some(&path), found),
            _ => {}
        }
    }
}
