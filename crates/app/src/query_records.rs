//! Reading records as a client asks for them: condition, order, window, and the parts of each.

mod gather;
mod lists;
mod read;
mod render;
mod sight;

pub use gather::{Gathered, Gathering};
pub use lists::{MAX_WITH_LISTS, list_of_record};
pub use read::{Effort, Found, count_records, query_records, read_one_record};
pub use render::{ObjectForm, render_objects};
pub use sight::sight;

use crate::create_export::{parsed_where, unreadable};
use crate::expand_references::{Asked, expand_references};
use crate::{Context, Error, FieldError};
use lists::PreparedList;
use std::collections::BTreeMap;
use waybill_domain::{Collection, CollectionName, Flattening, Followed, OrgCode, RecordId};
use waybill_query::pipeline::Source;
use waybill_query::{Filter, Operand, Order, Pipeline, SortOrder, Test};
use waybill_record::{Path, Tape};

/// Which objects, in which order, and which of their parts.
#[derive(Clone, Debug, Default)]
pub struct ObjectQuery {
    /// A Cortex `where`; none = all.
    pub condition: Option<serde_json::Value>,
    /// The order; none = that of `_id`, or of the source.
    pub sort: Option<SortOrder>,
    /// How many to leave out at the beginning.
    pub skip: usize,
    /// Most to give.
    pub limit: usize,
    /// Only ids beyond this one.
    pub after: Option<RecordId>,
    /// Only ids before this one; without an order the nearest come first, unless `after` is given, too.
    pub before: Option<RecordId>,
    /// Which parts; empty = all that are not optional.
    pub paths: Vec<Path>,
    /// Parts to add.
    pub include: Vec<Path>,
    /// References to replace by what they lead to; those that `paths` and `include` cross are, too.
    pub expand: Vec<Path>,
    /// An aggregation of those that meet the condition; goes with no order and no selection but its own.
    pub pipeline: Option<serde_json::Value>,
    /// Lists that come along, by their names, and what is asked of each; those that `paths`, `include` and `expand` name do, too.
    pub lists: BTreeMap<String, ObjectQuery>,
}

/// A query that was checked against the definition of what it is about.
#[derive(Clone, Debug)]
pub struct PreparedQuery {
    /// The definition as it is stored, which conditions and orders see.
    stored: Collection,
    /// The same with followed references as documents, which the selection sees.
    expanded: Collection,
    followed: Vec<Followed>,
    columns: Vec<Path>,
    filter: Filter,
    sort: Option<SortOrder>,
    pipeline: Option<Pipeline>,
    skip: usize,
    limit: usize,
    /// Lists that come along.
    lists: Vec<PreparedList>,
}

