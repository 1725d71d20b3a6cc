//! Writing one new file: counted, hashed, and gone if it is not finished.

use std::io::{self, Write};

use crate::error::{Error, Result};

/// Where a [`FileWriter`] puts its bytes. Dropped without `finish`, it removes them.
pub trait FileSink: Send {
    /// Takes all of `bytes`.
    ///
    /// # Errors
    /// An I/O error, or one of ours inside an I/O error.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes the file complete and durable.
    ///
    /// # Errors
    /// `Stop` or `Transient`; the file is removed.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// A finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its bytes, in hex.
    pub blake3: String,
}

/// A new file being written. Dropped unfinished, it is removed.
pub struct FileWriter {
    sink: Box<dyn FileSink>,
    name: String,
    buffer: Vec<u8>,
    hasher: blake3::Hasher,
    bytes: u64,
}

/// Small writes are gathered up to this size: hashing and system calls are cheap per byte above it.
const GATHER_BYTES: usize = 128 * 1024;

impl FileWriter {
    /// A writer of the file that a person calls `name`.
    #[must_use]
    pub fn new(sink: Box<dyn FileSink>, name: String) -> Self {
        Self { sink, name, buffer: Vec::new(), hasher: blake3::Hasher::new(), bytes: 0 }
    }

    /// Bytes written so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The file, as a person would write it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes the file complete and durable.
    ///
    /// # Errors
    /// `Stop` (disk full, no permission) or `Transient`; the file is removed.
    pub fn finish(mut self) -> Result<Written> {
        self.drain().map_err(|e| writing(e, &self.name))?;
        self.sink.finish()?;
        Ok(Written { bytes: self.bytes, blake3: self.hasher.finalize().to_hex().to_string() })
    }

    fn drain(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.hasher.update(&self.buffer);
            self.sink.write(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

fn writing(e: io::Error, name: &str) -> Error {
    super::folder::classify(e, "cannot write").with("file", name)
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        if self.buffer.len() + bytes.len() < GATHER_BYTES {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        self.drain()?;
        if bytes.len() < GATHER_BYTES {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        self.hasher.update(bytes);
        self.sink.write(bytes)
    }

    /// Does nothing: only a finished file counts.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for FileWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileWriter({}, {} bytes)", self.name, self.bytes)
    }
}
