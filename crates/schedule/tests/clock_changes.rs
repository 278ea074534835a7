//! What becomes of a schedule when clocks are changed, case by case.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::Timestamp;
use waybill_schedule::{Recurrence, Schedule, Zone, instants_after};

/// Zone, after, expression or rule, and the first instants that follow.
type Case = (&'static str, &'static str, &'static str, &'static [&'static str]);

const CRON: &[Case] = &[
    // Copenhagen, gap from 02:00 to 03:00 at 01:00 UTC: fixed times come at the first instant after it.
    ("Europe/Copenhagen", "2026-03-28T23:30:00Z", "0 2 * * *", &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]),
    ("Europe/Copenhagen", "2026-03-28T23:30:00Z", "30 2 * * *", &["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
    ("Europe/Copenhagen", "2026-03-28T23:30:00Z", "59 2 29 3 *", &["2026-03-29T01:00:00Z", "2027-03-29T00:59:00Z"]),
    // Several of them, and one that is due by itself then, are due once.
    ("Europe/Copenhagen", "2026-03-28T23:30:00Z", "0,15,30 2 * * *", &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]),
    (
        "Europe/Copenhagen",
        "2026-03-28T23:30:00Z",
        "0 1-4 * * *",
        &["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"],
    ),
    (
        "Europe/Copenhagen",
        "2026-03-28T23:30:00Z",
        "30 1-3 * * *",
        &["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"],
    ),
    // Asked within the gap's instant, it is over.
    ("Europe/Copenhagen", "2026-03-29T01:00:00Z", "30 2 * * *", &["2026-03-30T00:30:00Z"]),
    ("Europe/Copenhagen", "2026-03-29T00:59:59.999Z", "30 2 * * *", &["2026-03-29T01:00:00Z"]),
    // Wildcards follow the new wall clock, without catching up.
    ("Europe/Copenhagen", "2026-03-28T23:30:00Z", "30 * * * *", &["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"]),
    ("Europe/Copenhagen", "2026-03-28T23:30:00Z", "*/30 2 * * *", &["2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"]),
    ("Europe/Copenhagen", "2026-03-28T23:30:00Z", "0 */2 * * *", &["2026-03-29T02:00:00Z", "2026-03-29T04:00:00Z"]),
    ("Europe/Copenhagen", "2026-03-29T00:58:00Z", "* * * * *", &["2026-03-29T00:59:00Z", "2026-03-29T01:00:00Z"]),
    ("Europe/Copenhagen", "2026-03-28T23:30:00Z", "30 0,* * * *", &["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"]),
    // Copenhagen, 02:00 to 03:00 twice: fixed times in the first pass only.
    ("Europe/Copenhagen", "2026-10-24T22:30:00Z", "30 2 * * *", &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
    ("Europe/Copenhagen", "2026-10-24T22:30:00Z", "0 2 * * *", &["2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"]),
    ("Europe/Copenhagen", "2026-10-24T22:30:00Z", "0 3 * * *", &["2026-10-25T02:00:00Z", "2026-10-26T02:00:00Z"]),
    (
        "Europe/Copenhagen",
        "2026-10-24T22:30:00Z",
        "0,30 2,3 * * *",
        &["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z"],
    ),
    // Asked between the two passes, the time is over.
    ("Europe/Copenhagen", "2026-10-25T00:45:00Z", "30 2 * * *", &["2026-10-26T01:30:00Z"]),
    ("Europe/Copenhagen", "2026-10-25T01:15:00Z", "30 2 * * *", &["2026-10-26T01:30:00Z"]),
    // Wildcards in both.
    (
        "Europe/Copenhagen",
        "2026-10-24T23:45:00Z",
        "30 * * * *",
        &["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"],
    ),
    (
        "Europe/Copenhagen",
        "2026-10-24T23:45:00Z",
        "*/30 2 * * *",
        &["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"],
    ),
    (
        "Europe/Copenhagen",
        "2026-10-24T23:45:00Z",
        "@hourly",
        &["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"],
    ),
    // New York, both changes.
    ("America/New_York", "2026-03-08T05:00:00Z", "30 2 * * *", &["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]),
    ("America/New_York", "2026-11-01T04:00:00Z", "30 1 * * *", &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]),
    // Lord Howe changes by half an hour: 02:00 to 02:30, and 01:30 to 02:00 twice.
    ("Australia/Lord_Howe", "2026-10-03T14:00:00Z", "15 2 * * *", &["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]),
    ("Australia/Lord_Howe", "2026-10-03T14:00:00Z", "*/15 2 * * *", &["2026-10-03T15:30:00Z", "2026-10-03T15:45:00Z"]),
    ("Australia/Lord_Howe", "2026-04-04T14:00:00Z", "45 1 * * *", &["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"]),
    (
        "Australia/Lord_Howe",
        "2026-04-04T14:00:00Z",
        "45 * * * *",
        &["2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z", "2026-04-04T16:15:00Z"],
    ),
    // Chatham, 02:45 to 03:45.
    ("Pacific/Chatham", "2026-09-26T12:00:00Z", "0 3 * * *", &["2026-09-26T14:00:00Z", "2026-09-27T13:15:00Z"]),
    // Santiago and Beirut leave out midnight itself.
    ("America/Santiago", "2026-09-05T12:00:00Z", "@daily", &["2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"]),
    ("Asia/Beirut", "2026-03-28T12:00:00Z", "30 0 * * 0", &["2026-03-28T22:00:00Z", "2026-04-04T21:30:00Z"]),
    // Nuuk leaves out the last hour of a Saturday: it is due when Sunday begins.
    ("America/Nuuk", "2026-03-28T12:00:00Z", "30 23 * * 6", &["2026-03-29T01:00:00Z", "2026-04-05T00:30:00Z"]),
    // Havana has its first hour twice.
    ("America/Havana", "2026-11-01T00:00:00Z", "30 0 * * *", &["2026-11-01T04:30:00Z", "2026-11-02T05:30:00Z"]),
    (
        "America/Havana",
        "2026-11-01T00:00:00Z",
        "*/30 0 * * *",
        &["2026-11-01T04:00:00Z", "2026-11-01T04:30:00Z", "2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z"],
    ),
    // St John's went back at 00:01 to 23:01 of the day before.
    ("America/St_Johns", "2010-11-06T12:00:00Z", "30 23 * * *", &["2010-11-07T02:00:00Z", "2010-11-08T03:00:00Z"]),
    ("America/St_Johns", "2010-11-06T12:00:00Z", "@daily", &["2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"]),
    (
        "America/St_Johns",
        "2010-11-06T12:00:00Z",
        "*/30 23 * * 6",
        &["2010-11-07T01:30:00Z", "2010-11-07T02:00:00Z", "2010-11-07T03:00:00Z"],
    ),
    ("America/St_Johns", "2010-11-07T02:29:00Z", "*/60 0 * * *", &["2010-11-07T02:30:00Z", "2010-11-07T03:30:00Z"]),
    // Samoa had no 30 December 2011.
    (
        "Pacific/Apia",
        "2011-12-29T20:00:00Z",
        "0 12 * * *",
        &["2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"],
    ),
    ("Pacific/Apia", "2011-12-29T20:00:00Z", "0 12 30 * *", &["2011-12-30T10:00:00Z", "2012-01-29T22:00:00Z"]),
    ("Pacific/Apia", "2011-12-29T20:00:00Z", "* 12 30 * *", &["2012-01-29T22:00:00Z"]),
    // Troll changes by two hours.
    ("Antarctica/Troll", "2026-03-28T12:00:00Z", "0 2 * * *", &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]),
    // Zones that never change, and one off by 45 minutes.
    ("Asia/Kathmandu", "2026-03-28T12:00:00Z", "0 2 * * *", &["2026-03-28T20:15:00Z", "2026-03-29T20:15:00Z"]),
    ("UTC", "2026-03-28T12:00:00Z", "0 2 * * *", &["2026-03-29T02:00:00Z", "2026-03-30T02:00:00Z"]),
];

/// The series begin at midnight in UTC on 1 January 2026, or 2010 where that is too late.
const RULES: &[Case] = &[
    // A time in a gap takes the offset before it; what falls together is due once.
    (
        "Europe/Copenhagen",
        "2026-03-28T12:00:00Z",
        "FREQ=DAILY;BYHOUR=2;BYMINUTE=30",
        &["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"],
    ),
    (
        "Europe/Copenhagen",
        "2026-03-29T00:00:00Z",
        "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=30",
        &["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z", "2026-03-30T01:30:00Z"],
    ),
    (
        "Europe/Copenhagen",
        "2026-03-29T00:00:00Z",
        "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,30",
        &["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:00:00Z"],
    ),
    (
        "Europe/Copenhagen",
        "2026-03-29T00:00:00Z",
        "FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=15",
        &["2026-03-29T01:15:00Z", "2026-04-05T00:15:00Z"],
    ),
    // In an overlap, the first pass.
    (
        "Europe/Copenhagen",
        "2026-10-24T12:00:00Z",
        "FREQ=DAILY;BYHOUR=2;BYMINUTE=30",
        &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    ),
    ("Europe/Copenhagen", "2026-10-25T00:45:00Z", "FREQ=DAILY;BYHOUR=2;BYMINUTE=30", &["2026-10-26T01:30:00Z"]),
    // A time of the day's last hour moves into the next day, behind or onto what is due there.
    (
        "America/Nuuk",
        "2026-03-28T12:00:00Z",
        "FREQ=DAILY;BYHOUR=0,23;BYMINUTE=30",
        &["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z", "2026-03-30T01:30:00Z"],
    ),
    (
        "America/Nuuk",
        "2026-03-28T12:00:00Z",
        "FREQ=DAILY;BYHOUR=0,23;BYMINUTE=15,45",
        &["2026-03-29T01:15:00Z", "2026-03-29T01:45:00Z", "2026-03-30T00:15:00Z"],
    ),
    (
        "Pacific/Apia",
        "2011-12-29T20:00:00Z",
        "FREQ=DAILY;BYHOUR=12",
        &["2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z", "2011-12-31T22:00:00Z"],
    ),
    // Below daily, time elapses: no instant is repeated in spring, no hour skipped in autumn.
    (
        "Europe/Copenhagen",
        "2026-03-28T23:30:00Z",
        "FREQ=HOURLY",
        &["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"],
    ),
    (
        "Europe/Copenhagen",
        "2026-10-24T23:30:00Z",
        "FREQ=HOURLY",
        &["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"],
    ),
    (
        "Europe/Copenhagen",
        "2026-03-28T23:30:00Z",
        "FREQ=HOURLY;INTERVAL=6",
        &["2026-03-29T00:00:00Z", "2026-03-29T06:00:00Z"],
    ),
    (
        "Europe/Copenhagen",
        "2026-10-24T23:50:00Z",
        "FREQ=MINUTELY;INTERVAL=40",
        &["2026-10-25T00:00:00Z", "2026-10-25T00:40:00Z", "2026-10-25T01:20:00Z"],
    ),
    // Their parts look at the wall clock of each instant.
    (
        "Europe/Copenhagen",
        "2026-10-24T12:00:00Z",
        "FREQ=HOURLY;BYHOUR=2",
        &["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-26T01:00:00Z"],
    ),
    (
        "Europe/Copenhagen",
        "2026-03-28T12:00:00Z",
        "FREQ=HOURLY;BYHOUR=2",
        &["2026-03-30T00:00:00Z", "2026-03-31T00:00:00Z"],
    ),
    (
        "Europe/Copenhagen",
        "2026-03-28T12:00:00Z",
        "FREQ=SECONDLY;BYHOUR=2;BYMINUTE=30;BYSECOND=0",
        &["2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z"],
    ),
    (
        "Australia/Lord_Howe",
        "2026-10-03T14:30:00Z",
        "FREQ=HOURLY;BYMINUTE=0,45",
        &["2026-10-03T15:15:00Z", "2026-10-03T15:45:00Z", "2026-10-03T16:00:00Z"],
    ),
    (
        "America/St_Johns",
        "2010-11-07T02:15:00Z",
        "FREQ=MINUTELY;BYHOUR=23;BYMINUTE=30",
        &["2010-11-07T03:00:00Z", "2010-11-08T03:00:00Z"],
    ),
];

fn assert_cases(cases: &[Case], schedule: impl Fn(&str, Timestamp) -> Schedule) {
    for (zone, after, text, expected) in cases {
        let zone: Zone = zone.parse().unwrap();
        let after: Timestamp = after.parse().unwrap();
        let schedule = schedule(text, after);
        let found: Vec<String> =
            instants_after(&schedule, after, &zone).take(expected.len()).map(|at| at.to_string()).collect();
        assert_eq!(found, *expected, "{text} in {zone} after {after}");
    }
}

#[test]
fn cron_follows_the_table() {
    assert_cases(CRON, |text, _| Schedule::Cron(text.parse().unwrap()));
}

#[test]
fn rules_follow_the_table() {
    let start = |after: Timestamp| {
        if *after.to_string() < *"2026" { "2010-01-01T00:00:00Z" } else { "2026-01-01T00:00:00Z" }
    };
    assert_cases(RULES, |text, after| Recurrence::new(text.parse().unwrap(), start(after).parse().unwrap()).into());
}
