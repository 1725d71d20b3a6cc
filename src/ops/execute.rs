//! A frozen plan on this machine: map, proof, reduce, publish.

use std::collections::BTreeSet;

use super::tries::Tries;
use crate::error::Result;
use crate::event::Event;
use crate::id::{ShardId, TaskId};
use crate::job::sql::CutKind;
use crate::plan::Shard;
use crate::store::commit::RunFolder;
use crate::store::manifest::{Manifest, read_manifest};
use crate::store::publish::Published;
use crate::store::rollup::read_commits;
use crate::task::map::Todo;
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
                let todo = missing.iter().filter_map(|(id, begin)| {
                    shards.get(id.0 as usize).map(|shard| Todo { shard, begin: *begin })
                });
                tries.run(context, todo.collect(), &mut known)?;
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
    Ok(read_commits(run)?.into_iter().collect())
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
