//! The parts of records that a client asked for, with references replaced by what they lead to.

use super::lists::add_lists;
use super::read::{corrupt, stored_records};
use super::{PreparedQuery, sight};
use crate::expand_references::definition;
use crate::load_records::plain;
use crate::{Context, Error};
use bytes::Bytes;
use futures::stream::{StreamExt as _, TryStreamExt as _, iter};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use waybill_domain::{AccessLevel, Collection, CollectionName, Principal, Property, PropertyKind, RecordId};
use waybill_ports::RecordSource;
use waybill_record::{Looking, Tape};

/// Records that are looked up at once.
const BATCH: usize = 100;
/// Looking up, side by side.
const READS: usize = 4;
/// Most bytes that may take the place of references in one go.
const MAX_BYTES: usize = 24 << 20;
/// Properties that objects have however few are asked for.
const ALWAYS: [&str; 3] = ["_id", "object", "access"];
/// References that every record may have.
const BUILT_IN: [&str; 2] = ["creator", "owner"];

/// How a surface writes objects and references.
pub trait ObjectForm: Sync {
    /// A record with these members.
    fn object(&self, collection: &Collection, level: u8, members: Map<String, Value>) -> Value;

    /// A reference to a record that is not shown itself; `singular` is the name of one of its kind.
    fn reference(&self, collection: &CollectionName, singular: &CollectionName, id: &str) -> Value;

    /// A part of the list `property` of a record of `collection`; `more` where there are others beyond it.
    fn list(&self, collection: &Collection, id: RecordId, property: &str, data: Vec<Value>, more: bool) -> Value;
}

/// Records, as JSON texts, with the parts that the query selects.
///
/// # Errors
/// `TooLarge` when what takes the place of references is; `Throttled`, `Unavailable`, `Internal`.
pub async fn render_objects(
    context: &Context,
    records: &dyn RecordSource,
    principal: &Principal,
    query: &PreparedQuery,
    texts: &[Bytes],
    form: &dyn ObjectForm,
) -> Result<Vec<Value>, Error> {
    let rendering = Rendering { context, records, principal, query, form };
    let (mut objects, mut levels) = (Vec::with_capacity(texts.len()), Vec::with_capacity(texts.len()));
    for text in texts {
        let (level, members) = members(principal, &query.stored, text)?;
        levels.push(level);
        // Those that were found are the caller's business.
        objects.push(form.object(&query.stored, level.unwrap_or(1), members));
    }
    let mut bytes = 0;
    for place in 0..query.followed.len() {
        rendering.follow(place, &mut objects, &mut bytes).await?;
    }
    rendering.name_references(&mut objects).await?;
    let wanted = rendering.wanted();
    for object in &mut objects {
        pick(object, &wanted, true);
    }
    add_lists((context, records, principal), query, &mut objects, &levels, form).await?;
    Ok(objects)
}

/// The caller's level on a record, and its members as far as the caller sees them; no level where it is not seen at all.
fn members(
    principal: &Principal,
    collection: &Collection,
    text: &Bytes,
) -> Result<(Option<u8>, Map<String, Value>), Error> {
    let mut tape = Tape::new();
    let document = tape.scan(text).map_err(|error| corrupt(collection, &error))?;
    let (sight, mut looking) = (sight(principal, collection), Looking::default());
    let level = sight.level(&document).map(AccessLevel::number);
    let Some(seen) = looking.at(&sight, document).map_err(|error| corrupt(collection, &error))? else {
        return Ok((None, Map::new()));
    };
    let members = serde_json::from_slice(seen.source()).map_err(|error| corrupt(collection, &error))?;
    Ok((level, members))
}

struct Rendering<'a> {
    context: &'a Context,
    records: &'a dyn RecordSource,
    principal: &'a Principal,
    query: &'a PreparedQuery,
    form: &'a dyn ObjectForm,
}

