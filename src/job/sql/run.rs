//! Running a cut statement: per morsel, per bucket, and once at the end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result as DfResult;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use futures::{Stream, StreamExt};

use super::errors::{caught, running};
use super::program::Program;
use super::scan::{Batches, LeafExec, Role, Slots, as_leaf};
use crate::error::{Error, Result};

type Plan = Arc<dyn ExecutionPlan>;

/// Morsels that one instance of the map plan serves before a new one is made: operators keep
/// metrics per partition, which would grow for ever.
const MORSELS_PER_INSTANCE: usize = 512;

impl Program {
    /// An instance of the map plan with room for another morsel.
    ///
    /// # Errors
    /// The plan cannot be rebuilt: a defect.
    pub fn instance(&self) -> Result<Arc<MapInstance>> {
        let mut current = self.instance.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(instance) = current.as_ref()
            && instance.next.load(Ordering::Relaxed) < MORSELS_PER_INSTANCE
        {
            return Ok(Arc::clone(instance));
        }
        let map = self.map.as_ref().ok_or_else(|| Error::internal("this statement has no map part"))?;
        let mut slots = Vec::new();
        let root = self.fresh(map, MORSELS_PER_INSTANCE, &mut slots)?;
        let instance = Arc::new(MapInstance {
            root,
            slots,
            next: AtomicUsize::new(0),
            context: Arc::clone(&self.context),
        });
        *current = Some(Arc::clone(&instance));
        Ok(instance)
    }

    /// Appends the sort keys of `batch` as columns.
    ///
    /// # Errors
    /// A key cannot be computed for a row.
    pub fn with_sort_keys(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        match &self.sort_keys {
            Some(keys) => with_keys(batch, keys, &self.partial_schema),
            None => Ok(batch.clone()),
        }
    }

    /// The aggregate's states over no rows at all.
    ///
    /// # Errors
    /// The plan cannot be rebuilt: a defect.
    pub fn states_of_nothing(&self) -> Result<Vec<RecordBatch>> {
        let mut states = Vec::new();
        let mut none: Option<Batches> = Some(Box::new(std::iter::empty()));
        while !self.instance()?.run(0, &mut none, &mut |batch| {
            states.push(batch);
            Ok(true)
        })? {}
        Ok(states)
    }

    /// Merges aggregate states into states: one per key.
    ///
    /// # Errors
    /// A state overflows.
    pub fn combine(&self, states: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
        self.merge(AggregateMode::PartialReduce, states)
    }

    /// Merges aggregate states into the aggregate's result. Without GROUP BY the result has one
    /// row even if there are no states.
    ///
    /// # Errors
    /// A result overflows.
    pub fn finish(&self, states: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
        self.merge(AggregateMode::Final, states)
    }

    fn merge(&self, mode: AggregateMode, states: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
        let aggregate =
            self.aggregate.as_ref().ok_or_else(|| Error::internal("this statement has no aggregate"))?;
        let columns = (0..self.partial_schema.fields().len()).collect();
        let leaf = Arc::new(LeafExec::new(Role::Reduced, self.partial_schema(), columns, 1));
        leaf.slots().put(0, Box::new(states.into_iter().map(Ok)));
        let filters = vec![None; aggregate.aggr_expr().len()];
        let plan = AggregateExec::try_new(
            mode,
            aggregate.group_expr().as_final(),
            aggregate.aggr_expr().to_vec(),
            filters,
            leaf,
            aggregate.input_schema(),
        )
        .map_err(running)?;
        drain(&(Arc::new(plan) as Plan), &self.context)
    }

    /// Runs the row-wise operators behind the cut; may be called for pieces of the merged result.
    ///
    /// # Errors
    /// The statement fails on the data, or `reduced` does.
    pub fn post_head(&self, reduced: Batches) -> Result<Batches> {
        self.step(self.post.head.as_ref(), reduced)
    }

    /// Whether anything follows [`Program::post_head`] that needs more than one row.
    #[must_use]
    pub fn has_post_rest(&self) -> bool {
        self.post.sort.is_some() || self.post.rest.is_some()
    }

    /// The sort behind the head: its rows' schema with the keys appended, the order of each key, the
    /// rows to keep.
    #[must_use]
    pub fn post_sort(&self) -> Option<(SchemaRef, Vec<SortOptions>, Option<usize>)> {
        self.post.sort.as_ref().map(|s| (Arc::clone(&s.schema), s.options(), s.fetch))
    }

    /// Appends the keys of the sort behind the head as columns.
    ///
    /// # Errors
    /// A key cannot be computed for a row.
    pub fn with_post_keys(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        match &self.post.sort {
            Some(sort) => with_keys(batch, &sort.keys, &sort.schema),
            None => Ok(batch.clone()),
        }
    }

    /// Runs what follows head and sort, on all of the result in order.
    ///
    /// # Errors
    /// As [`Program::post_head`].
    pub fn post_rest(&self, sorted: Batches) -> Result<Batches> {
        self.step(self.post.rest.as_ref(), sorted)
    }

    fn step(&self, plan: Option<&Plan>, rows: Batches) -> Result<Batches> {
        let Some(plan) = plan else { return Ok(rows) };
        let mut slots = Vec::new();
        let root = self.fresh(plan, 1, &mut slots)?;
        if let Some(slot) = slots.first() {
            slot.put(0, rows);
        }
        let mut stream = root.execute(0, Arc::clone(&self.context)).map_err(running)?;
        Ok(Box::new(std::iter::from_fn(move || next(&mut stream).map(|b| b.map_err(running)))))
    }

