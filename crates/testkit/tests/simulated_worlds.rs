//! The lane keeps its promises in simulated worlds, and the simulator sees when it cannot.

use waybill_testkit::simulator::{Mutant, Scenario, simulate};

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
    for seed in 0..150 {
        let simulated = simulate(of(seed));
        assert_eq!(simulated.violation, None, "seed {seed}");
    }
}

#[test]
fn every_promise_is_kept_wherever_one_process_is_cut_off() {
    for seed in 0..2 {
        let points = simulate(Scenario { crash_at: Some(u64::MAX), ..of(seed) }).crash_points;
        assert!(points > 100, "{points} awaits are too few for the whole way");
        // Every one of them is cut by `simulate --crash-points`; here, a sample with a stride that meets all kinds.
        for point in (0..points).step_by(7) {
            let simulated = simulate(Scenario { crash_at: Some(point), ..of(seed) });
            assert_eq!(simulated.violation, None, "seed {seed} --crash-at {point}");
        }
    }
}

#[test]
fn every_mutant_breaks_a_promise() {
    let caught = |mutant: &Mutant| {
        (0..20_000).any(|seed| simulate(Scenario { mutant: Some(*mutant), ..of(seed) }).violation.is_some())
    };
    // The ones that take thousands of worlds are left to the release build.
    let quick = Mutant::ALL.iter().filter(|mutant| **mutant != Mutant::SequenceUnversioned);
    let missed: Vec<&Mutant> = quick.filter(|mutant| !caught(mutant)).collect();
    assert!(missed.is_empty(), "{missed:?}");
}
