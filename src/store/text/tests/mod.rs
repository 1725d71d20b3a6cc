//! The whole reader: what several of its files do together.

mod cuts;
mod files;
mod inference;

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::array_value_to_string;
use bytes::Bytes;

use super::open::Heads;
use super::{Ask, Tiling};
use crate::error::Result;
use crate::plan::{Extent, Split, Table};
use crate::spec::{BadRecords, Csv, Format, TextCompression};
use crate::store::read::ReadStats;
use crate::store::source::ByteSource;

/// A file in memory.
pub(super) struct Memory(pub(super) Bytes);

impl ByteSource for Memory {
    fn path(&self) -> &'static str {
        "a.txt"
    }

    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        assert!(range.start < range.end && range.end <= self.size(), "{range:?} of {}", self.size());
        let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
        Ok(self.0.slice(start.expect("it is in memory")..end.expect("it is in memory")))
    }
}

/// A column as `name:type`, in the words of the spec.
pub(super) fn schema(columns: &[&str]) -> SchemaRef {
    let field = |column: &&str| {
        let (name, data_type) = column.split_once(':').unwrap_or((column, "string"));
        Field::new(name, crate::spec::types::parse(data_type).unwrap_or(DataType::Null), true)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

pub(super) fn table(format: Format, csv: Csv, schema: SchemaRef) -> Table {
    Table { name: "input".to_owned(), format, csv, schema, hive_columns: 0 }
}

pub(super) fn split(bytes: usize, extent: Extent) -> Split {
    Split {
        input: 0,
        path: "a.txt".to_owned(),
        file_bytes: bytes as u64,
        etag: None,
        extent,
        compression: TextCompression::None,
        folder_values: Vec::new(),
        rows: None,
        bytes: bytes as u64,
    }
}

/// The rows of batches as text, cells divided by `|`, NULL as `∅`.
pub(super) fn rows(batches: &[RecordBatch]) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cell = |c: &arrow::array::ArrayRef| {
                if c.is_null(row) {
                    "∅".to_owned()
                } else {
                    array_value_to_string(c, row).expect("it prints")
                }
            };
            rows.push(batch.columns().iter().map(cell).collect::<Vec<_>>().join("|"));
        }
    }
    rows
}

/// Reads one split to its end.
pub(super) fn read(
    text: &[u8],
    table: &Table,
    split: &Split,
    begin: Option<u64>,
    bad: BadRecords,
    look_back: u64,
) -> Result<(Vec<RecordBatch>, ReadStats)> {
    let projection: Vec<usize> = (0..table.schema.fields().len()).collect();
    let ask = Ask { projection: &projection, begin, bad, batch_rows: 7 };
    let source = Arc::new(Memory(Bytes::copy_from_slice(text)));
    let mut reader = Heads::default().open_looking_back(source, table, split, ask, look_back)?;
    let mut batches = Vec::new();
    for batch in reader.by_ref() {
        let batch = batch?;
        assert_eq!(batch.schema(), reader_schema(table));
        batches.push(batch);
    }
    let stats = reader.stats();
    assert_eq!(stats.rows - stats.rejected, batches.iter().map(|b| b.num_rows() as u64).sum::<u64>());
    Ok((batches, stats))
}

fn reader_schema(table: &Table) -> SchemaRef {
    Arc::clone(&table.schema)
}

/// A whole file in one piece.
pub(super) fn read_whole(text: &[u8], table: &Table, bad: BadRecords) -> Result<(Vec<String>, ReadStats)> {
    let (batches, stats) = read(text, table, &split(text.len(), Extent::Whole), None, bad, 0)?;
    Ok((rows(&batches), stats))
}

/// A file cut at the given places: guesses, then runs misfits again until the tiles join.
/// The rows, how many records were rejected, and how many splits were run again.
pub(super) fn read_cut(
    text: &[u8],
    table: &Table,
    cuts: &[u64],
    bad: BadRecords,
    look_back: u64,
) -> Result<(Vec<String>, u64, usize)> {
    let ends: Vec<u64> = cuts.iter().copied().chain([text.len() as u64]).collect();
    let splits: Vec<(u64, u64)> = [0].into_iter().chain(cuts.iter().copied()).zip(ends).collect();
    let run = |index: usize, begin| {
        let (start, end) = splits[index];
        read(text, table, &split(text.len(), Extent::Bytes { start, end }), begin, bad, look_back)
    };
    let mut results = (0..splits.len()).map(|i| run(i, None)).collect::<Result<Vec<_>>>()?;
    let (mut tiling, mut again) = (Tiling::default(), 0);
    for (index, (_, end)) in splits.iter().enumerate() {
        if !tiling.take(*end, results[index].1.tile.expect("it has ended")) {
            again += 1;
            results[index] = run(index, Some(tiling.proved()))?;
            assert!(tiling.take(*end, results[index].1.tile.expect("it has ended")), "it fits: {index}");
        }
    }
    assert_eq!(tiling.proved(), text.len() as u64);
    let rejected = results.iter().map(|(_, stats)| stats.rejected).sum();
    Ok((results.iter().flat_map(|(batches, _)| rows(batches)).collect(), rejected, again))
}
