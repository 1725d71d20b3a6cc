//! The reduce stage on one machine: committed partials in, the result's batches out, in an order
//! that the plan alone decides.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;

use super::Machine;
use super::lanes::{self, Lanes};
use super::partial::{PartialReader, Ranges};
use super::partials::sort_keys;
use super::sort::{Batches, Sorter, merge_sorted};
use crate::error::{Error, Result};
use crate::event::Interrupt;
use crate::job::sql::{CutKind, Program, split_by_hash};

/// A committed partial, open for reading.
pub type Partial = PartialReader<Box<dyn Ranges>>;

/// What reduce works on.
pub struct ReduceInput<'a> {
    /// The statement.
    pub program: &'a Arc<Program>,
    /// The shards' partials, in shard order; shards without rows may be left out.
    pub partials: Vec<Partial>,
    /// Hash buckets of grouped partials.
    pub buckets: u32,
    /// Threads, memory and scratch space.
    pub machine: &'a Machine,
    /// Ends the work early.
    pub interrupt: &'a Interrupt,
}

/// Takes the result's batches, in order.
pub type Emit<'a> = dyn FnMut(RecordBatch) -> Result<()> + Send + 'a;

/// Merges the partials and runs what follows the cut.
///
/// # Errors
/// A partial cannot be read, the statement fails on the data, or `emit` does.
pub fn run(input: ReduceInput, emit: &mut Emit) -> Result<()> {
    let program = Arc::clone(input.program);
    match program.kind() {
        CutKind::Rows => Ok(()),
        CutKind::Constant => through_post(&program, input.machine, Box::new(std::iter::empty()), emit),
        CutKind::Aggregate { keys } => aggregate(&input, *keys, emit),
        CutKind::Limit { rows } => {
            let limit = *rows;
            let (machine, interrupt) = (input.machine, input.interrupt);
            let inputs: Vec<Batches> =
                input.partials.into_iter().map(|p| chunks(p, interrupt.clone())).collect();
            let rows = first_rows(inputs.into_iter().flatten(), limit);
            through_post(&program, machine, Box::new(rows), emit)
        }
        CutKind::Sort { options, fetch } => {
            let schema = program.partial_schema();
            let keys = sort_keys(&schema, options);
            let visible = schema.fields().len() - options.len();
            let (machine, interrupt) = (input.machine, input.interrupt);
            let inputs = input.partials.into_iter().map(|p| chunks(p, interrupt.clone())).collect();
            let merged = machine
                .pool
                .install(|| merge_sorted(&schema, inputs, &keys, *fetch, &machine.budget, &machine.spill))?;
            through_post(&program, machine, without_keys(merged, visible), emit)
        }
    }
}

/// Runs what follows the cut on the compute threads and hands on what comes out.
fn through_post(program: &Program, machine: &Machine, rows: Batches, emit: &mut Emit) -> Result<()> {
    machine.pool.install(|| after_head(program, machine, program.post_head(rows)?, emit))
}

/// Sorts the head's rows if the statement does, runs the rest and hands on what comes out.
fn after_head(program: &Program, machine: &Machine, rows: Batches, emit: &mut Emit) -> Result<()> {
    let rows = match program.post_sort() {
        None => rows,
        Some((schema, options, fetch)) => {
            let keys = sort_keys(&schema, &options);
            let mut sorter = Sorter::new(&schema, keys, fetch, &machine.budget, &machine.spill)?;
            for batch in rows {
                sorter.push(&program.with_post_keys(&batch?)?)?;
            }
            without_keys(sorter.finish()?, schema.fields().len() - options.len())
        }
    };
    for batch in program.post_rest(rows)? {
        emit(batch?)?;
    }
    Ok(())
}

/// Drops the key columns behind the first `visible` ones.
fn without_keys(rows: Batches, visible: usize) -> Batches {
    let columns: Vec<usize> = (0..visible).collect();
    Box::new(rows.map(move |batch| {
        batch?.project(&columns).map_err(|e| Error::internal("sort keys cannot be dropped").because(e))
    }))
}

/// The rows of a chunked partial, one chunk in memory at a time.
fn chunks(partial: Partial, interrupt: Interrupt) -> Batches {
    let chunks = (0..partial.buckets()).take_while({
        let mut left = partial.rows();
        let sizes: Vec<u64> = (0..partial.buckets()).map(|b| partial.bucket_size(b).1).collect();
        move |b| {
            let more = left > 0;
            left = left.saturating_sub(sizes.get(*b as usize).copied().unwrap_or(0));
            more
        }
    });
    Box::new(chunks.flat_map(move |chunk| {
        let read = interrupt.check().and_then(|()| partial.read_bucket(chunk));
        match read {
            Ok(batches) => batches.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        }
    }))
}

fn first_rows(
    batches: impl Iterator<Item = Result<RecordBatch>> + Send,
    limit: usize,
) -> impl Iterator<Item = Result<RecordBatch>> + Send {
    let mut left = limit;
    batches
        .map_while(move |batch| {
            if left == 0 {
                return None;
            }
            Some(batch.map(|batch| {
                let rows = batch.num_rows().min(left);
                left -= rows;
                batch.slice(0, rows)
            }))
        })
        .fuse()
}

/// Results of buckets that wait for what follows.
const RESULTS_WAITING: usize = 16;

