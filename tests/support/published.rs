//! Runs that are ready to be published into one folder, and what a reader of the folder must see.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use dp::spec::{IfExists, Location, Scheme};
use dp::store::client::{StoreOptions, Stores};
use dp::store::commit::{Counters, RunFolder};
use dp::store::folder::{Backend, Folder};
use dp::store::layout;
use dp::store::manifest::{Manifest, PublishedFile};
use dp::store::output::read_success;
use dp::store::publish::{Published, publish_with_clock};
use dp::store::record::Record;
use object_store::memory::InMemory;
use tempfile::TempDir;

/// Where the output folder lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Local,
    Memory,
}

/// Three runs over one folder. Their files have equal names where they have the same number, and
/// each content names its run. Run 2 is the old result.
pub struct Prepared {
    pub output: Folder,
    same: bool,
    manifests: [Manifest; 3],
    _dir: TempDir,
}

impl Prepared {
    pub fn new(place: Place, old: bool, same: bool) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let output = folder(place, dir.path());
        let manifests = [&[1, 2][..], &[1, 3], &[2, 4]];
        let mut number = 0;
        let manifests = manifests.map(|files| {
            number += 1;
            manifest(&output, number - 1, files)
        });
        let prepared = Self { output, same, manifests, _dir: dir };
        if old {
            prepared.publish_plainly(2, IfExists::Fail, 0).expect("the old result can be published");
        }
        prepared
    }

    /// The run and manifest of publisher `who`, through `backend`.
    pub fn run(&self, who: usize, backend: Arc<dyn Backend>) -> (RunFolder, Manifest) {
        let who = if self.same { 0 } else { who };
        let manifest = self.manifests[who].clone();
        let output = Folder::new(backend, self.output.location().clone());
        let work = output.sub(&format!("_dp/{}", manifest.run));
        (RunFolder { work, output, name: manifest.run.clone(), digest: manifest.plan.clone() }, manifest)
    }

    pub fn publish_plainly(&self, who: usize, if_exists: IfExists, now: u64) -> dp::Result<Published> {
        let (run, manifest) = self.run(who, Arc::clone(self.output.backend()));
        publish_with_clock(&run, &manifest, if_exists, &|| now, &mut |_| ())
    }

    pub fn name(&self, who: usize) -> String {
        self.manifests[who].run.clone()
    }

    /// Whose mark is there.
    pub fn winner(&self) -> Option<usize> {
        let mark = read_success(&self.output).expect("the mark is readable")?;
        self.manifests.iter().position(|m| m.run == mark.run)
    }

    /// If there is a mark: exactly the files of its run are there, with their contents.
    pub fn check_what_readers_see(&self) {
        let Some(winner) = self.winner() else { return };
        let entries = self.output.children().expect("the folder can be listed");
        let seen: Vec<_> =
            entries.iter().map(|e| e.name.as_str()).filter(|n| !layout::is_hidden(n)).collect();
        let expected: Vec<_> = self.manifests[winner].files.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(seen, expected, "the mark is of run {winner}");
        for name in seen {
            let bytes = self.output.get(name).expect("it can be read").expect("it is there");
            assert_eq!(bytes, content(winner, name), "{name} under the mark of run {winner}");
        }
    }
}

fn folder(place: Place, dir: &Path) -> Folder {
    let options =
        StoreOptions { tries: 3, pause: std::time::Duration::ZERO, copies: 1, ..StoreOptions::default() };
    let stores = Stores::new(options).expect("the options are fine");
    let result = match place {
        Place::Local => stores.scratch(&Location::local(&dir.join("out"))),
        Place::Memory => {
            let location = Location::parse("s3://bucket/out", dir).expect("it is a URL");
            stores.with_store(Scheme::S3, "bucket", Arc::new(InMemory::new())).folder(&location)
        }
    };
    result.expect("the store needs no settings")
}

fn content(run: usize, name: &str) -> String {
    format!("{name} of run {run}")
}

fn manifest(output: &Folder, run: usize, numbers: &[u32]) -> Manifest {
    let files = numbers.iter().map(|number| {
        let name = format!("part-{number}.csv");
        let path = format!("_dp/run-{run}/attempts/{name}");
        let mut writer = output.writer(&path).expect("an attempt's file can be written");
        writer.write_all(content(run, &name).as_bytes()).expect("an attempt's file can be written");
        let written = writer.finish().expect("an attempt's file can be written");
        PublishedFile { name, path, bytes: written.bytes, rows: 1, blake3: written.blake3 }
    });
    Manifest {
        format: Manifest::FORMAT,
        run: format!("run-{run}"),
        plan: format!("plan-{run}"),
        files: files.collect(),
        counters: Counters::default(),
    }
}
