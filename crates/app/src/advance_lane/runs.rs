//! Sorted runs in the store: the objects that they consist of, and how they are read by a merge.

use super::writing::internal;
use super::{Exporting, Interrupted};
use bytes::Bytes;
use futures::future::{BoxFuture, Either, select};
use futures::stream::{FuturesUnordered, Stream, StreamExt, unfold};
use serde::{Deserialize, Serialize};
use std::pin::pin;
use std::sync::Arc;
use waybill_domain::Epoch;
use waybill_engine::{Filled, Merge, MergedChunk, RunLength, RunPosition, SortError};
use waybill_ports::{ByteRange, PortError, PortErrorKind, compute};

/// One object of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Epoch, u32, u64)", into = "(Epoch, u32, u64)")]
pub(super) struct Piece {
    /// The lease that it was written under.
    pub(super) epoch: Epoch,
    /// Its number among the pieces of that lease.
    pub(super) number: u32,
    pub(super) size_bytes: u64,
}

impl From<(Epoch, u32, u64)> for Piece {
    fn from((epoch, number, size_bytes): (Epoch, u32, u64)) -> Self {
        Self { epoch, number, size_bytes }
    }
}

impl From<Piece> for (Epoch, u32, u64) {
    fn from(piece: Piece) -> Self {
        (piece.epoch, piece.number, piece.size_bytes)
    }
}

impl Piece {
    /// Its key below the export's `prefix`.
    pub(super) fn key(&self, prefix: &str) -> String {
        format!("{prefix}{}-r{}", self.epoch, self.number)
    }
}

/// A sorted run: its pieces one behind the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredRun {
    /// How many merges it is away from rows.
    pub(super) level: u8,
    pub(super) pieces: Vec<Piece>,
}

impl StoredRun {
    fn length(&self) -> RunLength {
        RunLength { size_bytes: self.pieces.iter().map(|piece| piece.size_bytes).sum() }
    }

    /// The piece in which `from` lies, and at most `most` bytes of it from there on.
    fn part(&self, from: u64, most: u64) -> Option<(Piece, ByteRange)> {
        let mut start = 0;
        for piece in &self.pieces {
            let end = start + piece.size_bytes;
            if from < end {
                let range = ByteRange { start: from - start, end: piece.size_bytes.min(from - start + most) };
                return Some((*piece, range));
            }
            start = end;
        }
        None
    }
}

type Fetch<'a> = BoxFuture<'a, (usize, Result<Bytes, PortError>)>;

/// What is read ahead of an input.
enum Ahead {
    Nothing,
    UnderWay,
    Here(Bytes),
}

/// A merge of stored runs, each read a little ahead.
pub(super) struct RunMerge<'a> {
    exporting: &'a Exporting,
    prefix: Arc<str>,
    runs: Vec<StoredRun>,
    /// `None` when all is merged.
    merge: Option<Merge>,
    ahead: Vec<Ahead>,
    fetches: FuturesUnordered<Fetch<'a>>,
    window_bytes: u64,
}

/// A chunk of a merge, and how far each run is merged with it.
pub(super) type MergedPart = (MergedChunk, Vec<RunPosition>);

impl<'a> RunMerge<'a> {
    /// A merge of `runs` from `positions` on; `make` says to what.
    pub(super) fn new(
        exporting: &'a Exporting,
        prefix: Arc<str>,
        runs: Vec<StoredRun>,
        positions: &[RunPosition],
        make: impl FnOnce(Vec<(RunLength, RunPosition)>) -> Merge,
    ) -> Self {
        let from = |at: usize| positions.get(at).copied().unwrap_or_default();
        let inputs = runs.iter().enumerate().map(|(at, run)| (run.length(), from(at))).collect();
        // A window that is merged and one that is read ahead for each run.
        let windows = u64::try_from(2 * runs.len().max(1)).unwrap_or(u64::MAX);
        Self {
            exporting,
            prefix,
            ahead: runs.iter().map(|_| Ahead::Nothing).collect(),
            runs,
            merge: Some(make(inputs)),
            fetches: FuturesUnordered::new(),
            window_bytes: (exporting.settings.sort.read_bytes / windows).max(1),
        }
    }

