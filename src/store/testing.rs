//! What the unit tests of the store share.

use std::io::Write;

use tempfile::TempDir;

use super::client::{StoreOptions, Stores};
use super::commit::{Counters, RunFolder, TaskCommit, task_name};
use super::folder::Folder;
use super::manifest::{Manifest, PublishedFile};
use super::record::Record;
use super::writer::Written;
use crate::id::{AttemptId, TaskId};
use crate::spec::Location;

/// An empty local folder, removed with the first of the pair.
pub(super) fn temp_folder() -> (TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Stores::new(StoreOptions::default()).unwrap().folder(&Location::local(dir.path())).unwrap();
    (dir, folder)
}

/// A run named `r` with the default work folder, its output folder `out` inside the temporary one.
pub(super) fn temp_run() -> (TempDir, RunFolder) {
    let (dir, folder) = temp_folder();
    let output = folder.sub("out");
    let work = output.sub("_dp/r");
    (dir, RunFolder { work, output, name: "r".to_owned(), digest: "d".to_owned() })
}

/// A commit record of a new attempt that wrote nothing.
pub(super) fn commit_of(run: &RunFolder, task: TaskId) -> TaskCommit {
    TaskCommit {
        format: TaskCommit::FORMAT,
        plan: run.digest.clone(),
        task: task_name(task),
        attempt: AttemptId::random(),
        files: Vec::new(),
        counters: Counters::default(),
        tiles: Vec::new(),
        schema: None,
        started_millis: 1,
        finished_millis: 2,
    }
}

/// A manifest of files with these names and no data.
pub(super) fn manifest_of(run: &RunFolder, names: &[&str]) -> Manifest {
    let file = |name: &&str| PublishedFile {
        name: (*name).to_owned(),
        path: format!("_dp/{}/attempts/{name}", run.name),
        bytes: 0,
        rows: 0,
        blake3: String::new(),
    };
    Manifest {
        format: Manifest::FORMAT,
        run: run.name.clone(),
        plan: run.digest.clone(),
        files: names.iter().map(file).collect(),
        counters: Counters::default(),
    }
}

/// Another run of another plan with the same output folder.
pub(super) fn second_run(first: &RunFolder) -> RunFolder {
    RunFolder {
        work: first.output.sub("_dp/s"),
        output: first.output.clone(),
        name: "s".to_owned(),
        digest: "e".to_owned(),
    }
}

/// Writes files of an attempt and makes the manifest that publishes them as (name, content).
pub(super) fn with_data(run: &RunFolder, files: &[(&str, &str)]) -> Manifest {
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let mut manifest = manifest_of(run, &names);
    for (file, (_, content)) in manifest.files.iter_mut().zip(files) {
        let written = put(run, &file.path, content);
        (file.bytes, file.rows, file.blake3) = (written.bytes, 1, written.blake3);
    }
    manifest
}

/// Writes a file of the output folder.
pub(super) fn put(run: &RunFolder, path: &str, content: &str) -> Written {
    let mut writer = run.output.writer(path).unwrap();
    writer.write_all(content.as_bytes()).unwrap();
    writer.finish().unwrap()
}
