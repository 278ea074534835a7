//! Inflating the archive's entry of records into segments of their own, resumable wherever nothing refers to what is before.

use super::packaging::Source;
use super::records::next_of;
use super::runs::lost;
use super::segments::{Bodies, SegmentWriter};
use super::stamp::Run;
use super::write::read_checkpoint;
use super::writing::internal;
use super::{Exporting, Interrupted, Lease};
use bytes::Bytes;
use futures::stream::{Stream, StreamExt, iter, unfold};
use serde::{Deserialize, Serialize};
use std::pin::{Pin, pin};
use std::time::Duration;
use waybill_domain::{PackagingRecord, Segment};
use waybill_engine::{EntryPiece, EntryReader, InflateError};
use waybill_ports::{PortError, compute};

/// Most plain bytes of one piece.
const PIECE_BYTES: usize = 1 << 20;
/// Reads on their way at once.
const READS: usize = 2;

/// What the next step needs to go on; the plain bytes that made no whole part follow it in the object.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    /// Version of this form.
    v: u8,
    /// Deflated bytes before the place to go on at.
    deflated: u64,
    /// Plain bytes before it.
    plain: u64,
    /// Their CRC-32.
    crc32: u32,
    segments: Vec<Segment>,
}

/// Some deflated bytes of the entry; none lie on both sides of a place to go on at.
#[derive(Clone, Copy)]
struct Window {
    start: u64,
    end: u64,
    /// Whether the next step could go on behind it.
    resumable: bool,
}

/// Plain bytes, and where the next step could go on behind them.
struct Piece {
    plain: Vec<u8>,
    place: Option<Place>,
}

/// A place to go on at.
#[derive(Clone, Copy)]
struct Place {
    deflated: u64,
    plain: u64,
    crc32: u32,
}

