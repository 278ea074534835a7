//! An export of every collection of an org: what is asked is frozen of each, and the columns are those of all.

use crate::create_export::freeze_one;
use crate::{Context, CreateExport, Error, FieldError};
use waybill_domain::{
    AccessRules, Collection, CollectionName, DeliveryPlan, ExportSpec, FileInclusion, Principal, ScopeRequest, Source,
    Surface,
};

/// Most collections of one export: their definitions are frozen with it, in one row.
const MOST: usize = 100;

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
    if !matches!(command.surface, Surface::Admin | Surface::Sigma) {
        return Err(Error::unknown_collection(&command.collection));
    }
    let errors = of_one_alone(command);
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let (collections, more) = context.rows().collections(&principal.org, None, MOST).await?;
    if more {
        return Err(Error::invalid(
            "collection",
            format!("must be named where an org has more than {MOST} collections"),
        ));
    }
    let mut members: Vec<ExportSpec> = Vec::new();
    for Collection { name, source, .. } in collections.into_iter().map(|stored| stored.value) {
        // Variants are looked up among the records that Waybill keeps: items of other tables have none.
        let scope = command.scope.clone();
        let scope = scope.map(|scope| ScopeRequest { variants: scope.variants && source == Source::Records, ..scope });
        let one = CreateExport { collection: name, scope, ..command.clone() };
        members.push(freeze_one(context, principal, &one).await?);
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
    for member in &mut members {
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
        (member.delivery, member.after_script) = (DeliveryPlan::default(), None);
    }
    if let (Some(scope), Some(asked)) = (&mut all.scope, &command.scope) {
        scope.asked = asked.clone();
    }
    all.members = members;
    Ok(all)
}

/// What makes sense of one collection alone.
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
        ("files", command.files != FileInclusion::None),
        ("data", command.data.is_some()),
    ];
    let message = "must be left out where every collection is exported: name the one that it is about";
    let refused = said.into_iter().filter(|(_, said)| *said);
    refused.map(|(field, _)| FieldError { field: field.to_owned(), message: message.to_owned() }).collect()
}
