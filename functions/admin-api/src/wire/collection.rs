//! Collection definitions on the wire.

use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use waybill_app::PutCollection;
use waybill_domain::{
    AccessEntry, AccessLevel, Collection, CollectionName, DimensionId, KeyCondition, Property, PropertyKind,
    SortCondition, Source, TableSource, read_access_entries,
};
use waybill_http::{Members, Problem};

/// Longest name that is looked at, in characters; the definition's own limit is shorter.
const NAME_CHARS: usize = 600;

/// A collection and its definition.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Collection)]
pub(crate) struct CollectionWire {
    /// Its name.
    name: String,
    /// Name of one record.
    singular: String,
    /// Where its records are read from.
    source: SourceWire,
    /// Its properties in the order in which they are exported.
    #[schema(value_type = BTreeMap<String, PropertyWire>)]
    properties: Map<String, Value>,
    /// Whether records may have undeclared properties.
    open: bool,
    /// Who may do what with its records.
    access: AccessWire,
    /// Number of this version of the definition, from 1.
    revision: u64,
    /// When it was first written.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last written.
    #[schema(format = DateTime)]
    updated_at: String,
}

/// Where a collection's records are read from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Source)]
pub(crate) struct SourceWire {
    /// `records`: Waybill's own table. `dynamodb`: items of a table of the platform, which only the operator can name.
    #[serde(rename = "type")]
    kind: String,
    /// Of `dynamodb`: the table's name. The exporter's role must allow reading it: parameter `SourceTableArns`.
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    /// Of `dynamodb`: where in the table; absent = anywhere, which is read as a scan in 16 segments.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_condition: Option<KeyConditionWire>,
    /// Of `dynamodb`: the attribute that is a record's `_id`, any text or number.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_attribute: Option<String>,
    /// Of `dynamodb`: the attribute that holds the org's code. Items in which it does not are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    org_attribute: Option<String>,
}

/// Partitions of a table, and perhaps a part of each.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = KeyCondition)]
pub(crate) struct KeyConditionWire {
    /// The table's partition key, which holds text.
    attribute: String,
    /// Its values; `{org}` stands for the org's code, and must be in each unless there is an `orgAttribute`.
    values: Vec<String>,
    /// The table's sort key, which holds text.
    #[serde(skip_serializing_if = "Option::is_none")]
    sort_attribute: Option<String>,
    /// What the sort key begins with; `{org}` stands for the org's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    sort_prefix: Option<String>,
}

impl From<Source> for SourceWire {
    fn from(source: Source) -> Self {
        let wire = |kind: &str| Self {
            kind: kind.to_owned(),
            table: None,
            key_condition: None,
            id_attribute: None,
            org_attribute: None,
        };
        match source {
            Source::Records => wire("records"),
            // Of the built-in collection, which has no definition to show.
            Source::Accounts => wire("accounts"),
            // Of what an export is limited to, likewise.
            Source::Elements => wire("elements"),
            Source::Dynamodb(TableSource { table, key_condition, id_attribute, org_attribute }) => Self {
                table: Some(table),
                key_condition: key_condition.map(|KeyCondition { attribute, values, sort }| {
                    let (sort_attribute, sort_prefix) = sort.map(|sort| (sort.attribute, sort.prefix)).unzip();
                    KeyConditionWire { attribute, values, sort_attribute, sort_prefix }
                }),
                id_attribute: Some(id_attribute),
                org_attribute,
                ..wire("dynamodb")
            },
        }
    }
}

/// Who may do what with the records of a collection.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Access)]
pub(crate) struct AccessWire {
    /// Entries that hold for every record; at most 50. A record's own are in its member `_access`, and give more.
    default: Vec<AccessEntryWire>,
}

/// Grants a level to whom it names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccessEntry)]
pub(crate) struct AccessEntryWire {
    /// `account`, `self` (the record is the caller's own account), `role`, `owner` (the caller owns the record; without such
    /// an entry it may delete it), or `access` (the caller has a level by other entries).
    #[serde(rename = "type")]
    kind: &'static str,
    /// Of `account`, its id; of `role`, its name; of `access`, the level, 1 to 8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    target: Option<Value>,
    /// The level: 1 public, 2 connected, 4 read, 5 share, 6 update, 7 delete.
    allow: u8,
}

impl From<&AccessEntry> for AccessEntryWire {
    fn from(entry: &AccessEntry) -> Self {
        let (kind, target, allow) = match entry {
            AccessEntry::Account { target, allow } => ("account", Some(json!(target.to_string())), allow),
            AccessEntry::Own { allow } => ("self", None, allow),
            AccessEntry::Role { target, allow } => ("role", Some(json!(target.as_str())), allow),
            AccessEntry::Owner { allow } => ("owner", None, allow),
            AccessEntry::Access { target, allow } => ("access", Some(json!(target.number())), allow),
        };
        Self { kind, target, allow: allow.number() }
    }
}

