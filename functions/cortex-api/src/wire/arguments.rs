//! What a list or a read is asked with: in the query of a request, or in the body that the driver posts.

use crate::fault::{Fault, Kind};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::str::FromStr;
use waybill_app::{ObjectQuery, Path, SortOrder};
use waybill_domain::RecordId;
use waybill_http::{QueryArguments, QueryError, parse_json};

/// Elements of a list where the caller does not say.
pub(crate) const DEFAULT_LIMIT: usize = 100;
/// Most elements of a list.
pub(crate) const MAX_LIMIT: usize = 1000;
/// Most elements that a cursor gives, which has no limit unless it says one: the reply ends with a fault before that.
pub(crate) const MAX_CURSOR: usize = 100_000;
/// Most elements that may be skipped: what is skipped is read and sorted all the same.
const MAX_SKIP: usize = 100_000;
/// Most paths of one argument.
const MAX_PATHS: usize = 1000;
/// Parts that every object shows without being asked.
const ALWAYS: [&str; 2] = ["object", "access"];

/// The arguments of a list, in a query.
const OF_LISTS: [&str; 10] =
    ["where", "sort", "skip", "limit", "paths[]", "include[]", "expand[]", "startingAfter", "endingBefore", "pipeline"];
/// The arguments of a read, in a query.
const OF_READS: [&str; 3] = ["paths[]", "include[]", "expand[]"];
/// Options of the driver that change nothing here, whatever they say: how long and how hard to try.
const IDLE: [&str; 8] = ["maxTimeMs", "engine", "locale", "passive", "strict", "unindexed", "operation", "object"];
/// Options of the driver that would change what is given, and are refused unless they ask for nothing.
const REFUSED: [&str; 13] = [
    "skipAcl",
    "grant",
    "roles",
    "access",
    "crossOrg",
    "prefix",
    "through",
    "transform",
    "nativePipeline",
    "explain",
    "dryRun",
    "bypassCreateAcl",
    "mergeDocuments",
];

/// Reads the query of a list of objects that have `lists` of their own.
///
/// # Errors
/// A fault that names the first argument that is wrong or unknown.
pub(crate) fn of_query(query: &QueryArguments, lists: &[&str]) -> Result<ObjectQuery, Fault> {
    let (query, lists) = (&query.besides(lists), of_lists(query, lists)?);
    only(query, &OF_LISTS)?;
    let json = |name: &'static str| query.one(name)?.map_or(Ok(None), |text| parsed(name, text));
    let mut read = parts_of_query(query)?;
    read.condition = json("where")?.map(condition).transpose()?;
    read.sort = query.one("sort")?.filter(|text| !text.trim().is_empty()).map(sort_text).transpose()?;
    read.skip = query.number("skip", 0, 0, MAX_SKIP)?;
    read.limit = query.number("limit", DEFAULT_LIMIT, 1, MAX_LIMIT)?;
    read.after = id(query, "startingAfter")?;
    read.before = id(query, "endingBefore")?;
    read.pipeline = json("pipeline")?;
    read.lists = lists;
    Ok(read)
}

/// Reads what is asked of lists, which stands behind their names: `c_visits.limit=5`.
fn of_lists(query: &QueryArguments, lists: &[&str]) -> Result<BTreeMap<String, ObjectQuery>, Fault> {
    let mut read = BTreeMap::new();
    for name in lists {
        let below = query.below(name);
        if below.names().next().is_none() {
            continue;
        }
        let asked = of_query(&below, &[]).map_err(|fault| {
            let path = fault.path.as_ref().map(|path| format!("{name}.{path}"));
            Fault { path, ..fault }
        })?;
        read.insert((*name).to_owned(), asked);
    }
    Ok(read)
}

/// Reads the query of a read.
///
/// # Errors
/// As [`of_query`].
pub(crate) fn of_read(query: &QueryArguments, lists: &[&str]) -> Result<ObjectQuery, Fault> {
    let own = query.besides(lists);
    only(&own, &OF_READS)?;
    Ok(ObjectQuery { lists: of_lists(query, lists)?, ..parts_of_query(&own)? })
}

/// Reads the body of a call of the driver, whose members may be `null`. `most` is the greatest limit, `default` the one that
/// stands for none.
///
/// # Errors
/// As [`of_query`].
pub(crate) fn of_body(options: &mut Options, default: usize, most: usize) -> Result<ObjectQuery, Fault> {
    let unlimited = options.drop_if("limit", &Value::Bool(false));
    Ok(ObjectQuery {
        condition: options.json("where")?.map(condition).transpose()?,
        sort: options.take("sort").map(|sort| sort_value(&sort)).transpose()?,
        skip: options.number("skip", 0, 0, MAX_SKIP)?,
        limit: options.number("limit", if unlimited { most } else { default }, 1, most)?,
        after: None,
        before: None,
        paths: options.paths("paths")?,
        include: options.paths("include")?,
        expand: options.paths("expand")?,
        pipeline: options.json("pipeline")?,
        lists: BTreeMap::new(),
    })
}

