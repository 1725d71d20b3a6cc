//! Putting the committed files of a run under their final names.
//!
//! The order is what readers rely on: `_SUCCESS` of an old result goes first, then old files that
//! the new result does not have, then the new files come, `_SUCCESS` last. A reader that waits for
//! `_SUCCESS` sees the files of one run. Everything may be repeated at any point by any process
//! that holds the claim; see [`super::claim`] for who does.

use std::collections::BTreeSet;

use super::claim::{self, Clock, Owner};
use super::commit::RunFolder;
use super::folder::{Created, Folder};
use super::layout;
use super::manifest::{Manifest, PublishedFile};
use super::output::{self, OutputState, Success, Survey};
use super::record::{self, Outcome};
use crate::error::{Error, Result};
use crate::event::Step;
use crate::spec::IfExists;

/// A published result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Files.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// The result of this plan was there already, whole: nothing was done.
    pub already: bool,
}

/// Publishes `manifest`, which must be the run's manifest as it is stored. Calls `hook` at the steps
/// [`Step::PublishClaimed`], [`Step::PublishedOne`], [`Step::PublishedAll`] and [`Step::Done`].
///
/// # Errors
/// `Stop`: the output holds what may not be replaced, or another run won it (the error names it).
/// `Transient`: the store failed, or another run is publishing right now; may be called again.
pub fn publish(
    run: &RunFolder,
    manifest: &Manifest,
    if_exists: IfExists,
    hook: &mut dyn FnMut(Step),
) -> Result<Published> {
    publish_with_clock(run, manifest, if_exists, &now_millis, hook)
}

/// [`publish`] with the given clock instead of the system's.
///
/// # Errors
/// As [`publish`].
pub fn publish_with_clock(
    run: &RunFolder,
    manifest: &Manifest,
    if_exists: IfExists,
    clock: Clock<'_>,
    hook: &mut dyn FnMut(Step),
) -> Result<Published> {
    let survey = || output::survey(&run.output, &run.digest, if_exists);
    if survey()?.state == OutputState::SamePlanDone {
        return Ok(sum(manifest, true));
    }
    let mut owner = claim::acquire(&run.output, manifest, clock, || Ok(survey()?.claimed()))?;
    run.output.sub(layout::CLAIMS).sync()?;
    hook(Step::PublishClaimed);
    let found = survey()?;
    if found.state == OutputState::SamePlanDone {
        owner.release();
        return Ok(sum(manifest, true));
    }
    clear(run, manifest, &mut owner, &found)?;
    place(run, manifest, &mut owner, &found, hook)?;
    run.output.sync()?;
    hook(Step::PublishedAll);
    finish(run, manifest, &mut owner)?;
    hook(Step::Done);
    owner.release();
    Ok(sum(manifest, false))
}

/// Removes the old mark, then the old files that the new result does not have.
fn clear(run: &RunFolder, manifest: &Manifest, owner: &mut Owner<'_>, found: &Survey) -> Result<()> {
    if found.success.is_some() {
        owner.check()?;
        run.output.delete(layout::SUCCESS)?;
        run.output.sync()?;
    }
    let keep: BTreeSet<&str> = manifest.files.iter().map(|f| f.name.as_str()).collect();
    for name in found.present.keys().filter(|name| !keep.contains(name.as_str())) {
        owner.check()?;
        run.output.delete(name)?;
    }
    Ok(())
}

