//! What the writer promises, checked with a reader that is not ours.

use crate::{
    ArchiveError, ArchiveState, ArchiveSummary, ArchiveWriter, BlockBytes, Digest, EntryName, EntrySummary, HOLD_BYTES,
    Level, Modified, SizeBound, deflate_block, plain_crc32, stored_block,
};
use proptest::prelude::*;
use std::io::{Cursor, Read};

const WHEN: i64 = 1_795_300_831;

fn name(text: &str) -> EntryName {
    text.parse().unwrap()
}

/// An entry of the given blocks of text.
fn write_entry(
    writer: &mut ArchiveWriter,
    entry: &str,
    bound: SizeBound,
    blocks: &[Vec<u8>],
    out: &mut Vec<u8>,
) -> EntrySummary {
    writer.start_entry(name(entry), Modified::from_unix_secs(WHEN), bound, out).unwrap();
    for (position, plain) in blocks.iter().enumerate() {
        let deflated = if position % 3 == 0 { stored_block(plain) } else { deflate_block(plain, Level::Fast).unwrap() };
        let crc32 = plain_crc32(plain);
        writer.append(BlockBytes { deflated: &deflated, plain, crc32 }, out).unwrap();
    }
    writer.finish_entry(out).unwrap()
}

/// Gives everything that was spilled back and ends the archive.
fn finish_with(mut writer: ArchiveWriter, spilled: &[Vec<u8>], piece: usize, out: &mut Vec<u8>) -> ArchiveSummary {
    for records in spilled.concat().chunks(piece) {
        writer = through_a_checkpoint(&writer);
        writer.append_directory(records, out).unwrap();
    }
    writer.finish(out).unwrap()
}

/// Serialises the state as a checkpoint would and goes on from that.
fn through_a_checkpoint(writer: &ArchiveWriter) -> ArchiveWriter {
    let checkpoint = serde_json::to_vec(writer.state()).unwrap();
    ArchiveWriter::resume(serde_json::from_slice::<ArchiveState>(&checkpoint).unwrap())
}

fn digest_of(bytes: &[u8]) -> String {
    let mut digest = Digest::new();
    digest.update(bytes);
    digest.finish()
}

proptest! {
    #[test]
    fn what_went_in_comes_out(
        entries in proptest::collection::vec(
            (proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3000), 0..5), any::<bool>()),
            0..6,
        ),
    ) {
        let mut out = Vec::new();
        let mut writer = ArchiveWriter::new();
        let mut summaries = Vec::new();
        for (position, (blocks, small)) in entries.iter().enumerate() {
            let bound = match position % 3 {
                _ if *small => SizeBound::AtMost(1 << 20),
                0 => SizeBound::Unknown,
                1 => SizeBound::About(0),
                _ => SizeBound::About(u64::MAX),
            };
            summaries.push(write_entry(&mut writer, &format!("dir/ü{position}.bin"), bound, blocks, &mut out));
        }
        let summary = writer.finish(&mut out).unwrap();
        prop_assert_eq!(summary.size_bytes, u64::try_from(out.len()).unwrap());
        prop_assert_eq!(&summary.sha256, &digest_of(&out));
        let mut archive = zip::ZipArchive::new(Cursor::new(&out)).unwrap();
        prop_assert_eq!(archive.len(), entries.len());
        for (position, (blocks, _)) in entries.iter().enumerate() {
            let expected = blocks.concat();
            let own = &summaries[position];
            let mut file = archive.by_index(position).unwrap();
            prop_assert_eq!(file.name().unwrap(), own.name.as_str());
            prop_assert_eq!(file.data_start(), Some(own.data_offset));
            prop_assert_eq!(file.compressed_size(), own.compressed_size);
            let mut read = Vec::new();
            file.read_to_end(&mut read).unwrap();
            prop_assert_eq!(&digest_of(&read), &own.sha256);
            prop_assert_eq!(plain_crc32(&read), own.crc32);
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn an_archive_cut_anywhere_and_resumed_is_the_same(
        blocks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..500), 1..8),
        cuts in proptest::collection::vec(any::<bool>(), 32),
        spill in any::<bool>(),
    ) {
        let write = |cuts: &[bool], spill: bool| {
            let mut cuts = cuts.iter().cycle();
            let mut out = Vec::new();
            let mut spilled: Vec<Vec<u8>> = Vec::new();
            let mut writer = ArchiveWriter::new();
            for entry in 0..3 {
                writer.start_entry(name(&format!("{entry}")), Modified::from_unix_secs(WHEN), SizeBound::Unknown, &mut out).unwrap();
                for plain in &blocks {
                    if *cuts.next().unwrap() { writer = through_a_checkpoint(&writer); }
                    let deflated = deflate_block(plain, Level::Small).unwrap();
                    writer.append(BlockBytes { deflated: &deflated, plain, crc32: plain_crc32(plain) }, &mut out).unwrap();
                }
                if *cuts.next().unwrap() { writer = through_a_checkpoint(&writer); }
                writer.finish_entry(&mut out).unwrap();
                if spill { spilled.push(writer.spill_directory()); }
                if *cuts.next().unwrap() { writer = through_a_checkpoint(&writer); }
            }
            let summary = finish_with(writer, &spilled, 37, &mut out);
            (summary, out)
        };
        prop_assert_eq!(write(&cuts, spill), write(&[false], false));
    }
}

