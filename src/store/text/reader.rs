//! The batches of a split: records, their columns, and what happens to the bad ones.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{filter, take};
use arrow::datatypes::SchemaRef;

use super::cutter::{Batch, Begin, Cutter, Want};
use super::fault::Fault;
use super::head::lines;
use super::records::Grammar;
use super::window::File;
use crate::error::{Error, Result};
use crate::spec::BadRecords;
use crate::store::read::{ReadStats, SplitReader};

/// The columns of a batch's good records, and the rows among them that are bad all the same.
pub(super) type Decoded = (Vec<ArrayRef>, BTreeMap<usize, Fault>);

/// Makes columns of records.
pub(super) trait Decode: Send {
    /// All decoded columns of the batch. The text may be changed.
    ///
    /// # Errors
    /// `Usage` for a type that text cannot be read as.
    fn decode(&mut self, grammar: Grammar, text: &mut [u8], batch: &mut Batch) -> Result<Decoded>;
}

/// Where a column of the result comes from.
pub(super) enum Output {
    /// From the decoder.
    Decoded(usize),
    /// One value for all rows: a folder's, or NULL.
    Constant(ArrayRef),
}

/// How a split is read.
pub(super) struct Setup {
    pub(super) file: File<'static>,
    pub(super) schema: SchemaRef,
    pub(super) want: Want,
    pub(super) outputs: Vec<Output>,
    pub(super) bad: BadRecords,
    pub(super) batch_rows: usize,
    /// Bytes fetched before the first record was known.
    pub(super) fetched: u64,
    /// Line ends before the first record, if it is known.
    pub(super) lines: Option<u64>,
    /// Whether it is a split of bytes, which reports its tile.
    pub(super) tiled: bool,
    /// How to find out whether the first record was guessed right, if it was guessed.
    pub(super) proof: Option<Begin>,
}

/// The batches of one split.
pub(super) struct Reader {
    setup: Setup,
    cutter: Cutter<'static>,
    decoder: Box<dyn Decode>,
    batch: Batch,
    rows: u64,
    rejected: u64,
    ended: bool,
    failed: bool,
    /// Bytes fetched to prove a guess.
    proof_bytes: u64,
}

impl Reader {
    pub(super) fn new(setup: Setup, cutter: Cutter<'static>, decoder: Box<dyn Decode>) -> Self {
        let batch = Batch::default();
        let (rows, rejected, proof_bytes) = (0, 0, 0);
        Self { setup, cutter, decoder, batch, rows, rejected, ended: false, failed: false, proof_bytes }
    }

    /// The next batch with a row; `None` at the end.
    fn read(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let rows = self.setup.batch_rows.max(1);
            if let Err(error) = self.cutter.fill(&self.setup.want, rows, &mut self.batch) {
                return if error.kind() == crate::Kind::BadData { self.give_up(error) } else { Err(error) };
            }
            if self.batch.records.is_empty() && self.batch.flawed.is_empty() {
                return Ok(None);
            }
            let behind = self.setup.lines.map(|before| before + lines(self.cutter.consumed()));
            let grammar = self.cutter.grammar();
            let text = self.cutter.window().text_mut();
            let (columns, faults) = self.decoder.decode(grammar, text, &mut self.batch)?;
            if let Some(error) = self.unbearable(&faults) {
                return self.give_up(error);
            }
            let good = self.batch.records.len() - faults.len();
            self.rows += (self.batch.records.len() + self.batch.flawed.len()) as u64;
            self.rejected += (faults.len() + self.batch.flawed.len()) as u64;
            self.setup.lines = behind;
            if good > 0 {
                return self.assemble(&columns, &faults, good).map(Some);
            }
        }
    }

    /// The error that ends the split, if there is one: the first in the file.
    fn unbearable(&self, faults: &BTreeMap<usize, Fault>) -> Option<Error> {
        let bears = |fault: &Fault| self.setup.bad == BadRecords::Skip && !fault.is_fatal();
        let columns = self.setup.want.slots.len();
        let flawed = self
            .batch
            .flawed
            .iter()
            .enumerate()
            .map(|(i, f)| (f.start, f.behind + i, Fault::Flaw(f.flaw, f.fields, columns)));
        let faulty = faults.iter().filter_map(|(row, fault)| {
            let start = self.batch.records.get(*row)?.0;
            let before = self.batch.flawed.iter().take_while(|f| f.start < start).count();
            Some((start, row + before, fault.clone()))
        });
        let (start, before, fault) =
            flawed.chain(faulty).filter(|(_, _, f)| !bears(f)).min_by_key(|(start, ..)| *start)?;
        let text = self.cutter.consumed();
        let byte = self.cutter.position() - (text.len() - start) as u64;
        let error = fault.error().with("file", self.setup.file.get().path());
        Some(
            match self.setup.lines {
                Some(lines_before) => error.with("line", lines_before + lines(&text[..start]) + 1),
                None => error.with("record", format!("{} of the split", self.rows + before as u64 + 1)),
            }
            .with("byte", byte),
        )
    }

    /// Ends the split with `error`, unless its first record was guessed wrong: then the error may be
    /// one of the guess, and the tile will show that the split has to be run again.
    fn give_up(&mut self, error: Error) -> Result<Option<RecordBatch>> {
        let Some(begin) = self.setup.proof.take() else { return Err(error) };
        let truth = Cutter::new(self.setup.file.clone(), self.cutter.grammar(), begin, u64::MAX, 0)?;
        self.proof_bytes = truth.fetched();
        if truth.missed() || truth.first() == self.cutter.first() {
            return Err(error);
        }
        Ok(None)
    }

    fn assemble(
        &self,
        columns: &[ArrayRef],
        faults: &BTreeMap<usize, Fault>,
        good: usize,
    ) -> Result<RecordBatch> {
        let internal = |e| Error::internal("the columns of a batch do not fit").because(Box::new(e));
        let keep = (!faults.is_empty())
            .then(|| (0..self.batch.records.len()).map(|r| Some(!faults.contains_key(&r))).collect());
        let keep: Option<BooleanArray> = keep;
        let mut arrays = Vec::with_capacity(self.setup.outputs.len());
        for output in &self.setup.outputs {
            arrays.push(match (output, &keep) {
                (Output::Decoded(i), Some(keep)) => filter(&columns[*i], keep).map_err(internal)?,
                (Output::Decoded(i), None) => ArrayRef::clone(&columns[*i]),
                (Output::Constant(value), _) => {
                    take(value, &UInt32Array::from(vec![0; good]), None).map_err(internal)?
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(good));
        RecordBatch::try_new_with_options(self.setup.schema.clone(), arrays, &options).map_err(internal)
    }

    fn tile(&self) -> Option<(u64, u64)> {
        let known = self.setup.tiled && self.ended && !self.failed;
        known.then(|| (self.cutter.first(), self.cutter.position()))
    }
}

impl Iterator for Reader {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.read().transpose();
        self.failed = matches!(read, Some(Err(_)));
        self.ended = self.failed || read.is_none();
        read
    }
}

impl SplitReader for Reader {
    fn schema(&self) -> SchemaRef {
        self.setup.schema.clone()
    }

    fn stats(&self) -> ReadStats {
        ReadStats {
            bytes: self.setup.fetched + self.proof_bytes + self.cutter.fetched(),
            rows: self.rows,
            rejected: self.rejected,
            tile: self.tile(),
        }
    }
}
