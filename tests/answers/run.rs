//! Runs the real binary over a statement and looks at what it published.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::Outcome;
use crate::statements::Statement;

/// Ways to run one plan that must give equal bytes.
pub const WAYS: [(&str, &[&str]); 4] = [
    ("2 threads", &["--threads", "2"]),
    ("1 thread", &["--threads", "1"]),
    ("5 threads", &["--threads", "5"]),
    ("64 MiB", &["--threads", "2", "--memory", "64MiB"]),
];

/// Numbers of shards; the plans differ, the answers must not.
pub const SHARDS: [u32; 3] = [1, 3, 17];

/// Runs `dp run` over a spec: the binary just built, or the one that `DP_BIN` names.
pub fn dp(spec: &Path, flags: &[&str]) -> Outcome<Output> {
    let binary = std::env::var_os("DP_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_dp").into());
    // A run that hangs is killed and fails; the slowest takes some seconds.
    let mut command = Command::new("timeout");
    Ok(command
        .args(["--signal=KILL", "300"])
        .arg(binary)
        .arg("run")
        .arg(spec)
        .args(["--progress", "none"])
        .args(flags)
        .output()?)
}

/// Published files in order.
pub fn published(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("part-")))
        .collect();
    files.sort();
    Ok(files)
}

/// Names and checksums of files.
fn digest(files: &[PathBuf]) -> Outcome<Vec<(String, String)>> {
    let one = |path: &PathBuf| -> Outcome<(String, String)> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, blake3::hash(&fs::read(path)?).to_hex().to_string()))
    };
    files.iter().map(one).collect()
}

/// What one statement gave: outputs to compare with DuckDB, and what is wrong already.
#[derive(Default)]
pub struct Answered {
    /// Label -> files in order.
    pub outputs: serde_json::Map<String, serde_json::Value>,
    /// One line each.
    pub wrong: Vec<String>,
}

/// Answers a statement with all numbers of shards in all ways; `folder` is empty.
pub fn answer(statement: &Statement, folder: &Path) -> Outcome<Answered> {
    let mut answered = Answered::default();
    for shards in SHARDS {
        let mut first = None;
        for (n, (way, flags)) in WAYS.iter().enumerate() {
            let label = format!("{shards} shards, {way}");
            let output = folder.join(format!("{shards}-{n}"));
            let spec = folder.join(format!("{shards}-{n}.yaml"));
            fs::write(&spec, statement.spec(&output.display().to_string(), shards)?.to_string())?;
            let done = dp(&spec, flags)?;
            if !done.status.success() {
                let why = String::from_utf8_lossy(&done.stderr);
                answered.wrong.push(format!("{} ({label}): {}: {}", statement.name, done.status, why.trim()));
                // The other ways would say the same.
                break;
            }
            if !output.join("_SUCCESS").is_file() {
                answered.wrong.push(format!("{} ({label}): no _SUCCESS", statement.name));
                continue;
            }
            let files = published(&output)?;
            let bytes = digest(&files)?;
            match &first {
                None => {
                    answered.outputs.insert(label, serde_json::json!(files));
                    first = Some(bytes);
                }
                Some(first) if *first != bytes => {
                    answered.wrong.push(format!("{} ({label}): other bytes", statement.name));
                }
                Some(_) => fs::remove_dir_all(&output)?,
            }
        }
    }
    Ok(answered)
}
