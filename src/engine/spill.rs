//! Rows that do not fit in memory, in files without a name: whatever way the process ends, the
//! space is free again.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;

use super::ipc::{Decoder, Encoder};
use crate::error::{Error, Result};

/// The folder in which spilled rows lie. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SpillDir(Arc<Path>);

impl SpillDir {
    /// The folder; made when the first file needs it.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into().into())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A new file that has no name.
    ///
    /// # Errors
    /// `Stop` when the folder cannot be made or written.
    pub fn file(&self) -> Result<File> {
        std::fs::create_dir_all(&self.0)
            .and_then(|()| tempfile::tempfile_in(&self.0))
            .map_err(|e| self.error("the scratch folder cannot be used", e))
    }

    fn error(&self, what: &str, e: io::Error) -> Error {
        let error = match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::stop(
                "the scratch folder is full: free some space there, choose another folder, or allow more memory",
            ),
            io::ErrorKind::PermissionDenied
            | io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::ReadOnlyFilesystem => {
                Error::stop(format!("{what}: choose a folder that this user may write to"))
            }
            _ => Error::transient(what),
        };
        error.with("folder", self.0.display()).because(e)
    }
}

/// Where a batch lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
    /// Rows.
    pub rows: u64,
}

/// Bytes that are gathered before the file is written.
const BUFFER: usize = 256 << 10;

/// Writes batches of one schema behind each other.
pub struct SpillWriter {
    dir: SpillDir,
    file: Arc<File>,
    encoder: Encoder,
    decoder: Decoder,
    buffer: Vec<u8>,
    written: u64,
}

impl SpillWriter {
    /// A writer into a new file.
    ///
    /// # Errors
    /// `Stop` when the folder cannot be used.
    pub fn new(dir: &SpillDir, schema: &SchemaRef) -> Result<Self> {
        Ok(Self {
            dir: dir.clone(),
            file: Arc::new(dir.file()?),
            encoder: Encoder::new(schema)?,
            decoder: Decoder::new(schema)?,
            buffer: Vec::new(),
            written: 0,
        })
    }

    /// Appends a batch; the segment can be read by readers made after this.
    ///
    /// # Errors
    /// `Stop` when the disk is full.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<Segment> {
        let before = self.buffer.len();
        self.encoder.encode(batch, &mut self.buffer)?;
        let offset = self.written + before as u64;
        let len = (self.buffer.len() - before) as u64;
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        Ok(Segment { offset, len, rows: batch.num_rows() as u64 })
    }

    /// Bytes written so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// A reader of all segments written so far. Writing may go on.
    ///
    /// # Errors
    /// `Stop` when the disk is full.
    pub fn reader(&mut self) -> Result<SpillReader> {
        self.flush()?;
        Ok(SpillReader { dir: self.dir.clone(), file: Arc::clone(&self.file), decoder: self.decoder.clone() })
    }

    fn flush(&mut self) -> Result<()> {
        (&*self.file).write_all(&self.buffer).map_err(|e| self.dir.error("rows cannot be spilled", e))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER * 2);
        Ok(())
    }
}

/// Reads segments of one file, in any order and from many threads. Cheap to clone.
#[derive(Clone)]
pub struct SpillReader {
    dir: SpillDir,
    file: Arc<File>,
    decoder: Decoder,
}

impl SpillReader {
    /// The batch of a segment.
    ///
    /// # Errors
    /// `Transient` when the file cannot be read, `Internal` when the segment is not of this file.
    pub fn read(&self, segment: &Segment) -> Result<RecordBatch> {
        let len = usize::try_from(segment.len)
            .map_err(|e| Error::internal("a spilled segment is too long").because(e))?;
        let mut bytes = vec![0; len];
        self.file
            .read_exact_at(&mut bytes, segment.offset)
            .map_err(|e| self.dir.error("spilled rows cannot be read", e))?;
        let mut batches = self.decoder.decode(bytes)?;
        let batch = match (batches.pop(), batches.is_empty()) {
            (Some(only), true) => only,
            (Some(last), false) => {
                batches.push(last);
                concat_batches(self.decoder.schema(), &batches)
                    .map_err(|e| Error::internal("spilled rows cannot be joined").because(e))?
            }
            (None, _) => RecordBatch::new_empty(self.decoder.schema().clone()),
        };
        if batch.num_rows() as u64 == segment.rows {
            Ok(batch)
        } else {
            Err(Error::internal("a spilled segment has lost rows")
                .with("rows", batch.num_rows())
                .with("expected", segment.rows))
        }
    }