/// A declared property.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Property)]
pub(crate) struct PropertyWire {
    /// `string`, `number`, `boolean`, `date`, `objectId`, `reference`, `file`, `document`, `any`, `binary`, `geometry` or `list`.
    #[serde(rename = "type")]
    kind: String,
    /// Of a reference: the collection that it refers to; of a list: the collection of its records.
    collection: Option<String>,
    /// Of a list: the reference in its records that leads back to the record whose list it is.
    via: Option<String>,
    /// Of a document: its properties; absent = anything.
    #[schema(no_recursion)]
    properties: Option<BTreeMap<String, PropertyWire>>,
    /// Whether it holds an array of that type.
    array: Option<bool>,
    /// Whether it is exported only when asked for.
    optional: Option<bool>,
    /// Whether a variant takes it from its parent where it has none.
    inheritable: Option<bool>,
    /// Dimensions that its values are scoped by: each is an array like `[{"scope":{"dim-language":"seg-da"},"value":…}]`.
    dimensions: Option<Vec<String>>,
    /// The level on its record that seeing it takes, 1 to 8; absent = 4, as the record itself.
    #[serde(rename = "readAccess")]
    read_access: Option<u8>,
}

impl From<Collection> for CollectionWire {
    fn from(collection: Collection) -> Self {
        Self {
            name: collection.name.into(),
            singular: collection.singular.into(),
            source: collection.source.into(),
            properties: properties_wire(&collection.properties),
            open: collection.open,
            access: AccessWire { default: collection.access.iter().map(Into::into).collect() },
            revision: collection.revision,
            created_at: collection.created_at.to_string(),
            updated_at: collection.updated_at.to_string(),
        }
    }
}

fn properties_wire(properties: &[Property]) -> Map<String, Value> {
    properties.iter().map(|property| (property.name.clone(), Value::Object(property_wire(property)))).collect()
}

fn property_wire(property: &Property) -> Map<String, Value> {
    let (kind, detail) = match &property.kind {
        PropertyKind::String => ("string", None),
        PropertyKind::Number => ("number", None),
        PropertyKind::Boolean => ("boolean", None),
        PropertyKind::Date => ("date", None),
        PropertyKind::ObjectId => ("objectId", None),
        PropertyKind::Reference { collection } => ("reference", Some(("collection", json!(collection.as_str())))),
        PropertyKind::File => ("file", None),
        PropertyKind::Document { properties } if properties.is_empty() => ("document", None),
        PropertyKind::Document { properties } => {
            ("document", Some(("properties", Value::Object(properties_wire(properties)))))
        }
        PropertyKind::Any => ("any", None),
        PropertyKind::Binary => ("binary", None),
        PropertyKind::Geometry => ("geometry", None),
        PropertyKind::List { collection, .. } => ("list", Some(("collection", json!(collection.as_str())))),
    };
    let mut wire = Map::new();
    wire.insert("type".to_owned(), json!(kind));
    if let Some((name, value)) = detail {
        wire.insert(name.to_owned(), value);
    }
    if let PropertyKind::List { via, .. } = &property.kind {
        wire.insert("via".to_owned(), json!(via));
    }
    for (name, set) in
        [("array", property.array), ("optional", property.optional), ("inheritable", property.inheritable)]
    {
        if set {
            wire.insert(name.to_owned(), json!(true));
        }
    }
    if !property.dimensions.is_empty() {
        wire.insert("dimensions".to_owned(), json!(property.dimensions));
    }
    if property.read_access != AccessLevel::Read {
        wire.insert("readAccess".to_owned(), json!(property.read_access.number()));
    }
    wire
}

/// A definition to be written.
#[derive(Debug, ToSchema)]
#[schema(as = PutCollection, rename_all = "camelCase")]
pub(crate) struct PutCollectionBody {
    /// Its name, which must be the path's where it is given.
    #[schema(value_type = Option<String>)]
    name: CollectionName,
    /// Name of one record; absent = the collection's name.
    #[schema(value_type = Option<String>)]
    singular: Option<CollectionName>,
    /// Where its records are read from; absent = where they are now, `{"type":"records"}` for a new one.
    #[schema(value_type = Option<SourceWire>)]
    source: Option<Source>,
    /// Its properties in the order in which they are exported.
    #[schema(value_type = BTreeMap<String, PropertyWire>)]
    properties: Vec<Property>,
    /// Whether records may have undeclared properties; absent = no.
    #[schema(value_type = Option<bool>)]
    open: bool,
    /// Who may do what with its records; absent = nobody anything, but the owner of a record and administrators.
    #[schema(value_type = Option<AccessWire>)]
    access: Vec<AccessEntry>,
}

