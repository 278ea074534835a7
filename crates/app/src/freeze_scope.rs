//! What of scoped values, variants and catalogs an export takes, checked and frozen.

use crate::{Context, Error, FieldError};
use std::collections::{BTreeMap, BTreeSet};
use waybill_domain::{
    AccessRules, CATALOGS, Collection, DimensionId, ExportSpec, Followed, FrozenScope, LEVEL, PARENT, PARENT_ID,
    ScopeRequest, Source,
};
use waybill_record::Path;

/// Most records above a variant, from all of which it inherits: more than the trees of products that people keep. Of one with more,
/// or of one that is above itself, nothing is known to be right, so the export fails.
pub(crate) const MAX_ABOVE: usize = 16;

/// Checks the segments that are asked for, and takes the default ones of the collection's other dimensions.
///
/// # Errors
/// `Invalid` naming `scope.dimensions.<dimension>`; `Throttled`, `Unavailable`, `Internal`.
pub(crate) async fn freeze_scope(
    context: &Context,
    collection: &Collection,
    asked: Option<&ScopeRequest>,
) -> Result<Option<FrozenScope>, Error> {
    let Some(asked) = asked else { return Ok(None) };
    if asked.variants && collection.source != Source::Records {
        return Err(Error::invalid(
            "scope.variants",
            "needs records that Waybill keeps, where parents can be looked up",
        ));
    }
    let declared = collection.properties.iter().flat_map(|property| property.dimensions.iter().map(String::as_str));
    let names: BTreeSet<&str> = declared.chain(asked.segments.keys().map(String::as_str)).collect();
    let (mut defaults, mut errors) = (BTreeMap::new(), Vec::new());
    for name in names {
        let segment = asked.segments.get(name);
        let known = match name.parse::<DimensionId>() {
            Ok(id) => context.rows().dimension(&collection.org, &id).await?,
            Err(_) => None,
        };
        let message = match (known.map(|known| known.value), segment) {
            (None, Some(_)) => format!("dimension `{name}` does not exist"),
            (Some(known), Some(segment)) if !known.segments.iter().any(|known| known.id == *segment) => {
                format!("segment `{segment}` does not exist in dimension `{name}`")
            }
            (Some(known), None) => {
                defaults.extend(known.default_segment.map(|segment| (name.to_owned(), segment)));
                continue;
            }
            _ => continue,
        };
        errors.push(FieldError { field: format!("scope.dimensions.{name}"), message });
    }
    if errors.is_empty() {
        Ok(Some(FrozenScope { asked: asked.clone(), defaults }))
    } else {
        Err(Error::Invalid(errors))
    }
}

/// The records above variants, which are looked up for what is inherited.
pub(crate) fn parents(collection: &Collection, asked: &ScopeRequest) -> Vec<Followed> {
    let mut keep: Vec<String> = collection
        .properties
        .iter()
        .filter(|property| property.inheritable)
        .map(|property| property.name.clone())
        .collect();
    if asked.catalog.is_some() {
        keep.push(CATALOGS.to_owned());
    }
    if !asked.variants || keep.is_empty() {
        return Vec::new();
    }
    keep.push(PARENT.to_owned());
    // Whether there is one too many is seen by looking for it.
    let paths = (1..=MAX_ABOVE + 1).filter_map(|above| vec![PARENT; above].join(".").parse::<Path>().ok());
    let above = |path| Followed {
        path,
        collection: collection.name.clone(),
        keep: keep.clone(),
        access: AccessRules::of(collection),
    };
    paths.map(above).collect()
}

/// The request with its scope; variants are told by two columns of their own.
pub(crate) fn scoped(mut spec: ExportSpec, scope: FrozenScope) -> ExportSpec {
    if scope.asked.variants && spec.pipeline.is_none() && spec.selection.paths.is_empty() {
        let columns = &mut spec.selection.columns;
        let behind = usize::from(columns.first().is_some_and(|first| first.to_string() == "_id"));
        let own = [PARENT_ID, LEVEL].iter().filter_map(|name| name.parse::<Path>().ok());
        columns.splice(behind..behind, own);
    }
    spec.scope = Some(scope);
    spec
}
