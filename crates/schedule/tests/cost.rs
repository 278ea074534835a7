//! What a question costs is bounded, and a rule that would cost too much is told apart from one that is never due.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::Timestamp;
use waybill_schedule::{Recurrence, Rule, Schedule, Zone, assert_affordable, first_instants, next_after};

const ALL_OF_60: &str = "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,\
                         35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn since_2000(rule: &str) -> Schedule {
    Recurrence::new(rule.parse().unwrap(), at("2000-01-01T00:00:00Z")).into()
}

/// The next instant in November 2026, or why that is not told.
fn next(rule: &str, zone: &str) -> Result<Option<String>, String> {
    let (schedule, zone): (_, Zone) = (since_2000(rule), zone.parse().unwrap());
    let now = at("2026-11-22T12:00:00Z");
    let first = first_instants(&schedule, now, &zone, 1).map_err(|error| error.to_string())?;
    assert_affordable(&schedule, now, &zone).map_err(|error| error.to_string())?;
    Ok(first.first().map(ToString::to_string))
}

#[test]
fn a_rule_that_takes_too_long_to_count_is_refused_by_its_count() {
    let thousands_a_period = format!("FREQ=HOURLY;BYSETPOS=1;COUNT=100000;BYMINUTE={ALL_OF_60};BYSECOND={ALL_OF_60}");
    for (rule, position) in
        [(thousands_a_period.as_str(), 24), ("FREQ=SECONDLY;INTERVAL=59;BYSECOND=0;COUNT=100000", 38)]
    {
        let refused = next(rule, "Europe/Copenhagen").unwrap_err();
        assert!(refused.starts_with(&format!("COUNT (character {position}): counting")), "{refused}");
        assert!(refused.contains("UNTIL"), "what to do: {refused}");
    }
    // Without the number, nothing is counted.
    let uncounted = thousands_a_period.replace("COUNT=100000;", "");
    assert_eq!(next(&uncounted, "UTC"), Ok(Some("2026-11-22T13:00:00Z".to_owned())));
}

#[test]
fn a_count_that_is_affordable_now_and_not_later_is_refused_now() {
    let rule = "FREQ=SECONDLY;INTERVAL=59;BYSECOND=0;COUNT=100000";
    let schedule: Schedule = Recurrence::new(rule.parse().unwrap(), at("2026-11-01T00:00:00Z")).into();
    let now = at("2026-11-22T12:00:00Z");
    assert_eq!(first_instants(&schedule, now, &Zone::utc(), 1).unwrap(), [at("2026-11-22T12:15:00Z")]);
    assert!(assert_affordable(&schedule, now, &Zone::utc()).is_err());
}

#[test]
fn seconds_of_days_and_hours_that_are_left_out_are_not_gone_through() {
    let every_day: Vec<String> = (1..=31).map(|day| day.to_string()).collect();
    for (rule, expected) in [
        ("FREQ=SECONDLY;BYMINUTE=0;BYSECOND=0;COUNT=100000".to_owned(), None),
        (format!("FREQ=SECONDLY;BYSECOND=0;BYMONTHDAY={};COUNT=100000", every_day.join(",")), None),
        (
            "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=0;BYMINUTE=0;BYSECOND=0;COUNT=100000".to_owned(),
            Some("2028-02-28T23:00:00Z"),
        ),
        ("FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=0;BYMINUTE=0;COUNT=9".to_owned(), Some("2028-02-28T23:00:00Z")),
        ("FREQ=HOURLY;BYDAY=MO;BYHOUR=9;COUNT=2000".to_owned(), Some("2026-11-23T08:00:00Z")),
    ] {
        assert_eq!(next(&rule, "Europe/Copenhagen").unwrap().as_deref(), expected, "{rule}");
    }
}

