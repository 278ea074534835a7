//! List properties of objects: the records that lead back to them, in a window of each list's own.

use super::gather::{Gathered, Gathering};
use super::read::{Effort, Reader, corrupt};
use super::render::{ObjectForm, render_objects};
use super::{ObjectQuery, PreparedQuery, read_one_record, sight};
use crate::expand_references::definition;
use crate::{Context, Error, FieldError};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use waybill_domain::{AccessLevel, Collection, List, Principal, RecordId, Source};
use waybill_ports::RecordSource;
use waybill_query::{Filter, Operand, Test};
use waybill_record::{Kind, Path, Tape, Value as Scanned};

/// Most objects that bring lists along.
pub const MAX_WITH_LISTS: usize = 100;
/// Records of a list where nobody says how many.
const DEFAULT_LIMIT: usize = 100;
/// Most bytes of all lists of one reply.
const MAX_BYTES: usize = 24 << 20;
/// How long the lists of a reply may be read.
const TIME: Duration = Duration::from_secs(8);

/// A list that comes along.
#[derive(Clone, Debug)]
pub(super) struct PreparedList {
    property: String,
    /// The property as a path.
    place: Path,
    /// The reference that leads back.
    via: Path,
    query: PreparedQuery,
}

/// What is asked of objects themselves, and what of each of their lists: paths through a list are about its records.
pub(super) fn divided(collection: &Collection, query: &ObjectQuery) -> (ObjectQuery, BTreeMap<String, ObjectQuery>) {
    let mut own = query.clone();
    let mut lists = std::mem::take(&mut own.lists);
    let names: BTreeSet<&str> = collection.lists().map(|list| list.property.name.as_str()).collect();
    if names.is_empty() {
        return (own, lists);
    }
    let (selects, parts) = (!own.paths.is_empty(), [&mut own.paths, &mut own.include, &mut own.expand]);
    for (kind, paths) in parts.into_iter().enumerate() {
        paths.retain(|path| {
            if !names.contains(path.head()) {
                return true;
            }
            let list = lists.entry(path.head().to_owned()).or_insert_with(asked_for);
            if let Ok(inside) = path.segments()[1..].join(".").parse() {
                [&mut list.paths, &mut list.include, &mut list.expand][kind].push(inside);
            }
            false
        });
    }
    if selects && own.paths.is_empty() {
        // Nothing of the objects themselves.
        own.paths.extend("_id".parse::<Path>());
    }
    (own, lists)
}

fn asked_for() -> ObjectQuery {
    ObjectQuery { limit: DEFAULT_LIMIT, ..ObjectQuery::default() }
}

/// Checks what is asked of a list.
///
/// # Errors
/// `Invalid` with the list's name before that of the argument; `Throttled`, `Unavailable`, `Internal`.
pub(super) async fn prepared(
    context: &Context,
    collection: &Collection,
    name: &str,
    query: &ObjectQuery,
) -> Result<PreparedList, Error> {
    let place: Path = name.parse().map_err(|_| Error::invalid(name, "is no property"))?;
    if query.pipeline.is_some() {
        let reason = "goes with the list alone, which is read behind its record's path";
        return Err(Error::invalid(format!("{name}.pipeline"), reason));
    }
    let (child, via) = records_of(context, collection, name).await?;
    let inner = Box::pin(PreparedQuery::new(context, child, query)).await.map_err(|error| below(name, error))?;
    if !inner.lists.is_empty() {
        return Err(Error::invalid(name, "would bring lists of its own records along: ask for those of each record"));
    }
    Ok(PreparedList { property: name.to_owned(), place, via, query: inner })
}

/// The collection of a list's records, and what in them leads back.
async fn records_of(context: &Context, collection: &Collection, name: &str) -> Result<(Collection, Path), Error> {
    let Some(List { collection: target, via, .. }) = collection.lists().find(|list| list.property.name == name) else {
        return Err(Error::invalid(name, format!("is no list of `{}`", collection.name)));
    };
    let Some(child) = definition(context, &collection.org, target).await? else {
        return Err(Error::invalid(name, format!("leads to the collection `{target}`, which does not exist")));
    };
    if matches!(child.source, Source::Dynamodb(_)) {
        let reason = format!("leads to items of a table of the platform, `{target}`, which can only be exported");
        return Err(Error::invalid(name, reason));
    }
    match via.parse() {
        Ok(path) if child.leads_back(via, &collection.name) => Ok((child, path)),
        _ => {
            let reason = format!("leads to `{target}`, whose `{via}` is no reference to `{}`", collection.name);
            Err(Error::invalid(name, reason))
        }
    }
}

fn below(name: &str, error: Error) -> Error {
    match error {
        Error::Invalid(fields) => {
            let fields = fields.into_iter();
            let below = |error: FieldError| FieldError { field: format!("{name}.{}", error.field), ..error };
            Error::Invalid(fields.map(below).collect())
        }
        error => error,
    }
}

