//! Every path of a run, relative to the run's folder (`work`) or to the output folder (`output`).

use crate::error::{Error, Result};
use crate::id::{AttemptId, ShardId, TaskId};

/// Folder below the output that holds everything that is no result. Readers skip it: its name
/// begins with an underscore.
pub const DP: &str = "_dp";

/// The mark of a finished result, in the output folder.
pub const SUCCESS: &str = "_SUCCESS";

/// In the run's folder: the plan's header.
pub const PLAN: &str = "plan.json";

/// In the run's folder: the commit of the run.
pub const MANIFEST: &str = "manifest.json";

/// In the run's folder: all commit records.
pub const COMMITS: &str = "commits";

/// In the run's folder: all failure records.
pub const FAILURES: &str = "failures";

/// In the run's folder: what indexes have committed, for reduce.
pub const ROLLUPS: &str = "rollups/map";

/// In the run's folder: signs of life, overwritten.
pub const HEARTBEATS: &str = "heartbeats";

/// In the run's folder: the ends of the logs of pods.
pub const LOGS: &str = "logs";

/// In the output folder: the claims of publishers.
pub const CLAIMS: &str = "_dp/publish";

/// In the output folder, local files only: locked while a process publishes.
pub const PUBLISH_LOCK: &str = "_dp/publish/lock";

/// In the run's folder: a block of the plan's shards.
#[must_use]
pub fn plan_block(block: u32) -> String {
    format!("plan/{block:06}.json")
}

/// In the run's folder: the commit record of a task.
#[must_use]
pub fn commit(task: TaskId) -> String {
    format!("{COMMITS}/{}/{task}.json", task.stage())
}

/// In the run's folder: the failure record of an attempt.
#[must_use]
pub fn failure(task: TaskId, attempt: &AttemptId) -> String {
    format!("{FAILURES}/{}/{task}/{attempt}.json", task.stage())
}

/// In the run's folder: what an index, of so many, of a map Job's round has committed.
#[must_use]
pub fn rollup(round: u32, (index, indexes): (u32, u32)) -> String {
    format!("{ROLLUPS}/{round:03}-{indexes:06}-{index:06}.json")
}

/// In the run's folder: the shards of a map Job that does not run all of them.
#[must_use]
pub fn round(round: u32) -> String {
    format!("rounds/{round:03}.json")
}

/// In the run's folder: the sign of life of a pod.
#[must_use]
pub fn heartbeat(stage: &str, index: u32) -> String {
    format!("{HEARTBEATS}/{stage}-{index:06}.json")
}

/// In the run's folder: the end of the log of a pod.
#[must_use]
pub fn log(stage: &str, index: u32, pod: &str) -> String {
    format!("{LOGS}/{stage}-{index:06}-{pod}.jsonl")
}

/// In the output folder: the data of all attempts of a run.
#[must_use]
pub fn attempts(run: &str) -> String {
    format!("{DP}/{run}/attempts")
}

/// In the output folder: the data of all attempts of a task.
#[must_use]
pub fn task_attempts(run: &str, task: TaskId) -> String {
    format!("{DP}/{run}/attempts/{}/{task}", task.stage())
}

/// In the output folder: the data of an attempt.
#[must_use]
pub fn attempt(run: &str, task: TaskId, attempt: &AttemptId) -> String {
    format!("{}/{attempt}", task_attempts(run, task))
}

/// In the output folder: file `number` of an attempt. It has no extension, so that no reader's
/// pattern takes it for a result.
#[must_use]
pub fn attempt_file(run: &str, task: TaskId, id: &AttemptId, number: u32) -> String {
    format!("{}/{number:06}", attempt(run, task, id))
}

/// In the output folder: the claim of an epoch.
#[must_use]
pub fn claim(epoch: u64) -> String {
    format!("{CLAIMS}/{epoch:010}.json")
}

/// In the output folder: says that the publisher of an epoch has ended.
#[must_use]
pub fn release(epoch: u64) -> String {
    format!("{CLAIMS}/{epoch:010}.released.json")
}

/// In the output folder: a published file; `extension` without the dot.
#[must_use]
pub fn part(shard: ShardId, number: u32, extension: &str) -> String {
    format!("part-{shard}-{number:04}.{extension}")
}

/// Whether a name at the top of an output folder is one that readers skip.
#[must_use]
pub fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

/// Checks the name of a run, which becomes a folder's name.
///
/// # Errors
/// `Usage`: letters, digits, `.`, `_`, `-` only; not `publish`; at most 200 characters.
pub fn check_run_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let good = !name.is_empty()
        && name.len() <= 200
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name != "publish";
    if good {
        return Ok(());
    }
    Err(Error::usage(
        "not a name for a run: use letters, digits, '.', '_' and '-', a letter or digit first, \
         at most 200 of them, and not 'publish'",
    )
    .with("run", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempt_files_have_no_extension_and_are_hidden() {
        let path = attempt_file("a-1", TaskId::Map(ShardId(3)), &AttemptId::random(), 0);
        assert!(path.starts_with("_dp/a-1/attempts/map/000003/"), "{path}");
        assert!(path.ends_with("/000000"), "{path}");
        assert!(!path.contains('.'), "{path}");
    }

    #[test]
    fn parts_sort_in_plan_order() {
        let names = [part(ShardId(1), 2, "csv"), part(ShardId(1), 10, "csv"), part(ShardId(2), 0, "csv")];
        assert!(names.is_sorted());
        assert!(names.iter().all(|n| !is_hidden(n)));
        assert!(is_hidden(SUCCESS) && is_hidden(DP));
    }

    #[test]
    fn run_names() {
        for good in ["a", "delays-by-carrier-01234567", "x.y_z"] {
            check_run_name(good).unwrap();
        }
        for bad in ["", "publish", "../x", "a/b", ".a", "_a", "-a", "a b", &"x".repeat(201)] {
            assert!(check_run_name(bad).is_err(), "{bad}");
        }
    }
}
