//! Shards tried until they are committed or given up, in this process.

use std::collections::BTreeMap;

use crate::error::{Error, Kind, Result, Retry};
use crate::id::TaskId;
use crate::task::Context;
use crate::task::map::{self, Todo, report_failure};
use crate::task::proof::Known;

/// How often tasks failed in this process, and those given up.
#[derive(Default)]
pub struct Tries {
    failed: BTreeMap<TaskId, u32>,
    dead: BTreeMap<TaskId, Error>,
}

impl Tries {
    /// Runs what is to be done once; notes what is committed and what failed.
    ///
    /// # Errors
    /// Nothing is left but what was given up; what stops the run; `Interrupted`.
    pub fn run(&mut self, context: &Context, todo: Vec<Todo>, known: &mut Known) -> Result<()> {
        let todo: Vec<Todo> = todo.into_iter().filter(|t| !self.dead.contains_key(&t.task())).collect();
        if todo.is_empty() {
            return Err(failure(std::mem::take(&mut self.dead)));
        }
        let outcome = map::run(context, &todo);
        for (at, record) in outcome.committed {
            if let Some(task) = todo.get(at).map(Todo::task) {
                known.insert(task, record);
            }
        }
        context.interrupt.check()?;
        let mut stop = None;
        for (at, error) in outcome.failed {
            let Some(todo) = todo.get(at) else { continue };
            let count = self.failed.entry(todo.task()).or_default();
            *count += 1;
            let again = error.kind().retry() == Retry::Again && *count < context.header.job.errors.attempts;
            if error.kind().retry() == Retry::FailRun && stop.is_none() {
                report_failure(context, todo, &error);
                stop = Some(error);
            } else if !again {
                report_failure(context, todo, &error);
                self.dead.insert(todo.task(), error);
            }
        }
        stop.map_or(Ok(()), Err)
    }
}

/// One error for all shards that were given up: the first one's, and how many more there are.
fn failure(dead: BTreeMap<TaskId, Error>) -> Error {
    let count = dead.len();
    match dead.into_values().next() {
        None => Error::internal("shards are missing, but none was given up"),
        Some(first) if count == 1 => first,
        Some(first) => {
            let kind: Kind = first.kind();
            let text = format!("{count} shards failed; the first of them: {}", first.message());
            first.context().iter().fold(Error::new(kind, text), |e, (k, v)| e.with(k, v))
        }
    }
}
