//! The commit of a run: which files are its result.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::commit::{Counters, RunFolder};
use super::layout;
use super::record::{self, Outcome, Record};
use crate::error::{Error, Result};

/// A file of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFile {
    /// Its name in the output folder; see [`layout::part`].
    pub name: String,
    /// The attempt's file that it is, relative to the output folder.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// BLAKE3 of its bytes, in hex.
    pub blake3: String,
}

/// The commit record of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`Manifest::FORMAT`].
    pub format: u32,
    /// The run's name.
    pub run: String,
    /// The plan's digest.
    pub plan: String,
    /// The result's files, in order.
    pub files: Vec<PublishedFile>,
    /// Sums over the run.
    pub counters: Counters,
}

impl Record for Manifest {
    const FORMAT: u32 = 1;
    const WHAT: &'static str = "manifest";
}

/// Commits a run. The manifest that counts is the answer: another process may have been first, and
/// then its manifest is published.
///
/// # Errors
/// As [`super::commit::commit_task`].
pub fn commit_run(run: &RunFolder, manifest: &Manifest) -> Result<Manifest> {
    check(run, manifest, "the new manifest")?;
    match record::create_once(&run.work, layout::MANIFEST, &record::encode(manifest)?)? {
        Outcome::Won => Ok(manifest.clone()),
        Outcome::Lost(bytes) => parse(run, &bytes),
    }
}

/// The manifest of a run; `None` while it is not committed.
///
/// # Errors
/// As [`super::commit::read_commit`].
pub fn read_manifest(run: &RunFolder) -> Result<Option<Manifest>> {
    match run.work.get(layout::MANIFEST)? {
        Some(bytes) => parse(run, &bytes).map(Some),
        None => Ok(None),
    }
}

fn parse(run: &RunFolder, bytes: &Bytes) -> Result<Manifest> {
    let name = run.work.name(layout::MANIFEST);
    let manifest: Manifest = record::decode(bytes, &name)?;
    check(run, &manifest, &name)?;
    Ok(manifest)
}

/// Belongs to this plan, and its names are plain, different and not hidden.
fn check(run: &RunFolder, manifest: &Manifest, name: &str) -> Result<()> {
    if manifest.plan != run.digest {
        return Err(Error::stop(
            "the run's folder holds the manifest of another plan: give this run another name",
        )
        .with("file", name)
        .with("plan", &manifest.plan)
        .with("expected", &run.digest));
    }
    let mut names: Vec<&str> = manifest.files.iter().map(|f| f.name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).any(|pair| pair[0] == pair[1]);
    let odd = |n: &&str| n.is_empty() || n.contains('/') || layout::is_hidden(n);
    if twice || names.iter().any(odd) {
        return Err(Error::internal("a manifest has file names that cannot be published").with("file", name));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{manifest_of, temp_run};

    #[test]
    fn the_first_manifest_is_the_one_that_counts() {
        let (_dir, run) = temp_run();
        assert_eq!(read_manifest(&run).unwrap(), None);
        let [a, b] = [manifest_of(&run, &["part-1"]), manifest_of(&run, &["part-2"])];
        assert_eq!(commit_run(&run, &a).unwrap(), a);
        assert_eq!(commit_run(&run, &b).unwrap(), a);
        assert_eq!(read_manifest(&run).unwrap(), Some(a));
    }

    #[test]
    fn names_that_cannot_be_published_are_refused() {
        let (_dir, run) = temp_run();
        for names in [&["a", "a"][..], &[""], &["a/b"], &["_SUCCESS"], &[".a"]] {
            assert!(commit_run(&run, &manifest_of(&run, names)).is_err(), "{names:?}");
        }
    }
}
