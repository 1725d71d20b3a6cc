//! One morsel: a split, read and run through the map part of the statement.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::SortOptions;

use crate::error::{Error, Result};
use crate::job::sql::{BATCH_ROWS, Batches, CutKind, Program, split_by_hash};
use crate::plan::{Extent, Split, Table};
use crate::spec::BadRecords;
use crate::store::client::Stores;
use crate::store::read::{ReadStats, SplitReader, open_split};

use super::partials::sort_keys;
use super::sort::Sorter;
use super::{Machine, memory::Reservation};

/// States of a morsel up to which they are not cut into buckets: small partials are cut by reduce.
pub const UNCUT_ROWS_MAX: usize = 4096;

/// What all morsels of a run share.
#[derive(Debug)]
pub struct MapInput<'a> {
    /// The statement.
    pub program: &'a Program,
    /// Where bytes come from.
    pub stores: &'a Stores,
    /// The inputs.
    pub tables: &'a [Table],
    /// What happens to records that cannot be read.
    pub bad_records: BadRecords,
    /// Hash buckets of grouped partials.
    pub buckets: u32,
    /// Threads, memory and scratch space.
    pub machine: &'a Machine,
}

/// What a morsel gives.
#[derive(Debug)]
pub struct Morsel {
    /// Rows of the partial (or of the output), by bucket; `None`: not cut into buckets.
    pub parts: Vec<(Option<u32>, RecordBatch)>,
    /// What was read.
    pub stats: ReadStats,
    /// The memory that it holds.
    pub held: Reservation,
}

impl Morsel {
    /// Rows of the partial or of the output.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.parts.iter().map(|(_, b)| b.num_rows()).sum()
    }
}

/// Reads `split` (from byte `begin` on, if its first record is known) and runs the map part over it.
/// Calls `fetched` when its first rows are there.
///
/// # Errors
/// Reading fails, a record is bad, or the statement fails on a row.
pub fn run(input: &MapInput, split: &Split, begin: Option<u64>, fetched: &dyn Fn()) -> Result<Morsel> {
    let mut out = Collector::new(input)?;
    let mut stats = ReadStats::default();
    for (number, scan) in input.program.scans().iter().enumerate() {
        if scan.input != split.input as usize {
            continue;
        }
        let mut reader = open_split(
            input.stores,
            input.tables,
            split,
            &scan.columns,
            begin,
            input.bad_records,
            BATCH_ROWS,
        )?;
        let first = reader.next();
        if !matches!(first, Some(Err(_))) {
            fetched();
        }
        let mut shared = Shared(Arc::new(Mutex::new(Opened { over: first.is_none(), first, reader })));
        let mut batches: Option<Batches> = Some(Box::new(shared.clone()));
        while !input.program.instance()?.run(number, &mut batches, &mut |batch| out.push(batch))? {}
        if !may_stop_early(input.program.kind(), split) {
            shared.try_for_each(|batch| batch.map(drop))?;
        }
        let read = shared.0.lock().unwrap_or_else(PoisonError::into_inner).reader.stats();
        stats = ReadStats { rows: stats.rows.max(read.rows), bytes: stats.bytes + read.bytes, ..read };
    }
    let parts = out.finish()?;
    let bytes = parts.iter().map(|(_, b)| b.get_array_memory_size() as u64).sum();
    Ok(Morsel { parts, stats, held: input.machine.budget.reserve(bytes) })
}

/// A plan may leave its reader unfinished: because of a LIMIT, or because it joins with nothing.
/// What reduce proves needs the whole split, but for a LIMIT over Parquet, whose first row is where
/// the plan says.
fn may_stop_early(kind: &CutKind, split: &Split) -> bool {
    matches!(kind, CutKind::Limit { .. }) && !matches!(split.extent, Extent::Bytes { .. })
}

/// A reader that stays in reach while the plan pulls batches from it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Opened>>);

/// A reader whose first answer is there.
struct Opened {
    first: Option<Result<RecordBatch>>,
    over: bool,
    reader: Box<dyn SplitReader>,
}

impl Iterator for Shared {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match opened.first.take() {
            None if !opened.over => opened.reader.next(),
            first => first,
        }
    }
}

/// What happens to the rows that come out of the map part, still within the morsel.
enum Collector<'a> {
    Keep { rows: Vec<RecordBatch>, count: usize, limit: usize },
    States { rows: Vec<RecordBatch>, keys: usize, buckets: u32 },
    Sort { sorter: Box<Sorter>, program: &'a Program },
}

impl<'a> Collector<'a> {
    fn new(input: &MapInput<'a>) -> Result<Self> {
        let program = input.program;
        Ok(match program.kind() {
            CutKind::Aggregate { keys } => {
                Self::States { rows: Vec::new(), keys: *keys, buckets: input.buckets }
            }
            CutKind::Sort { options, fetch } => {
                Self::Sort { sorter: Box::new(sorter(input, options, *fetch)?), program }
            }
            CutKind::Limit { rows } => Self::Keep { rows: Vec::new(), count: 0, limit: *rows },
            CutKind::Rows | CutKind::Constant => Self::Keep { rows: Vec::new(), count: 0, limit: usize::MAX },
        })
    }

    /// Takes a batch; says whether more is wanted.
    fn push(&mut self, batch: RecordBatch) -> Result<bool> {
        match self {
            Self::Keep { rows, count, limit } => {
                let take = batch.num_rows().min(*limit - *count);
                *count += take;
                if take > 0 {
                    rows.push(batch.slice(0, take));
                }
                Ok(*count < *limit)
            }
            Self::States { rows, .. } => {
                rows.push(batch);
                Ok(true)
            }
            Self::Sort { sorter, program } => {
                sorter.push(&program.with_sort_keys(&batch)?)?;
                Ok(true)
            }
        }
    }

    fn finish(self) -> Result<Vec<(Option<u32>, RecordBatch)>> {
        match self {
            Self::Keep { rows, .. } => Ok(rows.into_iter().map(|b| (None, b)).collect()),
            Self::Sort { sorter, .. } => sorter.finish()?.map(|b| b.map(|b| (None, b))).collect(),
            Self::States { rows, keys, buckets } => cut_states(rows, keys, buckets),
        }
    }
}

fn sorter(input: &MapInput, options: &[SortOptions], fetch: Option<usize>) -> Result<Sorter> {
    let schema = input.program.partial_schema();
    let keys = sort_keys(&schema, options);
    Sorter::new(&schema, keys, fetch, &input.machine.budget, &input.machine.spill)
}

/// Many states are cut into buckets here, on this thread, in one go.
fn cut_states(rows: Vec<RecordBatch>, keys: usize, buckets: u32) -> Result<Vec<(Option<u32>, RecordBatch)>> {
    let count: usize = rows.iter().map(RecordBatch::num_rows).sum();
    if count <= UNCUT_ROWS_MAX || buckets <= 1 || keys == 0 {
        return Ok(rows.into_iter().map(|b| (None, b)).collect());
    }
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let all = arrow::compute::concat_batches(&first.schema(), &rows)
        .map_err(|e| Error::internal("states of a morsel cannot be joined").because(e))?;
    drop(rows);
    let parts = split_by_hash(&all, keys, buckets)?;
    Ok(parts.into_iter().map(|(bucket, batch)| (Some(bucket), batch)).collect())
}
