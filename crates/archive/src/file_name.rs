//! Names of the entries that hold records' files.

use crate::name::{EntryName, MAX_NAME_BYTES, NameError, is_forbidden, is_reserved};
use std::collections::HashSet;

/// Longest folder of a property, in bytes.
const MAX_FOLDER_BYTES: usize = 80;
/// Longest ending of a file's name that survives when the name is cut, in bytes, the dot included.
const MAX_ENDING_BYTES: usize = 16;
/// What a file without a name is called.
const UNNAMED: &str = "file";

/// Folder names for properties, in their order: each safe, and no two equal without regard to case.
pub fn file_folders<'a>(properties: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken = HashSet::new();
    let folder = |property: &str| {
        let mut folder = cut(&safe(property), MAX_FOLDER_BYTES).to_owned();
        if folder.is_empty() || is_reserved(&folder) {
            folder.insert(0, '_');
        }
        let stem = folder.clone();
        let mut number = 2_u32;
        while !taken.insert(folder.to_lowercase()) {
            folder = format!("{stem}-{number}");
            number += 1;
        }
        folder
    };
    properties.into_iter().map(folder).collect()
}

/// `files/<record>/<folder>/<number>-<name>`: the name made safe and cut to what is left of 255 bytes, its ending kept. With a folder of
/// the collection (`within`) that comes first: `files/<within>/<record>/…`.
///
/// Unique without regard to case wherever collections, records, folders ([`file_folders`]) and the numbers in each are.
///
/// # Errors
/// The record's id or a folder is no safe segment.
pub fn file_name(
    within: Option<&str>,
    record: &str,
    folder: &str,
    number: u32,
    name: &str,
) -> Result<EntryName, NameError> {
    let within = within.map(|within| format!("{within}/")).unwrap_or_default();
    let front = format!("files/{within}{record}/{folder}/{number}-");
    let room = MAX_NAME_BYTES.saturating_sub(front.len());
    let name = safe(name);
    let name = if name.is_empty() { UNNAMED } else { name.as_str() };
    if name.len() <= room {
        return format!("{front}{name}").parse();
    }
    let ending = name.rfind('.').filter(|at| *at > 0 && name.len() - at <= MAX_ENDING_BYTES);
    let ending = ending.map_or("", |at| &name[at..]);
    let stem = cut(&name[..name.len() - ending.len()], room.saturating_sub(ending.len()));
    format!("{front}{stem}{ending}").parse()
}

/// `<folder>/<number>-<id>.<extension>`, made of a collection and the `_id` of one of its records: both made safe, the id cut to
/// what is left of 255 bytes.
///
/// Unique wherever the numbers are. `extension` is one of ours: short, ASCII letters and digits.
pub fn document_name(collection: &str, number: u64, id: &str, extension: &str) -> EntryName {
    let mut folder = cut(&safe(collection), MAX_FOLDER_BYTES).to_owned();
    // What the archive's own entries are called, with endings, is no folder of ours.
    if folder.is_empty() || is_reserved(&folder) || folder.eq_ignore_ascii_case("files") || folder.contains('.') {
        folder = format!("_{}", folder.replace('.', "_"));
    }
    let room = MAX_NAME_BYTES.saturating_sub(folder.len() + 24 + extension.len());
    let (id, number) = (safe(id), number.to_string());
    let id = cut(&id, room);
    let dash = if id.is_empty() { "" } else { "-" };
    EntryName::of_safe(format!("{folder}/{number}{dash}{id}.{extension}"))
}

/// The text without what some system refuses in a segment: characters replaced, dots and spaces at the end dropped.
fn safe(text: &str) -> String {
    let replaced: String = text.chars().map(|c| if is_forbidden(c) || c == '/' { '_' } else { c }).collect();
    replaced.trim_end_matches(['.', ' ']).to_owned()
}

/// The beginning of a text, at most `bytes` long, cut between characters.
fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text[..end].trim_end_matches(['.', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RECORD: &str = "0123456789abcdef01234567";

    fn named(name: &str) -> String {
        file_name(None, RECORD, "photo", 1, name).unwrap().as_str()["files/0123456789abcdef01234567/photo/".len()..]
            .to_owned()
    }

    #[test]
    fn names_of_files_are_kept_as_far_as_they_are_safe() {
        for (name, expected) in [
            ("Übersicht (2).png", "1-Übersicht (2).png"),
            ("../../etc/passwd", "1-.._.._etc_passwd"),
            ("a\\b:c\n\u{202E}gpj.exe", "1-a_b_c__gpj.exe"),
            ("con.txt", "1-con.txt"),
            ("..", "1-file"),
            ("", "1-file"),
            ("  . ", "1-file"),
            ("x. ", "1-x"),
        ] {
            assert_eq!(named(name), expected, "{name:?}");
        }
    }

    #[test]
    fn files_of_several_collections_lie_in_folders_of_theirs() {
        let within = |name: &str| file_name(Some("orders"), RECORD, "photo", 1, name);
        assert_eq!(within("a.png").unwrap().as_str(), format!("files/orders/{RECORD}/photo/1-a.png"));
        assert_eq!(within(&format!("{}.jpeg", "x".repeat(300))).unwrap().as_str().len(), 255);
    }

    #[test]
    fn long_names_are_cut_before_their_ending() {
        let name = file_name(None, RECORD, "photo", 7, &format!("{}.jpeg", "ü".repeat(300))).unwrap();
        assert!(name.as_str().len() > 250 && name.as_str().ends_with("ü.jpeg"));
        let name = file_name(None, RECORD, "photo", 7, &format!("a.{}", "b".repeat(300))).unwrap();
        assert_eq!(name.as_str().len(), 255);
    }

    #[test]
    fn folders_of_properties_differ_without_regard_to_case() {
        let long = "x".repeat(200);
        let folders = file_folders(["photo", "Photo", "PHOTO-2", "nul", "", &long, &long, "c_scan"]);
        assert_eq!(folders[..5], ["photo", "Photo-2", "PHOTO-2-2", "_nul", "_"].map(String::from));
        assert_eq!((folders[5].len(), folders[6].len(), folders[7].as_str()), (80, 82, "c_scan"));
    }

    #[test]
    fn documents_are_called_by_number_and_id() {
        for (collection, id, expected) in [
            ("invoices", RECORD, "invoices/7-0123456789abcdef01234567.pdf"),
            ("invoices", "../a b:c. ", "invoices/7-.._a b_c.pdf"),
            ("files", "", "_files/7.pdf"),
            ("con", "x", "_con/7-x.pdf"),
            ("..", "x", "_/7-x.pdf"),
            ("a.b", "x", "_a_b/7-x.pdf"),
        ] {
            assert_eq!(document_name(collection, 7, id, "pdf").as_str(), expected);
        }
    }

    proptest! {
        #[test]
        fn every_document_gets_a_name(collection in any::<String>(), number in 1_u64.., id in any::<String>(), long in 0..300_usize) {
            let name = document_name(&collection, number, &id.repeat(1 + long), "pdf");
            prop_assert_eq!(name.as_str().parse::<EntryName>(), Ok(name.clone()));
            prop_assert_eq!(name.as_str().split('/').count(), 2);
        }

        #[test]
        fn every_file_gets_a_name(name in any::<String>(), property in any::<String>(), number in 1_u32..2000) {
            let folder = file_folders([property.as_str()]).remove(0);
            let entry = file_name(None, RECORD, &folder, number, &name).unwrap();
            prop_assert_eq!(entry.as_str().split('/').count(), 4);
        }
    }
}
