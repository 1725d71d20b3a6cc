//! Sinks that write a shard's partial: aggregate states, sorted rows, first rows.
//!
//! A partial's file holds generations of buckets: bucket `b` of generation `g` has the number
//! `g * buckets + b`. One bucket in all means: not cut.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;

use super::Machine;
use super::map::{DoneFile, ShardSink};
use super::memory::Reservation;
use super::morsel::{Morsel, UNCUT_ROWS_MAX};
use super::partial::PartialWriter;
use super::sort::{Batches, SortKeys, merge_sorted};
use super::spill::{Segment, SpillWriter};
use crate::error::{Error, Result};
use crate::job::sql::{Program, split_by_hash};
use crate::store::writer::{FileWriter, Written};

/// Opens the n-th file of an attempt.
pub type OpenFile = Box<dyn FnMut(u32) -> Result<FileWriter> + Send>;

/// States held before they are merged on the way.
const COMBINE_ROWS: usize = 1 << 18;

/// Rows of a sorted partial in one bucket of its file: what a merge holds per shard.
pub const CHUNK_ROWS: usize = 1 << 16;

/// The sort keys at the end of a partial's columns.
#[must_use]
pub fn sort_keys(schema: &SchemaRef, options: &[SortOptions]) -> SortKeys {
    let first = schema.fields().len().saturating_sub(options.len());
    SortKeys { columns: options.iter().enumerate().map(|(n, o)| (first + n, *o)).collect() }
}

/// Writes aggregate states. Morsels with few states are merged in memory; where states are about
/// as many as rows, merging would not shrink them, and each morsel becomes a generation at once.
/// Which of the two depends on the rows alone, not on memory.
pub struct AggregateSink {
    program: Arc<Program>,
    keys: usize,
    buckets: u32,
    generations: u32,
    open: OpenFile,
    held: Vec<RecordBatch>,
    held_rows: usize,
    /// The memory of the morsels held.
    reserved: Vec<Reservation>,
    writer: Option<PartialWriter<FileWriter>>,
    generation: u32,
}

impl AggregateSink {
    /// A sink for a shard of at most `morsels` morsels.
    #[must_use]
    pub fn new(program: Arc<Program>, keys: usize, buckets: u32, morsels: usize, open: OpenFile) -> Self {
        Self {
            program,
            keys,
            buckets: if keys == 0 { 1 } else { buckets.max(1) },
            generations: u32::try_from(morsels).unwrap_or(u32::MAX - 1) + 1,
            open,
            held: Vec::new(),
            held_rows: 0,
            reserved: Vec::new(),
            writer: None,
            generation: 0,
        }
    }

    fn combine(&mut self) -> Result<()> {
        self.held = self.program.combine(std::mem::take(&mut self.held))?;
        self.held_rows = self.held.iter().map(RecordBatch::num_rows).sum();
        self.reserved.clear();
        Ok(())
    }

    fn write_generation(&mut self, parts: Vec<(Option<u32>, RecordBatch)>) -> Result<()> {
        let mut by_bucket: Vec<Vec<RecordBatch>> = vec![Vec::new(); self.buckets as usize];
        for (bucket, batch) in parts {
            let cut = match bucket {
                Some(bucket) => vec![(bucket, batch)],
                None => split_by_hash(&batch, self.keys, self.buckets)?,
            };
            for (bucket, rows) in cut {
                by_bucket[bucket as usize].push(rows);
            }
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let all = self.buckets.saturating_mul(self.generations);
                let schema = self.program.partial_schema();
                self.writer.insert(PartialWriter::new((self.open)(0)?, &schema, all)?)
            }
        };
        let first = self.generation * self.buckets;
        for (bucket, batches) in (0_u32..).zip(by_bucket) {
            writer.write_bucket(first + bucket, &batches)?;
        }
        self.generation += 1;
        Ok(())
    }

    fn flush_held(&mut self) -> Result<()> {
        let held = std::mem::take(&mut self.held);
        self.held_rows = 0;
        self.reserved.clear();
        self.write_generation(held.into_iter().map(|b| (None, b)).collect())
    }
}

