//! The form in which a record lies in a table: one codec byte, then the JSON text or its raw deflate.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Longest JSON text of one record, in bytes.
pub const MAX_RECORD_BYTES: usize = 384 * 1024;

/// The JSON text follows as it is.
const PLAIN: u8 = 0;
/// The raw deflate of the JSON text follows.
const DEFLATED: u8 = 1;
/// Below this many bytes deflate does not pay.
const SMALL_BYTES: usize = 96;
/// A deflated record never inflates beyond this, whoever wrote it.
const MAX_INFLATED_BYTES: usize = 4 * MAX_RECORD_BYTES;

/// Why stored bytes give no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoredError {
    /// There are no bytes.
    #[error("the stored record is empty")]
    Empty,
    /// The first byte names no codec.
    #[error("unknown codec {0} of a stored record")]
    Codec(u8),
    /// The deflate stream is broken, cut short or followed by something.
    #[error("the stored record does not inflate")]
    Deflate,
    /// The text would be over the limit.
    #[error("the stored record inflates to more than {MAX_INFLATED_BYTES} bytes")]
    TooLong,
}

/// The stored form of the JSON text `json`: whichever of the codecs takes fewer bytes.
pub fn encode(json: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(json.len() + 1);
    if json.len() >= SMALL_BYTES {
        let mut deflated = Vec::with_capacity(json.len() + 1);
        deflated.push(DEFLATED);
        let mut compress = Compress::new(Compression::new(6), false);
        // The room is one byte short of the plain form: a stream that does not end within it does not pay.
        let end = compress.compress_vec(json, &mut deflated, FlushCompress::Finish);
        if matches!(end, Ok(Status::StreamEnd)) {
            return deflated;
        }
    }
    plain.push(PLAIN);
    plain.extend_from_slice(json);
    plain
}

/// Length of the JSON text of a stored record of `stored_bytes` bytes that begins with `prefix`; `None` when only decoding
/// tells.
pub(crate) fn plain_length(prefix: &[u8], stored_bytes: usize) -> Option<usize> {
    match prefix.first() {
        Some(&PLAIN) => stored_bytes.checked_sub(1),
        _ => None,
    }
}

/// Appends the JSON text of a stored record to `json`.
///
/// # Errors
/// Bytes that no [`encode`] has made; `json` is then as before.
pub fn decode_into(stored: &[u8], json: &mut Vec<u8>) -> Result<(), StoredError> {
    Decoder::new().decode(stored).map(|text| {
        json.extend_from_slice(text);
    })
}

/// Decodes one stored record after another with the same memory.
#[derive(Debug)]
pub struct Decoder {
    inflate: Decompress,
    text: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder; its memory grows with the largest record it meets.
    pub fn new() -> Self {
        Self { inflate: Decompress::new(false), text: Vec::new() }
    }

    /// The JSON text of a stored record, borrowed from `stored` where it lies there as it is.
    ///
    /// # Errors
    /// Bytes that no [`encode`] has made.
    pub fn decode<'a>(&'a mut self, stored: &'a [u8]) -> Result<&'a [u8], StoredError> {
        let (codec, body) = stored.split_first().ok_or(StoredError::Empty)?;
        match *codec {
            PLAIN => Ok(body),
            DEFLATED => {
                self.inflate(body)?;
                Ok(&self.text)
            }
            other => Err(StoredError::Codec(other)),
        }
    }

    fn inflate(&mut self, body: &[u8]) -> Result<(), StoredError> {
        self.inflate.reset(false);
        self.text.clear();
        self.text.reserve(body.len().saturating_mul(4).max(1024));
        let mut rest = body;
        loop {
            let before = self.inflate.total_in();
            let status = self
                .inflate
                .decompress_vec(rest, &mut self.text, FlushDecompress::None)
                .map_err(|_| StoredError::Deflate)?;
            let taken = usize::try_from(self.inflate.total_in() - before).map_err(|_| StoredError::Deflate)?;
            rest = rest.get(taken..).ok_or(StoredError::Deflate)?;
            if self.text.len() > MAX_INFLATED_BYTES {
                return Err(StoredError::TooLong);
            }
            if status == Status::StreamEnd {
                return if rest.is_empty() { Ok(()) } else { Err(StoredError::Deflate) };
            }
            if self.text.len() < self.text.capacity() {
                // There was room and no end: the stream is cut short.
                return Err(StoredError::Deflate);
            }
            self.text.reserve(self.text.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decoding_gives_the_text_back(text in proptest::collection::vec(any::<u8>(), 0..3000), times in 1_usize..20) {
            let text = text.repeat(times);
            let stored = encode(&text);
            prop_assert!(stored.len() <= text.len() + 1);
            let mut decoder = Decoder::new();
            prop_assert_eq!(decoder.decode(&stored).unwrap(), text.as_slice());
            prop_assert_eq!(decoder.decode(&stored).unwrap(), text.as_slice());
            let mut appended = b"before".to_vec();
            decode_into(&stored, &mut appended).unwrap();
            prop_assert_eq!(&appended[6..], text.as_slice());
        }

        #[test]
        fn damaged_bytes_never_panic(stored in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
            let mut decoder = Decoder::new();
            let _ = decoder.decode(&stored);
            let good = encode(&b"{\"name\":\"x\"}".repeat(20));
            if cut < good.len() {
                prop_assert!(decoder.decode(&good[..cut]).is_err());
            }
        }
    }

    #[test]
    fn foreign_bytes_are_refused() {
        assert_eq!(Decoder::new().decode(b""), Err(StoredError::Empty));
        assert_eq!(Decoder::new().decode(b"{}"), Err(StoredError::Codec(b'{')));
        assert_eq!(Decoder::new().decode(b"\x01"), Err(StoredError::Deflate));
        let mut trailing = encode(&[b'a'; 4096]);
        trailing.push(0);
        assert_eq!(Decoder::new().decode(&trailing), Err(StoredError::Deflate));
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = encode(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(Decoder::new().decode(&bomb), Err(StoredError::TooLong));
    }
}
