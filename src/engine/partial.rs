//! The file of a shard's partial: for each bucket the Arrow batches of its groups, readable alone.
//!
//! ```text
//! "dp-part" and the format number, 8 bytes
//! pieces of Arrow IPC (see `ipc`), one run of pieces per bucket that has rows
//! index: per bucket that has rows, in order:
//!   bucket u32 · batches u32 · offset u64 · len u64 · rows u64 · hash u64 of the bytes
//! schema: Arrow IPC stream without batches
//! footer: index offset u64 · entries u32 · schema len u32 · buckets u32 · 4 bytes of the hash of
//!         all from the index to here · "dp-part" and the format number
//! ```
//! All numbers are little-endian. A whole-file checksum is the commit record's business; the hashes
//! here guard the ranges that are read without reading the whole file.

use std::io::Write;
use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use super::ipc::{self, Decoder, Encoder};
use crate::error::{Error, Result};

/// Begins and ends the file; the last byte is the format's number.
const MAGIC: [u8; 8] = *b"dp-part\x01";
const ENTRY: usize = 40;
const FOOTER: usize = 32;
/// Bytes of the footer's hash.
const HASH: usize = 4;

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

/// A store's file as the ranges of a partial.
pub struct SourceRanges<S>(pub S);

impl<S: std::ops::Deref<Target = dyn crate::store::source::ByteSource> + Send + Sync> Ranges
    for SourceRanges<S>
{
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        self.0.read(range)
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
    file: R,
    decoder: Decoder,
    buckets: u32,
    entries: Vec<Entry>,
}

/// What is read from the end of a file at first: footer, index and schema in most cases.
const TAIL: u64 = 32 << 10;

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
            return Err(match magic.starts_with(&MAGIC[..7]) {
                true => Error::stop(
                    "a partial was written in another format: use the version of dp that planned the run",
                ),
                false => foreign("footer"),
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

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b))
}

fn short_hash(hash: &blake3::Hash) -> u64 {
    u64_at(hash.as_bytes(), 0).unwrap_or_default()
}

fn foreign(part: &'static str) -> Error {
    Error::bad_data("a partial is torn or is no partial: run its shard again").with("part", part)
}