    /// The plan with fresh leaves: side tables filled, the others' slots collected in order.
    fn fresh(&self, plan: &Plan, partitions: usize, slots: &mut Vec<Arc<Slots>>) -> Result<Plan> {
        if let Some(leaf) = as_leaf(plan) {
            let Role::Side(table) = leaf.role else {
                let leaf = leaf.fresh(partitions);
                slots.push(leaf.slots());
                return Ok(Arc::new(leaf));
            };
            let rows = self.sides.get(table).and_then(OnceLock::get);
            let rows = rows.ok_or_else(|| Error::internal("a side table was not loaded"))?.clone();
            let columns = leaf.columns.clone();
            let leaf = leaf.fresh(1);
            leaf.slots().put(
                0,
                Box::new(rows.into_iter().map(move |b| {
                    b.project(&columns).map_err(|e| Error::internal("a side table lost a column").because(e))
                })),
            );
            return Ok(Arc::new(leaf));
        }
        let children = plan
            .children()
            .into_iter()
            .map(|c| self.fresh(c, partitions, slots))
            .collect::<Result<Vec<_>>>()?;
        replace_children_if_necessary(Arc::clone(plan), children).map_err(running)
    }
}

/// An instance of the map plan: many morsels share its side tables' hash tables.
#[derive(Debug)]
pub struct MapInstance {
    root: Plan,
    slots: Vec<Arc<Slots>>,
    next: AtomicUsize,
    context: Arc<TaskContext>,
}

impl MapInstance {
    /// Runs the plan over one morsel's batches, read by scan number `scan`, and hands on what comes
    /// out; `emit` says whether more is wanted. Returns `false`, having read nothing, when this
    /// instance is used up: take the next one.
    ///
    /// # Errors
    /// The statement fails on the data, or reading or `emit` fails.
    pub fn run(
        &self,
        scan: usize,
        batches: &mut Option<Batches>,
        emit: &mut dyn FnMut(RecordBatch) -> Result<bool>,
    ) -> Result<bool> {
        let slot = self.next.fetch_add(1, Ordering::Relaxed);
        if slot >= MORSELS_PER_INSTANCE {
            return Ok(false);
        }
        let (Some(leaf), Some(batches)) = (self.slots.get(scan), batches.take()) else {
            return Err(Error::internal("a morsel has no scan or no batches"));
        };
        leaf.put(slot, batches);
        let partition = scan * MORSELS_PER_INSTANCE + slot;
        let mut stream = self.root.execute(partition, Arc::clone(&self.context)).map_err(running)?;
        while let Some(batch) = next(&mut stream) {
            let batch = batch.map_err(running)?;
            if batch.num_rows() > 0 && !emit(batch)? {
                break;
            }
        }
        Ok(true)
    }
}

fn with_keys(batch: &RecordBatch, keys: &LexOrdering, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut columns = batch.columns().to_vec();
    for key in keys {
        let value = caught(|| key.expr.evaluate(batch)?.into_array(batch.num_rows()));
        columns.push(value.map_err(running)?);
    }
    RecordBatch::try_new(Arc::clone(schema), columns)
        .map_err(|e| Error::internal("sort keys do not fit their schema").because(e))
}

/// Waits for the next item. Unlike `futures::executor::block_on` it may run inside itself: the rows
/// that a plan pulls may come out of another plan.
fn next<S, T>(stream: &mut S) -> Option<DfResult<T>>
where
    S: Stream<Item = DfResult<T>> + Unpin,
{
    let alarm = Arc::new(Alarm { rung: AtomicBool::new(false), sleeper: std::thread::current() });
    let waker = Waker::from(Arc::clone(&alarm));
    loop {
        match caught(|| Ok(stream.poll_next_unpin(&mut Context::from_waker(&waker)))) {
            Ok(Poll::Ready(item)) => return item,
            Ok(Poll::Pending) => (),
            Err(panicked) => return Some(Err(panicked)),
        }
        // An inner wait may have used up the thread's token: the bell is what counts.
        while !alarm.rung.swap(false, Ordering::Acquire) {
            std::thread::park();
        }
    }
}

/// Wakes the thread that waits in [`next`].
struct Alarm {
    rung: AtomicBool,
    sleeper: Thread,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.sleeper.unpark();
    }
}

fn drain(plan: &Plan, context: &Arc<TaskContext>) -> Result<Vec<RecordBatch>> {
    let mut stream = plan.execute(0, Arc::clone(context)).map_err(running)?;
    let mut out = Vec::new();
    while let Some(batch) = next(&mut stream) {
        let batch = batch.map_err(running)?;
        if batch.num_rows() > 0 {
            out.push(batch);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    #[test]
    fn a_wait_may_run_inside_another_one() {
        // Each stream is not ready at first, and says at once that it is: before the inner one waits.
        let lazy = |n: i32, mut inner: Option<Box<dyn FnMut() -> i32>>| {
            let mut ready = false;
            stream::poll_fn(move |context| {
                if std::mem::replace(&mut ready, true) {
                    return Poll::Ready(Some(Ok(n + inner.as_mut().map_or(0, |f| f()))));
                }
                context.waker().wake_by_ref();
                if let Some(wait) = &mut inner {
                    wait();
                }
                Poll::Pending
            })
        };
        let mut deep = lazy(1, None);
        let mut outer = lazy(10, Some(Box::new(move || next(&mut deep).map_or(0, Result::unwrap))));
        assert_eq!(next(&mut outer).map(Result::unwrap), Some(11));
    }
}
