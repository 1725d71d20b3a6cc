//! `dp run`: plan, freeze, execute; or go on with a run that exists; or replay one shard.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;

use super::execute::execute;
use super::places::{self, find_run, freeze_plan, machine, read_shards, run_folder, stores};
use super::prepare::{self, prepare};
use super::report::{Outcome, RunReport};
use super::request::{Given, Machine as Asked, RunRequest, SpecText};
use super::{replay, show, side};
use crate::error::{Error, Result};
use crate::event::{Event, Interrupt, Sink};
use crate::job::sql::Program;
use crate::plan::{Header, Shard};
use crate::spec::{self, Job};
use crate::store::client::Stores;
use crate::store::commit::{Counters, RunFolder};
use crate::store::layout;
use crate::store::manifest::{Manifest, PublishedFile, read_manifest};
use crate::store::output::{OutputState, ResultFile, Success, check_output, read_success};
use crate::store::record::Record;
use crate::task::Context;

/// Plans, runs all stages and publishes; started again, it resumes.
///
/// # Errors
/// Whatever stops the run; `Interrupted` soon after `interrupt` is set.
pub fn run(request: &RunRequest, sink: &Sink, interrupt: &Interrupt) -> Result<RunReport> {
    let started = Instant::now();
    let stores = stores(&request.machine)?;
    let frozen = match &request.spec {
        Some(text) => plan_run(request, text, &stores, sink, interrupt)?,
        None => open_run(request, &stores)?,
    };
    if let Some(shard) = request.shard {
        let context = frozen.context(&stores, &request.machine, sink, interrupt)?;
        return replay::replay(&context, &frozen.shards, shard, started);
    }
    finish(&frozen, &stores, &request.machine, request.show_rows, (sink, interrupt), started)
}

/// Parses a spec; all its problems in one error.
///
/// # Errors
/// `Usage`.
pub fn parse_job(text: &SpecText, given: &Given) -> Result<Job> {
    spec::parse(&text.text, &text.file, &text.base, given).map_err(spec::problems_to_error)
}

/// A plan that is frozen (or about to be), and its places.
pub(super) struct Frozen {
    pub(super) header: Arc<Header>,
    pub(super) shards: Vec<Shard>,
    pub(super) program: Arc<Program>,
    pub(super) run: RunFolder,
}

impl Frozen {
    /// What tasks need; loads the side tables.
    pub(super) fn context(
        &self,
        stores: &Stores,
        asked: &Asked,
        sink: &Sink,
        interrupt: &Interrupt,
    ) -> Result<Context> {
        side::load(&self.program, &self.header, stores, interrupt)?;
        Ok(Context {
            header: Arc::clone(&self.header),
            program: Arc::clone(&self.program),
            stores: stores.clone(),
            run: self.run.clone(),
            machine: machine(asked, &self.header.job)?,
            sink: sink.clone(),
            interrupt: interrupt.clone(),
        })
    }
}

fn plan_run(
    request: &RunRequest,
    text: &SpecText,
    stores: &Stores,
    sink: &Sink,
    interrupt: &Interrupt,
) -> Result<Frozen> {
    let job = parse_job(text, &request.given)?;
    freeze_job(&job, stores, request.run.as_deref(), &request.given.base, (sink, interrupt))
}

/// Plans `job`, checks its output folder and freezes the plan.
pub(super) fn freeze_job(
    job: &Job,
    stores: &Stores,
    name: Option<&str>,
    base: &Path,
    (sink, interrupt): (&Sink, &Interrupt),
) -> Result<Frozen> {
    places::work_root(job)?;
    let prepared = prepare(job, stores, Utc::now(), sink, interrupt)?;
    let run = run_folder(stores, &prepared.plan.header, name, base)?;
    let output = prepared.plan.header.job.output.as_ref();
    let output = output.ok_or_else(|| Error::usage("the job has no output"))?;
    let state = check_output(&run.output, &run.digest, output.if_exists)?;
    // What is done, perhaps by a run of another name, needs no run's folder.
    if state != OutputState::SamePlanDone || run.work.exists(layout::PLAN)? {
        freeze_plan(&run, &prepared.plan, Utc::now())?;
    }
    Ok(Frozen {
        header: Arc::new(prepared.plan.header),
        shards: prepared.plan.shards,
        program: prepared.program,
        run,
    })
}