impl PutCollectionBody {
    /// Reads the body of a definition of the collection `name`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(name: CollectionName, body: &Value) -> Result<Self, Vec<Problem>> {
        let mut members = Members::of(body, "").map_err(|problem| vec![problem])?;
        if members.text("name", NAME_CHARS).is_some_and(|given| given != name.as_str()) {
            members.refuse::<()>("name", format!("must be `{name}`, as in the path"));
        }
        let singular = members.parsed("singular", "a name: ^[A-Za-z][A-Za-z0-9_-]{0,63}$");
        let source = read_source(&mut members);
        let properties = members.take("properties");
        let properties = match members.require("properties", properties) {
            Some(properties) => read_properties(properties, "/properties", &mut members),
            None => Vec::new(),
        };
        let open = members.boolean("open").unwrap_or(false);
        let access = read_access(&mut members);
        let problems = members.finish();
        if problems.is_empty() { Ok(Self { name, singular, source, properties, open, access }) } else { Err(problems) }
    }
}

impl From<PutCollectionBody> for PutCollection {
    fn from(body: PutCollectionBody) -> Self {
        let PutCollectionBody { name, singular, source, properties, open, access } = body;
        Self { name, singular, source, properties, open, access }
    }
}

/// Reads a source; `None` also when there are problems, which go to `members`.
fn read_source(members: &mut Members<'_>) -> Option<Source> {
    let source = members.take("source")?;
    let (read, problems) = match Members::of(source, members.at("source")) {
        Err(problem) => (None, vec![problem]),
        Ok(mut inner) => {
            let kind = inner.text("type", NAME_CHARS);
            let read = match inner.require("type", kind) {
                Some("records") => Some(Source::Records),
                Some("dynamodb") => read_table(&mut inner).map(Source::Dynamodb),
                Some(_) => inner.refuse("type", "must be `records` or `dynamodb`"),
                None => None,
            };
            (read, inner.finish())
        }
    };
    members.add(problems);
    read
}

fn read_table(members: &mut Members<'_>) -> Option<TableSource> {
    let table = members.text("table", NAME_CHARS);
    let table = members.require("table", table).map(str::to_owned);
    let id_attribute = members.text("idAttribute", NAME_CHARS);
    let id_attribute = members.require("idAttribute", id_attribute).map(str::to_owned);
    let org_attribute = members.text("orgAttribute", NAME_CHARS).map(str::to_owned);
    let key_condition = match members.take("keyCondition") {
        None | Some(Value::Null) => None,
        Some(condition) => {
            let (read, problems) = match Members::of(condition, members.at("keyCondition")) {
                Err(problem) => (None, vec![problem]),
                Ok(mut inner) => (read_key_condition(&mut inner), inner.finish()),
            };
            members.add(problems);
            Some(read?)
        }
    };
    Some(TableSource { table: table?, key_condition, id_attribute: id_attribute?, org_attribute })
}

fn read_key_condition(members: &mut Members<'_>) -> Option<KeyCondition> {
    let attribute = members.text("attribute", NAME_CHARS);
    let attribute = members.require("attribute", attribute).map(str::to_owned);
    let values = members.take("values").map(|values| {
        let texts = values.as_array().map(|values| values.iter().map(|value| value.as_str().map(str::to_owned)));
        texts.and_then(Iterator::collect::<Option<Vec<String>>>)
    });
    let values = match members.require("values", values) {
        Some(None) => members.refuse("values", "must be an array of texts"),
        values => values.flatten(),
    };
    let sort_attribute = members.text("sortAttribute", NAME_CHARS).map(str::to_owned);
    let sort_prefix = members.text("sortPrefix", NAME_CHARS).map(str::to_owned);
    let sort = match (sort_attribute, sort_prefix) {
        (Some(attribute), Some(prefix)) => Some(SortCondition { attribute, prefix }),
        (None, None) => None,
        (Some(_), None) => members.refuse("sortPrefix", "must come with `sortAttribute`"),
        (None, Some(_)) => members.refuse("sortAttribute", "must come with `sortPrefix`"),
    };
    Some(KeyCondition { attribute: attribute?, values: values?, sort })
}

