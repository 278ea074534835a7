//! How a file is cut into parts, and several of them sent side by side.

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use waybill_ports::{ByteRange, DestinationError, Parcel, Upload};

/// The shortest part, and the longest file that goes out in one request.
pub(crate) const PART_BYTES: u64 = 8 * 1024 * 1024;
/// How many parts an upload has at most: what the service answers to each is kept in the delivery's row.
const MOST_PARTS: u64 = 4000;
/// How many parts are on their way at a time, where they are short.
const SIDE_BY_SIDE: u64 = 4;
/// How much is read from our archives at a time.
pub(crate) const READ_BYTES: u64 = 8 * 1024 * 1024;

/// How long the parts of a file of that size are, in whole MiB.
pub(crate) fn part_bytes(size_bytes: u64) -> u64 {
    const MIB: u64 = 1024 * 1024;
    PART_BYTES.max(size_bytes.div_ceil(MOST_PARTS).div_ceil(MIB) * MIB)
}

/// Bytes of a parcel, read in pieces.
pub(crate) async fn read(parcel: &Parcel, range: ByteRange) -> Result<Bytes, DestinationError> {
    let first = ByteRange { start: range.start, end: range.end.min(range.start + READ_BYTES) };
    if range.start >= range.end {
        return Ok(Bytes::new());
    }
    let bytes = parcel.bytes.read(first).await.map_err(DestinationError::Source)?;
    if first.end == range.end {
        return Ok(bytes);
    }
    let mut all = BytesMut::from(bytes);
    let mut start = first.end;
    while start < range.end {
        let end = range.end.min(start + READ_BYTES);
        all.extend_from_slice(&parcel.bytes.read(ByteRange { start, end }).await.map_err(DestinationError::Source)?);
        start = end;
    }
    Ok(all.freeze())
}

/// Sends the next parts of an upload side by side; `send` takes a part's number, from 0, and its bytes. What was answered
/// in order is kept even when a later part fails.
pub(crate) async fn advance<'a>(
    parcel: &'a Parcel,
    upload: Upload,
    send: impl Fn(usize, Bytes) -> BoxFuture<'a, Result<String, DestinationError>>,
) -> Result<Upload, DestinationError> {
    let Upload::Parts { id, part_bytes, mut parts } = upload else { return Ok(upload) };
    let done = u64::try_from(parts.len()).unwrap_or(u64::MAX);
    let total = parcel.size_bytes.div_ceil(part_bytes);
    let width = (SIDE_BY_SIDE * PART_BYTES / part_bytes).max(1);
    let next = done..total.min(done.saturating_add(width));
    let before = parts.len();
    let send = &send;
    let sending = next.map(|number| async move {
        let start = number * part_bytes;
        let end = parcel.size_bytes.min(start + part_bytes);
        let bytes = read(parcel, ByteRange { start, end }).await?;
        send(usize::try_from(number).unwrap_or(usize::MAX), bytes).await
    });
    let mut outcomes = futures::stream::iter(sending).buffered(usize::try_from(width).unwrap_or(1));
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Ok(tag) => parts.push(tag),
            Err(error) if parts.len() == before => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "a part failed beside others that arrived");
                break;
            }
        }
    }
    Ok(Upload::Parts { id, part_bytes, parts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_with_the_file_so_that_their_number_is_bounded() {
        assert_eq!(part_bytes(1), PART_BYTES);
        assert_eq!(part_bytes(PART_BYTES * MOST_PARTS), PART_BYTES);
        assert_eq!(part_bytes(PART_BYTES * MOST_PARTS + 1), 9 * 1024 * 1024);
        for size in [1_u64, 1 << 30, 1 << 40, 5 << 40] {
            assert!(size.div_ceil(part_bytes(size)) <= MOST_PARTS, "{size}");
        }
    }
}
