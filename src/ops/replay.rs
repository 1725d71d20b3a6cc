//! One shard computed again, to look at: its data goes to a folder of its own and is removed;
//! nothing is committed.

use std::time::Instant;

use super::execute::existing_commits;
use super::report::{Outcome, RunReport};
use crate::error::{Error, Result};
use crate::id::{ShardId, TaskId};
use crate::plan::Shard;
use crate::store::commit::TaskCommit;
use crate::task::Context;
use crate::task::map::{self, Todo};

/// Runs `shard` alone and compares what it writes with its commit.
///
/// # Errors
/// The plan has no such shard; whatever the shard's task gives.
pub fn replay(context: &Context, shards: &[Shard], shard: ShardId, started: Instant) -> Result<RunReport> {
    let found = shards.get(shard.0 as usize).ok_or_else(|| {
        Error::usage(match shards.len().checked_sub(1) {
            Some(last) => format!("the plan has shards 0 to {last}, no shard {}", shard.0),
            None => "the plan has no shards".to_owned(),
        })
    })?;
    let known = existing_commits(&context.run)?;
    let committed = known.iter().find(|(task, _)| match task {
        TaskId::Map(id) | TaskId::MapAt(id, _) => *id == shard,
        TaskId::Reduce => false,
    });
    let begin = match committed {
        Some((TaskId::MapAt(_, offset), _)) => Some(*offset),
        _ => None,
    };
    let record = map::try_one(context, &Todo { shard: found, begin })?;
    let same = committed.map(|(_, commit)| sums(commit) == sums(&record));
    Ok(RunReport {
        run: context.run.name.clone(),
        folder: context.run.work.location().to_string(),
        outcome: Outcome::Replayed { shard, same },
        output: None,
        files: record.files.len() as u64,
        rows: record.counters.rows_out,
        bytes: record.files.iter().map(|f| f.bytes).sum(),
        rejected: record.counters.rows_rejected,
        wall: started.elapsed(),
        schema: context.program.partial_schema(),
        first: Vec::new(),
    })
}

fn sums(record: &TaskCommit) -> Vec<&str> {
    record.files.iter().map(|f| f.blake3.as_str()).collect()
}
