//! Entries handed out without their archive.

use crate::{
    ArchiveWriter, BlockBytes, EntryReader, EntrySummary, Level, Modified, Packed, Packing, Restart, SizeBound,
    deflate_block, gzip_header, gzip_trailer, plain_crc32, records_name, stored_block,
};
use proptest::prelude::*;
use sha2::Digest;
use std::io::Read;

/// An archive of one entry made of `pieces`, taken up by another process after each.
fn archive(pieces: &[Vec<u8>], packing: Packing) -> (Vec<u8>, EntrySummary) {
    let mut out = Vec::new();
    let mut archive = ArchiveWriter::new().holding(1000);
    archive
        .start_entry(records_name("things", "csv"), Modified::from_unix_secs(0), SizeBound::Unknown, &mut out)
        .unwrap();
    archive.keep_for(packing).unwrap();
    for (position, plain) in pieces.iter().enumerate() {
        let deflated =
            if position.is_multiple_of(3) { stored_block(plain) } else { deflate_block(plain, Level::Fast).unwrap() };
        archive.append(BlockBytes { deflated: &deflated, plain, crc32: plain_crc32(plain) }, &mut out).unwrap();
        let state = serde_json::to_string(archive.state()).unwrap();
        archive = ArchiveWriter::resume(serde_json::from_str(&state).unwrap()).holding(1000);
    }
    let entry = archive.finish_entry(&mut out).unwrap();
    archive.finish(&mut out).unwrap();
    (out, entry)
}

fn body<'a>(archive: &'a [u8], entry: &EntrySummary) -> &'a [u8] {
    let start = usize::try_from(entry.data_offset).unwrap();
    &archive[start..start + usize::try_from(entry.compressed_size).unwrap()]
}

fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let piece =
        (proptest::collection::vec(any::<u8>(), 1..200), 1_usize..20).prop_map(|(text, times)| text.repeat(times));
    proptest::collection::vec(piece, 0..12)
}

proptest! {
    #[test]
    fn a_header_the_body_and_a_trailer_are_a_gzip_file(pieces in pieces()) {
        let (archive, entry) = archive(&pieces, Packing::Gzip);
        let trailer = gzip_trailer(entry.crc32, entry.size);
        let file = [gzip_header(), body(&archive, &entry), &trailer].concat();
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&file[..]).read_to_end(&mut plain).unwrap();
        prop_assert_eq!(plain, pieces.concat());
        prop_assert_eq!(entry.packed, Some(Packed::Gzip(hex::encode(sha2::Sha256::digest(&file)))));
    }

    #[test]
    fn every_place_kept_is_one_to_begin_at(
        pieces in pieces(), restart_every in 1_u64..2000, window in 1_usize..700, most in 1_usize..3000,
    ) {
        let (archive, entry) = archive(&pieces, Packing::Plain { restart_every });
        let (body, plain) = (body(&archive, &entry), pieces.concat());
        let Some(Packed::Plain(restarts)) = &entry.packed else { panic!("nothing was kept") };
        for from in restarts.iter().copied().chain([Restart { deflated: 0, plain: 0 }]) {
            let (mut at, start) = (usize::try_from(from.deflated).unwrap(), usize::try_from(from.plain).unwrap());
            let mut reader = EntryReader::resume(from.plain, plain_crc32(&plain[..start]));
            let mut read = Vec::new();
            loop {
                let piece = reader.read(&body[at..body.len().min(at + window)], most).unwrap();
                at += piece.taken;
                prop_assert!(piece.plain.len() <= most);
                read.extend(piece.plain);
                if piece.ended {
                    break;
                }
            }
            prop_assert_eq!(&read[..], &plain[start..]);
            prop_assert_eq!((reader.plain_bytes(), reader.crc32()), (entry.size, entry.crc32));
            prop_assert_eq!(at, body.len());
        }
    }
}

#[test]
fn places_stay_few_in_long_entries() {
    let pieces: Vec<Vec<u8>> = (0..20_000_u32).map(|number| number.to_le_bytes().to_vec()).collect();
    let (_, entry) = archive(&pieces, Packing::Plain { restart_every: 1 });
    let Some(Packed::Plain(restarts)) = &entry.packed else { panic!("nothing was kept") };
    assert!((200..=512).contains(&restarts.len()), "{}", restarts.len());
    let longest = restarts.windows(2).map(|pair| pair[1].deflated - pair[0].deflated).max().unwrap();
    assert!(longest < entry.compressed_size / 50, "{longest}");
}