fn write_failed(e: std::io::Error) -> Error {
    let kind = match e.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => crate::error::Kind::Stop,
        _ => crate::error::Kind::Transient,
    };
    Error::new(kind, "a partial cannot be written").because(e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sample;
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A file that counts what is read.
    struct Counting(Bytes, AtomicU64);

    impl Ranges for Counting {
        fn size(&self) -> u64 {
            self.0.size()
        }

        fn read(&self, range: Range<u64>) -> Result<Bytes> {
            self.1.fetch_add(range.end - range.start, Ordering::Relaxed);
            self.0.read(range)
        }
    }

    fn bucket(number: u32) -> Vec<RecordBatch> {
        let from = number as usize * 10;
        match number % 4 {
            0 => Vec::new(),
            1 => vec![sample::all_types(from, 5, 0)],
            2 => vec![sample::all_types(from, 0, 0)],
            _ => vec![sample::all_types(from, 600, 0), sample::all_types(from + 7, 1, 0)],
        }
    }

    fn file(buckets: u32) -> Bytes {
        let schema = sample::all_types(0, 0, 0).schema();
        let mut writer = PartialWriter::new(Vec::new(), &schema, buckets).expect("writer");
        for number in 0..buckets {
            writer.write_bucket(number, &bucket(number)).expect("bucket");
        }
        let (bytes, rows) = writer.finish().expect("finish");
        let want: usize = (0..buckets).flat_map(bucket).map(|b| b.num_rows()).sum();
        assert_eq!(rows, want as u64);
        bytes.into()
    }

    #[test]
    fn buckets_come_back() {
        for buckets in [0, 1, 2, 9, 400] {
            let bytes = file(buckets);
            let reader = PartialReader::open(bytes.clone()).expect("open");
            assert_eq!(reader.buckets(), buckets);
            assert_eq!(reader.schema(), &sample::all_types(0, 0, 0).schema());
            for number in (0..buckets.min(9)).rev().chain([buckets, u32::MAX]) {
                let got = reader.read_bucket(number).expect("bucket");
                let mut want = if number < buckets { bucket(number) } else { Vec::new() };
                want.retain(|b| b.num_rows() > 0);
                assert_eq!(got.len(), want.len());
                assert_eq!(sample::rows_of(&got), sample::rows_of(&want));
                assert!(got.iter().all(|b| b.schema_ref() == reader.schema()));
                assert_eq!(reader.bucket_size(number).1 as usize, sample::rows_of(&want).len());
            }
        }
    }

    #[test]
    fn names_nullability_and_metadata_stay() {
        let fields = vec![
            arrow::datatypes::Field::new("a", arrow::datatypes::DataType::Utf8View, false)
                .with_metadata(HashMap::from([("k".to_owned(), "v".to_owned())])),
            arrow::datatypes::Field::new("a", arrow::datatypes::DataType::Int64, true),
        ];
        let schema: SchemaRef = arrow::datatypes::Schema::new_with_metadata(
            fields,
            HashMap::from([("x".to_owned(), "y".to_owned())]),
        )
        .into();
        let writer = PartialWriter::new(Vec::new(), &schema, 5).expect("writer");
        let (bytes, _) = writer.finish().expect("finish");
        assert_eq!(PartialReader::open(Bytes::from(bytes)).expect("open").schema(), &schema);
    }

    #[test]
    fn one_bucket_is_read_alone() {
        let file = Counting(file(8), AtomicU64::new(0));
        let reader = PartialReader::open(file).expect("open");
        let opened = reader.file.1.swap(0, Ordering::Relaxed);
        assert!(opened <= TAIL + 8192, "{opened}");
        reader.read_bucket(1).expect("bucket");
        assert_eq!(reader.file.1.load(Ordering::Relaxed), reader.bucket_size(1).0);
    }

    #[test]
    fn buckets_out_of_order_are_a_defect() {
        let schema = sample::all_types(0, 0, 0).schema();
        let mut writer = PartialWriter::new(Vec::new(), &schema, 4).expect("writer");
        writer.write_bucket(2, &[]).expect("first");
        assert!(writer.write_bucket(2, &[]).is_err());
        assert!(writer.write_bucket(1, &[]).is_err());
        assert!(writer.write_bucket(4, &[]).is_err());
    }

    #[test]
    fn torn_and_foreign_files_are_refused() {
        let whole = file(6);
        let buckets = |bytes: Bytes| -> Result<usize> {
            let reader = PartialReader::open(bytes)?;
            (0..6).map(|b| Ok(reader.read_bucket(b)?.len())).sum()
        };
        let want = buckets(whole.clone()).expect("whole");
        for end in (0..whole.len()).step_by(251).chain(whole.len() - 40..whole.len()) {
            assert!(buckets(whole.slice(..end)).is_err(), "cut at {end}");
        }
        for at in (0..whole.len()).step_by(211).chain(whole.len() - 500..whole.len()) {
            let mut bytes = whole.to_vec();
            bytes[at] ^= 0x41;
            // Only the magic at the front is not looked at.
            if let Ok(count) = buckets(bytes.into()) {
                assert!(at < MAGIC.len() && count == want, "flipped at {at}");
            }
        }
        for foreign in [&b""[..], b"PAR1", &[0; 500], &[0xFF; 500]] {
            let error = PartialReader::open(Bytes::from(foreign)).err().expect("foreign");
            assert_eq!(error.kind(), crate::error::Kind::BadData);
        }
        let mut newer = whole.to_vec();
        *newer.last_mut().expect("bytes") = 2;
        assert_eq!(
            PartialReader::open(Bytes::from(newer)).err().expect("newer").kind(),
            crate::error::Kind::Stop
        );
    }
}
