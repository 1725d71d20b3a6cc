//! What lies in an output folder, and whether a run may publish there.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::{Deserialize, Serialize};

use super::claim::{self, ClaimedFile};
use super::folder::{Entry, Folder};
use super::layout;
use super::manifest::Manifest;
use super::record::{self, Record};
use crate::error::{Error, Kind, Result};
use crate::spec::IfExists;

/// A file as `_SUCCESS` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultFile {
    /// Its name in the output folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// BLAKE3 of its bytes, in hex.
    pub blake3: String,
}

/// The content of `_SUCCESS`: which files are the result, and of which run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Success {
    /// [`Success::FORMAT`].
    pub format: u32,
    /// The run.
    pub run: String,
    /// Its plan's digest.
    pub plan: String,
    /// All files of the result, in order.
    pub files: Vec<ResultFile>,
}

impl Record for Success {
    const FORMAT: u32 = 1;
    const WHAT: &'static str = "mark of a finished result (_SUCCESS)";
}

impl Success {
    /// The mark of `manifest`.
    #[must_use]
    pub fn new(manifest: &Manifest) -> Self {
        let file = |f: &super::manifest::PublishedFile| ResultFile {
            name: f.name.clone(),
            bytes: f.bytes,
            rows: f.rows,
            blake3: f.blake3.clone(),
        };
        Self {
            format: Self::FORMAT,
            run: manifest.run.clone(),
            plan: manifest.plan.clone(),
            files: manifest.files.iter().map(file).collect(),
        }
    }
}

/// Whether and how a run may publish into an output folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputState {
    /// Nothing is there.
    Empty,
    /// The whole result of this very plan is there: nothing is left to do.
    SamePlanDone,
    /// Files of this very plan are there, but not all of them, or no `_SUCCESS`.
    Resumable,
    /// Files that dp wrote for another plan are there, and may be replaced.
    Replaceable {
        /// The run that wrote them.
        run: String,
    },
}

/// Says what the output folder holds, as seen by a run of `plan`. Changes nothing.
///
/// # Errors
/// `Stop`: it holds files that dp did not write; or, with [`IfExists::Fail`], files of another plan.
pub fn check_output(output: &Folder, plan: &str, if_exists: IfExists) -> Result<OutputState> {
    Ok(survey(output, plan, if_exists)?.state)
}

/// What is in an output folder.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) state: OutputState,
    /// The mark there is, if any.
    pub(super) success: Option<Success>,
    /// Files that dp wrote and that are there: name -> size.
    pub(super) present: BTreeMap<String, u64>,
    /// Names that a run of dp may have written, there or not.
    pub(super) known: BTreeSet<String>,
}

impl Survey {
    /// The files that dp wrote, as a claim lists them.
    pub(super) fn claimed(self) -> Vec<ClaimedFile> {
        self.present.into_iter().map(|(name, bytes)| ClaimedFile { name, bytes }).collect()
    }
}

pub(super) fn survey(output: &Folder, plan: &str, if_exists: IfExists) -> Result<Survey> {
    let success = read_success(output)?;
    let listed: BTreeMap<String, u64> = visible(output)?.into_iter().map(|e| (e.name, e.bytes)).collect();
    if let Some(mark) = success.as_ref().filter(|s| s.plan == plan)
        && complete(output, mark, &listed)?
    {
        let state = OutputState::SamePlanDone;
        return Ok(Survey { state, success, present: BTreeMap::new(), known: BTreeSet::new() });
    }
    let authors = Authors::find(output, plan, success.as_ref(), &listed)?;
    if let Some(name) = authors.unknown(&listed) {
        return Err(foreign(output, name));
    }
    let (present, other_run) = authors.present(output, listed)?;
    let state = match success.as_ref().filter(|s| s.plan != plan).map(|s| s.run.clone()).or(other_run) {
        Some(run) if if_exists == IfExists::Replace => OutputState::Replaceable { run },
        Some(run) => return Err(occupied(output, &run)),
        None if present.is_empty() && success.is_none() => OutputState::Empty,
        None => OutputState::Resumable,
    };
    Ok(Survey { state, success, present, known: authors.names() })
}

/// Which run may have written which file (name and size) of an output folder.
#[derive(Default)]
struct Authors {
    ours: BTreeSet<(String, u64)>,
    theirs: BTreeMap<(String, u64), String>,
}

