//! `waybill schedule next --batch`: one case a line in, one answer a line out.

use std::io::{BufRead, ErrorKind, Write};

use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use waybill_schedule::{Zone, first_instants};

use super::{USUAL_COUNT, schedule};
use crate::terminal;

/// Most instants of one answer.
const MAX_COUNT: usize = 100_000;

/// What is asked. Members are taken as they come, so that one of a wrong kind is named.
struct Case(Map<String, Value>);

impl Case {
    fn read(line: &[u8]) -> Result<Self> {
        match serde_json::from_slice(line).context("the line is no JSON")? {
            Value::Object(members) => Ok(Self(members)),
            _ => bail!("the line is no case: a case is one JSON object"),
        }
    }

    /// A member that is there and not null.
    fn member(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<&str>> {
        let text = |value| Value::as_str(value).with_context(|| format!("`{name}` is no text: `{value}`"));
        self.member(name).map(text).transpose()
    }

    fn instant(&self, name: &str) -> Result<Option<Timestamp>> {
        let read =
            |text: &str| text.parse().with_context(|| format!("`{name}` is no instant such as 2026-03-29T01:00:00Z"));
        self.text(name)?.map(read).transpose()
    }

    fn count(&self) -> Result<usize> {
        let Some(value) = self.member("count") else { return Ok(USUAL_COUNT) };
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok()).filter(|count| *count <= MAX_COUNT);
        count.with_context(|| format!("`count` is no whole number from 0 to {MAX_COUNT}: `{value}`"))
    }
}

/// What is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Next(Vec<String>),
    Error(String),
}

/// Answers every line, until there are no more or nobody reads the answers.
pub(super) fn run(mut input: impl BufRead, mut output: impl Write) -> Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line).context("standard input cannot be read")? == 0 {
            return Ok(());
        }
        let answer = answer(&line).map_or_else(|error| Answer::Error(terminal::in_one_line(&error)), Answer::Next);
        let mut text = serde_json::to_vec(&answer)?;
        text.push(b'\n');
        match output.write_all(&text).and_then(|()| output.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(error).context("standard output cannot be written"),
        }
    }
}

fn answer(line: &[u8]) -> Result<Vec<String>> {
    let case = Case::read(line)?;
    let (cron, rrule) = (case.text("cron")?, case.text("rrule")?);
    let zone = case.text("zone")?.map_or_else(|| Ok(Zone::utc()), str::parse)?;
    let after = case.instant("after")?.context("`after` is needed")?;
    let start = case.instant("start")?;
    ensure!(start.is_none() || cron.is_none(), "`start` belongs to `rrule`");
    let count = case.count()?;
    let schedule = schedule(cron, rrule, start.unwrap_or(after))?;
    Ok(first_instants(&schedule, after, &zone, count)?.iter().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(lines: &str) -> Vec<String> {
        let mut output = Vec::new();
        run(lines.as_bytes(), &mut output).unwrap();
        String::from_utf8(output).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn each_line_is_answered_in_its_place() {
        let lines = r#"{"cron":"30 2 * * *","zone":"Europe/Copenhagen","after":"2026-03-28T00:00:00Z","count":3,"id":7}
{"cron":"0 0 30 2 *","zone":"UTC","after":"2026-01-01T00:00:00Z","count":1}

{"rrule":"RRULE:FREQ=DAILY;COUNT=2","start":"2026-01-01T09:00:00+01:00","after":"2025-01-01T00:00:00Z","count":5}
{"rrule":"FREQ=DAILY","after":"2026-01-01T00:00:00Z","count":1}"#;
        assert_eq!(
            answers(lines),
            [
                r#"{"next":["2026-03-28T01:30:00Z","2026-03-29T01:00:00Z","2026-03-30T00:30:00Z"]}"#,
                r#"{"error":"the cron expression is refused: day of month (character 5): no month of `2` has a day of `30`: this is never due"}"#,
                r#"{"error":"the line is no JSON: EOF while parsing a value at line 2 column 0"}"#,
                r#"{"next":["2026-01-01T08:00:00Z","2026-01-02T08:00:00Z"]}"#,
                r#"{"next":["2026-01-02T00:00:00Z"]}"#,
            ]
        );
    }

    #[test]
    fn a_case_that_is_wrong_is_told_why_and_the_next_is_answered() {
        let wrong = [
            (r#"{"cron":"@daily","rrule":"FREQ=DAILY","after":"2026-01-01T00:00:00Z"}"#, "exclude each other"),
            (r#"{"after":"2026-01-01T00:00:00Z"}"#, "is needed"),
            (r#"{"cron":"@daily"}"#, "`after` is needed"),
            (r#"{"cron":"@daily","after":"yesterday"}"#, "`after` is no instant"),
            (r#"{"cron":"@daily","after":"2026-01-01T00:00:00"}"#, "`after` is no instant"),
            (r#"{"cron":"@daily","after":"2026-01-01T00:00:00Z","zone":"Mars"}"#, "`Mars` is no IANA time zone"),
            (
                r#"{"cron":"@daily","after":"2026-01-01T00:00:00Z","count":-1}"#,
                "`count` is no whole number from 0 to 100000: `-1`",
            ),
            (r#"{"cron":"@daily","after":"2026-01-01T00:00:00Z","count":"3"}"#, "`count` is no whole number"),
            (r#"{"cron":5,"after":"2026-01-01T00:00:00Z"}"#, "`cron` is no text: `5`"),
            (r#"{"cron":"@daily","after":1}"#, "`after` is no text: `1`"),
            (r#"["@daily",null,null,"UTC","2026-01-01T00:00:00Z",1]"#, "a case is one JSON object"),
            ("7", "a case is one JSON object"),
            (
                r#"{"cron":"@daily","after":"2026-01-01T00:00:00Z","count":100001}"#,
                "`count` is no whole number from 0 to 100000",
            ),
            (r#"{"cron":"@daily","after":"2026-01-01T00:00:00Z","start":"2026-01-01T00:00:00Z"}"#, "belongs to"),
            (r#"{"rrule":"FREQ=DAILY;BYEASTER=0","after":"2026-01-01T00:00:00Z"}"#, "BYEASTER"),
            (r#"{"rrule":"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYSETPOS=2","after":"2026-01-01T00:00:00Z"}"#, "BYSETPOS"),
            (
                r#"{"rrule":"FREQ=HOURLY;INTERVAL=24;BYHOUR=5","after":"2026-01-01T00:00:00Z"}"#,
                "the search takes too long",
            ),
            ("[", "no JSON"),
        ];
        for (line, reason) in wrong {
            let answers =
                answers(&format!("{line}\n{{\"cron\":\"@daily\",\"after\":\"2026-01-01T00:00:00Z\",\"count\":0}}\n"));
            assert!(answers[0].starts_with(r#"{"error":""#) && answers[0].contains(reason), "{line} {answers:?}");
            assert_eq!(answers[1], r#"{"next":[]}"#);
        }
    }
}
