//! Manifests: workspace lints everywhere, versions in one place, each with the reason it is there.

use anyhow::{Context as _, Result};
use toml::{Table, Value};

use crate::repository::{read, room};

/// The fields that every package takes from the workspace.
const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

/// Rooms whose binary or library has a name of its own reason are packages `waybill-<room>`; functions are not.
fn expected_name(folder: &str) -> String {
    folder.strip_prefix("functions/").map_or_else(|| format!("waybill-{}", room(folder)), str::to_owned)
}

fn violations(folder: &str, manifest: &Table) -> Vec<String> {
    let mut found = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            found.push(format!("{folder}: {what}"));
        }
    };
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    expect(lints == Some(&Value::Boolean(true)), "the lints are not the workspace's".to_owned());
    let package = manifest.get("package").and_then(Value::as_table).cloned().unwrap_or_default();
    let name = expected_name(folder);
    expect(package.get("name").and_then(Value::as_str) == Some(&name), format!("the package is not named {name}"));
    for field in INHERITED {
        let inherited = package.get(field).and_then(|value| value.get("workspace")) == Some(&Value::Boolean(true));
        expect(inherited, format!("{field} is not the workspace's"));
    }
    for (table, name, dependency) in dependencies(manifest) {
        let shared = dependency.get("workspace") == Some(&Value::Boolean(true));
        expect(shared, format!("{name} in [{table}] has a version of its own"));
    }
    found
}

/// Every dependency, of every kind and for every target, with the name of its table.
fn dependencies(manifest: &Table) -> Vec<(String, &String, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let targets = targets.filter_map(|(_, target)| target.as_table());
    let mut found = Vec::new();
    for scope in std::iter::once(manifest).chain(targets) {
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let entries = scope.get(table).and_then(Value::as_table).into_iter().flatten();
            found.extend(entries.map(|(name, dependency)| (table.to_owned(), name, dependency)));
        }
    }
    found
}

/// Lines of `[workspace.dependencies]` that name a foreign crate and do not say what it is for.
fn unexplained(workspace: &str) -> Vec<String> {
    let section = workspace.split("\n[workspace.dependencies]\n").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let lines = section.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let foreign = lines.filter(|line| !line.contains("path = "));
    foreign.filter(|line| !line.contains(" # ")).map(str::to_owned).collect()
}

#[test]
fn members_take_lints_and_versions_from_the_workspace() -> Result<()> {
    let workspace: Table = read("Cargo.toml")?.parse()?;
    let members = workspace["workspace"]["members"].as_array().context("the workspace has no members")?;
    assert!(members.len() > 10, "members are missing");
    for member in members.iter().filter_map(Value::as_str) {
        let manifest: Table = read(format!("{member}/Cargo.toml"))?.parse()?;
        assert_eq!(violations(member, &manifest), Vec::<String>::new());
    }
    Ok(())
}

#[test]
fn every_dependency_says_what_it_is_for() -> Result<()> {
    assert_eq!(unexplained(&read("Cargo.toml")?), Vec::<String>::new());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_on_its_own_is_found() -> Result<()> {
        let manifest: Table = "[package]\nname = \"domain\"\nversion = \"1.0.0\"\nedition.workspace = true\n\
            rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\
            [dependencies]\nserde = \"1\"\nbytes.workspace = true\n[target.'cfg(unix)'.dependencies]\nrustix = { version = \"1\" }\n"
            .parse()?;
        let expected = [
            "crates/domain: the lints are not the workspace's",
            "crates/domain: the package is not named waybill-domain",
            "crates/domain: version is not the workspace's",
            "crates/domain: serde in [dependencies] has a version of its own",
            "crates/domain: rustix in [dependencies] has a version of its own",
        ];
        assert_eq!(violations("crates/domain", &manifest), expected);
        Ok(())
    }

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let manifest = "[workspace]\n\n[workspace.dependencies]\n# Ours.\nx = { path = \"crates/x\" }\nhex = \"0.4\" # ids\nsha2 = \"0.11\"\n\n[profile.dev]\ndebug = 1\n";
        assert_eq!(unexplained(manifest), ["sha2 = \"0.11\""]);
    }
}
