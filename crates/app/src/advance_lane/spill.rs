//! Lists that grow with an export, kept in objects of the export's work: what is behind the last of them is in the checkpoint.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{Buf as _, Bytes, BytesMut};
use futures::stream::{Stream, unfold};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::collections::VecDeque;
use waybill_domain::Segment;
use waybill_ports::{ArchiveStore, PortError, PortErrorKind};

/// Bytes that are only ever added to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spill {
    /// Complete objects, in order.
    objects: Vec<Segment>,
    /// What is behind them.
    #[serde(serialize_with = "to_text", deserialize_with = "from_text")]
    tail: Vec<u8>,
}

fn to_text<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    STANDARD_NO_PAD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
}

impl Spill {
    /// Appends bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    /// What is to become an object, when there is as much of it as `spill_bytes`.
    pub(super) fn overflow(&mut self, spill_bytes: usize) -> Option<Bytes> {
        (self.tail.len() >= spill_bytes.max(1)).then(|| Bytes::from(std::mem::take(&mut self.tail)))
    }

    /// Takes note of the object that the overflow has become.
    pub(super) fn stored(&mut self, object: Segment) {
        self.objects.push(object);
    }

    /// All bytes, cut into pieces of `piece_bytes`, the last one shorter: however they came to lie where they are.
    pub(super) fn pieces<'a>(
        &self,
        archives: &'a dyn ArchiveStore,
        piece_bytes: usize,
    ) -> impl Stream<Item = Result<Bytes, PortError>> + Send + use<'a> {
        let reading = Reading { archives, objects: self.objects.clone().into(), tail: Some(self.tail.clone().into()) };
        unfold((reading, BytesMut::new()), move |(mut reading, mut gathered)| async move {
            while gathered.len() < piece_bytes.max(1) {
                match reading.next().await {
                    Some(Ok(bytes)) => gathered.extend_from_slice(&bytes),
                    Some(Err(error)) => return Some((Err(error), (reading, gathered))),
                    None => break,
                }
            }
            let piece = gathered.split_to(gathered.len().min(piece_bytes.max(1))).freeze();
            (!piece.is_empty()).then_some((Ok(piece), (reading, gathered)))
        })
    }

    /// The lines from the byte `from` on, where one begins, each without its line break and with the byte at which the next one
    /// begins. What was appended must have been whole lines.
    pub(super) fn lines<'a>(
        &self,
        archives: &'a dyn ArchiveStore,
        from: u64,
    ) -> impl Stream<Item = Result<(Bytes, u64), PortError>> + Send + use<'a> {
        let (mut objects, mut skipped) = (VecDeque::from(self.objects.clone()), 0);
        while let Some(first) = objects.front().filter(|first| skipped + first.size_bytes <= from) {
            skipped += first.size_bytes;
            objects.pop_front();
        }
        let reading = Reading { archives, objects, tail: Some(self.tail.clone().into()) };
        let begin = usize::try_from(from - skipped).unwrap_or(usize::MAX);
        unfold((reading, Bytes::new(), begin, from), move |(mut reading, mut held, mut begin, mut at)| async move {
            loop {
                if let Some(end) = held.iter().position(|byte| *byte == b'\n') {
                    let line = held.split_to(end);
                    held.advance(1);
                    at += u64::try_from(end + 1).unwrap_or(u64::MAX);
                    return Some((Ok((line, at)), (reading, held, begin, at)));
                }
                match reading.next().await? {
                    Ok(bytes) => held = bytes.slice(begin.min(bytes.len())..),
                    Err(error) => return Some((Err(error), (reading, held, begin, at))),
                }
                begin = 0;
            }
        })
    }
}

/// Objects that are left, then the tail.
struct Reading<'a> {
    archives: &'a dyn ArchiveStore,
    objects: VecDeque<Segment>,
    tail: Option<Bytes>,
}

impl Reading<'_> {
    async fn next(&mut self) -> Option<Result<Bytes, PortError>> {
        let Some(object) = self.objects.front() else { return self.tail.take().map(Ok) };
        let read = match self.archives.get(&object.key).await {
            Ok(Some(bytes)) if u64::try_from(bytes.len()).ok() == Some(object.size_bytes) => bytes,
            Ok(_) => {
                let field = "an object that a checkpoint names is missing or another one".to_owned();
                let kind = PortErrorKind::Corrupt { table: "work".to_owned(), key: object.key.clone(), field };
                return Some(Err(PortError::new(kind, "reading a list back")));
            }
            Err(error) => return Some(Err(error)),
        };
        self.objects.pop_front();
        Some(Ok(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use futures::stream::TryStreamExt as _;
    use waybill_testkit::MemoryArchiveStore;

    /// A spill of the text with objects of about so many bytes, cut at lines.
    fn spill(store: &MemoryArchiveStore, text: &str, spill_bytes: usize) -> Spill {
        let mut spill = Spill::default();
        for (number, line) in text.split_inclusive('\n').enumerate() {
            spill.append(line.as_bytes());
            if let Some(bytes) = spill.overflow(spill_bytes) {
                let (key, size_bytes) = (format!("work/{number}"), u64::try_from(bytes.len()).unwrap());
                block_on(store.put_new(&key, bytes, &waybill_ports::ObjectMetadata::default())).unwrap();
                spill.stored(Segment { key, size_bytes });
            }
        }
        serde_json::from_str(&serde_json::to_string(&spill).unwrap()).unwrap()
    }

    #[test]
    fn what_was_appended_comes_back_however_it_lies() {
        let lines: Vec<String> = (0..40).map(|number| "x".repeat(number % 7)).collect();
        let text = lines.join("\n") + "\n";
        for spill_bytes in [1, 10, 1000] {
            let store = MemoryArchiveStore::new();
            let spill = spill(&store, &text, spill_bytes);
            let pieces: Vec<Bytes> = block_on(spill.pieces(&store, 9).try_collect()).unwrap();
            assert_eq!(pieces, text.as_bytes().chunks(9).map(Bytes::copy_from_slice).collect::<Vec<_>>());
            let lines: Vec<(Bytes, u64)> = block_on(spill.lines(&store, 0).try_collect()).unwrap();
            assert_eq!(lines.len(), 40);
            for (position, (_, next)) in lines.iter().enumerate() {
                let rest: Vec<(Bytes, u64)> = block_on(spill.lines(&store, *next).try_collect()).unwrap();
                assert_eq!(rest, lines[position + 1..]);
            }
        }
    }

    #[test]
    fn an_object_that_is_gone_is_noticed() {
        let store = MemoryArchiveStore::new();
        let spill = spill(&store, "a\nb\n", 1);
        store.erase("work/1");
        assert!(block_on(spill.pieces(&store, 100).try_collect::<Vec<_>>()).is_err());
    }
}
