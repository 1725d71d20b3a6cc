//! `dp gc`: removes data of attempts that no commit of the run refers to.

use std::collections::BTreeSet;

use super::execute::existing_commits;
use super::places::{find_run, stores};
use super::report::GcReport;
use super::request::FindRequest;
use crate::error::Result;
use crate::id::TaskId;
use crate::store::commit::read_commit;
use crate::store::layout;
use crate::store::manifest::read_manifest;

/// Removes what no commit of a run refers to. Published files are never touched. Attempts that are
/// still running lose their data and fail: call it when no process works on the run.
///
/// # Errors
/// No such run; a store that fails.
pub fn gc(request: &FindRequest) -> Result<GcReport> {
    let stores = stores(&request.machine)?;
    let (_, run) = find_run(&stores, &request.run, &request.places)?;
    let commits = existing_commits(&run)?;
    let reduce = read_commit(&run, TaskId::Reduce)?;
    let manifest = read_manifest(&run)?;
    let mut needed: BTreeSet<String> = BTreeSet::new();
    needed.extend(commits.values().chain(&reduce).flat_map(|c| c.files.iter().map(|f| f.path.clone())));
    needed.extend(manifest.iter().flat_map(|m| m.files.iter().map(|f| f.path.clone())));
    let mut report = GcReport { run: run.name.clone(), files: 0, bytes: 0 };
    for entry in run.output.list(&layout::attempts(&run.name))? {
        if !needed.contains(&entry.name) {
            run.output.delete(&entry.name)?;
            report.files += 1;
            report.bytes += entry.bytes;
        }
    }
    Ok(report)
}
