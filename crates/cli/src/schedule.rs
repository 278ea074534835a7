//! `waybill schedule`: when a schedule is due, for people and for programs.

mod batch;

use anyhow::{Context as _, Result, ensure};
use clap::{ArgGroup, Args, Subcommand};
use jiff::Timestamp;
use waybill_app::ports::Clock as _;
use waybill_aws::SystemClock;
use waybill_schedule::{Moment, Recurrence, Schedule, Zone, first_instants};

use crate::terminal;

/// Instants that are told where nobody says how many.
const USUAL_COUNT: usize = 5;

/// `waybill schedule`.
#[derive(Debug, Args)]
pub(crate) struct ScheduleArguments {
    /// What about them.
    #[command(subcommand)]
    pub(crate) command: ScheduleCommand,
}

/// What can be asked about schedules.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "made once, when the program starts")]
pub(crate) enum ScheduleCommand {
    /// Tell when a schedule is due next
    Next(NextArguments),
    /// Tell which instants a range of dates in words means
    Range(RangeArguments),
}

/// `waybill schedule next`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["cron", "rrule", "batch"]), after_help = "\
Examples:
  waybill schedule next --cron '0 2 * * *' --zone Europe/Copenhagen
  waybill schedule next --rrule 'FREQ=MONTHLY;BYDAY=-1FR' --start 2026-01-30T09:00:00Z --count 12
  echo '{\"cron\":\"30 2 * * *\",\"zone\":\"Europe/Copenhagen\",\"after\":\"2026-03-28T00:00:00Z\",\"count\":3}' |
    waybill schedule next --batch

