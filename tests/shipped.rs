//! Every job spec that ships runs as it is, and DuckDB gives the same answer. The comparison is
//! `tests/shipped.py`.

use std::path::PathBuf;
use std::process::Command;

#[test]
fn shipped_jobs_answer_what_duckdb_answers() {
    let cache = std::env::var_os("DP_CACHE").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".cache/dp"));
    let cache = cache.or(home).expect("HOME is set, or DP_CACHE names the cache folder");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let ended = Command::new(cache.join("venv/bin/python"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shipped.py"))
        .arg(env!("CARGO_BIN_EXE_dp"))
        .arg(folder.path())
        .output()
        .expect("tests/setup has installed Python's packages");
    assert!(ended.status.success(), "\n{}", String::from_utf8_lossy(&ended.stderr));
}
