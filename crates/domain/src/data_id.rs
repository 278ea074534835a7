//! The ids that the Rebilly surface shows: a prefix and a ULID that writes one of ours, so that neither needs a table.
//!
//! A ULID is 48 bits of milliseconds and 80 of randomness; an id of ours is 32 bits of seconds and 64 of randomness. The seconds become
//! milliseconds, and 16 bits of the randomness stay 0.

use crate::{AccountId, ExportId};

/// Crockford's digits, as ULIDs are written.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a ULID.
const LENGTH: usize = 26;

/// The id of an export whose client chose none.
pub fn export_name(id: ExportId) -> String {
    format!("exp_{}", ulid(id.to_bytes()))
}

/// The id of an export's file.
pub fn file_name(id: ExportId) -> String {
    format!("file_{}", ulid(id.to_bytes()))
}

/// The id of a user.
pub fn user_name(id: AccountId) -> String {
    format!("usr_{}", ulid(id.to_bytes()))
}

/// The export whose id [`export_name`] writes.
pub fn parse_export(name: &str) -> Option<ExportId> {
    name.strip_prefix("exp_").and_then(parse).map(ExportId::from_bytes)
}

/// The export whose file's id [`file_name`] writes.
pub fn parse_file(name: &str) -> Option<ExportId> {
    name.strip_prefix("file_").and_then(parse).map(ExportId::from_bytes)
}

/// The account whose id [`user_name`] writes.
pub fn parse_user(name: &str) -> Option<AccountId> {
    name.strip_prefix("usr_").and_then(parse).map(AccountId::from_bytes)
}

fn ulid(id: [u8; 12]) -> String {
    let [a, b, c, d, randomness @ ..] = id;
    let millis = u128::from(u32::from_be_bytes([a, b, c, d])) * 1000;
    let value = (millis << 80) | u128::from(u64::from_be_bytes(randomness));
    let digit = |place: usize| {
        let digit = usize::try_from((value >> (5 * (LENGTH - 1 - place))) & 31).unwrap_or(0);
        char::from(DIGITS[digit])
    };
    (0..LENGTH).map(digit).collect()
}

/// Only what [`ulid`] writes, so that every id has one spelling.
fn parse(text: &str) -> Option<[u8; 12]> {
    // The first digit has three bits.
    if text.len() != LENGTH || text.bytes().next().is_some_and(|first| first > b'7') {
        return None;
    }
    let value = text.bytes().try_fold(0_u128, |value, byte| {
        let digit = DIGITS.iter().position(|digit| *digit == byte)?;
        Some((value << 5) | u128::try_from(digit).ok()?)
    })?;
    let (millis, randomness) = (value >> 80, value & ((1 << 80) - 1));
    let secs = u32::try_from(millis / 1000).ok().filter(|_| millis % 1000 == 0)?;
    let mut id = [0; 12];
    id[..4].copy_from_slice(&secs.to_be_bytes());
    id[4..].copy_from_slice(&u64::try_from(randomness).ok()?.to_be_bytes());
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn ids_are_ulids_of_their_second_and_lead_back() {
        let id = ExportId::new("2016-07-30T23:54:10.999Z".parse::<Timestamp>().unwrap(), [0xFF; 8]);
        let name = export_name(id);
        assert_eq!(name, "exp_01ARZ3ND6G000FZZZZZZZZZZZZ");
        assert_eq!((name.len(), parse_export(&name)), (30, Some(id)));
        assert_eq!(parse_file(&file_name(id)), Some(id));
        assert_eq!(parse_file(&name), None);
    }

    #[test]
    fn what_no_id_of_ours_writes_is_none() {
        for text in [
            "exp_",
            "exp_01ARYZ6S410000000000000000",
            "exp_01arz3nd6g000fzzzzzzzzzzzz",
            "exp_8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "exp_01ARZ3ND6GZZZZZZZZZZZZZZZZ",
            "exp_01ARZ3ND6G000FZZZZZZZZZZZU",
            "exp_01ARZ3ND6G000FZZZZZZZZZZZ",
        ] {
            assert_eq!(parse_export(text), None, "{text}");
        }
    }
}
