//! Ctrl-C and SIGTERM, with the real binary: it waits for its spec on standard input.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn waiting_dp() -> Child {
    let child = Command::new(env!("CARGO_BIN_EXE_dp"))
        .args(["run", "-", "--out", "a b"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("dp starts");
    until("dp listens for signals", || {
        caught(child.id()) & (1 << (2 - 1)) != 0 && caught(child.id()) & (1 << (15 - 1)) != 0
    });
    child
}

/// The signals for which the process has a handler, as the kernel's bit mask.
fn caught(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux tells of its processes");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("the mask is there");
    u64::from_str_radix(mask.trim(), 16).expect("it is hexadecimal")
}

/// Waits for a condition that comes within moments or never.
fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::yield_now();
    }
}

fn send(child: &Child, signals: &str) {
    let script =
        signals.split(' ').map(|s| format!("kill -{s} {}; ", child.id())).collect::<Vec<_>>().concat();
    assert!(Command::new("/bin/sh").args(["-c", &script]).status().expect("sh starts").success());
}

/// Exit code and standard error; standard input stays open meanwhile.
fn end(mut child: Child) -> (Option<i32>, String) {
    let mut text = String::new();
    let mut stderr = child.stderr.take().expect("it is piped");
    stderr.read_to_string(&mut text).expect("dp prints UTF-8");
    let stdin = child.stdin.take();
    let code = child.wait().expect("dp ends").code();
    drop(stdin);
    (code, text)
}

#[test]
fn one_signal_ends_the_run_within_about_a_second_and_says_how_to_resume() {
    for signal in ["INT", "TERM"] {
        let child = waiting_dp();
        let start = Instant::now();
        send(&child, signal);
        let (code, text) = end(child);
        assert_eq!(code, Some(75), "{text}");
        assert_eq!(text, "error: interrupted\nhint: to go on where it stopped: dp run - --out 'a b'\n");
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let child = waiting_dp();
    let start = Instant::now();
    // The kernel merges two equal signals that are both pending.
    send(&child, "INT TERM");
    let (code, text) = end(child);
    assert_eq!(code, Some(75), "{text}");
    assert!(start.elapsed() < Duration::from_millis(800), "{:?}", start.elapsed());
}
