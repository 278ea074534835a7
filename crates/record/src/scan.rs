//! One pass over a record's bytes: checks them fully and remembers where each value lies.

use crate::document::Document;

/// Deepest nesting accepted; the record itself is the first level.
pub const MAX_DEPTH: usize = 32;
/// Longest record accepted, in bytes: positions are kept in 32 bits.
pub const MAX_TEXT_BYTES: usize = 1 << 30;

/// What a node of the tape stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    Null,
    True,
    False,
    Number,
    /// Text without a backslash: its content is its source.
    PlainText,
    /// Text with at least one escape.
    EscapedText,
    Array,
    Object,
}

/// One value, or one key of an object; an object's children alternate between keys and values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// First byte of the source text, quotes and brackets included.
    pub(crate) start: u32,
    /// One past the last byte of the source text.
    pub(crate) end: u32,
    /// Index of the node behind this one's subtree.
    pub(crate) next: u32,
    pub(crate) kind: NodeKind,
}

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// The bytes are not UTF-8.
    #[error("not UTF-8 at byte {at}")]
    Utf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// The bytes break the grammar of JSON (RFC 8259).
    #[error("not JSON at byte {at}")]
    Syntax {
        /// Offset at which no JSON text could go on.
        at: usize,
    },
    /// The nesting is over [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    Depth,
    /// The text is JSON, but no object.
    #[error("a record must be a JSON object")]
    NotAnObject,
    /// The text is over [`MAX_TEXT_BYTES`].
    #[error("a record has at most {MAX_TEXT_BYTES} bytes")]
    TooLong,
}

/// The reusable memory of the scanner: scanning many records with one tape allocates for the largest only.
#[derive(Debug, Default)]
pub struct Tape {
    nodes: Vec<Node>,
}

impl Tape {
    /// An empty tape.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks `text` to be exactly one JSON object (white space around it allowed) and gives a view on it.
    ///
    /// Where an object names a key twice, the last one counts.
    ///
    /// # Errors
    /// Broken UTF-8 or JSON, a root that is no object, nesting or length over the limits.
    pub fn scan<'a>(&'a mut self, text: &'a [u8]) -> Result<Document<'a>, ScanError> {
        self.nodes.clear();
        if text.len() > MAX_TEXT_BYTES {
            return Err(ScanError::TooLong);
        }
        let valid = std::str::from_utf8(text).map_err(|error| ScanError::Utf8 { at: error.valid_up_to() })?;
        let mut scanner = Scanner { text, at: 0, nodes: &mut self.nodes, spaced: false };
        scanner.document()?;
        let compact = !scanner.spaced;
        if self.nodes.first().map(|root| root.kind) != Some(NodeKind::Object) {
            return Err(ScanError::NotAnObject);
        }
        Ok(Document::new(valid, &self.nodes, compact))
    }
}

/// The containers that are open, outermost first, as node indices.
struct Open {
    nodes: [usize; MAX_DEPTH],
    depth: usize,
}

struct Scanner<'a, 't> {
    text: &'a [u8],
    at: usize,
    nodes: &'t mut Vec<Node>,
    spaced: bool,
}

