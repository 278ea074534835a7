//! The binary as a person meets it: its help, its version, its refusals.

use std::io;
use std::process::{Command, Output, Stdio};

fn waybill(arguments: &[&str]) -> io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_waybill")).args(arguments).stdin(Stdio::null()).output()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_lists_the_commands_and_hides_the_inner_one() {
    let output = waybill(&["--help"]).unwrap();
    assert!(output.status.success());
    let help = text(&output.stdout);
    for command in ["local", "demo", "bench"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))), "{command}: {help}");
    }
    assert!(!help.contains("bench-run"), "{help}");
}

#[test]
fn each_command_explains_itself_with_examples() {
    for command in ["local", "demo", "bench"] {
        let output = waybill(&[command, "--help"]).unwrap();
        assert!(output.status.success());
        assert!(text(&output.stdout).contains("Examples:"), "{command}");
    }
}

#[test]
fn the_version_is_told() {
    assert_eq!(text(&waybill(&["--version"]).unwrap().stdout), format!("waybill {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_port_in_use_is_an_error_of_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for command in [["local", "--ephemeral"], ["demo", "--exit"]] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_waybill"));
        let output = child.args(command).args(["--port", &port]).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let error = text(&output.stderr);
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.starts_with(&format!("error: port {port} ")), "{error}");
    }
}

#[test]
fn a_folder_of_another_version_is_an_error_of_one_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("version"), "99\n").unwrap();
    let data = folder.path().to_str().unwrap();
    let output = waybill(&["local", "--port", "0", "--data", data]).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.lines().count() == 1 && error.contains("another version of Waybill"), "{error}");
}

#[test]
fn a_log_filter_that_is_none_is_refused() {
    let output = waybill(&["local", "--log", "waybill=loudly"]).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("error: the log filter does not parse"));
}

#[test]
fn a_small_benchmark_measures_everything_and_all_sides_agree() {
    let small = ["--quick", "--records", "1500", "--rounds", "1", "--large", "4", "--no-peers", "--json"];
    let output = waybill(&[&["bench"][..], &small].concat()).unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let sections = report["sections"].as_array().unwrap();
    let names: Vec<&str> = sections.iter().map(|section| section["name"].as_str().unwrap()).collect();
    for name in ["P1", "P2", "P3", "P4", "P5", "P7"] {
        assert!(names.contains(&name), "{names:?}");
    }
    for section in sections {
        assert_eq!(section["differences"], serde_json::json!([]), "{section}");
        assert!(section["rows"].as_array().is_some_and(|rows| rows.len() > 1), "{section}");
    }
    let race = sections[0]["rows"].as_array().unwrap();
    let left_out = race.iter().filter(|row| row.to_string().contains("not measured: left out")).count();
    assert!(left_out > 0 && left_out < race.len(), "{race:?}");
}