/// Puts the new files under their names, several at once where the store takes its time.
fn place(
    run: &RunFolder,
    manifest: &Manifest,
    owner: &mut Owner<'_>,
    found: &Survey,
    hook: &mut dyn FnMut(Step),
) -> Result<()> {
    let at_once = run.output.copies_at_once();
    let mut left = manifest.files.len();
    for files in manifest.files.chunks(at_once) {
        owner.check()?;
        let held = &*owner;
        let one = |file: &PublishedFile| {
            let replace = found.known.contains(&file.name);
            place_one(&run.output, held, file, replace)
        };
        match files {
            [file] => one(file)?,
            _ => std::thread::scope(|scope| {
                let copies: Vec<_> = files.iter().map(|file| scope.spawn(|| one(file))).collect();
                let lost = |_| Err(Error::internal("a copy was lost"));
                copies.into_iter().try_for_each(|copy| copy.join().unwrap_or_else(lost))
            })?,
        }
        left -= files.len();
        if left > 0 {
            hook(Step::PublishedOne);
        }
    }
    Ok(())
}

fn place_one(output: &Folder, owner: &Owner<'_>, file: &PublishedFile, replace: bool) -> Result<()> {
    let placed = output.retry().idempotent(|| {
        owner.in_time()?;
        output.link_or_copy(&file.path, &file.name, file.bytes, replace)
    });
    match placed? {
        Created::New => Ok(()),
        Created::Exists => Err(output::foreign(output, &file.name)),
    }
}

/// Declares the result finished, if only its files are there and the output is still ours.
fn finish(run: &RunFolder, manifest: &Manifest, owner: &mut Owner<'_>) -> Result<()> {
    let names: BTreeSet<&str> = manifest.files.iter().map(|f| f.name.as_str()).collect();
    owner.confirm()?;
    if let Some(extra) = output::visible(&run.output)?.iter().find(|e| !names.contains(e.name.as_str())) {
        return Err(output::foreign(&run.output, &extra.name));
    }
    let mark = record::encode(&Success::new(manifest))?;
    if let Outcome::Lost(there) = record::create_once(&run.output, layout::SUCCESS, &mark)? {
        let there: Success = record::decode(&there, &run.output.name(layout::SUCCESS))?;
        if there.plan != manifest.plan {
            return Err(claim::lost(&run.output, &there.run));
        }
    }
    run.output.sync()
}

fn sum(manifest: &Manifest, already: bool) -> Published {
    Published {
        files: manifest.files.len() as u64,
        rows: manifest.files.iter().map(|f| f.rows).sum(),
        bytes: manifest.files.iter().map(|f| f.bytes).sum(),
        already,
    }
}

