//! One function per command: emits events, prints nothing, reads no environment.

mod report;
mod request;

pub use report::{
    CutPart, GcReport, Outcome, PlanReport, Published, RunReport, RunSummary, State, StatusReport,
};
pub use request::{
    Env, FindRequest, Given, ListRequest, Machine, PlanRequest, RunRequest, SpecText, SqlRequest,
};

use crate::error::{Error, Result};
use crate::event::{Interrupt, Sink};

fn absent(command: &str) -> Error {
    Error::internal(format!("'dp {command}' is not built yet"))
}

/// Plans, runs all stages and publishes; started again, it resumes.
///
/// # Errors
/// Whatever stops the run; `Interrupted` soon after `interrupt` is set.
pub fn run(_request: &RunRequest, _sink: &Sink, _interrupt: &Interrupt) -> Result<RunReport> {
    Err(absent("run"))
}

/// [`run`] of a statement without a file.
///
/// # Errors
/// As [`run`].
pub fn sql(_request: &SqlRequest, _sink: &Sink, _interrupt: &Interrupt) -> Result<RunReport> {
    Err(absent("sql"))
}

/// Says what would be done.
///
/// # Errors
/// A wrong spec, an input that cannot be read, a statement that cannot be cut.
pub fn plan(_request: &PlanRequest, _sink: &Sink, _interrupt: &Interrupt) -> Result<PlanReport> {
    Err(absent("plan"))
}

/// Says how far a run is.
///
/// # Errors
/// No such run; a store that fails.
pub fn status(_request: &FindRequest) -> Result<StatusReport> {
    Err(absent("status"))
}

/// The runs under a work url, by name.
///
/// # Errors
/// A store that fails.
pub fn list(_request: &ListRequest) -> Result<Vec<RunSummary>> {
    Err(absent("list"))
}

/// Removes what no commit of a run refers to.
///
/// # Errors
/// No such run; a store that fails.
pub fn gc(_request: &FindRequest) -> Result<GcReport> {
    Err(absent("gc"))
}

/// The JSON Schema of a job spec, as JSON text.
///
/// # Errors
/// None that a user can cause.
pub fn schema() -> Result<String> {
    Err(absent("schema"))
}
