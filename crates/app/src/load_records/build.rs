//! One line made into a record: checked, and completed with the built-in properties.

use super::FILES_BYTES;
use super::shape::{DATE, Names, Shape, is_date, is_object_id, shown};
use bytes::Bytes;
use waybill_domain::{ACCESS_LIST, CATALOGS, LEVEL, MAX_ACCESS_ENTRIES, PARENT, RecordId, read_access_entries};
use waybill_ports::RecordPatch;
use waybill_record::stored::MAX_RECORD_BYTES;
use waybill_record::{Kind, Tape, Value};

/// The built-in properties beside `_id`, in the order in which they are stored, and whether each is a date.
const BUILT_IN: [(&str, bool); 4] = [("created", true), ("updated", true), ("creator", false), ("owner", false)];
/// Bytes that are kept free for the built-in properties, four members of at most 60 bytes each, and for a full access list.
const BUILT_IN_BYTES: usize = 240 + ACCESS_BYTES;
/// The longest access list: 50 entries of at most 75 bytes each, with commas, brackets and its name.
const ACCESS_BYTES: usize = MAX_ACCESS_ENTRIES * 76 + 16;

/// A record as its line gives it.
#[derive(Debug)]
pub(super) struct Built {
    /// Its id.
    pub(super) id: RecordId,
    /// Whether the line gave the id, so that there may be an older record.
    pub(super) named: bool,
    /// The built-in properties that the line gives, as JSON, in the order of [`BUILT_IN`].
    given: [Option<Vec<u8>>; 4],
    /// The access list that the line gives, as JSON.
    access: Option<String>,
    /// Every other member, compact, each with a comma in front.
    rest: Vec<u8>,
}

/// What fills built-in properties that nobody gave.
#[derive(Debug)]
pub(super) struct Stamp {
    /// The time of the call, RFC 3339.
    pub(super) at: String,
    /// The caller's account.
    pub(super) by: String,
}

/// Reads and checks a line.
///
/// # Errors
/// The reason why it is no record of that shape.
pub(super) fn build(
    tape: &mut Tape,
    shape: &Shape<'_>,
    line: &[u8],
    new_id: impl FnOnce() -> RecordId,
) -> Result<Built, String> {
    // Before it is looked at, since a line that long need not be scanned; built-ins may lie in it.
    if line.len() > MAX_RECORD_BYTES {
        return Err(too_large(0));
    }
    let document = tape.scan(line).map_err(|error| error.to_string())?;
    let mut id = None;
    let mut given = [const { None }; 4];
    let mut access = None;
    let mut rest = Vec::with_capacity(line.len());
    let mut names = Names::default();
    for (key, value) in document.root().members() {
        let name = key.text().map(|text| text.decoded()).unwrap_or_default();
        if name == "_id" {
            id = Some(record_id(value)?);
        } else if name == ACCESS_LIST {
            access = check_access(value)?;
        } else if let Some(place) = BUILT_IN.iter().position(|(built_in, _)| *built_in == name) {
            given[place] = check_built_in(place, value)?;
        } else if check_catalogue(&name, value)? {
            rest.push(b',');
            rest.extend_from_slice(key.source());
            rest.push(b':');
            value.write_compact(&mut rest);
        } else {
            check_name(&name)?;
            shape.check("", &name, value)?;
            if shape.is_file(&name) {
                continue;
            }
            rest.push(b',');
            rest.extend_from_slice(key.source());
            rest.push(b':');
            value.write_compact(&mut rest);
        }
        names.add("", name)?;
    }
    let files_bytes = if shape.has_files() { FILES_BYTES } else { 0 };
    if rest.len() + BUILT_IN_BYTES + files_bytes > MAX_RECORD_BYTES {
        return Err(too_large(files_bytes));
    }
    Ok(Built { named: id.is_some(), id: id.unwrap_or_else(new_id), given, access, rest })
}

fn too_large(files_bytes: usize) -> String {
    format!("a record has at most {} KiB", (MAX_RECORD_BYTES - ACCESS_BYTES - files_bytes) / 1024)
}

fn record_id(value: Value<'_>) -> Result<RecordId, String> {
    let id = value.text().and_then(|text| text.decoded().parse().ok());
    id.ok_or_else(|| "`_id` must be 24 hex digits".to_owned())
}

