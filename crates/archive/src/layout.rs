//! The byte layout of zip headers, after PKWARE's APPNOTE 6.3.10.

use crate::name::EntryName;
use serde::{Deserialize, Serialize};

/// Sizes and offsets from here on need ZIP64 (APPNOTE 4.4.8, 4.4.9, 4.4.16).
pub(crate) const ZIP64_FROM: u64 = 0xFFFF_FFFF;
/// Entry counts from here on need ZIP64 (APPNOTE 4.4.21).
const ZIP64_ENTRIES_FROM: u64 = 0xFFFF;
/// Bit 11 of the flags: names are UTF-8.
const UTF8: u16 = 1 << 11;
/// Bit 3 of the flags: sizes and CRC follow the body.
const DESCRIPTOR: u16 = 1 << 3;
const DEFLATE: u16 = 8;
const VERSION_DEFLATE: u16 = 20;
const VERSION_ZIP64: u16 = 45;
/// Made by: Unix (so that the external attributes hold a mode), APPNOTE version 4.5.
const MADE_BY: u16 = 3 << 8 | VERSION_ZIP64;
/// A regular file, readable by all, writable by its owner.
const MODE: u32 = 0o100_644 << 16;

/// When an entry was last modified, in whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modified(i64);

impl Modified {
    /// From seconds since the epoch.
    pub fn from_unix_secs(secs: i64) -> Self {
        Self(secs)
    }

    /// MS-DOS time and date in UTC, clamped to the years 1980 to 2107 that they can express.
    fn dos(self) -> (u16, u16) {
        const FIRST: i64 = 315_532_800; // 1980-01-01T00:00:00Z
        const LAST: i64 = 4_354_819_198; // 2107-12-31T23:59:58Z
        let secs = self.0.clamp(FIRST, LAST);
        let second_of_day = secs.rem_euclid(86_400);
        let (year, month, day) = civil_date(secs.div_euclid(86_400));
        let (hour, minute) = (second_of_day / 3600, second_of_day / 60 % 60);
        let time = (hour << 11) | (minute << 5) | (second_of_day % 60 / 2);
        let date = ((year - 1980) << 9) | (month << 5) | day;
        (u16::try_from(time).unwrap_or_default(), u16::try_from(date).unwrap_or_default())
    }

    /// The extended timestamp field (`UT`), where 32 bits can hold the time.
    fn extra(self) -> Vec<u8> {
        let mut extra = Vec::new();
        if let Ok(secs) = i32::try_from(self.0) {
            put16(&mut extra, 0x5455);
            put16(&mut extra, 5);
            extra.push(1);
            extra.extend_from_slice(&secs.to_le_bytes());
        }
        extra
    }
}

/// Year, month and day of a count of days since 1970-01-01 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil_date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// How a local header speaks of the sizes behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Announced {
    /// It holds them.
    Known,
    /// They follow the body, 4 bytes wide unless they turn out to need 8.
    Later,
    /// They follow the body, 8 bytes wide.
    LaterWide,
}

/// What the headers of one entry say.
#[derive(Clone, Debug)]
pub(crate) struct EntryFacts<'a> {
    pub(crate) name: &'a EntryName,
    pub(crate) modified: Modified,
    /// How the local header speaks of the sizes.
    pub(crate) announced: Announced,
    pub(crate) offset: u64,
    pub(crate) crc32: u32,
    pub(crate) compressed: u64,
    pub(crate) plain: u64,
}

fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// A value for a 32-bit field: all ones where it needs ZIP64.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn length16(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

impl EntryFacts<'_> {
    fn is_wide(&self) -> bool {
        self.plain >= ZIP64_FROM || self.compressed >= ZIP64_FROM
    }

    fn flags(&self) -> u16 {
        match self.announced {
            Announced::Known => UTF8,
            Announced::Later | Announced::LaterWide => UTF8 | DESCRIPTOR,
        }
    }
}

/// Local file header (APPNOTE 4.3.7).
pub(crate) fn local_header(facts: &EntryFacts<'_>, out: &mut Vec<u8>) {
    // The ZIP64 field holds both sizes; its presence makes those of a descriptor 8 bytes wide (APPNOTE 4.3.9.2).
    let (crc32, sizes, wide) = match facts.announced {
        Announced::Known if facts.is_wide() => (facts.crc32, [u32::MAX; 2], Some([facts.plain, facts.compressed])),
        Announced::Known => (facts.crc32, [narrow(facts.compressed), narrow(facts.plain)], None),
        Announced::Later => (0, [0; 2], None),
        Announced::LaterWide => (0, [u32::MAX; 2], Some([0; 2])),
    };
    let mut extra = Vec::new();
    if let Some([plain, compressed]) = wide {
        put16(&mut extra, 1);
        put16(&mut extra, 16);
        put64(&mut extra, plain);
        put64(&mut extra, compressed);
    }
    extra.extend_from_slice(&facts.modified.extra());
    let (time, date) = facts.modified.dos();
    put32(out, 0x0403_4B50);
    put16(out, version(wide.is_some()));
    put16(out, facts.flags());
    put16(out, DEFLATE);
    put16(out, time);
    put16(out, date);
    put32(out, crc32);
    put32(out, sizes[0]);
    put32(out, sizes[1]);
    put16(out, length16(facts.name.as_str().len()));
    put16(out, length16(extra.len()));
    out.extend_from_slice(facts.name.as_str().as_bytes());
    out.extend_from_slice(&extra);
}

