//! A cursor over JSON whose syntax is known beforehand: it finds where things end and checks no more than that takes.

use crate::scan::{Tape, end_of_plain};
use std::ops::Range;

/// The bytes end, or hold something else than they must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unexpected {
    /// Where.
    pub(crate) at: usize,
}

/// Reads UTF-8 text from front to back.
#[derive(Debug)]
pub(crate) struct Wire<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(text: &'a [u8], at: usize) -> Self {
        Self { text, at }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn slice(&self, range: Range<usize>) -> &'a [u8] {
        self.text.get(range).unwrap_or_default()
    }

    pub(crate) fn unexpected(&self) -> Unexpected {
        Unexpected { at: self.at }
    }

    /// The next byte that is no white space.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.get(self.at).copied() {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                other => return other,
            }
        }
    }

    /// Takes this byte, if it is the next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    #[inline]
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Unexpected> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Takes this word, if it is next.
    pub(crate) fn take_word(&mut self, word: &[u8]) -> bool {
        self.peek();
        let is_next = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }

    /// Takes a string and tells where its content lies, still escaped; escapes are not checked.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Range<usize>, Unexpected> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            self.at = end_of_plain(self.text, self.at);
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(start..self.at - 1);
                }
                // What is escaped is taken along, so that an escaped quote does not end the string.
                Some(b'\\') if self.at + 1 < self.text.len() => self.at += 2,
                _ => return Err(self.unexpected()),
            }
        }
    }

    /// Takes the name of a member and the colon behind it.
    #[inline]
    pub(crate) fn name(&mut self) -> Result<&'a [u8], Unexpected> {
        let name = self.string()?;
        self.expect(b':')?;
        Ok(self.slice(name))
    }

    /// Calls `member` with the name of each member of an object, to take its value.
    pub(crate) fn members<E: From<Unexpected>>(
        &mut self,
        mut member: impl FnMut(&mut Self, &'a [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.expect(b'{')?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let name = self.name()?;
            member(self, name)?;
            if !self.take(b',') {
                return Ok(self.expect(b'}')?);
            }
        }
    }

    /// Calls `element` for each element of an array, to take it.
    pub(crate) fn elements<E: From<Unexpected>>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.expect(b'[')?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            element(self)?;
            if !self.take(b',') {
                return Ok(self.expect(b']')?);
            }
        }
    }

    /// Takes a value of any kind and tells where it lies; brackets are counted, not matched.
    pub(crate) fn skip(&mut self) -> Result<Range<usize>, Unexpected> {
        self.peek();
        let start = self.at;
        let mut open = 0_usize;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'{' | b'[') => {
                    open += 1;
                    self.at += 1;
                    continue;
                }
                Some(b'}' | b']') if open > 0 => {
                    open -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if open > 0 => {
                    self.at += 1;
                    continue;
                }
                Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-') => self.word(),
                _ => return Err(self.unexpected()),
            }
            if open == 0 {
                return Ok(start..self.at);
            }
        }
    }

    fn word(&mut self) {
        while let Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'+' | b'.') = self.text.get(self.at) {
            self.at += 1;
        }
    }
}

/// Whether the content of a string, still escaped, stands for `text`.
#[inline]
pub(crate) fn stands_for(source: &[u8], text: &str) -> bool {
    source == text.as_bytes() || source.contains(&b'\\') && unescaped_is(source, text)
}

#[cold]
fn unescaped_is(source: &[u8], text: &str) -> bool {
    let quoted = [b"{\"\":\"", source, b"\"}"].concat();
    let mut tape = Tape::new();
    let scanned = tape.scan(&quoted);
    scanned.is_ok_and(|object| object.root().get("").and_then(|value| value.text()).is_some_and(|found| found.is(text)))
}

/// Whether text is a number of JSON.
pub(crate) fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || whole > 1 && rest.first() == Some(&b'0') {
        return false;
    }
    let mut rest = rest.get(whole..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = fraction.get(length..).unwrap_or_default();
    }
    if let Some((b'e' | b'E', exponent)) = rest.split_first() {
        let sign = usize::from(matches!(exponent.first(), Some(b'+' | b'-')));
        let exponent = exponent.get(sign..).unwrap_or_default();
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}