#[test]
fn series_of_a_hundred_thousand_are_affordable_for_a_hundred_years() {
    let hours: Vec<String> = (0..24).map(|hour| hour.to_string()).collect();
    let dense = format!("BYHOUR={};BYMINUTE={ALL_OF_60};BYSECOND={ALL_OF_60};COUNT=100000", hours.join(","));
    for rule in
        ["FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY", "FREQ=HOURLY;BYMINUTE=0,30", "FREQ=MINUTELY"]
    {
        assert!(next(&format!("{rule};COUNT=100000"), "Europe/Copenhagen").is_ok(), "{rule}");
    }
    for rule in ["FREQ=DAILY", "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU"] {
        assert_eq!(next(&format!("{rule};{dense}"), "Europe/Copenhagen"), Ok(None), "{rule}");
    }
}

#[test]
fn what_four_hundred_years_do_not_hold_is_never_due() {
    for rule in [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=WEEKLY;INTERVAL=3;BYMONTH=2;BYDAY=MO;BYSETPOS=3,5",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTH=2",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=YEARLY;INTERVAL=2;BYDAY=MO;BYMONTH=2;BYMONTHDAY=29;BYSETPOS=2",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=5",
    ] {
        assert_eq!(next(rule, "UTC"), Ok(None), "{rule}");
    }
    // The rarest day, by the week and by an interval that meets it once in 400 years.
    let rare = since_2000("FREQ=YEARLY;INTERVAL=100;BYMONTH=2;BYMONTHDAY=29");
    assert_eq!(next_after(&rare, at("2000-03-01T00:00:00Z"), &Zone::utc()), Some(at("2400-02-29T00:00:00Z")));
}

#[test]
fn a_position_that_no_period_reaches_is_refused() {
    for (rule, most) in [
        ("FREQ=DAILY;BYMONTHDAY=20,-3;BYDAY=SA;BYSETPOS=-182,191,169", 1),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYSETPOS=2", 1),
        ("FREQ=DAILY;BYHOUR=1,2;BYMINUTE=1,2,3;BYSETPOS=-7", 6),
        ("FREQ=WEEKLY;BYDAY=MO;BYSETPOS=8", 7),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=32", 31),
        ("FREQ=HOURLY;BYMINUTE=0,30;BYSETPOS=5", 4),
        ("FREQ=SECONDLY;BYMINUTE=0;BYSETPOS=-2", 1),
    ] {
        let refused = rule.parse::<Rule>().unwrap_err().to_string();
        assert!(refused.starts_with("BYSETPOS (character "), "{refused}");
        assert!(refused.ends_with(&format!("is never met: no period holds more than {most}")), "{refused}");
    }
    // One that is reached is enough.
    assert!("FREQ=DAILY;BYHOUR=1,2;BYSETPOS=-2,300".parse::<Rule>().is_ok());
}

#[test]
fn a_search_in_vain_names_the_step_of_the_rule() {
    for (rule, part) in [
        ("FREQ=SECONDLY;INTERVAL=2;BYSECOND=1", "INTERVAL (character 15): the search takes too long"),
        ("BYMONTHDAY=30;FREQ=HOURLY;BYMONTH=2;COUNT=3", "FREQ (character 15): the search takes too long"),
    ] {
        let refused = next(rule, "UTC").unwrap_err();
        assert!(refused.starts_with(part), "{refused}");
    }
}

#[test]
fn the_end_of_a_series_is_no_search_in_vain() {
    // After the last second that is taken, days are not gone through to the end of time; a set that the end cuts is whole.
    let rule = "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=0;BYMINUTE=0;BYSECOND=0;UNTIL=20280301T000000Z";
    let all = first_instants(&since_2000(rule), at("2025-01-01T00:00:00Z"), &Zone::utc(), 9).unwrap();
    assert_eq!(all, [at("2028-02-29T00:00:00Z")]);
    let cut = since_2000("FREQ=HOURLY;BYMINUTE=10,50;BYSETPOS=1;UNTIL=20000101T022000Z");
    let all = first_instants(&cut, at("2000-01-01T00:30:00Z"), &Zone::utc(), 9).unwrap();
    assert_eq!(all, [at("2000-01-01T01:10:00Z"), at("2000-01-01T02:10:00Z")]);
}
