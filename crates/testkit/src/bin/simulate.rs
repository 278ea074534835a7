//! `simulate`: lives through worlds of consecutive seeds until one breaks a promise.

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use waybill_testkit::simulator::{Mutant, Simulated, simulate};

/// Runs the production use cases through seeded worlds of faults and holds them against their promises.
#[derive(Debug, Parser)]
struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Weakens a port; then a violation is what is expected.
    #[arg(long)]
    mutant: Option<Mutant>,
    /// Shows the mutants.
    #[arg(long)]
    list_mutants: bool,
    /// Prints the whole history of a seed that breaks a promise.
    #[arg(long)]
    history: bool,
    /// Threads; as many as there are cores unless said otherwise.
    #[arg(long)]
    threads: Option<usize>,
}

/// What all threads have seen.
#[derive(Debug, Default)]
struct Totals {
    exports: AtomicU64,
    ready: AtomicU64,
    polls: AtomicU64,
    worlds: AtomicU64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut out = std::io::stdout().lock();
    if options.list_mutants {
        for mutant in Mutant::ALL {
            drop(writeln!(out, "{:24}{}", mutant.name(), mutant.description().trim()));
        }
        return ExitCode::SUCCESS;
    }
    let totals = Totals::default();
    let broken = run(&options, &totals);
    let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
    drop(writeln!(
        out,
        "{} worlds, {} exports, {} ready, {} awaits",
        get(&totals.worlds),
        get(&totals.exports),
        get(&totals.ready),
        get(&totals.polls)
    ));
    let Some(broken) = broken else {
        drop(writeln!(out, "every promise was kept"));
        return ExitCode::SUCCESS;
    };
    if options.history {
        for line in simulate(broken.seed, options.mutant, true).history {
            drop(writeln!(out, "{line}"));
        }
    }
    let mutant = options.mutant.map(|mutant| format!(" --mutant {mutant}")).unwrap_or_default();
    drop(writeln!(out, "seed {}: {}", broken.seed, broken.violation.unwrap_or_default()));
    drop(writeln!(
        out,
        "again: cargo run --release -p waybill-testkit --bin simulate -- --seeds 1 --from {}{mutant} --history",
        broken.seed
    ));
    ExitCode::FAILURE
}

/// Lives through all worlds; gives the broken one with the least seed that was reached.
fn run(options: &Options, totals: &Totals) -> Option<Simulated> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(options.from);
    let end = options.from.saturating_add(options.seeds);
    let stop = AtomicBool::new(false);
    let broken: Mutex<Option<Simulated>> = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..options.threads.unwrap_or(cores).max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let simulated = simulate(seed, options.mutant, false);
                    totals.worlds.fetch_add(1, Ordering::Relaxed);
                    totals.exports.fetch_add(u64::try_from(simulated.exports).unwrap_or(0), Ordering::Relaxed);
                    totals.ready.fetch_add(u64::try_from(simulated.ready).unwrap_or(0), Ordering::Relaxed);
                    totals.polls.fetch_add(simulated.polls, Ordering::Relaxed);
                    if simulated.violation.is_some() {
                        stop.store(true, Ordering::Relaxed);
                        if let Ok(mut broken) = broken.lock()
                            && broken.as_ref().is_none_or(|other| seed < other.seed)
                        {
                            *broken = Some(simulated);
                        }
                    }
                }
            });
        }
    });
    broken.into_inner().ok().flatten()
}
