//! What a record must look like: a definition made ready for checking values against it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use waybill_domain::{Collection, Property, PropertyKind};
use waybill_query::Instant;
use waybill_record::{Kind, Value};

/// Longest part of a name or value of the client's that a reason repeats, in characters.
const SHOWN_CHARS: usize = 80;

/// The declared properties of a record or of a nested document.
pub(super) struct Shape<'a> {
    properties: HashMap<&'a str, (&'a Property, Shape<'a>)>,
    /// Whether undeclared properties are taken.
    open: bool,
}

impl<'a> Shape<'a> {
    /// What records of a collection must look like.
    pub(super) fn of(collection: &'a Collection) -> Self {
        Self::of_properties(&collection.properties, collection.open)
    }

    fn of_properties(properties: &'a [Property], open: bool) -> Self {
        let shaped = properties.iter().map(|property| {
            let inner = match &property.kind {
                // Without declared properties, a document may hold anything.
                PropertyKind::Document { properties } => Self::of_properties(properties, properties.is_empty()),
                _ => Self { properties: HashMap::new(), open: true },
            };
            (property.name.as_str(), (property, inner))
        });
        Self { properties: shaped.collect(), open }
    }

    /// Whether a property holds files.
    pub(super) fn is_file(&self, name: &str) -> bool {
        self.properties.get(name).is_some_and(|(property, _)| property.kind == PropertyKind::File)
    }

    /// Whether any property does.
    pub(super) fn has_files(&self) -> bool {
        self.properties.values().any(|(property, _)| property.kind == PropertyKind::File)
    }

    /// Checks one member of an object at `path`.
    ///
    /// # Errors
    /// The reason, naming the property.
    pub(super) fn check(&self, path: &str, name: &str, value: Value<'_>) -> Result<(), String> {
        let path = || if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match self.properties.get(name) {
            Some((property, inner)) => check_property(property, inner, &path, value),
            None if self.open => check_free(&path(), value),
            None => Err(format!("`{}` is not declared", shown(&path()))),
        }
    }

    fn check_document(&self, path: &str, value: Value<'_>) -> Result<(), String> {
        let mut names = Names::default();
        for (key, member) in value.members() {
            let name = key.text().map(|text| text.decoded()).unwrap_or_default();
            self.check(path, &name, member)?;
            names.add(path, name)?;
        }
        Ok(())
    }
}

/// The names of an object's members: a name given twice is refused, since readers disagree on which counts.
#[derive(Default)]
pub(super) struct Names<'v>(HashSet<Cow<'v, str>>);

impl<'v> Names<'v> {
    /// Adds one of the object at `path`.
    ///
    /// # Errors
    /// The reason, when it is there already.
    pub(super) fn add(&mut self, path: &str, name: Cow<'v, str>) -> Result<(), String> {
        if self.0.contains(&name) {
            let dot = if path.is_empty() { "" } else { "." };
            return Err(format!("`{}` is given twice", shown(&format!("{path}{dot}{name}"))));
        }
        self.0.insert(name);
        Ok(())
    }
}

fn check_property(
    property: &Property,
    inner: &Shape<'_>,
    path: &dyn Fn() -> String,
    value: Value<'_>,
) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    if !property.dimensions.is_empty() {
        return check_scoped(property, inner, path, value);
    }
    check_unscoped(property, inner, path, value)
}

/// Checks a list of values, each with its scope.
fn check_scoped(
    property: &Property,
    inner: &Shape<'_>,
    path: &dyn Fn() -> String,
    value: Value<'_>,
) -> Result<(), String> {
    let wrong = || format!("`{}` must be an array like `[{{\"scope\":{{}},\"value\":…}}]`", shown(&path()));
    if value.kind() != Kind::Array {
        return Err(wrong());
    }
    for (index, entry) in value.elements().enumerate() {
        let (scope, scoped) = (entry.get("scope"), entry.get("value"));
        let only = entry.members().all(|(key, _)| key.key_is("scope") || key.key_is("value"));
        let (Some(scope), Some(scoped), true) = (scope, scoped, only) else { return Err(wrong()) };
        if scope.kind() != Kind::Object {
            return Err(wrong());
        }
        for (dimension, segment) in scope.members() {
            let dimension = dimension.text().map(|text| text.decoded()).unwrap_or_default();
            if !property.dimensions.iter().any(|known| *known == dimension) || segment.kind() != Kind::Text {
                let place = format!("{}.{index}.scope.{dimension}", path());
                return Err(format!("`{}` must be a segment of one of the property's dimensions", shown(&place)));
            }
        }
        if !scoped.is_null() {
            check_unscoped(property, inner, &|| format!("{}.{index}.value", path()), scoped)?;
        }
    }
    Ok(())
}