/// A query about the records of one list of a record that the caller may read.
///
/// # Errors
/// `NotFound` when the record is not there, or it or its list is none of the caller's business; `Invalid` with the name of the
/// argument; `Throttled`, `Unavailable`, `Internal`.
pub async fn list_of_record(
    context: &Context,
    records: &dyn RecordSource,
    principal: &Principal,
    collection: &Collection,
    (id, name): (RecordId, &str),
    query: &ObjectQuery,
) -> Result<PreparedQuery, Error> {
    let text = read_one_record(context, records, principal, collection, id).await?;
    let mut tape = Tape::new();
    let document = tape.scan(&text).map_err(|error| corrupt(collection, &error))?;
    let not_found = || Error::NotFound { kind: "list", id: name.to_owned() };
    let (sight, place): (_, Path) = (sight(principal, collection), name.parse().map_err(|_| not_found())?);
    if sight.level(&document).is_none_or(|level| sight.hides(&place, level)) {
        return Err(not_found());
    }
    let (child, via) = records_of(context, collection, name).await?;
    let query = PreparedQuery::new(context, child, query).await?;
    Ok(query.within(Filter::Property { path: via, test: Test::Equal(Operand::Id(id.to_string())) }))
}

/// Puts the lists that the query asks for into objects, whose levels are those of the caller on them.
///
/// # Errors
/// `TooLarge` when there is more to read, or to keep, than one request may; `Throttled`, `Unavailable`, `Internal`.
pub(super) async fn add_lists(
    (context, records, principal): (&Context, &dyn RecordSource, &Principal),
    query: &PreparedQuery,
    objects: &mut [Value],
    levels: &[Option<u8>],
    form: &dyn ObjectForm,
) -> Result<(), Error> {
    let sight = sight(principal, &query.stored);
    let until = context.clock.monotonic() + TIME;
    for list in &query.lists {
        let shown = objects.iter().zip(levels).map(|(object, level)| {
            let level = AccessLevel::try_from((*level)?).ok()?;
            let id: RecordId = object.get("_id")?.as_str()?.parse().ok()?;
            (!sight.hides(&list.place, level)).then_some(id)
        });
        let shown: Vec<Option<RecordId>> = shown.collect();
        let time = until.saturating_sub(context.clock.monotonic());
        let ids: BTreeSet<RecordId> = shown.iter().copied().flatten().collect();
        let mut found = gather((context, records, principal), list, &ids, Effort { time, ..Effort::default() }).await?;
        let places: Vec<_> = shown.iter().map(|id| id.and_then(|id| found.remove(&id))).collect();
        let texts: Vec<_> = places.iter().flatten().flat_map(|window| window.texts.iter().cloned()).collect();
        let rendered = Box::pin(render_objects(context, records, principal, &list.query, &texts, form)).await?;
        let mut rendered = rendered.into_iter();
        for ((object, id), window) in objects.iter_mut().zip(shown).zip(places) {
            let (Some(members), Some(id), Some(window)) = (object.as_object_mut(), id, window) else { continue };
            let data = rendered.by_ref().take(window.texts.len()).collect();
            let shown = form.list(&query.stored, id, &list.property, data, window.more);
            members.insert(list.property.clone(), shown);
        }
    }
    Ok(())
}

/// The windows of one list, by the records whose it is; all are read at once.
async fn gather(
    (context, records, principal): (&Context, &dyn RecordSource, &Principal),
    list: &PreparedList,
    ids: &BTreeSet<RecordId>,
    effort: Effort,
) -> Result<BTreeMap<RecordId, Gathered>, Error> {
    let any = ids.iter().map(|id| Operand::Id(id.to_string())).collect();
    let query = list.query.clone().within(Filter::Property { path: list.via.clone(), test: Test::OneOf(any) });
    let mut windows: BTreeMap<RecordId, Gathering> = ids.iter().map(|id| (*id, query.gathering())).collect();
    if !windows.is_empty() {
        let mut bytes = 0;
        let mut take = |tape: &mut Tape, text: &bytes::Bytes| {
            let Ok(document) = tape.scan(text) else { return Ok(Some(usize::MAX)) };
            for id in document.get(&list.via).map(referred).unwrap_or_default() {
                let Some(window) = windows.get_mut(&id) else { continue };
                let before = window.size_bytes();
                window.keep(&document, text)?;
                bytes = bytes + window.size_bytes() - before;
            }
            if bytes > MAX_BYTES {
                let reason =
                    format!("the lists `{}` are too large for one reply; ask for fewer with `limit`", list.property);
                return Err(Error::TooLarge { reason });
            }
            let wanted =
                windows.values().map(|window| if window.is_full() { 0 } else { window.wanted().unwrap_or(usize::MAX) });
            let wanted = wanted.fold(0, usize::saturating_add);
            Ok((wanted > 0).then_some(wanted))
        };
        Reader::of(context, records, principal, &query, effort)?.run(&mut take).await?;
    }
    windows.into_iter().map(|(id, window)| Ok((id, window.finish()?))).collect()
}

/// The records that a reference, or an array of them, leads to.
fn referred(value: Scanned<'_>) -> Vec<RecordId> {
    let id = |value: Scanned<'_>| {
        let id = if value.kind() == Kind::Object { value.get("_id") } else { Some(value) };
        id.and_then(|id| id.text()).and_then(|text| text.decoded().parse().ok())
    };
    match value.kind() {
        Kind::Array => value.elements().filter_map(id).collect(),
        _ => id(value).into_iter().collect(),
    }
}
