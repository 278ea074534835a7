//! P2: pages of a table to a file, beside other clients of the same table.

use std::ffi::OsString;

use anyhow::Result;

use super::job::{Job, ReplayJob, Run, ScanJob};
use super::launcher::{Launcher, Server};
use super::peers::Peers;
use super::replay::Sent;
use super::report::{Cell, Claim, Section};
use super::statistics::Spread;
use super::{Asked, archives};
use crate::{amount, terminal};

/// Pages that boto3 reads: it is slow, and its rate is the same on every page.
const BOTO3_PAGES: u64 = 12;

/// Why dynein has no row of its own.
const WITHOUT_DYNEIN: &str = "crates.io does not have it, and its sources bring the whole SDK of EC2; its export is one typed Scan after another";

/// A client of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Raw(usize),
    Typed(usize),
    Boto3,
    Dynein,
}

impl Client {
    fn name(self) -> String {
        match self {
            Self::Raw(threads) => format!("Waybill's export, raw pages, threads {threads}"),
            Self::Typed(threads) => format!("aws-sdk-dynamodb Scan, typed items, segments {threads}"),
            Self::Boto3 => "boto3 Scan, Python".to_owned(),
            Self::Dynein => "dynein, to CSV".to_owned(),
        }
    }
}

/// All clients, in turn.
pub(super) fn section(asked: &Asked, launcher: &Launcher, peers: &Peers) -> Result<Section> {
    let columns = ["client", "items/s", "MB/s of the wire", "processor µs an item", "peak MiB", "items"];
    let title = "a table's pages through a server that replays them, to CSV of 16 columns, deflated (fast)";
    let mut section = Section::new("P2", title, &columns);
    let most = launcher.cores().min(4);
    let clients =
        [Client::Raw(1), Client::Typed(1), Client::Raw(most), Client::Typed(most), Client::Boto3, Client::Dynein];
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); clients.len()];
    let mut absent: Vec<Option<String>> = vec![None; clients.len()];
    let server = launcher.serve(&Job::Replay(ReplayJob { data: asked.folder.path().to_owned() }))?;
    for round in 1..=asked.rounds {
        for (client, (runs, absent)) in clients.into_iter().zip(runs.iter_mut().zip(&mut absent)) {
            if absent.is_some() {
                continue;
            }
            match one(client, asked, launcher, peers, &server, round == 1)? {
                Err(why) => *absent = Some(why),
                Ok(run) => {
                    let name = client.name();
                    terminal::note(format!("round {round} of {}: {name} took {:.2} s", asked.rounds, run.secs));
                    runs.push(run);
                }
            }
        }
    }
    let _: Sent = server.end()?;
    // The wire has the same bytes an item for everybody.
    let wire_bytes = super::data::wire_bytes(asked.folder.path())?;
    let per_item = amount::float(wire_bytes) / amount::float(asked.records.max(1));
    let rates = |runs: &[Run]| -> Vec<f64> {
        runs.iter().filter(|run| run.secs > 0.0).map(|run| amount::float(run.records) / run.secs).collect()
    };
    let costs = |runs: &[Run]| -> Vec<f64> {
        let spent = runs.iter().filter_map(|run| Some(run.processor_secs? * 1e6 / amount::float(run.records.max(1))));
        spent.collect()
    };
    for (client, (runs, absent)) in clients.into_iter().zip(runs.iter().zip(&absent)) {
        if let Some(why) = absent {
            section.absent(&client.name(), why);
            continue;
        }
        let rate = Spread::of(rates(runs));
        let megabytes = Spread::of(rates(runs).into_iter().map(|rate| rate * per_item / 1e6));
        let peak = runs.iter().filter_map(|run| Some(amount::float(run.peak_rss_bytes?) / 1_048_576.0));
        section.row(vec![
            Cell::text(client.name()),
            Cell::of(rate, 0, ""),
            Cell::of(megabytes, 0, ""),
            Cell::of(Spread::of(costs(runs)), 2, ""),
            Cell::of(Spread::of(peak), 1, ""),
            Cell::Count(runs.first().map_or(0, |run| run.records)),
        ]);
    }
    let place = |client: Client| clients.iter().position(|other| *other == client);
    let of = |client: Client| place(client).and_then(|at| runs.get(at)).map_or(&[][..], Vec::as_slice);
    for threads in [1, most] {
        let (ours, theirs) = (of(Client::Raw(threads)), of(Client::Typed(threads)));
        let wall = Spread::of_ratios(&rates(ours), &rates(theirs));
        section.claims.push(Claim::at_least(format!("typed Scan, items/s, {threads} threads"), wall, 10.0, "×"));
        let spent = Spread::of_ratios(&costs(theirs), &costs(ours));
        let what = format!("typed Scan, processor time an item, {threads} threads");
        section.claims.push(Claim::at_least(what, spent, 10.0, "×"));
        for (mine, other) in ours.iter().zip(theirs) {
            if mine.records != other.records || (mine.rows_digest != other.rows_digest) {
                section
                    .differences
                    .push(format!("raw pages and typed items are not the same rows on {threads} threads"));
            }
        }
    }
    for (client, what, goal) in [(Client::Dynein, "dynein", 10.0), (Client::Boto3, "boto3", 100.0)] {
        let wall = Spread::of_ratios(&rates(of(Client::Raw(most))), &rates(of(client)));
        section.claims.push(Claim::at_least(format!("{what}, items/s, {most} threads of ours"), wall, goal, "×"));
    }
    section
        .notes
        .push("The server is a process of its own on the same cores; processor time is the client's alone.".to_owned());
    Ok(section)
}

fn one(
    client: Client,
    asked: &Asked,
    launcher: &Launcher,
    peers: &Peers,
    server: &Server,
    verify: bool,
) -> Result<Result<Run, String>> {
    let cores = launcher.cores();
    let job = |threads| ScanJob { table: server.url().to_owned(), threads, verify };
    let archive = asked.folder.path().join("table.zip");
    match client {
        Client::Raw(threads) => Ok(Ok(launcher.run(&Job::ScanRaw(job(threads)), cores)?)),
        Client::Typed(threads) => Ok(Ok(launcher.run(&Job::ScanTyped(job(threads)), cores)?)),
        Client::Boto3 => {
            let mut command = match peers.python("boto3_csv.py") {
                Ok(command) => command,
                Err(why) => return Ok(Err(why.to_owned())),
            };
            command.extend(["--table", server.url(), "--pages", &BOTO3_PAGES.to_string()].map(OsString::from));
            command.extend([OsString::from("--archive"), archive.clone().into()]);
            let run: Result<Run> = launcher.run_script(&command, cores);
            Ok(match run {
                Ok(mut run) => {
                    archives::inspect(&archive, &mut run)?;
                    Ok(run)
                }
                Err(error) => Err(format!("{error:#}")),
            })
        }
        Client::Dynein => Ok(Err(WITHOUT_DYNEIN.to_owned())),
    }
}
