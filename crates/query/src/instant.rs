//! Instants as records write them.

use serde::{Deserialize, Serialize};

/// An instant: seconds since 1970-01-01T00:00:00Z and nanoseconds into the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instant {
    secs: i64,
    nanos: u32,
}

impl Instant {
    /// Reads a date (`2026-11-21`, its first instant in UTC) or a date and time (`2026-11-21T22:40:00.123+01:00`; an
    /// absent offset is UTC; digits beyond nanoseconds are dropped). `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let year = digits(bytes.get(0..4)?)?;
        let month = digits(bytes.get(5..7)?)?;
        let day = digits(bytes.get(8..10)?)?;
        if bytes[4] != b'-' || bytes[7] != b'-' || !(1..=12).contains(&month) {
            return None;
        }
        if day < 1 || day > days_in_month(year, month) {
            return None;
        }
        let midnight = days_before(year, month, day) * 86_400;
        let Some((b'T' | b't' | b' ', time)) = bytes[10..].split_first() else {
            return (bytes.len() == 10).then_some(Self { secs: midnight, nanos: 0 });
        };
        let hour = digits(time.get(0..2)?)?;
        let minute = digits(time.get(3..5)?)?;
        if time[2] != b':' || hour > 23 || minute > 59 {
            return None;
        }
        let mut rest = &time[5..];
        let mut second = 0;
        let mut nanos = 0;
        if let Some((b':', after)) = rest.split_first() {
            second = digits(after.get(0..2)?)?;
            if second > 60 {
                return None;
            }
            rest = &after[2..];
            if let Some((b'.' | b',', fraction)) = rest.split_first() {
                let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
                nanos = fraction_nanos(&fraction[..length])?;
                rest = &fraction[length..];
            }
        }
        let secs = midnight + hour * 3600 + minute * 60 + second - offset_secs(rest)?;
        Some(Self { secs, nanos })
    }
}

impl Instant {
    /// Year, month, day of the month and hour in UTC.
    pub(crate) fn civil(self) -> (i64, i64, i64, i64) {
        let hour = self.secs.rem_euclid(86_400) / 3600;
        // The inverse of `days_before`, of the same source.
        let days = self.secs.div_euclid(86_400) + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        (year_of_era + era * 400 + i64::from(month <= 2), month, day, hour)
    }

    /// Twelve bytes that stand in the same order to each other as instants do.
    pub(crate) fn key(self) -> [u8; 12] {
        let mut key = [0; 12];
        // The sign bit turned over makes two's complement sort as bytes.
        key[..8].copy_from_slice(&(self.secs ^ i64::MIN).to_be_bytes());
        key[8..].copy_from_slice(&self.nanos.to_be_bytes());
        key
    }
}

/// The number that ASCII digits write.
fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

/// Nanoseconds of the digits behind the point.
fn fraction_nanos(fraction: &[u8]) -> Option<u32> {
    if fraction.is_empty() {
        return None;
    }
    let nanos = (0..9).fold(0, |nanos, place| {
        let digit = fraction.get(place).map_or(0, |byte| byte - b'0');
        nanos * 10 + u32::from(digit)
    });
    Some(nanos)
}

/// Seconds east of Greenwich.
fn offset_secs(text: &[u8]) -> Option<i64> {
    let (sign, offset) = match text.split_first() {
        None | Some((b'Z' | b'z', [])) => return Some(0),
        Some((b'+', offset)) => (1, offset),
        Some((b'-', offset)) => (-1, offset),
        Some(_) => return None,
    };
    let (hours, minutes) = match offset {
        [_, _] => (digits(offset)?, 0),
        [_, _, b':', _, _] => (digits(&offset[..2])?, digits(&offset[3..])?),
        [_, _, _, _] => (digits(&offset[..2])?, digits(&offset[2..])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writings_of_one_instant_are_equal() {
        let expected = Some(Instant { secs: 1_795_300_831, nanos: 120_000_000 });
        for text in [
            "2026-11-21T22:40:31.12Z",
            "2026-11-21T22:40:31.120000000Z",
            "2026-11-21t22:40:31.1200000009z",
            "2026-11-21 23:40:31.12+01:00",
            "2026-11-21T17:10:31.12-0530",
            "2026-11-21T22:40:31,12",
        ] {
            assert_eq!(Instant::parse(text), expected, "{text}");
        }
        assert_eq!(Instant::parse("1969-12-31"), Instant::parse("1969-12-31T00:00Z"));
        assert_eq!(Instant::parse("1970-01-01").map(|i| i.secs), Some(0));
        assert_eq!(Instant::parse("0000-03-01").map(|i| i.secs), Some(-719_468 * 86_400));
    }

    #[test]
    fn civil_dates_are_those_that_were_read() {
        for text in
            ["2026-11-21T22", "1969-12-31T00", "2000-02-29T12", "1600-03-01T01", "0000-01-01T05", "9999-12-31T23"]
        {
            let (year, month, day, hour) = Instant::parse(&format!("{text}:59:59Z")).unwrap().civil();
            assert_eq!(format!("{year:04}-{month:02}-{day:02}T{hour:02}"), text);
        }
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for text in [
            "",
            "2026",
            "2026-13-01",
            "2026-02-29",
            "2026-11-21T",
            "2026-11-21T24:00Z",
            "2026-11-21T22:40:31.Z",
            "2026-11-21T22:40:31Q",
            "2026-11-21x",
            "2026-11-21T22:40:31+1",
            "é026-11-21",
        ] {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
    }
}
