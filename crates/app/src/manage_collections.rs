//! Defining, listing and deleting collections; an administrator's work.

use crate::manage_keys::assert_admin;
use crate::remove_files::remove_files;
use crate::retry::Attempts;
use crate::{Context, Error, FieldError, Page, read_records};
use std::collections::BTreeSet;
use waybill_domain::{
    AccessEntry, AuditAction, Collection, CollectionName, DefinitionError, List, OrgCode, Principal, Property,
    PropertyKind, Source,
};
use waybill_ports::{RecordStore, Stored};

/// Most collections that one definition may refer to: each is a row of the commit that writes it.
const MAX_TARGETS: usize = 90;

/// A collection to be defined, or defined anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutCollection {
    /// Its name.
    pub name: CollectionName,
    /// Name of one record; `None` = the collection's own.
    pub singular: Option<CollectionName>,
    /// Where its records are read from; `None` = where they are now, and Waybill's own table for a new one.
    pub source: Option<Source>,
    /// Its properties, in the order in which they are exported.
    pub properties: Vec<Property>,
    /// Whether records may have undeclared properties.
    pub open: bool,
    /// Who may do what with every record.
    pub access: Vec<AccessEntry>,
}

/// Writes a definition: the first of its name, or a new revision, unless it says what is there already. Tells whether it
/// is the first.
///
/// # Errors
/// `Forbidden` for members, and for a new source that only the operator may name; `Invalid` with the place in the
/// definition; `Conflict` for a change of the source; `TooLarge`, `Throttled`, `Unavailable`, `Internal`.
pub async fn put_collection(
    context: &Context,
    principal: &Principal,
    command: &PutCollection,
) -> Result<(Collection, bool), Error> {
    assert_admin(principal)?;
    put(context, &principal.org, Some(principal), command).await
}

/// As [`put_collection`], by the operator, who alone may name a table of the platform: nobody else knows which of its
/// items are whose.
///
/// # Errors
/// `NotFound` for the org; as [`put_collection`].
pub async fn put_collection_of_org(
    context: &Context,
    org: &OrgCode,
    command: &PutCollection,
) -> Result<(Collection, bool), Error> {
    if context.rows().org(org).await?.is_none() {
        return Err(Error::NotFound { kind: "org", id: org.to_string() });
    }
    put(context, org, None, command).await
}

/// Writes a definition; `by` nobody is by the operator.
async fn put(
    context: &Context,
    org: &OrgCode,
    by: Option<&Principal>,
    command: &PutCollection,
) -> Result<(Collection, bool), Error> {
    if command.name.is_reserved() || command.singular.as_ref().is_some_and(CollectionName::is_reserved) {
        let field = if command.name.is_reserved() { "name" } else { "singular" };
        return Err(Error::invalid(field, "is the name of something built in"));
    }
    let mut attempts = Attempts::new(context);
    loop {
        let (rows, now) = (context.rows(), context.now());
        let before = rows.collection(org, &command.name).await?;
        let now_read = before.as_ref().map(|before| &before.value.source);
        let source = command.source.clone().or_else(|| now_read.cloned()).unwrap_or(Source::Records);
        if by.is_some() && source != Source::Records && Some(&source) != now_read {
            let reason = "only the operator may name a table of the platform as a source";
            return Err(Error::Forbidden { reason });
        }
        let mut collection = Collection {
            org: org.clone(),
            name: command.name.clone(),
            singular: command.singular.clone().unwrap_or_else(|| command.name.clone()),
            source,
            properties: command.properties.clone(),
            open: command.open,
            access: command.access.clone(),
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        collection.check().map_err(|error| wrong(&error))?;
        if let Some(before) = &before {
            if before.value.source != collection.source {
                let reason = "the source of a collection cannot be changed; delete it first".to_owned();
                return Err(Error::Conflict { reason });
            }
            collection.created_at = before.value.created_at;
            collection.revision = before.value.revision;
            collection.updated_at = before.value.updated_at;
            if collection == before.value {
                return Ok((collection, false));
            }
            collection.revision += 1;
            collection.updated_at = now;
        }
        let targets = targets(context, &collection).await?;
        let mut transaction = context.transaction();
        let audit = context.audit_entry(org, by, AuditAction::CollectionPut, command.name.as_str());
        transaction.upsert(before.as_ref().map(|before| before.version), &collection)?.insert(&audit)?;
        // A target that goes away meanwhile makes a conflict.
        for target in &targets {
            transaction.check(target);
        }
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok((collection, before.is_none())),
            Err(error) => attempts.after(error).await?,
        }
    }
}

