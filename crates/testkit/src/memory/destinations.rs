//! Destinations in memory: a shelf of files by name, which can be told to refuse.

use crate::locked::Locked;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;
use waybill_domain::{DestinationConfig, DestinationSecrets, Timestamp};
use waybill_ports::{ByteRange, Delivered, Destination, DestinationError, DestinationOpener, Parcel, Probed, Upload};

/// Bytes that one call takes.
const PIECE_BYTES: u64 = 256;

/// Opens one shelf, whatever the configuration says.
#[derive(Clone, Debug, Default)]
pub struct MemoryDestinations(Arc<Locked<Shelf>>);

#[derive(Debug, Default)]
struct Shelf {
    /// Whole files, by name.
    files: BTreeMap<String, Vec<u8>>,
    /// Pieces under temporary names.
    pieces: BTreeMap<String, Vec<u8>>,
    refusal: Option<String>,
}

impl MemoryDestinations {
    /// Whole files, by name.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.with(|shelf| shelf.files.clone())
    }

    /// Names under which something lies that is no whole file.
    pub fn leftovers(&self) -> Vec<String> {
        self.0.with(|shelf| shelf.pieces.keys().cloned().collect())
    }

    /// Refuses everything from now on, in these words; with none, takes everything.
    pub fn refuse<'a>(&self, words: impl Into<Option<&'a str>>) {
        let words = words.into().map(str::to_owned);
        self.0.with(|shelf| shelf.refusal = words);
    }

    /// Shows what lies of a file under its final name, however much that is.
    pub fn take_as_whole(&self, name: &str) {
        self.0.with(|shelf| {
            let of_it = format!(".{name}.");
            let piece = shelf.pieces.iter().find(|(path, _)| path.starts_with(&of_it)).map(|(_, piece)| piece.clone());
            if let Some(piece) = piece {
                shelf.files.insert(name.to_owned(), piece);
            }
        });
    }

    /// Loses what lies under temporary names.
    pub fn lose(&self) {
        self.0.with(|shelf| shelf.pieces.clear());
    }

    fn take<T>(&self, by: impl FnOnce(&mut Shelf) -> Result<T, DestinationError>) -> Result<T, DestinationError> {
        self.0.with(|shelf| match &shelf.refusal {
            Some(words) => Err(DestinationError::NotFound(words.clone())),
            None => by(shelf),
        })
    }
}

#[async_trait]
impl DestinationOpener for MemoryDestinations {
    async fn open(
        &self,
        _config: &DestinationConfig,
        _secrets: &DestinationSecrets,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl Destination for MemoryDestinations {
    async fn open(&self, parcel: &Parcel) -> Result<Upload, DestinationError> {
        let path = format!(".{}.{}.part", parcel.name, parcel.id);
        self.take(|shelf| {
            shelf.pieces.insert(path.clone(), Vec::new());
            Ok(Upload::Temporary { path, sent_bytes: 0 })
        })
    }

    async fn advance(&self, parcel: &Parcel, upload: Upload) -> Result<Upload, DestinationError> {
        let Upload::Temporary { path, sent_bytes } = upload else { return Ok(upload) };
        let end = parcel.size_bytes.min(sent_bytes + PIECE_BYTES);
        let bytes = parcel.bytes.read(ByteRange { start: sent_bytes, end }).await.map_err(DestinationError::Source)?;
        self.take(|shelf| {
            let lost = || DestinationError::Lost(format!("{path} is no longer there"));
            let piece = shelf.pieces.get_mut(&path).ok_or_else(lost)?;
            let before = usize::try_from(sent_bytes).unwrap_or(usize::MAX);
            if piece.len() < before {
                return Err(lost());
            }
            // What was sent and not acknowledged is sent again.
            piece.truncate(before);
            piece.extend_from_slice(&bytes);
            Ok(Upload::Temporary { path: path.clone(), sent_bytes: end })
        })
    }

    async fn finish(&self, parcel: &Parcel, upload: &Upload, _now: Timestamp) -> Result<Delivered, DestinationError> {
        let Upload::Temporary { path, .. } = upload else {
            return Err(DestinationError::Lost("nothing was begun".to_owned()));
        };
        let size = usize::try_from(parcel.size_bytes).unwrap_or(usize::MAX);
        self.take(|shelf| {
            match shelf.pieces.remove(path) {
                Some(piece) if piece.len() == size => drop(shelf.files.insert(parcel.name.clone(), piece)),
                // An earlier finish whose answer was lost.
                None if shelf.files.get(&parcel.name).is_some_and(|file| file.len() == size) => {}
                _ => return Err(DestinationError::Lost(format!("{path} is not whole"))),
            }
            let destination_path = format!("memory://{}", parcel.name);
            Ok(Delivered { destination_path, size_bytes: parcel.size_bytes })
        })
    }

    async fn abort(&self, _parcel: &Parcel, upload: &Upload) -> Result<(), DestinationError> {
        if let Upload::Temporary { path, .. } = upload {
            self.0.with(|shelf| drop(shelf.pieces.remove(path)));
        }
        Ok(())
    }

    async fn probe(&self, _id: &str, name: &str, _now: Timestamp) -> Result<Probed, DestinationError> {
        self.take(|_| Ok(Probed { words: format!("wrote, read back and removed memory://{name}") }))
    }
}
