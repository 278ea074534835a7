//! Records as they are seen and as a scope takes them, before they come together with those of other collections.

use crate::plan::{RecordFault, TransformError};
use crate::scope::Scope;
use bytes::Bytes;
use waybill_record::{Chunk, Looking, Page, PageReader, Sight, Tape, stored};

/// The records of a chunk, as `sight` has them and `scope` takes them; those of which there is nothing are left out.
///
/// # Errors
/// The first record that is broken.
pub fn viewed(sight: Option<&dyn Sight>, scope: Option<&Scope>, chunk: &Chunk) -> Result<Chunk, TransformError> {
    let (mut reader, mut tape) = (PageReader::new(), Tape::new());
    let (mut looking, mut scoping) = (Looking::default(), Looking::default());
    let (mut found, mut records) = (Vec::new(), reader.read(chunk));
    let mut view = |text: &[u8]| {
        let record = tape.scan(text)?;
        let seen = match sight {
            None => Some(record),
            Some(sight) => looking.at(sight, record)?,
        };
        let taken = match (seen, scope) {
            (Some(seen), Some(scope)) => scoping.at(scope, seen)?,
            (seen, _) => seen,
        };
        Ok::<_, RecordFault>(taken.map(|record| Bytes::from([&[stored::PLAIN], record.source()].concat())))
    };
    while let Some(text) = records.next_text() {
        match text.map_err(RecordFault::from).and_then(&mut view) {
            Ok(record) => found.extend(record),
            Err(fault) => return Err(TransformError { position: records.position(), id: None, fault }),
        }
    }
    Ok(Page::stored(found).whole())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ScopedProperty;
    use std::collections::BTreeMap;
    use waybill_record::stored::encode;

    #[test]
    fn records_are_taken_as_the_scope_says_and_variants_left_out() {
        let page = [
            r#"{"_id":"1","title":[{"scope":{},"value":"a"},{"scope":{"l":"da"},"value":"b"}],"n":1.50}"#,
            r#"{"_id":"2","_parent":"1","title":[]}"#,
            r#"{"_id":"3","n":2}"#,
        ];
        let page = Page::stored(page.iter().map(|text| Bytes::from(encode(text.as_bytes()))).collect());
        let property = ScopedProperty { name: "title".to_owned(), dimensional: true, inheritable: false };
        let asked = BTreeMap::from([("l".to_owned(), "da".to_owned())]);
        let scope = Scope::compile(vec![property], (asked, BTreeMap::new()), false, None);
        let viewed = viewed(None, Some(&scope), &page.whole()).unwrap();
        let (mut reader, mut texts) = (PageReader::new(), Vec::new());
        let mut records = reader.read(&viewed);
        while let Some(text) = records.next_text() {
            texts.push(String::from_utf8(text.unwrap().to_vec()).unwrap());
        }
        assert_eq!(texts, [r#"{"_id":"1","title":"b","n":1.50}"#, r#"{"_id":"3","n":2}"#]);
    }
}
