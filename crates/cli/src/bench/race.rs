//! P1: records to a filtered CSV file in a zip, beside other programs on the same records.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;

use super::archives;
use super::job::{EFFORTS, Effort, ExportJob, FileJob, Job, Run};
use super::launcher::Launcher;
use super::peers::Peers;
use super::report::{Cell, Claim, Section};
use super::statistics::Spread;
use super::{Asked, data};
use crate::terminal;

/// Who takes part, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Contestant {
    /// The engine from the file of lines to a zip file.
    Lines(Effort),
    /// The production use cases, from pages of the record table.
    Export(Effort),
    /// `DuckDB`, packed by `pigz` at this level, through a pipe or a file.
    DuckPigz(u32, Form),
    /// `DuckDB`, packed by `zip -6`.
    DuckZip,
    /// The plain program in Rust.
    Rust(Effort),
    /// Python with orjson and zipfile at level 6.
    Python,
}

/// How the packer gets what it packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Pipe,
    File,
}

impl Contestant {
    fn name(self) -> String {
        match self {
            Self::Lines(effort) => format!("Waybill's engine, NDJSON file, {}", effort.name()),
            Self::Export(effort) => format!("Waybill's export, record table's pages, {}", effort.name()),
            Self::DuckPigz(level, Form::Pipe) => format!("DuckDB, pipe, pigz -{level}"),
            Self::DuckPigz(level, Form::File) => format!("DuckDB, file, pigz -{level}"),
            Self::DuckZip => "DuckDB, pipe, zip -6".to_owned(),
            Self::Rust(effort) => format!("serde_json + csv + zip, level {}", effort.of_zlib()),
            Self::Python => "Python orjson + zipfile, level 6".to_owned(),
        }
    }

    /// Whether it uses one core whatever there is.
    fn is_single(self) -> bool {
        matches!(self, Self::Rust(_) | Self::Python)
    }

    /// Whether its rows come in the order of the records, so that its file is the same every time.
    fn is_ordered(self) -> bool {
        !matches!(self, Self::DuckPigz(..) | Self::DuckZip)
    }
}

fn contestants() -> Vec<Contestant> {
    let mut all = Vec::new();
    all.extend(EFFORTS.map(Contestant::Lines));
    all.extend(EFFORTS.map(Contestant::Export));
    for level in [1, 6] {
        all.extend([Form::Pipe, Form::File].map(|form| Contestant::DuckPigz(level, form)));
    }
    all.push(Contestant::DuckZip);
    all.extend(EFFORTS.map(Contestant::Rust));
    all.push(Contestant::Python);
    all
}

/// Runs of everybody who could run, and why others could not.
#[derive(Debug, Default)]
struct Results {
    runs: BTreeMap<Contestant, Vec<Run>>,
    absent: BTreeMap<Contestant, String>,
    differences: Vec<String>,
}

/// The race on so many cores.
pub(super) fn run(asked: &Asked, launcher: &Launcher, peers: &Peers, cores: usize) -> Result<Section> {
    let mut results = Results::default();
    // Those that use one core are the same whatever there is: they run once, on the most.
    let most = cores >= launcher.cores().min(4);
    let all: Vec<Contestant> = contestants().into_iter().filter(|one| most || !one.is_single()).collect();
    let mut expected = None;
    for round in 1..=asked.rounds {
        let mut order = all.clone();
        if round % 2 == 0 {
            order.reverse();
        }
        for contestant in order {
            if results.absent.contains_key(&contestant) {
                continue;
            }
            let archive = asked.folder.path().join("race.zip");
            match one(contestant, asked, launcher, peers, cores, &archive)? {
                Err(why) => drop(results.absent.insert(contestant, why)),
                Ok(mut run) => {
                    if round == 1 && !matches!(contestant, Contestant::Export(_)) {
                        let (records, digest) = archives::rows(&archive)?;
                        if records != run.records {
                            let name = contestant.name();
                            results.differences.push(format!("{name} reported {} of {records} records", run.records));
                        }
                        run.rows_digest = Some(digest);
                    }
                    terminal::note(format!(
                        "round {round} of {}, {cores} cores: {} took {:.2} s",
                        asked.rounds,
                        contestant.name(),
                        run.secs
                    ));
                    check(contestant, &run, &mut expected, &mut results);
                    results.runs.entry(contestant).or_default().push(run);
                }
            }
            let _ = std::fs::remove_file(&archive);
        }
    }
    Ok(section(&results, &all, cores))
}

