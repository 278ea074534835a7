//! The examples of RFC 5545, section 3.8.5.3, in the zone that they are in.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::Timestamp;
use jiff::civil::DateTime;
use waybill_schedule::{Recurrence, Schedule, Zone, instants_after};

const USUAL: &str = "1997 0902";

/// Rule, start, and what the RFC lists: `1997` sets the year, `0902` is that month and day at 09:00, `0902T0920` another
/// time; a list that ends with `...` goes on.
const EXAMPLES: &[(&str, &str, &str)] = &[
    ("FREQ=DAILY;COUNT=10", USUAL, "1997 0902 0903 0904 0905 0906 0907 0908 0909 0910 0911"),
    (
        "FREQ=DAILY;INTERVAL=2",
        USUAL,
        "1997 0902 0904 0906 0908 0910 0912 0914 0916 0918 0920 0922 0924 0926 0928 0930 1002 ...",
    ),
    ("FREQ=DAILY;INTERVAL=10;COUNT=5", USUAL, "1997 0902 0912 0922 1002 1012"),
    ("FREQ=WEEKLY;COUNT=10", USUAL, "1997 0902 0909 0916 0923 0930 1007 1014 1021 1028 1104"),
    (
        "FREQ=WEEKLY;UNTIL=19971224T000000Z",
        USUAL,
        "1997 0902 0909 0916 0923 0930 1007 1014 1021 1028 1104 1111 1118 1125 1202 1209 1216 1223",
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
        USUAL,
        "1997 0902 0916 0930 1014 1028 1111 1125 1209 1223 1998 0106 0120 0203 0217 ...",
    ),
    (
        "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
        USUAL,
        "1997 0902 0904 0909 0911 0916 0918 0923 0925 0930 1002",
    ),
    ("FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH", USUAL, "1997 0902 0904 0909 0911 0916 0918 0923 0925 0930 1002"),
    (
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "1997 0901",
        "1997 0901 0903 0905 0915 0917 0919 0929 1001 1003 1013 1015 1017 1027 1029 1031 1110 1112 1114 1124 1126 1128 1208 1210 1212 1222",
    ),
    ("FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", USUAL, "1997 0902 0904 0916 0918 0930 1002 1014 1016"),
    ("FREQ=MONTHLY;COUNT=10;BYDAY=1FR", "1997 0905", "1997 0905 1003 1107 1205 1998 0102 0206 0306 0403 0501 0605"),
    ("FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR", "1997 0905", "1997 0905 1003 1107 1205"),
    (
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "1997 0907",
        "1997 0907 0928 1102 1130 1998 0104 0125 0301 0329 0503 0531",
    ),
    ("FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "1997 0922", "1997 0922 1020 1117 1222 1998 0119 0216"),
    ("FREQ=MONTHLY;BYMONTHDAY=-3", "1997 0928", "1997 0928 1029 1128 1229 1998 0129 0226 ..."),
    ("FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15", USUAL, "1997 0902 0915 1002 1015 1102 1115 1202 1215 1998 0102 0115"),
    (
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "1997 0930",
        "1997 0930 1001 1031 1101 1130 1201 1231 1998 0101 0131 0201",
    ),
    (
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "1997 0910",
        "1997 0910 0911 0912 0913 0914 0915 1999 0310 0311 0312 0313",
    ),
    (
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        USUAL,
        "1997 0902 0909 0916 0923 0930 1104 1111 1118 1125 1998 0106 0113 0120 0127 0303 0310 0317 0324 0331 ...",
    ),
    (
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "1997 0610",
        "1997 0610 0710 1998 0610 0710 1999 0610 0710 2000 0610 0710 2001 0610 0710",
    ),
    (
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "1997 0310",
        "1997 0310 1999 0110 0210 0310 2001 0110 0210 0310 2003 0110 0210 0310",
    ),
    (
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "1997 0101",
        "1997 0101 0410 0719 2000 0101 0409 0718 2003 0101 0410 0719 2006 0101",
    ),
    ("FREQ=YEARLY;BYDAY=20MO", "1997 0519", "1997 0519 1998 0518 1999 0517 ..."),
    ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997 0512", "1997 0512 1998 0511 1999 0517 ..."),
    (
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "1997 0313",
        "1997 0313 0320 0327 1998 0305 0312 0319 0326 1999 0304 0311 0318 0325 ...",
    ),
    (
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
        "1997 0605",
        "1997 0605 0612 0619 0626 0703 0710 0717 0724 0731 0807 0814 0821 0828 1998 0604 0611 0618 0625 0702 0709 0716 0723 0730 0806 0813 0820 0827 1999 0603 ...",
    ),
    ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", USUAL, "1998 0213 0313 1113 1999 0813 2000 1013 ..."),
    (
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "1997 0913",
        "1997 0913 1011 1108 1213 1998 0110 0207 0307 0411 0509 0613 ...",
    ),
    (
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "1996 1105",
        "1996 1105 2000 1107 2004 1102 ...",
    ),
    ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997 0904", "1997 0904 1007 1106"),
    ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "1997 0929", "1997 0929 1030 1127 1230 1998 0129 0226 0330 ..."),
    // With the end that erratum 3883 gives it: 17:00 in New York.
    ("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z", USUAL, "1997 0902 0902T1200 0902T1500"),
    ("FREQ=MINUTELY;INTERVAL=15;COUNT=6", USUAL, "1997 0902 0902T0915 0902T0930 0902T0945 0902T1000 0902T1015"),
    ("FREQ=MINUTELY;INTERVAL=90;COUNT=4", USUAL, "1997 0902 0902T1030 0902T1200 0902T1330"),
    ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997 0805", "1997 0805 0810 0819 0824"),
    ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997 0805", "1997 0805 0817 0819 0831"),
    ("FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "2007 0115", "2007 0115 0130 0215 0315 0330"),
];

fn new_york() -> Zone {
    "America/New_York".parse().unwrap()
}

/// The local times of a list, and whether it goes on.
fn listed(list: &str) -> (Vec<DateTime>, bool) {
    let (mut year, mut times) = ("", Vec::new());
    for word in list.split_whitespace().filter(|word| *word != "...") {
        let (day, time) = word.split_once('T').unwrap_or((word, "0900"));
        // A year is where a day would be the 19th or 20th month.
        if day.starts_with("19") || day.starts_with("20") {
            year = day;
        } else {
            times.push(DateTime::strptime("%Y%m%d%H%M", format!("{year}{day}{time}")).unwrap());
        }
    }
    (times, list.ends_with("..."))
}

fn series(rule: &str, start: &str) -> (Schedule, Timestamp) {
    let start = listed(start).0[0].in_tz("America/New_York").unwrap().timestamp();
    (Recurrence::new(rule.parse().unwrap(), start).into(), start)
}

fn instants(rule: &str, start: &str, count: usize) -> Vec<DateTime> {
    let (schedule, start) = series(rule, start);
    let before = Timestamp::from_second(start.as_second() - 1).unwrap();
    instants_after(&schedule, before, &new_york()).take(count).map(|at| new_york().local(at).0).collect()
}

#[test]
fn the_examples_come_out_as_listed() {
    for (rule, start, list) in EXAMPLES {
        let (expected, goes_on) = listed(list);
        let found = instants(rule, start, expected.len() + usize::from(!goes_on));
        assert_eq!(found, expected, "{rule}");
    }
}

#[test]
fn long_lists_have_the_ends_that_the_examples_give() {
    let days = instants("FREQ=DAILY;UNTIL=19971224T000000Z", USUAL, 1000);
    assert_eq!((days.len(), days.last().unwrap().to_string()), (113, "1997-12-23T09:00:00".into()));
    let yearly = "RRULE:FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA";
    let januaries = instants(yearly, "1998 0101", 1000);
    assert_eq!((januaries.len(), januaries[92].to_string()), (93, "2000-01-31T09:00:00".into()));
    assert_eq!(januaries, instants("FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1", "1998 0101", 1000));
    let daily = instants("FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40", USUAL, 50);
    assert_eq!(
        (daily[23].to_string(), daily[24].to_string()),
        ("1997-09-02T16:40:00".into(), "1997-09-03T09:00:00".into())
    );
    assert_eq!(daily, instants("FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16", USUAL, 50));
}

#[test]
fn a_series_is_the_same_whereever_it_is_entered() {
    for (rule, start, list) in EXAMPLES {
        let (schedule, _) = series(rule, start);
        let mut times = listed(list).0.into_iter().map(|local| local.in_tz("America/New_York").unwrap().timestamp());
        let mut last = times.next().unwrap();
        for time in times {
            assert_eq!(waybill_schedule::next_after(&schedule, last, &new_york()), Some(time), "{rule}");
            last = time;
        }
    }
}