fn wrong(error: &DefinitionError) -> Error {
    let pointer = match error {
        DefinitionError::Name { pointer, .. }
        | DefinitionError::Property { pointer, .. }
        | DefinitionError::Reserved { pointer, .. }
        | DefinitionError::Twice { pointer, .. }
        | DefinitionError::Source { pointer, .. }
        | DefinitionError::List { pointer, .. }
        | DefinitionError::FileInDocument { pointer }
        | DefinitionError::TooLarge { pointer } => pointer.as_str(),
        DefinitionError::UnknownPath { .. } => "/properties",
    };
    let text = error.to_string();
    let message = text.strip_prefix(pointer).map_or(text.as_str(), |rest| rest.trim_start_matches(": "));
    Error::invalid(dotted(pointer), message)
}

/// A JSON pointer as the dotted name of a field.
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

/// The collections that a definition refers to, itself left out.
async fn targets(context: &Context, collection: &Collection) -> Result<Vec<Stored<Collection>>, Error> {
    let mut references = Vec::new();
    references_in(&collection.properties, "properties", &mut references);
    let names: BTreeSet<&CollectionName> = references.iter().map(|(_, target)| *target).collect();
    if names.len() > MAX_TARGETS {
        return Err(Error::invalid("properties", format!("refer to more than {MAX_TARGETS} collections")));
    }
    let mut found = Vec::new();
    let mut missing = BTreeSet::new();
    let kept = names.into_iter().filter(|name| **name != collection.name && **name != CollectionName::accounts());
    for name in kept {
        match context.rows().collection(&collection.org, name).await? {
            Some(stored) => found.push(stored),
            None => {
                missing.insert(name);
            }
        }
    }
    let errors = references.iter().filter(|(_, target)| missing.contains(target)).map(|(field, target)| FieldError {
        field: format!("{field}.collection"),
        message: format!("collection `{target}` does not exist"),
    });
    let mut errors: Vec<FieldError> = errors.collect();
    for List { property, collection: target, via } in
        collection.lists().filter(|list| !missing.contains(list.collection))
    {
        let others = found.iter().map(|stored| &stored.value);
        let target = others.chain([collection]).find(|other| other.name == *target);
        if !target.is_some_and(|target| target.leads_back(via, &collection.name)) {
            let target = target.map_or("accounts", |target| target.name.as_str());
            errors.push(FieldError {
                field: format!("properties.{}.via", property.name),
                message: format!("must be a property of `{target}` that is a reference to `{}`", collection.name),
            });
        }
    }
    if errors.is_empty() { Ok(found) } else { Err(Error::Invalid(errors)) }
}

fn references_in<'a>(properties: &'a [Property], at: &str, found: &mut Vec<(String, &'a CollectionName)>) {
    for property in properties {
        let field = format!("{at}.{}", property.name);
        match &property.kind {
            PropertyKind::Reference { collection } | PropertyKind::List { collection, .. } => {
                found.push((field, collection));
            }
            PropertyKind::Document { properties } => references_in(properties, &format!("{field}.properties"), found),
            _ => {}
        }
    }
}

/// A collection of the caller's org.
///
/// # Errors
/// `Forbidden` for members; `NotFound`; `Throttled`, `Unavailable`, `Internal`.
pub async fn read_collection(
    context: &Context,
    principal: &Principal,
    name: &CollectionName,
) -> Result<Collection, Error> {
    assert_admin(principal)?;
    Ok(defined(context, &principal.org, name).await?.value)
}

