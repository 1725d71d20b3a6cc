//! `dp worker`: what a pod does. Its stage and index come from its environment, its work from the plan.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::execute::{self, existing_commits};
use super::super::places::{find_run, machine, read_block, read_shards, stores};
use super::super::request::{Given, Machine, RunRequest};
use super::super::tries::Tries;
use super::super::{prepare, run, side};
use super::vitals::{LogTail, Post, Vitals};
use crate::error::{Error, Kind, Result};
use crate::event::{Event, Interrupt, Sink};
use crate::id::{ShardId, TaskId};
use crate::kube::client::{Access, Cluster, is_denied};
use crate::kube::object::Object;
use crate::plan::{Header, Shard, freeze};
use crate::store::commit::{Failure, RunFolder, read_failures, remove_failures};
use crate::store::manifest::read_manifest;
use crate::store::rollup::{finished_indexes, read_each, read_round, write_rollup};
use crate::task::Context;
use crate::task::map::Todo;
use crate::task::proof::Known;

/// How long the reduce pod sleeps before it looks again whether map is done.
const LOOK: Duration = Duration::from_secs(2);
/// Shards have failed and nothing was committed for so long: nobody tries them again.
const QUIET: Duration = Duration::from_mins(10);
/// No index was finished for so long: perhaps there is no room for map while this pod waits.
const ROOM: Duration = Duration::from_secs(90);

/// A pod's work.
#[derive(Debug, Clone)]
pub struct WorkerRequest {
    /// Its stage.
    pub stage: Stage,
    /// The URL of the run's folder; not needed by [`Stage::Single`].
    pub run: Option<String>,
    /// The pod.
    pub pod: String,
    /// Its node.
    pub node: Option<String>,
    /// Where Kubernetes reads the last words from.
    pub message: Option<PathBuf>,
    /// The log so far.
    pub log: LogTail,
    /// The machine.
    pub machine: Machine,
}

/// A pod's stage.
#[derive(Debug, Clone)]
pub enum Stage {
    /// Maps the shards of one completion index.
    Map {
        /// The index, from 0.
        index: u32,
        /// All indexes.
        indexes: u32,
        /// The number of the map Job; those after the first have a list of shards.
        round: u32,
        /// The reduce Job to resume once every index is done.
        resume: Option<String>,
    },
    /// Reduces and publishes.
    Reduce {
        /// Wait until all of these indexes are done.
        wait: Option<u32>,
    },
    /// Plans, maps, reduces and publishes.
    Single(Box<RunRequest>),
}

impl Stage {
    const fn name(&self) -> &'static str {
        match self {
            Self::Map { .. } => "map",
            Self::Reduce { .. } => "reduce",
            Self::Single(_) => "single",
        }
    }
}

/// Does a pod's work. It has ended well only if all of it is committed.
///
/// # Errors
/// Whatever stops it; `Interrupted` soon after `interrupt` is set.
pub fn worker(request: &WorkerRequest, sink: &Sink, interrupt: &Interrupt) -> Result<()> {
    let index = if let Stage::Map { index, .. } = request.stage { index } else { 0 };
    let post =
        Post { stage: request.stage.name(), index, pod: request.pod.clone(), node: request.node.clone() };
    let vitals = Vitals::new(post, request.message.as_deref(), request.log.clone());
    let outcome = work(request, &vitals, sink, interrupt);
    vitals.end(outcome.as_ref().err());
    outcome
}

fn work(request: &WorkerRequest, vitals: &Vitals, sink: &Sink, interrupt: &Interrupt) -> Result<()> {
    let sink = &vitals.watch(sink);
    if let Stage::Single(whole) = &request.stage {
        return run::run(whole, sink, interrupt).map(drop);
    }
    let url = request
        .run
        .as_deref()
        .ok_or_else(|| Error::usage("DP_RUN is not set: it is the URL of the run's folder"))?;
    let stores = stores(&request.machine)?;
    let places = Given { base: PathBuf::from("/"), ..Given::default() };
    let (header, run) = find_run(&stores, url, &places)?;
    vitals.beat(&run);
    let context = |header: Arc<Header>| -> Result<Context> {
        let program = prepare::program(&header)?;
        side::load(&program, &header, &stores, interrupt)?;
        Ok(Context {
            machine: machine(&request.machine, &header.job)?,
            header,
            program,
            stores: stores.clone(),
            run: run.clone(),
            sink: sink.clone(),
            interrupt: interrupt.clone(),
        })
    };
    match &request.stage {
        Stage::Map { index, indexes, round, resume } => {
            let shards = own_shards(&header, &run, *index, *indexes, *round)?;
            let known = map_index(&shards, &run, &header, sink, || context(Arc::new(header.clone())))?;
            write_rollup(&run, *round, (*index, *indexes), known.into_values().collect())?;
            resume.as_deref().map_or(Ok(()), |job| resume_reduce(&run, *indexes, job))
        }
        Stage::Reduce { wait } => {
            if let Some(indexes) = wait {
                wait_for_map(&run, *indexes, interrupt)?;
            }
            let shards =
                if read_manifest(&run)?.is_some() { Vec::new() } else { read_shards(&run.work, &header)? };
            execute::execute(&context(Arc::new(header))?, &shards).map(drop)
        }
        Stage::Single(_) => Ok(()),
    }
}