/// One run of one contestant, or why there can be none.
fn one(
    contestant: Contestant,
    asked: &Asked,
    launcher: &Launcher,
    peers: &Peers,
    cores: usize,
    archive: &Path,
) -> Result<Result<Run, String>> {
    let lines = data::lines(asked.folder.path());
    let file = |effort| FileJob { lines: lines.clone(), archive: archive.to_owned(), effort, threads: cores };
    let data = asked.folder.path().to_owned();
    let run: Run = match contestant {
        Contestant::Lines(effort) => launcher.run(&Job::Lines(file(effort)), cores)?,
        Contestant::Rust(effort) => launcher.run(&Job::Plain(file(effort)), cores)?,
        Contestant::Export(effort) => {
            return Ok(Ok(launcher.run(&Job::Export(ExportJob { data, effort, threads: cores }), cores)?));
        }
        Contestant::DuckPigz(..) | Contestant::DuckZip | Contestant::Python => {
            let command = match script(contestant, peers, &lines, archive, cores) {
                Ok(command) => command,
                Err(why) => return Ok(Err(why.to_owned())),
            };
            match launcher.run_script(&command, cores) {
                Ok(run) => run,
                // What a peer cannot do is no failure of ours.
                Err(error) => return Ok(Err(format!("{error:#}"))),
            }
        }
    };
    let mut run = run;
    archives::inspect(archive, &mut run)?;
    Ok(Ok(run))
}

fn script<'a>(
    contestant: Contestant,
    peers: &'a Peers,
    lines: &Path,
    archive: &Path,
    cores: usize,
) -> Result<Vec<OsString>, &'a str> {
    let mut command;
    let (form, packer): (&str, Vec<OsString>) = match contestant {
        Contestant::DuckPigz(level, form) => {
            let pigz = peers.tool("pigz")?.as_os_str().to_owned();
            let form = if form == Form::Pipe { "pipe" } else { "file" };
            // `-K` makes a zip of one entry.
            let options = ["-K", "-c", &format!("-{level}"), "-p", &cores.to_string()].map(OsString::from);
            (form, std::iter::once(pigz).chain(options).collect())
        }
        Contestant::DuckZip => {
            let zip = peers.tool("zip")?.as_os_str().to_owned();
            ("pipe", std::iter::once(zip).chain(["-q", "-6", "-", "-"].map(OsString::from)).collect())
        }
        _ => {
            command = peers.python("python_csv.py")?;
            command.extend([OsString::from("--lines"), lines.into(), "--archive".into(), archive.into()]);
            command.extend(["--level", "6"].map(OsString::from));
            return Ok(command);
        }
    };
    command = peers.python("duckdb_csv.py")?;
    command.extend([OsString::from("--lines"), lines.into(), "--archive".into(), archive.into()]);
    command.extend(["--threads", &cores.to_string(), "--form", form, "--"].map(OsString::from));
    command.extend(packer);
    Ok(command)
}

/// Compares a run with the first one of all, and with the first one of its contestant.
fn check(contestant: Contestant, run: &Run, expected: &mut Option<Run>, results: &mut Results) {
    let name = contestant.name();
    let first = expected.get_or_insert_with(|| run.clone());
    if run.records != first.records {
        results.differences.push(format!("{name} wrote {} records, others {}", run.records, first.records));
    }
    if let (Some(ours), Some(theirs)) = (run.rows_digest, first.rows_digest)
        && ours != theirs
    {
        results.differences.push(format!("the rows of {name} are not those of the others"));
    }
    // Ours and the plain program's are the same bytes, too.
    let exact = matches!(contestant, Contestant::Lines(_) | Contestant::Export(_) | Contestant::Rust(_));
    let earlier = results.runs.get(&contestant).and_then(|runs| runs.first());
    let reference = if exact { Some(&*first) } else { earlier.filter(|_| contestant.is_ordered()) };
    if let Some(other) = reference
        && (other.plain_bytes, other.crc32) != (run.plain_bytes, run.crc32)
    {
        results.differences.push(format!("the file of {name} is not the one that was expected, byte for byte"));
    }
}

