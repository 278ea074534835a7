//! Collections: named sets of records and the definition of their properties.

use crate::{ACCESS_LIST, AccessEntry, AccessLevel, CollectionName, IdError, OrgCode, TableSource, Timestamp};
use serde::{Deserialize, Serialize};
use waybill_record::{Path, PathError, PropertyType};

/// Properties that every record has, with their types; declared by nobody.
const BUILT_IN: [(&str, PropertyType); 5] = [
    ("_id", PropertyType::ObjectId),
    ("created", PropertyType::Date),
    ("updated", PropertyType::Date),
    ("creator", PropertyType::Reference),
    ("owner", PropertyType::Reference),
];

/// Deepest nesting of document properties.
const MAX_DEPTH: usize = 8;
/// Most properties of one definition, nested ones included.
const MAX_PROPERTIES: usize = 1000;

/// A collection and its definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collection {
    /// The org.
    pub org: OrgCode,
    /// Its name, plural where the language has one: `c_visits`.
    pub name: CollectionName,
    /// Name of one record: `c_visit`.
    pub singular: CollectionName,
    /// Where its records are read from.
    pub source: Source,
    /// Declared properties, in the order in which they are exported.
    pub properties: Vec<Property>,
    /// Whether records may have undeclared properties.
    pub open: bool,
    /// Who may do what with every record, unless the record's own entries give more.
    #[serde(default)]
    pub access: Vec<AccessEntry>,
    /// Number of this version of the definition, from 1.
    pub revision: u64,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// Where a collection's records are read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Source {
    /// Waybill's own record table.
    Records,
    /// Items of the platform's own `DynamoDB` table.
    Dynamodb(TableSource),
    /// The org's accounts.
    Accounts,
    /// Documents of an array in one record, which have nothing built in. Of what an export is limited to only.
    Elements,
}

/// One declared property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: PropertyKind,
    /// Whether it holds an array of that type.
    pub array: bool,
    /// Whether it is exported only when asked for.
    pub optional: bool,
    /// Whether a variant takes it from its parent where it has none.
    pub inheritable: bool,
    /// Dimensions that its values are scoped by.
    pub dimensions: Vec<String>,
    /// The level on its record that seeing it takes; one below [`AccessLevel::Read`] means that, since a record that
    /// cannot be read is not there.
    #[serde(default = "read")]
    pub read_access: AccessLevel,
}

/// What custom properties need.
fn read() -> AccessLevel {
    AccessLevel::Read
}

/// The type of a declared property, with what the type refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum PropertyKind {
    /// Text.
    String,
    /// A decimal number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An instant.
    Date,
    /// 24 hex digits.
    ObjectId,
    /// The `_id` of a record of another collection.
    Reference {
        /// That collection.
        collection: CollectionName,
    },
    /// A file kept beside the record.
    File,
    /// A nested document.
    Document {
        /// Its properties; empty = anything.
        properties: Vec<Property>,
    },
    /// Anything.
    Any,
    /// Base64 text.
    Binary,
    /// A `GeoJSON` object.
    Geometry,
    /// The records of another collection whose reference `via` points here.
    List {
        /// That collection.
        collection: CollectionName,
        /// The reference in it.
        via: String,
    },
}

/// How far declared structure becomes columns of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flattening {
    /// Not at all.
    Nothing,
    /// The documents of the default selection become their leaves; those in arrays, and what is asked for, stay whole.
    Documents,
    /// All documents become their leaves, those in arrays and those that are asked for too.
    Items,
}

