//! The form in which a record lies in a table: one codec byte, then the JSON text, or its length and its raw deflate.
//!
//! What a table charges for is bytes, so a record takes as few as it can; that inflating costs more than what LZ4 would
//! is the smaller price. Measured on nested records of 666 bytes: deflate 426 bytes, LZ4 599. Both would gain far more
//! from a dictionary (deflate 190 bytes with sample records in it, 316 with nothing but the names of their properties),
//! which has to be kept for as long as any record needs it: a codec of its own, when somebody keeps it.
//!
//! The length in front lets a page be cut into pieces of a known size without inflating anything.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::cell::RefCell;

/// Longest JSON text of one record, in bytes.
pub const MAX_RECORD_BYTES: usize = 384 * 1024;

/// The codec byte behind which the JSON text follows as it is.
pub const PLAIN: u8 = 0;
/// The raw deflate of the JSON text follows.
const DEFLATED: u8 = 1;
/// Below this many bytes deflate does not pay.
const SMALL_BYTES: usize = 96;
/// More than the longest match of deflate.
const SPARE_BYTES: usize = 512;
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
    /// The deflate stream is broken, cut short, followed by something or not as long as the record says.
    #[error("the stored record does not inflate")]
    Deflate,
    /// The text would be over the limit.
    #[error("the stored record says that it inflates to more than {MAX_INFLATED_BYTES} bytes")]
    TooLong,
}

thread_local! {
    /// Making a compressor takes longer than compressing a record.
    static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(6), false));
}

/// The stored form of the JSON text `json`: whichever of the codecs takes fewer bytes.
pub fn encode(json: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(json.len() + 1);
    if json.len() >= SMALL_BYTES && deflate(json, &mut stored) {
        return stored;
    }
    stored.clear();
    stored.push(PLAIN);
    stored.extend_from_slice(json);
    stored
}

/// Writes the deflated form, unless it is longer than the room in `stored`: then it does not pay.
fn deflate(json: &[u8], stored: &mut Vec<u8>) -> bool {
    stored.push(DEFLATED);
    push_length(json.len(), stored);
    COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        matches!(compress.compress_vec(json, stored, FlushCompress::Finish), Ok(Status::StreamEnd))
    })
}

/// Appends a length, 7 bits a byte, the lowest first; the last byte is below 128.
fn push_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        let [low, ..] = length.to_le_bytes();
        out.push(low | 0x80);
        length >>= 7;
    }
    out.push(length.to_le_bytes()[0]);
}

/// The length at the front of `bytes`, and what follows; `None` unless it is one of at most 28 bits.
fn split_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().take(4).position(|byte| *byte < 0x80)?;
    let (length, rest) = bytes.split_at(end + 1);
    Some((length.iter().rev().fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7F)), rest))
}

/// Length of the JSON text of a stored record of `stored_bytes` bytes that begins with `prefix`, of which 5 bytes or all are
/// enough; `None` for a record that does not decode. It is what the record says, and never more than one may have.
pub(crate) fn plain_length(prefix: &[u8], stored_bytes: usize) -> Option<usize> {
    match prefix.split_first()? {
        (&PLAIN, _) => stored_bytes.checked_sub(1),
        (&DEFLATED, rest) => split_length(rest).map(|(length, _)| length.min(MAX_INFLATED_BYTES)),
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
        let (length, deflated) = split_length(body).ok_or(StoredError::Deflate)?;
        if length > MAX_INFLATED_BYTES {
            return Err(StoredError::TooLong);
        }
        self.inflate.reset(false);
        self.text.clear();
        // With room behind it a text is inflated to its last byte at full speed.
        self.text.reserve(length + SPARE_BYTES);
        let status = self.inflate.decompress_vec(deflated, &mut self.text, FlushDecompress::Finish);
        let taken = usize::try_from(self.inflate.total_in()).unwrap_or(usize::MAX);
        if !matches!(status, Ok(Status::StreamEnd)) || taken != deflated.len() || self.text.len() != length {
            return Err(StoredError::Deflate);
        }
        Ok(())
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
            prop_assert_eq!(plain_length(&stored[..stored.len().min(5)], stored.len()), Some(text.len()));
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
    fn a_record_is_as_long_as_it_says() {
        let text = [b'a'; 1000];
        let stored = encode(&text);
        for length in [0, 1, 999, 1001, 100_000] {
            let mut other = vec![DEFLATED];
            push_length(length, &mut other);
            other.extend_from_slice(&stored[3..]);
            assert_eq!(Decoder::new().decode(&other), Err(StoredError::Deflate), "{length}");
        }
        assert_eq!(Decoder::new().decode(b"\x01\xff\xff\xff\xff\x7f"), Err(StoredError::Deflate));
        assert_eq!(plain_length(b"\x01\xff\xff\xff\xff\x7f", 6), None);
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = encode(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(Decoder::new().decode(&bomb), Err(StoredError::TooLong));
        assert_eq!(plain_length(&bomb, bomb.len()), Some(MAX_INFLATED_BYTES));
        // Nor does one that says less than it holds get any memory.
        let mut liar = vec![DEFLATED];
        push_length(10, &mut liar);
        liar.extend_from_slice(split_length(&bomb[1..]).unwrap().1);
        let mut decoder = Decoder::new();
        assert_eq!(decoder.decode(&liar), Err(StoredError::Deflate));
        assert!(decoder.text.capacity() < 4096);
    }
}
