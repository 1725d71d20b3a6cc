//! A stable sort that spills, keeps only the first rows if asked, and whose result depends on the
//! order of the rows pushed alone: never on memory, threads or the sizes of batches.

mod keys;
mod merge;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, interleave_record_batch};
use arrow::datatypes::SchemaRef;
use rayon::prelude::*;

use self::keys::{Bound, Head, KeyEncoder, Keys};
use self::merge::{Run, RunStore};
use super::flat;
use super::memory::{Budget, Reservation};
use super::rebatch::Rebatch;
use super::spill::SpillDir;
use crate::error::{Error, Result};

pub use self::keys::SortKeys;
pub use self::merge::merge_sorted;

/// Rows of every batch that a sort or merge gives, except the last one.
pub const BATCH_ROWS: usize = 8192;

/// Batches one after the other, or the error that ends them.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// A row of the rows held: its batch, and its number there.
type Place = (u32, u32);

/// A place with the first 8 bytes of its key: all that most comparisons look at.
type Entry = (u64, u32, u32);

/// Bytes that sorting one row takes besides the row and its key.
const ENTRY_BYTES: u64 = (size_of::<Entry>() + size_of::<Place>()) as u64;

/// Sorts rows. Rows with equal keys stay in the order in which they were pushed.
pub struct Sorter {
    schema: SchemaRef,
    keys: SortKeys,
    encoder: KeyEncoder,
    limit: Option<usize>,
    budget: Budget,
    rebatch: Rebatch,
    held: Vec<(RecordBatch, Keys)>,
    held_rows: usize,
    reserved: Reservation,
    /// The `limit`-th key so far: later rows that are not below it are not among the first.
    bound: Option<Bound>,
    store: RunStore,
    runs: Vec<Run>,
}

impl Sorter {
    /// A sort of batches of `schema`; with a `limit` only the first so many rows are kept.
    ///
    /// # Errors
    /// `Usage` for columns that have no order.
    pub fn new(
        schema: &SchemaRef,
        keys: SortKeys,
        limit: Option<usize>,
        budget: &Budget,
        dir: &SpillDir,
    ) -> Result<Self> {
        let flat = flat::schema(schema, flat::Views::Keep);
        Ok(Self {
            schema: schema.clone(),
            encoder: KeyEncoder::new(&flat, &keys)?,
            keys,
            limit,
            budget: budget.clone(),
            rebatch: Rebatch::new(flat.clone(), BATCH_ROWS),
            held: Vec::new(),
            held_rows: 0,
            reserved: budget.reserve(0),
            bound: None,
            store: RunStore { schema: flat, dir: dir.clone(), file: None },
            runs: Vec::new(),
        })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// `Stop` when the scratch folder is full.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut batch = flat::cast(batch, &self.store.schema)?;
        if self.limit == Some(0) {
            return Ok(());
        }
        if let Some(bound) = &self.bound {
            let below = BooleanArray::from(self.encoder.encode(&batch)?.below(bound));
            batch = filter_record_batch(&batch, &below)
                .map_err(|e| Error::internal("rows cannot be filtered").because(e))?;
        }
        for full in self.rebatch.push(batch)? {
            self.hold(full)?;
        }
        Ok(())
    }

    /// The sorted rows.
    ///
    /// # Errors
    /// As [`Sorter::push`].
    pub fn finish(mut self) -> Result<Batches> {
        if let Some(rest) = self.rebatch.finish()? {
            self.hold(rest)?;
        }
        let sorted = Box::new(self.sort_held());
        if self.runs.is_empty() {
            return Ok(merge::restore(sorted, &self.schema));
        }
        let mut inputs = Vec::with_capacity(self.runs.len() + 1);
        for run in std::mem::take(&mut self.runs) {
            inputs.push(self.store.read(run)?);
        }
        inputs.push(sorted);
        let flat = &self.store.schema;
        let merged = merge::merge_flat(flat, inputs, &self.keys, self.limit, &self.budget, &self.store.dir)?;
        Ok(merge::restore(merged, &self.schema))
    }

    fn hold(&mut self, batch: RecordBatch) -> Result<()> {
        let batch = flat::compact(batch);
        let keys = self.encoder.encode(&batch)?;
        self.reserved.grow(bytes_of(&batch, &keys));
        self.held_rows += batch.num_rows();
        self.held.push((batch, keys));
        if let Some(limit) = self.limit
            && self.held_rows >= limit.saturating_mul(2).saturating_add(BATCH_ROWS)
        {
            self.prune(limit)?;
        }
        // Others may have taken the memory: what is too small to matter is not worth a run.
        if self.reserved.over() && self.reserved.bytes() >= self.budget.total() / 16 {
            self.spill()?;
        }
        Ok(())
    }

