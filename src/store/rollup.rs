//! What one index of a map Job has committed, in one object: whoever reduces reads these instead of a
//! record per shard. They repeat commit records, which alone count.

use serde::{Deserialize, Serialize};

use super::commit::{RunFolder, TaskCommit, read_commit};
use super::concurrent::concurrently;
use super::layout;
use super::record::{self, Record};
use crate::error::{Error, Result};
use crate::id::TaskId;

/// The records of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollup {
    /// [`Rollup::FORMAT`].
    pub format: u32,
    /// The plan's digest.
    pub plan: String,
    /// The commit records of the index's shards, by shard.
    pub commits: Vec<TaskCommit>,
}

impl Record for Rollup {
    const FORMAT: u32 = 1;
    const WHAT: &'static str = "roll-up of commits";
}

/// Writes what an index, of so many, of a map Job has committed. Another pod of the index may write it as
/// well: it holds the same records.
///
/// # Errors
/// As [`super::folder::Folder::get`].
pub fn write_rollup(run: &RunFolder, round: u32, index: (u32, u32), commits: Vec<TaskCommit>) -> Result<()> {
    let rollup = Rollup { format: Rollup::FORMAT, plan: run.digest.clone(), commits };
    let (rel, bytes) = (layout::rollup(round, index), record::encode(&rollup)?);
    run.work.retry().idempotent(|| run.work.put(&rel, bytes.clone()))
}

/// How many of the `indexes` of the first map Job have written what they committed.
///
/// # Errors
/// As [`super::folder::Folder::get`].
pub fn finished_indexes(run: &RunFolder, indexes: u32) -> Result<u32> {
    let mut finished = 0;
    let written = run.work.list(layout::ROLLUPS)?;
    for index in 0..indexes {
        let name = layout::rollup(1, (index, indexes));
        let name = name.rsplit('/').next().unwrap_or_default();
        finished += u32::from(written.binary_search_by(|e| e.name.as_str().cmp(name)).is_ok());
    }
    Ok(finished)
}

/// All commit records of map tasks: from roll-ups, and those that no roll-up holds one by one. A record
/// that the listing leaves out only costs doing its task again.
///
/// # Errors
/// A record of another plan; what the store gives.
pub fn read_commits(run: &RunFolder) -> Result<Vec<(TaskId, TaskCommit)>> {
    let written = run.work.list(layout::ROLLUPS)?;
    let rollups = concurrently(&written, |entry| {
        let rel = format!("{}/{}", layout::ROLLUPS, entry.name);
        // One that is being replaced, or is of another plan, is worth nothing: the records are there.
        let rollup = record::read::<Rollup>(&run.work, &rel).ok().flatten();
        Ok(rollup.filter(|r| r.plan == run.digest).map_or_else(Vec::new, |r| r.commits))
    })?;
    let mut found = std::collections::BTreeMap::new();
    for record in rollups.into_iter().flatten() {
        if let Some(task) = record.task.strip_prefix("map/").and_then(TaskId::parse_map) {
            found.insert(task, record);
        }
    }
    let listed = run.work.list(&format!("{}/map", layout::COMMITS))?;
    let task = |name: &str| TaskId::parse_map(name.rsplit('/').next()?.strip_suffix(".json")?);
    let alone: Vec<TaskId> =
        listed.iter().filter_map(|e| task(&e.name)).filter(|t| !found.contains_key(t)).collect();
    for (task, record) in read_each(run, &alone)? {
        found.insert(task, record);
    }
    Ok(found.into_iter().collect())
}

/// The commit records of `tasks`, of those that have one.
///
/// # Errors
/// As [`read_commit`].
pub fn read_each(run: &RunFolder, tasks: &[TaskId]) -> Result<Vec<(TaskId, TaskCommit)>> {
    let read = concurrently(tasks, |task| Ok(read_commit(run, *task)?.map(|record| (*task, record))))?;
    Ok(read.into_iter().flatten().collect())
}

/// The shards of a map Job that does not run all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoundShards {
    /// [`RoundShards::FORMAT`].
    pub format: u32,
    /// Their numbers, ascending.
    pub shards: Vec<u32>,
    /// Bytes of memory of its pods.
    pub memory: u64,
    /// How many shards had no commit when it was made.
    pub missing: u32,
}

impl Record for RoundShards {
    const FORMAT: u32 = 1;
    const WHAT: &'static str = "list of shards";
}

/// Writes the shards of a round; if another driver was first, its list counts, and is returned.
///
/// # Errors
/// As [`super::record::create_once`].
pub fn write_round(run: &RunFolder, round: u32, shards: RoundShards) -> Result<RoundShards> {
    let rel = layout::round(round);
    match record::create_once(&run.work, &rel, &record::encode(&shards)?)? {
        record::Outcome::Won => Ok(shards),
        record::Outcome::Lost(bytes) => record::decode(&bytes, &run.work.name(&rel)),
    }
}

/// The shards of a round; `None`: it was not written.
///
/// # Errors
/// As [`super::record::read`].
pub fn find_round(run: &RunFolder, round: u32) -> Result<Option<RoundShards>> {
    record::read(&run.work, &layout::round(round))
}

/// The shards of a round that must be there.
///
/// # Errors
/// `Stop`: it is not.
pub fn read_round(run: &RunFolder, round: u32) -> Result<RoundShards> {
    find_round(run, round)?.ok_or_else(|| {
        Error::stop("the list of shards of this Job is gone")
            .with("file", run.work.name(&layout::round(round)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ShardId;
    use crate::store::commit::commit_task;
    use crate::store::testing::{commit_of, temp_run};

    #[test]
    fn commits_come_from_roll_ups_and_else_one_by_one() {
        let (_dir, run) = temp_run();
        let tasks = [0, 1, 2].map(|n| TaskId::Map(ShardId(n)));
        let commits = tasks.map(|t| commit_of(&run, t));
        for (task, commit) in tasks.iter().zip(&commits) {
            commit_task(&run, *task, commit).unwrap();
        }
        let want: Vec<_> = tasks.into_iter().zip(commits.clone()).collect();
        assert_eq!(read_commits(&run).unwrap(), want);
        write_rollup(&run, 1, (0, 2), commits[..2].to_vec()).unwrap();
        write_rollup(&run, 1, (0, 2), commits[..2].to_vec()).unwrap();
        assert_eq!(read_commits(&run).unwrap(), want);
        assert_eq!(finished_indexes(&run, 2).unwrap(), 1);
        // One that cannot be read is as if it were not there.
        run.work.put(&layout::rollup(1, (1, 2)), "{".into()).unwrap();
        assert_eq!(read_commits(&run).unwrap(), want);
        assert_eq!(finished_indexes(&run, 2).unwrap(), 2);
    }

    #[test]
    fn the_first_list_of_a_round_counts() {
        let (_dir, run) = temp_run();
        let list = |shards: &[u32]| RoundShards { format: 1, shards: shards.to_vec(), memory: 1, missing: 2 };
        assert_eq!(find_round(&run, 2).unwrap(), None);
        assert!(read_round(&run, 2).unwrap_err().to_string().contains("rounds/002.json"));
        assert_eq!(write_round(&run, 2, list(&[1, 2])).unwrap(), list(&[1, 2]));
        assert_eq!(write_round(&run, 2, list(&[2])).unwrap(), list(&[1, 2]));
        assert_eq!(read_round(&run, 2).unwrap(), list(&[1, 2]));
    }
}
