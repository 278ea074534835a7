//! Archives at the limits of the format, read by readers that are not ours: unzip and Python, and 7-Zip, bsdtar and Java where they
//! are installed. `examples/write_archive.rs` writes the one that is too large for every run, too.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a broken fixture fails the test")]

mod generated;

use generated::Shape;
use std::fs::File;
use std::path::Path;
use std::process::Command;

const PYTHON: &str = "
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    print(len(archive.infolist()), sum(entry.file_size for entry in archive.infolist()))
";

/// How many entries an archive has, and how long they are together.
fn totals(shape: Shape) -> (u64, u64) {
    let piece = 8 << 20;
    match shape {
        // The digits of 0 to 69 999.
        Shape::Many => (70_000, 10 + 2 * 90 + 3 * 900 + 4 * 9_000 + 5 * 60_000),
        Shape::Wide => (3, 513 * piece + 9),
        Shape::Long => (11, 9 * 64 * piece + 9),
    }
}

/// What a program prints; `None` when it is not installed.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program}: {text} {}", String::from_utf8_lossy(&output.stderr));
    Some(text)
}

/// Writes an archive and lets every reader read it; `thorough` = the slower ones too.
fn read_everywhere(shape: Shape, thorough: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive.zip");
    generated::write(shape, &mut File::create(&path).unwrap()).unwrap();
    let path = path.to_str().unwrap();
    let (count, bytes) = totals(shape);
    let totals = format!("{count} {bytes}\n");
    std::thread::scope(|scope| {
        scope.spawn(|| output("unzip", &["-tqq", path]).expect("unzip is installed"));
        scope.spawn(|| assert_eq!(output("python3", &["-c", PYTHON, path]).expect("Python is installed"), totals));
        scope.spawn(|| {
            if let Some(text) = output("bsdtar", &["-tf", path]) {
                assert_eq!(u64::try_from(text.lines().count()).unwrap(), count);
            }
        });
        if thorough {
            scope.spawn(|| {
                if let Some(text) = output("7z", &["t", path]) {
                    assert!(text.contains("Everything is Ok"), "{text}");
                    assert!(text.lines().any(|line| *line == format!("Size:       {bytes}")), "{text}");
                }
            });
            scope.spawn(|| {
                let java = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ReadArchive.java");
                if let Some(text) = output("java", &[java.to_str().unwrap(), path]) {
                    assert_eq!(text, totals.repeat(2));
                }
            });
        }
    });
}

#[test]
fn more_entries_than_sixteen_bits_count_are_read_everywhere() {
    read_everywhere(Shape::Many, true);
}

#[test]
fn an_entry_of_more_than_four_gibibytes_is_read_everywhere() {
    read_everywhere(Shape::Wide, false);
}

/// Half a gigabyte nine times over is for `examples/write_archive.rs`, whose shapes are these.
#[test]
fn shapes_have_names() {
    assert_eq!(Shape::ALL.map(|(name, shape)| (name, totals(shape).0)), [("many", 70_000), ("wide", 3), ("long", 11)]);
}
