//! Merging sorted inputs: equal keys come in the order of the inputs, batches have fixed sizes.

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::datatypes::SchemaRef;

use super::keys::{Head, KeyEncoder, Keys, SortKeys};
use super::{BATCH_ROWS, Batches};
use crate::engine::flat;
use crate::engine::memory::{Budget, Reservation};
use crate::engine::spill::{Segment, SpillDir, SpillReader, SpillWriter};
use crate::error::{Error, Result};

/// Inputs that are merged at one go. More of them are merged in several passes, so that what is
/// held in memory and the open files stay bounded.
const FAN_IN: usize = 64;

/// Bytes of a batch of an intermediate run: 64 of them at a time are held when runs are merged.
const RUN_BATCH_BYTES: u64 = 512 << 10;

/// Merges inputs that are each sorted by `keys` into one sorted sequence of batches of
/// [`BATCH_ROWS`] rows (the last one may be shorter), cut off after `limit` rows. Rows with equal
/// keys come in the order of the inputs. Dictionaries stay as the schema has them.
///
/// With more than 64 inputs, groups of them are merged first, held in memory as far as `budget`
/// has room and spilled into `dir` beyond; an input is not touched before its group's turn.
///
/// # Errors
/// The iterator ends with the first error of an input; `Stop` when the scratch folder is full.
pub fn merge_sorted(
    schema: &SchemaRef,
    inputs: Vec<Batches>,
    keys: &SortKeys,
    limit: Option<usize>,
    budget: &Budget,
    dir: &SpillDir,
) -> Result<Batches> {
    let flat = flat::schema(schema, flat::Views::Keep);
    let inputs = inputs
        .into_iter()
        .map(|input| {
            let flat = flat.clone();
            Box::new(input.map(move |batch| flat::cast(&batch?, &flat))) as Batches
        })
        .collect();
    let merged = merge_flat(&flat, inputs, keys, limit, budget, dir)?;
    Ok(restore(merged, schema))
}

/// Gives batches the types of `schema` again.
pub(super) fn restore(batches: Batches, schema: &SchemaRef) -> Batches {
    let schema = schema.clone();
    Box::new(batches.map(move |batch| flat::cast(&batch?, &schema)))
}

/// [`merge_sorted`] of inputs without dictionaries.
pub(super) fn merge_flat(
    schema: &SchemaRef,
    mut inputs: Vec<Batches>,
    keys: &SortKeys,
    limit: Option<usize>,
    budget: &Budget,
    dir: &SpillDir,
) -> Result<Batches> {
    while inputs.len() > FAN_IN {
        let mut next = Vec::with_capacity(inputs.len().div_ceil(FAN_IN));
        let mut store = RunStore { schema: schema.clone(), dir: dir.clone(), file: None };
        let mut left = inputs.into_iter();
        loop {
            let group: Vec<Batches> = left.by_ref().take(FAN_IN).collect();
            if group.is_empty() {
                break;
            }
            let merged = Merge::new(schema, group, keys, limit)?;
            next.push(store.keep(merged, budget)?);
        }
        inputs = next.into_iter().map(|run| store.read(run)).collect::<Result<_>>()?;
    }
    Ok(Box::new(Merge::new(schema, inputs, keys, limit)?))
}

/// Where the runs of one pass are kept.
pub(super) struct RunStore {
    pub schema: SchemaRef,
    pub dir: SpillDir,
    pub file: Option<SpillWriter>,
}

/// A sorted run in pieces.
pub(super) type Run = Vec<Piece>;

/// A batch of a run, in memory or in the pass's file.
pub(super) enum Piece {
    Memory {
        batch: RecordBatch,
        /// Given back when the batch is read.
        _reserved: Reservation,
    },
    File(Segment),
}

impl RunStore {
    /// Keeps a run in memory while the budget has room, the rest in the file.
    fn keep(&mut self, batches: impl Iterator<Item = Result<RecordBatch>>, budget: &Budget) -> Result<Run> {
        let mut run = Vec::new();
        for batch in batches {
            let batch = flat::compact(batch?);
            match budget.try_reserve(flat::bytes(&batch)) {
                Some(reserved) => run.push(Piece::Memory { batch, _reserved: reserved }),
                None => self.spill(&batch, &mut run)?,
            }
        }
        Ok(run)
    }

    /// Appends a batch to the file, in pieces of bounded size.
    pub fn spill(&mut self, batch: &RecordBatch, run: &mut Run) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(SpillWriter::new(&self.dir, &self.schema)?),
        };
        let rows = batch.num_rows();
        let pieces = usize::try_from(flat::bytes(batch) / RUN_BATCH_BYTES).unwrap_or(rows).max(1);
        let step = rows.div_ceil(pieces).max(1);
        for start in (0..rows).step_by(step) {
            run.push(Piece::File(file.write(&batch.slice(start, step.min(rows - start)))?));
        }
        Ok(())
    }

    /// The batches of a run.
    pub fn read(&mut self, run: Run) -> Result<Batches> {
        let reader = self.file.as_mut().map(SpillWriter::reader).transpose()?;
        Ok(Box::new(run.into_iter().map(move |piece| read_piece(piece, reader.as_ref()))))
    }
}

