//! Ranges of one pinned file.

use std::ops::Range;

use bytes::Bytes;

use crate::error::Result;

/// Reads ranges of one file whose size and etag were pinned by the plan. Blocking; called from
/// compute threads.
pub trait ByteSource: Send + Sync {
    /// The file, as a person would write it.
    fn path(&self) -> &str;

    /// The file's size in bytes.
    fn size(&self) -> u64;

    /// Exactly the bytes of `range`, which lies within the file.
    ///
    /// # Errors
    /// `Stop` when the file is gone, may not be read or is not the planned one; `Transient` when
    /// the store fails.
    fn read(&self, range: Range<u64>) -> Result<Bytes>;

    /// Exactly the bytes of each range, in order; adjacent ranges may be fetched as one.
    ///
    /// # Errors
    /// As [`ByteSource::read`].
    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        ranges.iter().map(|r| self.read(r.clone())).collect()
    }
}