/// Why a definition, or a path into a collection, is refused; `pointer` is a JSON pointer into the definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// A name that is none.
    #[error("{pointer}: {source}")]
    Name {
        /// Where.
        pointer: String,
        /// Why.
        source: IdError,
    },
    /// A property name that is none.
    #[error("{pointer}: {source}")]
    Property {
        /// Where.
        pointer: String,
        /// Why.
        source: PathError,
    },
    /// A name with a dot, a `$`, or one of ours.
    #[error("{pointer}: `{name}` is reserved")]
    Reserved {
        /// Where.
        pointer: String,
        /// The name.
        name: String,
    },
    /// The same name twice.
    #[error("{pointer}: `{name}` is declared twice")]
    Twice {
        /// Where.
        pointer: String,
        /// The name.
        name: String,
    },
    /// Too many or too deep.
    #[error("{pointer}: a definition has at most 1000 properties, 8 levels deep")]
    TooLarge {
        /// Where.
        pointer: String,
    },
    /// A file inside a document.
    #[error("{pointer}: files belong to records; a document cannot have any")]
    FileInDocument {
        /// Where.
        pointer: String,
    },
    /// A list that is none.
    #[error("{pointer}: {reason}")]
    List {
        /// Where.
        pointer: String,
        /// Why.
        reason: &'static str,
    },
    /// A source that is none, or that does not keep orgs apart.
    #[error("{pointer}: {reason}")]
    Source {
        /// Where.
        pointer: String,
        /// Why.
        reason: &'static str,
    },
    /// A path to no declared property.
    #[error("`{path}` is no property of `{collection}`")]
    UnknownPath {
        /// The collection.
        collection: CollectionName,
        /// The path.
        path: Path,
    },
}

impl PropertyKind {
    /// The type without what it refers to.
    pub fn property_type(&self) -> PropertyType {
        match self {
            Self::String => PropertyType::String,
            Self::Number => PropertyType::Number,
            Self::Boolean => PropertyType::Boolean,
            Self::Date => PropertyType::Date,
            Self::ObjectId => PropertyType::ObjectId,
            Self::Reference { .. } => PropertyType::Reference,
            Self::File => PropertyType::File,
            Self::Document { .. } => PropertyType::Document,
            Self::Any => PropertyType::Any,
            Self::Binary => PropertyType::Binary,
            Self::Geometry => PropertyType::Geometry,
            Self::List { .. } => PropertyType::List,
        }
    }
}

impl Source {
    /// Properties that every record has.
    fn built_in(&self) -> &'static [(&'static str, PropertyType)] {
        match self {
            Self::Records | Self::Accounts => &BUILT_IN,
            // The platform's ids are of its own making.
            Self::Dynamodb(_) => &[("_id", PropertyType::String)],
            Self::Elements => &[],
        }
    }
}

impl Collection {
    /// The built-in collection of an org's accounts.
    pub fn accounts(org: OrgCode) -> Self {
        let property = |name: &str, kind, array| Property {
            name: name.to_owned(),
            kind,
            array,
            optional: false,
            inheritable: false,
            dimensions: Vec::new(),
            read_access: AccessLevel::Read,
        };
        let name = ["first", "last"].map(|part| property(part, PropertyKind::String, false));
        Self {
            org,
            name: CollectionName::accounts(),
            singular: CollectionName::account(),
            source: Source::Accounts,
            properties: vec![
                property("email", PropertyKind::String, false),
                property("name", PropertyKind::Document { properties: name.to_vec() }, false),
                property("roles", PropertyKind::String, true),
            ],
            open: false,
            // Everybody may see their own.
            access: vec![
                AccessEntry::Own { allow: AccessLevel::Read },
                AccessEntry::Owner { allow: AccessLevel::Read },
            ],
            revision: 1,
            created_at: Timestamp::from_millis(0),
            updated_at: Timestamp::from_millis(0),
        }
    }

    /// Checks the source, and names, duplicates and limits of the declared properties.
    ///
    /// # Errors
    /// [`DefinitionError`] with a pointer to the first property that is wrong.
    pub fn check(&self) -> Result<(), DefinitionError> {
        if let Source::Dynamodb(table) = &self.source {
            table.check()?;
        }
        for list in self.lists() {
            self.check_list(list.property, format!("/properties/{}", list.property.name))?;
        }
        let mut count = 0;
        check_properties(&self.properties, "/properties", None, self.source.built_in(), &mut count)
    }

