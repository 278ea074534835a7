//! PDF: a document of each record, whole by itself and the same whoever its neighbours are.

use crate::{Encoder, Format, Holds, PropertyShape, Scratch, Selection, Shape, documents};
use waybill_record::Tape;

fn encoder(paths: &[&str]) -> Encoder {
    let paths: Vec<_> = paths.iter().map(|path| path.parse().unwrap()).collect();
    let property = PropertyShape { name: "name".into(), array: false, holds: Holds::Value };
    let shape = Shape { collection: "visits".into(), singular: "visit".into(), properties: vec![property] };
    Encoder::new(Format::Pdf, Selection::compile(&paths).unwrap(), &shape, false)
}

/// The frames of some records.
fn frames(encoder: &Encoder, records: &[&str]) -> Vec<u8> {
    let (mut tape, mut scratch, mut out) = (Tape::new(), Scratch::new(), Vec::new());
    for (position, record) in records.iter().enumerate() {
        let record = tape.scan(record.as_bytes()).unwrap();
        encoder.encode(&record, position == 0, &mut scratch, &mut out).unwrap();
    }
    out
}

fn position(bytes: &[u8], of: &[u8]) -> Option<usize> {
    bytes.windows(of.len()).rposition(|window| window == of)
}

fn count(bytes: &[u8], of: &[u8]) -> usize {
    bytes.windows(of.len()).filter(|window| *window == of).count()
}

/// Follows the table of objects that stands at the end, as a reader does.
fn assert_whole(document: &[u8]) {
    assert!(document.starts_with(b"%PDF-1.7"));
    let text = |range: &[u8]| String::from_utf8_lossy(range).into_owned();
    let start = position(document, b"startxref").unwrap();
    let table: usize = text(&document[start..]).lines().nth(1).unwrap().trim().parse().unwrap();
    let table = text(&document[table..start]);
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("xref"));
    let objects: usize = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    for (number, line) in lines.by_ref().take(objects).enumerate().skip(1) {
        let offset: usize = line[..10].parse().unwrap();
        assert!(document[offset..].starts_with(format!("{number} 0 obj").as_bytes()), "object {number}: {line}");
    }
    assert_eq!(lines.next(), Some("trailer"));
}

#[test]
fn each_record_becomes_a_document_that_does_not_depend_on_its_neighbours() {
    let encoder = encoder(&["_id", "name", "lines"]);
    let records = [
        r#"{"_id":"00a1","name":"Ærø 漢字 🦀","lines":[{"n":1},{"n":[2,3]}]}"#,
        r#"{"name":null}"#,
        r#"{"_id":"ø b","name":"a\nb\tc"}"#,
    ];
    let together = frames(&encoder, &records);
    let found: Vec<_> = documents(&together).collect();
    assert_eq!(found.iter().map(|document| document.id).collect::<Vec<_>>(), ["00a1", "", "ø b"]);
    for (record, document) in records.iter().zip(&found) {
        assert_whole(document.bytes);
        let alone = frames(&encoder, &[record]);
        assert_eq!(documents(&alone).next(), Some(*document));
    }
    assert_eq!((encoder.prologue(), encoder.separator(), encoder.epilogue()), (vec![], &b""[..], vec![]));
}

#[test]
fn what_the_first_font_has_no_shape_for_is_taken_from_the_next() {
    let encoder = encoder(&["_id", "name"]);
    let fonts = |name: &str| {
        let out = frames(&encoder, &[&format!(r#"{{"_id":"1","name":"{name}"}}"#)]);
        let bytes = documents(&out).next().unwrap().bytes.to_vec();
        assert_whole(&bytes);
        ["DejaVuSans", "DroidSansFallback"].map(|font| count(&bytes, format!("/FontName /WAYBIL+{font}\n").as_bytes()))
    };
    assert_eq!(fonts("Ærø, Ελλάδα, Санкт-Петербург"), [1, 0]);
    assert_eq!(fonts("日本 中国 한국"), [1, 1]);
    // A box of the first.
    assert_eq!(fonts("𓀀"), [1, 0]);
}

#[test]
fn a_long_record_takes_more_pages_and_a_long_value_is_cut() {
    let encoder = encoder(&["_id", "name", "more"]);
    let long = "words and more words ".repeat(3000);
    let unbroken = "x".repeat(20_000);
    let record = format!(r#"{{"_id":"1","name":"{long}","more":"{unbroken}"}}"#);
    let out = frames(&encoder, &[&record, r#"{"_id":"2"}"#]);
    let found: Vec<_> = documents(&out).collect();
    assert_whole(found[0].bytes);
    let pages = count(found[0].bytes, b"/Type /Page\n");
    assert!((10..60).contains(&pages), "{pages} pages");
    assert_eq!(count(found[1].bytes, b"/Type /Page\n"), 1);
    assert!(found[1].bytes.len() < 20_000, "{} bytes", found[1].bytes.len());
}

#[test]
fn broken_frames_give_nothing() {
    let out = frames(&encoder(&["_id"]), &[r#"{"_id":"1"}"#]);
    for end in [0, 3, 8, out.len() - 1] {
        assert_eq!(documents(&out[..end]).count(), 0);
    }
}
