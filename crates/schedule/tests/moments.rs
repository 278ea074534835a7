//! Dates in words mean what PHP means by them; the table was made by PHP.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::Timestamp;
use proptest::prelude::*;
use waybill_schedule::{Error, Moment};

const TABLE: &str = include_str!("data/php_moments.tsv");

fn at(now: &str, text: &str) -> Result<Timestamp, Error> {
    text.parse::<Moment>()?.at(now.parse().unwrap())
}

fn refusal(text: &str) -> String {
    text.parse::<Moment>().unwrap_err().to_string()
}

#[test]
fn every_expression_of_the_table_means_what_php_says() {
    let mut texts = std::collections::BTreeSet::new();
    for line in TABLE.lines().skip(1) {
        let [now, text, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        texts.insert(text);
        let found = at(now, &text.replace("\\t", "\t"));
        match expected {
            "refused" => assert!(found.is_err(), "{line}: {found:?}"),
            // The table has whole seconds, those before 1970 included.
            _ => assert_eq!(
                found.map(|found| found.as_nanosecond().div_euclid(1_000_000_000)),
                Ok(i128::from(expected.parse::<Timestamp>().unwrap().as_second())),
                "{line}"
            ),
        }
    }
    assert!(texts.len() >= 200, "{} expressions", texts.len());
}

#[test]
fn fractions_of_now_stay_only_where_nothing_replaces_its_time() {
    let now = "2026-01-31T13:14:15.25Z";
    for (text, expected) in [
        ("now", "2026-01-31T13:14:15.25Z"),
        ("-7 days", "2026-01-24T13:14:15.25Z"),
        ("first day of", "2026-01-01T13:14:15.25Z"),
        ("midnight", "2026-01-31T00:00:00Z"),
        ("10:00", "2026-01-31T10:00:00Z"),
        ("2026-01-05", "2026-01-05T00:00:00Z"),
        ("-250 msec", "2026-01-31T13:14:15Z"),
    ] {
        assert_eq!(at(now, text).unwrap(), expected.parse().unwrap(), "{text}");
    }
}

#[test]
fn what_is_not_understood_is_named_with_its_place() {
    for (text, expected) in [
        ("", "`` (character 1) is empty"),
        (" \t ", "` \t ` (character 1) is empty"),
        (
            "tomorow",
            "`tomorow` (character 1) is no word of dates and times, nor a time zone that is the same everywhere",
        ),
        (
            "  7 dayz ago",
            "`dayz` (character 5) is no word of dates and times, nor a time zone that is the same everywhere",
        ),
        (
            "noon soon",
            "`soon` (character 6) is no word of dates and times, nor a time zone that is the same everywhere",
        ),
        ("2026-01-01, 2026-02-01", "`2026-02-01` (character 13) is a second date"),
        ("10:00 11:00", "`11:00` (character 7) is a second time of day"),
        ("10:00 UTC +02:00", "`+02:00` (character 11) is a second time zone"),
        (
            "noon Europe/Copenhage",
            "`Europe/Copenhage` (character 6) is no time zone: write `UTC`, an offset such as `+02:00`, or a name such as `Europe/Copenhagen`",
        ),
    ] {
        assert_eq!(refusal(text), expected);
    }
    assert!(refusal("10:00 CET").starts_with("`CET` (character 7) is no word"), "an abbreviation means many offsets");
    assert!(refusal("übermorgen").starts_with("`übermorgen` (character 1) is no date, time, unit"));
    assert!(refusal("noon ½ hour").starts_with("`½` (character 6) is no date, time, unit"));
    assert!(refusal("first").starts_with("`first` (character 1) is no date, time, unit"));
    assert!(refusal(&"1 day ".repeat(42)).contains("longer than 250 characters"));
}

#[test]
fn what_no_calendar_holds_is_refused_when_it_is_asked_for() {
    for text in ["+9999 years", "@99999999999999", "-999999 months", "+9999999999999 fortnights"] {
        let error = at("2026-01-31T13:14:15Z", text).unwrap_err();
        assert!(error.to_string().ends_with("lies outside the years -9999 to 9999"), "{text}: {error}");
    }
    assert!(refusal("@99999999999999999999").ends_with("is too large a number"));
}

proptest! {
    #[test]
    fn no_text_is_too_odd_to_be_answered(text in r"([a-z0-9:+@/., \-]{0,12} ?(day|month|first day of|last|monday|week|ago|weekdays)?){0,6}", now in -200_000_000_000_i64..200_000_000_000) {
        if let Ok(moment) = text.parse::<Moment>() {
            drop(moment.at(Timestamp::from_second(now).unwrap()));
        }
    }

    #[test]
    fn an_instant_is_understood_as_itself(seconds in -60_000_000_000_i64..200_000_000_000, millis in 0..1000_i32, now in 0..4_000_000_000_i64) {
        let instant = Timestamp::new(seconds, millis * 1_000_000).unwrap();
        let now = Timestamp::from_second(now).unwrap();
        prop_assert_eq!(instant.to_string().parse::<Moment>().unwrap().at(now), Ok(instant));
    }
}