/// The value of a built-in property, `None` for `null`.
fn check_built_in(place: usize, value: Value<'_>) -> Result<Option<Vec<u8>>, String> {
    let (name, is_a_date) = BUILT_IN[place];
    if value.is_null() {
        return Ok(None);
    }
    let text = value.text().map(|text| text.decoded());
    match text {
        Some(text) if is_a_date && is_date(&text) => Ok(Some(value.source().to_vec())),
        Some(text) if !is_a_date && is_object_id(&text) => Ok(Some(value.source().to_vec())),
        _ => Err(format!("`{name}` must be {}", if is_a_date { DATE } else { "an account's id: 24 hex digits" })),
    }
}

/// Whether a member says where in the catalogue the record is: of what it is a variant, how deep, in which catalogs.
fn check_catalogue(name: &str, value: Value<'_>) -> Result<bool, String> {
    let texts = |value: Value<'_>| value.elements().all(|id| id.kind() == Kind::Text);
    let (good, expected) = match name {
        PARENT => (value.text().is_some_and(|id| is_object_id(&id.decoded())), "the `_id` of a record: 24 hex digits"),
        LEVEL => {
            let number = value.number().and_then(|text| text.parse::<u8>().ok());
            (number.is_some(), "a whole number from 0 to 255")
        }
        CATALOGS => (value.kind() == Kind::Array && texts(value), "an array of catalogs' ids"),
        _ => return Ok(false),
    };
    if good || value.is_null() { Ok(true) } else { Err(format!("`{name}` must be {expected}")) }
}

/// An access list as it is stored, `None` for `null`.
fn check_access(value: Value<'_>) -> Result<Option<String>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let named = |place: &[String], reason: &str| {
        let name = std::iter::once(ACCESS_LIST).chain(place.iter().map(String::as_str)).collect::<Vec<_>>().join(".");
        format!("`{name}` {reason}")
    };
    let json: serde_json::Value =
        serde_json::from_slice(value.source()).map_err(|_| named(&[], "must be an array of access entries"))?;
    let entries = read_access_entries(&json).map_err(|error| named(&error.place, &error.reason))?;
    serde_json::to_string(&entries).map(Some).map_err(|error| error.to_string())
}

/// Undeclared names of open collections still must be ones that paths can name.
fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.contains('.') || name.starts_with('$') || name.starts_with('_') {
        return Err(format!("`{}` cannot be a property's name", shown(name)));
    }
    Ok(())
}

impl Built {
    /// The whole record; `old` is the JSON of the one that is there, which hands its `files` on.
    pub(super) fn finish(&self, old: Option<&Bytes>, stamp: &Stamp, files: &[&str]) -> RecordPatch {
        let mut tape = Tape::new();
        // A stored record that does not scan keeps nothing: it is overwritten.
        let old = old.and_then(|json| tape.scan(json).ok());
        let mut json = Vec::with_capacity(self.rest.len() + BUILT_IN_BYTES);
        json.extend_from_slice(format!("{{\"_id\":\"{}\"", self.id).as_bytes());
        for (place, (name, is_a_date)) in BUILT_IN.iter().enumerate() {
            json.extend_from_slice(format!(",\"{name}\":").as_bytes());
            // `updated` is the only one that an older record does not hand on.
            let kept = old.and_then(|old| old.root().get(name)).filter(|value| *name != "updated" && !value.is_null());
            match (&self.given[place], kept) {
                (Some(given), _) => json.extend_from_slice(given),
                (None, Some(kept)) => json.extend_from_slice(kept.source()),
                (None, None) => {
                    let filled = if *is_a_date { &stamp.at } else { &stamp.by };
                    json.extend_from_slice(format!("\"{filled}\"").as_bytes());
                }
            }
        }
        let kept = old.and_then(|old| old.root().get(ACCESS_LIST)).map(|value| value.source());
        if let Some(list) = self.access.as_ref().map(String::as_bytes).or(kept).filter(|list| *list != b"[]") {
            json.extend_from_slice(format!(",\"{ACCESS_LIST}\":").as_bytes());
            json.extend_from_slice(list);
        }
        json.extend_from_slice(&self.rest);
        let kept = |name: &&str| old.and_then(|old| old.root().get(name)).filter(|value| !value.is_null());
        for (name, value) in files.iter().filter_map(|name| kept(name).map(|value| (name, value))) {
            json.extend_from_slice(format!(",\"{name}\":").as_bytes());
            json.extend_from_slice(value.source());
        }
        json.push(b'}');
        RecordPatch { id: self.id, json: json.into() }
    }
}
