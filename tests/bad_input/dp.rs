//! The real binary in a folder of its own, and what is checked of its end.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use regex::Regex;
use tempfile::TempDir;

use crate::support::golden;

/// A folder with inputs, in which `dp` runs.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and the folders above it.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
        fs::write(&path, content).expect("a file");
        path
    }

    /// Writes the spec `job.yaml` of a statement over an input into the folder `out`.
    pub fn job(&self, input: &str, sql: &str, rest: &str) {
        let text = format!(
            "apiVersion: dp.dev/v1alpha1\nkind: DataJob\nmetadata: {{ name: job }}\nspec:\n  input: {input}\n  sql: \
             \"{sql}\"\n  output: {{ url: out/, format: csv }}\n{rest}"
        );
        self.file("job.yaml", text);
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dp"));
        command.current_dir(self.path()).args(args);
        command
    }

    pub fn dp(&self, args: &[&str]) -> Ended {
        self.end(self.command(args))
    }

    pub fn sql(&self, sql: &str) -> Ended {
        self.dp(&["sql", sql, "--progress", "none"])
    }

    /// Runs `job.yaml`.
    pub fn run(&self) -> Ended {
        self.dp(&["run", "job.yaml", "--progress", "none"])
    }

    pub fn end(&self, mut command: Command) -> Ended {
        let output = command.output().expect("the command starts");
        Ended { output, folder: self.path().to_owned() }
    }

    /// Names at the top of `out` that a reader's glob takes, sorted.
    pub fn published(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path().join("out")) else { return Vec::new() };
        let names = entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|n| !n.starts_with("_dp") && !n.starts_with('.')).collect();
        names.sort();
        names
    }

    /// Nothing in `out`, however deep, may look like a result.
    pub fn nothing_published(&self) {
        assert_eq!(self.published(), Vec::<String>::new());
        let mut folders = vec![self.path().join("out")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
                let data = ["csv", "parquet", "jsonl", "arrow", "gz", "zst"].contains(&extension);
                assert!(!data, "left over: {}", path.display());
            }
        }
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    output: Output,
    folder: PathBuf,
}

impl Ended {
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Standard error, the same wherever and whenever the test runs.
    pub fn stderr(&self) -> String {
        let text = String::from_utf8_lossy(&self.output.stderr).into_owned();
        let text = text.replace(&*self.folder.to_string_lossy(), "<tmp>");
        let digests = Regex::new(r"\b(job|sql)-[0-9a-f]{8}\b").expect("a pattern");
        let ids = Regex::new(r"\b[0-9a-f]{32}\b").expect("a pattern");
        ids.replace_all(&digests.replace_all(&text, "$1-<plan>"), "<id>").into_owned()
    }

    /// The exit code; a process that a signal ended is a failure of the test.
    pub fn code(&self) -> i32 {
        let status = self.output.status;
        let text = self.stderr();
        assert!(status.signal().is_none(), "ended by {status}: {text}");
        assert!(!text.contains("panicked") && !text.contains("defect of dp"), "{text}");
        status.code().expect("no signal")
    }

    /// It worked; gives standard output.
    pub fn works(&self) -> String {
        assert_eq!(self.code(), 0, "{}", self.stderr());
        self.stdout()
    }

    /// The values of a one-column, one-row result, as the last line of its table has them.
    pub fn cells(&self) -> Vec<String> {
        let text = self.works();
        let row =
            text.lines().filter(|l| l.starts_with('|')).nth(1).unwrap_or_else(|| panic!("no row: {text}"));
        row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    }

    /// It failed with `code` and says what the golden file says.
    pub fn fails(&self, name: &str, code: i32) {
        let text = format!("exit {}\n{}", self.code(), self.stderr());
        assert!(self.code() == code, "{name}: not {code}, but {text}");
        assert!(self.output.stdout.is_empty(), "{name}: {}", self.stdout());
        golden(&format!("bad_input/{name}.err"), &text);
    }
}