    /// The declared or built-in type of `path`, and whether it is an array; `None` for what is not declared.
    ///
    /// Below `any`, a document without declared properties, and anywhere in an open collection, everything is `any`.
    pub fn type_of(&self, path: &Path) -> Option<(PropertyType, bool)> {
        let segments = path.segments();
        if let [only] = segments
            && let Some((_, built_in)) = self.source.built_in().iter().find(|(name, _)| name == only)
            && !self.properties.iter().any(|property| property.name == *only)
        {
            return Some((*built_in, false));
        }
        let undeclared = self.open.then_some((PropertyType::Any, false));
        let mut properties = &self.properties;
        let mut in_array = false;
        for (depth, segment) in segments.iter().enumerate() {
            let Some(property) = properties.iter().find(|property| property.name == *segment) else {
                return undeclared.filter(|_| depth == 0 && segment != ACCESS_LIST);
            };
            in_array |= property.array;
            if depth + 1 == segments.len() {
                return Some((property.kind.property_type(), in_array));
            }
            match &property.kind {
                PropertyKind::Any | PropertyKind::Geometry | PropertyKind::File => {
                    return Some((PropertyType::Any, in_array));
                }
                PropertyKind::Document { properties: inner } if inner.is_empty() => {
                    return Some((PropertyType::Any, in_array));
                }
                PropertyKind::Document { properties: inner } => properties = inner,
                _ => return None,
            }
        }
        None
    }

    /// The properties that hold files, in their order.
    pub fn file_properties(&self) -> impl Iterator<Item = &Property> {
        self.properties.iter().filter(|property| property.kind == PropertyKind::File)
    }

    /// The property that `path` names or passes through first that is a reference or a list, if any.
    pub fn crossing(&self, path: &Path) -> Option<&Property> {
        let mut properties = &self.properties;
        for (depth, segment) in path.segments().iter().enumerate() {
            let property = properties.iter().find(|property| property.name == *segment)?;
            let last = depth + 1 == path.segments().len();
            match &property.kind {
                PropertyKind::List { .. } => return Some(property),
                PropertyKind::Reference { .. } if !last => return Some(property),
                PropertyKind::Document { properties: inner } => properties = inner,
                _ => return None,
            }
        }
        None
    }

    /// The collection that the reference at `path` leads to, through documents; `None` where there is no reference.
    pub fn reference(&self, path: &Path) -> Option<CollectionName> {
        match self.property(path) {
            Some(Property { kind: PropertyKind::Reference { collection }, .. }) => Some(collection.clone()),
            Some(_) => None,
            None => self.is_built_in_reference(path).then(CollectionName::accounts),
        }
    }

    fn is_built_in_reference(&self, path: &Path) -> bool {
        let mut references = self.source.built_in().iter().filter(|(_, kind)| *kind == PropertyType::Reference);
        matches!(path.segments(), [only] if references.any(|(name, _)| name == only))
    }

    /// The definition as it is for records whose reference at `path` was replaced by the record of `target` that it leads to: a
    /// document with the properties of `target` and its `_id`. The same where `path` is no reference to `target`.
    #[must_use]
    pub fn expanding(mut self, path: &Path, target: &Self) -> Self {
        if self.property(path).is_none() && self.is_built_in_reference(path) {
            // Built-in ones are optional, whatever they become.
            self.properties.push(Property {
                name: path.head().to_owned(),
                kind: PropertyKind::Reference { collection: CollectionName::accounts() },
                array: false,
                optional: true,
                inheritable: false,
                dimensions: Vec::new(),
                read_access: AccessLevel::Read,
            });
        }
        if let Some(property) = property_mut(&mut self.properties, path.segments())
            && matches!(&property.kind, PropertyKind::Reference { collection } if *collection == target.name)
        {
            let id = Property {
                name: "_id".to_owned(),
                kind: PropertyKind::ObjectId,
                array: false,
                optional: false,
                inheritable: false,
                dimensions: Vec::new(),
                read_access: AccessLevel::Read,
            };
            let properties = std::iter::once(id).chain(target.properties.iter().cloned()).collect();
            property.kind = PropertyKind::Document { properties };
        }
        self
    }

