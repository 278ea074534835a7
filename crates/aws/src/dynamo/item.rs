//! A row as an item: its attributes, and the two forms of its body.

use super::schema::{DUE_AT, DUE_SHARD, PK, SK, TTL};
use crate::errors::{corrupt, rejected};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use std::collections::HashMap;
use std::io::Read as _;
use waybill_domain::{CommitId, Timestamp};
use waybill_ports::{DueKind, PortError, Row, RowKey, Table};

/// An item of a table.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The commit that wrote the row, 32 hex digits.
pub(crate) const VERSION: &str = "ver";
/// What the row says: text, or the raw deflate of it.
const BODY: &str = "body";

/// Longest body that is kept as text.
const PLAIN_BYTES: usize = 4 * 1024;
/// Longest body as it is stored: an item takes 400 KB, names of attributes and keys included.
const STORED_BYTES: usize = 350 * 1024;
/// Longest body at all, so that no stored one can fill the memory.
const BODY_BYTES: usize = 16 * 1024 * 1024;

/// The name of a table in errors.
pub(crate) fn table_label(table: Table) -> &'static str {
    match table {
        Table::Main => "main",
        Table::Audit => "audit",
        Table::Scripts => "scripts",
    }
}

/// The partition of the index in which rows of `kind` and `shard` are due.
pub(crate) fn due_partition(kind: DueKind, shard: u8) -> String {
    format!("{}#{shard}", kind.as_str())
}

/// The key attributes of a row.
pub(crate) fn key_item(key: &RowKey) -> Item {
    Item::from([(PK.to_owned(), AttributeValue::S(key.pk.clone())), (SK.to_owned(), AttributeValue::S(key.sk.clone()))])
}

/// The item of a row.
///
/// # Errors
/// `Rejected` with [`PortError::ROW_TOO_LARGE`].
pub(crate) fn to_item(row: &Row, during: &'static str) -> Result<Item, PortError> {
    let mut item = key_item(&row.key);
    item.insert(VERSION.to_owned(), AttributeValue::S(row.version.to_string()));
    item.insert(BODY.to_owned(), to_body(&row.body).ok_or_else(|| rejected(PortError::ROW_TOO_LARGE, during))?);
    if let Some((kind, shard, at)) = row.due {
        item.insert(DUE_SHARD.to_owned(), AttributeValue::S(due_partition(kind, shard)));
        item.insert(DUE_AT.to_owned(), AttributeValue::N(at.as_millis().to_string()));
    }
    if let Some(at) = row.drop_after {
        // Rounded up: not a millisecond too early.
        let secs = at.as_secs() + i64::from(at.as_millis().rem_euclid(1000) > 0);
        item.insert(TTL.to_owned(), AttributeValue::N(secs.to_string()));
    }
    Ok(item)
}

fn to_body(text: &str) -> Option<AttributeValue> {
    if text.len() <= PLAIN_BYTES {
        return Some(AttributeValue::S(text.to_owned()));
    }
    if text.len() > BODY_BYTES {
        return None;
    }
    let mut stored = Vec::new();
    DeflateEncoder::new(text.as_bytes(), Compression::default()).read_to_end(&mut stored).ok()?;
    (stored.len() <= STORED_BYTES).then(|| AttributeValue::B(Blob::new(stored)))
}

/// The row of an item of `table`.
///
/// # Errors
/// `Corrupt` with the first attribute that is not as [`to_item`] makes it.
pub(crate) fn from_item(table: Table, item: &Item, during: &'static str) -> Result<Row, PortError> {
    let key = key_of(table, item, during)?;
    let bad = |field: String| corrupt(table_label(table), key.to_string(), field, during);
    let version = version_of(item).ok_or_else(|| bad(format!("{VERSION}: not 32 hex digits")))?;
    let body = from_body(item.get(BODY)).map_err(|reason| bad(format!("{BODY}: {reason}")))?;
    let due = due_of(item).map_err(&bad)?;
    let drop_after = match item.get(TTL) {
        Some(value) => {
            let secs = number(value).ok_or_else(|| bad(format!("{TTL}: not a number of seconds")))?;
            Some(Timestamp::from_millis(secs.saturating_mul(1000)))
        }
        None => None,
    };
    Ok(Row { key: key.clone(), version, body, due, drop_after })
}

/// The key of an item of `table`.
///
/// # Errors
/// `Corrupt` when an attribute of it is missing.
pub(crate) fn key_of(table: Table, item: &Item, during: &'static str) -> Result<RowKey, PortError> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    match (text(PK), text(SK)) {
        (Some(pk), Some(sk)) => Ok(RowKey { table, pk, sk }),
        (pk, _) => Err(corrupt(table_label(table), pk.unwrap_or_default(), "key: missing", during)),
    }
}

