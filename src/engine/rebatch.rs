//! Rows in batches of fixed sizes, whatever batches they came in.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;

use crate::error::{Error, Result};

/// Cuts and joins batches. All batches have one schema without dictionaries.
pub struct Rebatch {
    schema: SchemaRef,
    rows: usize,
    /// Every so many rows a batch ends in any case; a multiple of no particular number.
    cycle: usize,
    /// Rows given out since the last end of a cycle.
    given: usize,
    held: Vec<RecordBatch>,
    held_rows: usize,
}

impl Rebatch {
    /// Batches of `rows` rows, at least 1.
    pub fn new(schema: SchemaRef, rows: usize) -> Self {
        Self::with_cycle(schema, rows, usize::MAX)
    }

    /// Batches of `rows` rows, but shorter where `cycle` rows are full.
    pub fn with_cycle(schema: SchemaRef, rows: usize, cycle: usize) -> Self {
        Self { schema, rows: rows.max(1), cycle: cycle.max(1), given: 0, held: Vec::new(), held_rows: 0 }
    }

    /// Adds rows; gives the batches that are now full.
    pub fn push(&mut self, mut batch: RecordBatch) -> Result<Vec<RecordBatch>> {
        let mut full = Vec::new();
        loop {
            let room = self.next_size() - self.held_rows;
            if batch.num_rows() < room {
                break;
            }
            self.hold(batch.slice(0, room));
            batch = batch.slice(room, batch.num_rows() - room);
            full.extend(self.take()?);
        }
        self.hold(batch);
        Ok(full)
    }

    /// Gives what is left, fewer rows than a full batch.
    pub fn finish(&mut self) -> Result<Option<RecordBatch>> {
        self.take()
    }

    fn next_size(&self) -> usize {
        self.rows.min(self.cycle - self.given)
    }

    fn hold(&mut self, batch: RecordBatch) {
        if batch.num_rows() > 0 {
            self.held_rows += batch.num_rows();
            self.held.push(batch);
        }
    }

    fn take(&mut self) -> Result<Option<RecordBatch>> {
        let rows = std::mem::take(&mut self.held_rows);
        self.given = (self.given + rows) % self.cycle;
        let mut held = std::mem::take(&mut self.held);
        match held.len() {
            0 => Ok(None),
            1 => Ok(held.pop()),
            _ => concat_batches(&Arc::clone(&self.schema), &held)
                .map(Some)
                .map_err(|e| Error::bad_data("rows cannot be joined into one batch").because(e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, AsArray, Int32Array};
    use arrow::datatypes::Int32Type;

    #[test]
    fn sizes_depend_on_the_rows_alone() {
        for (rows, cycle) in [(4, usize::MAX), (4, 10), (4, 4), (4, 3), (1, 2), (100, usize::MAX)] {
            for step in [1_usize, 2, 3, 7, 25] {
                let values: Vec<i32> = (0..25).collect();
                let batch = |v: &[i32]| {
                    let column = Arc::new(Int32Array::from(v.to_vec())) as ArrayRef;
                    RecordBatch::try_from_iter(vec![("x", column)]).expect("batch")
                };
                let mut rebatch = Rebatch::with_cycle(batch(&[]).schema(), rows, cycle);
                let mut out = Vec::new();
                for chunk in values.chunks(step) {
                    out.extend(rebatch.push(batch(chunk)).expect("push"));
                }
                out.extend(rebatch.finish().expect("finish"));
                let seen: Vec<i32> = out
                    .iter()
                    .flat_map(|b| b.column(0).as_primitive::<Int32Type>().values().to_vec())
                    .collect();
                assert_eq!(seen, values);
                let mut want = Vec::new();
                let mut left = 25;
                while left > 0 {
                    let mut in_cycle = cycle.min(left);
                    left -= in_cycle;
                    while in_cycle > 0 {
                        want.push(rows.min(in_cycle));
                        in_cycle -= rows.min(in_cycle);
                    }
                }
                assert_eq!(out.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), want);
            }
        }
    }
}
