//! P3, P5 and P7: what the engine's own measurements say.

use anyhow::Result;

use super::boundaries::Boundaries;
use super::job::{BoundariesJob, EFFORTS, ExportJob, FileJob, Job, Run, StepsJob};
use super::launcher::Launcher;
use super::report::{Cell, Claim, Section};
use super::statistics::Spread;
use super::steps::{FormatCost, Steps};
use super::{Asked, data};
use crate::amount;
use crate::terminal;

/// Megabytes per second.
fn rates(bytes: u64, secs: &[f64]) -> Option<Spread> {
    Spread::of(secs.iter().filter(|secs| **secs > 0.0).map(|secs| amount::float(bytes) / 1e6 / secs))
}

fn steps_job(asked: &Asked) -> StepsJob {
    StepsJob { lines: data::lines(asked.folder.path()), most_bytes: asked.step_bytes(), rounds: asked.rounds }
}

/// P3, first half: the whole beside the sum of its parts, on one thread.
pub(super) fn bound(asked: &Asked, launcher: &Launcher) -> Result<Section> {
    terminal::note("the engine's steps, one by one ...");
    let steps: Steps = launcher.run(&Job::Steps(steps_job(asked)), 1)?;
    let columns =
        ["level", "scan MB/s of JSON", "deflate MB/s of CSV", "whole MB/s of JSON", "share of the bound", "rest"];
    let mut section =
        Section::new("P3", "the engine on one thread beside the bound 1 / (1/scan + 1/deflate)", &columns);
    for level in &steps.levels {
        let shares: Vec<[f64; 2]> = steps
            .scan_secs
            .iter()
            .zip(&level.deflate_secs)
            .zip(&level.whole_secs)
            .filter(|(_, whole)| **whole > 0.0)
            .map(|((scan, deflate), whole)| {
                let share = 100.0 * (scan + deflate) / whole;
                [share, 100.0 - share]
            })
            .collect();
        let share = Spread::of(shares.iter().map(|share| share[0]));
        section.row(vec![
            Cell::text(level.effort.name()),
            Cell::of(rates(steps.json_bytes, &steps.scan_secs), 0, ""),
            Cell::of(rates(steps.plain_bytes, &level.deflate_secs), 0, ""),
            Cell::of(rates(steps.json_bytes, &level.whole_secs), 0, ""),
            Cell::of(share, 1, "%"),
            Cell::of(Spread::of(shares.iter().map(|share| share[1])), 1, "%"),
        ]);
        let what = format!("share of the bound, level {}", level.effort.name());
        section.claims.push(Claim::at_least(what, share, 85.0, "%"));
    }
    section.notes.push(
        "Processor time of one thread over the same bytes. Scan reads and checks the whole JSON of every record; the \
         rest is condition, columns, CSV and checksum, which the bound does not know."
            .to_owned(),
    );
    Ok(section)
}

/// P3, second half: from one core to all, by wall time.
pub(super) fn scaling(asked: &Asked, launcher: &Launcher) -> Result<Section> {
    let most = launcher.cores().min(4);
    let mut section = Section::new(
        "P3",
        "from one core to more, wall time, level default",
        &["what", "cores", "wall s", "processor s", "speed-up", "of linear"],
    );
    for (name, whole) in [("engine, NDJSON file", false), ("whole export, record table's pages", true)] {
        let mut runs: Vec<Vec<Run>> = vec![Vec::new(); most];
        for round in 1..=asked.rounds {
            for cores in 1..=most {
                let run: Run = launcher.run(&scaled(asked, whole, cores), cores)?;
                terminal::note(format!("round {round} of {}: {name} took {:.2} s on {cores}", asked.rounds, run.secs));
                if let Some(runs) = runs.get_mut(cores - 1) {
                    runs.push(run);
                }
            }
        }
        let secs: Vec<Vec<f64>> = runs.iter().map(|runs| runs.iter().map(|run| run.secs).collect()).collect();
        for (position, runs) in runs.iter().enumerate() {
            let cores = position + 1;
            let speed_up = Spread::of_ratios(&secs[0], &secs[position]);
            let cores = u32::try_from(cores)?;
            let share = |ratio: f64| 100.0 * ratio / f64::from(cores);
            let linear = speed_up.map(|spread| Spread {
                median: share(spread.median),
                min: share(spread.min),
                max: share(spread.max),
            });
            section.row(vec![
                Cell::text(name),
                Cell::Count(u64::from(cores)),
                Cell::of(Spread::of(secs[position].iter().copied()), 2, ""),
                Cell::of(Spread::of(runs.iter().filter_map(|run| run.processor_secs)), 2, ""),
                Cell::of(speed_up, 2, "×"),
                Cell::of(linear, 0, "%"),
            ]);
            if position + 1 == most && most > 1 {
                section.claims.push(Claim::at_least(format!("{name}: of linear on {most} cores"), linear, 90.0, "%"));
            }
        }
    }
    Ok(section)
}

