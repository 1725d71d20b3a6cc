//! One split as a stream of record batches, whatever its format.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::error::Result;

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
