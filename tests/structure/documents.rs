//! `README.md` and `ARCHITECTURE.md` name only what is there: files, folders and crates.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use crate::repository::{all_files, metadata, read, root};

/// The documents whose every path is resolved.
const DOCUMENTS: [&str; 2] = ["README.md", "ARCHITECTURE.md"];

/// How files end that are named without a folder.
const SUFFIXES: [&str; 8] = [".rs", ".md", ".toml", ".yaml", ".yml", ".json", ".lock", ".sh"];

/// How names begin that have a slash and are no paths of the repository: media types, keys in the bucket, what a
/// build or a run makes, entries of an archive.
const OTHER: [&str; 9] =
    ["application/", "text/", "archives/", "work/", "files/", "target/", ".waybill", "stack.json", "manifest.json"];

/// The texts between backticks, outside fenced blocks.
fn spans(document: &str) -> Vec<&str> {
    let unfenced = document.split("\n```").step_by(2);
    let spans = unfenced.flat_map(|text| text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)));
    spans.collect()
}

/// The targets of links that stay inside the repository, without their anchors.
fn links(document: &str) -> Vec<&str> {
    let targets = document.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let inside = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    inside.filter_map(|target| target.split('#').next()).collect()
}

fn is_path(span: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
    let named = SUFFIXES.iter().any(|suffix| span.ends_with(suffix)) || span.contains('/');
    named
        && !span.is_empty()
        && !span.starts_with('/')
        && span.chars().all(plain)
        && span.chars().any(|letter| letter.is_ascii_alphabetic())
        && !OTHER.iter().any(|prefix| span.starts_with(prefix))
}

/// The crate that a span names: `waybill-domain`, or `waybill_domain` in a path of items.
fn crate_name(span: &str) -> Option<String> {
    let name = span.split("::").next()?;
    let named = name.starts_with("waybill-") || name.starts_with("waybill_");
    let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter));
    (named && plain).then(|| name.replace('_', "-"))
}

fn violations(document: &str, exists: impl Fn(&str) -> bool, crates: &BTreeSet<String>) -> Vec<String> {
    let spans = spans(document);
    let paths = spans.iter().copied().filter(|span| is_path(span)).chain(links(document));
    let gone = paths.filter(|path| !exists(path)).map(|path| format!("{path} is not there"));
    let named = spans.iter().filter_map(|span| crate_name(span));
    let unknown = named.filter(|name| !crates.contains(name)).map(|name| format!("{name} is no crate of ours"));
    gone.chain(unknown).collect()
}

#[test]
fn documents_name_only_what_is_there() -> Result<()> {
    let metadata = metadata()?;
    let crates = metadata.workspace_packages().into_iter().map(|package| package.name.to_string()).collect();
    let mut names = BTreeSet::new();
    for folder in ["crates", "functions", "tests", "infra"] {
        names.extend(all_files(folder)?.iter().filter_map(|path| path.file_name().map(ToOwned::to_owned)));
    }
    for name in DOCUMENTS {
        let document = read(name)?;
        assert!(spans(&document).iter().any(|span| is_path(span)), "{name} names no path at all");
        // A name without a folder stands for every file that is called so.
        let exists = |path: &str| root().join(path).exists() || names.contains(Path::new(path).as_os_str());
        assert_eq!(violations(&document, exists, &crates), Vec::<String>::new(), "{name}");
    }
    Ok(())
}

#[test]
fn the_readme_has_one_command_to_run_and_one_to_test() -> Result<()> {
    let readme = read("README.md")?;
    for heading in ["Run", "Test"] {
        assert_eq!(commands(&readme, heading).len(), 1, "## {heading}");
    }
    Ok(())
}

/// The lines of the first fenced block below a heading of the second level.
fn commands<'a>(document: &'a str, heading: &str) -> Vec<&'a str> {
    let section = document.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let block = section.split("```").nth(1).unwrap_or_default();
    block.lines().skip(1).filter(|line| !line.trim().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_gone_and_a_crate_that_never_was_are_found() {
        let document = "See `crates/gone`, `crates/here`, `lib.rs`, `/v1/x`, `text/csv`, `{org}/v2` and `a b/c`.\n\
            Uses `waybill-domain`, `waybill_nothing::Thing`. [a](docs/gone.md#x) [b](https://example.com/y) [c](#z)\n\
            ```sh\ncat `crates/fenced`\n```\n`crates/after`\n";
        let crates = BTreeSet::from(["waybill-domain".to_owned()]);
        let found = violations(document, |path| path == "crates/here", &crates);
        let expected = [
            "crates/gone is not there",
            "lib.rs is not there",
            "crates/after is not there",
            "docs/gone.md is not there",
            "waybill-nothing is no crate of ours",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn commands_are_those_of_their_own_section() {
        let document = "# X\n\n## Run\n\nText.\n\n```sh\ncargo run\n```\n\n## Test\n\n```sh\na\nb\n```\n";
        assert_eq!(commands(document, "Run"), ["cargo run"]);
        assert_eq!(commands(document, "Test"), ["a", "b"]);
        assert!(commands(document, "Tour").is_empty());
    }
}
