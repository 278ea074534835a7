//! The command line: what is asked for.

use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
pub(crate) enum Command {
    /// Run the whole of Waybill on this machine, in the foreground
    Local(LocalArguments),
    /// Run it, make an export, download and check the archive, and show what is in it
    Demo(DemoArguments),
    /// Measure an export of generated records beside a plain program that does the same
    Bench(BenchArguments),
    /// One run of one side of a benchmark.
    #[command(hide = true)]
    BenchSide(SideArguments),
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
  cargo run --release --bin waybill -- bench
  cargo run --release --bin waybill -- bench --records 10_000_000 --rounds 1
  cargo run --release --bin waybill -- bench --threads 1 --level small --json

Records are generated and replayed as pages, in the form in which a table keeps them: no service, no
disk and no network is measured. Every run is a process of its own.")]
pub(crate) struct BenchArguments {
    /// What each side does.
    #[command(flatten)]
    pub(crate) side: BenchSide,
    /// Runs of each side
    #[arg(long, default_value = "3")]
    pub(crate) rounds: NonZeroU32,
    /// Threads that Waybill transforms pages on [default: one for each core]
    #[arg(long)]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Print JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a side of a benchmark is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub(crate) struct BenchSide {
    /// Records to export
    #[arg(long, default_value = "1_000_000", value_parser = count)]
    pub(crate) records: u64,
    /// How hard deflate tries; the baseline takes the corresponding level
    #[arg(long, value_enum, default_value_t = BenchLevel::Default)]
    pub(crate) level: BenchLevel,
    /// How the records lie in their pages
    #[arg(long, value_enum, default_value_t = StoredForm::Deflated)]
    pub(crate) stored: StoredForm,
}

/// How records lie in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StoredForm {
    /// Each deflated by itself, as the record table keeps them
    Deflated,
    /// As JSON text: neither side has to inflate
    Plain,
}

impl std::fmt::Display for StoredForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Deflated => "deflated",
            Self::Plain => "plain",
        })
    }
}

/// How hard deflate tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchLevel {
    /// Level 1 of zlib
    Fast,
    /// Level 3
    Default,
    /// Level 6
    Small,
}

impl std::fmt::Display for BenchLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fast => "fast",
            Self::Default => "default",
            Self::Small => "small",
        })
    }
}

/// One run of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub(crate) struct SideArguments {
    /// Which.
    #[arg(value_enum)]
    pub(crate) side: SideChoice,
    /// What it does.
    #[command(flatten)]
    pub(crate) bench: BenchSide,
    /// Threads; the baseline has one whatever is said.
    #[arg(long)]
    pub(crate) threads: NonZeroUsize,
}

/// A side of a benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SideChoice {
    /// The production use cases.
    Waybill,
    /// The plain program.
    Baseline,
}

impl SideArguments {
    /// The arguments that ask this very program for this run.
    pub(crate) fn to_command_line(self) -> [OsString; 10] {
        let side = match self.side {
            SideChoice::Waybill => "waybill",
            SideChoice::Baseline => "baseline",
        };
        let (records, level) = (self.bench.records.to_string(), self.bench.level.to_string());
        let (stored, threads) = (self.bench.stored.to_string(), self.threads.to_string());
        ["bench-side", side, "--records", &records, "--level", &level, "--stored", &stored, "--threads", &threads]
            .map(OsString::from)
    }
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
        assert_eq!(bench.side.records, 10_000_000);
        assert!(parse("waybill bench --records many").is_err());
        assert!(parse("waybill bench --rounds 0").is_err());
        assert!(parse("waybill bench --threads 0").is_err());
    }

    #[test]
    fn a_side_understands_what_it_is_asked() {
        let asked = SideArguments {
            side: SideChoice::Baseline,
            bench: BenchSide { records: 5, level: BenchLevel::Small, stored: StoredForm::Plain },
            threads: NonZeroUsize::new(3).unwrap(),
        };
        let line = std::iter::once(OsString::from("waybill")).chain(asked.to_command_line());
        let Command::BenchSide(understood) = Arguments::try_parse_from(line).unwrap().command else {
            panic!("another command")
        };
        assert_eq!(understood, asked);
    }

    #[test]
    fn the_log_is_quiet_unless_asked() {
        assert_eq!(parse("waybill local").unwrap().log_filter(), QUIET);
        assert_eq!(parse("waybill local --verbose").unwrap().log_filter(), VERBOSE);
        assert_eq!(parse("waybill local -v --log debug").unwrap().log_filter(), "debug");
        assert_eq!(parse("waybill local --log=").unwrap().log_filter(), QUIET);
    }
}
