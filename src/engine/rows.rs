//! The sink of a map-only job: a shard's rows go to output files as they come.

use super::map::{DoneFile, ShardSink};
use super::morsel::Morsel;
use super::write::{FileDone, FileSink, OutputFile, OutputWriter};
use crate::error::Result;
use crate::store::writer::FileWriter;

/// Writes rows in plan order.
pub struct RowsSink(pub OutputWriter);

impl ShardSink for RowsSink {
    fn take(&mut self, morsel: Morsel) -> Result<()> {
        morsel.parts.iter().try_for_each(|(_, batch)| self.0.write(batch))
    }

    fn finish(self: Box<Self>) -> Result<Vec<DoneFile>> {
        Ok(done(self.0.finish()?))
    }
}

impl FileSink for FileWriter {
    fn finish(self: Box<Self>) -> Result<FileDone> {
        let written = FileWriter::finish(*self)?;
        Ok(FileDone { bytes: written.bytes, blake3: written.blake3 })
    }
}

/// The files of a writer, numbered.
#[must_use]
pub fn done(files: Vec<OutputFile>) -> Vec<DoneFile> {
    let number = |(number, f): (u32, OutputFile)| DoneFile {
        number,
        rows: f.rows,
        bytes: f.bytes,
        blake3: f.checksum,
        kept: None,
    };
    (0_u32..).zip(files).map(number).collect()
}
