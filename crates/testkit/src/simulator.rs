//! The fault simulator: the production use cases over in-memory ports, in a world where everything goes wrong that may,
//! decided by a seed; and an oracle that knows the promises.
//!
//! A world lives through some minutes of faults, then faults end, and everything has to come to its end: nothing accepted
//! is lost, nothing is doubled, the order of each org is the order of entry, one export runs at a time, archives are
//! whole, usage is what exists, no stale worker has an effect, and after seven days nothing is left.

mod archives;
mod clients;
mod clock;
mod deliveries;
mod executor;
mod faulty_archives;
mod faulty_services;
mod faulty_state;
mod history;
mod incident;
mod jobs;
mod mutant;
mod network;
mod oracle;
mod processes;
mod profile;
mod scripts;
mod series;
mod setting;
mod timeline;
mod weaken;

pub use incident::{Incident, Kind as IncidentKind, Places, UnknownIncident};
pub use mutant::{Mutant, UnknownMutant};

/// Which world to live through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scenario {
    /// Decides everything.
    pub seed: u64,
    /// A port that is weakened.
    pub mutant: Option<Mutant>,
    /// Whether to write the history down.
    pub keep_history: bool,
    /// A calm world in which nothing goes wrong but this.
    pub incident: Option<Incident>,
}

/// What became of a simulated world.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// Its seed.
    pub seed: u64,
    /// The first promise that was broken, if any.
    pub violation: Option<String>,
    /// What happened, line by line, when it was asked for.
    pub history: Vec<String>,
    /// Exports that were made.
    pub exports: usize,
    /// Exports that became ready.
    pub ready: usize,
    /// Exports that were stamped more than once.
    pub resumed: usize,
    /// Awaits that were passed.
    pub polls: u64,
    /// Where something could have gone wrong.
    pub places: Places,
}

/// Lives through a world; the same scenario, the same world.
pub fn simulate(scenario: Scenario) -> Simulated {
    timeline::Timeline::new(scenario).run()
}
