//! What the command line says of itself, and its exit codes for wrong usage: the real binary.

use std::process::{Command, Output};

mod support;

fn dp(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dp")).args(args).output().expect("dp starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("dp prints UTF-8")
}

#[test]
fn help_of_every_command() {
    let commands = [
        "run",
        "sql",
        "plan",
        "render",
        "submit",
        "status",
        "wait",
        "logs",
        "list",
        "retry",
        "cancel",
        "gc",
        "trigger",
        "backfill",
        "doctor",
        "rbac",
        "schema",
        "completions",
    ];
    for command in commands {
        let output = dp(&[command, "--help"]);
        assert!(output.status.success() && output.stderr.is_empty(), "{command}");
        support::golden(&format!("help/{command}.txt"), &text(&output.stdout));
    }
    support::golden("help/dp.txt", &text(&dp(&["--help"]).stdout));
}

#[test]
fn version_is_the_packages() {
    assert_eq!(text(&dp(&["--version"]).stdout), concat!("dp ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_usage_is_exit_2_with_nothing_on_stdout() {
    let golden = [
        ("unknown-command", vec!["rum"]),
        ("unknown-flag", vec!["run", "job.yaml", "--thread", "2"]),
        ("no-job", vec!["run"]),
        ("bad-size", vec!["run", "job.yaml", "--memory", "4Q"]),
        ("no-such-spec", vec!["run", "no-such-job.yaml"]),
        ("values-without-spec", vec!["run", "--run", "/no/such/run", "--set", "a=1"]),
    ];
    for (name, args) in golden {
        let output = dp(&args);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(output.stdout.is_empty(), "{name}");
        support::golden(&format!("usage/{name}.txt"), &text(&output.stderr));
    }
}

#[test]
fn a_wrong_test_hook_is_refused() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dp"));
    let output =
        command.args(["sql", "SELECT 1"]).env("DP_TEST_KILL_AT", "nowhere").output().expect("dp starts");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[test]
fn errors_are_json_lines_with_json_progress() {
    let output = dp(&["run", "no-such-job.yaml", "--progress", "json"]);
    let line: serde_json::Value = serde_json::from_slice(&output.stderr).expect("one JSON object");
    assert_eq!((line["event"].as_str(), line["exitCode"].as_u64()), (Some("error"), Some(2)));
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = text(&dp(&["completions", shell]).stdout);
        assert!(script.contains("status") && script.contains("memory"), "{shell}");
    }
}

#[test]
fn the_schema_is_json() {
    let schema: serde_json::Value = serde_json::from_slice(&dp(&["schema"]).stdout).expect("it is JSON");
    assert!(schema["$schema"].is_string());
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dp"))
        .args(["completions", "zsh"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("dp starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("dp ends");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}
