//! Archives at the limits of the format, made on the fly.

use std::io::{self, Write};
use waybill_archive::{
    ArchiveError, ArchiveWriter, BlockBytes, Level, Modified, SizeBound, deflate_block, plain_crc32, stored_block,
};

/// 2026-11-21T22:40:31Z.
const WHEN: i64 = 1_795_300_831;
/// Plain size of the pieces that large entries consist of.
const PIECE: usize = 8 << 20;

/// What an archive is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// 70 000 entries: more than 16 bits count.
    Many,
    /// An entry whose plain size needs 33 bits; the archive takes a few megabytes.
    Wide,
    /// Entries that begin, and a directory that lies, behind 4 GiB; the archive takes 4.5 GiB.
    Long,
}

impl Shape {
    /// Every shape by its name.
    pub(crate) const ALL: [(&'static str, Self); 3] =
        [("many", Self::Many), ("wide", Self::Wide), ("long", Self::Long)];
}

struct Writing<'a> {
    archive: ArchiveWriter,
    bytes: Vec<u8>,
    out: &'a mut dyn Write,
}

fn refused(error: ArchiveError) -> io::Error {
    io::Error::other(error)
}

impl Writing<'_> {
    /// An entry of `times` the piece.
    fn entry(&mut self, name: &str, piece: BlockBytes<'_>, times: u64) -> io::Result<()> {
        let length = u64::try_from(piece.plain.len()).map_err(io::Error::other)?;
        let name = name.parse().map_err(io::Error::other)?;
        let bound = SizeBound::of_size(length * times, length);
        let when = Modified::from_unix_secs(WHEN);
        self.archive.start_entry(name, when, bound, &mut self.bytes).map_err(refused)?;
        for _ in 0..times {
            self.archive.append(piece, &mut self.bytes).map_err(refused)?;
            self.flush()?;
        }
        self.archive.finish_entry(&mut self.bytes).map_err(refused)?;
        self.flush()
    }

    fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        let plain = text.as_bytes();
        self.entry(name, BlockBytes { deflated: &stored_block(plain), plain, crc32: plain_crc32(plain) }, 1)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.bytes.len() > PIECE {
            self.out.write_all(&self.bytes)?;
            self.bytes.clear();
        }
        Ok(())
    }
}

/// Writes an archive of that shape.
pub(crate) fn write(shape: Shape, out: &mut dyn Write) -> io::Result<()> {
    let mut writing = Writing { archive: ArchiveWriter::new(), bytes: Vec::new(), out };
    match shape {
        Shape::Many => {
            for number in 0..70_000 {
                writing.text(&format!("n/{number}"), &number.to_string())?;
            }
        }
        Shape::Wide => {
            let plain = vec![0; PIECE];
            let deflated = deflate_block(&plain, Level::Small).map_err(io::Error::other)?;
            writing.text("first", "first")?;
            writing.entry(
                "zeros",
                BlockBytes { deflated: &deflated, plain: &plain, crc32: plain_crc32(&plain) },
                513,
            )?;
            writing.text("last", "last")?;
        }
        Shape::Long => {
            // Bytes that no other tool would store without compression either.
            let mut state = 1_u32;
            let noise = (0..PIECE).map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            });
            let plain: Vec<u8> = noise.collect();
            let deflated = stored_block(&plain);
            writing.text("first", "first")?;
            for number in 0..9 {
                let piece = BlockBytes { deflated: &deflated, plain: &plain, crc32: plain_crc32(&plain) };
                writing.entry(&format!("noise/{number}"), piece, 64)?;
            }
            writing.text("last", "last")?;
        }
    }
    let Writing { archive, mut bytes, out } = writing;
    archive.finish(&mut bytes).map_err(refused)?;
    out.write_all(&bytes)
}
