//! A JSON string as it stands in a record, still escaped.

use std::borrow::Cow;

/// A string of a record: its source between the quotes, and whether that holds escapes.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    source: &'a str,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// `source` must be the inside of a valid JSON string; `escaped` tells whether it holds a backslash.
    pub(crate) fn new(source: &'a str, escaped: bool) -> Self {
        Self { source, escaped }
    }

    /// The source between the quotes, still escaped.
    pub fn source(&self) -> &'a str {
        self.source
    }

    /// Whether the source holds escapes.
    pub fn is_escaped(&self) -> bool {
        self.escaped
    }

    /// The characters it stands for.
    pub fn decoded(&self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.source);
        }
        let mut decoded = String::with_capacity(self.source.len());
        decode(self.source, &mut decoded);
        Cow::Owned(decoded)
    }

    /// Appends the characters it stands for to `out`.
    pub fn decode_into(&self, out: &mut String) {
        if self.escaped {
            decode(self.source, out);
        } else {
            out.push_str(self.source);
        }
    }

    /// Whether it stands for exactly `other`.
    pub fn is(&self, other: &str) -> bool {
        if self.escaped { self.decoded() == other } else { self.source == other }
    }
}

/// The UTF-16 unit that four hexadecimal digits write, `None` for anything else.
pub(crate) fn hex_unit(digits: &[u8]) -> Option<u16> {
    let mut unit: u16 = 0;
    if digits.len() != 4 {
        return None;
    }
    for &digit in digits {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            b'A'..=b'F' => digit - b'A' + 10,
            _ => return None,
        };
        unit = unit << 4 | u16::from(value);
    }
    Some(unit)
}

/// Decodes the inside of a JSON string that a scan has found valid.
fn decode(source: &str, out: &mut String) {
    let mut rest = source;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let escape = &rest.as_bytes()[at..];
        let (decoded, length) = match escape.get(1) {
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(b'u') => decode_unit(escape),
            Some(&plain) => (char::from(plain), 2),
            None => (char::REPLACEMENT_CHARACTER, 1),
        };
        out.push(decoded);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
}

/// The character of a `\uXXXX` or of a pair of them, and how many bytes it takes.
fn decode_unit(escape: &[u8]) -> (char, usize) {
    let first = escape.get(2..6).and_then(hex_unit).unwrap_or(0);
    if (0xD800..0xDC00).contains(&first) {
        let second = escape.get(8..12).and_then(hex_unit).unwrap_or(0);
        let decoded = char::decode_utf16([first, second]).next().and_then(Result::ok);
        return (decoded.unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    let decoded = char::from_u32(u32::from(first));
    (decoded.unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}
