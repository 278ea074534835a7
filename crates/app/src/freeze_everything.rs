//! An export of every collection of an org: what is asked is frozen of each. Together in one file, the columns are those of all; in a
//! file of its own, each has all that its records have.

use crate::create_export::freeze_one;
use crate::{Context, CreateExport, Error, FieldError};
use waybill_domain::{
    AccessRules, Collection, CollectionName, DeliveryPlan, ExportSpec, FileInclusion, Packaging, Principal,
    ScopeRequest, Source, Surface,
};

/// Most collections in one file: whatever is read of one goes into the columns of all.
const MOST_TOGETHER: usize = 100;
/// Most collections with a file of their own: definitions and entries are kept in one row each.
const MOST_FILES: usize = 500;
/// Collections that are read at once.
const PAGE: usize = 100;

/// Freezes the request with every collection that the org has now.
///
/// # Errors
/// `UnknownCollection` on a surface where that is no name; `Invalid` for what is said of one collection, and when there is none, or too many;
/// else as of one.
pub(crate) async fn freeze_everything(
    context: &Context,
    principal: &Principal,
    command: &CreateExport,
) -> Result<ExportSpec, Error> {
    // The name is one of Rebilly's only where nobody has to know it.
    if !(matches!(command.surface, Surface::Admin | Surface::Sigma) || command.per_collection) {
        return Err(Error::unknown_collection(&command.collection));
    }
    let errors = of_one_alone(command);
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let mut members: Vec<ExportSpec> = Vec::new();
    for collection in collections(context, principal, command.per_collection).await? {
        let paths = if command.per_collection { collection.whole(command.format.flattening()) } else { Vec::new() };
        let Collection { name, source, .. } = collection;
        // Variants are looked up among the records that Waybill keeps: items of other tables have none.
        let scope = command.scope.clone();
        let scope = scope.map(|scope| ScopeRequest { variants: scope.variants && source == Source::Records, ..scope });
        let one = CreateExport { collection: name, scope, paths, ..command.clone() };
        let mut member = freeze_one(context, principal, &one).await?;
        // Nobody has asked for them by name.
        member.selection.paths = Vec::new();
        members.push(member);
    }
    let Some(first) = members.first() else {
        return Err(Error::invalid("collection", "must be named as long as the org has no collection"));
    };
    let mut all = first.clone();
    all.collection = Collection {
        name: CollectionName::everything(),
        singular: CollectionName::anything(),
        source: Source::Records,
        properties: Vec::new(),
        access: Vec::new(),
        ..first.collection.clone()
    };
    all.access = AccessRules::of(&all.collection);
    all.followed = Vec::new();
    all.per_collection = command.per_collection;
    for member in &mut members {
        if !command.per_collection {
            join(&mut all, member);
        }
        (member.delivery, member.after_script) = (DeliveryPlan::default(), None);
    }
    if let (Some(scope), Some(asked)) = (&mut all.scope, &command.scope) {
        scope.asked = asked.clone();
    }
    all.members = members;
    Ok(all)
}

/// The collections that are exported: all of the org's; where each has a file of its own, its accounts, too.
async fn collections(context: &Context, principal: &Principal, per_collection: bool) -> Result<Vec<Collection>, Error> {
    let most = if per_collection { MOST_FILES } else { MOST_TOGETHER };
    let mut collections: Vec<Collection> = Vec::new();
    loop {
        let last = collections.last().map(|last| last.name.clone());
        let (page, more) = context.rows().collections(&principal.org, last.as_ref(), PAGE).await?;
        collections.extend(page.into_iter().map(|stored| stored.value));
        if collections.len() > most || (more && collections.len() == most) {
            let reason = format!("must be named where an org has more than {most} collections");
            return Err(Error::invalid("collection", reason));
        }
        if !more {
            break;
        }
    }
    if per_collection {
        collections.push(Collection::accounts(principal.org.clone()));
    }
    Ok(collections)
}

/// Adds what `member` has to what all have.
fn join(all: &mut ExportSpec, member: &mut ExportSpec) {
    for column in std::mem::take(&mut member.selection.columns) {
        if !all.selection.columns.contains(&column) {
            all.selection.columns.push(column);
        }
    }
    for property in &member.collection.properties {
        if !all.collection.properties.iter().any(|known| known.name == property.name) {
            all.collection.properties.push(property.clone());
        }
    }
}

/// What makes sense of one collection alone, or of one file.
fn of_one_alone(command: &CreateExport) -> Vec<FieldError> {
    let said = [
        ("prefix", command.prefix.is_some()),
        ("paths", !command.paths.is_empty()),
        ("include", !command.include.is_empty()),
        ("expand", !command.expand.is_empty()),
        ("where", command.filter.is_some()),
        ("dateRange", command.date_range.is_some()),
        ("pipeline", command.pipeline.is_some()),
        ("sort", command.sort.is_some()),
        ("files", command.files != FileInclusion::None && !command.per_collection),
        ("data", command.data.is_some()),
    ];
    let message = "must be left out where every collection is exported: name the one that it is about";
    let of_one_file = [
        (
            "format",
            command.format.makes_documents(),
            "must make one file of all records where each collection has its own",
        ),
        ("packaging", command.packaging != Packaging::Zip, "must be `zip` where each collection has a file of its own"),
    ];
    let of_one_file = of_one_file.into_iter().filter(|_| command.per_collection);
    let refused = said.into_iter().map(|(field, said)| (field, said, message)).chain(of_one_file);
    let refused = refused.filter(|(_, said, _)| *said);
    refused.map(|(field, _, message)| FieldError { field: field.to_owned(), message: message.to_owned() }).collect()
}