/// Reads `access`; problems go to `members`.
fn read_access(members: &mut Members<'_>) -> Vec<AccessEntry> {
    let Some(access) = members.take("access") else { return Vec::new() };
    let (entries, problems) = match Members::of(access, members.at("access")) {
        Err(problem) => (Vec::new(), vec![problem]),
        Ok(mut inner) => {
            let entries = match inner.take("default").map(read_access_entries) {
                None => Vec::new(),
                Some(Ok(entries)) => entries,
                Some(Err(error)) => {
                    let place = std::iter::once(inner.at("default")).chain(error.place).collect::<Vec<_>>().join("/");
                    inner.add([Problem::new(place, error.reason)]);
                    Vec::new()
                }
            };
            (entries, inner.finish())
        }
    };
    members.add(problems);
    entries
}

/// Reads declared properties; problems go to `outer`.
fn read_properties(value: &Value, pointer: &str, outer: &mut Members<'_>) -> Vec<Property> {
    let Some(object) = value.as_object() else {
        outer.add([Problem::new(pointer, "must be an object of properties by name")]);
        return Vec::new();
    };
    let mut properties = Vec::with_capacity(object.len());
    for (name, value) in object {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        properties.extend(read_property(name, value, &format!("{pointer}/{escaped}"), outer));
    }
    properties
}

fn read_property(name: &str, value: &Value, pointer: &str, outer: &mut Members<'_>) -> Option<Property> {
    let mut members = match Members::of(value, pointer) {
        Ok(members) => members,
        Err(problem) => {
            outer.add([problem]);
            return None;
        }
    };
    let kind = read_kind(&mut members, pointer);
    let array = members.boolean("array").unwrap_or(false);
    let optional = members.boolean("optional").unwrap_or(false);
    let read_access = members.whole("readAccess");
    let level = read_access.map_or(Some(AccessLevel::Read), |number| {
        u8::try_from(number)
            .ok()
            .and_then(|number| number.try_into().ok())
            .filter(|level| *level != AccessLevel::Reserved)
    });
    if level.is_none() {
        members.refuse::<()>("readAccess", "must be an access level: 1, 2, 4, 5, 6, 7 or 8");
    }
    let inheritable = members.boolean("inheritable").unwrap_or(false);
    let dimensions: Vec<DimensionId> = members.list("dimensions");
    let in_document = pointer.matches("/properties/").count() > 1;
    if in_document && (inheritable || !dimensions.is_empty()) {
        let name = if inheritable { "inheritable" } else { "dimensions" };
        members.refuse::<()>(name, "belongs to the properties of records; those of a document go along with it");
    }
    if !dimensions.is_empty() && kind == Some(PropertyKind::File) {
        members.refuse::<()>("dimensions", "does not go together with files");
    }
    let problems = members.finish();
    let good = problems.is_empty();
    outer.add(problems);
    let property = kind.map(|kind| Property {
        name: name.to_owned(),
        kind,
        array,
        optional,
        inheritable,
        dimensions: dimensions.into_iter().map(Into::into).collect(),
        read_access: level.unwrap_or(AccessLevel::Read),
    });
    property.filter(|_| good)
}

fn read_kind(members: &mut Members<'_>, pointer: &str) -> Option<PropertyKind> {
    let kind = members.text("type", NAME_CHARS);
    match members.require("type", kind)? {
        "string" => Some(PropertyKind::String),
        "number" => Some(PropertyKind::Number),
        "boolean" => Some(PropertyKind::Boolean),
        "date" => Some(PropertyKind::Date),
        "objectId" => Some(PropertyKind::ObjectId),
        "any" => Some(PropertyKind::Any),
        "binary" => Some(PropertyKind::Binary),
        "geometry" => Some(PropertyKind::Geometry),
        "file" => Some(PropertyKind::File),
        "reference" => {
            let collection = members.parsed("collection", "the name of a collection");
            Some(PropertyKind::Reference { collection: members.require("collection", collection)? })
        }
        "document" => {
            let properties = members.take("properties").map(|inner| {
                read_properties(inner, &format!("{pointer}/properties"), members)
            });
            Some(PropertyKind::Document { properties: properties.unwrap_or_default() })
        }
        "list" => {
            let (collection, via) = (members.parsed("collection", "the name of a collection"), members.text("via", NAME_CHARS));
            let (collection, via) = (members.require("collection", collection), members.require("via", via));
            Some(PropertyKind::List { collection: collection?, via: via?.to_owned() })
        }
        _ => members.refuse(
            "type",
            "must be one of `string`, `number`, `boolean`, `date`, `objectId`, `reference`, `file`, `document`, `any`, `binary`, `geometry`, `list`",
        ),
    }
}
