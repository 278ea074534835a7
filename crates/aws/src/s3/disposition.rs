//! Texts of headers that carry names: the disposition of a download, and the source of a copy.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but `attr-char` of RFC 5987, less the few signs of it that some readers mistake.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// As [`ENCODED`], with the slashes of a key kept.
const ENCODED_KEY: &AsciiSet = &ENCODED.remove(b'/');

/// `Content-Disposition` (RFC 6266) that saves under `filename`: plain for old readers, and exact in `filename*`.
pub(super) fn attachment(filename: &str) -> String {
    let plain: String = filename
        .chars()
        .map(|char| if matches!(char, ' '..='~') && !matches!(char, '"' | '\\' | '%' | '/') { char } else { '_' })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(filename, ENCODED))
}

/// `x-amz-copy-source` of an object.
pub(super) fn copy_source(bucket: &str, key: &str) -> String {
    format!("{bucket}/{}", utf8_percent_encode(key, ENCODED_KEY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_cannot_leave_their_header() {
        insta::assert_snapshot!(
            attachment("export-2026-11-21.zip"),
            @r#"attachment; filename="export-2026-11-21.zip"; filename*=UTF-8''export-2026-11-21.zip"#
        );
        insta::assert_snapshot!(
            attachment("Grüße \"50%\"\r\n/..\\x.zip"),
            @r#"attachment; filename="Gr__e _50_____.._x.zip"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%2250%25%22%0D%0A%2F..%5Cx.zip"#
        );
    }

    #[test]
    fn sources_of_copies_are_encoded_but_for_slashes() {
        assert_eq!(copy_source("b", "work/demo/ä +1"), "b/work/demo/%C3%A4%20%2B1");
    }
}
