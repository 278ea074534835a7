//! Names of entries that are safe on every system.

use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

/// Longest name, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 255;

const MANIFEST: &str = "manifest.json";
const FILES_ARCHIVE: &str = "files.zip";

/// Device names of Windows: a file of that name, with or without an extension, cannot be made there.
const RESERVED: [&str; 28] = [
    "con", "prn", "aux", "nul", "conin$", "conout$", "com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7",
    "com8", "com9", "lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9", "com", "lpt",
];

/// The name of an entry: segments joined by `/`, relative, at most 255 bytes.
///
/// No segment is empty, `.` or `..`, ends in a dot or a space, is a reserved device name, or holds control
/// characters, characters that change the direction of text, or any of `\ : * ? " < > |`.
/// That no two names of an archive are equal without regard to case is up to whoever makes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryName(String);

/// Why a text cannot name an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name or one of its segments is empty, or is `.` or `..`.
    #[error("an entry name needs proper segments")]
    Segment,
    /// A character that some system refuses or misreads.
    #[error("an entry name must not hold {0:?}")]
    Character(char),
    /// A segment that names a device somewhere.
    #[error("`{0}` is a reserved name")]
    Reserved(String),
    /// Over 255 bytes.
    #[error("an entry name has at most {MAX_NAME_BYTES} bytes")]
    TooLong,
}