impl Rendering<'_> {
    /// Replaces the references of one place; those outside of it are replaced already.
    async fn follow(&self, place: usize, objects: &mut [Value], bytes: &mut usize) -> Result<(), Error> {
        let followed = &self.query.followed[place];
        let mut ids = BTreeSet::new();
        for object in &mut *objects {
            each(object, followed.path.segments(), &mut |value| ids.extend(id_of(value)));
        }
        let org = &self.query.stored.org;
        let Some(target) = definition(self.context, org, &followed.collection).await? else { return Ok(()) };
        let ids: Vec<RecordId> = ids.into_iter().collect();
        let batches = ids.chunks(BATCH).map(|batch| stored_records(self.context, self.records, &target, batch));
        let found = iter(batches.collect::<Vec<_>>()).buffered(READS).try_concat().await?;
        let mut shown: BTreeMap<RecordId, (Value, usize)> = BTreeMap::new();
        for record in found.into_iter().flatten() {
            let text = plain(&target, &record)?;
            let (level, mut members) = members(self.principal, &target, &text)?;
            // A record that is none of the caller's business stays a reference.
            let Some(level) = level else { continue };
            members.retain(|name, _| name == "_id" || followed.keep.iter().any(|kept| kept == name));
            shown.insert(record.id, (self.form.object(&target, level, members), text.len()));
        }
        let mut replaced = 0;
        for object in &mut *objects {
            each(object, followed.path.segments(), &mut |value| {
                if *bytes + replaced <= MAX_BYTES
                    && let Some((object, size)) = id_of(value).and_then(|id| shown.get(&id))
                {
                    replaced += size;
                    *value = object.clone();
                }
            });
        }
        *bytes += replaced;
        if *bytes > MAX_BYTES {
            let reason = "what the references lead to is too large for one reply; ask for fewer with `limit`, or for less \
                          with `paths`";
            return Err(Error::TooLarge { reason: reason.to_owned() });
        }
        Ok(())
    }

    /// Writes references that are not followed, or lead to nothing the caller may see, in the form of the surface.
    async fn name_references(&self, objects: &mut [Value]) -> Result<(), Error> {
        let mut places = Vec::new();
        references(&self.query.expanded.properties, &mut Vec::new(), &mut places);
        for followed in &self.query.followed {
            places.push((followed.path.segments().to_vec(), followed.collection.clone()));
        }
        for name in BUILT_IN {
            places.push((vec![name.to_owned()], CollectionName::accounts()));
        }
        let mut singulars = BTreeMap::new();
        for (path, target) in places {
            let mut is_there = false;
            for object in &mut *objects {
                each(object, &path, &mut |value| is_there |= id(value).is_some());
            }
            if !is_there {
                continue;
            }
            if !singulars.contains_key(&target) {
                let found = definition(self.context, &self.query.stored.org, &target).await?;
                singulars.insert(target.clone(), found.map_or_else(|| target.clone(), |found| found.singular));
            }
            let Some(singular) = singulars.get(&target) else { continue };
            for object in &mut *objects {
                each(object, &path, &mut |value| {
                    if let Some(id) = id(value) {
                        *value = self.form.reference(&target, singular, &id.to_string());
                    }
                });
            }
        }
        Ok(())
    }

    /// What is selected, as a tree.
    fn wanted(&self) -> Wanted {
        let mut wanted = Wanted::default();
        for column in &self.query.columns {
            wanted.add(column.segments());
        }
        for followed in &self.query.followed {
            wanted.mark(followed.path.segments());
        }
        wanted
    }
}

/// The references of a definition, through documents.
fn references(properties: &[Property], above: &mut Vec<String>, found: &mut Vec<(Vec<String>, CollectionName)>) {
    for property in properties {
        above.push(property.name.clone());
        match &property.kind {
            PropertyKind::Reference { collection } => found.push((above.clone(), collection.clone())),
            PropertyKind::Document { properties } => references(properties, above, found),
            _ => {}
        }
        above.pop();
    }
}

/// The id that a reference holds.
fn id(value: &Value) -> Option<RecordId> {
    value.as_str()?.parse().ok()
}

/// The same, of a reference that is written in the form of the surface, too.
fn id_of(value: &Value) -> Option<RecordId> {
    id(value.get("_id").unwrap_or(value))
}

/// Does something with everything that `path` leads to, through arrays.
fn each(value: &mut Value, path: &[String], does: &mut dyn FnMut(&mut Value)) {
    match (value, path.split_first()) {
        (Value::Array(elements), _) => elements.iter_mut().for_each(|element| each(element, path, does)),
        (value, None) => does(value),
        (Value::Object(members), Some((name, rest))) => {
            if let Some(inner) = members.get_mut(name) {
                each(inner, rest, does);
            }
        }
        _ => {}
    }
}

/// Parts of an object that are wanted.
#[derive(Debug, Default)]
struct Wanted {
    /// The whole, whatever else is said.
    whole: bool,
    /// Whether it is a record of its own, which keeps what records always have.
    record: bool,
    parts: BTreeMap<String, Wanted>,
}

impl Wanted {
    fn add(&mut self, path: &[String]) {
        match path.split_first() {
            None => self.whole = true,
            Some((name, rest)) => self.parts.entry(name.clone()).or_default().add(rest),
        }
    }

    fn mark(&mut self, path: &[String]) {
        match path.split_first() {
            None => self.record = true,
            Some((name, rest)) => {
                if let Some(part) = self.parts.get_mut(name) {
                    part.mark(rest);
                }
            }
        }
    }
}

/// Takes away what is not wanted.
fn pick(value: &mut Value, wanted: &Wanted, record: bool) {
    if wanted.whole {
        return;
    }
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|element| pick(element, wanted, record)),
        Value::Object(members) => {
            members.retain(|name, value| match wanted.parts.get(name) {
                Some(part) => {
                    pick(value, part, part.record);
                    true
                }
                None => record && ALWAYS.contains(&name.as_str()),
            });
        }
        _ => {}
    }
}