fn read_piece(piece: Piece, reader: Option<&SpillReader>) -> Result<RecordBatch> {
    match (piece, reader) {
        (Piece::Memory { batch, .. }, _) => Ok(batch),
        (Piece::File(segment), Some(reader)) => reader.read(&segment),
        (Piece::File(_), None) => Err(Error::internal("a spilled run has no file")),
    }
}

/// One input and where it stands.
struct Cursor {
    input: Batches,
    /// The current batch, its keys and the next row; `None` behind the end.
    current: Option<(RecordBatch, Keys)>,
    row: usize,
    head: Head,
    /// Where the current batch stands among those of the output batch in the making.
    slot: Option<usize>,
}

/// A merge of at most [`FAN_IN`] inputs with a tournament tree.
struct Merge {
    encoder: KeyEncoder,
    cursors: Vec<Cursor>,
    /// `tree[0]` is the input with the least key; the others are the losers on the way up.
    tree: Vec<usize>,
    left: usize,
    slots: Vec<RecordBatch>,
    rows: Vec<(usize, usize)>,
    /// Set at the first error: nothing comes after it.
    ended: bool,
}

impl Merge {
    fn new(schema: &SchemaRef, inputs: Vec<Batches>, keys: &SortKeys, limit: Option<usize>) -> Result<Self> {
        let cursors = inputs
            .into_iter()
            .map(|input| Cursor { input, current: None, row: 0, head: Head::END, slot: None })
            .collect();
        Ok(Self {
            encoder: KeyEncoder::new(schema, keys)?,
            cursors,
            tree: Vec::new(),
            left: limit.unwrap_or(usize::MAX),
            slots: Vec::new(),
            rows: Vec::with_capacity(BATCH_ROWS),
            ended: false,
        })
    }

    /// The next batch; empty at the end.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.tree.is_empty() {
            self.start()?;
        }
        while self.rows.len() < BATCH_ROWS && self.left > 0 {
            let Some(&winner) = self.tree.first() else { break };
            let cursor = &mut self.cursors[winner];
            let Some((batch, keys)) = &cursor.current else { break };
            let slot = *cursor.slot.get_or_insert_with(|| {
                self.slots.push(batch.clone());
                self.slots.len() - 1
            });
            self.rows.push((slot, cursor.row));
            self.left -= 1;
            cursor.row += 1;
            if cursor.row < batch.num_rows() {
                cursor.head = keys.head(cursor.row);
            } else {
                self.load(winner)?;
            }
            self.replay(winner);
        }
        if self.rows.is_empty() {
            return Ok(None);
        }
        let slots: Vec<&RecordBatch> = self.slots.iter().collect();
        let batch = interleave_record_batch(&slots, &self.rows)
            .map_err(|e| Error::bad_data("sorted rows cannot be joined into one batch").because(e))?;
        self.slots.clear();
        self.rows.clear();
        self.cursors.iter_mut().for_each(|c| c.slot = None);
        Ok(Some(batch))
    }

    /// Loads the first batch of every input and plays the tournament.
    fn start(&mut self) -> Result<()> {
        let inputs = self.cursors.len();
        for input in 0..inputs {
            self.load(input)?;
        }
        // `None`: no one has come to this match yet.
        let mut tree: Vec<Option<usize>> = vec![None; inputs];
        for input in 0..inputs {
            let mut winner = input;
            let mut node = usize::midpoint(inputs, input);
            while node != 0 {
                match tree[node] {
                    None => break,
                    Some(other) if self.less(other, winner) => {
                        tree[node] = Some(winner);
                        winner = other;
                    }
                    Some(_) => (),
                }
                node /= 2;
            }
            tree[node] = Some(winner);
        }
        self.tree = tree.into_iter().flatten().collect();
        Ok(())
    }

    /// Takes the next batch that has rows.
    fn load(&mut self, input: usize) -> Result<()> {
        let cursor = &mut self.cursors[input];
        (cursor.current, cursor.row, cursor.head, cursor.slot) = (None, 0, Head::END, None);
        for batch in cursor.input.by_ref() {
            let batch = batch?;
            if batch.num_rows() > 0 {
                let keys = self.encoder.encode(&batch)?;
                cursor.head = keys.head(0);
                cursor.current = Some((batch, keys));
                break;
            }
        }
        Ok(())
    }

    /// Plays the matches of an input whose key has changed again.
    fn replay(&mut self, input: usize) {
        let mut winner = input;
        let mut node = usize::midpoint(self.tree.len(), input);
        while node != 0 {
            if self.less(self.tree[node], winner) {
                std::mem::swap(&mut self.tree[node], &mut winner);
            }
            node /= 2;
        }
        self.tree[0] = winner;
    }

    fn less(&self, a: usize, b: usize) -> bool {
        let (x, y) = (&self.cursors[a], &self.cursors[b]);
        let tails = || match (&x.current, &y.current) {
            (Some((_, keys)), Some((_, others))) => keys.compare_tails(x.row, others, y.row),
            _ => std::cmp::Ordering::Equal,
        };
        x.head.cmp(&y.head).then_with(tails).then(a.cmp(&b)).is_lt()
    }
}

impl Iterator for Merge {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_batch().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        if self.ended {
            self.cursors.clear();
        }
        next
    }
}