    /// The parts of the merge in order.
    pub(super) fn parts(self) -> impl Stream<Item = Result<MergedPart, Interrupted>> + Send + 'a {
        unfold(self, |mut merge| async move { merge.next().await.transpose().map(|part| (part, merge)) })
    }

    async fn next(&mut self) -> Result<Option<MergedPart>, Interrupted> {
        loop {
            let Some(merge) = self.merge.take() else { return Ok(None) };
            let mut merge = self.feed(merge).await?;
            let job = move || {
                let filled = merge.fill();
                (merge, filled)
            };
            let (mut merge, filled) = self.beside(compute(&*self.exporting.compute, job)).await?.ok_or_else(lost)?;
            match filled.map_err(|error: SortError| internal(&error))? {
                Filled::Hungry => self.merge = Some(merge),
                Filled::Full => {
                    let part = (merge.take(), merge.positions());
                    self.merge = Some(merge);
                    return Ok(Some(part));
                }
                Filled::Done => {
                    let part = (merge.take(), merge.positions());
                    return Ok(Some(part).filter(|(chunk, _)| chunk.records > 0));
                }
            }
        }
    }

    /// Gives the inputs that are hungry what was read ahead of them, and reads on behind that.
    async fn feed(&mut self, mut merge: Merge) -> Result<Merge, Interrupted> {
        for input in 0..self.runs.len() {
            self.read_ahead(&merge, input);
        }
        for input in merge.hungry().to_vec() {
            while matches!(self.ahead[input], Ahead::UnderWay) {
                self.arrived().await?;
            }
            if let Ahead::Here(bytes) = std::mem::replace(&mut self.ahead[input], Ahead::Nothing) {
                merge.feed(input, &bytes);
                self.read_ahead(&merge, input);
            }
        }
        Ok(merge)
    }

    fn read_ahead(&mut self, merge: &Merge, input: usize) {
        if !matches!(self.ahead[input], Ahead::Nothing) {
            return;
        }
        let part = merge.wanted_from(input).and_then(|from| self.runs[input].part(from, self.window_bytes));
        let Some((piece, range)) = part else { return };
        let (archives, key) = (&*self.exporting.archives, piece.key(&self.prefix));
        self.ahead[input] = Ahead::UnderWay;
        self.fetches.push(Box::pin(async move {
            let read = match archives.read(&key, range).await {
                Ok(Some(bytes)) => Ok(bytes),
                Ok(None) => Err(missing(key)),
                Err(error) => Err(error),
            };
            (input, read)
        }));
    }

    async fn arrived(&mut self) -> Result<(), PortError> {
        if let Some((input, bytes)) = self.fetches.next().await {
            self.ahead[input] = Ahead::Here(bytes?);
        }
        Ok(())
    }

    /// Waits for `work` with reads arriving meanwhile.
    async fn beside<T>(&mut self, work: impl Future<Output = T>) -> Result<T, PortError> {
        let mut work = pin!(work);
        while !self.fetches.is_empty() {
            match select(work, self.fetches.next()).await {
                Either::Left((done, _)) => return Ok(done),
                Either::Right((arrived, rest)) => {
                    work = rest;
                    if let Some((input, bytes)) = arrived {
                        self.ahead[input] = Ahead::Here(bytes?);
                    }
                }
            }
        }
        Ok(work.await)
    }
}

/// A job that panicked; the pool has logged it.
pub(super) fn lost() -> Interrupted {
    internal(&LostJob)
}

#[derive(Debug, thiserror::Error)]
#[error("a job of the sort was lost")]
struct LostJob;

fn missing(key: String) -> PortError {
    let kind =
        PortErrorKind::Corrupt { table: "work".to_owned(), key, field: "the piece of a run is missing".to_owned() };
    PortError::new(kind, "reading a sorted run")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_read_across_their_pieces() {
        let piece = |number, size_bytes| Piece { epoch: Epoch(3), number, size_bytes };
        let run = StoredRun { level: 0, pieces: vec![piece(1, 10), piece(4, 5)] };
        assert_eq!(run.length().size_bytes, 15);
        let part = |from, most| {
            run.part(from, most).map(|(piece, range)| (piece.key("work/demo/00a1/"), range.start, range.end))
        };
        assert_eq!(part(0, 4), Some(("work/demo/00a1/3-r1".to_owned(), 0, 4)));
        assert_eq!(part(8, 4), Some(("work/demo/00a1/3-r1".to_owned(), 8, 10)));
        assert_eq!(part(10, 400), Some(("work/demo/00a1/3-r4".to_owned(), 0, 5)));
        assert_eq!(part(15, 1), None);
        assert_eq!(serde_json::to_string(&run).unwrap(), r#"{"level":0,"pieces":[[3,1,10],[3,4,5]]}"#);
    }
}
