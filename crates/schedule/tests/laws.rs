//! Laws: instants strictly increase, and are those that a search minute by minute finds.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use waybill_schedule::{Recurrence, Schedule, Zone, next_after};

/// Zones with changes of 30, 60 and 120 minutes, before, at and after midnight, on both sides of the globe, and some
/// without.
const ZONES: [&str; 16] = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Scoresbysund",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/Copenhagen",
    "Pacific/Apia",
    "Pacific/Chatham",
];

/// What a field of an expression holds, by a reading of its own.
fn holds(field: &str, low: i16, high: i16, value: i16) -> bool {
    field.split(',').any(|item| {
        let (range, step) = item.split_once('/').unwrap_or((item, "1"));
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (from.parse().unwrap(), to.parse().unwrap()),
            None if range == "*" => (low, high),
            None => (range.parse().unwrap(), range.parse().unwrap()),
        };
        (from..=to).contains(&value) && (value - from) % step.parse::<i16>().unwrap() == 0
    })
}

fn matches(fields: &[String], local: DateTime) -> bool {
    let [minute, hour, day, month, weekday] = fields else { panic!("five fields") };
    let number = i16::from(local.weekday().to_sunday_zero_offset());
    let by_day = holds(day, 1, 31, i16::from(local.day()));
    let by_weekday = holds(weekday, 0, 7, number) || (number == 0 && holds(weekday, 0, 7, 7));
    let either = !day.starts_with('*') && !weekday.starts_with('*');
    holds(minute, 0, 59, i16::from(local.minute()))
        && holds(hour, 0, 23, i16::from(local.hour()))
        && holds(month, 1, 12, i16::from(local.month()))
        && if either { by_day || by_weekday } else { by_day && by_weekday }
}

/// Minute by minute from two days before: a wildcard is due when the clock shows a match, a fixed time when the clock
/// shows it, or something later, for the first time.
fn naive(fields: &[String], zone: &TimeZone, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let fixed = !fields[0].contains('*') && !fields[1].contains('*');
    let minute = SignedDuration::from_mins(1);
    let mut at = Timestamp::from_second(after.as_second().div_euclid(60) * 60 - 2 * 24 * 3600).unwrap();
    let mut reached = zone.to_datetime(at);
    let mut found = Vec::new();
    while at <= until {
        let shown = zone.to_datetime(at);
        let mut due = !fixed && matches(fields, shown);
        while fixed && reached < shown {
            reached = reached.checked_add(minute).unwrap();
            due |= matches(fields, reached);
        }
        if due && at > after {
            found.push(at);
        }
        at += minute;
    }
    found
}

fn change(zone: &TimeZone, since: i64, rank: usize) -> Timestamp {
    let since = Timestamp::from_second(since).unwrap();
    zone.following(since).nth(rank).map_or(since, |change| change.timestamp())
}

fn field(low: u8, high: u8) -> impl Strategy<Value = String> {
    let number = low..=high;
    let item = prop_oneof![
        3 => Just("*".to_owned()),
        2 => (2..=(high / 2).max(2)).prop_map(|step| format!("*/{step}")),
        4 => number.clone().prop_map(|number| number.to_string()),
        2 => (number, 1..=high).prop_map(move |(from, more)| format!("{from}-{}", from.saturating_add(more).min(high))),
        1 => (low..=high, 2..=7_u8).prop_map(move |(from, step)| format!("{from}-{high}/{step}")),
    ];
    prop::collection::vec(item, 1..=2).prop_map(|items| items.join(","))
}

/// Often a time close to a change, else anything.
fn expression() -> impl Strategy<Value = Vec<String>> {
    let near = (
        prop_oneof![field(0, 59), Just("30".to_owned()), Just("0,15,45".to_owned())],
        prop_oneof![field(0, 23), field(0, 3), Just("*".to_owned())],
    );
    let day = prop_oneof![2 => Just("*".to_owned()), 1 => field(1, 31)];
    let weekday = prop_oneof![2 => Just("*".to_owned()), 1 => field(0, 7)];
    (near, day, prop_oneof![3 => Just("*".to_owned()), 1 => field(1, 12)], weekday)
        .prop_map(|((minute, hour), day, month, weekday)| vec![minute, hour, day, month, weekday])
}

fn rule() -> impl Strategy<Value = String> {
    let frequency = prop::sample::select(vec!["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"]);
    let part = |text: &'static str| prop_oneof![2 => Just(""), 1 => Just(text)];
    (frequency, 1..50_u8, part(";BYHOUR=0,2,3,23"), part(";BYMINUTE=0,30"), part(";BYDAY=SA,SU"), part(";COUNT=40"))
        .prop_map(|(frequency, interval, hours, minutes, days, count)| {
            format!("FREQ={frequency};INTERVAL={interval}{hours}{minutes}{days}{count}")
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cron_agrees_with_a_search_by_minutes_around_changes(
        fields in expression(),
        zone in prop::sample::select(&ZONES[..]),
        since in 1_000_000_000..1_900_000_000_i64,
        rank in 0..2_usize,
        before in 0..90_000_i64,
    ) {
        let rules = TimeZoneDatabase::bundled().get(zone).unwrap();
        let change = change(&rules, since, rank);
        let after = change - SignedDuration::from_secs(before);
        let until = change + SignedDuration::from_hours(6);
        // A few are never due; they are refused.
        if let Ok(cron) = fields.join(" ").parse() {
            let (schedule, zone): (_, Zone) = (Schedule::Cron(cron), zone.parse().unwrap());
            let mut last = after;
            for expected in naive(&fields, &rules, after, until) {
                let next = next_after(&schedule, last, &zone);
                prop_assert_eq!(next, Some(expected));
                last = expected;
            }
            prop_assert!(next_after(&schedule, last, &zone).is_none_or(|next| next > until));
        }
    }

    #[test]
    fn instants_strictly_increase_and_do_not_depend_on_where_one_asks(
        rule in rule(),
        zone in prop::sample::select(&ZONES[..]),
        start in 1_000_000_000..1_900_000_000_i64,
        rank in 0..2_usize,
        ask in 0..100_u8,
    ) {
        let rules = TimeZoneDatabase::bundled().get(zone).unwrap();
        let zone: Zone = zone.parse().unwrap();
        let start = change(&rules, start, rank) - SignedDuration::from_hours(36) - SignedDuration::from_secs(start % 3600);
        let schedule: Schedule = Recurrence::new(rule.parse().unwrap(), start).into();
        let mut last = start - SignedDuration::from_secs(1);
        for _ in 0..60 {
            let Some(next) = next_after(&schedule, last, &zone) else { break };
            prop_assert!(next > last);
            // Between two instants, the answer is the same wherever one asks.
            let between = last + (next.duration_since(last) * i32::from(ask)) / 100;
            prop_assert_eq!(next_after(&schedule, between.min(next - SignedDuration::from_nanos(1)), &zone), Some(next));
            last = next;
        }
    }
}