impl Authors {
    /// From the mark and from the claims: back to the last one whose publisher has ended well, and
    /// further back only if a file is still of no one.
    fn find(
        output: &Folder,
        plan: &str,
        success: Option<&Success>,
        listed: &BTreeMap<String, u64>,
    ) -> Result<Self> {
        let mut authors = Self::default();
        if let Some(mark) = success {
            let files = mark.files.iter().map(|f| (f.name.clone(), f.bytes));
            authors.add(files, (mark.plan != plan).then_some(&mark.run));
        }
        for epoch in (1..=claim::highest(output)?).rev() {
            let claim = claim::read(output, epoch)?;
            let pairs = |files: &[ClaimedFile]| -> Vec<_> {
                files.iter().map(|f| (f.name.clone(), f.bytes)).collect()
            };
            authors.add(pairs(&claim.files), (claim.plan != plan).then_some(&claim.run));
            authors.add(pairs(&claim.replaces), Some(&"an earlier run".to_owned()));
            if authors.unknown(listed).is_none() && output.exists(&layout::release(epoch))? {
                break;
            }
        }
        Ok(authors)
    }

    fn add(&mut self, files: impl IntoIterator<Item = (String, u64)>, other: Option<&String>) {
        match other {
            None => self.ours.extend(files),
            Some(run) => files.into_iter().for_each(|f| {
                self.theirs.entry(f).or_insert_with(|| run.clone());
            }),
        }
    }

    fn unknown<'a>(&self, listed: &'a BTreeMap<String, u64>) -> Option<&'a str> {
        let is_known = |file: &(String, u64)| self.ours.contains(file) || self.theirs.contains_key(file);
        listed
            .iter()
            .find(|(name, bytes)| !is_known(&((*name).clone(), **bytes)))
            .map(|(name, _)| name.as_str())
    }

    /// All files that are there, and a run of another plan that wrote one of them. A listing may
    /// leave files out: those that others may have left behind are looked for by name.
    fn present(
        &self,
        output: &Folder,
        listed: BTreeMap<String, u64>,
    ) -> Result<(BTreeMap<String, u64>, Option<String>)> {
        let (mut present, mut other_run) = (listed, None);
        for (file, run) in self.theirs.iter().filter(|(file, _)| !self.ours.contains(file)) {
            let (name, bytes) = file;
            let there = match present.get(name) {
                Some(there) => *there == *bytes,
                None => output.size(name)? == Some(*bytes),
            };
            if there {
                present.insert(name.clone(), *bytes);
                other_run.get_or_insert_with(|| run.clone());
            }
        }
        Ok((present, other_run))
    }

    fn names(&self) -> BTreeSet<String> {
        self.ours.iter().chain(self.theirs.keys()).map(|(name, _)| name.clone()).collect()
    }
}

/// `_SUCCESS`, if there is one.
///
/// # Errors
/// `Stop`: dp did not write it.
pub fn read_success(output: &Folder) -> Result<Option<Success>> {
    record::read(output, layout::SUCCESS).map_err(|e| match e.kind() {
        Kind::Stop if below_a_file(&e) => Error::stop(
            "the output's path, or a part of it, is a file: name a folder that is empty or not there yet",
        )
        .with("output", output.location()),
        Kind::Stop => Error::stop(
            "the output folder holds a _SUCCESS that this version of dp did not write: choose another folder",
        )
        .with("output", output.location())
        .because(e),
        _ => e,
    })
}

fn below_a_file(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|e| e.downcast_ref::<io::Error>());
    cause.is_some_and(|e| e.kind() == io::ErrorKind::NotADirectory)
}

/// Everything at the top of the folder that readers would take for data.
pub(super) fn visible(output: &Folder) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    for entry in output.children()? {
        if layout::is_hidden(&entry.name) {
            continue;
        }
        let folder = entry.name.strip_suffix('/').map(|name| output.sub(name));
        match folder {
            Some(folder) if folder.list("")?.is_empty() => (),
            _ => found.push(entry),
        }
    }
    Ok(found)
}

/// Whether all files that the mark lists are there with their sizes.
fn complete(output: &Folder, mark: &Success, listed: &BTreeMap<String, u64>) -> Result<bool> {
    for file in &mark.files {
        let there = match listed.get(&file.name) {
            Some(bytes) => Some(*bytes),
            None => output.size(&file.name)?,
        };
        if there != Some(file.bytes) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// There is a file that dp did not write.
pub(super) fn foreign(output: &Folder, name: &str) -> Error {
    Error::stop(
        "the output folder holds files that dp did not write: choose an empty folder, or move them away",
    )
    .with("file", output.name(name))
}

fn occupied(output: &Folder, run: &str) -> Error {
    Error::stop(
        "the output folder holds a result of another run: choose another folder, or set ifExists: replace",
    )
    .with("output", output.location())
    .with("run", run)
}
