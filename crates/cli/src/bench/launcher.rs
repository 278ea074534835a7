//! Processes of a benchmark: each measured run is one of its own, so that its memory and its processor time are.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::available_parallelism;

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;

use super::job::Job;

/// Starts this very program for a job, or a script, on so many cores.
#[derive(Debug)]
pub(super) struct Launcher {
    program: PathBuf,
    cores: usize,
    pins: bool,
}

impl Launcher {
    /// Looks what can be started here.
    pub(super) fn new() -> Result<Self> {
        let program = std::env::current_exe().context("this program cannot find itself")?;
        let cores = available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Ok(Self { program, cores, pins: is_there("taskset") })
    }

    /// Cores of this machine.
    pub(super) fn cores(&self) -> usize {
        self.cores
    }

    /// Whether processes can be kept to some of them; else the number of threads alone says how many are used.
    pub(super) fn pins(&self) -> bool {
        self.pins
    }

    fn command(&self, program: &OsStr, cores: usize) -> Command {
        let mut command = if self.pins && cores < self.cores {
            let mut command = Command::new("taskset");
            command.arg("-c").arg(format!("0-{}", cores.saturating_sub(1))).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.stderr(Stdio::inherit());
        command
    }

    /// Runs a job in a process of its own on at most `cores` cores.
    pub(super) fn run<T: DeserializeOwned>(&self, job: &Job, cores: usize) -> Result<T> {
        let mut command = self.command(self.program.as_os_str(), cores);
        command.arg("bench-run").arg(serde_json::to_string(job)?).stdin(Stdio::null());
        report(command).with_context(|| format!("the job {job:?}"))
    }

    /// Runs a script of a peer in the same way.
    pub(super) fn run_script<T: DeserializeOwned>(&self, arguments: &[OsString], cores: usize) -> Result<T> {
        let Some((program, rest)) = arguments.split_first() else { bail!("no script") };
        let mut command = self.command(program, cores);
        command.args(rest).stdin(Stdio::null());
        report(command).with_context(|| format!("the script {arguments:?}"))
    }

    /// Starts a server, which tells where it listens and then serves until it is ended.
    pub(super) fn serve(&self, job: &Job) -> Result<Server> {
        let mut command = self.command(self.program.as_os_str(), self.cores);
        command.arg("bench-run").arg(serde_json::to_string(job)?).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("a server cannot be started")?;
        let mut output = BufReader::new(child.stdout.take().context("a server has no output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let url = line.trim().to_owned();
        if url.is_empty() {
            bail!("a server did not start: {}", child.wait()?);
        }
        Ok(Server { child, output, url })
    }
}

/// Whether a program answers when it is called.
pub(super) fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn report<T: DeserializeOwned>(mut command: Command) -> Result<T> {
    let output = command.output().context("a process cannot be started")?;
    if !output.status.success() {
        bail!("ended with {}", output.status);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    serde_json::from_str(last).with_context(|| format!("reported something else: {last}"))
}

/// A server of the benchmark, in a process of its own. It ends when its standard input does, so it never outlives this
/// process.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    url: String,
}

impl Server {
    /// `http://127.0.0.1:<port>`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Ends it; it reports what it has seen.
    pub(super) fn end<T: DeserializeOwned>(mut self) -> Result<T> {
        drop(self.child.stdin.take());
        let mut text = String::new();
        self.output.read_to_string(&mut text)?;
        self.child.wait()?;
        serde_json::from_str(text.trim()).with_context(|| format!("a server reported something else: {text}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::super::job::Run;
    use super::*;

    #[test]
    fn the_last_line_of_a_script_is_its_report() {
        let launcher = Launcher { program: PathBuf::new(), cores: 2, pins: false };
        let script = ["sh", "-c", r#"echo noise; echo '{"secs": 2, "records": 7}'"#].map(OsString::from);
        let run: Run = launcher.run_script(&script, 1).unwrap();
        assert_eq!((run.secs, run.records), (2.0, 7));
        let failing = ["sh", "-c", "exit 3"].map(OsString::from);
        assert!(launcher.run_script::<Run>(&failing, 1).is_err());
    }

    #[test]
    fn what_does_not_exist_is_not_there() {
        assert!(!is_there("a-program-that-nobody-has"));
    }
}