/// Which parts of an object are asked for.
///
/// # Errors
/// A fault that names the argument.
fn parts_of_query(query: &QueryArguments) -> Result<ObjectQuery, Fault> {
    let list = |name: &'static str| paths(name, query.all(name)?.iter().map(String::as_str));
    Ok(ObjectQuery {
        paths: list("paths")?,
        include: list("include")?,
        expand: list("expand")?,
        limit: 1,
        ..ObjectQuery::default()
    })
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
    let is_other = |name: &&str| *name == "_" || name.eq_ignore_ascii_case("medable-client-key");
    match query.unknown(known).find(|name| !is_other(name)) {
        None => Ok(()),
        Some(name) => Err(QueryError::new(name, "is no argument of this request").into()),
    }
}

/// The members of a body that the driver posts.
#[derive(Debug)]
pub(crate) struct Options(Map<String, Value>);

impl Options {
    /// Takes what every call has in common, and refuses what none can have.
    ///
    /// # Errors
    /// A fault that names an option that is refused.
    pub(crate) fn new(mut members: Map<String, Value>) -> Result<Self, Fault> {
        members.retain(|name, _| !IDLE.contains(&name.as_str()));
        for name in REFUSED {
            let nothing = |value: &Value| match value {
                Value::Null | Value::Bool(false) => true,
                Value::Array(elements) => elements.is_empty(),
                Value::String(text) => text.is_empty(),
                _ => false,
            };
            if members.shift_remove(name).is_some_and(|value| !nothing(&value)) {
                let reason = format!("the option `{name}` is not supported");
                return Err(Fault::new(Kind::UnsupportedOperation).because(reason).at(name));
            }
        }
        Ok(Self(members))
    }

    /// Takes a member; `null` is as good as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.shift_remove(name).filter(|value| !value.is_null())
    }

    /// Takes a member away if it is `value`; tells whether it was.
    fn drop_if(&mut self, name: &str, value: &Value) -> bool {
        let is = self.0.get(name) == Some(value);
        if is {
            self.0.shift_remove(name);
        }
        is
    }

    /// Takes a truth value.
    ///
    /// # Errors
    /// A fault that names it.
    pub(crate) fn switch(&mut self, name: &'static str, default: bool) -> Result<bool, Fault> {
        match self.take(name) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(value),
            Some(_) => Err(wrong(name, "must be `true` or `false`")),
        }
    }

    /// Takes a text.
    ///
    /// # Errors
    /// A fault that names it.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>, Fault> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(_) => Err(wrong(name, "must be a string")),
        }
    }

    fn number(&mut self, name: &'static str, default: usize, least: usize, most: usize) -> Result<usize, Fault> {
        let Some(value) = self.take(name) else { return Ok(default) };
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        let number = number.filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| wrong(name, format!("must be a whole number from {least} to {most}")))
    }

    /// Takes JSON, as it is or as text.
    ///
    /// # Errors
    /// A fault that names it.
    pub(crate) fn json(&mut self, name: &'static str) -> Result<Option<Value>, Fault> {
        match self.take(name) {
            Some(Value::String(text)) => parsed(name, &text),
            value => Ok(value),
        }
    }

    /// Takes paths: an array of them, or one.
    ///
    /// # Errors
    /// A fault that names it.
    pub(crate) fn paths(&mut self, name: &'static str) -> Result<Vec<Path>, Fault> {
        let values = match self.take(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values,
            Some(value) => vec![value],
        };
        let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
        paths(name, texts.ok_or_else(|| wrong(name, "must be an array of strings"))?.into_iter())
    }

    /// Succeeds when every member was taken.
    ///
    /// # Errors
    /// A fault that names one that was not.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        match self.0.into_iter().find(|(_, value)| !value.is_null()) {
            None => Ok(()),
            Some((name, _)) => Err(Fault::from(QueryError::new(name, "is no option of this operation"))),
        }
    }
}

fn wrong(name: &str, reason: impl Into<String>) -> Fault {
    Fault::from(QueryError::new(name, reason))
}

/// The JSON value that a text holds; an empty text holds none.
fn parsed(name: &'static str, text: &str) -> Result<Option<Value>, Fault> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let error = |error: waybill_http::JsonError| error.to_string().replacen("the body", "the text", 1);
    parse_json(text.as_bytes()).map(Some).map_err(|problem| wrong(name, format!("must be JSON; {}", error(problem))))
}

fn condition(value: Value) -> Result<Value, Fault> {
    if value.is_object() { Ok(value) } else { Err(wrong("where", "must be a JSON object of conditions")) }
}

/// Reads `name`, `-name` or `{"name": 1, "other": -1}`.
fn sort_text(text: &str) -> Result<SortOrder, Fault> {
    let value = if text.trim_start().starts_with('{') {
        parsed("sort", text)?.unwrap_or_default()
    } else {
        // As the vendor's cursor writes a name: in quotes.
        Value::String(text.trim().trim_matches('"').to_owned())
    };
    sort_value(&value)
}

fn sort_value(value: &Value) -> Result<SortOrder, Fault> {
    SortOrder::parse(value).map_err(|error| wrong("sort", error.to_string()))
}

