//! Statements that dp must refuse when it plans, with the message in a golden file beside each.

use std::fs;
use std::path::{Path, PathBuf};

use crate::statements::parse_one;
use crate::{Outcome, run};

/// What is wrong, one line each.
pub fn check() -> Outcome<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/answers/refused");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "sql"))
        .collect();
    files.sort();
    let mut wrong = Vec::new();
    for file in &files {
        wrong.extend(refusal(file)?);
    }
    if files.len() < 20 {
        wrong.push(format!("only {} statements in {}", files.len(), folder.display()));
    }
    Ok(wrong)
}

/// Asks one statement and compares exit code, message and what was left behind.
fn refusal(file: &Path) -> Outcome<Vec<String>> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let statement = parse_one(&name, &fs::read_to_string(file)?)?;
    let folder = tempfile::tempdir()?;
    let output = folder.path().join("out");
    let spec = folder.path().join("job.yaml");
    fs::write(&spec, statement.spec(&output.display().to_string(), 3)?.to_string())?;
    let done = run::dp(&spec, &[])?;
    let mut wrong = Vec::new();
    if done.status.code() != Some(2) {
        wrong.push(format!("{name}: {}, expected exit code 2", done.status));
    }
    if !done.stdout.is_empty() {
        wrong.push(format!("{name}: wrote to standard output"));
    }
    if output.exists() {
        wrong.push(format!("{name}: left {} behind", output.display()));
    }
    let said = String::from_utf8_lossy(&done.stderr)
        .replace(&folder.path().display().to_string(), "<folder>")
        .replace(&crate::data::cache().display().to_string(), "<cache>");
    let golden = file.with_extension("err");
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|v| v == "1") {
        fs::write(&golden, said.as_bytes())?;
    } else if fs::read_to_string(&golden).unwrap_or_default() != said {
        wrong.push(format!("{name}: said\n{said}not what stands in {}", golden.display()));
    }
    Ok(wrong)
}