    /// The batches of `segments`, in their order.
    pub fn batches(self, segments: Vec<Segment>) -> impl Iterator<Item = Result<RecordBatch>> + Send {
        segments.into_iter().map(move |segment| self.read(&segment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use arrow::array::{ArrayRef, DictionaryArray, Int64Array, StringViewArray};
    use arrow::datatypes::{Field, Int8Type, Schema};
    use std::collections::HashMap;

    fn batch(from: i64, rows: usize) -> RecordBatch {
        let numbers = Int64Array::from_iter((from..).take(rows).map(|i| (i % 3 != 0).then_some(i)));
        let texts =
            StringViewArray::from_iter_values((from..).take(rows).map(|i| format!("text number {i:050}")));
        let words: DictionaryArray<Int8Type> =
            (from..).take(rows).map(|i| (i % 5 != 0).then_some(if i % 3 == 0 { "a" } else { "b" })).collect();
        let fields = vec![
            Field::new("n", arrow::datatypes::DataType::Int64, true)
                .with_metadata(HashMap::from([("k".to_owned(), "v".to_owned())])),
            Field::new("t", arrow::datatypes::DataType::Utf8View, false),
            Field::new_dictionary(
                "w",
                arrow::datatypes::DataType::Int8,
                arrow::datatypes::DataType::Utf8,
                true,
            ),
        ];
        let schema = Schema::new_with_metadata(fields, HashMap::from([("a".to_owned(), "b".to_owned())]));
        let columns: Vec<ArrayRef> = vec![Arc::new(numbers), Arc::new(texts), Arc::new(words)];
        RecordBatch::try_new(Arc::new(schema), columns).expect("batch")
    }

    #[test]
    fn segments_come_back_in_any_order() {
        let dir = tempfile::tempdir().expect("dir");
        let spill = SpillDir::new(dir.path().join("made/when/needed"));
        let schema = batch(0, 0).schema();
        let mut writer = SpillWriter::new(&spill, &schema).expect("writer");
        let starts = [0, 7, 14, 21, 28];
        let sizes = [10, 0, 1, 9000, 3];
        let mut segments = Vec::new();
        for (i, rows) in sizes.into_iter().enumerate() {
            segments.push(writer.write(&batch(starts[i], rows)).expect("write"));
        }
        let reader = writer.reader().expect("reader");
        for i in [3, 0, 4, 2, 1, 3] {
            let got = reader.read(&segments[i]).expect("read");
            let want = batch(starts[i], sizes[i]);
            assert_eq!(got.schema(), schema);
            assert_eq!(format!("{:?}", got.columns()[0]), format!("{:?}", want.columns()[0]));
            let flat = super::super::flat::schema(&schema, super::super::flat::Views::Plain);
            let plain = |b: &RecordBatch| super::super::flat::cast(b, &flat).expect("cast");
            assert_eq!(plain(&got), plain(&want));
        }
        let more = writer.write(&batch(1, 2)).expect("write on");
        assert_eq!(writer.reader().expect("reader").read(&more).expect("read").num_rows(), 2);
        assert!(std::fs::read_dir(spill.path()).expect("list").next().is_none(), "a spill file has a name");
        let all: Vec<_> = reader.batches(segments).collect::<Result<_>>().expect("all");
        assert_eq!(all.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), sizes);
    }

    #[test]
    fn slices_do_not_drag_their_buffers_along() {
        let dir = tempfile::tempdir().expect("dir");
        let big = batch(0, 20_000);
        let mut writer = SpillWriter::new(&SpillDir::new(dir.path()), &big.schema()).expect("writer");
        let whole = writer.write(&big).expect("whole");
        let slice = writer.write(&big.slice(100, 10)).expect("slice");
        assert!(slice.len * 20 < whole.len, "{slice:?} {whole:?}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_names_itself() {
        let dir = tempfile::tempdir().expect("dir");
        let file = dir.path().join("file");
        std::fs::write(&file, "x").expect("write");
        let error = SpillDir::new(file.join("below")).file().expect_err("a file is no folder");
        assert_eq!(error.kind(), Kind::Stop);
        assert!(error.to_string().contains("file/below"), "{error}");
        let full = SpillDir::new(dir.path()).error("x", io::ErrorKind::StorageFull.into());
        assert_eq!(full.kind(), Kind::Stop);
    }
}
