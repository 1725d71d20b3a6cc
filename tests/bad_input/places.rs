//! Places: no right to read or write, full disks, files that change, outputs that are taken.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;

use crate::dp::{Ended, Folder};
use crate::parquet_files::{integers, nested};

fn mode(path: PathBuf, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

/// Says loudly that a case was left out: on standard error, past the capture of the test harness.
fn left_out(what: &str) {
    let _ = writeln!(std::io::stderr(), "LEFT OUT, not tested here: {what}");
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

/// `dp` as a user without special rights; `None` where this process cannot become one.
fn unprivileged(folder: &Folder, args: &[&str]) -> Option<Ended> {
    if !is_root() {
        return Some(folder.dp(args));
    }
    let binary = folder.path().join("dp");
    if !binary.exists() {
        // The build's folder may not be open to others.
        fs::copy(env!("CARGO_BIN_EXE_dp"), &binary).expect("a copy");
        mode(folder.path().to_owned(), 0o755);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&binary).args(args);
    command.current_dir(folder.path()).env("TMPDIR", "/tmp").env("HOME", "/");
    let there =
        Command::new("setpriv").args(["--reuid", "65534", "true"]).status().is_ok_and(|s| s.success());
    if !there {
        left_out("reading and writing without permission (no setpriv)");
    }
    there.then(|| folder.end(command))
}

#[test]
fn what_may_not_be_read_or_written_is_named() {
    let folder = Folder::new();
    mode(folder.file("secret.csv", "a\n1\n"), 0o000);
    folder.file("secrets/a.csv", "a\n1\n");
    mode(folder.path().join("secrets"), 0o000);
    folder.file("t.csv", "a\n1\n");
    folder.job("{ url: t.csv }", "SELECT a FROM input", "");
    fs::create_dir(folder.path().join("out")).expect("a folder");
    mode(folder.path().join("out"), 0o555);
    let sql = |url: &str| format!("SELECT a FROM '{url}'");
    for (name, args) in [
        ("file", &["sql", &sql("secret.csv"), "--progress", "none"][..]),
        ("folder", &["sql", &sql("secrets/"), "--progress", "none"]),
        ("glob", &["sql", &sql("secrets/*.csv"), "--progress", "none"]),
        ("output", &["run", "job.yaml", "--progress", "none"]),
    ] {
        if let Some(ended) = unprivileged(&folder, args) {
            ended.fails(&format!("places/no-permission-{name}"), 11);
        }
    }
    mode(folder.path().join("secrets"), 0o755);
    folder.nothing_published();
}

#[test]
fn outputs_that_are_taken_are_left_alone() {
    let folder = Folder::new();
    folder.file("t.csv", "a\n1\n");
    folder.job("{ url: t.csv }", "SELECT a FROM input", "");
    let out = folder.file("out/notes.txt", "mine");
    folder.run().fails("places/output-of-others", 11);
    assert_eq!(fs::read(&out).expect("a file"), b"mine");
    fs::remove_dir_all(folder.path().join("out")).expect("a folder");

    let file = folder.file("out", "mine");
    folder.run().fails("places/output-is-a-file", 11);
    folder.job("{ url: t.csv }", "SELECT a FROM input", "  work: { url: runs/ }\n");
    folder.run().fails("places/output-is-a-file-with-work", 11);
    assert_eq!(fs::read(&file).expect("a file"), b"mine");
    fs::remove_file(&file).expect("a file");

    folder.job("{ url: t.csv }", "SELECT a FROM input", "");
    folder.run().works();
    let there = folder.published();
    folder.run().works();
    folder.job("{ url: t.csv }", "SELECT a + 1 AS a FROM input", "");
    folder.run().fails("places/output-of-another-run", 11);
    assert_eq!(folder.published(), there);

    folder.file("x.csv/notes.txt", "");
    folder.sql("SELECT * FROM 'x.csv'").fails("places/folder-for-a-file", 2);
}

#[test]
fn a_schema_that_the_format_cannot_hold_is_refused() {
    let folder = Folder::new();
    nested(&folder.path().join("t.parquet"));
    for (name, sql) in [
        ("nested-list", "SELECT l FROM input"),
        ("nested-struct", "SELECT n, s FROM input"),
        ("nested-made", "SELECT array_agg(n) AS ns FROM input"),
    ] {
        folder.job("{ url: t.parquet }", sql, "");
        folder.run().fails(&format!("places/{name}"), 2);
        folder.nothing_published();
    }
}

/// Freezes the plan of `job.yaml` and gives its run's name.
fn freeze(folder: &Folder) -> String {
    folder.dp(&["plan", "job.yaml", "--freeze", "--progress", "none"]).works();
    let runs = fs::read_dir(folder.path().join("out/_dp")).expect("a run's folder");
    let names = runs.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned());
    let name = names.into_iter().find(|n| n.starts_with("job-")).expect("a run");
    format!("out/_dp/{name}/")
}

#[test]
fn a_file_that_changes_under_the_run_is_named() {
    for (kind, url) in [("csv", "t.csv"), ("parquet", "t.parquet")] {
        for change in ["appended", "replaced", "cut", "deleted", "a-folder", "touched"] {
            let folder = Folder::new();
            let path = folder.file("t.csv", "a\n1\n2\n3\n");
            let path = if kind == "csv" { path } else { folder.path().join(url) };
            if kind == "parquet" {
                integers(&path, 3000);
            }
            folder.job(&format!("{{ url: {url} }}"), "SELECT sum(a) AS a FROM input", "");
            let run = freeze(&folder);
            let mut content = fs::read(&path).expect("a file");
            fs::remove_file(&path).expect("a file");
            match change {
                "appended" => content.extend(b"4\n"),
                "replaced" => content[3] ^= 1,
                "cut" => content.truncate(content.len() / 2),
                _ => (),
            }
            match change {
                "deleted" => (),
                "a-folder" => fs::create_dir(&path).expect("a folder"),
                _ => fs::write(&path, content).expect("a file"),
            }
            folder
                .dp(&["run", "--run", &run, "--progress", "none"])
                .fails(&format!("places/{kind}-{change}"), 11);
            folder.nothing_published();
        }
    }
}

const LARGE: &str = "SELECT a, encode(sha256(CAST(a AS VARCHAR)), 'hex') AS h FROM input";

/// A file system of `bytes` at `out`, as long as it lives; `None` where it cannot be mounted.
struct Small(PathBuf);

impl Small {
    fn mount(at: PathBuf) -> Option<Self> {
        fs::create_dir_all(&at).expect("a folder");
        let mut mount = Command::new("mount");
        let done = mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&at).output();
        done.is_ok_and(|o| o.status.success()).then_some(Self(at))
    }

    fn grow(&self) {
        let status = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&self.0).status();
        assert!(status.expect("mount starts").success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_ends_the_run_and_with_space_it_goes_on() {
    let folder = Folder::new();
    integers(&folder.path().join("t.parquet"), 40_000);
    let Some(small) = Small::mount(folder.path().join("out")) else {
        return left_out("a full disk (no right to mount a small tmpfs)");
    };
    for sql in [
        LARGE,
        "SELECT a, count(*) AS n, max(encode(sha256(CAST(a AS VARCHAR)), 'hex')) AS h FROM input GROUP BY a",
    ] {
        folder.job("{ url: t.parquet }", sql, "");
        let ended = folder.run();
        assert_eq!(ended.code(), 11, "{}", ended.stderr());
        assert!(ended.stderr().contains("the disk is full"), "{}", ended.stderr());
        folder.nothing_published();
    }
    small.grow();
    let text = folder.run().works();
    assert!(text.contains("40,000 rows") || text.contains("40000 rows"), "{text}");
    drop(small);
}

#[test]
fn a_limit_of_file_sizes_ends_the_run() {
    let folder = Folder::new();
    integers(&folder.path().join("t.parquet"), 40_000);
    folder.job("{ url: t.parquet }", LARGE, "");
    let mut command = Command::new("sh");
    // 512 KiB; the signal is ignored so that the write fails instead.
    let script = format!(
        "trap '' XFSZ; ulimit -f 512; exec '{}' run job.yaml --progress none",
        env!("CARGO_BIN_EXE_dp")
    );
    command.args(["-c", &script]).current_dir(folder.path());
    let ended = folder.end(command);
    assert_eq!(ended.code(), 11, "{}", ended.stderr());
    assert!(ended.stderr().contains("larger than the file system or a limit allows"), "{}", ended.stderr());
    folder.nothing_published();
}