A batch reads one JSON object a line and answers each with one line, in the same order:
  in   {\"cron\" or \"rrule\", \"zone\", \"after\", \"count\", \"start\"?}
  out  {\"next\":[instants]}, fewer than `count` where the schedule ends, or {\"error\":\"why\"}
Instants are RFC 3339; those that are told are in UTC and strictly after `after`. `after` is needed.
Where absent, `zone` is UTC, `count` is 5, and the `start` of a rule is `after`. Other members are yours and not
looked at.")]
pub(crate) struct NextArguments {
    /// Five fields, or @hourly, @daily, @weekly, @monthly, @yearly
    #[arg(long, value_name = "EXPRESSION")]
    cron: Option<String>,
    /// A recurrence rule of RFC 5545, with or without `RRULE:` in front
    #[arg(long, value_name = "RULE")]
    rrule: Option<String>,
    /// Where the rule begins [default: now]
    #[arg(long, value_name = "INSTANT", conflicts_with_all = ["cron", "batch"])]
    start: Option<Timestamp>,
    /// IANA time zone
    #[arg(long, default_value = "UTC", conflicts_with = "batch")]
    zone: String,
    /// Only what comes after this [default: now]
    #[arg(long, value_name = "INSTANT", conflicts_with = "batch")]
    after: Option<Timestamp>,
    /// How many instants
    #[arg(long, default_value_t = USUAL_COUNT, conflicts_with = "batch")]
    count: usize,
    /// Answer one JSON object a line from standard input
    #[arg(long)]
    batch: bool,
}

/// `waybill schedule range`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  waybill schedule range 'first day of last month midnight' 'first day of this month midnight'
  waybill schedule range '-7 days' now
  waybill schedule range 'last monday' '+1 week' --now 2026-02-28T12:00:00Z

Words are those of PHP's date and time formats, ISO 8601 among them; a range begins with its start and ends
before its end. What names no time zone is in UTC.")]
pub(crate) struct RangeArguments {
    /// When it begins
    #[arg(allow_hyphen_values = true)]
    start: Moment,
    /// When it is over
    #[arg(allow_hyphen_values = true)]
    end: Option<Moment>,
    /// When it is asked for [default: now]
    #[arg(long, value_name = "INSTANT")]
    now: Option<Timestamp>,
}

/// Answers.
pub(crate) fn run(arguments: &ScheduleArguments) -> Result<()> {
    let now = Timestamp::from_millisecond(SystemClock::new().now().as_millis()).context("the clock is out of range")?;
    let lines = match &arguments.command {
        ScheduleCommand::Next(next) if next.batch => {
            return batch::run(std::io::stdin().lock(), std::io::stdout().lock());
        }
        ScheduleCommand::Next(next) => told(next, now)?,
        ScheduleCommand::Range(range) => told_range(range, now)?,
    };
    for line in lines {
        terminal::line(line);
    }
    Ok(())
}

/// The instants of a range.
fn told_range(range: &RangeArguments, now: Timestamp) -> Result<Vec<String>> {
    let now = range.now.unwrap_or(now);
    let start = range.start.at(now)?;
    let mut lines = vec![format!("start  {}   {start}", start.strftime("%a %Y-%m-%d %H:%M:%S"))];
    if let Some(end) = &range.end {
        let end = end.at(now)?;
        lines.push(format!("end    {}   {end}", end.strftime("%a %Y-%m-%d %H:%M:%S")));
        ensure!(start <= end, "the range ends before it begins: {start} is after {end}");
    }
    Ok(lines)
}

/// The instants for people: by the wall clock of the zone, and in UTC.
fn told(next: &NextArguments, now: Timestamp) -> Result<Vec<String>> {
    let zone: Zone = next.zone.parse()?;
    let schedule = schedule(next.cron.as_deref(), next.rrule.as_deref(), next.start.unwrap_or(now))?;
    let instants = first_instants(&schedule, next.after.unwrap_or(now), &zone, next.count)?;
    let lines: Vec<String> = instants
        .into_iter()
        .map(|at| {
            let (local, offset) = zone.local(at);
            format!("{}  {offset}  {zone}   {at}", local.strftime("%a %Y-%m-%d %H:%M:%S"))
        })
        .collect();
    ensure!(!lines.is_empty() || next.count == 0, "it is not due any more");
    Ok(lines)
}

/// The schedule of one of the two grammars.
fn schedule(cron: Option<&str>, rrule: Option<&str>, start: Timestamp) -> Result<Schedule> {
    match (cron, rrule) {
        (Some(cron), None) => Ok(Schedule::Cron(cron.parse().context("the cron expression is refused")?)),
        (None, Some(rrule)) => {
            Ok(Recurrence::new(rrule.parse().context("the recurrence rule is refused")?, start).into())
        }
        (None, None) => anyhow::bail!("`cron` or `rrule` is needed"),
        (Some(_), Some(_)) => anyhow::bail!("`cron` and `rrule` exclude each other"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(subcommand)]
        command: ScheduleCommand,
    }

    fn next(arguments: &[&str]) -> Result<Vec<String>> {
        let line = Line::try_parse_from(["schedule", "next"].iter().chain(arguments))?;
        let ScheduleCommand::Next(next) = line.command else { anyhow::bail!("another command") };
        told(&next, "2026-10-23T12:00:00Z".parse()?)
    }

    fn range(arguments: &[&str]) -> Result<Vec<String>> {
        let line = Line::try_parse_from(["schedule", "range"].iter().chain(arguments))?;
        let ScheduleCommand::Range(range) = line.command else { anyhow::bail!("another command") };
        told_range(&range, "2026-10-23T12:00:00Z".parse()?)
    }

    #[test]
    fn a_range_is_told_as_instants() {
        let lines = range(&["first day of last month midnight", "-7 days"]).unwrap();
        assert_eq!(lines[0], "start  Tue 2026-09-01 00:00:00   2026-09-01T00:00:00Z");
        assert_eq!(lines[1], "end    Fri 2026-10-16 12:00:00   2026-10-16T12:00:00Z");
        assert_eq!(range(&["noon", "--now", "2024-02-29T03:00:00Z"]).unwrap().len(), 1);
        assert!(range(&["soon"]).unwrap_err().to_string().contains("`soon` (character 1) is no word of dates"));
        assert!(range(&["now", "yesterday"]).unwrap_err().to_string().contains("ends before it begins"));
    }

    #[test]
    fn five_instants_are_told_by_both_clocks() {
        let lines = next(&["--cron", "0 2 * * *", "--zone", "europe/copenhagen"]).unwrap();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[0], "Sat 2026-10-24 02:00:00  +02  Europe/Copenhagen   2026-10-24T00:00:00Z");
        assert_eq!(lines[2], "Mon 2026-10-26 02:00:00  +01  Europe/Copenhagen   2026-10-26T01:00:00Z");
    }

    #[test]
    fn a_rule_begins_now_unless_told_otherwise() {
        let lines = next(&["--rrule", "FREQ=HOURLY;COUNT=3", "--count", "9"]).unwrap();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].ends_with("2026-10-23T13:00:00Z"), "{lines:?}");
        let lines = next(&["--rrule", "FREQ=DAILY", "--start", "2026-10-01T05:00:00Z", "--count", "1"]).unwrap();
        assert!(lines[0].ends_with("2026-10-24T05:00:00Z"), "{lines:?}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |arguments: &[&str]| terminal::in_one_line(&next(arguments).unwrap_err());
        assert_eq!(
            said(&["--cron", "0 25 * * *"]),
            "the cron expression is refused: hour (character 3): `25` is not between 0 and 23"
        );
        assert_eq!(
            said(&["--rrule", "FREQ=DAILY;COUNT=1", "--start", "2020-01-01T00:00:00Z"]),
            "it is not due any more"
        );
        assert!(said(&["--cron", "@daily", "--zone", "Mars"]).contains("`Mars` is no IANA time zone"));
        for arguments in [
            &[][..],
            &["--cron", "@daily", "--batch"],
            &["--batch", "--zone", "UTC"],
            &["--cron", "@daily", "--start", "2026-01-01T00:00:00Z"],
        ] {
            assert!(next(arguments).is_err(), "{arguments:?}");
        }
    }
}
