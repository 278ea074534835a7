//! What a room must never reach, over any number of steps: SDKs, runtimes and the network from the inner rooms, and
//! what is never deployed from a function.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use cargo_metadata::{DependencyKind, Metadata};

use crate::repository::{folder, metadata, room};

/// Rooms without I/O: vocabulary, ports and use cases.
const INNER: [&str; 9] = ["record", "query", "schedule", "archive", "formats", "domain", "engine", "ports", "app"];

/// Crates that an inner room must not reach.
const OUTSIDE: [&str; 10] = [
    "http",
    "hyper",
    "reqwest",
    "tokio",
    "async-std",
    "smol",
    "rustls",
    "lambda_http",
    "lambda_runtime",
    "aws_lambda_events",
];

/// Rooms that are never deployed.
const NEVER_DEPLOYED: [&str; 4] = ["testkit", "local", "cli", "tests"];

/// Names of crates and the names of what each needs to be built for use (not for its tests).
type Graph = BTreeMap<String, BTreeSet<String>>;

fn is_outside(name: &str) -> bool {
    OUTSIDE.contains(&name) || name.starts_with("aws-") || name.starts_with("lambda_")
}

/// The shortest chain of dependencies from `start` to a crate that `forbidden` accepts, if there is one.
fn chain(graph: &Graph, start: &str, forbidden: impl Fn(&str) -> bool) -> Option<Vec<String>> {
    let mut seen = BTreeSet::from([start.to_owned()]);
    let mut waiting = std::collections::VecDeque::from([vec![start.to_owned()]]);
    while let Some(path) = waiting.pop_front() {
        let last = path.last()?;
        if path.len() > 1 && forbidden(last) {
            return Some(path);
        }
        for next in graph.get(last).into_iter().flatten() {
            if seen.insert(next.clone()) {
                let mut longer = path.clone();
                longer.push(next.clone());
                waiting.push_back(longer);
            }
        }
    }
    None
}

fn graph(metadata: &Metadata) -> Graph {
    let name = |id: &cargo_metadata::PackageId| metadata[id].name.to_string();
    let mut graph = Graph::new();
    for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
        let needed = node
            .deps
            .iter()
            .filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
        graph.entry(name(&node.id)).or_default().extend(needed.map(|dependency| name(&dependency.pkg)));
    }
    graph
}

fn packages_of(metadata: &Metadata, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let packages = metadata.workspace_packages().into_iter();
    let packages = packages.filter(|package| wanted(room(&folder(metadata, package))));
    packages.map(|package| package.name.to_string()).collect()
}

#[test]
fn inner_rooms_reach_no_sdk_no_runtime_and_no_network() -> Result<()> {
    let metadata = metadata()?;
    let graph = graph(&metadata);
    let inner = packages_of(&metadata, |room| INNER.contains(&room));
    assert!(inner.len() >= 8, "inner rooms are missing: {inner:?}");
    for package in inner {
        assert_eq!(chain(&graph, &package, is_outside), None);
    }
    Ok(())
}

#[test]
fn functions_reach_nothing_that_is_never_deployed() -> Result<()> {
    let metadata = metadata()?;
    let graph = graph(&metadata);
    let never = packages_of(&metadata, |room| NEVER_DEPLOYED.contains(&room));
    assert_eq!(never.len(), NEVER_DEPLOYED.len());
    let functions = packages_of(&metadata, |room| room.starts_with("functions/"));
    assert!(functions.len() >= 4, "functions are missing: {functions:?}");
    for package in functions {
        assert_eq!(chain(&graph, &package, |name| never.iter().any(|never| never == name)), None);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_reached_over_another_is_found() {
        let pairs = [("app", "ports"), ("ports", "bytes"), ("ports", "x"), ("x", "aws-config"), ("bytes", "ports")];
        let mut graph = Graph::new();
        for (from, to) in pairs {
            graph.entry(from.to_owned()).or_default().insert(to.to_owned());
        }
        let expected = ["app", "ports", "x", "aws-config"].map(str::to_owned).to_vec();
        assert_eq!(chain(&graph, "app", is_outside), Some(expected));
        graph.remove("x");
        assert_eq!(chain(&graph, "app", is_outside), None);
        assert!(is_outside("lambda_extension") && is_outside("http") && !is_outside("http-body"));
    }
}
