//! One reply of a source, undecoded, and the chunks that it is transformed in.

use crate::item::{ItemError, ItemForm, write_item};
use crate::reply::Span;
use crate::stored::{Decoder, StoredError, plain_length};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;

/// Characters of base64 that show what a stored record begins with.
const PREFIX_CHARS: usize = 8;

/// One reply of a source: records as they came, decoded when a [`Chunk`] of them is read. Cheap to clone and to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    records: Arc<Records>,
}

#[derive(Debug, PartialEq, Eq)]
enum Records {
    /// Each in its stored form.
    Stored(Vec<Bytes>),
    /// Items of a reply; of records in their stored form, the spans of its base64 text.
    Reply { body: Bytes, spans: Vec<Span>, form: Arc<ItemForm> },
}

/// Neighbouring records of a page. Cheap to clone and to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    page: Page,
    records: Range<usize>,
}

/// Why a record of a page gives no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Its stored form.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// Its stored form does not come as base64.
    #[error("the stored record is not written in base64")]
    Base64,
    /// The item that it is.
    #[error(transparent)]
    Item(#[from] ItemError),
}

impl Default for Page {
    fn default() -> Self {
        Self::stored(Vec::new())
    }
}

impl Page {
    /// A page of records in their stored form ([`crate::stored`]).
    pub fn stored(records: Vec<Bytes>) -> Self {
        Self { records: Arc::new(Records::Stored(records)) }
    }

    /// A page of the items of a reply, whose bytes are UTF-8.
    pub(crate) fn reply(body: Bytes, spans: Vec<Span>, form: Arc<ItemForm>) -> Self {
        Self { records: Arc::new(Records::Reply { body, spans, form }) }
    }

    /// How many records it has at most.
    pub fn len(&self) -> usize {
        match &*self.records {
            Records::Stored(records) => records.len(),
            Records::Reply { spans, .. } => spans.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole page as one chunk.
    pub fn whole(&self) -> Chunk {
        Chunk { page: self.clone(), records: 0..self.len() }
    }

    /// The page split between records, so that the JSON texts of a chunk are about `max_plain_bytes` long together, or
    /// one record. At least one chunk, so that every page has a last one. What comes out depends on the page and the
    /// argument alone.
    pub fn chunks(&self, max_plain_bytes: usize) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        let (mut start, mut bytes) = (0, 0_usize);
        for at in 0..self.len() {
            let more = self.plain_bytes(at);
            if at > start && bytes.saturating_add(more) > max_plain_bytes {
                chunks.push(Chunk { page: self.clone(), records: start..at });
                (start, bytes) = (at, 0);
            }
            bytes = bytes.saturating_add(more);
        }
        chunks.push(Chunk { page: self.clone(), records: start..self.len() });
        chunks
    }

    /// About how long the JSON text of a record is.
    fn plain_bytes(&self, at: usize) -> usize {
        let of_stored = |prefix: &[u8], bytes: usize| plain_length(prefix, bytes).unwrap_or(bytes);
        match &*self.records {
            Records::Stored(records) => records.get(at).map_or(0, |record| of_stored(record, record.len())),
            Records::Reply { body, spans, form } => {
                let span = slice(body, spans.get(at));
                match &**form {
                    ItemForm::Attributes(_) => span.len(),
                    ItemForm::Stored(_) => {
                        let prefix = span.get(..PREFIX_CHARS).unwrap_or(span);
                        let prefix = STANDARD.decode(prefix).unwrap_or_default();
                        let padding = span.iter().rev().take(2).filter(|byte| **byte == b'=').count();
                        of_stored(&prefix, (span.len() / 4 * 3).saturating_sub(padding))
                    }
                }
            }
        }
    }
}

fn slice<'a>(body: &'a [u8], span: Option<&Span>) -> &'a [u8] {
    span.and_then(|span| body.get(position(span.start)..position(span.end))).unwrap_or_default()
}

/// On the platforms we build for it always fits.
fn position(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

impl Chunk {
    /// How many records it has at most.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Place in its page of its first record, from 0.
    pub fn position(&self) -> usize {
        self.records.start
    }

    /// The page that it is a part of.
    pub fn page(&self) -> &Page {
        &self.page
    }
}

/// The reusable memory with which chunks are read: reading many allocates for the largest record only.
#[derive(Debug, Default)]
pub struct PageReader {
    decoder: Decoder,
    /// The stored form of a record that came as base64.
    stored: Vec<u8>,
    /// The JSON text of an item.
    text: Vec<u8>,
}

impl PageReader {
    /// A reader.
    pub fn new() -> Self {
        Self::default()
    }

    /// The JSON texts of a chunk, one after another.
    pub fn read<'a>(&'a mut self, chunk: &'a Chunk) -> Texts<'a> {
        Texts { reader: self, page: &chunk.page, left: chunk.records.clone(), position: chunk.position() }
    }
}

/// The JSON texts of a chunk, one after another; each lasts until the next is asked for.
#[derive(Debug)]
pub struct Texts<'a> {
    reader: &'a mut PageReader,
    page: &'a Page,
    left: Range<usize>,
    position: usize,
}

