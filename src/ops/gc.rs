//! `dp gc`: removes data of attempts that lost.

use super::places::{find_run, stores};
use super::report::GcReport;
use super::request::FindRequest;
use crate::error::Result;
use crate::store::gc::sweep_attempts;
use crate::store::manifest::read_manifest;

/// Removes the data of attempts whose task another attempt has committed. Published files and
/// attempts of a run that still needs some are never touched.
///
/// # Errors
/// No such run; a store that fails.
pub fn gc(request: &FindRequest) -> Result<GcReport> {
    let stores = stores(&request.machine)?;
    let (_, run) = find_run(&stores, &request.run, &request.places)?;
    // A committed run needs no more attempts, also not of the shards that a LIMIT left out.
    let unfinished = read_manifest(&run)?.is_some();
    let swept = sweep_attempts(&run, unfinished)?;
    Ok(GcReport { run: run.name, files: swept.files, bytes: swept.bytes })
}
