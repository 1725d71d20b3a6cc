//! `dp status`, `dp list`: runs that exist, from their folders alone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat};

use super::execute::existing_commits;
use super::places::{find_run, given_root, read_header, run_folder, stores};
use super::report::{Published, RunSummary, State, StatusReport};
use super::request::{FindRequest, ListRequest};
use crate::error::{Error, Result};
use crate::id::TaskId;
use crate::plan::Header;
use crate::spec::IfExists;
use crate::store::client::Stores;
use crate::store::commit::{Counters, RunFolder, read_failures};
use crate::store::layout;
use crate::store::manifest::{Manifest, read_manifest};
use crate::store::output::{OutputState, check_output};
use crate::task::proof::Known;

/// Says how far a run is.
///
/// # Errors
/// No such run; a store that fails.
pub fn status(request: &FindRequest) -> Result<StatusReport> {
    let stores = stores(&request.machine)?;
    let (header, run) = find_run(&stores, &request.run, &request.places)?;
    let known = existing_commits(&run)?;
    let manifest = read_manifest(&run)?;
    let summary = summary(&header, &run, &known, manifest.as_ref())?;
    let read = known.values().fold(Counters::default(), |sum, r| sum.plus(r.counters));
    let committed = shards_of(&known);
    let mut failed = BTreeMap::new();
    for failure in read_failures(&run)? {
        let task = failure.task.rsplit('/').next().and_then(TaskId::parse_map);
        if let Some(TaskId::Map(id) | TaskId::MapAt(id, _)) = task
            && !committed.contains(&id.0)
        {
            failed.insert(id.0, failure.message.clone());
        }
    }
    let published = manifest.filter(|_| summary.state == State::Done).map(|m| Published {
        files: m.files.len() as u64,
        rows: m.files.iter().map(|f| f.rows).sum(),
        bytes: m.files.iter().map(|f| f.bytes).sum(),
    });
    Ok(StatusReport {
        version: header.version.clone(),
        plan_bytes: header.totals.bytes,
        rows_read: read.rows_scanned,
        bytes_read: read.bytes_read,
        rejected: read.rows_rejected,
        failed,
        published,
        summary,
    })
}

/// The runs under a work url, by name.
///
/// # Errors
/// A store that fails.
pub fn list(request: &ListRequest) -> Result<Vec<RunSummary>> {
    let stores = stores(&request.machine)?;
    let root = given_root(&request.places)?
        .ok_or_else(|| Error::usage("say where the runs lie with --work or --out"))?;
    let folder = stores.folder(&root)?;
    let mut runs = Vec::new();
    for entry in folder.children()? {
        let Some(name) = entry.name.strip_suffix('/') else { continue };
        let place = folder.sub(name);
        if name == "publish" || !place.exists(layout::PLAN)? {
            continue;
        }
        runs.push(summary_at(&stores, &place.location().to_string(), &read_header(&place)?)?);
    }
    Ok(runs)
}

fn summary_at(stores: &Stores, place: &str, header: &Header) -> Result<RunSummary> {
    let run = run_folder(stores, header, Some(place), std::path::Path::new("/"))?;
    let manifest = read_manifest(&run)?;
    summary(header, &run, &existing_commits(&run)?, manifest.as_ref())
}

fn shards_of(known: &Known) -> BTreeSet<u32> {
    let shard = |task: &TaskId| match task {
        TaskId::Map(id) | TaskId::MapAt(id, _) => Some(id.0),
        TaskId::Reduce => None,
    };
    known.keys().filter_map(shard).collect()
}

fn summary(
    header: &Header,
    run: &RunFolder,
    known: &Known,
    manifest: Option<&Manifest>,
) -> Result<RunSummary> {
    let committed = u32::try_from(shards_of(known).len()).unwrap_or(u32::MAX);
    let output = header.job.output.as_ref().map(|o| o.url.to_string());
    let state = if manifest.is_some() && published(run)? {
        State::Done
    } else if committed >= header.shards {
        State::Mapped
    } else if committed > 0 {
        State::Started
    } else {
        State::Planned
    };
    Ok(RunSummary {
        run: run.name.clone(),
        folder: run.work.location().to_string(),
        state,
        shards: header.shards,
        committed,
        created: header
            .created_millis
            .and_then(DateTime::from_timestamp_millis)
            .map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)),
        output,
    })
}

/// Whether the result that lies in the output folder is this run's.
fn published(run: &RunFolder) -> Result<bool> {
    match check_output(&run.output, &run.digest, IfExists::Replace) {
        Ok(state) => Ok(state == OutputState::SamePlanDone),
        // Files that dp did not write lie there: then this run's result does not.
        Err(e) if e.kind() == crate::error::Kind::Stop => Ok(false),
        Err(e) => Err(e),
    }
}