/// What inflates not, or to something else.
#[derive(Debug, thiserror::Error)]
enum Damaged {
    #[error(transparent)]
    Inflate(#[from] InflateError),
    #[error("the entry is not what was written")]
    Other,
}

/// Inflates the entry from the last checkpoint on; `None` when `deadline` is reached, with everything in a checkpoint.
pub(super) async fn unpack(
    exporting: &Exporting,
    lease: &Lease,
    run: &mut Run,
    source: &Source<'_>,
    deadline: Duration,
) -> Result<Option<Bodies>, Interrupted> {
    let (org, id) = (&run.export().org, run.id());
    let writer = |segments, tail: &[u8]| SegmentWriter::new(exporting, org, id, run.epoch, segments, tail).of_package();
    let (mut segments, from) = match &source.record.checkpoint {
        None => (writer(Vec::new(), &[]), Place { deflated: 0, plain: 0, crc32: 0 }),
        Some(key) => {
            let (Checkpoint { deflated, plain, crc32, segments, .. }, tail) =
                read_checkpoint(exporting, key, |checkpoint: &Checkpoint| checkpoint.v).await?;
            (writer(segments, &tail), Place { deflated, plain, crc32 })
        }
    };
    let filled = fill(exporting, lease, run, (source, from), &mut segments, deadline).await;
    let finished = match filled {
        Ok(true) => segments.finish().await.map_err(Interrupted::from),
        Ok(false) => return Ok(None),
        Err(interrupted) => Err(interrupted),
    };
    if finished.is_err() {
        segments.abandon().await;
    }
    finished.map(Some)
}

/// Inflates until all is there (`true`) or `deadline` is reached (`false`, with everything in a checkpoint).
async fn fill(
    exporting: &Exporting,
    lease: &Lease,
    run: &mut Run,
    (source, from): (&Source<'_>, Place),
    segments: &mut SegmentWriter<'_>,
    deadline: Duration,
) -> Result<bool, Interrupted> {
    let (clock, settings) = (&exporting.context.clock, &exporting.settings);
    let windows = windows(source.record, from.deflated, source.entry.compressed_bytes, settings.unpack_bytes);
    let read = iter(windows).map(|window| async move {
        Ok::<_, PortError>((window, source.read(exporting, window.start, window.end).await?))
    });
    let mut pieces = pin!(inflated(exporting, read.buffered(READS), EntryReader::resume(from.plain, from.crc32)));
    let mut checkpointed_at = clock.monotonic();
    let mut last = from;
    while let Some(piece) = next_of(&mut pieces, segments).await? {
        segments.append(&piece.plain).await?;
        lease.progressed().await;
        let Some(place) = piece.place else { continue };
        last = place;
        let now = clock.monotonic();
        let waited = now.saturating_sub(checkpointed_at) >= settings.checkpoint_every;
        if place.deflated < source.entry.compressed_bytes && (now >= deadline || waited || segments.is_segment_full()) {
            checkpoint(exporting, run, segments, place).await?;
            checkpointed_at = clock.monotonic();
            if now >= deadline {
                return Ok(false);
            }
        }
    }
    let whole = (last.deflated, last.plain, last.crc32)
        == (source.entry.compressed_bytes, source.entry.size_bytes, source.entry.crc32);
    if whole { Ok(true) } else { Err(internal(&Damaged::Other)) }
}

/// The body from `from` on in windows of at most `most` bytes, cut where the next step could go on.
fn windows(record: &PackagingRecord, from: u64, length: u64, most: u64) -> impl Iterator<Item = Window> + Send + use<> {
    let places: Vec<u64> =
        record.restarts.iter().map(|(deflated, _)| *deflated).filter(|place| *place > from).chain([length]).collect();
    let most = most.max(1);
    let mut start = from;
    places.into_iter().flat_map(move |place| {
        let begin = std::mem::replace(&mut start, place);
        let count = (place - begin).div_ceil(most);
        (0..count).map(move |index| {
            let end = place.min(begin + (index + 1) * most);
            Window { start: begin + index * most, end, resumable: end == place }
        })
    })
}

/// What is inflated, and the window that it comes from.
struct Inflating<S> {
    reads: S,
    reader: Option<EntryReader>,
    window: Option<(Window, Bytes)>,
}

/// The plain bytes of the windows, in order.
fn inflated<'a, S>(
    exporting: &'a Exporting,
    reads: S,
    reader: EntryReader,
) -> impl Stream<Item = Result<Piece, Interrupted>> + 'a
where
    S: Stream<Item = Result<(Window, Bytes), PortError>> + 'a,
{
    let inflating = Inflating { reads: Box::pin(reads), reader: Some(reader), window: None };
    unfold(inflating, move |mut inflating| async move {
        next_piece(exporting, &mut inflating).await.transpose().map(|piece| (piece, inflating))
    })
}

async fn next_piece<S>(
    exporting: &Exporting,
    inflating: &mut Inflating<Pin<Box<S>>>,
) -> Result<Option<Piece>, Interrupted>
where
    S: Stream<Item = Result<(Window, Bytes), PortError>>,
{
    let (window, deflated) = match inflating.window.take() {
        Some(window) => window,
        None => match inflating.reads.next().await.transpose()? {
            Some(window) => window,
            None => return Ok(None),
        },
    };
    let Some(mut reader) = inflating.reader.take() else { return Err(internal(&Damaged::Other)) };
    let bytes = deflated.clone();
    let job = move || {
        let piece = reader.read(&bytes, PIECE_BYTES);
        (reader, piece)
    };
    let (reader, piece) = compute(&*exporting.compute, job).await.ok_or_else(lost)?;
    let EntryPiece { plain, taken, .. } = piece.map_err(|error| internal(&Damaged::from(error)))?;
    if taken == 0 && plain.is_empty() && !deflated.is_empty() {
        return Err(internal(&Damaged::Other));
    }
    let rest = deflated.slice(taken..);
    // What filled all the room may go on without another deflated byte.
    let place = if rest.is_empty() && plain.len() < PIECE_BYTES {
        let place = Place { deflated: window.end, plain: reader.plain_bytes(), crc32: reader.crc32() };
        window.resumable.then_some(place)
    } else {
        inflating.window = Some((window, rest));
        None
    };
    inflating.reader = Some(reader);
    Ok(Some(Piece { plain, place }))
}

async fn checkpoint(
    exporting: &Exporting,
    run: &mut Run,
    segments: &mut SegmentWriter<'_>,
    place: Place,
) -> Result<(), Interrupted> {
    let Place { deflated, plain, crc32 } = place;
    let head = |segments: &[Segment]| {
        let checkpoint = Checkpoint { v: 1, deflated, plain, crc32, segments: segments.to_vec() };
        let mut line = serde_json::to_vec(&checkpoint).map_err(|error| internal(&error))?;
        line.push(b'\n');
        Ok(line)
    };
    let key = segments.write_checkpoint(head).await?;
    let Some(record) = run.export().finish.as_ref().and_then(|finish| finish.packaging.clone()) else {
        return Err(internal(&Damaged::Other));
    };
    let record = PackagingRecord { checkpoint: Some(key), ..record };
    run.write(exporting, |export, epoch, _| export.packaging(epoch, record.clone())).await
}