/// The shards of an index: its range of the plan, or its part of the list of its round.
fn own_shards(header: &Header, run: &RunFolder, index: u32, indexes: u32, round: u32) -> Result<Vec<Shard>> {
    let load = |block: u32| read_block(&run.work, header, block);
    if round <= 1 {
        let range = freeze::index_range(header, index, indexes, load)?;
        return pick(&range.collect(), load);
    }
    let list = read_round(run, round)?.shards;
    if index >= indexes {
        return Err(Error::usage(format!("index {index} does not exist: the Job has {indexes} of them")));
    }
    let cut = |n: u32| list.len() * n as usize / indexes.max(1) as usize;
    let own = list.get(cut(index)..cut(index + 1)).unwrap_or_default();
    pick(&own.iter().copied().collect(), load)
}

/// The shards of these numbers, from the blocks that hold them.
fn pick(numbers: &BTreeSet<u32>, load: impl Fn(u32) -> Result<Vec<Shard>>) -> Result<Vec<Shard>> {
    let blocks: BTreeSet<u32> = numbers.iter().map(|n| n / crate::plan::SHARDS_PER_BLOCK).collect();
    let mut shards = Vec::new();
    for block in blocks {
        shards.extend(load(block)?.into_iter().filter(|s| numbers.contains(&s.id.0)));
    }
    Ok(shards)
}

/// Commits what is not committed of `shards`; the records of all of them.
fn map_index(
    shards: &[Shard],
    run: &RunFolder,
    header: &Header,
    sink: &Sink,
    context: impl FnOnce() -> Result<Context>,
) -> Result<Known> {
    let tasks: Vec<TaskId> = shards.iter().map(|s| TaskId::Map(s.id)).collect();
    let mut known: Known = read_each(run, &tasks)?.into_iter().collect();
    sink.emit(started(shards, run, header, &known));
    if known.len() == shards.len() {
        return Ok(known);
    }
    let ids: BTreeSet<ShardId> = shards.iter().map(|s| s.id).collect();
    remove_failures(run, |id| ids.contains(&id))?;
    let context = context()?;
    let mut tries = Tries::default();
    loop {
        let left = shards.iter().filter(|s| !known.contains_key(&TaskId::Map(s.id)));
        let todo: Vec<Todo> = left.map(|shard| Todo { shard, begin: None }).collect();
        if todo.is_empty() {
            return Ok(known);
        }
        tries.run(&context, todo, &mut known)?;
    }
}

fn started(shards: &[Shard], run: &RunFolder, header: &Header, known: &Known) -> Event {
    let rows = shards.iter().flat_map(|s| &s.splits).map(|s| s.rows).try_fold(0_u64, |sum, n| Some(sum + n?));
    Event::RunStarted {
        run: run.name.clone(),
        folder: run.work.location().to_string(),
        shards: u32::try_from(shards.len()).unwrap_or(header.shards),
        committed: u32::try_from(known.len()).unwrap_or(header.shards),
        bytes: shards.iter().map(Shard::cost).sum(),
        rows,
    }
}

/// Whoever is done last, by the roll-ups, resumes the reduce Job. Each writes its roll-up before it looks,
/// so the last one sees all of them; that two do it at once is harmless.
fn resume_reduce(run: &RunFolder, indexes: u32, job: &str) -> Result<()> {
    if finished_indexes(run, indexes)? < indexes {
        return Ok(());
    }
    let cluster = Cluster::connect(&Access::default())?;
    let patch = serde_json::json!({ "spec": { "suspend": false } });
    match cluster.patch(Object::Job, job, &patch) {
        Ok(true) => return Ok(()),
        Ok(false) => (),
        // The pod is made again, and tries again.
        Err(e) if is_denied(&e) => return Err(Error::transient(e.message())),
        Err(e) => return Err(e),
    }
    Err(Error::transient("the reduce Job is not there yet").with("job", job))
}

/// Waits until every index of the map Job has written its roll-up. Where nothing moves it gives its place
/// up: perhaps there is no room for map while this pod waits.
fn wait_for_map(run: &RunFolder, indexes: u32, interrupt: &Interrupt) -> Result<()> {
    let mut last = (0, Instant::now());
    loop {
        let finished = finished_indexes(run, indexes)?;
        if finished >= indexes || read_manifest(run)?.is_some() {
            return Ok(());
        }
        if finished > last.0 {
            last = (finished, Instant::now());
        }
        if last.1.elapsed() > ROOM {
            given_up(run)?;
            return Err(Error::new(
                Kind::Interrupted,
                "map is not done: this pod makes room and is made again",
            )
            .with("indexes", format!("{finished} of {indexes}")));
        }
        interrupt.wait(LOOK)?;
    }
}

/// Whoever tries a shard again removes what was noted of its failure. What stays has nobody who tries.
fn given_up(run: &RunFolder) -> Result<()> {
    let known = existing_commits(run)?;
    let before = u64::try_from(chrono::Utc::now().timestamp_millis()).unwrap_or(0);
    let before = before.saturating_sub(u64::try_from(QUIET.as_millis()).unwrap_or(u64::MAX));
    let task = |name: &str| name.strip_prefix("map/").and_then(TaskId::parse_map);
    let dead = |f: &Failure| f.at_millis < before && task(&f.task).is_some_and(|t| !known.contains_key(&t));
    match read_failures(run)?.into_iter().find(dead) {
        Some(failure) => {
            Err(Error::stop(format!("map has failed: {}", failure.message)).with("task", failure.task))
        }
        None => Ok(()),
    }
}