/// The commit that wrote an item.
pub(crate) fn version_of(item: &Item) -> Option<CommitId> {
    item.get(VERSION)?.as_s().ok()?.parse().ok()
}

/// A whole number.
pub(crate) fn number(value: &AttributeValue) -> Option<i64> {
    value.as_n().ok()?.parse().ok()
}

fn from_body(value: Option<&AttributeValue>) -> Result<String, &'static str> {
    match value {
        Some(AttributeValue::S(text)) => Ok(text.clone()),
        Some(AttributeValue::B(stored)) => {
            let limit = u64::try_from(BODY_BYTES).unwrap_or(u64::MAX);
            let mut text = String::new();
            let mut decoder = DeflateDecoder::new(stored.as_ref()).take(limit + 1);
            decoder.read_to_string(&mut text).map_err(|_| "does not inflate")?;
            if text.len() > BODY_BYTES { Err("too long") } else { Ok(text) }
        }
        Some(_) => Err("neither text nor bytes"),
        None => Err("missing"),
    }
}

fn due_of(item: &Item) -> Result<Option<(DueKind, u8, Timestamp)>, String> {
    let (shard, at) = match (item.get(DUE_SHARD), item.get(DUE_AT)) {
        (None, None) => return Ok(None),
        (Some(shard), Some(at)) => (shard, at),
        (None, Some(_)) => return Err(format!("{DUE_SHARD}: missing")),
        (Some(_), None) => return Err(format!("{DUE_AT}: missing")),
    };
    let named = shard.as_s().ok().and_then(|shard| shard.split_once('#'));
    let kind = named.and_then(|(kind, _)| DueKind::ALL.into_iter().find(|known| known.as_str() == kind));
    let shard = named.and_then(|(_, shard)| shard.parse().ok());
    let (Some(kind), Some(shard)) = (kind, shard) else { return Err(format!("{DUE_SHARD}: not `<kind>#<shard>`")) };
    let at = number(at).ok_or_else(|| format!("{DUE_AT}: not a number of milliseconds"))?;
    Ok(Some((kind, shard, Timestamp::from_millis(at))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_ports::PortErrorKind;

    fn row(body: String) -> Row {
        Row {
            key: RowKey { table: Table::Main, pk: "ORG#demo".into(), sk: "EXPORT#1".into() },
            version: CommitId(7),
            body,
            due: Some((DueKind::Expiry, 15, Timestamp::from_millis(1_234_567))),
            drop_after: Some(Timestamp::from_millis(2_000)),
        }
    }

    #[test]
    fn rows_come_back_from_their_items_short_and_long() {
        for row in [row("{}".into()), row(format!("\"{}\"", "äbc".repeat(5_000)))] {
            let item = to_item(&row, "test").unwrap();
            assert_eq!(from_item(Table::Main, &item, "test").unwrap(), row);
            assert_eq!(item[BODY].is_s(), row.body.len() < 10);
        }
    }

    #[test]
    fn the_service_drops_no_row_too_early() {
        let row = Row { drop_after: Some(Timestamp::from_millis(2_001)), ..row("{}".into()) };
        assert_eq!(to_item(&row, "test").unwrap()[TTL], AttributeValue::N("3".into()));
    }

    #[test]
    fn rows_that_do_not_shrink_below_the_limit_are_refused() {
        let mut state = 1_u64;
        let noise: String = (0..500_000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(u8::try_from(33 + (state >> 58)).unwrap())
            })
            .collect();
        let refused = to_item(&row(noise), "test").unwrap_err();
        assert_eq!(refused.kind, PortErrorKind::Rejected { reason: PortError::ROW_TOO_LARGE.into() });
        assert!(to_item(&row("a".repeat(1_000_000)), "test").is_ok());
    }

    #[test]
    fn what_is_no_row_is_corrupt_and_says_where() {
        let whole = to_item(&row("{}".into()), "test").unwrap();
        for (field, value) in [
            (VERSION, AttributeValue::S("x".into())),
            (BODY, AttributeValue::B(Blob::new([0xff; 3]))),
            (BODY, AttributeValue::Bool(true)),
            (DUE_SHARD, AttributeValue::S("tea#1".into())),
            (DUE_AT, AttributeValue::S("soon".into())),
            (TTL, AttributeValue::N("1.5".into())),
        ] {
            let mut item = whole.clone();
            item.insert(field.to_owned(), value);
            let error = from_item(Table::Main, &item, "test").unwrap_err();
            let PortErrorKind::Corrupt { table, key, field: named } = error.kind else { panic!("{error}") };
            assert_eq!((table.as_str(), key.as_str()), ("main", "ORG#demo EXPORT#1"));
            assert!(named.starts_with(field), "{named}");
        }
    }
}