impl ShardSink for AggregateSink {
    fn take(&mut self, morsel: Morsel) -> Result<()> {
        let states = morsel.rows();
        let shrinks = (states as u64).saturating_mul(4) <= morsel.stats.rows;
        if states > UNCUT_ROWS_MAX && !shrinks && self.keys > 0 {
            if !self.held.is_empty() {
                self.flush_held()?;
            }
            return self.write_generation(morsel.parts);
        }
        self.held_rows += states;
        self.held.extend(morsel.parts.into_iter().map(|(_, b)| b));
        self.reserved.push(morsel.held);
        if self.held_rows > COMBINE_ROWS {
            self.combine()?;
            if self.held_rows > COMBINE_ROWS / 2 && self.keys > 0 {
                self.flush_held()?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<DoneFile>> {
        if self.held.len() > 1 {
            self.combine()?;
        }
        if self.writer.is_none() && self.held_rows <= UNCUT_ROWS_MAX {
            let held = std::mem::take(&mut self.held);
            if held.is_empty() {
                return Ok(Vec::new());
            }
            let mut writer = PartialWriter::new((self.open)(0)?, &self.program.partial_schema(), 1)?;
            writer.write_bucket(0, &held)?;
            return close(writer);
        }
        if !self.held.is_empty() {
            self.flush_held()?;
        }
        self.writer.take().map_or_else(|| Ok(Vec::new()), close)
    }
}

fn close(writer: PartialWriter<FileWriter>) -> Result<Vec<DoneFile>> {
    let (file, rows) = writer.finish()?;
    let Written { bytes, blake3, kept } = file.finish()?;
    Ok(vec![DoneFile { number: 0, rows, bytes, blake3, kept }])
}

/// Writes rows that are sorted within each morsel, merged over the shard.
pub struct SortedSink {
    schema: SchemaRef,
    keys: SortKeys,
    fetch: Option<usize>,
    machine: Arc<Machine>,
    open: OpenFile,
    runs: Vec<Run>,
    rows: usize,
    spill: Option<SpillWriter>,
}

/// One morsel's sorted rows.
enum Run {
    Held(Vec<RecordBatch>, Reservation),
    Spilled(Vec<Segment>),
}

impl SortedSink {
    /// A sink for rows of `schema`, the key columns included.
    #[must_use]
    pub fn new(
        schema: SchemaRef,
        keys: SortKeys,
        fetch: Option<usize>,
        machine: Arc<Machine>,
        open: OpenFile,
    ) -> Self {
        Self { schema, keys, fetch, machine, open, runs: Vec::new(), rows: 0, spill: None }
    }
}

impl ShardSink for SortedSink {
    fn take(&mut self, morsel: Morsel) -> Result<()> {
        self.rows += morsel.rows();
        let batches: Vec<RecordBatch> = morsel.parts.into_iter().map(|(_, b)| b).collect();
        if !morsel.held.over() {
            self.runs.push(Run::Held(batches, morsel.held));
            return Ok(());
        }
        let spill = match &mut self.spill {
            Some(spill) => spill,
            None => self.spill.insert(SpillWriter::new(&self.machine.spill, &self.schema)?),
        };
        let segments = batches.iter().map(|b| spill.write(b)).collect::<Result<_>>()?;
        self.runs.push(Run::Spilled(segments));
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<DoneFile>> {
        let mut inputs: Vec<Batches> = Vec::new();
        let mut reserved = Vec::new();
        for run in std::mem::take(&mut self.runs) {
            match run {
                Run::Held(batches, held) => {
                    reserved.push(held);
                    inputs.push(Box::new(batches.into_iter().map(Ok)));
                }
                Run::Spilled(segments) => {
                    let spill =
                        self.spill.as_mut().ok_or_else(|| Error::internal("a spilled run lost its file"))?;
                    inputs.push(Box::new(spill.reader()?.batches(segments)));
                }
            }
        }
        let rows = self.fetch.map_or(self.rows, |n| n.min(self.rows));
        if rows == 0 {
            return Ok(Vec::new());
        }
        let budget = &self.machine.budget;
        let merged = merge_sorted(&self.schema, inputs, &self.keys, self.fetch, budget, &self.machine.spill)?;
        write_chunks(&self.schema, merged, rows, (self.open)(0)?)
    }
}

/// Writes the first rows of a shard, in plan order.
pub struct FirstSink {
    schema: SchemaRef,
    limit: usize,
    open: OpenFile,
    held: Vec<RecordBatch>,
    rows: usize,
    reserved: Vec<Reservation>,
}

impl FirstSink {
    /// A sink for at most `limit` rows of `schema`.
    #[must_use]
    pub fn new(schema: SchemaRef, limit: usize, open: OpenFile) -> Self {
        Self { schema, limit, open, held: Vec::new(), rows: 0, reserved: Vec::new() }
    }
}

impl ShardSink for FirstSink {
    fn take(&mut self, morsel: Morsel) -> Result<()> {
        for (_, batch) in morsel.parts {
            let rows = batch.num_rows().min(self.limit - self.rows);
            if rows > 0 {
                self.rows += rows;
                self.held.push(batch.slice(0, rows));
            }
        }
        self.reserved.push(morsel.held);
        Ok(())
    }

    fn full(&self) -> bool {
        self.rows >= self.limit
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<DoneFile>> {
        if self.rows == 0 {
            return Ok(Vec::new());
        }
        let batches: Batches = Box::new(self.held.into_iter().map(Ok));
        write_chunks(&self.schema, batches, self.rows, (self.open)(0)?)
    }
}

/// Writes `rows` rows in order, cut into chunks that a reader takes one at a time.
fn write_chunks(
    schema: &SchemaRef,
    batches: Batches,
    rows: usize,
    file: FileWriter,
) -> Result<Vec<DoneFile>> {
    let chunks = u32::try_from(rows.div_ceil(CHUNK_ROWS) + 1).unwrap_or(u32::MAX);
    let mut writer = PartialWriter::new(file, schema, chunks)?;
    let (mut chunk, mut held, mut count) = (0_u32, Vec::new(), 0_usize);
    for batch in batches {
        let batch = batch?;
        count += batch.num_rows();
        held.push(batch);
        if count >= CHUNK_ROWS && chunk + 1 < chunks {
            writer.write_bucket(chunk, &held)?;
            held.clear();
            count = 0;
            chunk += 1;
        }
    }
    writer.write_bucket(chunk, &held)?;
    close(writer)
}
