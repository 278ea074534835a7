//! A record's selected parts as rows of a table: the path of a value, and the value.

use waybill_record::{Kind, Value};

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// The path of the value, its items counted from 1: `lines.2.sku` where dots join it.
    pub(super) path: String,
    /// The value as people read it; nothing where it is `null`.
    pub(super) value: String,
}

/// The rows of a record, the names of their paths with `joint` between.
pub(super) fn rows(record: Value<'_>, joint: char) -> Vec<Row> {
    let mut rows = Vec::new();
    collect(record, joint, &mut String::new(), &mut rows);
    rows
}

fn collect(value: Value<'_>, joint: char, path: &mut String, rows: &mut Vec<Row>) {
    let nested = |kind| matches!(kind, Kind::Object | Kind::Array);
    match value.kind() {
        Kind::Object if value.members().next().is_some() => {
            for (key, member) in value.members() {
                let Some(key) = key.text() else { continue };
                within(path, joint, &key.decoded(), |path| collect(member, joint, path, rows));
            }
        }
        Kind::Array if value.elements().any(|element| nested(element.kind())) => {
            for (number, element) in (1_usize..).zip(value.elements()) {
                within(path, joint, &number.to_string(), |path| collect(element, joint, path, rows));
            }
        }
        // Items that are values stand below each other.
        Kind::Array if value.elements().next().is_some() => {
            let items: Vec<String> = value.elements().map(text).collect();
            rows.push(Row { path: path.clone(), value: items.join("\n") });
        }
        _ => rows.push(Row { path: path.clone(), value: text(value) }),
    }
}

/// Does something with one more name at the end of the path.
fn within(path: &mut String, joint: char, name: &str, work: impl FnOnce(&mut String)) {
    let length = path.len();
    if length > 0 {
        path.push(joint);
    }
    path.push_str(name);
    work(path);
    path.truncate(length);
}

fn text(value: Value<'_>) -> String {
    match value.kind() {
        Kind::Null => String::new(),
        Kind::Text => value.text().map(|text| text.decoded().into_owned()).unwrap_or_default(),
        _ => String::from_utf8_lossy(value.source()).into_owned(),
    }
}
