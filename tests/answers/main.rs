//! Answers: what dp says is what DuckDB says, whatever the number of shards, threads and bytes of
//! memory; and what dp cannot answer it refuses.
//!
//! `DP_ANSWERS=part,of,names` runs some statements only; `DP_BIN=path` tests another binary;
//! `UPDATE_GOLDEN=1` writes the golden files.

mod data;
mod events;
mod refused;
mod repository;
mod run;
mod statements;
mod tpch;

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use statements::Statement;

/// What everything here returns.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Statements that are answered at one time.
const WORKERS: usize = 2;

#[test]
fn answers_are_those_of_duckdb() -> Outcome<()> {
    let all = chosen(statements::parse(include_str!("statements.sql"))?);
    let folder = scratch()?;
    let (cases, mut wrong) = answer_all(&all, folder.path())?;
    let manifest = folder.path().join("manifest.json");
    fs::write(&manifest, serde_json::to_vec(&cases)?)?;
    let compared = compare(manifest.as_os_str())?;
    if !compared.status.success() {
        wrong.push(format!("compare.py: {}", String::from_utf8_lossy(&compared.stderr)));
    }
    wrong.extend(String::from_utf8_lossy(&compared.stdout).lines().map(str::to_owned));
    assert!(wrong.is_empty(), "{} of {} statements:\n{}", wrong.len(), all.len(), wrong.join("\n"));
    Ok(())
}

#[test]
fn the_comparison_can_fail() -> Outcome<()> {
    let checked = compare("--check".as_ref())?;
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    Ok(())
}

#[test]
fn what_cannot_be_answered_is_refused() -> Outcome<()> {
    let wrong = refused::check()?;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// A folder in memory if there is one: two thousand runs sync each of their records, and what that
/// is good for is tested elsewhere.
fn scratch() -> Outcome<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    Ok(if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? })
}

/// Runs `compare.py` with Python and DuckDB as `tests/setup` installs them.
fn compare(argument: &OsStr) -> Outcome<Output> {
    let python = data::cache().join("venv/bin/python");
    if !python.is_file() {
        return Err(format!("{} is missing: run tests/setup first", python.display()).into());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/answers/compare.py");
    Ok(Command::new(python).arg(script).arg(argument).output()?)
}

/// The statements that `DP_ANSWERS` asks for: all by default.
fn chosen(all: Vec<Statement>) -> Vec<Statement> {
    let Ok(wanted) = std::env::var("DP_ANSWERS") else { return all };
    all.into_iter().filter(|s| wanted.split(',').any(|part| s.name.contains(part))).collect()
}

/// Runs dp over all statements; gives the cases to compare and what failed already.
fn answer_all(all: &[Statement], folder: &Path) -> Outcome<(Vec<serde_json::Value>, Vec<String>)> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new((Vec::new(), Vec::new()));
    let work = || -> Outcome<()> {
        while let Some(statement) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let own = folder.join(&statement.name);
            fs::create_dir(&own)?;
            let answered = run::answer(statement, &own)?;
            let case = statement.case(&answered.outputs.into())?;
            let mut results = results.lock().map_err(|e| e.to_string())?;
            results.0.push(case);
            results.1.extend(answered.wrong);
        }
        Ok(())
    };
    std::thread::scope(|scope| -> Outcome<()> {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().map_err(|_| "a worker panicked")??;
        }
        Ok(())
    })?;
    Ok(results.into_inner().map_err(|e| e.to_string())?)
}