fn now_millis() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::error::Kind;
    use crate::store::testing::{second_run, temp_run, with_data};

    fn quiet(run: &RunFolder, manifest: &Manifest, if_exists: IfExists) -> Result<Published> {
        publish(run, manifest, if_exists, &mut |_| ())
    }

    fn names(dir: &Path) -> Vec<String> {
        let all = std::fs::read_dir(dir.join("out")).unwrap();
        let mut names: Vec<String> =
            all.map(|e| e.unwrap().file_name().into_string().unwrap()).filter(|n| n != "_dp").collect();
        names.sort();
        names
    }

    #[test]
    fn files_come_first_and_the_mark_last() {
        let (dir, run) = temp_run();
        let manifest = with_data(&run, &[("part-0", "aa"), ("part-1", "b")]);
        let mut steps = Vec::new();
        let done = publish(&run, &manifest, IfExists::Fail, &mut |step| {
            let marked = run.output.exists(layout::SUCCESS).unwrap();
            steps.push((step, names(dir.path()).len(), marked));
        });
        assert_eq!(done.unwrap(), Published { files: 2, rows: 2, bytes: 3, already: false });
        let expected = [
            (Step::PublishClaimed, 0, false),
            (Step::PublishedOne, 1, false),
            (Step::PublishedAll, 2, false),
            (Step::Done, 3, true),
        ];
        assert_eq!(steps, expected);
        let again = quiet(&run, &manifest, IfExists::Fail).unwrap();
        assert!(again.already);
    }

    #[test]
    fn a_file_that_was_removed_comes_back() {
        let (dir, run) = temp_run();
        let manifest = with_data(&run, &[("part-0", "aa"), ("part-1", "b")]);
        quiet(&run, &manifest, IfExists::Fail).unwrap();
        std::fs::remove_file(dir.path().join("out/part-1")).unwrap();
        assert!(!quiet(&run, &manifest, IfExists::Fail).unwrap().already);
        assert_eq!(names(dir.path()), ["_SUCCESS", "part-0", "part-1"]);
    }

    #[test]
    fn another_result_is_kept_or_replaced_as_asked() {
        let (dir, first) = temp_run();
        quiet(&first, &with_data(&first, &[("part-0", "a"), ("part-1", "b")]), IfExists::Fail).unwrap();
        let second = second_run(&first);
        let manifest = with_data(&second, &[("part-1", "c"), ("part-2", "d")]);
        let refused = quiet(&second, &manifest, IfExists::Fail).unwrap_err();
        assert_eq!(refused.kind(), Kind::Stop);
        assert!(refused.to_string().contains("run=r)"), "{refused}");
        quiet(&second, &manifest, IfExists::Replace).unwrap();
        assert_eq!(names(dir.path()), ["_SUCCESS", "part-1", "part-2"]);
        assert_eq!(std::fs::read(dir.path().join("out/part-1")).unwrap(), b"c");
    }

    #[test]
    fn files_that_dp_did_not_write_stay() {
        let cases = ["notes.csv", "part-0", "sub/data.parquet", "_SUCCESS"];
        for (name, if_exists) in cases.iter().flat_map(|n| [(n, IfExists::Fail), (n, IfExists::Replace)]) {
            let (dir, run) = temp_run();
            let file = dir.path().join("out").join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "precious").unwrap();
            let refused = output::check_output(&run.output, &run.digest, if_exists).unwrap_err();
            assert_eq!(refused.kind(), Kind::Stop, "{name}");
            let manifest = with_data(&run, &[("part-0", "a")]);
            assert_eq!(quiet(&run, &manifest, if_exists).unwrap_err().kind(), Kind::Stop, "{name}");
            assert_eq!(std::fs::read(&file).unwrap(), b"precious");
        }
    }

    #[test]
    fn a_half_replaced_result_can_be_replaced_even_without_old_claims() {
        let (dir, first) = temp_run();
        quiet(&first, &with_data(&first, &[("part-0", "a"), ("part-1", "b")]), IfExists::Fail).unwrap();
        std::fs::remove_dir_all(dir.path().join("out/_dp/publish")).unwrap();
        let second = second_run(&first);
        let broken = with_data(&second, &[("part-1", "c"), ("part-2", "c")]);
        std::fs::remove_file(dir.path().join("out").join(&broken.files[0].path)).unwrap();
        quiet(&second, &broken, IfExists::Replace).unwrap_err();
        assert_eq!(names(dir.path()), ["part-1"], "the mark and part-0 are gone, part-1 is the old one");
        let manifest = with_data(&second, &[("part-0", "d")]);
        quiet(&second, &manifest, IfExists::Replace).unwrap();
        assert_eq!(names(dir.path()), ["_SUCCESS", "part-0"]);
    }

    #[test]
    fn what_is_missing_or_cut_off_is_not_published() {
        let (dir, run) = temp_run();
        let mut manifest = with_data(&run, &[("part-0", "aa")]);
        manifest.files[0].bytes = 3;
        assert_eq!(quiet(&run, &manifest, IfExists::Fail).unwrap_err().kind(), Kind::Stop);
        manifest.files[0].path = "_dp/nothing".to_owned();
        let gone = quiet(&run, &manifest, IfExists::Fail).unwrap_err();
        assert!(gone.to_string().contains("_dp/nothing"), "{gone}");
        assert!(!dir.path().join("out/_SUCCESS").exists());
    }

    #[test]
    fn an_empty_result_is_a_mark_alone() {
        let (dir, run) = temp_run();
        quiet(&run, &with_data(&run, &[]), IfExists::Fail).unwrap();
        assert_eq!(names(dir.path()), ["_SUCCESS"]);
    }
}