fn paths<'a>(name: &'static str, texts: impl ExactSizeIterator<Item = &'a str>) -> Result<Vec<Path>, Fault> {
    if texts.len() > MAX_PATHS {
        return Err(wrong(name, format!("has more than {MAX_PATHS} elements")));
    }
    let asked = texts.filter(|text| !ALWAYS.contains(text));
    let path = |text: &str| Path::from_str(text).map_err(|error| wrong(name, format!("`{text}` is no path: {error}")));
    asked.map(path).collect()
}

fn id(query: &QueryArguments, name: &'static str) -> Result<Option<RecordId>, Fault> {
    let Some(text) = query.one(name)? else { return Ok(None) };
    let parsed = text.parse().map_err(|error| QueryError::new(name, format!("is no id: {error}")));
    Ok(Some(parsed?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(query: &str) -> Result<ObjectQuery, Fault> {
        of_query(&QueryArguments::parse(query).unwrap(), &["c_visits"])
    }

    fn refusal(query: &str) -> (Kind, Option<String>) {
        let fault = read(query).unwrap_err();
        (fault.kind, fault.path)
    }

    fn texts(paths: &[Path]) -> Vec<String> {
        paths.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn limits_have_a_default_and_a_most() {
        let arguments = read("").unwrap();
        assert_eq!((arguments.skip, arguments.limit), (0, 100));
        assert_eq!(read("limit=1000&skip=3").unwrap().limit, 1000);
        for query in ["limit=0", "limit=1001", "limit=ten", "limit=1&limit=2"] {
            assert_eq!(refusal(query), (Kind::InvalidArgument, Some("limit".into())), "{query}");
        }
        assert_eq!(refusal("skip=-1"), (Kind::InvalidArgument, Some("skip".into())));
    }

    #[test]
    fn orders_are_names_or_json_in_the_order_given() {
        let sort = |query: &str| read(query).unwrap().sort.unwrap().to_string();
        assert_eq!(sort("sort=created"), "created");
        assert_eq!(sort("sort=-label"), "-label");
        assert_eq!(sort("sort=%22label%22"), "label");
        assert_eq!(sort("sort=%7B%22state%22%3A-1%2C%22_id%22%3A1%7D"), "-state,_id");
        for query in ["sort=a..b", "sort={", "sort={\"_id\":2}"] {
            assert_eq!(refusal(query), (Kind::InvalidArgument, Some("sort".into())), "{query}");
        }
    }

    #[test]
    fn paths_are_read_in_every_form() {
        let paths = read("paths[]=state&paths=label&paths=[\"stats.docs\"]&paths[]=object").unwrap().paths;
        assert_eq!(texts(&paths), ["state", "label", "stats.docs"]);
        assert_eq!(refusal("paths[]=a b"), (Kind::InvalidArgument, Some("paths".into())));
    }

    #[test]
    fn what_is_asked_of_a_list_stands_behind_its_name() {
        let arguments = read("limit=3&c_visits.limit=5&c_visits.sort=-created&c_visits.paths[]=n").unwrap();
        let list = &arguments.lists["c_visits"];
        assert_eq!((arguments.limit, list.limit, texts(&list.paths)), (3, 5, vec!["n".to_owned()]));
        assert_eq!(refusal("c_visits.limit=0"), (Kind::InvalidArgument, Some("c_visits.limit".into())));
        assert_eq!(refusal("c_visits.colour=0"), (Kind::InvalidArgument, Some("c_visits.colour".into())));
        assert_eq!(refusal("c_visits.c_visits.limit=1").1.as_deref(), Some("c_visits.c_visits.limit"));
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for name in ["colour", "paths[x]", "limit[]", "sort[created]", "c_list.limit"] {
            assert_eq!(refusal(&format!("{name}=1")), (Kind::InvalidArgument, Some(name.into())));
        }
        assert!(read("_=17&medable-client-key=x").is_ok());
        assert_eq!(refusal("where=[]"), (Kind::InvalidArgument, Some("where".into())));
        assert_eq!(refusal("startingAfter=7"), (Kind::InvalidArgument, Some("startingAfter".into())));
    }

    #[test]
    fn bodies_of_the_driver_are_read_with_all_that_it_sends() {
        let Value::Object(body) = json!({
            "maxTimeMs": 2000, "skipAcl": null, "grant": null, "roles": null, "crossOrg": false, "unindexed": null,
            "where": {"a": 1}, "paths": ["a", "b.c"], "sort": {"a": -1}, "limit": 3, "operation": "cursor", "object": "export",
        }) else {
            return;
        };
        let mut options = Options::new(body).unwrap();
        let read = of_body(&mut options, 100, 1000).unwrap();
        assert!(options.finish().is_ok());
        assert_eq!((read.limit, texts(&read.paths)), (3, vec!["a".to_owned(), "b.c".to_owned()]));
        let body = |value: Value| value.as_object().unwrap().clone();
        let refused = Options::new(body(json!({"skipAcl": true}))).unwrap_err();
        assert_eq!((refused.kind, refused.path), (Kind::UnsupportedOperation, Some("skipAcl".to_owned())));
        assert!(Options::new(body(json!({"colour": 1}))).unwrap().finish().is_err());
    }
}