fn check_unscoped(
    property: &Property,
    inner: &Shape<'_>,
    path: &dyn Fn() -> String,
    value: Value<'_>,
) -> Result<(), String> {
    if !property.array {
        return check_value(property, inner, path, value);
    }
    if value.kind() != Kind::Array {
        return Err(format!("`{}` must be an array", shown(&path())));
    }
    for (index, element) in value.elements().enumerate() {
        check_value(property, inner, &|| format!("{}.{index}", path()), element)?;
    }
    Ok(())
}

fn check_value(
    property: &Property,
    inner: &Shape<'_>,
    path: &dyn Fn() -> String,
    value: Value<'_>,
) -> Result<(), String> {
    let text = |good: fn(&str) -> bool| value.text().is_some_and(|text| good(&text.decoded()));
    let (good, expected) = match &property.kind {
        PropertyKind::String => (value.kind() == Kind::Text, "a string"),
        PropertyKind::Number => (value.kind() == Kind::Number, "a number"),
        PropertyKind::Boolean => (value.kind() == Kind::Boolean, "`true` or `false`"),
        PropertyKind::Date => (text(is_date), DATE),
        PropertyKind::ObjectId => (text(is_object_id), "24 hex digits"),
        PropertyKind::Reference { .. } => (text(is_object_id), "the `_id` of a record: 24 hex digits"),
        PropertyKind::Document { .. } => {
            if value.kind() == Kind::Object {
                return inner.check_document(&path(), value);
            }
            (false, "an object")
        }
        PropertyKind::Any => return check_free(&path(), value),
        PropertyKind::Binary => (text(is_base64), "base64 text"),
        PropertyKind::Geometry => {
            let named = value.get("type").is_some_and(|kind| kind.kind() == Kind::Text);
            if named {
                return check_free(&path(), value);
            }
            (false, "a GeoJSON object")
        }
        PropertyKind::File => (false, "left out: files are set by uploading them"),
        PropertyKind::List { .. } => (false, "left out: a list holds records of another collection"),
    };
    if good { Ok(()) } else { Err(format!("`{}` must be {expected}", shown(&path()))) }
}

/// What a date must be.
pub(super) const DATE: &str = "an RFC 3339 date and time, like `2026-11-21T21:04:16.101Z`";

/// Checks what no definition says anything of: only that no name is given twice.
fn check_free(path: &str, value: Value<'_>) -> Result<(), String> {
    match value.kind() {
        Kind::Object => Shape { properties: HashMap::new(), open: true }.check_document(path, value),
        Kind::Array => value.elements().enumerate().try_for_each(|(index, element)| match element.kind() {
            Kind::Object | Kind::Array => check_free(&format!("{path}.{index}"), element),
            _ => Ok(()),
        }),
        _ => Ok(()),
    }
}

/// Whether a text is an RFC 3339 date and time: a date, `T`, a time with seconds, and an offset.
pub(super) fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has_time = bytes.len() >= 20 && matches!(bytes[10], b'T' | b't') && bytes[16] == b':';
    let offset = bytes.last().is_some_and(|last| matches!(last, b'Z' | b'z'))
        || bytes.len().checked_sub(6).is_some_and(|at| matches!(bytes[at], b'+' | b'-') && bytes[at + 3] == b':');
    has_time && offset && !bytes.contains(&b',') && Instant::parse(text).is_some()
}

/// Whether a text is 24 hex digits.
pub(super) fn is_object_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// A text of the client's, cut to what a reason may repeat.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_whole_instants_with_an_offset() {
        for good in ["2026-11-21T21:04:16.101Z", "2026-11-21t21:04:16z", "2026-11-21T21:04:16+01:00"] {
            assert!(is_date(good), "{good}");
        }
        for bad in ["2026-11-21", "2026-11-21 21:04:16Z", "2026-11-21T21:04:16", "2026-02-30T21:04:16Z", "é", ""] {
            assert!(!is_date(bad), "{bad}");
        }
    }

    #[test]
    fn base64_has_its_padding() {
        assert!(is_base64("") && is_base64("QQ==") && is_base64("QUJD"));
        assert!(!is_base64("QQ=") && !is_base64("QQ") && !is_base64("Q===") && !is_base64("Q-_="));
    }
}
