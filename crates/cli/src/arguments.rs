//! The command line: what is asked for.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use waybill_local::Origins;

use crate::schedule::ScheduleArguments;

/// Data export as a service, on one machine.
#[derive(Debug, Parser)]
#[command(name = "waybill", version, about, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// What is logged to standard error: `warn`, `info`, `info,waybill_app=debug`, ...
    #[arg(long, global = true, env = "WAYBILL_LOG", hide_env_values = true, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// Log what happens, not only what goes wrong
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

/// What goes wrong. The embedded database calls every condition that does not hold a warning; here they are daily bread.
const QUIET: &str = "warn,dynoxide=error";
/// What happens.
const VERBOSE: &str = "info,dynoxide=error";

impl Arguments {
    /// The filter of the log: the one that was asked for, else by how much is wanted.
    pub(crate) fn log_filter(&self) -> &str {
        let usual = if self.verbose { VERBOSE } else { QUIET };
        self.log.as_deref().filter(|filter| !filter.is_empty()).unwrap_or(usual)
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "made once, when the program starts")]
pub(crate) enum Command {
    /// Run the whole of Waybill on this machine, in the foreground
    Local(LocalArguments),
    /// Run it, make an export, download and check the archive, and show what is in it
    Demo(DemoArguments),
    /// Measure exports of generated records beside other programs that do the same
    Bench(BenchArguments),
    /// Tell when a cron expression or a recurrence rule is due
    Schedule(ScheduleArguments),
    /// One process of a benchmark.
    #[command(hide = true)]
    BenchRun(BenchRunArguments),
    /// The process in which one script runs.
    #[command(hide = true)]
    RunScript,
}

/// `waybill local`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  waybill local                     http://127.0.0.1:8080, state in .waybill
  waybill local --port 0            any free port; it is in .waybill/stack.json
  waybill local --ephemeral         nothing is kept

The first start makes an org `demo` and loads airports and countries of the world. Addresses and
working keys are printed and written to stack.json in the data folder. Ctrl-C stops; twice, at once.")]
pub(crate) struct LocalArguments {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, short, default_value_t = 8080)]
    pub(crate) port: u16,
    /// Folder of the stack's state; made if it does not exist
    #[arg(long, value_name = "DIR", default_value = ".waybill")]
    pub(crate) data: PathBuf,
    /// Keep nothing: all state is gone when the stack stops
    #[arg(long, conflicts_with = "data")]
    pub(crate) ephemeral: bool,
    /// Let pages of these origins call with credentials, like `http://localhost:3000`; with commas between
    #[arg(long, value_name = "ORIGINS", default_value = "")]
    pub(crate) allow_origins: Origins,
}

/// `waybill demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  waybill demo                      then try the address that it leaves on the screen
  waybill demo --exit               stop when the archive is there
  waybill demo --format ndjson --data /tmp/waybill")]
pub(crate) struct DemoArguments {
    /// Port on 127.0.0.1; 0 takes a free one [default: 8080, or a free one when that is taken]
    #[arg(long, short)]
    pub(crate) port: Option<u16>,
    /// Folder of the stack's state and, below `downloads`, of the archive
    #[arg(long, value_name = "DIR", default_value = ".waybill")]
    pub(crate) data: PathBuf,
    /// Format of the file in the archive
    #[arg(long, value_enum, default_value_t = DemoFormat::Csv)]
    pub(crate) format: DemoFormat,
    /// Stop when the archive is there, instead of leaving the stack running
    #[arg(long)]
    pub(crate) exit: bool,
}

/// What the demo's export writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoFormat {
    /// One line a record, a column a path
    Csv,
    /// One array
    Json,
    /// One object a line
    Ndjson,
}

