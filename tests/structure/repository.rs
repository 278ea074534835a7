//! Where the repository lies, what files it has, and what Cargo says about it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::{Metadata, MetadataCommand, Package};

/// Folders that are made, not written.
const MADE: [&str; 5] = [".git", "target", ".aws-sam", ".waybill", "node_modules"];

/// The top of the work tree.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// The text of the file at `path`, relative to the top.
pub(crate) fn read(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    fs::read_to_string(root().join(path)).with_context(|| format!("{} cannot be read", path.display()))
}

/// Every file below `folder` (relative to the top) with the given extension, relative to the top, sorted.
pub(crate) fn files(folder: &str, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = all_files(folder)?;
    found.retain(|path| path.extension().is_some_and(|found| found == extension));
    Ok(found)
}

/// Every file below `folder`, likewise.
pub(crate) fn all_files(folder: &str) -> Result<Vec<PathBuf>> {
    let top = root();
    let mut found = Vec::new();
    let mut waiting = vec![top.join(folder)];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("{} cannot be listed", next.display()))? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !path.is_dir() {
                found.push(path.strip_prefix(&top)?.to_path_buf());
            } else if !MADE.contains(&name) {
                waiting.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What `cargo metadata` says, for the machine that the tests run on: other platforms' crates need not be here.
pub(crate) fn metadata() -> Result<Metadata> {
    let version = Command::new("rustc").arg("-vV").current_dir(root()).output()?;
    ensure!(version.status.success(), "rustc does not tell its version");
    let version = String::from_utf8(version.stdout)?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let options = ["--locked".to_owned(), "--filter-platform".to_owned(), host.to_owned()];
    Ok(MetadataCommand::new().manifest_path(root().join("Cargo.toml")).other_options(options).exec()?)
}

/// The folder of a package of ours, relative to the top: `crates/domain`, `functions/exporter`, `tests`.
pub(crate) fn folder(metadata: &Metadata, package: &Package) -> String {
    let folder = package.manifest_path.parent().unwrap_or(&package.manifest_path);
    folder.strip_prefix(&metadata.workspace_root).unwrap_or(folder).to_string()
}

/// The name of a room: `domain` for `crates/domain`, `functions/exporter` for a function, `tests`.
pub(crate) fn room(folder: &str) -> &str {
    folder.strip_prefix("crates/").unwrap_or(folder)
}

/// The functions, in the order of the workspace's members.
pub(crate) fn functions() -> Result<Vec<String>> {
    let manifest: toml::Table = read("Cargo.toml")?.parse()?;
    let members = manifest["workspace"]["members"].as_array().context("the workspace has no members")?;
    let names = members.iter().filter_map(|member| member.as_str()?.strip_prefix("functions/"));
    Ok(names.map(str::to_owned).collect())
}
