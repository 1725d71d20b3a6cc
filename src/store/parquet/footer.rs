//! Footers: read with one or two range reads, checked, and kept for the process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};

use super::{guarded, types};
use crate::error::{Error, Result};
use crate::store::source::ByteSource;

/// The first read takes this much from the file's end: most footers fit.
const SUFFIX_BYTES: u64 = 64 * 1024;
/// A footer larger than this is refused: its length field is most likely damaged.
const MAX_FOOTER_BYTES: u64 = 1024 * 1024 * 1024;
/// Footers kept by the process, in bytes of memory. What does not fit is read again.
const CACHE_BYTES: usize = 128 * 1024 * 1024;
/// The magic and the footer's length at the end, the magic at the beginning.
const TAIL: u64 = 8;

/// A parsed and checked footer.
#[derive(Debug)]
pub struct Footer {
    /// What the decoder needs; its schema is the one that batches are decoded with.
    pub(super) arrow: ArrowReaderMetadata,
    /// The columns as a table of this file alone has them.
    pub schema: SchemaRef,
}

impl Footer {
    pub(super) fn metadata(&self) -> &ParquetMetaData {
        self.arrow.metadata()
    }

    /// Rows and compressed bytes of each top-level column, per row group.
    pub fn row_groups(&self) -> impl Iterator<Item = (u64, Vec<u64>)> + '_ {
        let parquet = self.arrow.parquet_schema();
        self.metadata().row_groups().iter().map(|group| {
            let mut bytes = vec![0_u64; self.schema.fields().len()];
            for (leaf, column) in group.columns().iter().enumerate() {
                if let Some(sum) = bytes.get_mut(parquet.get_column_root_idx(leaf)) {
                    *sum += column.compressed_size().unsigned_abs();
                }
            }
            (group.num_rows().unsigned_abs(), bytes)
        })
    }
}

/// The footer of `source`, from memory if this process has seen it under the same etag.
///
/// # Errors
/// `BadData` naming the file if it is not Parquet, truncated, encrypted or corrupt; errors of the
/// source.
pub fn footer(source: &dyn ByteSource, etag: Option<&str>) -> Result<Arc<Footer>> {
    let key = etag.map(|e| (source.path().to_owned(), e.to_owned()));
    if let Some(found) = key.as_ref().and_then(|k| cache().get(k)) {
        return Ok(found);
    }
    let footer = Arc::new(read(source).map_err(|e| e.with("file", source.path()))?);
    if let Some(key) = key {
        cache().put(key, &footer);
    }
    Ok(footer)
}

fn read(source: &dyn ByteSource) -> Result<Footer> {
    let size = source.size();
    if size < TAIL + 4 {
        return Err(Error::bad_data(format!("a file of {size} bytes is too short to be Parquet")));
    }
    let suffix = source.read(size.saturating_sub(SUFFIX_BYTES)..size)?;
    let (length, magic) = tail(&suffix)?;
    match &magic {
        b"PAR1" => (),
        b"PARE" => return Err(Error::bad_data("the file is encrypted, which is not supported")),
        _ => {
            return Err(Error::bad_data(
                "the file does not end as Parquet does: it is truncated or of another format",
            ));
        }
    }
    if length > size - TAIL - 4 || length > MAX_FOOTER_BYTES {
        return Err(Error::bad_data(format!(
            "the Parquet footer claims {length} bytes in a file of {size}: the file is damaged"
        )));
    }
    let start = size - TAIL - length;
    let bytes = match usize::try_from(length + TAIL).ok().and_then(|l| suffix.len().checked_sub(l)) {
        Some(from) => suffix.slice(from..suffix.len() - 8),
        None => source.read(start..size - TAIL)?,
    };
    let metadata =
        guarded("the Parquet footer is damaged", || ParquetMetaDataReader::decode_metadata(&bytes))?;
    check(&metadata, start)?;
    understand(&Arc::new(metadata))
}

