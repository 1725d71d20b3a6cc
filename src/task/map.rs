//! Map tasks: shards in, commit records out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use super::{Context, now_millis};
use crate::engine::map::{self, DoneFile, ShardRead, ShardSink, ShardWork, Shards};
use crate::engine::morsel::MapInput;
use crate::engine::partials::{AggregateSink, FirstSink, OpenFile, SortedSink, sort_keys};
use crate::engine::rows::RowsSink;
use crate::engine::write::{FileSink, OutputWriter};
use crate::error::{Error, Result, Retry};
use crate::event::{Event, Step};
use crate::id::{AttemptId, TaskId};
use crate::job::sql::CutKind;
use crate::plan::Shard;
use crate::store::commit::{
    Commit, CommittedFile, Counters, Failure, TaskCommit, Tile, commit_task, inline_max, record_failure,
    task_name,
};
use crate::store::read::ReadStats;
use crate::store::record::Record;
use crate::store::{gc, layout};

/// A shard to be done, and where its first record begins if that had to be corrected.
#[derive(Debug, Clone)]
pub struct Todo<'a> {
    /// The shard.
    pub shard: &'a Shard,
    /// Its first record's byte, proved by the shard before.
    pub begin: Option<u64>,
}

impl Todo<'_> {
    /// The task's id.
    #[must_use]
    pub fn task(&self) -> TaskId {
        match self.begin {
            Some(offset) => TaskId::MapAt(self.shard.id, offset),
            None => TaskId::Map(self.shard.id),
        }
    }
}

/// What became of a set of map tasks.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Committed, by this process or by another one meanwhile: the shard's position in the todo list,
    /// and its record.
    pub committed: Vec<(usize, TaskCommit)>,
    /// Failed: the shard's position in the todo list, and why.
    pub failed: Vec<(usize, Error)>,
}

/// Runs one task without committing it; its data is removed again. The record is what would have
/// been committed.
///
/// # Errors
/// What the task gives.
pub fn try_one(context: &Context, todo: &Todo) -> Result<TaskCommit> {
    let outcome = run_tasks(context, std::slice::from_ref(todo), false);
    match (outcome.committed.into_iter().next(), outcome.failed.into_iter().next()) {
        (Some((_, record)), _) => {
            gc::remove_attempt(&context.run, todo.task(), &record.attempt)?;
            Ok(record)
        }
        (None, Some((_, error))) => Err(error),
        (None, None) => Err(Error::internal("the task gave nothing")),
    }
}

/// Runs and commits `todo` on all threads. A shard that fails does not stop the others, unless its
/// error says that the run cannot go on.
#[must_use]
pub fn run(context: &Context, todo: &[Todo]) -> Outcome {
    run_tasks(context, todo, true)
}

fn run_tasks(context: &Context, todo: &[Todo], commit: bool) -> Outcome {
    let input = MapInput {
        program: &context.program,
        stores: &context.stores,
        tables: &context.header.inputs,
        bad_records: context.header.job.errors.bad_records,
        buckets: context.header.buckets,
        machine: &context.machine,
    };
    let work: Vec<ShardWork> = todo.iter().map(|t| ShardWork { shard: t.shard, begin: t.begin }).collect();
    let attempts = Attempts {
        context,
        todo,
        attempts: todo.iter().map(|_| Attempt::new()).collect(),
        outcome: Mutex::default(),
        stop: AtomicBool::new(false),
        commit,
    };
    map::run(&input, &work, &attempts, &context.interrupt);
    attempts.outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// One try of one task.
struct Attempt {
    id: AttemptId,
    started: OnceLock<(Instant, u64)>,
    /// Whether anybody was told that it begins.
    announced: AtomicBool,
}

impl Attempt {
    fn new() -> Self {
        Self { id: AttemptId::random(), started: OnceLock::new(), announced: AtomicBool::new(false) }
    }

    /// When its first rows were fetched.
    fn started(&self) -> (Instant, u64) {
        *self.started.get_or_init(|| (Instant::now(), now_millis()))
    }
}

struct Attempts<'a> {
    context: &'a Context,
    todo: &'a [Todo<'a>],
    attempts: Vec<Attempt>,
    outcome: Mutex<Outcome>,
    stop: AtomicBool,
    /// Whether records are written.
    commit: bool,
}

