//! Output files: rows in, files of one format out. What a file holds, and where one file ends and
//! the next begins, depends on the sequence of rows alone: not on how they were batched, on
//! threads, memory or time.

mod arrow;
mod canonical;
mod check;
mod csv;
mod jsonl;
mod parquet;
mod sink;
mod text;

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::SchemaRef;

use super::flat;
use super::rebatch::Rebatch;
use crate::error::{Error, Result};
use crate::spec::{Output, OutputFormat};

pub use self::check::check_schema;
pub(in crate::engine) use self::sink::write_failed;
pub use self::sink::{FileDone, FileSink};

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// Its rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// The BLAKE3 hash of its bytes, as text.
    pub checksum: String,
}

/// Makes the file of a number (0, 1, …) when its first row comes.
pub type Open = Box<dyn FnMut(u32) -> Result<Box<dyn FileSink>> + Send>;

/// Rows that are encoded at one go: the smallest unit on which a file's bytes depend.
const BLOCK_ROWS: usize = 8192;

/// Blocks are gathered up to so many rows or bytes and then encoded in parallel.
const GROUP_ROWS: usize = 8 * BLOCK_ROWS;
const GROUP_BYTES: u64 = 64 << 20;

/// An open file of some format.
trait OpenFile: Send {
    /// Writes blocks from the front; stops behind the one that made the file reach its target
    /// size. Gives how many were written, and whether the file is full.
    fn write(&mut self, blocks: &[RecordBatch]) -> Result<(usize, bool)>;

    /// Writes what is still held, and the end of the file.
    fn finish(self: Box<Self>) -> Result<FileDone>;
}

/// Writes rows into as many files as their size asks for.
pub struct OutputWriter {
    output: Output,
    schema: SchemaRef,
    flat: SchemaRef,
    open: Open,
    rebatch: Rebatch,
    group: Vec<RecordBatch>,
    group_rows: usize,
    group_bytes: u64,
    file: Option<(Box<dyn OpenFile>, u64)>,
    done: Vec<OutputFile>,
}

impl OutputWriter {
    /// A writer of rows of `schema`. No file is opened before the first row, see
    /// [`OutputWriter::ensure_file`].
    ///
    /// # Errors
    /// What [`check_schema`] refuses.
    pub fn new(
        output: &Output,
        schema: &SchemaRef,
        open: impl FnMut(u32) -> Result<Box<dyn FileSink>> + Send + 'static,
    ) -> Result<Self> {
        check_schema(output, schema)?;
        let flat = flat::schema(schema, flat::Views::Keep);
        // Row groups of Parquet have exactly so many rows, so a block ends with its row group.
        let cycle = match output.format {
            OutputFormat::Parquet => output.row_group_rows,
            OutputFormat::Csv | OutputFormat::Jsonl | OutputFormat::Arrow => usize::MAX,
        };
        let block = if output.format == OutputFormat::Arrow { arrow::BLOCK_ROWS } else { BLOCK_ROWS };
        Ok(Self {
            output: output.clone(),
            schema: schema.clone(),
            rebatch: Rebatch::with_cycle(flat.clone(), block, cycle),
            flat,
            open: Box::new(open),
            group: Vec::new(),
            group_rows: 0,
            group_bytes: 0,
            file: None,
            done: Vec::new(),
        })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// What the files give; `BadData` for a value that the format cannot hold.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_columns() != self.schema.fields().len() {
            return Err(Error::internal("a batch does not have the columns of its output"));
        }
        let batch = flat::cast(batch, &self.flat)?;
        for block in self.rebatch.push(batch)? {
            self.add(block)?;
        }
        Ok(())
    }

    /// Makes sure that there is a file, so that a result without rows still states its columns.
    ///
    /// # Errors
    /// What opening gives.
    pub fn ensure_file(&mut self) -> Result<()> {
        if self.file.is_none() && self.done.is_empty() { self.open_next() } else { Ok(()) }
    }

    /// Writes what is still held and gives all files, in order.
    ///
    /// # Errors
    /// As [`OutputWriter::write`].
    pub fn finish(mut self) -> Result<Vec<OutputFile>> {
        if let Some(rest) = self.rebatch.finish()? {
            self.add(rest)?;
        }
        self.encode()?;
        self.close()?;
        Ok(self.done)
    }

    fn add(&mut self, block: RecordBatch) -> Result<()> {
        self.group_rows += block.num_rows();
        self.group_bytes = self.group_bytes.saturating_add(flat::bytes(&block));
        self.group.push(block);
        if self.group_rows >= GROUP_ROWS || self.group_bytes >= GROUP_BYTES {
            self.encode()?;
        }
        Ok(())
    }

    fn encode(&mut self) -> Result<()> {
        let mut blocks = std::mem::take(&mut self.group);
        (self.group_rows, self.group_bytes) = (0, 0);
        while !blocks.is_empty() {
            if self.file.is_none() {
                self.open_next()?;
            }
            let Some((file, rows)) = &mut self.file else {
                return Err(Error::internal("an output file was not opened"));
            };
            let (written, full) = file.write(&blocks)?;
            let written = written.clamp(1, blocks.len());
            *rows += blocks.drain(..written).map(|b| b.num_rows() as u64).sum::<u64>();
            if full {
                self.close()?;
            }
        }
        Ok(())
    }

    fn open_next(&mut self) -> Result<()> {
        let number = u32::try_from(self.done.len())
            .map_err(|e| Error::stop("too many output files: raise output.targetFileSize").because(e))?;
        let sink = (self.open)(number)?;
        let file: Box<dyn OpenFile> = match self.output.format {
            OutputFormat::Parquet => Box::new(parquet::ParquetFile::new(sink, &self.output, &self.flat)?),
            OutputFormat::Arrow => Box::new(arrow::ArrowFile::new(sink, &self.output, &self.flat)?),
            OutputFormat::Csv => Box::new(text::TextFile::new(sink, &self.output, &self.flat, csv::FORMAT)?),
            OutputFormat::Jsonl => {
                Box::new(text::TextFile::new(sink, &self.output, &self.flat, jsonl::FORMAT)?)
            }
        };
        self.file = Some((file, 0));
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        if let Some((file, rows)) = self.file.take() {
            let FileDone { bytes, blake3 } = file.finish()?;
            self.done.push(OutputFile { rows, bytes, checksum: blake3 });
        }
        Ok(())
    }
}

/// What a format's encoder gave.
fn encoding(e: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::bad_data("rows cannot be written in the output's format").because(e)
}

#[cfg(test)]
mod tests;
