//! Parquet files: row groups of a fixed number of rows, columns encoded in parallel.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, ArrowSchemaConverter, encode_arrow_schema};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;
use rayon::prelude::*;

use super::sink::{Counted, encode_failed};
use super::{FileDone, FileSink, OpenFile};
use crate::engine::flat;
use crate::error::Result;
use crate::spec::{Output, OutputCompression};

/// An open Parquet file.
pub(super) struct ParquetFile {
    writer: SerializedFileWriter<Counted>,
    factory: ArrowRowGroupWriterFactory,
    fields: Vec<FieldRef>,
    /// How many Parquet columns each field has.
    leaves: Vec<usize>,
    row_group_rows: usize,
    target: u64,
    group: Option<RowGroup>,
}

/// The row group in the making: the writers of each field's columns.
struct RowGroup {
    writers: Vec<Vec<ArrowColumnWriter>>,
    rows: usize,
}

impl ParquetFile {
    pub fn new(sink: Box<dyn FileSink>, output: &Output, schema: &SchemaRef) -> Result<Self> {
        let plain = flat::schema(schema, flat::Views::Plain);
        let parquet = parquet_schema(&plain)?;
        let mut leaves = vec![0_usize; schema.fields().len()];
        for column in 0..parquet.num_columns() {
            if let Some(count) = leaves.get_mut(parquet.get_column_root_idx(column)) {
                *count += 1;
            }
        }
        let properties = Arc::new(properties(output, &plain)?);
        let writer = SerializedFileWriter::new(Counted::new(sink), parquet.root_schema_ptr(), properties)
            .map_err(encode_failed)?;
        let factory = ArrowRowGroupWriterFactory::new(&writer, schema.clone());
        Ok(Self {
            writer,
            factory,
            fields: schema.fields().to_vec(),
            leaves,
            row_group_rows: output.row_group_rows.max(1),
            target: output.target_file_bytes,
            group: None,
        })
    }

    fn new_group(&self) -> Result<RowGroup> {
        let number = self.writer.flushed_row_groups().len();
        let mut writers = self.factory.create_column_writers(number).map_err(encode_failed)?.into_iter();
        let writers = self.leaves.iter().map(|count| writers.by_ref().take(*count).collect()).collect();
        Ok(RowGroup { writers, rows: 0 })
    }

    fn close_group(&mut self) -> Result<()> {
        let Some(group) = self.group.take() else { return Ok(()) };
        let close = |columns: Vec<ArrowColumnWriter>| -> Result<Vec<ArrowColumnChunk>, ParquetError> {
            columns.into_iter().map(ArrowColumnWriter::close).collect()
        };
        let chunks: Vec<Vec<ArrowColumnChunk>> =
            group.writers.into_par_iter().map(close).collect::<Result<_, _>>().map_err(encode_failed)?;
        let mut row_group = self.writer.next_row_group().map_err(encode_failed)?;
        for chunk in chunks.into_iter().flatten() {
            chunk.append_to_row_group(&mut row_group).map_err(encode_failed)?;
        }
        row_group.close().map_err(encode_failed)?;
        Ok(())
    }
}

impl OpenFile for ParquetFile {
    fn write(&mut self, blocks: &[RecordBatch]) -> Result<(usize, bool)> {
        let mut group = match self.group.take() {
            Some(group) => group,
            None => self.new_group()?,
        };
        // Blocks end where row groups end, so a row group takes whole blocks.
        let mut count = 0;
        for block in blocks {
            group.rows += block.num_rows();
            count += 1;
            if group.rows >= self.row_group_rows {
                break;
            }
        }
        let blocks = &blocks[..count];
        group
            .writers
            .par_iter_mut()
            .zip(&self.fields)
            .enumerate()
            .try_for_each(|(number, (writers, field))| write_field(number, writers, field, blocks))
            .map_err(encode_failed)?;
        let full = group.rows >= self.row_group_rows;
        self.group = Some(group);
        if full {
            self.close_group()?;
        }
        Ok((count, full && self.writer.bytes_written() as u64 >= self.target))
    }

    fn finish(mut self: Box<Self>) -> Result<FileDone> {
        self.close_group()?;
        self.writer.into_inner().map_err(encode_failed)?.sink.finish()
    }
}

/// Encodes one field of some blocks. Pages end where the writer is called, so it is called once a
/// block, whatever was gathered.
fn write_field(
    number: usize,
    writers: &mut [ArrowColumnWriter],
    field: &FieldRef,
    blocks: &[RecordBatch],
) -> Result<(), ParquetError> {
    for block in blocks {
        for (writer, leaf) in writers.iter_mut().zip(compute_leaves(field, block.column(number))?) {
            writer.write(&leaf)?;
        }
    }
    Ok(())
}

/// The Parquet schema of plain columns.
pub(super) fn parquet_schema(plain: &Schema) -> Result<SchemaDescriptor> {
    ArrowSchemaConverter::new().convert(plain).map_err(encode_failed)
}

fn properties(output: &Output, plain: &Schema) -> Result<WriterProperties> {
    let compression = match output.compression {
        OutputCompression::None => Compression::UNCOMPRESSED,
        OutputCompression::Zstd => Compression::ZSTD(ZstdLevel::try_new(1).map_err(encode_failed)?),
        OutputCompression::Snappy => Compression::SNAPPY,
        OutputCompression::Lz4 => Compression::LZ4_RAW,
        OutputCompression::Gzip => Compression::GZIP(GzipLevel::default()),
    };
    // The Arrow schema in the file names plain types, so that readers give strings as strings.
    let schema = KeyValue::new(ARROW_SCHEMA_META_KEY.to_owned(), encode_arrow_schema(plain));
    Ok(WriterProperties::builder()
        .set_compression(compression)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_created_by(format!("dp version {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(vec![schema]))
        .build())
}
