//! Arguments in the query of a request.

use crate::fault::{Fault, Kind};
use crate::wire::export::{media_type, state};
use crate::wire::properties;
use serde_json::Value;
use std::cmp::Reverse;
use waybill_app::ExportWindow;
use waybill_domain::{Export, ExportId};
use waybill_http::{QueryArguments, QueryError};

/// Elements of a list where the caller does not say.
const DEFAULT_LIMIT: usize = 100;
/// Most elements of a list.
const MAX_LIMIT: usize = 1000;
/// Most elements that may be skipped: what is skipped is read and sorted all the same.
const MAX_SKIP: usize = 100_000;

/// Arguments that are known and not built yet.
const LATER: [&str; 4] = ["where", "include", "expand", "pipeline"];

/// Which exports, in which order, and which of their properties.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ListArguments {
    pub(crate) window: ExportWindow,
    pub(crate) sort: Vec<SortKey>,
    pub(crate) paths: Vec<String>,
}

impl ListArguments {
    /// Reads the query of a list.
    ///
    /// # Errors
    /// A fault that names the first argument that is wrong, unknown or not available yet.
    pub(crate) fn read(query: &QueryArguments) -> Result<Self, Fault> {
        only(query, &["skip", "limit", "sort", "paths[]", "startingAfter", "endingBefore"])?;
        let (after, before) = (id(query, "startingAfter")?, id(query, "endingBefore")?);
        let mut sort = query.one("sort")?.map_or(Ok(Vec::new()), SortKey::parse)?;
        if after.is_some() && before.is_some() && sort.is_empty() {
            // Between two ids no direction is the obvious one.
            sort = SortKey::parse("_id")?;
        }
        let window = ExportWindow {
            after,
            before,
            skip: query.number("skip", 0, 0, MAX_SKIP)?,
            limit: query.number("limit", DEFAULT_LIMIT, 1, MAX_LIMIT)?,
        };
        Ok(Self { window, sort, paths: paths(query)? })
    }
}

/// The properties that the caller wants, all of them when there are none.
///
/// # Errors
/// A fault that names `paths`.
pub(crate) fn paths(query: &QueryArguments) -> Result<Vec<String>, Fault> {
    let paths = query.all("paths")?;
    paths.iter().try_for_each(|path| properties::check("paths", path))?;
    Ok(paths)
}

/// Skip and limit of an array.
///
/// # Errors
/// A fault that names the argument.
pub(crate) fn part_of_array(query: &QueryArguments) -> Result<(usize, usize), Fault> {
    Ok((query.number("skip", 0, 0, MAX_SKIP)?, query.number("limit", DEFAULT_LIMIT, 1, MAX_LIMIT)?))
}

/// Refuses every argument but those that are `known` (`name[]` where it is a list), the client key, and `_`, by which
/// browsers' libraries keep caches out.
///
/// # Errors
/// A fault that names the argument.
pub(crate) fn only(query: &QueryArguments, known: &[&str]) -> Result<(), Fault> {
    for name in query.unknown(known) {
        if name == "_" || name.eq_ignore_ascii_case("medable-client-key") {
            continue;
        }
        let bare = name.split('[').next().unwrap_or(name);
        // `<list property>.limit` and the like are arguments of the lists inside of an object.
        if LATER.contains(&bare) || bare.contains('.') {
            let reason = format!("`{name}` is not available for exports yet");
            return Err(Fault::new(Kind::UnsupportedOperation).because(reason).at(bare));
        }
        return Err(QueryError::new(name, "is no argument of this request").into());
    }
    Ok(())
}

fn id(query: &QueryArguments, name: &'static str) -> Result<Option<ExportId>, Fault> {
    let Some(text) = query.one(name)? else { return Ok(None) };
    let parsed = text.parse().map_err(|error| QueryError::new(name, format!("is no id: {error}")));
    Ok(Some(parsed?))
}

/// A property to sort by, and whether the greatest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SortKey {
    property: SortProperty,
    descending: bool,
}

/// Properties that exports can be sorted by: those of one value that differ among exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SortProperty {
    Id,
    Created,
    Creator,
    Label,
    Description,
    State,
    Format,
    Objects,
    DocsCount,
    DataFileSize,
    ExpiresAt,
}

/// A value that exports are sorted by; nothing comes before anything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SortValue {
    /// No value.
    Nothing,
    /// A number or an instant.
    Number(i128),
    /// A text.
    Text(String),
}

/// A value with its direction. All exports' values of one place have the same direction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Directed {
    /// Least first.
    Up(SortValue),
    /// Greatest first.
    Down(Reverse<SortValue>),
}

impl SortKey {
    /// Reads `name`, `-name` or `{"name": 1, "other": -1}`.
    ///
    /// # Errors
    /// A fault that names `sort`.
    fn parse(text: &str) -> Result<Vec<Self>, Fault> {
        let wrong = |reason: String| Fault::new(Kind::InvalidArgument).because(reason).at("sort");
        let text = text.trim();
        if !text.starts_with('{') {
            let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
            return Ok(vec![Self { property: SortProperty::named(name)?, descending }]);
        }
        let Ok(Value::Object(orders)) = serde_json::from_str(text) else {
            return Err(wrong("`sort` is no JSON object of property names and 1 or -1".to_owned()));
        };
        let keys = orders.iter().map(|(name, order)| {
            let descending = match order.as_i64() {
                Some(1) => false,
                Some(-1) => true,
                _ => return Err(wrong(format!("the order of `{name}` must be 1 or -1"))),
            };
            Ok(Self { property: SortProperty::named(name)?, descending })
        });
        keys.collect()
    }

