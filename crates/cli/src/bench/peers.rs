//! Other programs that do the same: their scripts, and what of them can be had here.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::terminal;

/// The scripts, by name: they travel with this program and are put beside the data.
const SCRIPTS: [(&str, &str); 5] = [
    ("peers.sh", include_str!("../../../../benches/peers.sh")),
    ("requirements.txt", include_str!("../../../../benches/requirements.txt")),
    ("duckdb_csv.py", include_str!("../../../../benches/duckdb_csv.py")),
    ("python_csv.py", include_str!("../../../../benches/python_csv.py")),
    ("boto3_csv.py", include_str!("../../../../benches/boto3_csv.py")),
];

/// What was found of the peers.
#[derive(Debug)]
pub(super) struct Peers {
    scripts: PathBuf,
    tools: BTreeMap<String, Result<PathBuf, String>>,
}

impl Peers {
    /// Nobody, for this reason.
    pub(super) fn none(why: &str) -> Self {
        let tools = ["python", "pigz", "zip"].map(|tool| (tool.to_owned(), Err(why.to_owned())));
        Self { scripts: PathBuf::new(), tools: tools.into() }
    }

    /// Puts the scripts into `folder` and lets them install what they need beside this program.
    pub(super) fn install(folder: &Path) -> Result<Self> {
        for (name, text) in SCRIPTS {
            fs::write(folder.join(name), text)?;
        }
        let program = std::env::current_exe().context("this program cannot find itself")?;
        let beside = program.parent().context("this program lies nowhere")?.join("peers");
        terminal::note(format!("what other programs need is installed in {} ...", beside.display()));
        let mut command = Command::new("bash");
        command.arg(folder.join("peers.sh")).arg(&beside).arg(folder.join("requirements.txt"));
        let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let mut peers = Self::none("its script does not run here");
        folder.clone_into(&mut peers.scripts);
        if let Ok(output) = output {
            peers.tools.extend(found(&String::from_utf8_lossy(&output.stdout)));
        }
        Ok(peers)
    }

    /// Where a tool is, or why it is not.
    pub(super) fn tool(&self, name: &str) -> Result<&Path, &str> {
        match self.tools.get(name) {
            Some(Ok(path)) => Ok(path),
            Some(Err(why)) => Err(why),
            None => Err("nobody has looked for it"),
        }
    }

    /// The beginning of a command: the interpreter and one of the scripts.
    pub(super) fn python(&self, script: &str) -> Result<Vec<OsString>, &str> {
        Ok(vec![self.tool("python")?.into(), self.scripts.join(script).into()])
    }
}

/// Reads what the script prints: `NAME<tab>PATH`, or `NAME<tab>-<tab>REASON`.
fn found(printed: &str) -> BTreeMap<String, Result<PathBuf, String>> {
    let fields = printed.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let tools = fields.filter_map(|fields| match fields[..] {
        [name, "-", why] => Some((name.to_owned(), Err(why.to_owned()))),
        [name, path] => Some((name.to_owned(), Ok(PathBuf::from(path)))),
        _ => None,
    });
    tools.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_there_or_it_is_said_why_not() {
        let mut peers = Peers::none("left out");
        peers.tools.extend(found("noise\npigz\t/usr/bin/pigz\nzip\t-\tno way\n"));
        assert_eq!(peers.tool("pigz"), Ok(Path::new("/usr/bin/pigz")));
        assert_eq!(peers.tool("zip"), Err("no way"));
        assert_eq!(peers.python("duckdb_csv.py"), Err("left out"));
    }

    #[test]
    fn scripts_are_valid_where_their_interpreters_are() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in SCRIPTS {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            let checked = match path.extension().and_then(|end| end.to_str()) {
                Some("sh") => Command::new("bash").arg("-n").arg(&path).status(),
                Some("py") => Command::new("python3").args(["-m", "py_compile"]).arg(&path).status(),
                _ => continue,
            };
            assert!(checked.is_ok_and(|status| status.success()), "{name}");
        }
    }
}
