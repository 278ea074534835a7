//! Dot paths into a record.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest path accepted, in bytes.
const MAX_PATH_BYTES: usize = 512;
/// Deepest path accepted, in segments.
const MAX_SEGMENTS: usize = 20;

/// A path of property names into a record, written with dots: `location.lat`.
///
/// Segments are non-empty and contain letters, digits, `_`, `-` or `$`; at most 20 of them, at most 512 bytes together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Path(Vec<String>);

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The text, or one of its segments, is empty.
    #[error("a path and each of its segments must not be empty")]
    Empty,
    /// A segment holds a character that no property name has.
    #[error("`{0}` is not allowed in a property name")]
    Character(char),
    /// The text is over the limits.
    #[error("a path has at most 20 segments and 512 bytes")]
    TooLong,
}

impl Path {
    /// The property names from the outside in; never empty.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// The first property name.
    pub fn head(&self) -> &str {
        &self.0[0]
    }

    /// This path with one more segment.
    ///
    /// # Errors
    /// As parsing.
    pub fn child(&self, name: &str) -> Result<Self, PathError> {
        format!("{self}.{name}").parse()
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong);
        }
        let segments: Vec<String> = text.split('.').map(str::to_owned).collect();
        if segments.len() > MAX_SEGMENTS {
            return Err(PathError::TooLong);
        }
        for segment in &segments {
            if segment.is_empty() {
                return Err(PathError::Empty);
            }
            if let Some(bad) = segment.chars().find(|c| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '$'))) {
                return Err(PathError::Character(bad));
            }
        }
        Ok(Self(segments))
    }
}

impl TryFrom<String> for Path {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.to_string()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_a_parsed_path_gives_the_text_back() {
        for text in ["_id", "location.lat", "a.b.c-d.$e"] {
            assert_eq!(text.parse::<Path>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn empty_segments_and_odd_characters_are_refused() {
        assert_eq!("".parse::<Path>(), Err(PathError::Empty));
        assert_eq!("a..b".parse::<Path>(), Err(PathError::Empty));
        assert_eq!("a.b/c".parse::<Path>(), Err(PathError::Character('/')));
        assert_eq!("x.".repeat(40).parse::<Path>(), Err(PathError::TooLong));
    }
}
