//! `simulate`: lives through worlds of consecutive seeds until one breaks a promise.

use clap::Parser;
use std::io::{Result, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use waybill_testkit::simulator::{Mutant, Scenario, Simulated, simulate};

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
    /// Lives through a calm world of each seed once for every await, with one process cut off there.
    #[arg(long)]
    crash_points: bool,
    /// Cuts one process off at that await of a calm world.
    #[arg(long)]
    crash_at: Option<u64>,
    /// Prints the whole history of a world that breaks a promise.
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
    resumed: AtomicU64,
    polls: AtomicU64,
    worlds: AtomicU64,
}

impl Totals {
    fn add(&self, simulated: &Simulated) {
        let add =
            |total: &AtomicU64, count: usize| total.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
        add(&self.worlds, 1);
        add(&self.exports, simulated.exports);
        add(&self.ready, simulated.ready);
        add(&self.resumed, simulated.resumed);
        self.polls.fetch_add(simulated.polls, Ordering::Relaxed);
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let kept = if options.list_mutants { list_mutants().map(|()| true) } else { run(&options) };
    match kept {
        Ok(true) => ExitCode::SUCCESS,
        // A closed pipe is no verdict in favour.
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

fn list_mutants() -> Result<()> {
    let mut out = std::io::stdout().lock();
    Mutant::ALL.iter().try_for_each(|mutant| writeln!(out, "{:24}{}", mutant.name(), mutant.description().trim()))
}

/// Lives through what was asked for; whether every promise was kept.
fn run(options: &Options) -> Result<bool> {
    let totals = Totals::default();
    let mut broken = None;
    if options.crash_points {
        for seed in options.from..options.from.saturating_add(options.seeds) {
            let scenario = Scenario { seed, mutant: options.mutant, ..Scenario::default() };
            let points = simulate(Scenario { crash_at: Some(u64::MAX), ..scenario }).crash_points;
            broken = search(options, &totals, 0..points, |point| Scenario { crash_at: Some(point), ..scenario });
            if broken.is_some() {
                break;
            }
        }
    } else {
        let seeds = options.from..options.from.saturating_add(options.seeds);
        let (mutant, crash_at) = (options.mutant, options.crash_at);
        broken = search(options, &totals, seeds, |seed| Scenario { seed, mutant, crash_at, keep_history: false });
    }
    report(options, &totals, broken)
}

fn report(options: &Options, totals: &Totals, broken: Option<(Scenario, Simulated)>) -> Result<bool> {
    let mut out = std::io::stdout().lock();
    let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
    writeln!(
        out,
        "{} worlds, {} exports, {} ready, {} begun more than once, {} awaits",
        get(&totals.worlds),
        get(&totals.exports),
        get(&totals.ready),
        get(&totals.resumed),
        get(&totals.polls)
    )?;
    let Some((scenario, simulated)) = broken else {
        writeln!(out, "every promise was kept")?;
        return Ok(true);
    };
    if options.history {
        for line in simulate(Scenario { keep_history: true, ..scenario }).history {
            writeln!(out, "{line}")?;
        }
    }
    let seed = scenario.seed;
    let mutant = scenario.mutant.map(|mutant| format!(" --mutant {mutant}")).unwrap_or_default();
    let crash_at = scenario.crash_at.map(|at| format!(" --crash-at {at}")).unwrap_or_default();
    let again = "cargo run --release -p waybill-testkit --bin simulate -- --seeds 1";
    writeln!(out, "seed {seed}{crash_at}: {}", simulated.violation.unwrap_or_default())?;
    writeln!(out, "again: {again} --from {seed}{mutant}{crash_at} --history")?;
    Ok(false)
}

/// Lives through the worlds of all numbers; gives the broken one with the least number that was reached.
fn search(
    options: &Options,
    totals: &Totals,
    numbers: std::ops::Range<u64>,
    scenario: impl Fn(u64) -> Scenario + Sync,
) -> Option<(Scenario, Simulated)> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(numbers.start);
    let stop = AtomicBool::new(false);
    let broken: Mutex<Option<(u64, Simulated)>> = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..options.threads.unwrap_or(cores).max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        return;
                    }
                    let simulated = simulate(scenario(number));
                    totals.add(&simulated);
                    if simulated.violation.is_some() {
                        stop.store(true, Ordering::Relaxed);
                        if let Ok(mut broken) = broken.lock()
                            && broken.as_ref().is_none_or(|(least, _)| number < *least)
                        {
                            *broken = Some((number, simulated));
                        }
                    }
                }
            });
        }
    });
    let (number, simulated) = broken.into_inner().ok().flatten()?;
    Some((scenario(number), simulated))
}
