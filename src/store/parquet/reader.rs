//! A split of a Parquet file as record batches: fetch and decode one row group at a time.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::chunks::Chunks;
use super::columns::Columns;
use super::footer::{Footer, footer};
use super::guarded;
use crate::error::{Error, Result};
use crate::plan::{Extent, Split, Table};
use crate::store::read::{ReadStats, SplitReader};
use crate::store::source::ByteSource;

const DAMAGED: &str = "the Parquet data of a row group is damaged or not supported";

/// Opens a split: `projection` are positions in the table's schema, batches have at most
/// `batch_rows` rows and never span row groups.
///
/// # Errors
/// Those of [`footer`]; `Stop` if the file does not have the planned row groups.
pub fn open(
    source: Arc<dyn ByteSource>,
    table: &Table,
    split: &Split,
    projection: &[usize],
    batch_rows: usize,
) -> Result<Box<dyn SplitReader>> {
    let footer = footer(source.as_ref(), split.etag.as_deref())?;
    let all = footer.metadata().num_row_groups();
    let groups = match split.extent {
        Extent::Whole => 0..all,
        Extent::RowGroups { start, end } => start as usize..end as usize,
        Extent::Bytes { .. } => {
            return Err(Error::internal("a Parquet file is not cut by bytes").with("file", source.path()));
        }
    };
    if groups.end > all || groups.start > groups.end {
        return Err(Error::stop(format!("row groups {groups:?} were planned, but the file has {all}"))
            .with("file", source.path()));
    }
    let batch_rows = batch_rows.max(1);
    let columns = Columns::new(table, split, &footer.schema, projection, batch_rows)?;
    let parquet = footer.arrow.parquet_schema();
    let mask = ProjectionMask::roots(parquet, columns.roots.iter().copied());
    Ok(Box::new(Reader {
        source,
        footer,
        columns,
        mask,
        waiting: groups,
        current: None,
        batch_rows,
        stats: ReadStats::default(),
    }))
}

/// The row group that is being decoded.
struct Group {
    number: usize,
    /// Rows that are still to come, by the footer.
    left: u64,
    /// `None`: no column is decoded, rows are only counted.
    decoder: Option<ParquetRecordBatchReader>,
    chunks: Chunks,
}

struct Reader {
    source: Arc<dyn ByteSource>,
    footer: Arc<Footer>,
    columns: Columns,
    mask: ProjectionMask,
    /// Row groups that are still to come.
    waiting: Range<usize>,
    current: Option<Group>,
    batch_rows: usize,
    stats: ReadStats,
}

impl Reader {
    fn step(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let next = match self.current.as_mut() {
                Some(group) => group.next(self.batch_rows),
                None => {
                    let Some(number) = self.waiting.next() else { return Ok(None) };
                    self.current = Some(self.start(number)?);
                    continue;
                }
            };
            let Some((decoded, rows)) = next.map_err(|e| self.place(e))? else {
                self.current = None;
                continue;
            };
            self.stats.rows += rows as u64;
            let batch = self.columns.assemble(&decoded, rows);
            return batch.map(Some).map_err(|e| e.with("file", self.source.path()));
        }
    }

    fn start(&mut self, number: usize) -> Result<Group> {
        let group = self.footer.metadata().row_group(number);
        let left = group.num_rows().unsigned_abs();
        let chunks = group.columns().iter().enumerate().filter(|(leaf, _)| self.mask.leaf_included(*leaf));
        let ranges = chunks.map(|(_, column)| {
            let (start, length) = column.byte_range();
            start..start + length
        });
        let ranges: Vec<_> = if self.columns.roots.is_empty() { Vec::new() } else { ranges.collect() };
        let chunks = Chunks::fetch(self.source.as_ref(), ranges)?;
        self.stats.bytes += chunks.bytes();
        let mut group = Group { number, left, decoder: None, chunks };
        if !self.columns.roots.is_empty() {
            let decoder = self.decoder(&group.chunks, number, self.mask.clone());
            group.decoder = Some(decoder.map_err(|e| self.named(e, &group))?);
        }
        Ok(group)
    }

    fn decoder(
        &self,
        chunks: &Chunks,
        number: usize,
        mask: ProjectionMask,
    ) -> Result<ParquetRecordBatchReader> {
        let arrow = self.footer.arrow.clone();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks.clone(), arrow)
            .with_row_groups(vec![number])
            .with_projection(mask)
            .with_batch_size(self.batch_rows);
        guarded(DAMAGED, || builder.build())
    }

    /// Adds file, row group and column to an error of the current row group.
    fn place(&self, error: Error) -> Error {
        match &self.current {
            Some(group) => self.named(error, group),
            None => error.with("file", self.source.path()),
        }
    }

    fn named(&self, error: Error, group: &Group) -> Error {
        let error = error.with("file", self.source.path()).with("row_group", group.number);
        match self.columns.roots.iter().find(|root| self.fails(group, **root)) {
            Some(root) => error.with("column", self.footer.schema.field(*root).name()),
            None => error,
        }
    }

    /// Whether a column alone cannot be decoded either: the decoder does not say which one failed.
    fn fails(&self, group: &Group, root: usize) -> bool {
        let mask = ProjectionMask::roots(self.footer.arrow.parquet_schema(), [root]);
        let Ok(decoder) = self.decoder(&group.chunks, group.number, mask) else { return true };
        let rows = self.footer.metadata().row_group(group.number).num_rows().unsigned_abs();
        let alone =
            Group { number: group.number, left: rows, decoder: Some(decoder), chunks: group.chunks.clone() };
        alone.drain(self.batch_rows).is_err()
    }
}

impl Group {
    /// The next decoded columns and their number of rows.
    fn next(&mut self, batch_rows: usize) -> Result<Option<(Vec<ArrayRef>, usize)>> {
        let Some(decoder) = &mut self.decoder else {
            let rows = usize::try_from(self.left).unwrap_or(usize::MAX).min(batch_rows);
            self.left -= rows as u64;
            return Ok((rows > 0).then(|| (Vec::new(), rows)));
        };
        let batch = guarded(DAMAGED, || decoder.next().transpose())?;
        let rows = batch.as_ref().map_or(0, RecordBatch::num_rows);
        match (batch, self.left.checked_sub(rows as u64)) {
            (Some(batch), Some(left)) => {
                self.left = left;
                Ok(Some((batch.columns().to_vec(), rows)))
            }
            (None, Some(0)) => Ok(None),
            _ => Err(Error::bad_data("a row group does not have as many rows as the Parquet footer states")),
        }
    }

    fn drain(mut self, batch_rows: usize) -> Result<()> {
        while self.next(batch_rows)?.is_some() {}
        Ok(())
    }
}

impl Iterator for Reader {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            // Nothing may follow an error.
            self.current = None;
            self.waiting = 0..0;
        }
        step.transpose()
    }
}

impl SplitReader for Reader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.columns.schema)
    }

    fn stats(&self) -> ReadStats {
        self.stats
    }
}
