//! Reading archives of all sides back: what is in them, whatever program wrote it.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, Result};
use zip::ZipArchive;

use super::job::Run;

/// Longest text that may be a number; ids of digits alone are longer.
const NUMBER_BYTES: usize = 20;

/// Fills in what the directory of an archive tells.
pub(super) fn inspect(archive: &Path, run: &mut Run) -> Result<()> {
    let mut zip = ZipArchive::new(File::open(archive).context("a run left no archive")?)?;
    let entry = zip.by_index_raw(0)?;
    run.plain_bytes = entry.size();
    run.crc32 = entry.crc32();
    run.archive_bytes = archive.metadata()?.len();
    Ok(())
}

/// Parses the CSV file in an archive: how many records it has, and the sum of the hashes of its rows, its heading
/// included. Two files have the same sum when they hold the same rows, in whatever order, however quoted, their numbers
/// written in whatever form.
pub(super) fn rows(archive: &Path) -> Result<(u64, u64)> {
    let mut zip = ZipArchive::new(File::open(archive)?)?;
    let (records, sum) = rows_of(zip.by_index(0)?)?;
    Ok((records.saturating_sub(1), sum))
}

/// The same of a CSV file, or of a part of one; every line counts.
pub(super) fn rows_of(csv: impl Read) -> Result<(u64, u64)> {
    let mut csv = csv::ReaderBuilder::new().has_headers(false).from_reader(csv);
    let (mut records, mut sum) = (0_u64, 0_u64);
    let mut row = csv::StringRecord::new();
    while csv.read_record(&mut row)? {
        sum = sum.wrapping_add(hash(row.iter()));
        records += 1;
    }
    Ok((records, sum))
}

fn hash<'a>(cells: impl Iterator<Item = &'a str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for cell in cells {
        let number = if cell.len() <= NUMBER_BYTES { cell.parse::<f64>().ok() } else { None };
        match number {
            Some(number) => number.to_bits().hash(&mut hasher),
            None => cell.hash(&mut hasher),
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn archive(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
        let path = folder.join(name);
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        zip.start_file("people.csv", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
        zip.finish().unwrap();
        path
    }

    #[test]
    fn order_quotes_and_forms_of_numbers_make_no_difference_and_all_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let rows_of = |name: &str, text: &str| rows(&archive(folder.path(), name, text)).unwrap();
        let one = rows_of("1", "id,n\r\na,1.50\r\n\"b\",2\r\n");
        assert_eq!(one.0, 2);
        assert_eq!(one, rows_of("2", "id,n\nb,\"2.0\"\na,1.5\n"));
        for (name, text) in [("3", "id,n\na,1.51\nb,2\n"), ("4", "id,n\na,2\nb,1.5\n"), ("5", "id,n\na,1.5\na,1.5\n")] {
            assert_ne!(one.1, rows_of(name, text).1, "{text}");
        }
    }

    #[test]
    fn the_directory_tells_sizes() {
        let folder = tempfile::tempdir().unwrap();
        let path = archive(folder.path(), "1", "id\r\n");
        let mut run = Run::default();
        inspect(&path, &mut run).unwrap();
        assert_eq!((run.plain_bytes, run.crc32), (4, crc32fast::hash(b"id\r\n")));
    }
}
