//! Text files: blocks of rows encoded in parallel, the whole file compressed as one stream.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use flate2::Compression;
use flate2::write::GzEncoder;
use rayon::prelude::*;

use super::sink::{Counted, write_failed};
use super::{FileDone, FileSink, OpenFile};
use crate::error::Result;
use crate::spec::{Output, OutputCompression};

/// How a text format is written.
#[derive(Clone, Copy)]
pub(super) struct TextFormat {
    /// What a file begins with.
    pub header: fn(&Schema) -> Vec<u8>,
    /// The text of a block.
    pub encode: fn(&RecordBatch) -> Result<Vec<u8>>,
}

/// An open text file.
pub(super) struct TextFile {
    out: Compressed,
    target: u64,
    encode: fn(&RecordBatch) -> Result<Vec<u8>>,
}

impl TextFile {
    pub fn new(
        sink: Box<dyn FileSink>,
        output: &Output,
        schema: &SchemaRef,
        format: TextFormat,
    ) -> Result<Self> {
        let mut out = Compressed::new(Counted::new(sink), output.compression)?;
        out.write_all(&(format.header)(schema))?;
        Ok(Self { out, target: output.target_file_bytes, encode: format.encode })
    }
}

impl OpenFile for TextFile {
    fn write(&mut self, blocks: &[RecordBatch]) -> Result<(usize, bool)> {
        let encode = self.encode;
        let texts: Vec<Vec<u8>> = blocks.par_iter().map(encode).collect::<Result<_>>()?;
        for (written, text) in texts.iter().enumerate() {
            // One call a block: where a compressor ends its pieces may depend on the calls.
            self.out.write_all(text)?;
            if self.out.bytes() >= self.target {
                return Ok((written + 1, true));
            }
        }
        Ok((texts.len(), false))
    }

    fn finish(self: Box<Self>) -> Result<FileDone> {
        let mut counted = self.out.finish().map_err(write_failed)?;
        counted.flush().map_err(write_failed)?;
        counted.sink.finish()
    }
}

enum Compressed {
    None(Counted),
    Gzip(GzEncoder<Counted>),
    Zstd(zstd::Encoder<'static, Counted>),
}

/// Of Zstandard; 3 is its default.
const ZSTD_LEVEL: i32 = 3;

impl Compressed {
    fn new(out: Counted, compression: OutputCompression) -> Result<Self> {
        Ok(match compression {
            OutputCompression::Gzip => Self::Gzip(GzEncoder::new(out, Compression::default())),
            OutputCompression::Zstd => Self::Zstd(zstd::Encoder::new(out, ZSTD_LEVEL).map_err(write_failed)?),
            // The others are refused by `check_schema`.
            OutputCompression::None | OutputCompression::Snappy | OutputCompression::Lz4 => Self::None(out),
        })
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::None(out) => out.write_all(bytes),
            Self::Gzip(out) => out.write_all(bytes),
            Self::Zstd(out) => out.write_all(bytes),
        }
        .map_err(write_failed)
    }

    /// Bytes that have reached the file.
    fn bytes(&self) -> u64 {
        match self {
            Self::None(out) => out.bytes,
            Self::Gzip(out) => out.get_ref().bytes,
            Self::Zstd(out) => out.get_ref().bytes,
        }
    }

    fn finish(self) -> std::io::Result<Counted> {
        match self {
            Self::None(out) => Ok(out),
            Self::Gzip(out) => out.finish(),
            Self::Zstd(out) => out.finish(),
        }
    }
}