    /// Keeps the first `limit` of the rows held.
    fn prune(&mut self, limit: usize) -> Result<()> {
        let mut bound = None;
        let mut rows = 0;
        for batch in self.sort_held() {
            let batch = flat::compact(batch?);
            let keys = self.encoder.encode(&batch)?;
            self.reserved.grow(bytes_of(&batch, &keys));
            rows += batch.num_rows();
            bound = batch.num_rows().checked_sub(1).map(|last| keys.bound(last));
            self.held.push((batch, keys));
        }
        self.held_rows = rows;
        if rows == limit {
            self.bound = bound;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        let mut run = Run::new();
        for batch in self.sort_held() {
            self.store.spill(&batch?, &mut run)?;
        }
        self.runs.push(run);
        Ok(())
    }

    /// Sorts what is held and forgets it.
    fn sort_held(&mut self) -> Sorted {
        let held = std::mem::take(&mut self.held);
        self.held_rows = 0;
        let reserved = std::mem::replace(&mut self.reserved, self.budget.reserve(0));
        let mut order = order(&held);
        order.truncate(self.limit.unwrap_or(usize::MAX));
        let batches = held.into_iter().map(|(batch, _)| batch).collect();
        Sorted { batches, order, next: 0, ready: Vec::new(), _reserved: reserved }
    }
}

fn bytes_of(batch: &RecordBatch, keys: &Keys) -> u64 {
    flat::bytes(batch) + keys.bytes() + ENTRY_BYTES * batch.num_rows() as u64
}

/// The rows in order. The position is part of what is compared, so no two entries are equal and
/// the result does not depend on how the work is divided. NULLs of a single key are not compared
/// at all: they stay in the order of the input, before or behind the others.
fn order(held: &[(RecordBatch, Keys)]) -> Vec<Place> {
    let (mut first, mut last) = (Vec::new(), Vec::new());
    let mut entries: Vec<Entry> = Vec::with_capacity(held.iter().map(|(b, _)| b.num_rows()).sum());
    for (number, (batch, keys)) in held.iter().enumerate() {
        // Batches are fewer than rows, and rows of one batch at most BATCH_ROWS.
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        for row in 0..u32::try_from(batch.num_rows()).unwrap_or(u32::MAX) {
            match keys.head(row as usize) {
                Head { class: 0, .. } => first.push((number, row)),
                Head { class: 1, prefix } => entries.push((prefix, number, row)),
                Head { .. } => last.push((number, row)),
            }
        }
    }
    if held.iter().all(|(_, keys)| matches!(keys, Keys::Numbers { .. })) {
        entries.par_sort_unstable();
    } else {
        let tails = |a: &Entry, b: &Entry| {
            let (x, y) = (&held[a.1 as usize].1, &held[b.1 as usize].1);
            x.compare_tails(a.2 as usize, y, b.2 as usize)
        };
        entries.par_sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| tails(a, b)).then_with(|| (a.1, a.2).cmp(&(b.1, b.2)))
        });
    }
    first.extend(entries.into_iter().map(|(_, batch, row)| (batch, row)));
    first.append(&mut last);
    first
}

/// Batches that are gathered at one go, each by one thread.
const GATHER: usize = 16;

/// Sorted rows, gathered when they are asked for.
struct Sorted {
    batches: Vec<RecordBatch>,
    order: Vec<Place>,
    next: usize,
    /// Batches gathered ahead, the next one last.
    ready: Vec<Result<RecordBatch>>,
    _reserved: Reservation,
}

impl Iterator for Sorted {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() {
            let batches: Vec<&RecordBatch> = self.batches.iter().collect();
            let left = self.order.get(self.next..).unwrap_or_default();
            let now = &left[..left.len().min(GATHER * BATCH_ROWS)];
            self.next += now.len();
            self.ready = now.par_chunks(BATCH_ROWS).map(|rows| gather(&batches, rows)).collect();
            self.ready.reverse();
        }
        self.ready.pop()
    }
}

fn gather(batches: &[&RecordBatch], rows: &[Place]) -> Result<RecordBatch> {
    let rows: Vec<(usize, usize)> = rows.iter().map(|(b, r)| (*b as usize, *r as usize)).collect();
    interleave_record_batch(batches, &rows)
        .map_err(|e| Error::bad_data("sorted rows cannot be joined into one batch").because(e))
}

#[cfg(test)]
mod tests;
