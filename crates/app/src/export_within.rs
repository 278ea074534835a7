//! Exports that are limited to one record: what belongs to it, and whether it is there for whoever the export reads as.

use crate::expand_references::definition;
use crate::{Context, Error};
use waybill_domain::{AccessRules, Collection, Items, OrgCode, Prefix, Source, Viewer, Within};
use waybill_ports::{PortError, PortErrorKind, RecordStore};
use waybill_query::{Filter, Operand, Test};
use waybill_record::{Tape, stored};

/// What is exported, as it is stored.
pub(crate) struct Narrowed {
    pub(crate) collection: Collection,
    pub(crate) within: Option<Within>,
    /// What records meet that belong to the one that it is limited to.
    pub(crate) filter: Option<Filter>,
}

impl Narrowed {
    /// All of a collection.
    pub(crate) fn not(collection: Collection) -> Self {
        Self { collection, within: None, filter: None }
    }

    /// What the definition says of who may see what, of records as they are stored.
    pub(crate) fn access(&self) -> AccessRules {
        match &self.within {
            Some(within) if within.items == Items::Elements => within.access.clone(),
            _ => AccessRules::of(&self.collection),
        }
    }
}

/// What belongs to the record of `prefix`. `named` is the collection that the request names: that of what goes out, or that of
/// the record.
///
/// # Errors
/// `UnknownCollection`; `Invalid` (prefix) when the property is neither a list nor an array of documents, or `named` another
/// collection; `Throttled`, `Unavailable`, `Internal`.
pub(crate) async fn narrow(context: &Context, named: Collection, prefix: &Prefix) -> Result<Narrowed, Error> {
    let refused = |message: String| Err(Error::invalid("prefix", message));
    let Some(parent) = definition(context, &named.org, &prefix.parent).await? else {
        return Err(Error::unknown_collection(&prefix.parent));
    };
    if parent.source != Source::Records {
        return refused(format!("leads through `{}`, whose records Waybill does not keep", parent.name));
    }
    let within = |items| Within { prefix: prefix.clone(), access: AccessRules::of(&parent), items };
    let path = &prefix.property;
    if let Some(list) = parent.lists().find(|list| path.segments().iter().eq([&list.property.name])) {
        let Some(child) = definition(context, &named.org, list.collection).await? else {
            return refused(format!("leads to the collection `{}`, which does not exist", list.collection));
        };
        let Some(via) = list.via.parse().ok().filter(|_| child.leads_back(list.via, &parent.name)) else {
            let (child, via) = (&child.name, list.via);
            return refused(format!("leads to `{child}`, whose property `{via}` is no reference to `{}`", parent.name));
        };
        if ![&parent.name, &child.name].contains(&&named.name) {
            return refused(format!("leads to records of `{}`, which `objects` has to name", child.name));
        }
        let test = Test::Equal(Operand::Id(prefix.record.to_string()));
        let filter = Some(Filter::Property { path: via, test });
        return Ok(Narrowed { collection: child, within: Some(within(Items::Records)), filter });
    }
    if let Some(elements) = parent.elements(path) {
        if named.name != parent.name {
            return refused(format!("leads to documents in `{}`, which `objects` has to name", parent.name));
        }
        return Ok(Narrowed { collection: elements, within: Some(within(Items::Elements)), filter: None });
    }
    refused(match parent.type_of(path) {
        None => format!("names `{path}`, which is no property of `{}`", parent.name),
        Some(_) => format!("names `{path}`, which is neither a list nor an array of documents"),
    })
}

/// Whether the record that an export is limited to is there, and `viewer` may read it and what is exported of it.
///
/// # Errors
/// As the store's; `Corrupt` when the record cannot be read.
pub(crate) async fn is_readable(
    records: &dyn RecordStore,
    org: &OrgCode,
    within: &Within,
    viewer: &Viewer,
) -> Result<bool, PortError> {
    let Prefix { parent, record, property } = &within.prefix;
    let Some(found) = records.get(org, parent, &[*record]).await?.into_iter().next().flatten() else {
        return Ok(false);
    };
    let corrupt = |error: &dyn std::error::Error| {
        let key = format!("{org} {parent} {record}");
        let kind = PortErrorKind::Corrupt { table: "records".to_owned(), key, field: error.to_string() };
        PortError::new(kind, "reading a record")
    };
    let (mut text, mut tape) = (Vec::new(), Tape::new());
    stored::decode_into(&found.stored, &mut text).map_err(|error| corrupt(&error))?;
    let document = tape.scan(&text).map_err(|error| corrupt(&error))?;
    let sight = within.access.sight(viewer);
    Ok(sight.level(&document).is_some_and(|level| !sight.hides(property, level)))
}
