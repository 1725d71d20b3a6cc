//! A temporary folder for one test: specs, runs of the binary, and what they leave behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Where one test works. Removed at its end.
pub struct Place(TempDir);

impl Place {
    /// An empty folder.
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    /// A file or folder in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a spec. `blocks` is all of `spec:` but for the output, a YAML line each.
    pub fn spec(&self, name: &str, blocks: &[&str], output: &str) -> PathBuf {
        let file = self.path(&format!("{name}.yaml"));
        let head =
            format!("apiVersion: dp.dev/v1alpha1\nkind: DataJob\nmetadata: {{ name: {name} }}\nspec:\n");
        let body: String = blocks.iter().flat_map(|line| ["  ", line, "\n"]).collect();
        fs::write(&file, format!("{head}{body}  output: {{ {output} }}\n")).expect("a spec can be written");
        file
    }

    /// The binary with arguments; scratch files go to `scratch`, which exists.
    pub fn command(&self, args: &[&str]) -> Command {
        let binary = std::env::var_os("DP_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_dp").into());
        let scratch = self.path("scratch");
        fs::create_dir_all(&scratch).expect("a folder can be made");
        let mut command = Command::new(binary);
        command.args(args).current_dir(self.0.path()).env("TMPDIR", scratch);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the binary to its end.
    pub fn dp(&self, args: &[&str]) -> Ended {
        Ended(self.command(args).output().expect("dp starts"))
    }

    /// Runs the binary and kills it at a step.
    pub fn dp_killed_at(&self, step: &str, args: &[&str]) -> Ended {
        Ended(self.command(args).env("DP_TEST_KILL_AT", step).output().expect("dp starts"))
    }

    /// What is left in the scratch folder.
    pub fn scratch(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("scratch")).expect("the scratch folder is there");
        entries.map(|e| e.expect("an entry").path()).collect()
    }
}

/// A process that has ended.
pub struct Ended(pub Output);

impl Ended {
    /// Its exit code; `None`: a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    /// Whether SIGKILL ended it.
    pub fn killed(&self) -> bool {
        self.0.status.signal() == Some(9)
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// Fails unless the exit code is `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{}{}", self.stdout(), self.stderr());
        self
    }

    /// Its JSON on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.0.stdout).expect("standard output is JSON")
    }

    /// Its lines of `--progress json`; one that a kill cut short is left out.
    pub fn events(&self) -> Vec<Value> {
        self.stderr().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The tasks that reached a step, in the order of its events.
    pub fn reached(&self, step: &str) -> Vec<String> {
        let events = self.events().into_iter().filter(|e| e["step"] == step);
        events.map(|e| e["task"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// The visible files of a result: name -> bytes.
pub fn visible(output: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let Ok(entries) = fs::read_dir(output) else { return files };
    for entry in entries {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        if !name.starts_with(['_', '.']) {
            files.insert(name, fs::read(entry.path()).expect("a file"));
        }
    }
    files
}

/// Looks as a reader does: `_SUCCESS` lists exactly the files that are there, byte for byte.
/// `None`: there is no `_SUCCESS`.
#[track_caller]
pub fn result(output: &Path) -> Option<BTreeMap<String, Vec<u8>>> {
    let mark: Value = serde_json::from_slice(&fs::read(output.join("_SUCCESS")).ok()?).expect("it is JSON");
    let files = visible(output);
    let text = |file: &Value, key: &str| file[key].as_str().unwrap_or_default().to_owned();
    let listed: BTreeMap<String, (Option<u64>, String)> = mark["files"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|f| (text(f, "name"), (f["bytes"].as_u64(), text(f, "blake3"))))
        .collect();
    let there: BTreeMap<String, (Option<u64>, String)> = files
        .iter()
        .map(|(name, bytes)| {
            (name.clone(), (Some(bytes.len() as u64), blake3::hash(bytes).to_hex().to_string()))
        })
        .collect();
    assert_eq!(listed, there, "_SUCCESS and the folder {} differ", output.display());
    Some(files)
}

/// The only run's folder under an output.
pub fn run_folder(output: &Path) -> PathBuf {
    let mut runs = fs::read_dir(output.join("_dp")).expect("runs").map(|e| e.expect("an entry").path());
    let run = runs.find(|p| p.file_name().is_some_and(|n| n != "publish")).expect("a run");
    assert!(runs.all(|p| p.ends_with("publish")), "more than one run");
    run
}

/// The tasks with a commit record.
pub fn committed(run: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(run.join("commits/map")) else { return BTreeSet::new() };
    let names = entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter_map(|n| Some(n.strip_suffix(".json")?.to_owned())).collect()
}

/// All files below a folder, relative to it.
pub fn files_below(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(folder).expect("it is below").display().to_string());
            }
        }
    }
    found
}

/// Fails unless the data of attempts is exactly what the commit records name.
#[track_caller]
pub fn no_leftovers(output: &Path) {
    let attempts = run_folder(output).join("attempts");
    let needed: BTreeSet<String> = committed_data(output)
        .iter()
        .map(|path| path.strip_prefix(&attempts).expect("it is data").display().to_string())
        .collect();
    assert_eq!(files_below(&attempts), needed, "{}", output.display());
}

/// The files that the commit records name; fails if one is gone.
#[track_caller]
pub fn committed_data(output: &Path) -> Vec<PathBuf> {
    let commits = run_folder(output).join("commits");
    // A record that was being created is none, and may stay: it has no name that anyone reads.
    let is_record = |path: &String| !path.contains("/.dp-tmp-");
    let mut data = Vec::new();
    for record in files_below(&commits).into_iter().filter(is_record) {
        let bytes = fs::read(commits.join(&record)).expect("a record");
        let json: Value = serde_json::from_slice(&bytes).expect("a record is JSON");
        let files = json["files"].as_array().expect("a list");
        // Small partials lie in the record itself.
        for file in files.iter().filter(|file| file.get("data").is_none()) {
            let path = output.join(file["path"].as_str().unwrap_or_default());
            assert!(path.exists(), "the data of {record} is gone: {}", path.display());
            data.push(path);
        }
    }
    data
}
