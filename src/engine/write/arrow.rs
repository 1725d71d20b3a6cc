//! Arrow IPC files with plain columns: no views, no dictionaries, so that every reader can read
//! them.

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::SchemaRef;
use ::arrow::ipc::CompressionType;
use ::arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use rayon::prelude::*;

use super::canonical::canonical;
use super::sink::{Counted, encode_failed};
use super::{FileDone, FileSink, OpenFile};
use crate::engine::flat;
use crate::error::Result;
use crate::spec::{Output, OutputCompression};

/// Rows of a record batch in the file.
pub(super) const BLOCK_ROWS: usize = 65_536;

/// An open Arrow file.
pub(super) struct ArrowFile {
    writer: FileWriter<Counted>,
    plain: SchemaRef,
    target: u64,
}

impl ArrowFile {
    pub fn new(sink: Box<dyn FileSink>, output: &Output, schema: &SchemaRef) -> Result<Self> {
        let plain = flat::schema(schema, flat::Views::Plain);
        let compression = match output.compression {
            OutputCompression::Zstd => Some(CompressionType::ZSTD),
            OutputCompression::Lz4 => Some(CompressionType::LZ4_FRAME),
            // The others are refused by `check_schema`.
            OutputCompression::None | OutputCompression::Snappy | OutputCompression::Gzip => None,
        };
        let options = IpcWriteOptions::default().try_with_compression(compression).map_err(encode_failed)?;
        let writer =
            FileWriter::try_new_with_options(Counted::new(sink), &plain, options).map_err(encode_failed)?;
        Ok(Self { writer, plain, target: output.target_file_bytes })
    }
}

impl OpenFile for ArrowFile {
    fn write(&mut self, blocks: &[RecordBatch]) -> Result<(usize, bool)> {
        let plain: Vec<RecordBatch> = blocks
            .par_iter()
            .map(|block| canonical(&flat::cast(block, &self.plain)?))
            .collect::<Result<_>>()?;
        for (written, block) in plain.iter().enumerate() {
            self.writer.write(block).map_err(encode_failed)?;
            if self.writer.get_ref().bytes >= self.target {
                return Ok((written + 1, true));
            }
        }
        Ok((plain.len(), false))
    }

    fn finish(mut self: Box<Self>) -> Result<FileDone> {
        self.writer.finish().map_err(encode_failed)?;
        self.writer.into_inner().map_err(encode_failed)?.sink.finish()
    }
}