impl Shards for Attempts<'_> {
    fn starting(&self, shard: usize) {
        if !self.attempts[shard].announced.swap(true, Ordering::Relaxed) {
            self.context.sink.emit(Event::ShardStarted { shard: self.todo[shard].shard.id });
        }
    }

    fn fetched(&self, shard: usize) {
        let attempt = &self.attempts[shard];
        if attempt.started.set((Instant::now(), now_millis())).is_ok() {
            self.context.step(self.todo[shard].task(), &attempt.id, Step::Fetched);
        }
    }

    fn begin(&self, shard: usize) -> Result<Box<dyn ShardSink>> {
        self.make_sink(shard)
    }

    fn progress(&self, shard: usize, read: &ReadStats) {
        self.context.sink.emit(Event::Morsel {
            shard: self.todo[shard].shard.id,
            rows: read.rows,
            bytes: read.bytes,
            rejected: read.rejected,
        });
    }

    fn end(&self, shard: usize, result: Result<(Box<dyn ShardSink>, ShardRead)>) {
        let id = self.todo[shard].shard.id;
        let committed = result.and_then(|(sink, read)| self.commit(shard, sink, &read));
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        match committed {
            Ok(record) => {
                outcome.committed.push((shard, record));
                drop(outcome);
                let took = self.attempts[shard].started().0.elapsed();
                self.context.sink.emit(Event::ShardDone { shard: id, took });
            }
            Err(error) => {
                if error.kind().retry() == Retry::FailRun {
                    self.stop.store(true, Ordering::Relaxed);
                }
                outcome.failed.push((shard, error));
            }
        }
    }

    fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Attempts<'_> {
    fn make_sink(&self, shard: usize) -> Result<Box<dyn ShardSink>> {
        let program = Arc::clone(&self.context.program);
        let schema = program.partial_schema();
        Ok(match program.kind().clone() {
            CutKind::Aggregate { keys } => {
                let (morsels, open) = (self.todo[shard].shard.splits.len(), self.partial_opener(shard));
                Box::new(AggregateSink::new(program, keys, self.context.header.buckets, morsels, open))
            }
            CutKind::Sort { options, fetch } => {
                let (keys, open) = (sort_keys(&schema, &options), self.partial_opener(shard));
                Box::new(SortedSink::new(schema, keys, fetch, Arc::clone(&self.context.machine), open))
            }
            CutKind::Limit { rows } => Box::new(FirstSink::new(schema, rows, self.partial_opener(shard))),
            CutKind::Rows | CutKind::Constant => {
                let open = opener(self.context, self.todo[shard].task(), self.attempts[shard].id.clone());
                Box::new(RowsSink(output_writer(self.context, open)?))
            }
        })
    }

    /// Opens the files of the attempt's partial; a small one goes into the commit record instead.
    fn partial_opener(&self, shard: usize) -> OpenFile {
        let (run, most) = (self.context.run.clone(), inline_max(self.context.header.shards));
        let (task, attempt) = (self.todo[shard].task(), self.attempts[shard].id.clone());
        Box::new(move |number| {
            Ok(run.output.writer_keeping(&layout::attempt_file(&run.name, task, &attempt, number), most))
        })
    }

    fn commit(&self, shard: usize, sink: Box<dyn ShardSink>, read: &ShardRead) -> Result<TaskCommit> {
        let (task, attempt) = (self.todo[shard].task(), &self.attempts[shard]);
        self.context.step(task, &attempt.id, Step::BeforeWrite);
        let files = sink.finish()?;
        self.context.step(task, &attempt.id, Step::AfterWrite);
        let record = TaskCommit {
            tiles: read
                .tiles
                .iter()
                .map(|(split, begin, end)| Tile { split: *split, begin: *begin, end: *end })
                .collect(),
            counters: Counters {
                bytes_read: read.bytes,
                rows_scanned: read.rows,
                rows_rejected: read.rejected,
                rows_out: files.iter().map(|f| f.rows).sum(),
            },
            ..new_record(self.context, task, &attempt.id, &files, attempt.started().1)
        };
        if !self.commit {
            return Ok(record);
        }
        match commit_task(&self.context.run, task, &record)? {
            Commit::Won => {
                self.context.step(task, &attempt.id, Step::Committed);
                Ok(record)
            }
            Commit::Lost(other) => {
                gc::remove_attempt(&self.context.run, task, &attempt.id)?;
                Ok(*other)
            }
        }
    }
}

/// Notes a failure that is final for this process, and says so.
pub fn report_failure(context: &Context, todo: &Todo, error: &Error) {
    let shard = todo.shard.id;
    let failure = Failure::new(todo.task(), AttemptId::random(), error, now_millis());
    if let Err(unwritten) = record_failure(&context.run, todo.task(), &failure) {
        context.sink.emit(Event::Warning(format!(
            "the failure of shard {} cannot be recorded: {unwritten}",
            shard.0
        )));
    }
    context.sink.emit(Event::ShardFailed { shard, message: error.to_string() });
}

pub(super) fn opener(context: &Context, task: TaskId, attempt: AttemptId) -> OpenFile {
    let run = context.run.clone();
    Box::new(move |number| run.output.writer(&layout::attempt_file(&run.name, task, &attempt, number)))
}

pub(super) fn output_writer(context: &Context, mut open: OpenFile) -> Result<OutputWriter> {
    let output = context.header.job.output.as_ref();
    let output = output.ok_or_else(|| Error::internal("the plan of a run has no output"))?;
    OutputWriter::new(output, &context.program.output_schema(), move |number| {
        Ok(Box::new(open(number)?) as Box<dyn FileSink>)
    })
}

pub(super) fn new_record(
    context: &Context,
    task: TaskId,
    attempt: &AttemptId,
    files: &[DoneFile],
    started_millis: u64,
) -> TaskCommit {
    let file = |f: &DoneFile| CommittedFile {
        path: layout::attempt_file(&context.run.name, task, attempt, f.number),
        bytes: f.bytes,
        rows: f.rows,
        blake3: f.blake3.clone(),
        data: f.kept.clone(),
    };
    TaskCommit {
        format: TaskCommit::FORMAT,
        plan: context.run.digest.clone(),
        task: task_name(task),
        attempt: attempt.clone(),
        files: files.iter().map(file).collect(),
        counters: Counters::default(),
        tiles: Vec::new(),
        schema: None,
        started_millis,
        finished_millis: now_millis(),
    }
}
