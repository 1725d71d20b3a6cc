//! What makes one attempt the result of its task: a create-only record, written after the data.
//!
//! Two pods may work on one shard, a response may get lost, a process may die at any point: of all
//! attempts of a task the one whose record is at the task's place counts, and nothing else does.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::folder::Folder;
use super::layout;
use super::record::{self, Outcome, Record};
use crate::error::{Error, Kind, Result};
use crate::id::{AttemptId, ShardId, TaskId};

/// The places of a run.
#[derive(Debug, Clone)]
pub struct RunFolder {
    /// `<work>/<run>`: plan, records, manifest.
    pub work: Folder,
    /// The output folder: data of attempts, and the result.
    pub output: Folder,
    /// The run's name.
    pub name: String,
    /// The plan's digest (hex).
    pub digest: String,
}

/// A file of a committed attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommittedFile {
    /// Relative to the output folder.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// BLAKE3 of its bytes, in hex.
    pub blake3: String,
    /// Its bytes: there is no file then. A small partial costs one object less so.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "inline")]
    pub data: Option<Bytes>,
}

/// Bytes in a record: base64.
mod inline {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
    pub(super) fn serialize<S: Serializer>(data: &Option<Bytes>, to: S) -> Result<S::Ok, S::Error> {
        data.as_ref().map(|bytes| STANDARD.encode(bytes)).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Bytes>, D::Error> {
        let text: Option<String> = Option::deserialize(from)?;
        let bytes = text.map(|text| STANDARD.decode(text)).transpose();
        bytes.map(|bytes| bytes.map(Bytes::from)).map_err(D::Error::custom)
    }
}

/// Most bytes of data that go into one record, and into all records of a run together: whoever
/// reduces holds them all.
const INLINE_BYTES: usize = 16 << 10;
const INLINE_BYTES_OF_RUN: usize = 64 << 20;

/// Most bytes of data that the record of one of `tasks` tasks may hold.
#[must_use]
pub fn inline_max(tasks: u32) -> usize {
    INLINE_BYTES.min(INLINE_BYTES_OF_RUN / tasks.max(1) as usize)
}

/// What a task read and wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Bytes read of the input.
    pub bytes_read: u64,
    /// Records read of the input, the rejected ones included.
    pub rows_scanned: u64,
    /// Records rejected.
    pub rows_rejected: u64,
    /// Rows written.
    pub rows_out: u64,
}

impl Counters {
    /// The sum of two.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            bytes_read: self.bytes_read + other.bytes_read,
            rows_scanned: self.rows_scanned + other.rows_scanned,
            rows_rejected: self.rows_rejected + other.rows_rejected,
            rows_out: self.rows_out + other.rows_out,
        }
    }
}

/// Where the records of a split began and ended in its text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tile {
    /// Position of the split in its shard.
    pub split: u32,
    /// First byte of its first record.
    pub begin: u64,
    /// Behind the line's end of its last record.
    pub end: u64,
}

/// The commit record of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskCommit {
    /// [`TaskCommit::FORMAT`].
    pub format: u32,
    /// The plan's digest.
    pub plan: String,
    /// Stage and task, such as `map/000007`; see [`task_name`].
    pub task: String,
    /// The attempt that this record makes the result.
    pub attempt: AttemptId,
    /// Its files, in order.
    pub files: Vec<CommittedFile>,
    /// What it read and wrote.
    pub counters: Counters,
    /// For each split that is cut by bytes: where its records lay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiles: Vec<Tile>,
    /// Digest of the schema of its files, if its kind of task has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Milliseconds since the epoch, by the worker's clock.
    pub started_millis: u64,
    /// Milliseconds since the epoch, by the worker's clock.
    pub finished_millis: u64,
}

impl Record for TaskCommit {
    const FORMAT: u32 = 1;
    const WHAT: &'static str = "commit record";
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commit {
    /// This attempt is the result of its task.
    Won,
    /// The attempt in this record is; the caller removes its own data
    /// ([`super::gc::remove_attempt`]).
    Lost(Box<TaskCommit>),
}

/// Stage and task as records name them.
#[must_use]
pub fn task_name(task: TaskId) -> String {
    format!("{}/{task}", task.stage())
}

/// Makes an attempt the result of its task, unless another one is. All data that the record names
/// must be finished before.
///
/// # Errors
/// `Stop`: the record of this task belongs to another plan, or is unreadable. `Transient`: the
/// store kept failing; the record may be there or not, and the data must stay.
pub fn commit_task(run: &RunFolder, task: TaskId, record: &TaskCommit) -> Result<Commit> {
    let rel = layout::commit(task);
    check(run, task, record, "the new record")?;
    match record::create_once(&run.work, &rel, &record::encode(record)?)? {
        Outcome::Won => Ok(Commit::Won),
        Outcome::Lost(bytes) => {
            let name = run.work.name(&rel);
            let other: TaskCommit = record::decode(&bytes, &name)?;
            check(run, task, &other, &name)?;
            Ok(if other.attempt == record.attempt { Commit::Won } else { Commit::Lost(Box::new(other)) })
        }
    }
}

/// The commit record of a task; `None` while it has none.
///
/// # Errors
/// `Stop`: it is unreadable or belongs to another plan. `Transient`: the store failed.
pub fn read_commit(run: &RunFolder, task: TaskId) -> Result<Option<TaskCommit>> {
    let rel = layout::commit(task);
    let Some(found) = record::read::<TaskCommit>(&run.work, &rel)? else { return Ok(None) };
    check(run, task, &found, &run.work.name(&rel))?;
    Ok(Some(found))
}

fn check(run: &RunFolder, task: TaskId, record: &TaskCommit, name: &str) -> Result<()> {
    if record.plan != run.digest {
        return Err(Error::stop(
            "the run's folder holds records of another plan: give this run another name",
        )
        .with("file", name)
        .with("plan", &record.plan)
        .with("expected", &run.digest));
    }
    let expected = task_name(task);
    if record.task != expected {
        return Err(Error::stop("a commit record is at the place of another task")
            .with("file", name)
            .with("task", &record.task)
            .with("expected", expected));
    }
    Ok(())
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// [`Failure::FORMAT`].
    pub format: u32,
    /// Stage and task; see [`task_name`].
    pub task: String,
    /// The attempt.
    pub attempt: AttemptId,
    /// The exit code of the error's kind; see [`Kind::exit_code`].
    pub code: u8,
    /// What happened, with its place.
    pub message: String,
    /// Milliseconds since the epoch, by the worker's clock.
    pub at_millis: u64,
}

impl Record for Failure {
    const FORMAT: u32 = 1;
    const WHAT: &'static str = "failure record";
}

impl Failure {
    /// The record of `error`.
    #[must_use]
    pub fn new(task: TaskId, attempt: AttemptId, error: &Error, at_millis: u64) -> Self {
        Self {
            format: Self::FORMAT,
            task: task_name(task),
            attempt,
            code: error.kind().exit_code(),
            message: error.to_string(),
            at_millis,
        }
    }