impl PreparedQuery {
    /// Checks a query about objects of `collection`.
    ///
    /// # Errors
    /// `Invalid` with the name of the argument: `where`, `sort`, `pipeline`, `paths.0`, `include.1`, `expand.2`, of a list behind its
    /// own: `c_visits.where`; `Throttled`, `Unavailable`, `Internal`.
    pub async fn new(context: &Context, collection: Collection, query: &ObjectQuery) -> Result<Self, Error> {
        let (query, asked_lists) = &lists::divided(&collection, query);
        let mut lists = Vec::with_capacity(asked_lists.len());
        for (name, asked) in asked_lists {
            if query.pipeline.is_some() {
                return Err(Error::invalid("pipeline", "makes rows of objects, and rows have no lists"));
            }
            lists.push(lists::prepared(context, &collection, name, asked).await?);
        }
        let asked = Asked { paths: &query.paths, include: &query.include, expand: &query.expand, pipeline: &[] };
        let expanded = expand_references(context, collection.clone(), asked).await?;
        let mut errors = expanded.errors;
        for (list, paths) in [("paths", &query.paths), ("include", &query.include)] {
            for (index, path) in paths.iter().enumerate() {
                let field = format!("{list}.{index}");
                let told = errors.iter().any(|error| error.field == field);
                if let Some(message) = unreadable(&expanded.collection, path, &path.to_string()).filter(|_| !told) {
                    errors.push(FieldError { field, message });
                }
            }
        }
        let filter = filter(&collection, query).map_err(|message| errors.push(field("where", message)));
        let sort = sort(&collection, query).map_err(|message| errors.push(field("sort", message)));
        let pipeline = pipeline(&collection, query).map_err(|message| errors.push(field("pipeline", message)));
        let (Ok(filter), Ok(sort), Ok(mut pipeline), true) = (filter, sort, pipeline, errors.is_empty()) else {
            return Err(Error::Invalid(errors));
        };
        // What stands first says what has to be read at all.
        let leading = pipeline.as_mut().map(Pipeline::take_leading_matches).unwrap_or_default();
        let filter = if leading.is_empty() { filter } else { Filter::All([vec![filter], leading].concat()) };
        // What is expanded is wanted, optional or not.
        let include: Vec<Path> = query.include.iter().chain(&query.expand).cloned().collect();
        let include = if query.paths.is_empty() { &include } else { &query.include };
        let columns = expanded.collection.select(&query.paths, include, Flattening::Nothing);
        let columns = columns.map_err(|error| Error::invalid("paths", error.to_string()))?;
        let mut columns = columns;
        if query.paths.is_empty() {
            // Beside what is declared, objects show who made them and when.
            columns.extend(["created", "updated", "creator", "owner"].iter().filter_map(|name| name.parse().ok()));
        }
        Ok(Self {
            stored: collection,
            expanded: expanded.collection,
            followed: expanded.followed,
            columns,
            filter,
            sort,
            pipeline,
            skip: query.skip,
            limit: query.limit,
            lists,
        })
    }

    /// Whether lists come along with its objects, of which there can be [`MAX_WITH_LISTS`] then.
    pub fn has_lists(&self) -> bool {
        !self.lists.is_empty()
    }

    /// The definition of what it is about.
    pub fn collection(&self) -> &Collection {
        &self.stored
    }

    /// An empty window, for objects that are not read from a source.
    pub fn gathering(&self) -> Gathering {
        if let Some(pipeline) = &self.pipeline {
            return Gathering::of_pipeline(self.filter.clone(), pipeline, self.skip, self.limit);
        }
        Gathering::new(self.filter.clone(), self.sort.clone(), self.skip, self.limit)
    }

    /// Whether it gives rows of a form of their own, and not objects.
    pub fn gives_rows(&self) -> bool {
        self.pipeline.as_ref().is_some_and(|pipeline| pipeline.output().is_some())
    }

    /// Whether an object, as JSON, meets the condition.
    pub fn is_met(&self, text: &[u8]) -> bool {
        Tape::new().scan(text).is_ok_and(|object| self.filter.matches(&object))
    }

    /// The same with another condition that must hold, too.
    #[must_use]
    pub fn within(mut self, filter: Filter) -> Self {
        self.filter = Filter::All(vec![filter, self.filter]);
        self
    }
}

fn field(name: &str, message: String) -> FieldError {
    FieldError { field: name.to_owned(), message }
}

fn filter(collection: &Collection, query: &ObjectQuery) -> Result<Filter, String> {
    let mut parts = Vec::new();
    for (id, order) in [(query.after, Order::Greater), (query.before, Order::Less)] {
        if let (Some(id), Ok(path)) = (id, "_id".parse()) {
            parts.push(Filter::Property { path, test: Test::Compare(order, Operand::Id(id.to_string())) });
        }
    }
    if let Some(condition) = &query.condition {
        parts.push(parsed_where(collection, condition)?);
    }
    Ok(Filter::All(parts))
}

/// The order with the types of its properties; none where it is that of ids, ascending.
fn sort(collection: &Collection, query: &ObjectQuery) -> Result<Option<SortOrder>, String> {
    let backwards = query.before.is_some() && query.after.is_none();
    let sort = match &query.sort {
        Some(sort) => Some(sort.clone()),
        None if backwards => SortOrder::parse(&serde_json::json!({"_id": -1})).ok(),
        None => None,
    };
    let sort = sort.map(|sort| {
        sort.resolve(|path| match (unreadable(collection, path, &path.to_string()), collection.type_of(path)) {
            (None, Some((kind, _))) => Ok(kind),
            (message, _) => Err(message.unwrap_or_else(|| format!("`{path}` is no property of `{}`", collection.name))),
        })
    });
    sort.transpose()
}

