//! Where in its partition a range of rows begins.

use waybill_ports::RowRange;

/// Where reading starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start<'a> {
    /// At the first row of the prefix.
    First,
    /// Beyond this sort key, which is within the prefix.
    Beyond(&'a str),
    /// Nowhere: the range is empty.
    Nowhere,
}

/// The service refuses a starting key outside of the prefix, so that such a one is either no bound at all or excludes
/// every row.
pub(crate) fn start(range: &RowRange) -> Start<'_> {
    let Some(after) = range.after.as_deref() else { return Start::First };
    if after.starts_with(&range.prefix) {
        // An empty sort key is none, and every row is beyond it or none is.
        return match (after.is_empty(), range.descending) {
            (false, _) => Start::Beyond(after),
            (true, false) => Start::First,
            (true, true) => Start::Nowhere,
        };
    }
    let before_prefix = after < range.prefix.as_str();
    if before_prefix == range.descending { Start::Nowhere } else { Start::First }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_ports::Table;

    fn of(prefix: &str, after: Option<&str>, descending: bool) -> RowRange {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        RowRange { table: Table::Main, pk: "p".into(), prefix, after, descending, limit: 1 }
    }

    #[test]
    fn a_key_within_the_prefix_is_where_reading_starts() {
        assert_eq!(start(&of("B#", Some("B#1"), false)), Start::Beyond("B#1"));
        assert_eq!(start(&of("B#", Some("B#1"), true)), Start::Beyond("B#1"));
        assert_eq!(start(&of("", Some("B#1"), true)), Start::Beyond("B#1"));
        assert_eq!(start(&of("B#", None, true)), Start::First);
    }

    #[test]
    fn a_key_outside_of_the_prefix_excludes_all_or_nothing() {
        assert_eq!(start(&of("B#", Some("A"), false)), Start::First);
        assert_eq!(start(&of("B#", Some("A"), true)), Start::Nowhere);
        assert_eq!(start(&of("B#", Some("C"), false)), Start::Nowhere);
        assert_eq!(start(&of("B#", Some("C"), true)), Start::First);
        assert_eq!(start(&of("", Some(""), false)), Start::First);
        assert_eq!(start(&of("", Some(""), true)), Start::Nowhere);
    }
}
