//! The fetched column chunks of one row group, as the decoder wants to read them.

use std::ops::Range;

use bytes::{Buf, Bytes, buf::Reader};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

use crate::error::Result;
use crate::store::source::ByteSource;

/// Chunks that lie closer together than this are fetched as one.
const GAP_BYTES: u64 = 128 * 1024;

/// Pieces of a file in memory.
#[derive(Debug, Clone)]
pub(super) struct Chunks {
    file_bytes: u64,
    /// Start and bytes, sorted by start, not overlapping.
    pieces: Vec<(u64, Bytes)>,
}

impl Chunks {
    /// Fetches `ranges`.
    pub(super) fn fetch(source: &dyn ByteSource, ranges: Vec<Range<u64>>) -> Result<Self> {
        let ranges = coalesce(ranges);
        let bytes = source.read_ranges(&ranges)?;
        let pieces = ranges.into_iter().map(|r| r.start).zip(bytes).collect();
        Ok(Self { file_bytes: source.size(), pieces })
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> u64 {
        self.pieces.iter().map(|(_, b)| b.len() as u64).sum()
    }

    fn from(&self, start: u64) -> ParquetResult<Bytes> {
        let after = self.pieces.partition_point(|(s, _)| *s <= start);
        let piece = after.checked_sub(1).and_then(|i| self.pieces.get(i));
        let found = piece.and_then(|(s, bytes)| {
            let offset = usize::try_from(start - s).ok().filter(|o| *o <= bytes.len())?;
            Some(bytes.slice(offset..))
        });
        found.ok_or_else(|| {
            ParquetError::EOF(format!("byte {start} is outside of the column chunks of the row group"))
        })
    }
}

fn coalesce(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|r| (r.start, r.end));
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(GAP_BYTES) => {
                last.end = last.end.max(range.end);
            }
            _ => merged.push(range),
        }
    }
    merged
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.file_bytes
    }
}

impl ChunkReader for Chunks {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let bytes = self.from(start)?;
        if length > bytes.len() {
            return Err(ParquetError::EOF(format!(
                "{length} bytes from byte {start} are outside of the column chunks of the row group"
            )));
        }
        Ok(bytes.slice(..length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ranges_are_one_read() {
        let g = GAP_BYTES;
        assert_eq!(coalesce(vec![10..20, 0..10]), vec![0..20]);
        assert_eq!(coalesce(vec![0..10, 10 + g..20 + g]), vec![0..20 + g]);
        assert_eq!(coalesce(vec![0..10, 11 + g..20 + g]), vec![0..10, 11 + g..20 + g]);
        assert_eq!(coalesce(vec![0..100, 5..10]), vec![0..100]);
        assert_eq!(coalesce(Vec::new()), Vec::<Range<u64>>::new());
    }

    #[test]
    fn only_fetched_bytes_are_readable() {
        let chunks = Chunks { file_bytes: 100, pieces: vec![(10, "abcd".into()), (50, "xyz".into())] };
        assert_eq!(chunks.get_bytes(11, 2).expect("inside"), "bc");
        assert_eq!(chunks.get_bytes(50, 3).expect("inside"), "xyz");
        for (start, length) in [(0, 1), (9, 1), (11, 4), (15, 1), (52, 2), (99, 1)] {
            assert!(chunks.get_bytes(start, length).is_err(), "{start} {length}");
        }
    }
}