impl Texts<'_> {
    /// The next text: the bytes of one JSON object, unless the source holds something else; they are not checked. `None`
    /// after the last.
    ///
    /// # Errors
    /// The record is broken. Those behind it can be read all the same.
    pub fn next_text(&mut self) -> Option<Result<&[u8], ReadError>> {
        let Self { reader, page, left, position: reached } = self;
        let PageReader { decoder, stored, text } = &mut **reader;
        loop {
            let at = left.next()?;
            *reached = at;
            let (body, span, form) = match &*page.records {
                Records::Stored(records) => return Some(decoder.decode(records.get(at)?).map_err(ReadError::from)),
                Records::Reply { body, spans, form } => (body, spans.get(at)?, &**form),
            };
            let attributes = match form {
                ItemForm::Attributes(attributes) => attributes,
                ItemForm::Stored(_) => {
                    stored.clear();
                    let decoded = STANDARD.decode_vec(slice(body, Some(span)), stored);
                    return Some(match decoded {
                        Ok(()) => decoder.decode(stored).map_err(ReadError::from),
                        Err(_) => Err(ReadError::Base64),
                    });
                }
            };
            text.clear();
            match write_item(body, position(span.start), attributes, text) {
                Ok(false) => {}
                Ok(true) => return Some(Ok(text)),
                Err(error) => return Some(Err(error.into())),
            }
        }
    }

    /// Place in the page of the record that was read last, from 0.
    pub fn position(&self) -> usize {
        self.position
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored::encode;
    use proptest::prelude::*;

    fn page(texts: &[String]) -> Page {
        Page::stored(texts.iter().map(|text| Bytes::from(encode(text.as_bytes()))).collect())
    }

    fn texts(chunks: &[Chunk]) -> Vec<String> {
        let mut reader = PageReader::new();
        let mut texts = Vec::new();
        for chunk in chunks {
            let mut records = reader.read(chunk);
            while let Some(text) = records.next_text() {
                texts.push(String::from_utf8(text.unwrap().to_vec()).unwrap());
            }
        }
        texts
    }

    proptest! {
        #[test]
        fn chunks_hold_the_records_of_their_page_in_order(
            records in proptest::collection::vec("[a-z]{0,40}", 0..30),
            times in 1_usize..20,
            bytes in 0_usize..3000,
        ) {
            let records: Vec<String> = records.iter().map(|text| text.repeat(times)).collect();
            let page = page(&records);
            let chunks = page.chunks(bytes);
            prop_assert_eq!(&texts(&chunks), &records);
            prop_assert_eq!(&page.chunks(bytes), &chunks);
            prop_assert_eq!(chunks.iter().map(Chunk::len).sum::<usize>(), records.len());
            prop_assert!(chunks.len() == 1 || chunks.iter().all(|chunk| !chunk.is_empty()));
            prop_assert_eq!(chunks[0].position(), 0);
        }
    }

    #[test]
    fn plain_records_are_split_at_the_length_asked_for() {
        let records: Vec<String> = (0..10).map(|number| format!("{{\"number\":\"{number:>28}\"}}")).collect();
        assert!(records.iter().all(|text| text.len() == 41));
        let lengths = |bytes| page(&records).chunks(bytes).iter().map(Chunk::len).collect::<Vec<_>>();
        assert_eq!(lengths(usize::MAX), [10]);
        assert_eq!(lengths(41 * 4), [4, 4, 2]);
        assert_eq!(lengths(41 * 4 - 1), [3, 3, 3, 1]);
        assert_eq!(lengths(0), [1; 10]);
    }

    #[test]
    fn a_page_of_nothing_has_one_chunk_of_nothing() {
        let chunks = Page::default().chunks(1000);
        assert_eq!(chunks, [Page::default().whole()]);
        assert!(PageReader::new().read(&chunks[0]).next_text().is_none());
    }

    #[test]
    fn a_broken_record_is_told_and_those_behind_it_are_read() {
        let page =
            Page::stored(vec![Bytes::from_static(b"\0{}"), Bytes::from_static(b"?"), Bytes::from_static(b"\0[]")]);
        let mut reader = PageReader::new();
        let chunk = page.whole();
        let mut records = reader.read(&chunk);
        assert_eq!(records.next_text(), Some(Ok(&b"{}"[..])));
        assert_eq!(records.next_text(), Some(Err(ReadError::Stored(StoredError::Codec(b'?')))));
        assert_eq!(records.position(), 1);
        assert_eq!(records.next_text(), Some(Ok(&b"[]"[..])));
        assert_eq!(records.next_text(), None);
    }
}