    /// The paths that an export writes: `paths` where given, else `_id` and every property that is not optional; then `include`. Without duplicates, in that order.
    ///
    /// Structure becomes columns as far as `flatten` says; a path that it would leave without any stays as it is.
    ///
    /// # Errors
    /// [`DefinitionError::UnknownPath`] for a path to nothing that is declared.
    pub fn select(&self, paths: &[Path], include: &[Path], flatten: Flattening) -> Result<Vec<Path>, DefinitionError> {
        let mut selected: Vec<Path> = Vec::new();
        let asked = paths.iter().chain(include);
        for path in asked.clone() {
            if self.type_of(path).is_none() {
                return Err(DefinitionError::UnknownPath { collection: self.name.clone(), path: path.clone() });
            }
        }
        if paths.is_empty() {
            // Elements have one only where it is declared.
            let built_in = self.source.built_in().iter().any(|(name, _)| *name == "_id");
            selected.extend("_id".parse::<Path>().ok().filter(|_| built_in));
            for property in self.properties.iter().filter(|property| !property.optional) {
                if let Ok(path) = property.name.parse::<Path>() {
                    push_leaves(property, &path, flatten, false, &mut selected);
                }
            }
        }
        for path in asked {
            let before = selected.len();
            if flatten == Flattening::Items
                && let Some(property) = self.property(path)
            {
                push_leaves(property, path, flatten, true, &mut selected);
            }
            if selected.len() == before {
                selected.push(path.clone());
            }
        }
        let mut seen = std::collections::HashSet::new();
        selected.retain(|path| seen.insert(path.clone()));
        Ok(selected)
    }

    /// Everything that its records have, built-in and optional properties, too, as columns with `flatten`.
    pub fn whole(&self, flatten: Flattening) -> Vec<Path> {
        let built_in = self.source.built_in().iter().filter_map(|(name, _)| name.parse::<Path>().ok());
        let mut whole: Vec<Path> = built_in.collect();
        for property in &self.properties {
            if let Ok(path) = property.name.parse::<Path>() {
                push_leaves(property, &path, flatten, true, &mut whole);
            }
        }
        whole
    }

    /// The declared property that `path` names.
    fn property(&self, path: &Path) -> Option<&Property> {
        let (last, above) = path.segments().split_last()?;
        let mut properties = &self.properties;
        for segment in above {
            let property = properties.iter().find(|property| property.name == *segment)?;
            let PropertyKind::Document { properties: inner } = &property.kind else { return None };
            properties = inner;
        }
        properties.iter().find(|property| property.name == *last)
    }
}

fn property_mut<'a>(properties: &'a mut [Property], path: &[String]) -> Option<&'a mut Property> {
    let (first, rest) = path.split_first()?;
    let property = properties.iter_mut().find(|property| property.name == *first)?;
    if rest.is_empty() {
        return Some(property);
    }
    match &mut property.kind {
        PropertyKind::Document { properties } => property_mut(properties, rest),
        _ => None,
    }
}

/// Appends the columns of a property; optional ones inside it only where it was `asked` for.
fn push_leaves(property: &Property, path: &Path, flatten: Flattening, asked: bool, selected: &mut Vec<Path>) {
    let opens = match flatten {
        Flattening::Nothing => false,
        Flattening::Documents => !property.array,
        Flattening::Items => true,
    };
    match &property.kind {
        PropertyKind::Document { properties } if opens && !properties.is_empty() => {
            for inner in properties.iter().filter(|inner| asked || !inner.optional) {
                if let Ok(path) = path.child(&inner.name) {
                    push_leaves(inner, &path, flatten, asked, selected);
                }
            }
        }
        PropertyKind::List { .. } => {}
        _ => selected.push(path.clone()),
    }
}

