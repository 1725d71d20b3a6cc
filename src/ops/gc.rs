//! `dp gc`: removes data of attempts that lost.

use super::places::{find_run, stores};
use super::report::GcReport;
use super::request::FindRequest;
use crate::error::Result;
use crate::store::gc::sweep_attempts;

/// Removes the data of attempts whose task another attempt has committed. Published files and
/// attempts that may still be running are never touched.
///
/// # Errors
/// No such run; a store that fails.
pub fn gc(request: &FindRequest) -> Result<GcReport> {
    let stores = stores(&request.machine)?;
    let (_, run) = find_run(&stores, &request.run, &request.places)?;
    let swept = sweep_attempts(&run, false)?;
    Ok(GcReport { run: run.name, files: swept.files, bytes: swept.bytes })
}
