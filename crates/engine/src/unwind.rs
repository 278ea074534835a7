//! Documents of arrays in records, as records of their own.

use crate::plan::{RecordFault, TransformError};
use bytes::Bytes;
use waybill_query::Filter;
use waybill_record::{Chunk, Kind, Looking, Page, PageReader, Path, Sight, Tape, stored};

/// The documents in the arrays at `path` of the records that meet `filter`, as `sight` has them, one array after another; what is no
/// document is left out.
///
/// # Errors
/// The first record that is broken.
pub fn unwound(
    filter: &Filter,
    sight: Option<&dyn Sight>,
    path: &Path,
    chunk: &Chunk,
) -> Result<Chunk, TransformError> {
    let (mut reader, mut tape, mut looking) = (PageReader::new(), Tape::new(), Looking::default());
    let (mut found, mut records) = (Vec::new(), reader.read(chunk));
    while let Some(text) = records.next_text() {
        let added = match text {
            Ok(text) => add(text, (filter, sight, path), (&mut tape, &mut looking), &mut found),
            Err(fault) => Err(fault.into()),
        };
        added.map_err(|fault| TransformError { position: records.position(), id: None, fault })?;
    }
    Ok(Page::stored(found).whole())
}

fn add(
    text: &[u8],
    (filter, sight, path): (&Filter, Option<&dyn Sight>, &Path),
    (tape, looking): (&mut Tape, &mut Looking),
    found: &mut Vec<Bytes>,
) -> Result<(), RecordFault> {
    let record = tape.scan(text)?;
    if !filter.matches(&record) {
        return Ok(());
    }
    let seen = match sight {
        None => Some(record),
        Some(sight) => looking.at(sight, record)?,
    };
    if let Some(array) = seen.and_then(|record| record.get(path)).filter(|value| value.kind() == Kind::Array) {
        let documents = array.elements().filter(|element| element.kind() == Kind::Object);
        found.extend(documents.map(|document| Bytes::from([&[stored::PLAIN], document.source()].concat())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_query::{Operand, Test};
    use waybill_record::{Document, Seen, stored::encode};

    /// Sees records without what they say behind `x`.
    #[derive(Debug)]
    struct Short;

    impl Sight for Short {
        fn of(&self, record: &Document<'_>, out: &mut Vec<u8>) -> Seen {
            let text = String::from_utf8(record.source().to_vec()).unwrap();
            if text.contains("hidden") {
                return Seen::Nothing;
            }
            out.extend_from_slice(text.replace(r#","x":7"#, "").as_bytes());
            Seen::Part
        }
    }

    fn texts(sight: Option<&dyn Sight>, records: &[&str]) -> Vec<String> {
        let page = Page::stored(records.iter().map(|text| Bytes::from(encode(text.as_bytes()))).collect());
        let id = Operand::Id("5d25192f61827de1579d5fcd".to_owned());
        let filter = Filter::Property { path: "_id".parse().unwrap(), test: Test::Equal(id) };
        let chunk = unwound(&filter, sight, &"place.parts".parse().unwrap(), &page.whole()).unwrap();
        let mut reader = PageReader::new();
        let mut records = reader.read(&chunk);
        let mut texts = Vec::new();
        while let Some(text) = records.next_text() {
            texts.push(String::from_utf8(text.unwrap().to_vec()).unwrap());
        }
        texts
    }

    const ONE: &str = r#"{"_id":"5d25192f61827de1579d5fcd","place":{"parts":[{"n":1.50,"x":7},null,{"n":[2]}]}}"#;

    #[test]
    fn documents_come_in_their_order_and_nothing_else_does() {
        let other = ONE.replace("5d25", "0000");
        assert_eq!(texts(None, &[&other, ONE]), [r#"{"n":1.50,"x":7}"#, r#"{"n":[2]}"#]);
        let without = ["{}", r#""none""#, "7"]
            .map(|parts| format!(r#"{{"_id":"5d25192f61827de1579d5fcd","place":{{"parts":{parts}}}}}"#));
        assert!(texts(None, &without.each_ref().map(String::as_str)).is_empty());
    }

    #[test]
    fn what_is_not_seen_of_the_record_is_not_in_its_documents() {
        assert_eq!(texts(Some(&Short), &[ONE]), [r#"{"n":1.50}"#, r#"{"n":[2]}"#]);
        assert!(texts(Some(&Short), &[&ONE.replace("2]", r#"2,"hidden"]"#)]).is_empty());
    }

    #[test]
    fn broken_records_are_told_by_their_place() {
        let page = Page::stored(vec![Bytes::from(encode(b"{}")), Bytes::from(encode(b"{"))]);
        let broken = unwound(&Filter::everything(), None, &"a".parse().unwrap(), &page.whole());
        assert_eq!(broken.unwrap_err().position, 1);
    }
}
