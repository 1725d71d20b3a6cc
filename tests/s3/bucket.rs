//! A folder of a test in the bucket, runs of the binary, and what they leave there.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use dp::spec::Location;
use dp::store::client::{StoreOptions, Stores};
use dp::store::folder::Folder;
use dp::store::layout;
use serde_json::Value;
use tempfile::TempDir;

pub struct Bucket {
    here: TempDir,
    base: String,
    stores: Stores,
}

impl Bucket {
    /// An empty folder, removed at the end.
    pub fn new(name: &str) -> Self {
        let bucket = std::env::var("DP_TEST_BUCKET_URL").expect("DP_TEST_BUCKET_URL: run `make s3`");
        let here = tempfile::tempdir().expect("a temporary folder");
        // The temporary folder's name is nobody else's.
        let unique = here.path().file_name().expect("a name").to_string_lossy().replace('.', "");
        let base = format!("{}/{name}-{unique}/", bucket.trim_end_matches('/'));
        let env = std::env::vars().collect();
        let stores =
            Stores::new(StoreOptions { env, ..StoreOptions::default() }).expect("the options are fine");
        Self { here, base, stores }
    }

    /// A folder of it.
    pub fn url(&self, name: &str) -> String {
        format!("{}{name}/", self.base)
    }

    /// A local folder.
    pub fn file(&self, name: &str) -> String {
        format!("{}/", self.here.path().join(name).display())
    }

    pub fn is_plain_http() -> bool {
        std::env::var("AWS_ENDPOINT_URL").is_ok_and(|url| url.starts_with("http://"))
    }

    pub fn folder(&self, url: &str) -> Folder {
        let location = Location::parse(url, Path::new("/")).expect("a place");
        self.stores.folder(&location).expect("the store needs no more settings")
    }

    pub fn dp(&self, args: &[&str], kill_at: Option<&str>) -> Output {
        let kill: Vec<(&str, &str)> = kill_at.map(|at| ("DP_TEST_KILL_AT", at)).into_iter().collect();
        self.dp_with(args, &kill)
    }

    pub fn dp_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dp"));
        command.args(args).envs(variables.iter().copied()).current_dir(self.here.path());
        command.stdin(Stdio::null()).output().expect("dp starts")
    }

    /// Runs a job of five shards; `format` may have more keys of `output` behind it.
    pub fn run(&self, input: &str, sql: &str, output: &str, format: &str, kill_at: Option<&str>) -> Output {
        let spec = format!(
            "apiVersion: dp.dev/v1alpha1\nkind: DataJob\nmetadata: {{ name: job }}\nspec:\n  input: {{ url: {input} }}\n  \
             sql: \"{sql}\"\n  output: {{ url: \"{output}\", format: {format} }}\n  shards: {{ count: 5 }}\n"
        );
        let mut file = tempfile::NamedTempFile::new_in(self.here.path()).expect("a file");
        file.write_all(spec.as_bytes()).expect("a file");
        let path: PathBuf = file.path().to_owned();
        self.dp(&["run", &path.display().to_string(), "--progress", "none"], kill_at)
    }

    pub fn json(&self, url: &str, name: &str) -> Value {
        let bytes = self.folder(url).get(name).expect("it can be read");
        serde_json::from_slice(&bytes.unwrap_or_else(|| panic!("{url}{name} is not there"))).expect("JSON")
    }

    /// Names that a reader's glob takes.
    pub fn visible(&self, url: &str) -> Vec<String> {
        let names = self.folder(url).children().expect("it can be listed").into_iter().map(|e| e.name);
        names.filter(|name| !layout::is_hidden(name)).collect()
    }

    /// Name and checksum of the files that `_SUCCESS` lists, which are just those that are there.
    pub fn result(&self, url: &str) -> Vec<(String, String)> {
        let mark = self.json(url, layout::SUCCESS);
        let text = |v: &Value| v.as_str().expect("a text").to_owned();
        let files = mark["files"].as_array().expect("a list");
        let files: Vec<_> = files.iter().map(|f| (text(&f["name"]), text(&f["blake3"]))).collect();
        let names: Vec<&String> = files.iter().map(|(name, _)| name).collect();
        assert_eq!(self.visible(url).iter().collect::<Vec<_>>(), names, "{url}");
        for (name, sum) in &files {
            let bytes = self.folder(url).get(name).expect("it can be read").expect("it is there");
            assert_eq!(blake3::hash(&bytes).to_hex().to_string(), *sum, "{url}{name}");
        }
        files
    }

    /// The run whose result lies there.
    pub fn run_name(&self, url: &str) -> String {
        self.json(url, layout::SUCCESS)["run"].as_str().expect("a name").to_owned()
    }

    /// Data of attempts that no commit record names.
    pub fn leftovers(&self, url: &str, run: &str) -> Vec<String> {
        let folder = self.folder(url).sub(&format!("{}/{run}", layout::DP));
        let mut named = Vec::new();
        for record in folder.list(layout::COMMITS).expect("it can be listed") {
            let bytes = folder.get(&format!("{}/{}", layout::COMMITS, record.name)).expect("it can be read");
            let json: Value = serde_json::from_slice(&bytes.expect("it is there")).expect("JSON");
            let files = json["files"].as_array().expect("a list").iter();
            named.extend(files.map(|f| f["path"].as_str().expect("a path").to_owned()));
        }
        let attempts = layout::attempts(run);
        let found = self.folder(url).list(&attempts).expect("it can be listed");
        let paths = found.into_iter().map(|e| format!("{attempts}/{}", e.name));
        paths.filter(|path| !named.contains(path)).collect()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        // Best effort: the bucket is the test's.
        let _ = self.folder(&self.base).remove();
    }
}

/// Copies files of the repository into the bucket.
pub fn local_copy(bucket: &Bucket, from: &str, to: &str) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(from);
    if from.is_dir() {
        for entry in fs::read_dir(&from).expect("a folder") {
            let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
            local_copy(bucket, &from.join(&name).display().to_string(), &format!("{to}/{name}"));
        }
        return;
    }
    let folder = bucket.folder(&bucket.base);
    folder.create(to, fs::read(&from).expect("a file").into()).expect("it can be written");
}

pub fn code(ended: &Output) -> i32 {
    ended.status.code().unwrap_or(-1)
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
