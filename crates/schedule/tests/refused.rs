//! What is no schedule, and what is said about it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::Timestamp;
use waybill_schedule::{Cron, Recurrence, Rule, Schedule, Zone, instants_after, next_after, shortest_gap};

fn refusal(text: &str) -> String {
    text.parse::<Cron>().unwrap_err().to_string()
}

#[test]
fn a_cron_expression_that_is_none_is_refused_with_field_and_character() {
    let cases = [
        ("", "has 0 fields and must have five: minute, hour, day of month, month, day of week"),
        ("0 2 * *", "has 4 fields and must have five: minute, hour, day of month, month, day of week"),
        ("0 0 2 * * *", "has 6 fields and must have five: minute, hour, day of month, month, day of week"),
        ("60 * * * *", "minute (character 1): `60` is not between 0 and 59"),
        ("-1 * * * *", "minute (character 1): a value is missing"),
        ("0 24 * * *", "hour (character 3): `24` is not between 0 and 23"),
        ("0 0 0 * *", "day of month (character 5): `0` is not between 1 and 31"),
        ("0 0 1,32 * *", "day of month (character 7): `32` is not between 1 and 31"),
        ("0 0 * 13 *", "month (character 7): `13` is not between 1 and 12"),
        ("0 0 * * 8", "day of week (character 9): `8` is not between 0 and 7"),
        ("  0   0 * *\t1-9", "day of week (character 15): `9` is not between 0 and 7"),
        ("5,,7 * * * *", "minute (character 3): a value is missing"),
        ("0-30/0 * * * *", "minute (character 6): `0` is no step: a whole number, 1 or more"),
        ("*/ * * * *", "minute (character 3): `` is no step: a whole number, 1 or more"),
        ("*/5/2 * * * *", "minute (character 3): `5/2` is no step: a whole number, 1 or more"),
        ("30-10 * * * *", "minute (character 1): `30-10` ends before it begins"),
        ("5/10 * * * *", "minute (character 1): a step needs a range: write `5-59/10`"),
        ("0 0 * * fri-sun", "day of week (character 9): `fri-sun` ends before it begins"),
        ("@reboot", "`@reboot` is none of @hourly, @daily, @weekly, @monthly, @yearly"),
        ("0 0 30 2 *", "day of month (character 5): no month of `2` has a day of `30`: this is never due"),
        (
            "0 0 31 4,6,9,11 *",
            "day of month (character 5): no month of `4,6,9,11` has a day of `31`: this is never due",
        ),
        ("0 0 30-31 feb */2", "day of month (character 5): no month of `feb` has a day of `30-31`: this is never due"),
    ];
    for (text, reason) in cases {
        assert_eq!(refusal(text), reason, "{text}");
    }
}

#[test]
fn what_other_dialects_have_is_refused_where_it_stands() {
    for (text, place) in [
        ("0 0 L * *", "day of month (character 5): `L` is not understood"),
        ("0 0 15W * *", "day of month (character 5): `15W` is not understood"),
        ("0 0 ? * 1", "day of month (character 5): `?` is not understood"),
        ("0 0 * * 5#2", "day of week (character 9): `5#2` is not understood"),
        ("0 0 * * 5L", "day of week (character 9): `5L` is not understood"),
        ("H 0 * * *", "minute (character 1): `H` is not understood"),
        ("0 0 * january *", "month (character 7): `january` is not understood"),
        ("0 0 * * 1~3", "day of week (character 9): `1~3` is not understood"),
        ("0 jan * * *", "hour (character 3): `jan` is not understood"),
        ("+5 0 * * *", "minute (character 1): `+5` is not understood"),
        ("٣ 0 * * *", "minute (character 1): `٣` is not understood"),
    ] {
        assert!(refusal(text).starts_with(place), "{text}: {}", refusal(text));
    }
    assert!(refusal(&"1,".repeat(1000)).contains("more than 1000 characters"));
}