/// Merges states bucket by bucket, on all threads; buckets come out in order. What needs all of the
/// result runs at the same time on a thread of its own and takes the rows as they come.
fn aggregate(input: &ReduceInput, keys: usize, emit: &mut Emit) -> Result<()> {
    let buckets = if keys == 0 { 1 } else { input.buckets.max(1) };
    let uncut = if input.partials.is_empty() && keys > 0 {
        // Grand totals of GROUPING SETS are there without a single row.
        by_bucket([(0, input.program.states_of_nothing()?)], keys, buckets)?
    } else {
        let small = input.partials.iter().enumerate().filter(|(_, p)| p.buckets() == 1);
        let small = small.map(|(number, p)| Ok((number, p.read_bucket(0)?))).collect::<Result<Vec<_>>>()?;
        by_bucket(small, keys, buckets)?
    };
    let merge = |target| Merge {
        input,
        buckets,
        uncut: uncut.into_iter().map(Mutex::new).collect(),
        target: Mutex::new(target),
        error: Mutex::new(None),
        failed: AtomicBool::new(false),
    };
    if !input.program.has_post_rest() {
        return merge(Target::Emit(emit)).run();
    }
    let (sender, receiver) = sync_channel(RESULTS_WAITING);
    let merge = merge(Target::Send(Some(sender)));
    std::thread::scope(|scope| {
        let merging = scope.spawn(|| merge.run());
        let rows: Batches = Box::new(receiver.into_iter().map(Ok));
        let after = after_head(input.program, input.machine, rows, emit);
        let merged = merging.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Without all rows the rest may have failed, or worse, succeeded.
        merged.and(after)
    })
}

/// States by bucket, each with the number of its partial.
type Numbered = Vec<(usize, RecordBatch)>;

/// States of small partials, which were written without cutting them into buckets.
fn by_bucket(
    small: impl IntoIterator<Item = (usize, Vec<RecordBatch>)>,
    keys: usize,
    buckets: u32,
) -> Result<Vec<Numbered>> {
    let mut by_bucket: Vec<Numbered> = vec![Vec::new(); buckets as usize];
    for (number, batches) in small {
        for batch in batches {
            for (bucket, rows) in split_by_hash(&batch, keys, buckets)? {
                by_bucket[bucket as usize].push((number, rows));
            }
        }
    }
    Ok(by_bucket)
}

enum Target<'a, 'b> {
    Emit(&'a mut Emit<'b>),
    /// `None` when all is sent.
    Send(Option<SyncSender<RecordBatch>>),
}

struct Merge<'a, 'b> {
    input: &'a ReduceInput<'a>,
    buckets: u32,
    uncut: Vec<Mutex<Numbered>>,
    target: Mutex<Target<'a, 'b>>,
    error: Mutex<Option<Error>>,
    failed: AtomicBool,
}

impl Merge<'_, '_> {
    fn run(&self) -> Result<()> {
        lanes::run(&self.input.machine.pool, 1, self);
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        if let Target::Send(sender) = &mut *target {
            // The receiver ends when the last sender is gone.
            sender.take();
        }
        match self.error.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => self.input.interrupt.check(),
        }
    }

    /// All states of a bucket, in shard order.
    fn states(&self, bucket: usize) -> Result<Vec<RecordBatch>> {
        let uncut = std::mem::take(&mut *self.uncut[bucket].lock().unwrap_or_else(PoisonError::into_inner));
        let mut uncut = uncut.into_iter().peekable();
        let mut states = Vec::new();
        for (number, partial) in self.input.partials.iter().enumerate() {
            while let Some((_, batch)) = uncut.next_if(|(n, _)| *n == number) {
                states.push(batch);
            }
            if partial.buckets() == 1 {
                continue;
            }
            let generations = partial.buckets() / self.buckets;
            for generation in 0..generations {
                let numbered = generation * self.buckets + u32::try_from(bucket).unwrap_or(u32::MAX);
                states.extend(partial.read_bucket(numbered)?);
            }
        }
        states.extend(uncut.map(|(_, batch)| batch));
        Ok(states)
    }

    fn bucket(&self, bucket: usize) -> Result<Vec<RecordBatch>> {
        let program = self.input.program;
        let rows = program.finish(self.states(bucket)?)?;
        program.post_head(Box::new(rows.into_iter().map(Ok)))?.collect()
    }

    fn hand_on(&self, rows: Vec<RecordBatch>) -> Result<()> {
        match &mut *self.target.lock().unwrap_or_else(PoisonError::into_inner) {
            Target::Emit(emit) => rows.into_iter().try_for_each(emit),
            // A receiver that is gone has what it wanted (a limit) or has failed and says so itself.
            Target::Send(Some(sender)) => {
                let _ = rows.into_iter().try_for_each(|batch| sender.send(batch));
                Ok(())
            }
            Target::Send(None) => Ok(()),
        }
    }
}

impl Lanes for Merge<'_, '_> {
    type Output = Result<Vec<RecordBatch>>;

    fn items(&self, _: usize) -> usize {
        self.buckets as usize
    }

    fn work(&self, _: usize, bucket: usize) -> Self::Output {
        self.bucket(bucket)
    }

    fn take(&self, _: usize, _: usize, output: Self::Output) {
        if self.failed.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = output.and_then(|rows| self.hand_on(rows)) {
            self.failed.store(true, Ordering::Relaxed);
            *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }

    fn end(&self, _: usize) {}

    fn stop(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || self.input.interrupt.is_set()
    }
}