    /// What an export is sorted by.
    pub(crate) fn of(self, export: &Export) -> Directed {
        let value = self.property.value(export);
        if self.descending { Directed::Down(Reverse(value)) } else { Directed::Up(value) }
    }
}

impl SortProperty {
    fn named(name: &str) -> Result<Self, Fault> {
        match name {
            "_id" => Ok(Self::Id),
            "created" => Ok(Self::Created),
            "creator" | "owner" | "creator._id" | "owner._id" => Ok(Self::Creator),
            "label" => Ok(Self::Label),
            "description" => Ok(Self::Description),
            "state" => Ok(Self::State),
            "format" => Ok(Self::Format),
            "objects" => Ok(Self::Objects),
            "stats.docs.count" => Ok(Self::DocsCount),
            "dataFile.size" => Ok(Self::DataFileSize),
            "expiresAt" => Ok(Self::ExpiresAt),
            _ => {
                properties::check("sort", name)?;
                let reason = format!("exports cannot be sorted by `{name}`");
                Err(Fault::new(Kind::UnsupportedOperation).because(reason).at("sort"))
            }
        }
    }

    fn value(self, export: &Export) -> SortValue {
        let text = |text: Option<&str>| text.map_or(SortValue::Nothing, |text| SortValue::Text(text.to_owned()));
        match self {
            Self::Id => text(Some(&export.id.to_string())),
            Self::Created => SortValue::Number(export.created_at.as_millis().into()),
            Self::Creator => text(Some(&export.creator.to_string())),
            Self::Label => text(export.label.as_deref()),
            Self::Description => text(export.description.as_deref()),
            Self::State => text(Some(state(export))),
            Self::Format => text(Some(media_type(export.format))),
            Self::Objects => text(Some(export.collection.as_str())),
            Self::DocsCount => SortValue::Number(export.progress.records.into()),
            Self::DataFileSize => {
                export.archive().map_or(SortValue::Nothing, |archive| SortValue::Number(archive.size_bytes.into()))
            }
            Self::ExpiresAt => SortValue::Number(export.expires_at.as_millis().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<ListArguments, Fault> {
        ListArguments::read(&QueryArguments::parse(query).unwrap())
    }

    fn refusal(query: &str) -> (Kind, Option<String>) {
        let fault = read(query).unwrap_err();
        (fault.kind, fault.path)
    }

    #[test]
    fn limits_have_a_default_and_a_most() {
        let arguments = read("").unwrap();
        assert_eq!((arguments.window.skip, arguments.window.limit), (0, 100));
        assert_eq!(read("limit=1000&skip=3").unwrap().window.limit, 1000);
        for query in ["limit=0", "limit=1001", "limit=ten", "limit=1&limit=2"] {
            assert_eq!(refusal(query), (Kind::InvalidArgument, Some("limit".into())), "{query}");
        }
        assert_eq!(refusal("skip=-1"), (Kind::InvalidArgument, Some("skip".into())));
    }

    #[test]
    fn orders_are_names_or_json_in_the_order_given() {
        let by = |property, descending| SortKey { property, descending };
        assert_eq!(read("sort=created").unwrap().sort, [by(SortProperty::Created, false)]);
        assert_eq!(read("sort=-label").unwrap().sort, [by(SortProperty::Label, true)]);
        let sort = read("sort=%7B%22state%22%3A-1%2C%22_id%22%3A1%7D").unwrap().sort;
        assert_eq!(sort, [by(SortProperty::State, true), by(SortProperty::Id, false)]);
        for query in ["sort=colour", "sort={", "sort={\"_id\":2}", "sort="] {
            assert_eq!(refusal(query), (Kind::InvalidArgument, Some("sort".into())), "{query}");
        }
        assert_eq!(refusal("sort=owner.name.first"), (Kind::UnsupportedOperation, Some("sort".into())));
    }

    #[test]
    fn paths_are_read_in_every_form() {
        let paths = read("paths[]=state&paths=label&paths=[\"stats.docs\"]").unwrap().paths;
        assert_eq!(paths, ["state", "label", "stats.docs"]);
        assert_eq!(refusal("paths[]=colour"), (Kind::InvalidArgument, Some("paths".into())));
    }

    #[test]
    fn what_is_not_built_or_not_known_is_refused_by_name() {
        assert_eq!(refusal("where={}"), (Kind::UnsupportedOperation, Some("where".into())));
        assert_eq!(refusal("expand[]=creator"), (Kind::UnsupportedOperation, Some("expand".into())));
        assert_eq!(refusal("c_list.limit=3"), (Kind::UnsupportedOperation, Some("c_list.limit".into())));
        for name in ["colour", "paths[x]", "limit[]", "sort[created]"] {
            assert_eq!(refusal(&format!("{name}=1")), (Kind::InvalidArgument, Some(name.into())));
        }
        assert!(read("_=17&medable-client-key=x").is_ok());
    }

    #[test]
    fn ids_to_go_on_from_are_ids() {
        assert_eq!(refusal("startingAfter=7"), (Kind::InvalidArgument, Some("startingAfter".into())));
        let both = read("startingAfter=000000000000000000000001&endingBefore=000000000000000000000009").unwrap();
        assert_eq!(both.sort.len(), 1);
    }
}