fn pipeline(collection: &Collection, query: &ObjectQuery) -> Result<Option<Pipeline>, String> {
    let Some(request) = &query.pipeline else { return Ok(None) };
    let selects = !(query.paths.is_empty() && query.include.is_empty() && query.expand.is_empty());
    if selects || query.sort.is_some() || query.after.is_some() || query.before.is_some() {
        return Err(
            "selects, orders and goes on by its own stages; only `where`, `skip` and `limit` go with it".to_owned()
        );
    }
    let built_in = ["_id", "created", "updated", "creator", "owner"].map(str::to_owned);
    let declared = collection.properties.iter().map(|property| property.name.clone());
    let properties: Vec<String> = built_in.into_iter().chain(declared).collect();
    let source = Source { type_of: &|path| collection.type_of(path), properties: &properties };
    Pipeline::parse(request, &source).map(Some).map_err(|error| error.to_string())
}

/// The collection that a client means by `name`: its name, the name of one of its records, or either in lower case or in the other
/// number, as drivers make it of what their users wrote.
///
/// # Errors
/// `UnknownCollection`; `Throttled`, `Unavailable`, `Internal`.
pub async fn named_collection(context: &Context, org: &OrgCode, name: &str) -> Result<Collection, Error> {
    if ["account", "accounts"].contains(&name.to_ascii_lowercase().as_str()) {
        return Ok(Collection::accounts(org.clone()));
    }
    let unknown = || Error::UnknownCollection { name: name.to_owned() };
    let parsed: CollectionName = name.parse().map_err(|_| unknown())?;
    if let Some(collection) = context.rows().collection(org, &parsed).await? {
        return Ok(collection.value);
    }
    let mut found: Option<(u8, Collection)> = None;
    let mut after = None;
    loop {
        let (page, more) = context.rows().collections(org, after.as_ref(), 100).await?;
        after = page.last().map(|last| last.value.name.clone());
        for collection in page.into_iter().map(|stored| stored.value) {
            let Some(rank) = likeness(&collection, name) else { continue };
            if found.as_ref().is_none_or(|(best, _)| rank < *best) {
                found = Some((rank, collection));
            }
        }
        if !more {
            break;
        }
    }
    found.map(|(_, collection)| collection).ok_or_else(unknown)
}

/// How well a collection answers to `name`, 0 the best.
fn likeness(collection: &Collection, name: &str) -> Option<u8> {
    let names = [collection.singular.as_str(), collection.name.as_str()];
    if names[0] == name {
        return Some(0);
    }
    if names.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Some(1);
    }
    let singular = singular(&name.to_ascii_lowercase());
    names.iter().any(|own| self::singular(&own.to_ascii_lowercase()) == singular).then_some(2)
}

/// A plural as a singular, by the rules of most English nouns; other words as they are.
fn singular(word: &str) -> String {
    let stem = |ending: &str| word.strip_suffix(ending).filter(|stem| stem.len() > 1);
    if let Some(stem) = stem("ies") {
        return format!("{stem}y");
    }
    for ending in ["sses", "shes", "ches", "xes"] {
        if word.ends_with(ending) {
            return word[..word.len() - 2].to_owned();
        }
    }
    match stem("s") {
        Some(stem) if !stem.ends_with(['s', 'u', 'i']) => stem.to_owned(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::singular;

    #[test]
    fn plurals_meet_their_singulars() {
        for (plural, one) in [
            ("c_visits", "c_visit"),
            ("countries", "country"),
            ("boxes", "box"),
            ("statuses", "statuse"),
            ("status", "status"),
        ] {
            assert_eq!(singular(plural), one);
        }
        assert_eq!(singular("classes"), "class");
    }
}