fn check_properties(
    properties: &[Property],
    pointer: &str,
    parent: Option<&Path>,
    reserved: &[(&str, PropertyType)],
    count: &mut usize,
) -> Result<(), DefinitionError> {
    let depth = parent.map_or(1, |path| path.segments().len() + 1);
    let mut seen = std::collections::HashSet::new();
    for property in properties {
        let name = &property.name;
        let pointer = format!("{pointer}/{name}");
        *count += 1;
        if *count > MAX_PROPERTIES || depth > MAX_DEPTH {
            return Err(DefinitionError::TooLarge { pointer });
        }
        if let Err(source) = name.parse::<Path>() {
            return Err(DefinitionError::Property { pointer, source });
        }
        let ours = depth == 1 && (reserved.iter().any(|(built_in, _)| built_in == name) || name.starts_with('_'));
        if name.contains('.') || name.starts_with('$') || ours {
            return Err(DefinitionError::Reserved { pointer, name: name.clone() });
        }
        if !seen.insert(name) {
            return Err(DefinitionError::Twice { pointer, name: name.clone() });
        }
        if depth > 1 && property.kind == PropertyKind::File {
            return Err(DefinitionError::FileInDocument { pointer });
        }
        if depth > 1 && matches!(property.kind, PropertyKind::List { .. }) {
            let reason = "lists belong to records; a document cannot have any";
            return Err(DefinitionError::List { pointer, reason });
        }
        // A name that is one may still be too long behind those around it.
        let path = parent.map_or_else(|| name.parse(), |parent| parent.child(name));
        let path = path.map_err(|source| DefinitionError::Property { pointer: pointer.clone(), source })?;
        if let PropertyKind::Document { properties } = &property.kind {
            check_properties(properties, &format!("{pointer}/properties"), Some(&path), reserved, count)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn property(name: &str, kind: PropertyKind) -> Property {
        Property {
            name: name.into(),
            kind,
            array: false,
            optional: false,
            inheritable: false,
            dimensions: vec![],
            read_access: AccessLevel::Read,
        }
    }

    fn airports() -> Collection {
        Collection {
            org: "demo".parse().unwrap(),
            name: "airports".parse().unwrap(),
            singular: "airport".parse().unwrap(),
            source: Source::Records,
            properties: vec![
                property("icao", PropertyKind::String),
                Property { optional: true, ..property("iata", PropertyKind::String) },
                property(
                    "location",
                    PropertyKind::Document {
                        properties: vec![property("lat", PropertyKind::Number), property("lon", PropertyKind::Number)],
                    },
                ),
                property("country", PropertyKind::Reference { collection: "countries".parse().unwrap() }),
            ],
            open: false,
            access: Vec::new(),
            revision: 1,
            created_at: Timestamp::from_millis(0),
            updated_at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn records_of_a_table_have_an_id_of_any_text_and_nothing_else_built_in() {
        let table = TableSource {
            table: "platform".into(),
            key_condition: None,
            id_attribute: "id".into(),
            org_attribute: Some("tenant".into()),
        };
        let mut collection = Collection { source: Source::Dynamodb(table), ..airports() };
        let type_of = |collection: &Collection, path: &str| collection.type_of(&path.parse().unwrap());
        assert_eq!(type_of(&collection, "_id"), Some((PropertyType::String, false)));
        assert_eq!(type_of(&collection, "created"), None);
        collection.properties.push(property("created", PropertyKind::Number));
        assert_eq!(collection.check(), Ok(()));
        assert_eq!(type_of(&collection, "created"), Some((PropertyType::Number, false)));
        collection.properties.push(property("_id", PropertyKind::Number));
        assert!(matches!(collection.check(), Err(DefinitionError::Reserved { .. })));
    }

    fn texts(paths: &[Path]) -> Vec<String> {
        paths.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_expanded_reference_is_a_document_of_the_properties_it_leads_to() {
        let country: Path = "country".parse().unwrap();
        let countries = Collection {
            name: "countries".parse().unwrap(),
            properties: vec![
                property("name", PropertyKind::String),
                Property { optional: true, ..property("capital", PropertyKind::String) },
            ],
            ..airports()
        };
        assert_eq!(airports().reference(&country).as_ref(), Some(&countries.name));
        let expanded = airports().expanding(&country, &countries);
        assert_eq!(expanded.reference(&country), None);
        let flat = expanded.select(&[], &[], Flattening::Documents).unwrap();
        assert_eq!(texts(&flat)[4..], ["country._id", "country.name"]);
        let asked = ["country.capital".parse().unwrap()];
        assert_eq!(texts(&expanded.select(&asked, &[], Flattening::Nothing).unwrap()), ["country.capital"]);
        assert_eq!(airports().expanding(&country, &airports()), airports(), "it leads elsewhere");
    }

    #[test]
    fn the_default_selection_leaves_optional_properties_out() {
        let selected = airports().select(&[], &[], Flattening::Nothing).unwrap();
        assert_eq!(texts(&selected), ["_id", "icao", "location", "country"]);
        let flat = airports().select(&[], &["iata".parse().unwrap()], Flattening::Documents).unwrap();
        assert_eq!(texts(&flat), ["_id", "icao", "location.lat", "location.lon", "country", "iata"]);
    }

    #[test]
    fn documents_in_arrays_become_columns_where_every_item_has_its_line() {
        let mut invoices = airports();
        let inner = vec![
            property("sku", PropertyKind::String),
            Property { optional: true, ..property("note", PropertyKind::String) },
            property("free", PropertyKind::Document { properties: vec![] }),
        ];
        invoices.properties =
            vec![Property { array: true, ..property("lines", PropertyKind::Document { properties: inner }) }];
        let select = |paths: &[&str], flatten| {
            let paths: Vec<Path> = paths.iter().map(|path| path.parse().unwrap()).collect();
            texts(&invoices.select(&paths, &[], flatten).unwrap())
        };
        assert_eq!(select(&[], Flattening::Documents), ["_id", "lines"]);
        assert_eq!(select(&[], Flattening::Items), ["_id", "lines.sku", "lines.free"]);
        assert_eq!(select(&["lines"], Flattening::Items), ["lines.sku", "lines.note", "lines.free"]);
        assert_eq!(select(&["lines.note", "lines"], Flattening::Items), ["lines.note", "lines.sku", "lines.free"]);
        assert_eq!(select(&["lines.free.x", "created"], Flattening::Items), ["lines.free.x", "created"]);
        assert_eq!(select(&["lines"], Flattening::Documents), ["lines"]);
    }

    #[test]
    fn document_without_columns_stays_whole() {
        let mut sites = airports();
        let list = PropertyKind::List { collection: "visits".parse().unwrap(), via: "site".to_owned() };
        sites.properties =
            vec![property("place", PropertyKind::Document { properties: vec![property("visits", list)] })];
        let selected = sites.select(&["place".parse().unwrap()], &[], Flattening::Items).unwrap();
        assert_eq!(texts(&selected), ["place"]);
    }

    #[test]
    fn names_too_long_behind_each_other_are_refused() {
        let mut definition = airports();
        let mut inner = property(&"x".repeat(200), PropertyKind::String);
        for _ in 0..2 {
            inner = property(&"x".repeat(200), PropertyKind::Document { properties: vec![inner] });
        }
        definition.properties = vec![inner];
        assert!(matches!(definition.check(), Err(DefinitionError::Property { source: PathError::TooLong, .. })));
    }

    #[test]
    fn a_path_to_nothing_is_refused_by_name() {
        let error = airports().select(&["location.alt".parse().unwrap()], &[], Flattening::Nothing).unwrap_err();
        assert_eq!(error.to_string(), "`location.alt` is no property of `airports`");
    }

    #[test]
    fn built_in_and_nested_properties_have_types() {
        let airports = airports();
        assert_eq!(airports.type_of(&"created".parse().unwrap()), Some((PropertyType::Date, false)));
        assert_eq!(airports.type_of(&"location.lat".parse().unwrap()), Some((PropertyType::Number, false)));
        assert_eq!(airports.type_of(&"country.code".parse().unwrap()), None);
        assert!(airports.crossing(&"country.code".parse().unwrap()).is_some());
        assert!(airports.crossing(&"country".parse().unwrap()).is_none());
    }

    #[test]
    fn definitions_with_reserved_or_doubled_names_are_refused() {
        let mut definition = airports();
        definition.properties.push(property("icao", PropertyKind::Any));
        assert!(matches!(definition.check(), Err(DefinitionError::Twice { .. })));
        definition.properties = vec![property("_id", PropertyKind::Any)];
        assert!(matches!(definition.check(), Err(DefinitionError::Reserved { .. })));
        let inner = vec![property("photo", PropertyKind::File)];
        definition.properties = vec![property("place", PropertyKind::Document { properties: inner })];
        assert!(matches!(definition.check(), Err(DefinitionError::FileInDocument { .. })));
    }
}