#[test]
fn calls_out_of_order_are_refused_and_change_nothing() {
    let mut out = Vec::new();
    let mut writer = ArchiveWriter::new();
    let block = BlockBytes { deflated: &stored_block(b"abc"), plain: b"abc", crc32: plain_crc32(b"abc") };
    let when = Modified::from_unix_secs(WHEN);
    assert_eq!(writer.append(block, &mut out), Err(ArchiveError::NoEntry));
    assert_eq!(writer.finish_entry(&mut out), Err(ArchiveError::NoEntry));
    assert!(out.is_empty());
    writer.start_entry(name("a"), when, SizeBound::AtMost(10), &mut out).unwrap();
    assert_eq!(writer.start_entry(name("b"), when, SizeBound::Unknown, &mut out), Err(ArchiveError::EntryOpen));
    writer.append(block, &mut out).unwrap();
    let before = out.len();
    assert_eq!(writer.append(block, &mut out), Err(ArchiveError::OverBound));
    assert_eq!(out.len(), before);
    assert_eq!(writer.clone().finish(&mut out), Err(ArchiveError::EntryOpen));
    writer.finish_entry(&mut out).unwrap();
    let taken = writer.spill_directory();
    assert_eq!(writer.clone().finish(&mut Vec::new()), Err(ArchiveError::Spilled));
    assert_eq!(writer.append_directory(&[&taken[..], &[0]].concat(), &mut out), Err(ArchiveError::Spilled));
    writer.append_directory(&taken, &mut out).unwrap();
    assert_eq!(writer.start_entry(name("b"), when, SizeBound::Unknown, &mut out), Err(ArchiveError::Closing));
    writer.finish(&mut out).unwrap();
    assert_eq!(zip::ZipArchive::new(Cursor::new(&out)).unwrap().len(), 1);
}

/// Writes and reads an entry whose size needs 33 bits: one block of zeros, deflated once and repeated.
fn entry_of_more_than_four_gibibytes(bound: SizeBound, padding: usize) {
    let plain = vec![0_u8; 8 << 20];
    let mut deflated = deflate_block(&plain, Level::Small).unwrap();
    deflated.extend_from_slice(&[0, 0, 0, 0xFF, 0xFF].repeat(padding));
    let block = BlockBytes { deflated: &deflated, plain: &plain, crc32: plain_crc32(&plain) };
    let mut out = Vec::new();
    let mut writer = ArchiveWriter::new();
    write_entry(&mut writer, "first", SizeBound::AtMost(100), &[b"1".to_vec()], &mut out);
    writer.start_entry(name("zeros"), Modified::from_unix_secs(WHEN), bound, &mut out).unwrap();
    for _ in 0..513 {
        writer.append(block, &mut out).unwrap();
    }
    let zeros = writer.finish_entry(&mut out).unwrap();
    write_entry(&mut writer, "last", SizeBound::Unknown, &[b"3".to_vec()], &mut out);
    writer.finish(&mut out).unwrap();
    assert!(zeros.size > 1 << 32);
    let mut archive = zip::ZipArchive::new(Cursor::new(&out)).unwrap();
    let mut file = archive.by_name("zeros").unwrap();
    assert_eq!(file.size(), zeros.size);
    // Reading to the end makes the reader compare the checksum.
    assert_eq!(std::io::copy(&mut file, &mut std::io::sink()).unwrap(), zeros.size);
    drop(file);
    let mut text = String::new();
    archive.by_name("last").unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "3");
}

#[test]
fn more_than_four_gibibytes_held_back_to_the_end_are_read_back() {
    entry_of_more_than_four_gibibytes(SizeBound::Unknown, 0);
}

#[test]
fn more_than_four_gibibytes_as_announced_are_read_back() {
    entry_of_more_than_four_gibibytes(SizeBound::Unknown, 200);
}

#[test]
fn more_than_four_gibibytes_against_the_estimate_are_read_back() {
    entry_of_more_than_four_gibibytes(SizeBound::About(0), 0);
}

