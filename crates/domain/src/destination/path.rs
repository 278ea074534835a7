//! Folders at a destination.

use super::DestinationConfigError;
use super::fields::{Fields, error};

/// The longest path: a key of S3 or Azure is at most 1024 bytes with the file's name.
const PATH_BYTES: usize = 700;

/// The field `path`: a folder in slashes, without `.` and `..`. Whether it begins with a slash only an SFTP server cares.
pub(super) fn folder(fields: &mut Fields<'_>) -> Result<Option<String>, DestinationConfigError> {
    const FIELD: &str = "path";
    let Some(path) = fields.text(FIELD)? else { return Ok(None) };
    if path.len() > PATH_BYTES {
        return Err(error(FIELD, "is longer than 700 bytes"));
    }
    if path.contains('\\') {
        return Err(error(FIELD, "has its parts separated by / and not by \\"));
    }
    if path.split('/').any(|part| part == "." || part == "..") {
        return Err(error(FIELD, "must not hold the parts . and .."));
    }
    Ok(Some(path))
}

/// A file's key below a folder: no slash at the beginning, none doubled.
pub(super) fn key(folder: Option<&String>, name: &str) -> String {
    let parts = folder.map(|folder| folder.split('/')).into_iter().flatten();
    let mut key: String = parts.filter(|part| !part.is_empty()).flat_map(|part| [part, "/"]).collect();
    key.push_str(name);
    key
}
