//! `dp sql`: a statement without a file.

use std::time::Instant;

use super::places::stores;
use super::report::RunReport;
use super::request::SqlRequest;
use super::run::{finish, freeze_job};
use super::scratch::Scratch;
use crate::error::{Error, Result};
use crate::event::{Interrupt, Sink};
use crate::job::sql::take_paths;
use crate::spec::{Dataset, Job, Location, Output, OutputFormat};

/// Runs a statement whose tables are places. Without `--out` the result lies in a scratch folder
/// that is removed at the end.
///
/// # Errors
/// As [`super::run()`].
pub fn sql(request: &SqlRequest, sink: &Sink, interrupt: &Interrupt) -> Result<RunReport> {
    let started = Instant::now();
    let stores = stores(&request.machine)?;
    let (statement, places) = take_paths(&request.sql)?;
    let mut datasets = Vec::new();
    for (name, place) in &places {
        datasets.push(Dataset::new(name, vec![Location::parse(place, &request.given.base)?]));
    }
    let sides = datasets.split_off(datasets.len().min(1));

    // Removed when this function returns, in whatever way.
    let scratch = match &request.given.output {
        Some(_) => None,
        None => Some(Scratch::new(&request.machine.scratch)?),
    };
    let url = match (&request.given.output, &scratch) {
        (Some(url), _) => Location::parse(url, &request.given.base)?,
        (None, Some(folder)) => Location::local(&folder.path().join("result")),
        (None, None) => return Err(Error::internal("there is no output")),
    };
    let output = Output::new(url, OutputFormat::Parquet);
    let mut job = Job::for_sql(datasets, sides, &statement, Some(output))?;
    if let Some(work) = &request.given.work {
        job.work = Some(Location::parse(work, &request.given.base)?);
    }
    let frozen = freeze_job(&job, &stores, request.run.as_deref(), &request.given.base, (sink, interrupt))?;
    let mut report =
        finish(&frozen, &stores, &request.machine, request.show_rows, (sink, interrupt), started)?;
    if scratch.is_some() {
        report.output = None;
    }
    Ok(report)
}