/// Positions fit: the length of the text was checked.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl Scanner<'_, '_> {
    fn document(&mut self) -> Result<(), ScanError> {
        let mut open = Open { nodes: [0; MAX_DEPTH], depth: 0 };
        'value: loop {
            self.skip_space();
            match self.peek() {
                Some(b'{') => {
                    self.enter(NodeKind::Object, &mut open)?;
                    self.skip_space();
                    if self.peek() != Some(b'}') {
                        self.key()?;
                        continue 'value;
                    }
                }
                Some(b'[') => {
                    self.enter(NodeKind::Array, &mut open)?;
                    self.skip_space();
                    if self.peek() != Some(b']') {
                        continue 'value;
                    }
                }
                Some(b'"') => self.string()?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.word(b"true", NodeKind::True)?,
                Some(b'f') => self.word(b"false", NodeKind::False)?,
                Some(b'n') => self.word(b"null", NodeKind::Null)?,
                _ => return Err(self.broken()),
            }
            loop {
                if open.depth == 0 {
                    break 'value;
                }
                let container = open.nodes[open.depth - 1];
                let kind = self.nodes[container].kind;
                self.skip_space();
                match (self.peek(), kind) {
                    (Some(b','), NodeKind::Object) => {
                        self.at += 1;
                        self.skip_space();
                        self.key()?;
                        continue 'value;
                    }
                    (Some(b','), _) => {
                        self.at += 1;
                        continue 'value;
                    }
                    (Some(b'}'), NodeKind::Object) | (Some(b']'), NodeKind::Array) => {
                        self.at += 1;
                        let next = position(self.nodes.len());
                        let node = &mut self.nodes[container];
                        node.end = position(self.at);
                        node.next = next;
                        open.depth -= 1;
                    }
                    _ => return Err(self.broken()),
                }
            }
        }
        self.skip_space();
        if self.at < self.text.len() {
            return Err(self.broken());
        }
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn broken(&self) -> ScanError {
        ScanError::Syntax { at: self.at }
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
            self.spaced = true;
        }
    }

    fn enter(&mut self, kind: NodeKind, open: &mut Open) -> Result<(), ScanError> {
        if open.depth == MAX_DEPTH {
            return Err(ScanError::Depth);
        }
        open.nodes[open.depth] = self.nodes.len();
        open.depth += 1;
        self.push(kind, self.at, self.at + 1);
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn push(&mut self, kind: NodeKind, start: usize, end: usize) {
        let next = position(self.nodes.len() + 1);
        self.nodes.push(Node { start: position(start), end: position(end), next, kind });
    }

    #[inline]
    fn key(&mut self) -> Result<(), ScanError> {
        if self.peek() != Some(b'"') {
            return Err(self.broken());
        }
        self.string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.broken());
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &[u8], kind: NodeKind) -> Result<(), ScanError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.broken());
        }
        self.push(kind, self.at, self.at + word.len());
        self.at += word.len();
        Ok(())
    }

    /// Reads a string; the cursor is on its opening quote.
    #[inline]
    fn string(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        self.at += 1;
        let mut kind = NodeKind::PlainText;
        loop {
            self.at = end_of_plain(self.text, self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    self.push(kind, start, self.at);
                    return Ok(());
                }
                Some(b'\\') => {
                    kind = NodeKind::EscapedText;
                    self.escape()?;
                }
                _ => return Err(self.broken()),
            }
        }
    }

    /// Reads one escape (a surrogate pair counts as one); the cursor is on its backslash.
    fn escape(&mut self) -> Result<(), ScanError> {
        match self.text.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let unit = self.hex_unit()?;
                self.at += 6;
                if (0xD800..0xDC00).contains(&unit) {
                    if !self.text[self.at..].starts_with(b"\\u") {
                        return Err(self.broken());
                    }
                    if !(0xDC00..0xE000).contains(&self.hex_unit()?) {
                        return Err(self.broken());
                    }
                    self.at += 6;
                } else if (0xDC00..0xE000).contains(&unit) {
                    return Err(self.broken());
                }
            }
            _ => return Err(self.broken()),
        }
        Ok(())
    }

    /// The UTF-16 unit of the `\uXXXX` under the cursor.
    fn hex_unit(&self) -> Result<u16, ScanError> {
        self.text.get(self.at + 2..self.at + 6).and_then(crate::text::hex_unit).ok_or_else(|| self.broken())
    }

    #[inline]
    fn number(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.broken()),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        self.push(NodeKind::Number, start, self.at);
        Ok(())
    }

    /// Reads at least one digit.
    #[inline]
    fn digits(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.broken());
        }
        Ok(())
    }
}

/// Offset, at or behind `at`, of the first quote, backslash or control character; the length of the text if none.
#[inline]
pub(crate) fn end_of_plain(text: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * 0x22);
        let backslash = word ^ (ONES * 0x5C);
        // A byte's high bit is set in `stops` when it is a quote, a backslash or below 0x20; a borrow can only set
        // bits above the first true one, so the lowest is exact.
        let stops = (quote.wrapping_sub(ONES) & !quote
            | backslash.wrapping_sub(ONES) & !backslash
            | word.wrapping_sub(ONES * 0x20) & !word)
            & HIGH;
        if stops != 0 {
            // At most 7, so it fits.
            return at + usize::try_from(stops.trailing_zeros() / 8).unwrap_or(0);
        }
        at += 8;
    }
    while let Some(&byte) = text.get(at) {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            return at;
        }
        at += 1;
    }
    at
}
