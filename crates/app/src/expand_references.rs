//! References that an export follows: which, where they lead, and what the records are like once they are replaced.

use crate::{Context, Error, FieldError};
use waybill_domain::{AccessRules, Collection, CollectionName, Followed, OrgCode, Source};
use waybill_ports::PortError;
use waybill_record::Path;

/// Most references that one export follows.
const MAX_FOLLOWED: usize = 16;
/// Most references behind one another.
const MAX_LEVELS: usize = 4;

/// A definition whose followed references have become documents.
pub(crate) struct Expanded {
    pub(crate) collection: Collection,
    /// Outer references come before those in the records that they lead to.
    pub(crate) followed: Vec<Followed>,
    /// What cannot be followed.
    pub(crate) errors: Vec<FieldError>,
}

/// What a request names of records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) paths: &'a [Path],
    pub(crate) include: &'a [Path],
    pub(crate) expand: &'a [Path],
    /// What a pipeline reads.
    pub(crate) pipeline: &'a [Path],
}

/// The definition of a collection that a reference leads to.
pub(crate) async fn definition(
    context: &Context,
    org: &OrgCode,
    name: &CollectionName,
) -> Result<Option<Collection>, PortError> {
    if *name == CollectionName::accounts() {
        return Ok(Some(Collection::accounts(org.clone())));
    }
    Ok(context.rows().collection(org, name).await?.map(|stored| stored.value))
}

/// Replaces the references that are asked for by name, and those that paths cross.
pub(crate) async fn expand_references(
    context: &Context,
    collection: Collection,
    asked: Asked<'_>,
) -> Result<Expanded, Error> {
    let mut expanded = Expanded { collection, followed: Vec::new(), errors: Vec::new() };
    let named = [
        ("expand", asked.expand, true),
        ("paths", asked.paths, false),
        ("include", asked.include, false),
        ("pipeline", asked.pipeline, false),
    ];
    for (field, paths, last) in named {
        for (index, path) in paths.iter().enumerate() {
            if let Err(message) = expanded.follow(context, path, last).await? {
                let field = if field == "pipeline" { field.to_owned() } else { format!("{field}.{index}") };
                expanded.errors.push(FieldError { field, message });
            }
        }
    }
    for path in asked.paths.iter().chain(asked.include).chain(asked.expand).chain(asked.pipeline) {
        expanded.keep(path);
    }
    Ok(expanded)
}

impl Expanded {
    /// Follows the references that `path` goes through, and the one that it ends in if `last`; what is wrong with it otherwise.
    async fn follow(&mut self, context: &Context, path: &Path, last: bool) -> Result<Result<(), String>, PortError> {
        let segments = path.segments();
        let mut levels = 0;
        for end in 1..=segments.len() {
            let Ok(prefix) = segments[..end].join(".").parse::<Path>() else { return Ok(Ok(())) };
            if self.followed.iter().any(|followed| followed.path == prefix) {
                levels += 1;
                continue;
            }
            if end == segments.len() && !last {
                break;
            }
            let Some(target) = self.collection.reference(&prefix) else {
                if end == segments.len() {
                    return Ok(Err(self.no_reference(path)));
                }
                continue;
            };
            levels += 1;
            if levels > MAX_LEVELS || self.followed.len() == MAX_FOLLOWED {
                return Ok(Err(format!(
                    "at most {MAX_FOLLOWED} references are expanded, {MAX_LEVELS} behind one another"
                )));
            }
            let Some(target) = definition(context, &self.collection.org, &target).await? else {
                return Ok(Err(format!("`{prefix}` leads to the collection `{target}`, which does not exist")));
            };
            if matches!(target.source, Source::Dynamodb(_)) {
                return Ok(Err(format!(
                    "`{prefix}` leads to `{}`, whose records lie in a table of their own and cannot be looked up",
                    target.name
                )));
            }
            let kept = target.properties.iter().filter(|property| !property.optional);
            let keep = kept.map(|property| property.name.clone()).collect();
            self.collection = self.collection.clone().expanding(&prefix, &target);
            let access = AccessRules::of(&target);
            self.followed.push(Followed { path: prefix, collection: target.name, keep, access });
        }
        Ok(Ok(()))
    }

    /// The id in the record that stands in the place of the reference at `path`; `None` where that is not followed.
    pub(crate) fn id_of(&self, path: &Path) -> Option<Path> {
        let followed = self.followed.iter().find(|followed| followed.path == *path)?;
        followed.path.child("_id").ok()
    }

    /// Keeps nothing else of followed records than what `paths` name, and the ids.
    pub(crate) fn keep_only(&mut self, paths: &[Path]) {
        for followed in &mut self.followed {
            followed.keep.clear();
        }
        for path in paths {
            self.keep(path);
        }
    }

    fn no_reference(&self, path: &Path) -> String {
        match self.collection.type_of(path) {
            Some((kind, _)) => format!("`{path}` is a {kind:?}; only references can be expanded"),
            None => format!("`{path}` is no property of `{}`", self.collection.name),
        }
    }

    /// Keeps what `path` names of a followed record, though it may be optional.
    fn keep(&mut self, path: &Path) {
        for followed in &mut self.followed {
            if let Some([next, ..]) = path.segments().strip_prefix(followed.path.segments())
                && !followed.keep.contains(next)
            {
                followed.keep.push(next.clone());
            }
        }
    }
}
