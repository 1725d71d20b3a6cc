//! Removing what no result needs. Published files are never touched: on local files they are hard
//! links, on object stores copies. (Spilled rows lie in files without a name and need no sweeping.)

use std::collections::BTreeMap;

use super::claim;
use super::commit::{RunFolder, TaskCommit};
use super::layout;
use super::output::read_success;
use super::record;
use crate::error::{Error, Result};
use crate::id::{AttemptId, TaskId};

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Removes the data of one attempt: one that lost, or that failed before its commit was tried.
///
/// # Errors
/// As [`super::folder::Folder::delete`].
pub fn remove_attempt(run: &RunFolder, task: TaskId, attempt: &AttemptId) -> Result<()> {
    run.output.remove_folder(&layout::attempt(&run.name, task, attempt))
}

/// Removes the data of attempts that lost: those of tasks that another attempt has committed. With
/// `unfinished`, also the attempts of tasks that no one has committed: only when no process works
/// on the run.
///
/// # Errors
/// `Stop`: a record is unreadable. `Transient`: the store failed.
pub fn sweep_attempts(run: &RunFolder, unfinished: bool) -> Result<Swept> {
    let folder = run.output.sub(&layout::attempts(&run.name));
    let mut winners: BTreeMap<String, Option<AttemptId>> = BTreeMap::new();
    let mut swept = Swept::default();
    for entry in folder.list("")? {
        let mut parts = entry.name.splitn(4, '/');
        let (Some(stage), Some(task), Some(attempt), Some(_)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let task = format!("{stage}/{task}");
        if !winners.contains_key(&task) {
            let rel = format!("{}/{task}.json", layout::COMMITS);
            let commit: Option<TaskCommit> = record::read(&run.work, &rel)?;
            winners.insert(task.clone(), commit.map(|c| c.attempt));
        }
        let keep = match winners.get(&task) {
            Some(Some(winner)) => winner.to_string() == attempt,
            _ => !unfinished,
        };
        if !keep {
            folder.delete(&entry.name)?;
            swept.files += 1;
            swept.bytes += entry.bytes;
        }
    }
    Ok(swept)
}

/// Removes a whole run but for its published result: its records and all its attempts. With
/// `unpublished`, also one that was never published.
///
/// # Errors
/// `Stop`: it is not published, or its result is only half in place. `Transient`: the store failed.
pub fn remove_run(run: &RunFolder, unpublished: bool) -> Result<Swept> {
    layout::check_run_name(&run.name)?;
    let published = is_published(run)?;
    if published.is_none() && !unpublished {
        return Err(Error::stop("the run has no published result: resume it, or remove it by force")
            .with("run", &run.name));
    }
    if published == Some(false) {
        return Err(Error::stop(
            "the run's result is half in place: resume the run, or publish another with ifExists: replace",
        )
        .with("run", &run.name)
        .with("output", run.output.location()));
    }
    let home = format!("{}/{}", layout::DP, run.name);
    let mut swept = Swept::default();
    let mut places = vec![run.output.sub(&home)];
    if run.work.location() != places[0].location() {
        places.push(run.work.clone());
    }
    for place in places {
        for entry in place.list("")? {
            swept.files += 1;
            swept.bytes += entry.bytes;
        }
        place.remove()?;
    }
    Ok(swept)
}

/// Whether the run's result was put in place as a whole; `None` if it never began.
fn is_published(run: &RunFolder) -> Result<Option<bool>> {
    if read_success(&run.output)?.is_some_and(|mark| mark.plan == run.digest) {
        return Ok(Some(true));
    }
    let last = claim::highest(&run.output)?;
    for epoch in (1..=last).rev() {
        if claim::read(&run.output, epoch)?.plan == run.digest {
            // A later claim has taken care of what an unfinished one left behind.
            return Ok(Some(epoch < last || run.output.exists(&layout::release(epoch))?));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Step;
    use crate::id::ShardId;
    use crate::spec::IfExists;
    use crate::store::commit::commit_task;
    use crate::store::publish::publish;
    use crate::store::testing::{commit_of, put, temp_run, with_data};

    #[test]
    fn only_attempts_that_lost_are_swept() {
        let (_dir, run) = temp_run();
        let [done, open] = [0, 1].map(|n| TaskId::Map(ShardId(n)));
        let [winner, loser, running] = [done, done, open].map(|task| commit_of(&run, task));
        for (task, record) in [(done, &winner), (done, &loser), (open, &running)] {
            put(&run, &layout::attempt_file(&run.name, task, &record.attempt, 0), "data");
        }
        commit_task(&run, done, &winner).unwrap();
        assert_eq!(sweep_attempts(&run, false).unwrap(), Swept { files: 1, bytes: 4 });
        let left = |task, record: &TaskCommit| {
            run.output.exists(&layout::attempt_file(&run.name, task, &record.attempt, 0)).unwrap()
        };
        assert!(left(done, &winner) && !left(done, &loser) && left(open, &running));
        assert_eq!(sweep_attempts(&run, true).unwrap().files, 1);
        assert!(left(done, &winner) && !left(open, &running));
    }

    #[test]
    fn a_run_goes_and_its_result_stays() {
        let (dir, run) = temp_run();
        let manifest = with_data(&run, &[("part-0", "a")]);
        assert!(remove_run(&run, false).is_err(), "it is not published");
        publish(&run, &manifest, IfExists::Fail, &mut |_| ()).unwrap();
        commit_task(&run, TaskId::Reduce, &commit_of(&run, TaskId::Reduce)).unwrap();
        assert_eq!(remove_run(&run, false).unwrap().files, 2);
        assert!(!dir.path().join("out/_dp/r").exists());
        assert_eq!(std::fs::read(dir.path().join("out/part-0")).unwrap(), b"a");
        let again = publish(&run, &manifest, IfExists::Fail, &mut |_| ()).unwrap();
        assert!(again.already);
    }

    #[test]
    fn a_half_published_run_stays() {
        let (dir, run) = temp_run();
        let manifest = with_data(&run, &[("part-0", "a"), ("part-1", "b")]);
        let mut cut = |step| {
            if step == Step::PublishedOne {
                std::fs::remove_file(dir.path().join("out").join(&manifest.files[1].path)).unwrap();
            }
        };
        publish(&run, &manifest, IfExists::Fail, &mut cut).unwrap_err();
        for unpublished in [false, true] {
            assert!(remove_run(&run, unpublished).unwrap_err().to_string().contains("half in place"));
        }
    }
}
