//! Reading single buckets of a partial.

use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use super::{ENTRY, FOOTER, HASH, MAGIC, foreign, short_hash, u32_at, u64_at};
use crate::engine::ipc::{self, Decoder};
use crate::error::{Error, Result};

/// The ranges of a partial's file.
pub trait Ranges: Send + Sync {
    /// The file's size in bytes.
    fn size(&self) -> u64;

    /// Exactly these bytes, which lie within the file.
    ///
    /// # Errors
    /// What the store gives.
    fn read(&self, range: Range<u64>) -> Result<Bytes>;
}

impl Ranges for Bytes {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let range = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
        match range.filter(|(start, end)| start <= end && *end <= self.len()) {
            Some((start, end)) => Ok(self.slice(start..end)),
            None => Err(Error::internal("a range lies outside its file")),
        }
    }
}

impl Ranges for Box<dyn Ranges> {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        (**self).read(range)
    }
}

struct Entry {
    bucket: u32,
    batches: u32,
    offset: u64,
    len: u64,
    rows: u64,
    hash: u64,
}

/// Reads single buckets of a partial.
pub struct PartialReader<R: Ranges> {
    pub(super) file: R,
    decoder: Decoder,
    buckets: u32,
    entries: Vec<Entry>,
}

/// What is read from the end of a file at first: footer, index and schema in most cases.
pub(super) const TAIL: u64 = 32 << 10;

impl<R: Ranges> PartialReader<R> {
    /// Reads footer, index and schema: one range in most cases, at most two.
    ///
    /// # Errors
    /// `BadData` for a file that is torn or is no partial; what the store gives.
    pub fn open(file: R) -> Result<Self> {
        let size = file.size();
        let tail_start = size.saturating_sub(TAIL);
        let mut tail = file.read(tail_start..size)?;
        let footer = Footer::parse(&tail, size)?;
        if footer.index < tail_start {
            tail = file.read(footer.index..size)?;
        } else {
            let skip = usize::try_from(footer.index - tail_start).map_err(|_| foreign("index"))?;
            tail = tail.slice(skip.min(tail.len())..);
        }
        let hashed = tail.len().saturating_sub(HASH + MAGIC.len());
        let (content, end) = tail.split_at_checked(hashed).ok_or_else(|| foreign("footer"))?;
        if !end.starts_with(&blake3::hash(content).as_bytes()[..HASH]) {
            return Err(foreign("hash of the index"));
        }
        let body = tail.get(..tail.len().saturating_sub(FOOTER)).ok_or_else(|| foreign("footer"))?;
        let (index, schema) = body
            .split_at_checked(footer.entries as usize * ENTRY)
            .filter(|(_, schema)| schema.len() == footer.schema_len as usize)
            .ok_or_else(|| foreign("index"))?;
        let schema = ipc::read_schema(schema.to_vec())?;
        let mut expected = MAGIC.len() as u64;
        let mut entries = Vec::with_capacity(footer.entries as usize);
        for bytes in index.chunks_exact(ENTRY) {
            let entry = Entry::parse(bytes).ok_or_else(|| foreign("index"))?;
            if entry.offset != expected || entry.bucket >= footer.buckets {
                return Err(foreign("index"));
            }
            expected = expected.checked_add(entry.len).ok_or_else(|| foreign("index"))?;
            entries.push(entry);
        }
        if expected != footer.index || !entries.is_sorted_by(|a, b| a.bucket < b.bucket) {
            return Err(foreign("index"));
        }
        Ok(Self { file, decoder: Decoder::new(&schema)?, buckets: footer.buckets, entries })
    }

    /// The batches' schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        self.decoder.schema()
    }

    /// How many buckets the partial was cut into.
    #[must_use]
    pub fn buckets(&self) -> u32 {
        self.buckets
    }

    /// Rows of all buckets.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.entries.iter().map(|e| e.rows).fold(0, u64::saturating_add)
    }

    /// Bytes and rows of a bucket.
    #[must_use]
    pub fn bucket_size(&self, bucket: u32) -> (u64, u64) {
        self.entry(bucket).map_or((0, 0), |e| (e.len, e.rows))
    }

    /// The batches of a bucket, as written; reads only its bytes.
    ///
    /// # Errors
    /// `BadData` when its bytes are not those that were written; what the store gives.
    pub fn read_bucket(&self, bucket: u32) -> Result<Vec<RecordBatch>> {
        let Some(entry) = self.entry(bucket) else { return Ok(Vec::new()) };
        let bytes = self.file.read(entry.offset..entry.offset + entry.len)?;
        if short_hash(&blake3::hash(&bytes)) != entry.hash {
            return Err(foreign("hash of a bucket").with("bucket", bucket));
        }
        let batches = self.decoder.decode(bytes)?;
        let rows: u64 = batches.iter().map(|b| b.num_rows() as u64).sum();
        if rows != entry.rows || batches.len() != entry.batches as usize {
            return Err(foreign("rows of a bucket").with("bucket", bucket));
        }
        Ok(batches)
    }

    fn entry(&self, bucket: u32) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&bucket, |e| e.bucket).ok()?;
        self.entries.get(at)
    }
}

struct Footer {
    index: u64,
    entries: u32,
    schema_len: u32,
    buckets: u32,
}

impl Footer {
    fn parse(tail: &[u8], size: u64) -> Result<Self> {
        let bytes = tail.last_chunk::<FOOTER>().ok_or_else(|| foreign("footer"))?;
        let (numbers, magic) = bytes.split_at(FOOTER - MAGIC.len());
        if magic != MAGIC {
            return Err(if magic.starts_with(&MAGIC[..7]) {
                Error::stop("a partial has another format: use the version of dp that planned the run")
            } else {
                foreign("footer")
            });
        }
        let index = u64_at(numbers, 0).ok_or_else(|| foreign("footer"))?;
        let number = |at| u32_at(numbers, at).ok_or_else(|| foreign("footer"));
        let footer = Self { index, entries: number(8)?, schema_len: number(12)?, buckets: number(16)? };
        let body = u64::from(footer.entries) * ENTRY as u64 + u64::from(footer.schema_len);
        match footer.index.checked_add(body + FOOTER as u64) {
            Some(end) if end == size && footer.index >= MAGIC.len() as u64 => Ok(footer),
            _ => Err(foreign("footer")),
        }
    }
}

impl Entry {
    fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            bucket: u32_at(bytes, 0)?,
            batches: u32_at(bytes, 4)?,
            offset: u64_at(bytes, 8)?,
            len: u64_at(bytes, 16)?,
            rows: u64_at(bytes, 24)?,
            hash: u64_at(bytes, 32)?,
        })
    }
}