    /// The kind of the error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::of_exit_code(self.code).unwrap_or(Kind::Internal)
    }
}

/// Notes why an attempt failed. Advisory: nothing but reports depends on it.
///
/// # Errors
/// As [`super::folder::Folder::create`].
pub fn record_failure(run: &RunFolder, task: TaskId, failure: &Failure) -> Result<()> {
    let rel = layout::failure(task, &failure.attempt);
    record::create_once(&run.work, &rel, &record::encode(failure)?).map(drop)
}

/// All failures that were noted, by task and attempt.
///
/// # Errors
/// `Stop`: one is unreadable. `Transient`: the store failed.
pub fn read_failures(run: &RunFolder) -> Result<Vec<Failure>> {
    let folder = run.work.sub(layout::FAILURES);
    let mut failures = Vec::new();
    for entry in folder.list("")? {
        failures.extend(record::read(&folder, &entry.name)?);
    }
    Ok(failures)
}

/// Removes what was noted of shards that are tried anew.
///
/// # Errors
/// As [`super::folder::Folder::get`].
pub fn remove_failures(run: &RunFolder, of: impl Fn(ShardId) -> bool) -> Result<()> {
    let folder = run.work.sub(layout::FAILURES);
    for entry in folder.list("")? {
        let task = entry.name.strip_prefix("map/").and_then(|n| TaskId::parse_map(n.split('/').next()?));
        if let Some(TaskId::Map(id) | TaskId::MapAt(id, _)) = task
            && of(id)
        {
            folder.delete(&entry.name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{commit_of, temp_run};

    const TASK: TaskId = TaskId::Map(ShardId(7));

    #[test]
    fn one_attempt_wins_and_stays() {
        let (_dir, run) = temp_run();
        let [a, b] = [commit_of(&run, TASK), commit_of(&run, TASK)];
        assert_eq!(commit_task(&run, TASK, &a).unwrap(), Commit::Won);
        assert_eq!(commit_task(&run, TASK, &b).unwrap(), Commit::Lost(Box::new(a.clone())));
        assert_eq!(commit_task(&run, TASK, &a).unwrap(), Commit::Won);
        assert_eq!(read_commit(&run, TASK).unwrap(), Some(a));
        for task in [TaskId::Map(ShardId(0)), TaskId::Reduce] {
            assert_eq!(read_commit(&run, task).unwrap(), None);
        }
    }

    #[test]
    fn records_of_another_plan_or_task_are_refused() {
        let (_dir, mut run) = temp_run();
        commit_task(&run, TASK, &commit_of(&run, TASK)).unwrap();
        run.digest = "other".to_owned();
        assert!(read_commit(&run, TASK).unwrap_err().to_string().contains("another plan"));
        let lost = commit_task(&run, TASK, &commit_of(&run, TASK)).unwrap_err();
        assert_eq!(lost.kind(), Kind::Stop);
        let misplaced = commit_of(&run, TaskId::Reduce);
        assert!(commit_task(&run, TASK, &misplaced).is_err());
    }

    #[test]
    fn a_torn_record_is_an_error_that_names_it() {
        let (dir, run) = temp_run();
        commit_task(&run, TASK, &commit_of(&run, TASK)).unwrap();
        let file = dir.path().join("out/_dp/r/commits/map/000007.json");
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        let error = read_commit(&run, TASK).unwrap_err();
        assert!(error.to_string().contains("commits/map/000007.json"), "{error}");
        assert_eq!(error.kind(), Kind::Stop);
    }

    #[test]
    fn failures_are_kept_per_attempt() {
        let (_dir, run) = temp_run();
        for text in ["row 3", "row 4"] {
            let failure = Failure::new(TASK, AttemptId::random(), &Error::bad_data(text), 5);
            record_failure(&run, TASK, &failure).unwrap();
        }
        let failures = read_failures(&run).unwrap();
        assert_eq!(failures.len(), 2);
        assert!(failures.iter().all(|f| f.kind() == Kind::BadData && f.task == "map/000007"));
    }
}