/// A collection that a path of the caller names.
pub(crate) async fn defined(
    context: &Context,
    org: &OrgCode,
    name: &CollectionName,
) -> Result<Stored<Collection>, Error> {
    let collection = context.rows().collection(org, name).await?;
    collection.ok_or_else(|| Error::NotFound { kind: "collection", id: name.to_string() })
}

/// A collection whose records Waybill keeps itself.
///
/// # Errors
/// `NotFound`; `Conflict` when they are elsewhere.
pub(crate) async fn kept(context: &Context, org: &OrgCode, name: &CollectionName) -> Result<Collection, Error> {
    let collection = defined(context, org, name).await?.value;
    match &collection.source {
        // Nothing that is defined is made of elements.
        Source::Records | Source::Accounts | Source::Elements => Ok(collection),
        Source::Dynamodb(source) => Err(Error::Conflict {
            reason: format!(
                "the records of `{name}` are items of the table `{}`: they can only be exported",
                source.table
            ),
        }),
    }
}

/// Collections of the caller's org by name, beyond `after`.
///
/// # Errors
/// `Forbidden` for members; `Throttled`, `Unavailable`, `Internal`.
pub async fn list_collections(
    context: &Context,
    principal: &Principal,
    after: Option<&CollectionName>,
    limit: usize,
) -> Result<Page<Collection, CollectionName>, Error> {
    assert_admin(principal)?;
    let (collections, more) = context.rows().collections(&principal.org, after, limit).await?;
    Ok(Page::of(collections, more, |collection| collection.name.clone()))
}

/// Deletes a collection that has no records; `with_records` deletes them first, page by page. What fails on the way can
/// be sent again.
///
/// # Errors
/// `Forbidden` for members; `NotFound`; `Conflict` when it has records and they were not to go, when they are too many
/// for one call, or when another collection refers to it; `Throttled`, `Unavailable`, `Internal`.
pub async fn delete_collection(
    context: &Context,
    records: &dyn RecordStore,
    principal: &Principal,
    name: &CollectionName,
    with_records: bool,
) -> Result<(), Error> {
    assert_admin(principal)?;
    let org = &principal.org;
    let stored = defined(context, org, name).await?;
    if let Some(user) = referring(context, org, name).await? {
        return Err(Error::Conflict { reason: format!("collection `{user}` refers to it") });
    }
    if with_records {
        read_records::delete_all(context, records, org, name).await?;
    } else if read_records::has_records(records, org, name).await? {
        let reason = "the collection has records; `?records=true` deletes them with it".to_owned();
        return Err(Error::Conflict { reason });
    }
    // Of records that were there once, should any be left.
    remove_files(context, org, (name, None), None, |_| true).await?;
    remove(context, principal, stored).await
}

async fn remove(context: &Context, principal: &Principal, mut stored: Stored<Collection>) -> Result<(), Error> {
    let (org, name) = (&principal.org, stored.value.name.clone());
    let mut attempts = Attempts::new(context);
    loop {
        let mut transaction = context.transaction();
        let audit = context.audit_entry(org, Some(principal), AuditAction::CollectionDeleted, name.as_str());
        transaction.delete(&stored).insert(&audit)?;
        if let Some(count) = context.rows().record_count(org, &name).await? {
            transaction.delete(&count);
        }
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(()),
            Err(error) => attempts.after(error).await?,
        }
        match context.rows().collection(org, &name).await? {
            Some(again) => stored = again,
            // Deleted, by an attempt of ours whose reply was lost or by somebody else.
            None => return Ok(()),
        }
    }
}

/// Another collection that refers to `name`, if any.
async fn referring(context: &Context, org: &OrgCode, name: &CollectionName) -> Result<Option<CollectionName>, Error> {
    let mut after: Option<CollectionName> = None;
    loop {
        let (page, more) = context.rows().collections(org, after.as_ref(), 100).await?;
        for other in page.iter().filter(|other| other.value.name != *name) {
            let mut references = Vec::new();
            references_in(&other.value.properties, "properties", &mut references);
            if references.iter().any(|(_, target)| *target == name) {
                return Ok(Some(other.value.name.clone()));
            }
        }
        if !more || page.is_empty() {
            return Ok(None);
        }
        after = page.last().map(|last| last.value.name.clone());
    }
}
