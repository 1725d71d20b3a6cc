//! Record batches as self-contained pieces of bytes: Arrow IPC stream messages without the
//! schema, which both ends know. Columns travel flat, so that a piece holds what its rows show
//! and nothing of what they were cut from, and come back with the types of the schema.

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::{IpcWriteOptions, StreamEncoder};

use super::flat;
use crate::error::{Error, Result};

/// What ends a stream: a continuation mark and a length of zero.
const END_MARK: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Turns batches of one schema into bytes.
pub struct Encoder {
    flat: SchemaRef,
    stream: StreamEncoder,
}

impl Encoder {
    /// An encoder for batches of `schema`.
    pub fn new(schema: &SchemaRef) -> Result<Self> {
        let flat = flat::schema(schema, flat::Views::Large);
        let mut stream = StreamEncoder::try_new_with_options(&flat, options()?).map_err(unsupported)?;
        // The first piece of a stream begins with the schema, which no piece is to hold.
        stream.encode(&RecordBatch::new_empty(flat.clone())).map_err(unsupported)?;
        Ok(Self { flat, stream })
    }

    /// Appends the batch to `out`.
    pub fn encode(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
        let batch = flat::cast(batch, &self.flat)?;
        let buffers = self
            .stream
            .encode(&batch)
            .map_err(|e| Error::internal("a batch cannot be written as Arrow IPC").because(e))?;
        for buffer in buffers {
            out.extend_from_slice(&buffer);
        }
        Ok(())
    }
}

/// Turns bytes back into batches.
#[derive(Clone)]
pub struct Decoder {
    schema: SchemaRef,
    header: Buffer,
}

impl Decoder {
    /// A decoder for batches of `schema`.
    pub fn new(schema: &SchemaRef) -> Result<Self> {
        let mut header = schema_stream(&flat::schema(schema, flat::Views::Large))?;
        header.truncate(header.len().saturating_sub(END_MARK.len()));
        Ok(Self { schema: schema.clone(), header: header.into() })
    }

    /// The batches' schema.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// All batches of one or more pieces.
    pub fn decode(&self, bytes: impl Into<Buffer>) -> Result<Vec<RecordBatch>> {
        let mut bytes = bytes.into();
        let mut batches = Vec::new();
        if bytes.is_empty() {
            return Ok(batches);
        }
        let mut stream = StreamDecoder::new();
        stream.decode(&mut self.header.clone()).map_err(torn)?;
        // A message without a body is complete for the decoder only when the next one begins.
        let bodiless = self.schema.fields().iter().all(|f| f.data_type().is_null());
        let mut end = if bodiless { Buffer::from(END_MARK) } else { Buffer::default() };
        for bytes in [&mut bytes, &mut end] {
            while !bytes.is_empty() {
                if let Some(batch) = stream.decode(bytes).map_err(torn)? {
                    batches.push(flat::cast(&batch, &self.schema)?);
                }
            }
        }
        stream.finish().map_err(torn)?;
        Ok(batches)
    }
}

/// The schema as an IPC stream without batches.
pub fn schema_stream(schema: &SchemaRef) -> Result<Vec<u8>> {
    let stream = StreamEncoder::try_new_with_options(schema, options()?).map_err(unsupported)?;
    let buffers = stream.finish().map_err(unsupported)?;
    Ok(buffers.iter().flat_map(Buffer::as_slice).copied().collect())
}

/// Reads what [`schema_stream`] wrote.
pub fn read_schema(bytes: Vec<u8>) -> Result<SchemaRef> {
    let mut stream = StreamDecoder::new();
    stream.decode(&mut Buffer::from_vec(bytes)).map_err(torn)?;
    stream.schema().ok_or_else(|| Error::bad_data("an Arrow IPC stream has no schema"))
}

fn options() -> Result<IpcWriteOptions> {
    IpcWriteOptions::default()
        .try_with_compression(Some(CompressionType::LZ4_FRAME))
        .map_err(|e| Error::internal("Arrow IPC with LZ4 is not built in").because(e))
}

fn unsupported(e: arrow::error::ArrowError) -> Error {
    Error::internal("a schema cannot be written as Arrow IPC").because(e)
}

fn torn(e: arrow::error::ArrowError) -> Error {
    Error::bad_data("an Arrow IPC piece is torn or is not one").because(e)
}
