//! `waybill schedule next`, as a person and as a program meet it.

use std::io::{self, Write as _};
use std::process::{Command, Output, Stdio};

fn next(arguments: &[&str], input: &str) -> io::Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waybill"));
    command.args(["schedule", "next"]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    child.wait_with_output()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_tells_the_form_of_a_case_and_gives_examples() {
    let help = text(&next(&["--help"], "").unwrap().stdout);
    for part in ["Examples:", "\"after\"", "{\"next\":[instants]}", "{\"error\":\"why\"}"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

#[test]
fn a_batch_answers_line_by_line_over_both_clock_changes() {
    let input = r#"{"cron":"30 2 * * *","zone":"Europe/Copenhagen","after":"2026-03-28T00:00:00Z","count":3}
{"cron":"30 * * * *","zone":"Europe/Copenhagen","after":"2026-10-25T00:00:00Z","count":3}
{"cron":"0 24 * * *","zone":"UTC","after":"2026-01-01T00:00:00Z","count":1}
{"rrule":"FREQ=HOURLY","zone":"Europe/Copenhagen","after":"2026-03-29T00:00:00Z","count":2,"start":"2026-01-01T00:00:00Z"}"#;
    let output = next(&["--batch"], input).unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let expected = r#"{"next":["2026-03-28T01:30:00Z","2026-03-29T01:00:00Z","2026-03-30T00:30:00Z"]}
{"next":["2026-10-25T00:30:00Z","2026-10-25T01:30:00Z","2026-10-25T02:30:00Z"]}
{"error":"the cron expression is refused: hour (character 3): `24` is not between 0 and 23"}
{"next":["2026-03-29T01:00:00Z","2026-03-29T02:00:00Z"]}
"#;
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn a_person_sees_the_next_five_by_both_clocks() {
    let arguments = ["--cron", "0 2 * * *", "--zone", "Europe/Copenhagen", "--after", "2026-10-23T12:00:00Z"];
    let output = next(&arguments, "").unwrap();
    let lines = text(&output.stdout);
    assert_eq!(lines.lines().count(), 5, "{lines}");
    assert!(lines.starts_with("Sat 2026-10-24 02:00:00  +02  Europe/Copenhagen   2026-10-24T00:00:00Z\n"), "{lines}");
    let output = next(&["--cron", "0 2 * *"], "").unwrap();
    assert_eq!((output.status.code(), text(&output.stderr).lines().count()), (Some(1), 1));
    assert_eq!(next(&[], "").unwrap().status.code(), Some(2));
}