fn tail(suffix: &[u8]) -> Result<(u64, [u8; 4])> {
    match suffix.last_chunk::<8>() {
        Some([a, b, c, d, magic @ ..]) => Ok((u64::from(u32::from_le_bytes([*a, *b, *c, *d])), *magic)),
        None => Err(Error::internal("a suffix read returned too few bytes")),
    }
}

/// What the decoder takes for granted, or asserts.
fn check(metadata: &ParquetMetaData, data_end: u64) -> Result<()> {
    let leaves = metadata.file_metadata().schema_descr().num_columns();
    let mut rows = 0_i64;
    for (number, group) in metadata.row_groups().iter().enumerate() {
        check_group(group, leaves, data_end).map_err(|e| e.with("row_group", number))?;
        rows = rows.saturating_add(group.num_rows());
    }
    if rows != metadata.file_metadata().num_rows() {
        return Err(Error::bad_data(format!(
            "the Parquet footer states {} rows, but its row groups {rows}: the file is damaged",
            metadata.file_metadata().num_rows()
        )));
    }
    Ok(())
}

fn check_group(group: &RowGroupMetaData, leaves: usize, data_end: u64) -> Result<()> {
    if group.num_columns() != leaves || group.num_rows() < 0 {
        return Err(Error::bad_data("a row group in the Parquet footer is damaged"));
    }
    for column in group.columns() {
        let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
        let end = start.checked_add(column.compressed_size());
        let end = end.filter(|e| start >= 0 && *e >= start).map(i64::unsigned_abs);
        if end.is_none_or(|e| e > data_end) || column.num_values() < 0 || column.uncompressed_size() < 0 {
            return Err(Error::bad_data(
                "a column chunk lies outside of the file: the file is truncated or damaged",
            )
            .with("column", column.column_path().string()));
        }
    }
    Ok(())
}

fn understand(metadata: &Arc<ParquetMetaData>) -> Result<Footer> {
    let what = "the schema in the Parquet footer is damaged or not supported";
    let load = |options| ArrowReaderMetadata::try_new(Arc::clone(metadata), options);
    let natural = guarded(what, || load(ArrowReaderOptions::new()))
        // The embedded Arrow schema is only advice.
        .or_else(|_| guarded(what, || load(ArrowReaderOptions::new().with_skip_arrow_metadata(true))))?;
    let hint = Arc::new(types::hint(natural.schema(), natural.parquet_schema()));
    let hinted = guarded(what, || load(ArrowReaderOptions::new().with_schema(hint)));
    // What cannot be decoded as hinted is cast after decoding.
    let arrow = hinted.unwrap_or(natural);
    let fields = arrow.schema().fields().iter().map(|f| types::table_field(f));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let mut names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    names.sort_unstable();
    if let Some([name, _]) = names.array_windows().find(|[a, b]| a == b) {
        return Err(Error::bad_data("the file has two columns of one name").with("column", name));
    }
    Ok(Footer { arrow, schema })
}

type Key = (String, String);

#[derive(Default)]
struct Cache {
    footers: HashMap<Key, Arc<Footer>>,
    oldest_first: VecDeque<(Key, usize)>,
    bytes: usize,
}

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

fn cache() -> std::sync::MutexGuard<'static, Cache> {
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    fn get(&self, key: &Key) -> Option<Arc<Footer>> {
        self.footers.get(key).map(Arc::clone)
    }

    fn put(&mut self, key: Key, footer: &Arc<Footer>) {
        let bytes = footer.metadata().memory_size() + 1024 + 256 * footer.schema.fields().len();
        if bytes > CACHE_BYTES / 4 || self.footers.insert(key.clone(), Arc::clone(footer)).is_some() {
            return;
        }
        self.bytes += bytes;
        self.oldest_first.push_back((key, bytes));
        while self.bytes > CACHE_BYTES
            && let Some((key, bytes)) = self.oldest_first.pop_front()
        {
            self.footers.remove(&key);
            self.bytes -= bytes;
        }
    }
}
