//! The `filter`, `sort` and `q` of the Rebilly surface: `status:approved;amount:10..;billingAddress.country:!US,CA`.
//!
//! ```text
//! filter = clause *( ";" clause )           all of them
//! clause = field ":" value *( "," value )   any of them, and none of the denied ones
//! value  = ["!"] ( "@" list / [low] ".." [high] / literal )
//! ```
//! A `!` before the first value denies those after it, too. A backslash takes the meaning off the character behind it.
//! Texts are equal in any case; `null` is nothing.

mod read;

use crate::evaluate::lower;
use crate::filter::{Filter, Operand, Test};
use crate::{SortError, SortOrder};
use read::Reader;
use serde_json::Value as Json;
use waybill_record::{Path, PropertyType};

/// Most values in one filter, those of its lists included.
pub const MAX_VALUES: usize = 1000;
/// Most words in one search.
pub const MAX_WORDS: usize = 10;
/// What the vendor calls the built-in properties.
const ALIASES: [(&str, &str); 3] = [("id", "_id"), ("createdTime", "created"), ("updatedTime", "updated")];

/// Why a filter is refused. Positions count characters, the first is 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{clause}` (character {position}): {reason}")]
pub struct FilterError {
    /// The clause at fault, as it was written.
    pub clause: String,
    /// Where in the filter the fault is.
    pub position: usize,
    /// What is wrong.
    pub reason: String,
}

/// What a filter may ask about.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// The type of each property; `None` = there is none.
    pub types: &'a dyn Fn(&Path) -> Option<PropertyType>,
    /// Whether a property is declared: where anything may be there, others are of type `Any`, too.
    pub declared: &'a dyn Fn(&Path) -> bool,
    /// The values of each named list; `None` = there is none.
    pub lists: &'a dyn Fn(&str) -> Option<Vec<String>>,
}

impl Names<'_> {
    /// The property that a field stands for, and its type: itself, or the built-in one that the vendor calls so.
    pub fn property(&self, field: Path) -> Option<(Path, PropertyType)> {
        let known = (self.types)(&field);
        let alias = match known {
            // In an open collection anything is there without being declared.
            None | Some(PropertyType::Any) if !(self.declared)(&field) => own_name(&field),
            _ => None,
        };
        match alias.and_then(|path: Path| (self.types)(&path).map(|of| (path, of))) {
            Some(found) => Some(found),
            None => known.map(|of| (field, of)),
        }
    }

    /// What a property is called with slashes, as [`Self::property`] understands it.
    pub fn name_of(&self, path: &Path) -> String {
        let own = path.to_string();
        let vendors = ALIASES.iter().find(|(_, built_in)| *built_in == own).map(|(vendors, _)| *vendors);
        let field = vendors.and_then(|name| name.parse().ok()).and_then(|field| self.property(field));
        match (vendors, field) {
            (Some(name), Some((found, _))) if found == *path => name.to_owned(),
            _ => own.replace('.', "/"),
        }
    }
}

/// The path whose last part the vendor calls as `field` does.
fn own_name(field: &Path) -> Option<Path> {
    let (last, above) = field.segments().split_last()?;
    let (_, own) = ALIASES.iter().find(|(vendors, _)| vendors == last)?;
    above.iter().map(String::as_str).chain([*own]).collect::<Vec<_>>().join(".").parse().ok()
}

/// Reads a filter; nothing but blanks is one that everything meets.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(text: &str, names: Names<'_>) -> Result<Filter, FilterError> {
    Reader::new(text, names).filter()
}

/// Reads a `sort`: properties with commas between, those with a `-` the greatest first.
///
/// # Errors
/// As [`SortOrder::parse`].
pub fn sort(text: &str, names: Names<'_>) -> Result<SortOrder, SortError> {
    let term = |part: &str| {
        let part = part.trim();
        let (sign, name) = part.split_at(part.len() - part.trim_start_matches(['-', '+']).len());
        let found = name.parse().ok().and_then(|path| names.property(path));
        format!("{sign}{}", found.map_or_else(|| name.to_owned(), |(path, _)| path.to_string()))
    };
    let terms: Vec<String> = text.split(',').map(term).collect();
    SortOrder::parse(&Json::String(terms.join(",")))
}

/// Reads a `q`: every word of it occurs in one of the text properties `searched`, in any case, or is the `_id`; nothing but
/// blanks is a search that everything meets.
///
/// # Errors
/// More than [`MAX_WORDS`] words.
pub fn search(text: &str, searched: &[Path], id: &Path) -> Result<Filter, FilterError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.len() > MAX_WORDS {
        let reason = format!("there are more than {MAX_WORDS} words");
        return Err(FilterError { clause: text.to_owned(), position: 1, reason });
    }
    let word = |word: &&str| {
        let occurs = |path: &Path| Filter::Property { path: path.clone(), test: Test::Contains(lower(word)) };
        let is_id = Filter::Property { path: id.clone(), test: Test::Equal(Operand::AnyCase(lower(word))) };
        Filter::Any(searched.iter().map(occurs).chain([is_id]).collect())
    };
    Ok(Filter::All(words.iter().map(word).collect()))
}
