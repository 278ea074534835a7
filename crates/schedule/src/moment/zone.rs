//! How far from UTC a text's clock is.

use super::Offset;
use super::read::{NO_WORD, NOT_UNDERSTOOD, Refused};
use super::token::Token;
use crate::Zone;

const NO_ZONE: Refused =
    "is no time zone: write `UTC`, an offset such as `+02:00`, or a name such as `Europe/Copenhagen`";

/// An offset or the name of a zone.
pub(super) fn offset(token: &mut Token<'_>) -> Result<Offset, Refused> {
    token.skip_spaces();
    let rest = token.bytes();
    if let Some(after) = rest.strip_prefix(b"GMT").filter(|after| matches!(after.first(), Some(b'+' | b'-'))) {
        *token = Token::new(after);
    }
    let negative = match token.peek() {
        Some(b'+') => false,
        Some(b'-') => true,
        _ => return zone(token.zone_name()),
    };
    token.skip(if negative { b'-' } else { b'+' });
    let digits = token.offset_digits();
    let parts: Vec<&[u8]> = if digits.contains(&b':') {
        digits.split(|byte| *byte == b':').collect()
    } else if digits.len() <= 2 {
        vec![digits]
    } else {
        // Three digits are an hour of one.
        let (hours, rest) = digits.split_at(2 - digits.len() % 2);
        std::iter::once(hours).chain(rest.chunks(2)).collect()
    };
    let value = |part: &&[u8]| std::str::from_utf8(part).ok()?.parse::<i64>().ok();
    let seconds = parts.iter().zip([3600, 60, 1]).try_fold(0, |sum, (part, by)| Some(sum + value(part)? * by));
    let seconds = seconds.ok_or(NO_ZONE)?;
    Ok(Offset::Seconds(if negative { -seconds } else { seconds }))
}

/// Abbreviations mean different offsets in different countries: only those of UTC are read.
fn zone(name: &[u8]) -> Result<Offset, Refused> {
    let name = std::str::from_utf8(name).map_err(|_| NO_ZONE)?;
    if ["utc", "gmt", "z"].contains(&name.to_ascii_lowercase().as_str()) {
        return Ok(Offset::Seconds(0));
    }
    if !name.contains('/') {
        let known = Token::new(name.as_bytes()).unit().is_some() || Token::new(name.as_bytes()).ordinal().0 != 0;
        return Err(if known { NOT_UNDERSTOOD } else { NO_WORD });
    }
    name.parse::<Zone>().map(Offset::Zone).map_err(|_| NO_ZONE)
}