impl Results {
    fn secs(&self, contestant: Contestant) -> Vec<f64> {
        self.figures(contestant, |run| Some(run.secs))
    }

    fn figures(&self, contestant: Contestant, figure: impl Fn(&Run) -> Option<f64>) -> Vec<f64> {
        self.runs.get(&contestant).into_iter().flatten().filter_map(figure).collect()
    }

    fn median_secs(&self, contestant: Contestant) -> Option<f64> {
        Some(Spread::of(self.secs(contestant))?.median)
    }

    fn archive_bytes(&self, contestant: Contestant) -> Option<f64> {
        let sizes = self.figures(contestant, |run| Some(crate::amount::float(run.archive_bytes)));
        Some(Spread::of(sizes)?.median)
    }

    fn fastest(&self, among: impl IntoIterator<Item = Contestant>) -> Option<Contestant> {
        let timed = among.into_iter().filter_map(|one| Some((self.median_secs(one)?, one)));
        timed.min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, one)| one)
    }

    /// The claim that the fastest of `ours` whose archive is no larger beats the best form of `DuckDB` and `pigz`.
    fn claim(&self, what: &str, ours: fn(Effort) -> Contestant, level: u32, goal: f64) -> (Claim, Option<String>) {
        let peer = self.fastest([Form::Pipe, Form::File].map(|form| Contestant::DuckPigz(level, form)));
        let size = peer.and_then(|peer| self.archive_bytes(peer)).unwrap_or(f64::MAX);
        let fits = |one: &Contestant| self.archive_bytes(*one).is_some_and(|ours| ours <= size);
        let all = EFFORTS.map(ours);
        let chosen = self.fastest(all.into_iter().filter(fits));
        // None is as small: the smallest one, and by how much it is larger is said.
        let smallest = || {
            let sized = all.into_iter().filter_map(|one| Some((self.archive_bytes(one)?, one)));
            sized.min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, one)| one)
        };
        let one = chosen.or_else(smallest);
        let ratio = one.zip(peer).and_then(|(one, peer)| Spread::of_ratios(&self.secs(peer), &self.secs(one)));
        let names =
            one.zip(peer).map_or_else(String::new, |(one, peer)| format!(": {} over {}", one.name(), peer.name()));
        let larger = (chosen.is_none() && peer.is_some()).then(|| {
            let ours = one.and_then(|one| self.archive_bytes(one)).unwrap_or(0.0);
            format!(
                "{what}, -{level} size: no archive of ours is as small; the smallest is {:.1} % larger",
                100.0 * (ours / size - 1.0)
            )
        });
        (Claim::at_least(format!("{what}, -{level} size{names}"), ratio, goal, "×"), larger)
    }
}

fn section(results: &Results, all: &[Contestant], cores: usize) -> Section {
    let title = format!("records to a filtered CSV file of 16 columns in a zip, {cores} cores");
    let columns = ["program", "wall s", "processor s", "archive MB", "peak MiB", "records"];
    let mut section = Section::new("P1", title, &columns);
    for &contestant in all {
        if let Some(why) = results.absent.get(&contestant) {
            section.absent(&contestant.name(), why);
            continue;
        }
        let figures = |figure: fn(&Run) -> Option<f64>| Spread::of(results.figures(contestant, figure));
        let records = results.runs.get(&contestant).and_then(|runs| runs.first()).map_or(0, |run| run.records);
        section.row(vec![
            Cell::text(contestant.name()),
            Cell::of(figures(|run| Some(run.secs)), 2, ""),
            Cell::of(figures(|run| run.processor_secs), 2, ""),
            Cell::of(figures(|run| Some(crate::amount::float(run.archive_bytes) / 1e6)), 2, ""),
            Cell::of(figures(|run| Some(crate::amount::float(run.peak_rss_bytes?) / 1_048_576.0)), 1, ""),
            Cell::Count(records),
        ]);
    }
    for (level, goal) in [(1, 3.0), (6, 2.0)] {
        let (claim, note) = results.claim("engine, the same NDJSON file", Contestant::Lines, level, goal);
        section.claims.push(claim);
        section.notes.extend(note);
        let (claim, note) = results.claim("whole export, record table's pages", Contestant::Export, level, goal);
        section.claims.push(claim);
        section.notes.extend(note);
    }
    section.differences.clone_from(&results.differences);
    section
}
