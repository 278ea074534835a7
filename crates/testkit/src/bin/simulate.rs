//! `simulate`: lives through worlds of consecutive seeds until one breaks a promise.

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser};
use std::io::{Result, Write};
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use waybill_testkit::simulator::{Incident, IncidentKind, Mutant, Scenario, Simulated, simulate};

/// Worlds are made of small allocations that one thread makes and drops.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the production use cases through seeded worlds of faults and holds them against their promises.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
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
    /// Demands that every mutant breaks a promise within the seeds.
    #[arg(long)]
    all_mutants: bool,
    /// Lives through a calm world of each seed once for every single fault that can happen in it: each await at which a process can
    /// be cut off, each call that can be lost, each reply, each effect that can come late.
    #[arg(long)]
    enumerate: bool,
    /// A calm world in which this alone goes wrong: `crash@N`, `lost-call@N`, `lost-reply@N` or `late-call@N`.
    #[arg(long)]
    incident: Option<Incident>,
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

/// A world that broke a promise.
type Broken = (Scenario, Simulated);

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
    if options.from.checked_add(options.seeds).is_none() {
        let why =
            format!("there are no {} seeds from {} on: the last one is {}\n", options.seeds, options.from, u64::MAX);
        Options::command().error(ErrorKind::ValueValidation, why).exit();
    }
    let kept = if options.list_mutants {
        list_mutants().map(|()| true)
    } else if options.all_mutants {
        catch_all(&options)
    } else {
        run(&options)
    };
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

/// Whether every mutant was caught.
fn catch_all(options: &Options) -> Result<bool> {
    let mut all = true;
    for mutant in Mutant::ALL {
        let scenario = |seed| Scenario { seed, mutant: Some(*mutant), ..Scenario::default() };
        let broken = search(options, &Totals::default(), seeds(options), scenario);
        let mut out = std::io::stdout().lock();
        if let Some((Scenario { seed, .. }, simulated)) = broken {
            writeln!(out, "{:24}seed {seed}: {}", mutant.name(), simulated.violation.unwrap_or_default())?;
        } else {
            all = false;
            writeln!(out, "{:24}NOT CAUGHT by {} seeds from {}", mutant.name(), options.seeds, options.from)?;
        }
    }
    Ok(all)
}

fn seeds(options: &Options) -> Range<u64> {
    options.from..options.from + options.seeds
}

/// Lives through what was asked for; whether every promise was kept.
fn run(options: &Options) -> Result<bool> {
    let totals = Totals::default();
    let broken = if options.enumerate {
        seeds(options).find_map(|seed| enumerate(options, &totals, seed))
    } else {
        let (mutant, incident) = (options.mutant, options.incident);
        search(options, &totals, seeds(options), |seed| Scenario { seed, mutant, incident, keep_history: false })
    };
    report(options, &totals, broken)
}

/// Every single fault in the calm world of a seed.
fn enumerate(options: &Options, totals: &Totals, seed: u64) -> Option<Broken> {
    let scenario = |incident| Scenario { seed, mutant: options.mutant, incident: Some(incident), keep_history: false };
    IncidentKind::ALL.into_iter().find_map(|kind| {
        let nowhere = simulate(scenario(Incident { kind, at: u64::MAX }));
        search(options, totals, 0..nowhere.places.of(kind), |at| scenario(Incident { kind, at }))
    })
}

fn report(options: &Options, totals: &Totals, broken: Option<Broken>) -> Result<bool> {
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
    let incident = scenario.incident.map(|incident| format!(" --incident {incident}")).unwrap_or_default();
    let again = "cargo run --release -p waybill-testkit --bin simulate -- --seeds 1";
    writeln!(out, "seed {seed}{incident}: {}", simulated.violation.unwrap_or_default())?;
    writeln!(out, "again: {again} --from {seed}{mutant}{incident} --history")?;
    Ok(false)
}

/// Lives through the worlds of all numbers; gives the broken one with the least number that was reached.
fn search(
    options: &Options,
    totals: &Totals,
    numbers: Range<u64>,
    scenario: impl Fn(u64) -> Scenario + Sync,
) -> Option<Broken> {
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