impl EntryName {
    /// A name whose parts were made safe.
    pub(crate) fn of_safe(name: String) -> Self {
        Self(name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EntryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.len() > MAX_NAME_BYTES {
            return Err(NameError::TooLong);
        }
        if let Some(bad) = text.chars().find(|&c| is_forbidden(c)) {
            return Err(NameError::Character(bad));
        }
        for segment in text.split('/') {
            if segment.is_empty() || segment == "." || segment == ".." {
                return Err(NameError::Segment);
            }
            if let Some(bad @ ('.' | ' ')) = segment.chars().last() {
                return Err(NameError::Character(bad));
            }
            if is_reserved(segment) {
                return Err(NameError::Reserved(segment.to_owned()));
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for EntryName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<EntryName> for String {
    fn from(name: EntryName) -> Self {
        name.0
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of the entry that describes an archive.
pub fn manifest_name() -> EntryName {
    EntryName(MANIFEST.to_owned())
}

/// The name of the entry that holds the records' files as an archive of its own.
pub fn files_archive_name() -> EntryName {
    EntryName(FILES_ARCHIVE.to_owned())
}

/// The name of the entry that holds a collection's records: its name made safe, a dot and the extension.
///
/// Characters an entry name must not hold become `_`; a reserved name, and `manifest.json`, get a `_` in front.
/// `extension` is one of ours: short, ASCII letters and digits.
pub fn records_name(collection: &str, extension: &str) -> EntryName {
    let mut stem = String::new();
    for c in collection.chars() {
        if stem.len() + c.len_utf8() > 128 {
            break;
        }
        stem.push(if is_forbidden(c) || c == '/' || c == '.' { '_' } else { c });
    }
    let name = format!("{stem}.{extension}");
    let name = if stem.trim().is_empty() || is_reserved(&name) || name.eq_ignore_ascii_case(MANIFEST) {
        format!("_{name}")
    } else {
        name
    };
    EntryName(name)
}

/// The names of the entries that hold the records of each of several collections, in their order: as [`records_name`], and where two
/// would be equal without regard to case, numbered.
pub fn records_names<'a>(collections: impl IntoIterator<Item = &'a str>, extension: &str) -> Vec<EntryName> {
    let mut taken = HashSet::new();
    let named = |collection: &str| {
        let EntryName(first) = records_name(collection, extension);
        let stem = first.strip_suffix(&format!(".{extension}")).unwrap_or(&first).to_owned();
        let (mut name, mut number) = (first, 2_u32);
        while !taken.insert(name.to_lowercase()) {
            name = format!("{stem}-{number}.{extension}");
            number += 1;
        }
        EntryName(name)
    };
    collections.into_iter().map(named).collect()
}

/// The name of the entry that holds the `number`th part of records: `text` made safe, `-part` and the number, a dot and the extension.
///
/// Characters an entry name must not hold become `-`; a reserved name gets a `_` in front.
pub fn part_name(text: &str, number: u64, extension: &str) -> EntryName {
    let safe: String = text.chars().map(|c| if is_forbidden(c) || c == '/' { '-' } else { c }).collect();
    let safe = safe.trim_matches([' ', '.']);
    let stem: String = safe.char_indices().take_while(|(at, c)| at + c.len_utf8() <= 200).map(|(_, c)| c).collect();
    let name = format!("{stem}-part{number}.{extension}");
    EntryName(if is_reserved(&name) { format!("_{name}") } else { name })
}

pub(crate) fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFF}')
}

/// Whether a segment is a device name, whatever follows its first dot.
pub(crate) fn is_reserved(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or(segment).trim_end();
    RESERVED.iter().any(|reserved| stem.eq_ignore_ascii_case(reserved))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_called_as_their_export_as_far_as_every_system_takes_that() {
        for (text, expected) in [
            ("Report v1.2", "Report v1.2-part3.csv"),
            ("a/b: \"c\"", "a-b- -c--part3.csv"),
            ("../..", "--part3.csv"),
            ("con.x", "_con.x-part3.csv"),
            (" . ", "-part3.csv"),
        ] {
            let name = part_name(text, 3, "csv");
            assert_eq!(name.as_str(), expected);
            assert_eq!(name.as_str().parse::<EntryName>().unwrap(), name);
        }
        assert!(part_name(&"ä".repeat(200), u64::MAX, "csv").as_str().parse::<EntryName>().is_ok());
    }

    #[test]
    fn names_that_some_system_would_misread_are_refused() {
        for bad in [
            "",
            "/a",
            "a//b",
            "..",
            "a/../b",
            "a/.",
            "a\\b",
            "c:x",
            "a\0",
            "a\nb",
            "nul",
            "files/CON.txt",
            "x.",
            "x ",
            "a\u{202E}b",
        ] {
            assert!(bad.parse::<EntryName>().is_err(), "{bad:?}");
        }
        assert_eq!("é".repeat(200).parse::<EntryName>(), Err(NameError::TooLong));
    }

    #[test]
    fn ordinary_names_are_kept() {
        for good in ["c_visits.csv", "files/0a/photo/1-Übersicht (2).png", "console.txt"] {
            assert_eq!(good.parse::<EntryName>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn no_two_collections_have_names_that_are_equal_without_regard_to_case() {
        let collections = ["orders", "Orders", "ORDERS", "orders-2", "manifest", "_manifest", "_Manifest", "con"];
        let names = records_names(collections, "json");
        let names: Vec<&str> = names.iter().map(EntryName::as_str).collect();
        assert_eq!(
            names,
            [
                "orders.json",
                "Orders-2.json",
                "ORDERS-3.json",
                "orders-2-2.json",
                "_manifest.json",
                "_manifest-2.json",
                "_Manifest-3.json",
                "_con.json"
            ]
        );
        assert!(names.iter().all(|name| name.parse::<EntryName>().is_ok()));
        let long = "x".repeat(300);
        let [first, second] = records_names([long.as_str(), long.as_str()], "json").try_into().unwrap();
        assert!(first != second && second.as_str().parse::<EntryName>().is_ok());
    }

    #[test]
    fn every_collection_gets_a_name_that_parses() {
        for (collection, expected) in [
            ("airports", "airports.json"),
            ("manifest", "_manifest.json"),
            ("Manifest", "_Manifest.json"),
            ("nul", "_nul.json"),
            ("../x", "___x.json"),
            ("", "_.json"),
        ] {
            let name = records_name(collection, "json");
            assert_eq!(name.as_str(), expected);
            assert_eq!(name.as_str().parse::<EntryName>().unwrap(), name);
        }
        let long = records_name(&"ü".repeat(300), "ndjson");
        assert!(long.as_str().parse::<EntryName>().is_ok());
    }
}
