//! Filtering, searching and sorting documents that a surface shows, in the words of data exports.

use crate::Error;
use waybill_ports::PortError;
use waybill_query::Filter;
use waybill_query::dialects::rebilly_filter::{self, Names};
use waybill_record::{Path, PropertyType, Tape};

/// What a list is asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrangement<'a> {
    /// Which documents.
    pub filter: Option<&'a str>,
    /// In which order; `None` = as they come.
    pub sort: Option<&'a str>,
    /// Words that occur in them.
    pub search: Option<&'a str>,
    /// How many to leave out at the beginning.
    pub offset: usize,
    /// Most to give.
    pub limit: usize,
}

/// What a list gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arranged {
    /// Places of the documents, in the order asked for.
    pub positions: Vec<usize>,
    /// How many there are beside the window.
    pub total: usize,
}

/// The window of `documents`, JSON objects whose members have the types of `members`; those that are `true` are searched.
///
/// # Errors
/// `Invalid` (`filter`, `sort`, `q`); `Internal` when one is no object.
pub fn arrange_documents(
    documents: &[String],
    members: &[(&str, PropertyType, bool)],
    asked: Arrangement<'_>,
) -> Result<Arranged, Error> {
    let types = |path: &Path| {
        let name = path.to_string();
        members.iter().find(|(member, ..)| *member == name).map(|(_, kind, _)| *kind)
    };
    let names = Names { types: &types, declared: &|path| types(path).is_some(), lists: &|_| None };
    let mut conditions = Vec::new();
    if let Some(text) = asked.filter {
        conditions
            .push(rebilly_filter::parse(text, names).map_err(|error| Error::invalid("filter", error.to_string()))?);
    }
    if let Some(text) = asked.search {
        let searched: Vec<Path> =
            members.iter().filter(|(.., searched)| *searched).filter_map(|(name, ..)| name.parse().ok()).collect();
        let id: Path = "id".parse().map_err(internal)?;
        conditions.push(
            rebilly_filter::search(text, &searched, &id).map_err(|error| Error::invalid("q", error.to_string()))?,
        );
    }
    let sort = asked.sort.filter(|text| !text.trim().is_empty()).map(|text| {
        let sort = rebilly_filter::sort(text, names).map_err(|error| Error::invalid("sort", error.to_string()))?;
        sort.resolve(|path| types(path).ok_or_else(|| Error::invalid("sort", format!("`{path}` is no property"))))
    });
    let (filter, sort) = (Filter::All(conditions), sort.transpose()?);
    let (mut tape, mut found) = (Tape::new(), Vec::new());
    for (position, document) in documents.iter().enumerate() {
        let document = tape.scan(document.as_bytes()).map_err(internal)?;
        if filter.matches(&document) {
            let mut key = Vec::new();
            if let Some(sort) = &sort {
                sort.write_key(&document, &mut key);
            }
            found.push((key, position));
        }
    }
    // Stable: what is equal stays as it came.
    found.sort_by(|(left, _), (right, _)| left.cmp(right));
    let total = found.len();
    let window = found.into_iter().skip(asked.offset).take(asked.limit);
    Ok(Arranged { positions: window.map(|(_, position)| position).collect(), total })
}

fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let kind = waybill_ports::PortErrorKind::Rejected { reason: "is no document".to_owned() };
    Error::Internal(PortError::caused_by(kind, "arranging documents", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBERS: [(&str, PropertyType, bool); 3] =
        [("id", PropertyType::String, false), ("name", PropertyType::String, true), ("n", PropertyType::Number, false)];

    fn arranged(asked: Arrangement<'_>) -> Result<Arranged, Error> {
        let documents = [
            r#"{"id":"a","name":"One","n":1}"#,
            r#"{"id":"b","name":"Two","n":2}"#,
            r#"{"id":"c","name":"one more","n":1}"#,
        ];
        arrange_documents(&documents.map(str::to_owned), &MEMBERS, asked)
    }

    #[test]
    fn a_window_is_filtered_searched_and_sorted_and_tells_the_total() {
        let all = Arrangement { limit: 10, ..Arrangement::default() };
        let positions = |asked| arranged(asked).unwrap().positions;
        assert_eq!(positions(all), [0, 1, 2]);
        assert_eq!(positions(Arrangement { sort: Some("-n"), ..all }), [1, 0, 2]);
        assert_eq!(positions(Arrangement { filter: Some("n:..1;id:!a"), ..all }), [2]);
        assert_eq!(positions(Arrangement { search: Some("ONE"), sort: Some("-id"), ..all }), [2, 0]);
        let beyond = arranged(Arrangement { offset: 3, ..all }).unwrap();
        assert_eq!((beyond.positions.len(), beyond.total), (0, 3));
        assert_eq!(arranged(Arrangement { limit: 0, ..Arrangement::default() }).unwrap().total, 3);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let all = Arrangement { limit: 10, ..Arrangement::default() };
        for (asked, field) in [
            (Arrangement { filter: Some("n:x"), ..all }, "filter"),
            (Arrangement { filter: Some("colour:red"), ..all }, "filter"),
            (Arrangement { sort: Some("colour"), ..all }, "sort"),
            (Arrangement { search: Some("a b c d e f g h i j k"), ..all }, "q"),
        ] {
            match arranged(asked) {
                Err(Error::Invalid(errors)) => assert_eq!(errors[0].field, field),
                other => panic!("{field}: {other:?}"),
            }
        }
    }
}
