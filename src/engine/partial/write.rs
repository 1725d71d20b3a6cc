//! Writing a partial.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::{ENTRY, HASH, MAGIC, short_hash};
use crate::engine::ipc::{self, Encoder};
use crate::engine::write::write_failed;
use crate::error::{Error, Result};

/// Writes a partial from front to back.
pub struct PartialWriter<W: Write> {
    out: W,
    schema: SchemaRef,
    encoder: Encoder,
    buckets: u32,
    /// The bucket that may come next at the earliest.
    next: u32,
    offset: u64,
    index: Vec<u8>,
    rows: u64,
    scratch: Vec<u8>,
}

impl<W: Write> PartialWriter<W> {
    /// Begins a partial of `buckets` buckets.
    ///
    /// # Errors
    /// What writing gives; a schema that Arrow IPC cannot hold.
    pub fn new(mut out: W, schema: &SchemaRef, buckets: u32) -> Result<Self> {
        out.write_all(&MAGIC).map_err(write_failed)?;
        Ok(Self {
            out,
            schema: schema.clone(),
            encoder: Encoder::new(schema)?,
            buckets,
            next: 0,
            offset: MAGIC.len() as u64,
            index: Vec::new(),
            rows: 0,
            scratch: Vec::new(),
        })
    }

    /// Writes all batches of one bucket. Buckets come in rising order, each at most once; those
    /// that never come are empty.
    ///
    /// # Errors
    /// What writing gives; `Internal` for a bucket out of order.
    pub fn write_bucket(&mut self, bucket: u32, batches: &[RecordBatch]) -> Result<()> {
        if bucket < self.next || bucket >= self.buckets {
            return Err(Error::internal("buckets of a partial are written out of order")
                .with("bucket", bucket)
                .with("buckets", self.buckets));
        }
        self.next = bucket + 1;
        let (mut len, mut rows, mut count) = (0_u64, 0_u64, 0_u32);
        let mut hash = blake3::Hasher::new();
        for batch in batches.iter().filter(|b| b.num_rows() > 0) {
            self.scratch.clear();
            self.encoder.encode(batch, &mut self.scratch)?;
            self.out.write_all(&self.scratch).map_err(write_failed)?;
            hash.update(&self.scratch);
            len += self.scratch.len() as u64;
            rows += batch.num_rows() as u64;
            count += 1;
        }
        if count > 0 {
            self.index.extend(bucket.to_le_bytes());
            self.index.extend(count.to_le_bytes());
            for number in [self.offset, len, rows, short_hash(&hash.finalize())] {
                self.index.extend(number.to_le_bytes());
            }
            self.offset += len;
            self.rows += rows;
        }
        Ok(())
    }

    /// Rows written so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes index and footer; gives the output back and the rows written.
    ///
    /// # Errors
    /// What writing gives.
    pub fn finish(mut self) -> Result<(W, u64)> {
        // At most one entry a bucket, and buckets are counted in 32 bits.
        let entries = u32::try_from(self.index.len() / ENTRY).unwrap_or(u32::MAX);
        let schema = ipc::schema_stream(&self.schema)?;
        let schema_len = u32::try_from(schema.len())
            .map_err(|e| Error::internal("the schema of a partial is too large").because(e))?;
        let mut tail = self.index;
        tail.extend(schema);
        tail.extend(self.offset.to_le_bytes());
        for number in [entries, schema_len, self.buckets] {
            tail.extend(number.to_le_bytes());
        }
        let hash = blake3::hash(&tail);
        tail.extend(&hash.as_bytes()[..HASH]);
        tail.extend(MAGIC);
        self.out.write_all(&tail).map_err(write_failed)?;
        self.out.flush().map_err(write_failed)?;
        Ok((self.out, self.rows))
    }
}
