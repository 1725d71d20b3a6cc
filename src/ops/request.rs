//! What a command is asked to do, as plain data. The terminal layer fills these in; the functions of
//! this folder read nothing else: no environment, no working directory, no arguments.

use std::fmt;
use std::path::PathBuf;

use crate::id::ShardId;
pub use crate::spec::Given;

/// A job spec as read, not yet parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecText {
    /// The YAML.
    pub text: String,
    /// Its file as the user named it, for messages; `<stdin>` for standard input.
    pub file: String,
    /// Relative places in the spec lie under this absolute folder: that of the file.
    pub base: PathBuf,
}

/// The machine as this process may use it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Compute threads, at least 1; `None`: the spec, else the CPUs of the cgroup or the machine.
    pub threads: Option<u32>,
    /// Bytes of memory; `None`: the spec, else the limit of the cgroup or the machine.
    pub memory: Option<u64>,
    /// An existing folder for files that do not outlive the process.
    pub scratch: PathBuf,
    /// The environment, for the stores' credentials and endpoints.
    pub env: Env,
}

/// Environment variables. They may hold secrets: never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env(Vec<(String, String)>);

impl Env {
    /// Of name and value pairs.
    #[must_use]
    pub const fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The pairs.
    #[must_use]
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Env({} variables)", self.0.len())
    }
}

/// `dp run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRequest {
    /// The job; `None` only when `run` is the URL of a run that exists.
    pub spec: Option<SpecText>,
    /// What the command line says about it.
    pub given: Given,
    /// The run's name or the URL of its folder.
    pub run: Option<String>,
    /// Replay this shard alone; nothing is committed.
    pub shard: Option<ShardId>,
    /// First rows of the result to hand back.
    pub show_rows: usize,
    /// The machine.
    pub machine: Machine,
}

/// `dp sql`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlRequest {
    /// The statement; a quoted place in FROM is a table.
    pub sql: String,
    /// `output`, `work` and `base`; relative places in the statement lie under `base` too.
    pub given: Given,
    /// The run's name.
    pub run: Option<String>,
    /// First rows of the result to hand back.
    pub show_rows: usize,
    /// The machine.
    pub machine: Machine,
}

/// `dp plan`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRequest {
    /// The job.
    pub spec: SpecText,
    /// What the command line says about it.
    pub given: Given,
    /// The run's name or the URL of its folder.
    pub run: Option<String>,
    /// Whether the plan is written to the run's folder.
    pub freeze: bool,
    /// Hand back this shard too.
    pub shard: Option<ShardId>,
    /// The machine.
    pub machine: Machine,
}

/// `dp status` and `dp gc`: one run that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindRequest {
    /// The run's name (then `places` says where) or the URL of its folder.
    pub run: String,
    /// `output`, `work` and `base`.
    pub places: Given,
    /// The machine.
    pub machine: Machine,
}

/// `dp list`: the runs under a work url.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// `output` or `work`, at least one, and `base`.
    pub places: Given,
    /// The machine.
    pub machine: Machine,
}
