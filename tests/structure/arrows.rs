//! What a room may depend on: the table in `ARCHITECTURE.md` is the law, `cargo metadata` the evidence.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use cargo_metadata::DependencyKind;

use crate::repository::{folder, metadata, read, room};

/// Rooms and what each may depend on.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// One dependency of one room on another of ours.
struct Edge {
    from: String,
    to: String,
    kind: DependencyKind,
}

/// Reads the table below the heading `## Arrows`: a row names one or more rooms, then what they may depend on.
fn parse(document: &str) -> Result<Arrows> {
    let section = document.split("\n## Arrows\n").nth(1).context("there is no section of arrows")?;
    let section = section.split("\n## ").next().unwrap_or(section);
    let mut arrows = Arrows::new();
    for row in section.lines().filter(|line| line.starts_with('|')).skip(2) {
        let mut cells = row.trim_matches('|').split('|');
        let (Some(rooms), Some(targets)) = (cells.next(), cells.next()) else {
            anyhow::bail!("not a row of two cells: {row}");
        };
        for name in names(rooms) {
            anyhow::ensure!(!arrows.contains_key(&name), "{name} has two rows");
            arrows.insert(name, names(targets).collect());
        }
    }
    Ok(arrows)
}

fn names(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// The row of a room: its own, or that of its folder (`functions/*`).
fn row<'a>(arrows: &'a Arrows, room: &str) -> Option<&'a BTreeSet<String>> {
    arrows.get(room).or_else(|| arrows.get(&format!("{}/*", room.split_once('/')?.0)))
}

fn allows(targets: &BTreeSet<String>, to: &str) -> bool {
    targets.contains(to) || to.split_once('/').is_some_and(|(top, _)| targets.contains(&format!("{top}/*")))
}

fn violations(arrows: &Arrows, edges: &[Edge]) -> Vec<String> {
    let mut found = Vec::new();
    for Edge { from, to, kind } in edges {
        let Some(targets) = row(arrows, from) else {
            found.push(format!("{from} has no row in the table of arrows"));
            continue;
        };
        let for_tests_only = *kind == DependencyKind::Development && to == "testkit";
        if !allows(targets, to) && !for_tests_only {
            found.push(format!("{from} depends on {to}"));
        }
    }
    found
}

fn edges() -> Result<(Vec<String>, Vec<Edge>)> {
    let metadata = metadata()?;
    let packages = metadata.workspace_packages();
    let rooms: BTreeMap<&str, String> =
        packages.iter().map(|package| (package.name.as_str(), room(&folder(&metadata, package)).to_owned())).collect();
    let mut edges = Vec::new();
    for package in &packages {
        for dependency in &package.dependencies {
            if let Some(to) = rooms.get(dependency.name.as_str()) {
                let from = rooms[package.name.as_str()].clone();
                edges.push(Edge { from, to: to.clone(), kind: dependency.kind });
            }
        }
    }
    Ok((rooms.into_values().collect(), edges))
}

#[test]
fn rooms_depend_only_on_what_their_row_names() -> Result<()> {
    let arrows = parse(&read("ARCHITECTURE.md")?)?;
    let (_, edges) = edges()?;
    assert!(edges.len() > 10, "hardly any dependency was found: {}", edges.len());
    assert_eq!(violations(&arrows, &edges), Vec::<String>::new());
    Ok(())
}

#[test]
fn every_room_has_a_row_and_every_row_a_room() -> Result<()> {
    let arrows = parse(&read("ARCHITECTURE.md")?)?;
    let (rooms, _) = edges()?;
    for room in &rooms {
        assert!(row(&arrows, room).is_some(), "{room} has no row");
    }
    let stands = |name: &String| match name.strip_suffix("/*") {
        Some(top) => rooms.iter().any(|room| room.starts_with(&format!("{top}/"))),
        None => rooms.contains(name),
    };
    for name in arrows.keys().chain(arrows.values().flatten()) {
        assert!(stands(name), "the table names {name}, which is no room");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "# A\n\n## Arrows\n\nText.\n\n| room | may depend on |\n|---|---|\n| `record`, `schedule` | nothing |\n| `domain` | `record` |\n| `functions/*` | `domain` |\n| `local` | `functions/*` |\n\n## Next\n| `x` | `y` |\n";

    fn edge(from: &str, to: &str, kind: DependencyKind) -> Edge {
        Edge { from: from.to_owned(), to: to.to_owned(), kind }
    }

    #[test]
    fn an_arrow_that_is_not_in_the_table_is_found() -> Result<()> {
        let arrows = parse(DOCUMENT)?;
        assert_eq!(arrows.len(), 5);
        let normal = DependencyKind::Normal;
        let bad = [
            edge("record", "domain", normal),
            edge("functions/a", "functions/b", normal),
            edge("domain", "testkit", normal),
            edge("app", "domain", normal),
        ];
        assert_eq!(violations(&arrows, &bad).len(), bad.len());
        let good = [
            edge("domain", "record", normal),
            edge("functions/a", "domain", normal),
            edge("local", "functions/a", normal),
            edge("domain", "testkit", DependencyKind::Development),
        ];
        assert_eq!(violations(&arrows, &good), Vec::<String>::new());
        Ok(())
    }
}