#[test]
fn names_cases_sundays_and_nicknames_are_understood() {
    let zone = Zone::utc();
    let after: Timestamp = "2026-11-22T10:30:00Z".parse().unwrap();
    let five = |text: &str| -> Vec<Timestamp> {
        instants_after(&Schedule::Cron(text.parse().unwrap()), after, &zone).take(5).collect()
    };
    for (one, other) in [
        ("0 0 * JAN-mar Mon,wEd", "0 0 * 1-3 1,3"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 * * 0,5,6"),
        ("0 0 * * 1-7/2", "0 0 * * 0,1,3,5"),
        ("0 0 * * */7", "0 0 * * 0"),
        ("*/100 * * * *", "0 * * * *"),
        (" 0  0\t1 1 * ", "@yearly"),
        ("0 * * * *", "@hourly"),
        ("0 0 * * *", "@daily"),
        ("0 0 * * sun", "@Weekly"),
        ("0 0 1 * *", "@monthly"),
    ] {
        assert_eq!(five(one), five(other), "{one}");
    }
}

#[test]
fn one_of_two_restricted_day_fields_is_enough_and_a_star_restricts_nothing() {
    let next = |text: &str| {
        let after: Timestamp = "2026-11-02T12:00:00Z".parse().unwrap();
        next_after(&Schedule::Cron(text.parse().unwrap()), after, &Zone::utc()).unwrap().to_string()
    };
    // A Wednesday and the 13th, a Friday.
    assert_eq!(next("0 0 13 * 3"), "2026-11-04T00:00:00Z");
    assert_eq!(next("0 0 13 * *"), "2026-11-13T00:00:00Z");
    assert_eq!(next("0 0 * * 3"), "2026-11-04T00:00:00Z");
    // `*/5` begins with a star: the day must be one of its days and a Wednesday.
    assert_eq!(next("0 0 */5 * 3"), "2026-11-11T00:00:00Z");
    assert_eq!(next("0 0 1-31/5 * 3"), "2026-11-04T00:00:00Z");
    assert_eq!(next("0 0 13 * */3"), "2026-12-13T00:00:00Z");
    // A star further on does not count as one.
    assert_eq!(next("0 0 13,* * 3"), "2026-11-03T00:00:00Z");
}

#[test]
fn rare_days_are_found() {
    let next = |text: &str, after: &str| {
        let schedule = Schedule::Cron(text.parse().unwrap());
        next_after(&schedule, after.parse().unwrap(), &Zone::utc()).map(|at| at.to_string())
    };
    assert_eq!(next("0 0 29 2 *", "2096-03-01T00:00:00Z").as_deref(), Some("2104-02-29T00:00:00Z"));
    // The 29th of February on a Sunday, over the year 2100 that has none.
    assert_eq!(next("0 0 29 2 */7", "2088-03-01T00:00:00Z").as_deref(), Some("2128-02-29T00:00:00Z"));
    assert_eq!(next("0 0 * * *", "9999-12-30T00:00:00Z"), None);
}

#[test]
fn a_rule_that_is_none_is_refused_with_part_and_character() {
    let cases = [
        ("INTERVAL=2", "FREQ (character 1): is missing"),
        ("FREQ=FORTNIGHTLY", "FREQ (character 1): `FORTNIGHTLY` is none of SECONDLY, "),
        ("FREQ=DAILY;", "RRULE (character 12): a part is missing here: `;` stands between two parts"),
        ("FREQ=DAILY;;COUNT=3", "RRULE (character 12): a part is missing here"),
        (";FREQ=DAILY", "RRULE (character 1): a part is missing here"),
        ("FREQ=DAILY;=3", "RRULE (character 12): a name is missing before `=`"),
        ("", "RRULE (character 1): is empty"),
        ("  ", "RRULE (character 3): is empty"),
        ("RRULE:", "RRULE (character 7): a part is missing here"),
        (
            "DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY",
            "DTSTART (character 1): is not honoured inside a rule: it is the start, given beside it as `start`",
        ),
        ("RRULE:FREQ=DAILY\nEXDATE:20260101T000000Z", "RRULE (character 7): has several lines"),
        ("FREQ=DAILY;COUNT", "COUNT (character 12): a part is a name"),
        ("RRULE:FREQ=DAILY;COUNT=0", "COUNT (character 18): `0` is no whole number from 1 to 100000"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL (character 12): `0` is no whole number"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL (character 12): `-1` is no whole number"),
        ("FREQ=DAILY;COUNT=3;COUNT=4", "COUNT (character 20): is given twice"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20300101T000000Z", "COUNT (character 12): does not go together with UNTIL"),
        ("FREQ=DAILY;UNTIL=2030-01-01", "UNTIL (character 12): `2030-01-01` is no time such as"),
        ("FREQ=DAILY;UNTIL=20300230T000000Z", "UNTIL (character 12): "),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR (character 12): `24` is no whole number from 0 to 23"),
        ("FREQ=DAILY;BYHOUR=-1", "BYHOUR (character 12): `-1` is no whole number"),
        ("FREQ=DAILY;BYSECOND=60", "BYSECOND (character 12): leap seconds are not honoured"),
        (
            "FREQ=MONTHLY;BYMONTHDAY=0",
            "BYMONTHDAY (character 14): `0` is no whole number from 1 to 31 or from -31 to -1",
        ),
        ("FREQ=MONTHLY;BYDAY=XX", "BYDAY (character 14): `XX` is no day"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY (character 14): `0MO` is no day"),
        ("FREQ=MONTHLY;BYDAY=é", "BYDAY (character 14): "),
        ("FREQ=WEEKLY;WKST=MONDAY", "WKST (character 13): `MONDAY` is none of MO, TU, "),
    ];
    for (text, reason) in cases {
        let error = text.parse::<Rule>().unwrap_err().to_string();
        assert!(error.starts_with(reason), "{text}: {error}");
    }
}

#[test]
fn parts_that_are_not_honoured_are_refused_by_name() {
    for (text, part) in [
        ("FREQ=YEARLY;BYEASTER=0", "BYEASTER"),
        ("FREQ=DAILY;BYWEEKDAY=MO", "BYWEEKDAY"),
        ("RSCALE=HEBREW;FREQ=YEARLY", "RSCALE"),
        ("FREQ=MONTHLY;SKIP=FORWARD", "SKIP"),
        ("FREQ=DAILY;X-OURS=1", "X-OURS"),
        ("FREQ=DAILY;DTSTART=20260101T000000Z", "DTSTART"),
        ("EXRULE:FREQ=DAILY", "EXRULE:FREQ"),
        // What the RFC forbids where it stands.
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS"),
        ("FREQ=MONTHLY;BYWEEKNO=20", "BYWEEKNO"),
        ("FREQ=MONTHLY;BYYEARDAY=20", "BYYEARDAY"),
        ("FREQ=WEEKLY;BYMONTHDAY=20", "BYMONTHDAY"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO", "BYDAY"),
    ] {
        let error = text.parse::<Rule>().unwrap_err().to_string();
        assert!(error.starts_with(&format!("{part} (character ")), "{text}: {error}");
    }
}

#[test]
fn a_series_ends_as_its_rule_says() {
    let five = |rule: &str, zone: &str| -> Vec<String> {
        let start: Timestamp = "2026-01-30T12:00:00Z".parse().unwrap();
        let schedule = Recurrence::new(rule.parse().unwrap(), start).into();
        let before = start.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap();
        let zone = zone.parse().unwrap();
        instants_after(&schedule, before, &zone).take(5).map(|at| at.strftime("%m%d").to_string()).collect()
    };
    assert_eq!(five("rrule:freq=daily;until=20260201T120000Z", "UTC"), ["0130", "0131", "0201"]);
    assert_eq!(five("FREQ=DAILY;UNTIL=20260201T115959Z", "UTC"), ["0130", "0131"]);
    // Without a `Z` by the wall clock, which shows 13:00 at noon; a day is its midnight.
    assert_eq!(five("FREQ=DAILY;UNTIL=20260201T130000", "Europe/Copenhagen"), ["0130", "0131", "0201"]);
    assert_eq!(five("FREQ=DAILY;UNTIL=20260201T125959", "Europe/Copenhagen"), ["0130", "0131"]);
    assert_eq!(five("FREQ=DAILY;UNTIL=20260201", "UTC"), ["0130", "0131"]);
    assert_eq!(five("FREQ=MONTHLY;COUNT=3", "UTC"), ["0130", "0330", "0430"]);
    // Never: the search has a bound.
    assert_eq!(five("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "UTC"), [""; 0]);
    assert_eq!(five("FREQ=MINUTELY;INTERVAL=2;BYMINUTE=1", "UTC"), [""; 0]);
    assert_eq!(five("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "UTC"), [""; 0]);
    // The start is an occurrence only if the rule says so.
    assert_eq!(five("FREQ=MONTHLY;BYMONTHDAY=1;COUNT=2", "UTC"), ["0201", "0301"]);
}

#[test]
fn a_date_that_is_once_is_due_once() {
    let at: Timestamp = "2026-01-30T12:00:00Z".parse().unwrap();
    let just_before = at.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap();
    assert_eq!(next_after(&Schedule::Once(at), just_before, &Zone::utc()), Some(at));
    assert_eq!(next_after(&Schedule::Once(at), at, &Zone::utc()), None);
    assert_eq!(shortest_gap(&Schedule::Once(at), &Zone::utc()), None);
}

#[test]
fn the_shortest_gap_is_that_of_a_clock_that_never_changes() {
    let zone: Zone = "Europe/Copenhagen".parse().unwrap();
    let minutes = |schedule: Schedule| shortest_gap(&schedule, &zone).map(|gap| gap.as_secs() / 60);
    let cron = |text: &str| minutes(Schedule::Cron(text.parse().unwrap()));
    assert_eq!(cron("* * * * *"), Some(1));
    assert_eq!(cron("*/7 * * * *"), Some(4));
    assert_eq!(cron("30 2,3 * * *"), Some(60));
    assert_eq!(cron("0,1 0 29 2 *"), Some(1));
    assert_eq!(cron("5 0,22 * * *"), Some(120));
    assert_eq!(cron("5 0,23 * * 1,3"), Some(23 * 60));
    assert_eq!(cron("0 0 * * *"), Some(24 * 60));
    assert_eq!(cron("0 0 1 * *"), None);
    let start: Timestamp = "2026-01-30T12:00:00Z".parse().unwrap();
    let rule = |text: &str| minutes(Recurrence::new(text.parse().unwrap(), start).into());
    assert_eq!(rule("FREQ=DAILY;BYHOUR=2,3;BYMINUTE=30"), Some(60));
    assert_eq!(rule("FREQ=MINUTELY;INTERVAL=5;COUNT=2"), Some(5));
    assert_eq!(rule("FREQ=SECONDLY"), Some(0));
    assert_eq!(rule("FREQ=DAILY;COUNT=1"), None);
}