fn version(zip64: bool) -> u16 {
    if zip64 { VERSION_ZIP64 } else { VERSION_DEFLATE }
}

/// Data descriptor (APPNOTE 4.3.9), where the local header announced one.
pub(crate) fn descriptor(facts: &EntryFacts<'_>, out: &mut Vec<u8>) {
    if facts.announced == Announced::Known {
        return;
    }
    put32(out, 0x0807_4B50);
    put32(out, facts.crc32);
    // An entry that outgrew its estimate gets wide sizes too: readers that go by the directory or by the actual size
    // know what to do, and no reader could do anything with narrow ones.
    if facts.announced == Announced::LaterWide || facts.is_wide() {
        put64(out, facts.compressed);
        put64(out, facts.plain);
    } else {
        put32(out, narrow(facts.compressed));
        put32(out, narrow(facts.plain));
    }
}

/// Central directory header (APPNOTE 4.3.12), with a ZIP64 field for exactly those values that need one.
pub(crate) fn directory_record(facts: &EntryFacts<'_>, out: &mut Vec<u8>) {
    let mut wide = Vec::new();
    for value in [facts.plain, facts.compressed, facts.offset] {
        if value >= ZIP64_FROM {
            put64(&mut wide, value);
        }
    }
    let mut extra = Vec::new();
    if !wide.is_empty() {
        put16(&mut extra, 1);
        put16(&mut extra, length16(wide.len()));
        extra.extend_from_slice(&wide);
    }
    extra.extend_from_slice(&facts.modified.extra());
    let (time, date) = facts.modified.dos();
    put32(out, 0x0201_4B50);
    put16(out, MADE_BY);
    put16(out, version(facts.announced == Announced::LaterWide || !wide.is_empty()));
    put16(out, facts.flags());
    put16(out, DEFLATE);
    put16(out, time);
    put16(out, date);
    put32(out, facts.crc32);
    put32(out, narrow(facts.compressed));
    put32(out, narrow(facts.plain));
    put16(out, length16(facts.name.as_str().len()));
    put16(out, length16(extra.len()));
    put16(out, 0); // comment
    put16(out, 0); // disk
    put16(out, 0); // internal attributes
    put32(out, MODE);
    put32(out, narrow(facts.offset));
    out.extend_from_slice(facts.name.as_str().as_bytes());
    out.extend_from_slice(&extra);
}

/// End of the archive (APPNOTE 4.3.14 to 4.3.16), with the ZIP64 records where a value needs them.
pub(crate) fn end_records(entries: u64, directory_offset: u64, directory_bytes: u64, out: &mut Vec<u8>) {
    if entries >= ZIP64_ENTRIES_FROM || directory_offset >= ZIP64_FROM || directory_bytes >= ZIP64_FROM {
        put32(out, 0x0606_4B50);
        put64(out, 44);
        put16(out, MADE_BY);
        put16(out, VERSION_ZIP64);
        put32(out, 0);
        put32(out, 0);
        put64(out, entries);
        put64(out, entries);
        put64(out, directory_bytes);
        put64(out, directory_offset);
        put32(out, 0x0706_4B50);
        put32(out, 0);
        put64(out, directory_offset + directory_bytes);
        put32(out, 1);
    }
    let entries = u16::try_from(entries).unwrap_or(u16::MAX);
    put32(out, 0x0605_4B50);
    put16(out, 0);
    put16(out, 0);
    put16(out, entries);
    put16(out, entries);
    put32(out, narrow(directory_bytes));
    put32(out, narrow(directory_offset));
    put16(out, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos_times_follow_the_calendar_and_stay_in_range() {
        // 2026-11-21T22:40:31Z
        let (time, date) = Modified::from_unix_secs(1_795_300_831).dos();
        assert_eq!((date >> 9, date >> 5 & 15, date & 31), (46, 11, 21));
        assert_eq!((time >> 11, time >> 5 & 63, time & 31), (22, 40, 15));
        // 2024-02-29T00:00:00Z
        let (_, leap) = Modified::from_unix_secs(1_709_164_800).dos();
        assert_eq!((leap >> 9, leap >> 5 & 15, leap & 31), (44, 2, 29));
        assert_eq!(Modified::from_unix_secs(0).dos(), (0, 1 << 5 | 1));
        let (_, last) = Modified::from_unix_secs(i64::MAX).dos();
        assert_eq!((last >> 9, last >> 5 & 15, last & 31), (127, 12, 31));
    }
}