/// Flags and sizes in the local header at the front of an archive.
fn local_header(archive: &[u8]) -> (u16, u32, u32) {
    let four = |at: usize| u32::from_le_bytes(archive[at..at + 4].try_into().unwrap());
    (u16::from_le_bytes([archive[6], archive[7]]), four(18), four(22))
}

#[test]
fn header_is_held_back_while_the_entry_is_small_and_the_same_after_any_cut() {
    let plain = vec![b'x'; 60_000];
    let deflated = stored_block(&plain);
    let block = BlockBytes { deflated: &deflated, plain: &plain, crc32: plain_crc32(&plain) };
    let write = |count: usize, cut: &dyn Fn(usize) -> bool| {
        let mut out = Vec::new();
        let mut writer = ArchiveWriter::new();
        writer.start_entry(name("x"), Modified::from_unix_secs(WHEN), SizeBound::Unknown, &mut out).unwrap();
        let mut empty_until = 0;
        for position in 0..count {
            if cut(position) {
                writer = through_a_checkpoint(&writer);
            }
            writer.append(block, &mut out).unwrap();
            if out.is_empty() {
                empty_until = position;
            }
        }
        writer.finish_entry(&mut out).unwrap();
        writer.finish(&mut out).unwrap();
        (out, empty_until)
    };
    let held = HOLD_BYTES / deflated.len();
    let (small, empty_until) = write(held, &|_| false);
    assert_eq!(empty_until, held - 1);
    let size = |count: usize, each: usize| u32::try_from(count * each).unwrap();
    assert_eq!(local_header(&small), (1 << 11, size(held, deflated.len()) + 2, size(held, plain.len())));
    let (large, empty_until) = write(held + 5, &|_| false);
    assert_eq!(empty_until, held - 1);
    assert_eq!(local_header(&large), (1 << 11 | 1 << 3, u32::MAX, u32::MAX));
    for count in [held, held + 5] {
        let whole = write(count, &|_| false).0;
        for step in [19, held - 1, held, held + 1, held + 2] {
            assert_eq!(write(count, &|position| position > 0 && position % step == 0).0, whole);
        }
        let mut read = Vec::new();
        zip::ZipArchive::new(Cursor::new(&whole)).unwrap().by_index(0).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, plain.repeat(count));
    }
}

#[test]
fn more_entries_than_sixteen_bits_count_are_read_back() {
    let count = 70_000;
    let mut out = Vec::new();
    let mut spilled = Vec::new();
    let mut writer = ArchiveWriter::new();
    for entry in 0..count {
        let text = entry.to_string().into_bytes();
        write_entry(&mut writer, &format!("n/{entry}"), SizeBound::AtMost(64), &[text], &mut out);
        if entry % 10_000 == 0 {
            spilled.push(writer.spill_directory());
        }
    }
    let summary = finish_with(writer, &spilled, 1 << 20, &mut out);
    assert_eq!(summary.entries, count);
    let mut archive = zip::ZipArchive::new(Cursor::new(&out)).unwrap();
    assert_eq!(u64::try_from(archive.len()).unwrap(), count);
    for entry in [0, 65_534, 65_535, 65_536, count - 1] {
        let mut text = String::new();
        archive.by_name(&format!("n/{entry}")).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, entry.to_string());
    }
}

#[test]
fn offsets_above_four_gibibytes_are_in_the_zip64_fields() {
    // A state as it is after 5 GiB, so that nobody has to write them.
    let mut state = serde_json::to_value(ArchiveWriter::new().state()).unwrap();
    let start = 5_u64 << 30;
    state["written"] = start.into();
    let mut writer = ArchiveWriter::resume(serde_json::from_value(state).unwrap());
    let mut out = Vec::new();
    let entry = write_entry(&mut writer, "far", SizeBound::AtMost(64), &[b"x".to_vec()], &mut out);
    assert_eq!(entry.offset, start);
    let end = usize::try_from(writer.size_bytes() - start).unwrap();
    let summary = writer.finish(&mut out).unwrap();
    assert_eq!(summary.size_bytes, start + u64::try_from(out.len()).unwrap());
    let directory = &out[end..];
    assert_eq!(directory[42..46], u32::MAX.to_le_bytes());
    let extra = &directory[46 + "far".len()..];
    assert_eq!(extra[..12], [&[1, 0, 8, 0][..], &start.to_le_bytes()].concat());
    let locator = &out[out.len() - 22 - 20..];
    assert_eq!(locator[..4], 0x0706_4B50_u32.to_le_bytes());
    assert_eq!(out[out.len() - 6..out.len() - 2], u32::MAX.to_le_bytes());
}

#[test]
fn broken_midstates_are_refused() {
    for text in ["", "00", "zz", &"0".repeat(20_000)] {
        assert!(Digest::try_from(text.to_owned()).is_err());
    }
}
