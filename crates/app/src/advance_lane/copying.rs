//! Making one object of several without moving a byte: the store copies ranges of them into the parts of an upload.

use futures::stream::{StreamExt, TryStreamExt, iter};
use std::ops::Range;
use waybill_domain::Segment;
use waybill_ports::{ArchiveStore, ByteRange, PartTag, PortError, UploadId};

/// Copies on their way at once. They cost us no memory, and one of gigabytes takes the store tens of seconds.
const COPIES: usize = 64;
/// Segments from this size on stay as they are.
const FULL_BYTES: u64 = 4 << 30;
/// A segment is also full when so many of its size hold all there is.
const FULL_SEGMENTS: u64 = 512;

/// Makes parts of all segments, some side by side, in ranges of at most `copy_bytes`.
pub(super) async fn copy(
    archives: &dyn ArchiveStore,
    key: &str,
    upload: &UploadId,
    segments: &[Segment],
    copy_bytes: u64,
) -> Result<Vec<PartTag>, PortError> {
    let sources = segments
        .iter()
        .flat_map(|segment| ranges(segment.size_bytes, copy_bytes).map(|range| (segment.key.clone(), range)));
    let numbered: Vec<(u32, (String, ByteRange))> = (1..).zip(sources).collect();
    iter(numbered)
        .map(|(number, (source, range))| async move { archives.copy_part(key, upload, number, &source, range).await })
        .buffered(COPIES)
        .try_collect()
        .await
}

/// Ranges of at most `most` bytes and of about one length: none is so short that the store refuses it in the middle of an object.
pub(super) fn ranges(size_bytes: u64, most: u64) -> impl Iterator<Item = ByteRange> {
    let count = size_bytes.div_ceil(most.max(1)).max(1);
    let length = size_bytes.div_ceil(count);
    (0..count).map(move |index| ByteRange {
        start: (index * length).min(size_bytes),
        end: ((index + 1) * length).min(size_bytes),
    })
}

/// Which of the segments are to become one, if they are more than `enough`: at the end, `fan` or more of one size that is much smaller
/// than a full one, with what smaller ones there are. So each byte is copied a few times at most, and about a thousand segments hold any
/// archive.
pub(super) fn mergeable(segments: &[Segment], enough: usize, fan: usize) -> Option<Range<usize>> {
    if segments.len() <= enough {
        return None;
    }
    let total: u64 = segments.iter().map(|segment| segment.size_bytes).sum();
    let full = FULL_BYTES.max(total / FULL_SEGMENTS);
    [(0, full / 256), (full / 256, full / 16), (full / 16, full)].into_iter().find_map(|(from, below)| {
        let small = segments.iter().rev().take_while(|segment| segment.size_bytes < below).count();
        let start = segments.len() - small;
        let of_size = segments[start..].iter().filter(|segment| segment.size_bytes >= from).count();
        let mut size = 0;
        let until_full = segments[start..].iter().take_while(|segment| {
            let more = size < full;
            size += segment.size_bytes;
            more
        });
        let end = start + until_full.count();
        (of_size >= fan || small >= 4 * fan).then_some(start..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    fn of(sizes: &[u64]) -> Vec<Segment> {
        sizes.iter().map(|size| Segment { key: String::new(), size_bytes: *size }).collect()
    }

    #[test]
    fn ranges_cover_a_segment_and_none_is_short() {
        for size in [1, 5 * GIB, 5 * GIB + 1, 5 * GIB + 4 * MIB, 50 * GIB + 7] {
            let ranges: Vec<ByteRange> = ranges(size, 5 * GIB).collect();
            assert_eq!(ranges.first().map(|range| range.start), Some(0));
            assert_eq!(ranges.last().map(|range| range.end), Some(size));
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(ranges.iter().all(|range| range.end - range.start <= 5 * GIB));
            assert!(size < GIB || ranges.iter().all(|range| range.end - range.start >= 2 * GIB), "{ranges:?}");
        }
    }

    #[test]
    fn few_segments_stay_as_they_are() {
        assert_eq!(mergeable(&of(&[8 * MIB; 128]), 128, 16), None);
        assert_eq!(mergeable(&of(&[8 * MIB; 129]), 128, 16), Some(0..129));
    }

    #[test]
    fn a_thousand_segments_hold_any_archive_and_each_byte_is_copied_a_few_times() {
        // A checkpoint every 30 s: 8 MiB each for a month, 600 MiB each for 5 days, 2 GiB each until there are 40 TiB.
        for (size, count) in [(8 * MIB, 86_400), (600 * MIB, 14_400), (2 * GIB, 20_000)] {
            let (mut segments, mut copied, mut most) = (Vec::new(), 0, 0);
            for _ in 0..count {
                if let Some(range) = mergeable(&segments, 128, 16) {
                    let merged: u64 = segments[range.clone()].iter().map(|segment| segment.size_bytes).sum();
                    copied += merged;
                    segments.splice(range, [Segment { key: String::new(), size_bytes: merged }]);
                }
                segments.push(Segment { key: String::new(), size_bytes: size });
                most = most.max(segments.len());
            }
            let total: u64 = segments.iter().map(|segment| segment.size_bytes).sum();
            assert_eq!(total, size * count);
            assert!(most < 2100, "{most} segments of {total} bytes");
            assert!(total > 5 << 40 || most < 1000, "{most} segments of {total} bytes");
            assert!(copied < 4 * total, "{copied} bytes copied for {total}");
            let parts: usize = segments.iter().map(|segment| ranges(segment.size_bytes, 5 * GIB).count()).sum();
            assert!(parts < 10_000, "{parts} parts");
        }
    }
}
