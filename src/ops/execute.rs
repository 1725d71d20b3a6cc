//! A frozen plan on this machine: map, proof, reduce, publish.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Kind, Result, Retry};
use crate::event::Event;
use crate::id::{ShardId, TaskId};
use crate::job::sql::CutKind;
use crate::plan::Shard;
use crate::store::commit::{RunFolder, read_commit};
use crate::store::layout;
use crate::store::manifest::{Manifest, read_manifest};
use crate::store::publish::Published;
use crate::task::map::{self, Todo, report_failure};
use crate::task::proof::{Known, Proof, prove, within_bad_records};
use crate::task::{Context, reduce};

/// Does what is left of the run and publishes its result.
///
/// # Errors
/// Whatever stops the run. Shards that were committed stay committed.
pub fn execute(context: &Context, shards: &[Shard]) -> Result<(Manifest, Published)> {
    if read_manifest(&context.run)?.is_some() {
        return reduce::run(context, &[]);
    }
    let mut known = existing_commits(&context.run)?;
    context.sink.emit(started(context, shards, &known));
    let mut tries = Tries::default();
    let mut wave = match context.program.kind() {
        CutKind::Limit { .. } => context.machine.pool.current_num_threads(),
        _ => usize::MAX,
    };
    loop {
        match prove(context.program.kind(), shards, &known)? {
            Proof::Whole(records) => {
                within_bad_records(context.header.job.errors.max_bad_records, &records)?;
                context.sink.emit(Event::ReduceStarted);
                return reduce::run(context, &records);
            }
            Proof::Missing(mut missing) => {
                missing.truncate(wave);
                // The first shards of a LIMIT are likely enough.
                wave = wave.saturating_mul(2);
                run_missing(context, shards, &missing, &mut known, &mut tries)?;
            }
        }
    }
}

/// The map tasks that are committed already, by what the store lists: a record that the listing
/// leaves out only costs doing its task again.
///
/// # Errors
/// A record of another plan; what the store gives.
pub fn existing_commits(run: &RunFolder) -> Result<Known> {
    let mut known = Known::new();
    for entry in run.work.list(&format!("{}/map", layout::COMMITS))? {
        let name = entry.name.rsplit('/').next().and_then(|n| n.strip_suffix(".json"));
        if let Some(task) = name.and_then(TaskId::parse_map)
            && let Some(record) = read_commit(run, task)?
        {
            known.insert(task, record);
        }
    }
    Ok(known)
}

fn started(context: &Context, shards: &[Shard], known: &Known) -> Event {
    let committed: BTreeSet<ShardId> = known.keys().filter_map(shard_of).collect();
    Event::RunStarted {
        run: context.run.name.clone(),
        folder: context.run.work.location().to_string(),
        shards: u32::try_from(shards.len()).unwrap_or(u32::MAX),
        committed: u32::try_from(committed.len()).unwrap_or(u32::MAX),
        bytes: context.header.totals.bytes,
        rows: context.header.totals.rows,
    }
}

fn shard_of(task: &TaskId) -> Option<ShardId> {
    match task {
        TaskId::Map(shard) | TaskId::MapAt(shard, _) => Some(*shard),
        TaskId::Reduce => None,
    }
}

/// How often tasks failed in this process, and those given up.
#[derive(Default)]
struct Tries {
    failed: BTreeMap<TaskId, u32>,
    dead: BTreeMap<TaskId, Error>,
}

/// Runs what is missing once; notes what is committed and what failed.
fn run_missing(
    context: &Context,
    shards: &[Shard],
    missing: &[(ShardId, Option<u64>)],
    known: &mut Known,
    tries: &mut Tries,
) -> Result<()> {
    let todo: Vec<Todo> = missing
        .iter()
        .filter_map(|(id, begin)| shards.get(id.0 as usize).map(|shard| Todo { shard, begin: *begin }))
        .filter(|todo| !tries.dead.contains_key(&todo.task()))
        .collect();
    if todo.is_empty() {
        return Err(failure(std::mem::take(&mut tries.dead)));
    }
    let outcome = map::run(context, &todo);
    for (at, record) in outcome.committed {
        if let Some(task) = todo.get(at).map(Todo::task) {
            known.insert(task, record);
        }
    }
    context.interrupt.check()?;
    let mut stop = None;
    for (at, error) in outcome.failed {
        let Some(todo) = todo.get(at) else { continue };
        let count = tries.failed.entry(todo.task()).or_default();
        *count += 1;
        let again = error.kind().retry() == Retry::Again && *count < context.header.job.errors.attempts;
        if error.kind().retry() == Retry::FailRun && stop.is_none() {
            report_failure(context, todo, &error);
            stop = Some(error);
        } else if !again {
            report_failure(context, todo, &error);
            tries.dead.insert(todo.task(), error);
        }
    }
    stop.map_or(Ok(()), Err)
}

/// One error for all shards that were given up: the first one's, and how many more there are.
fn failure(dead: BTreeMap<TaskId, Error>) -> Error {
    let count = dead.len();
    match dead.into_values().next() {
        None => Error::internal("shards are missing, but none was given up"),
        Some(first) if count == 1 => first,
        Some(first) => {
            let kind: Kind = first.kind();
            let text = format!("{count} shards failed; the first of them: {}", first.message());
            first.context().iter().fold(Error::new(kind, text), |e, (k, v)| e.with(k, v))
        }
    }
}
