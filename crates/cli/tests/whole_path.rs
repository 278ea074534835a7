//! The demo as a stranger meets it: one command, an archive, a stack that runs until it is told to stop, and starts again.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

fn demo(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waybill"));
    command.args(["demo", "--port", "0", "--data"]).arg(data).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Ends a process that a failed test leaves.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn downloads(data: &Path) -> std::io::Result<Vec<PathBuf>> {
    std::fs::read_dir(data.join("downloads"))?.map(|entry| entry.map(|entry| entry.path())).collect()
}

#[test]
fn demo_leaves_a_checked_archive_and_a_running_stack_that_stops_and_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("state");
    let mut running = Running(demo(&data, &[]).spawn().unwrap());
    let mut output = BufReader::new(running.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let shown: Vec<String> = output.by_ref().take_while(|line| !line.starts_with("Ctrl-C")).collect();
    let shown = shown.join("\n");
    assert!(shown.contains("Checked: ") && shown.contains(" 28,298 records."), "{shown}");
    assert!(shown.contains("Waybill is running at http://127.0.0.1:"), "{shown}");
    let archives = downloads(&data).unwrap();
    assert_eq!(archives.len(), 1);
    assert!(shown.contains(archives[0].to_str().unwrap()), "{shown}");
    let stack = data.join("stack.json");
    assert_eq!(std::fs::metadata(&stack).unwrap().permissions().mode() & 0o777, 0o600);
    let info: serde_json::Value = serde_json::from_slice(&std::fs::read(&stack).unwrap()).unwrap();
    for secret in ["adminKey", "memberKey", "operatorKey"] {
        assert!(shown.contains(info[secret].as_str().unwrap()), "{secret}");
    }

    let locked = demo(&data, &["--exit"]).status().unwrap();
    assert_eq!(locked.code(), Some(1), "another stack has the folder");
    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(running.0.wait().unwrap().code(), Some(0));

    let again = demo(&data, &["--exit", "--format", "ndjson"]).output().unwrap();
    let shown = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && shown.contains("airports.ndjson"), "{shown}");
    assert!(!shown.contains("is running at"), "{shown}");
    assert_eq!(downloads(&data).unwrap().len(), 2);
}
