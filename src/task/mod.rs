//! One attempt of a task from start to commit: the same functions for `dp run`, a pod and a test.

pub mod map;
pub mod proof;
pub mod reduce;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::engine::Machine;
use crate::event::{Event, Interrupt, Sink, Step};
use crate::id::{AttemptId, TaskId};
use crate::job::sql::Program;
use crate::plan::Header;
use crate::store::client::Stores;
use crate::store::commit::RunFolder;

/// What all tasks of a run share.
#[derive(Debug, Clone)]
pub struct Context {
    /// The plan, without its shards.
    pub header: Arc<Header>,
    /// The statement.
    pub program: Arc<Program>,
    /// Where bytes come from.
    pub stores: Stores,
    /// Where records and data go.
    pub run: RunFolder,
    /// Threads, memory and scratch space.
    pub machine: Arc<Machine>,
    /// Where events go.
    pub sink: Sink,
    /// Ends the work early.
    pub interrupt: Interrupt,
}

impl Context {
    fn step(&self, task: TaskId, attempt: &AttemptId, step: Step) {
        self.sink.emit(Event::Step { task, attempt: attempt.clone(), step });
    }
}

/// Milliseconds since the epoch by this machine's clock: for people, never for decisions.
fn now_millis() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}