fn scaled(asked: &Asked, whole: bool, threads: usize) -> Job {
    let effort = EFFORTS[1];
    let folder = asked.folder.path();
    if whole {
        Job::Export(ExportJob { data: folder.to_owned(), effort, threads })
    } else {
        Job::Lines(FileJob { lines: data::lines(folder), archive: folder.join("scaling.zip"), effort, threads })
    }
}

/// P5: every format beside CSV.
pub(super) fn formats(asked: &Asked, launcher: &Launcher) -> Result<Section> {
    terminal::note("the formats, one by one ...");
    let costs: Vec<FormatCost> = launcher.run(&Job::Formats(steps_job(asked)), 1)?;
    let columns = ["format", "MB out", "deflated to MB", "processor ns a byte out", "beside CSV"];
    let mut section = Section::new("P5", "formats, one thread, level default, all records, 16 columns", &columns);
    let per_byte = |cost: &FormatCost| -> Vec<f64> {
        let bytes = amount::float(cost.plain_bytes.max(1));
        cost.secs.iter().map(|secs| secs * 1e9 / bytes).collect()
    };
    let csv = costs.first().map(per_byte).unwrap_or_default();
    for cost in &costs {
        let ours = per_byte(cost);
        let ratio = Spread::of_ratios(&ours, &csv);
        section.row(vec![
            Cell::text(&cost.format),
            Cell::of(Spread::of([amount::float(cost.plain_bytes) / 1e6]), 1, ""),
            Cell::of(Spread::of([amount::float(cost.deflated_bytes) / 1e6]), 1, ""),
            Cell::of(Spread::of(ours), 2, ""),
            Cell::of(ratio, 2, "×"),
        ]);
        if cost.format != "csv" {
            section.claims.push(Claim::at_most(format!("{} per byte out, beside CSV", cost.format), ratio, 1.5, "×"));
        }
    }
    Ok(section)
}

/// P7: cut exports beside uncut ones.
pub(super) fn boundaries(asked: &Asked, launcher: &Launcher) -> Result<Section> {
    terminal::note("exports cut at every page ...");
    let job = BoundariesJob { records: asked.boundary_records() };
    let all: Vec<Boundaries> = launcher.run(&Job::Boundaries(job), launcher.cores())?;
    let columns = ["format", "steps", "records", "different files", "lost", "fused", "doubled"];
    let title = "exports cut after every page (1, 7, 64 and 500 records) beside uncut ones, byte for byte";
    let mut section = Section::new("P7", title, &columns);
    let mut wrong = 0;
    let told = |count: Option<u64>| count.map_or(Cell::text("not told apart"), Cell::Count);
    for found in &all {
        section.row(vec![
            Cell::text(&found.format),
            Cell::Count(found.steps),
            Cell::Count(found.expected),
            Cell::Count(found.different),
            told(found.lost),
            told(found.fused),
            told(found.doubled),
        ]);
        let counts = [Some(found.different), found.lost, found.fused, found.doubled];
        let faults: u64 = counts.into_iter().flatten().sum();
        if faults > 0 {
            section.differences.push(format!("{} exports lose, fuse, double or change records when cut", found.format));
        }
        wrong += faults;
    }
    let steps = all.iter().map(|found| found.steps).sum();
    let what = format!("records or files changed by {} boundaries", amount::grouped_integer(steps));
    section.claims.push(Claim::at_most(what, Spread::of([amount::float(wrong)]), 0.0, ""));
    Ok(section)
}
