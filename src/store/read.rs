//! One split as a stream of record batches, whatever its format.

use std::sync::LazyLock;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::client::Stores;
use super::text::{Ask, Heads};
use super::{parquet, source};
use crate::error::{Error, Result};
use crate::plan::{Split, Table};
use crate::spec::{BadRecords, Format};

/// Headers of text files that this process has read.
static HEADS: LazyLock<Heads> = LazyLock::new(Heads::default);

/// What has been read of a split so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadStats {
    /// Bytes fetched.
    pub bytes: u64,
    /// Records read, the rejected ones included.
    pub rows: u64,
    /// Records rejected.
    pub rejected: u64,
    /// For a text cut by bytes, once the reader has ended: where its first record began and where
    /// its last one ended (behind the line's end).
    pub tile: Option<(u64, u64)>,
}

/// The batches of a split, in file order. Blocking; each call of `next` does the work of one batch.
pub trait SplitReader: Iterator<Item = Result<RecordBatch>> + Send {
    /// The batches' schema: the projected columns.
    fn schema(&self) -> SchemaRef;

    /// What has been read so far.
    fn stats(&self) -> ReadStats;
}

/// Opens a split of one of `tables` (its [`Split::input`] says which).
///
/// - `projection`: positions in the table's schema, in the order of the batches' columns.
/// - `begin`: for a text cut by bytes, where its first record begins, if that is already proved;
///   otherwise the reader finds the likeliest place.
/// - `bad`: what to do with records that cannot be read. Parquet has none: damaged data is an error.
/// - `batch_rows`: most rows of a batch.
///
/// # Errors
/// `Stop` if the file is gone, may not be read or has changed; `BadData` if it cannot be read as
/// its format; `Transient` if the store fails.
pub fn open_split(
    stores: &Stores,
    tables: &[Table],
    split: &Split,
    projection: &[usize],
    begin: Option<u64>,
    bad: BadRecords,
    batch_rows: usize,
) -> Result<Box<dyn SplitReader>> {
    let table = tables.get(split.input as usize).ok_or_else(|| {
        Error::internal("a split belongs to a table that the plan does not have").with("file", &split.path)
    })?;
    let source = source::open(stores, split)?;
    match table.format {
        Format::Parquet => parquet::open(source, table, split, projection, batch_rows),
        Format::Csv | Format::Jsonl => {
            HEADS.open(source, table, split, Ask { projection, begin, bad, batch_rows })
        }
    }
}