impl DemoFormat {
    /// Its media type, which is how the API names it.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// `waybill bench`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo run --release --bin waybill -- bench               everything: about ten minutes, 4 GB of disk meanwhile
  cargo run --release --bin waybill -- bench --quick       fewer records and rounds: about two minutes
  cargo run --release --bin waybill -- bench --only P3,P7 --json

Every run is a process of its own, and those that are compared take turns. What other programs need
is installed beside this one (`peers` in the same folder); what cannot be had is said in its row.
Fails only when two sides wrote different records.")]
pub(crate) struct BenchArguments {
    /// Fewer records and rounds
    #[arg(long)]
    pub(crate) quick: bool,
    /// How it is shown.
    #[command(flatten)]
    pub(crate) shown: BenchShown,
    /// Only these goals
    #[arg(long, value_enum, value_delimiter = ',', ignore_case = true, value_name = "GOALS")]
    pub(crate) only: Vec<Goal>,
    /// Records to export [default: 1 000 000; 100 000 when quick]
    #[arg(long, value_parser = count)]
    pub(crate) records: Option<u64>,
    /// Times that everything is measured [default: 5; 3 when quick]
    #[arg(long)]
    pub(crate) rounds: Option<NonZeroU32>,
    /// Size of the larger export whose memory is measured, in megabytes [default: 10 000; 500 when quick]
    #[arg(long, value_parser = count, value_name = "MEGABYTES")]
    pub(crate) large: Option<u64>,
    /// Leave other programs out, and install nothing
    #[arg(long)]
    pub(crate) no_peers: bool,
    /// Where the data lie meanwhile [default: the system's folder for such]
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

/// How a benchmark is shown; as tables unless something is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub(crate) struct BenchShown {
    /// Print data instead of tables
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the tables for a page
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
}

/// What is measured, called as the goals are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Goal {
    /// Records to a filtered CSV file in a zip, beside other programs.
    P1,
    /// Pages of `DynamoDB` to a file, beside other clients.
    P2,
    /// How near it comes to its own bounds, and to all cores.
    P3,
    /// Memory of a small and a large export.
    P4,
    /// Other formats beside CSV.
    P5,
    /// Nothing lost, fused or doubled at any boundary.
    P7,
}

/// One process of a benchmark.
#[derive(Debug, Args)]
pub(crate) struct BenchRunArguments {
    /// Its job, as JSON.
    pub(crate) job: String,
}

/// A whole number, with `_` or `,` between its digits where wanted.
fn count(text: &str) -> Result<u64, String> {
    let digits: String = text.chars().filter(|digit| !matches!(digit, '_' | ',')).collect();
    digits.parse().map_err(|_| format!("`{text}` is no whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn local_listens_on_8080_and_keeps_its_state_here() {
        let Command::Local(local) = parse("waybill local").unwrap().command else { panic!("another command") };
        assert_eq!(local.port, 8080);
        assert_eq!((local.data, local.ephemeral), (".waybill".into(), false));
    }

    #[test]
    fn a_folder_and_nothing_kept_exclude_each_other() {
        assert!(parse("waybill local --ephemeral --data x").is_err());
        assert!(parse("waybill local --ephemeral").is_ok());
        assert!(parse("waybill local --port 65536").is_err());
    }

    #[test]
    fn demo_takes_a_format() {
        let Command::Demo(demo) = parse("waybill demo --exit --format ndjson").unwrap().command else {
            panic!("another command")
        };
        assert!(demo.exit);
        assert_eq!(demo.port, None);
        assert_eq!(demo.format.media_type(), "application/x-ndjson");
        assert!(parse("waybill demo --format xml").is_err());
    }

    #[test]
    fn counts_may_have_their_digits_apart() {
        let Command::Bench(bench) = parse("waybill bench --records 10_000,000").unwrap().command else {
            panic!("another command")
        };
        assert_eq!(bench.records, Some(10_000_000));
        assert!(parse("waybill bench --records many").is_err());
        assert!(parse("waybill bench --rounds 0").is_err());
    }

    #[test]
    fn goals_are_called_as_they_are() {
        let Command::Bench(bench) = parse("waybill bench --only p1,P7 --quick").unwrap().command else {
            panic!("another command")
        };
        assert_eq!((bench.only, bench.quick), (vec![Goal::P1, Goal::P7], true));
        assert!(parse("waybill bench --only P6").is_err());
        assert!(parse("waybill bench --json --markdown").is_err());
    }

    #[test]
    fn the_log_is_quiet_unless_asked() {
        assert_eq!(parse("waybill local").unwrap().log_filter(), QUIET);
        assert_eq!(parse("waybill local --verbose").unwrap().log_filter(), VERBOSE);
        assert_eq!(parse("waybill local -v --log debug").unwrap().log_filter(), "debug");
        assert_eq!(parse("waybill local --log=").unwrap().log_filter(), QUIET);
    }
}
