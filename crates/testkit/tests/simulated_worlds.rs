//! The lane keeps its promises in simulated worlds, and the simulator sees when it cannot.

use waybill_testkit::simulator::{Incident, IncidentKind, Mutant, Scenario, simulate};

fn of(seed: u64) -> Scenario {
    Scenario { seed, ..Scenario::default() }
}

#[test]
fn one_seed_makes_one_world() {
    let worlds = [(); 2].map(|()| simulate(Scenario { keep_history: true, ..of(7) }));
    assert!(worlds[0].history.len() > 20);
    assert_eq!(worlds[0].history, worlds[1].history);
}

#[test]
fn every_promise_is_kept_under_faults() {
    for seed in 0..100 {
        let simulated = simulate(of(seed));
        assert_eq!(simulated.violation, None, "seed {seed}");
    }
}

#[test]
fn every_promise_is_kept_wherever_a_single_fault_happens() {
    for (seed, kind) in [0, 1].into_iter().flat_map(|seed| IncidentKind::ALL.map(|kind| (seed, kind))) {
        let world = |at| Scenario { incident: Some(Incident { kind, at }), ..of(seed) };
        let places = simulate(world(u64::MAX)).places.of(kind);
        assert!(places > 50, "{places} places are too few for the whole way");
        // Every one of them is lived through by `simulate --enumerate`; here, a sample with a stride that meets all kinds.
        for at in (0..places).step_by(17) {
            let incident = Incident { kind, at };
            assert_eq!(simulate(world(at)).violation, None, "seed {seed} --incident {incident}");
        }
    }
}

#[test]
fn a_mutant_breaks_a_promise() {
    // All of them do within 20 000 seeds, says `simulate --all-mutants`; here, some that break one soon.
    for mutant in [Mutant::NoHelping, Mutant::PutThenRing, Mutant::NoFencing, Mutant::NoSweeper, Mutant::NoTransaction]
    {
        let caught = (0..2000).any(|seed| simulate(Scenario { mutant: Some(mutant), ..of(seed) }).violation.is_some());
        assert!(caught, "{mutant}");
    }
}