fn open_run(request: &RunRequest, stores: &Stores) -> Result<Frozen> {
    let name =
        request.run.as_deref().ok_or_else(|| Error::usage("name a job's file, or a run with --run"))?;
    let (header, run) = find_run(stores, name, &request.given)?;
    let shards = read_shards(&run.work, &header)?;
    let program = prepare::program(&header)?;
    Ok(Frozen { header: Arc::new(header), shards, program, run })
}

/// Does what is left and reports.
pub(super) fn finish(
    frozen: &Frozen,
    stores: &Stores,
    asked: &Asked,
    show_rows: usize,
    (sink, interrupt): (&Sink, &Interrupt),
    started: Instant,
) -> Result<RunReport> {
    if let Some(manifest) = done_already(frozen)? {
        sink.emit(Event::Warning(
            "the result of this very plan is there already: nothing was computed".to_owned(),
        ));
        return Ok(report(frozen, stores, &manifest, (Outcome::AlreadyDone, show_rows), sink, started));
    }
    let context = frozen.context(stores, asked, sink, interrupt)?;
    let executed = execute(&context, &frozen.shards);
    let (manifest, _) = executed.map_err(|e| e.with("run", &frozen.run.name))?;
    Ok(report(frozen, stores, &manifest, (Outcome::Done, show_rows), sink, started))
}

/// The report of a run whose result is published.
pub(super) fn report(
    frozen: &Frozen,
    stores: &Stores,
    manifest: &Manifest,
    (outcome, show_rows): (Outcome, usize),
    sink: &Sink,
    started: Instant,
) -> RunReport {
    let first = show::first_rows(stores, &frozen.header, &frozen.run, manifest, show_rows);
    let first = first.unwrap_or_else(|e| {
        // Another run may have replaced the result by now. This one is done all the same.
        sink.emit(Event::Warning(format!(
            "the result is published, but its first rows cannot be shown: {e}"
        )));
        Vec::new()
    });
    RunReport {
        run: frozen.run.name.clone(),
        folder: frozen.run.work.location().to_string(),
        outcome,
        output: Some(frozen.run.output.location().to_string()),
        files: manifest.files.len() as u64,
        rows: manifest.files.iter().map(|f| f.rows).sum(),
        bytes: manifest.files.iter().map(|f| f.bytes).sum(),
        rejected: manifest.counters.rows_rejected,
        wall: started.elapsed(),
        schema: frozen.program.output_schema(),
        first,
    }
}

/// The manifest of a result that is published already, by this run or by one of another name.
pub(super) fn done_already(frozen: &Frozen) -> Result<Option<Manifest>> {
    let Some(output) = &frozen.header.job.output else { return Ok(None) };
    match check_output(&frozen.run.output, &frozen.run.digest, output.if_exists)? {
        OutputState::SamePlanDone => match read_manifest(&frozen.run)? {
            Some(manifest) => Ok(Some(manifest)),
            None => Ok(read_success(&frozen.run.output)?.map(published_by)),
        },
        _ => Ok(None),
    }
}

/// What the mark of a result tells of its manifest.
fn published_by(mark: Success) -> Manifest {
    let file = |f: ResultFile| PublishedFile {
        path: f.name.clone(),
        name: f.name,
        bytes: f.bytes,
        rows: f.rows,
        blake3: f.blake3,
    };
    Manifest {
        format: Manifest::FORMAT,
        run: mark.run,
        plan: mark.plan,
        files: mark.files.into_iter().map(file).collect(),
        counters: Counters::default(),
    }
}
