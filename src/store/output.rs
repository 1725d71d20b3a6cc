//! What lies in an output folder, and whether a run may publish there.

use std::collections::{BTreeMap, BTreeSet};

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
    /// Files that dp wrote: name -> size.
    pub(super) ours: BTreeMap<String, u64>,
}

impl Survey {
    /// The files that dp wrote, as a claim lists them.
    pub(super) fn claimed(self) -> Vec<ClaimedFile> {
        self.ours.into_iter().map(|(name, bytes)| ClaimedFile { name, bytes }).collect()
    }
}

pub(super) fn survey(output: &Folder, plan: &str, if_exists: IfExists) -> Result<Survey> {
    let success = read_success(output)?;
    let visible = visible(output)?;
    if let Some(mark) = success.as_ref().filter(|s| s.plan == plan)
        && complete(output, mark, &visible)?
    {
        let state = OutputState::SamePlanDone;
        return Ok(Survey { state, success, ours: BTreeMap::new() });
    }
    let mut other_run = success.as_ref().filter(|s| s.plan != plan).map(|s| s.run.clone());
    let ours = explain(output, plan, success.as_ref(), &visible, &mut other_run)?;
    let state = match other_run {
        Some(run) if if_exists == IfExists::Replace => OutputState::Replaceable { run },
        Some(run) => return Err(occupied(output, &run)),
        None if ours.is_empty() && success.is_none() => OutputState::Empty,
        None => OutputState::Resumable,
    };
    Ok(Survey { state, success, ours })
}

/// `_SUCCESS`, if there is one.
///
/// # Errors
/// `Stop`: dp did not write it.
pub fn read_success(output: &Folder) -> Result<Option<Success>> {
    record::read(output, layout::SUCCESS).map_err(|e| match e.kind() {
        Kind::Stop => Error::stop(
            "the output folder holds a _SUCCESS that this version of dp did not write: choose another folder",
        )
        .with("output", output.location())
        .because(e),
        _ => e,
    })
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
fn complete(output: &Folder, mark: &Success, visible: &[Entry]) -> Result<bool> {
    let listed: BTreeMap<&str, u64> = visible.iter().map(|e| (e.name.as_str(), e.bytes)).collect();
    for file in &mark.files {
        let there = match listed.get(file.name.as_str()) {
            Some(bytes) => Some(*bytes),
            None => output.size(&file.name)?,
        };
        if there != Some(file.bytes) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// All visible files, each of which must be in the mark or in a claim, with its size. Notes a run
/// of another plan if it takes one to explain a file.
fn explain(
    output: &Folder,
    plan: &str,
    success: Option<&Success>,
    visible: &[Entry],
    other_run: &mut Option<String>,
) -> Result<BTreeMap<String, u64>> {
    let marked: BTreeSet<(&str, u64)> =
        success.iter().flat_map(|s| &s.files).map(|f| (f.name.as_str(), f.bytes)).collect();
    let mut left: Vec<&Entry> =
        visible.iter().filter(|e| !marked.contains(&(e.name.as_str(), e.bytes))).collect();
    let mut epoch = if left.is_empty() { 0 } else { claim::highest(output)? };
    while epoch > 0 && !left.is_empty() {
        let claim = claim::read(output, epoch)?;
        if drop_known(&mut left, &claim.files) && claim.plan != plan && other_run.is_none() {
            *other_run = Some(claim.run);
        }
        if drop_known(&mut left, &claim.replaces) && other_run.is_none() {
            *other_run = Some("an earlier one".to_owned());
        }
        epoch -= 1;
    }
    match left.first() {
        None => Ok(visible.iter().map(|e| (e.name.clone(), e.bytes)).collect()),
        Some(entry) => Err(foreign(output, &entry.name)),
    }
}

/// Takes the entries that `files` lists out of `left`; whether there were any.
fn drop_known(left: &mut Vec<&Entry>, files: &[ClaimedFile]) -> bool {
    let known: BTreeSet<(&str, u64)> = files.iter().map(|f| (f.name.as_str(), f.bytes)).collect();
    let before = left.len();
    left.retain(|e| !known.contains(&(e.name.as_str(), e.bytes)));
    left.len() < before
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
