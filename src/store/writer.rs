//! Writing one new file: counted, hashed, and gone if it is not finished.

use std::io::{self, Write};

use bytes::Bytes;

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
    /// Its bytes, where it stayed so small that no file was made: see [`FileWriter::keeping`].
    pub kept: Option<Bytes>,
}

/// Makes the file of a [`FileWriter::keeping`].
pub type Open = Box<dyn FnOnce() -> Result<Box<dyn FileSink>> + Send>;

/// Where the bytes go.
enum Target {
    Sink(Box<dyn FileSink>),
    /// There is no file as long as the buffer holds all bytes; up to so many there will be none.
    Unmade(usize, Open),
    /// Making the file failed.
    Failed,
}

/// A new file being written. Dropped unfinished, it is removed.
pub struct FileWriter {
    target: Target,
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
        Self::with(Target::Sink(sink), name)
    }

    /// A writer that makes its file only for more than `most` bytes (never above the size up to
    /// which small writes are gathered). A smaller one comes back from [`FileWriter::finish`].
    #[must_use]
    pub fn keeping(most: usize, open: Open, name: String) -> Self {
        Self::with(Target::Unmade(most.min(GATHER_BYTES), open), name)
    }

    fn with(target: Target, name: String) -> Self {
        Self { target, name, buffer: Vec::new(), hasher: blake3::Hasher::new(), bytes: 0 }
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
        if let Target::Unmade(most, _) = &self.target
            && self.buffer.len() <= *most
        {
            let blake3 = blake3::hash(&self.buffer).to_hex().to_string();
            return Ok(Written { bytes: self.bytes, blake3, kept: Some(self.buffer.into()) });
        }
        self.drain().map_err(|e| writing(e, &self.name))?;
        let Target::Sink(sink) = self.target else { return Err(writing(unmade(), &self.name)) };
        sink.finish()?;
        Ok(Written { bytes: self.bytes, blake3: self.hasher.finalize().to_hex().to_string(), kept: None })
    }

    fn drain(&mut self) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        self.send(&buffer)?;
        buffer.clear();
        self.buffer = buffer;
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        loop {
            match std::mem::replace(&mut self.target, Target::Failed) {
                Target::Sink(mut sink) => {
                    let written = sink.write(bytes);
                    self.target = Target::Sink(sink);
                    return written;
                }
                Target::Unmade(_, open) => self.target = Target::Sink(open().map_err(io::Error::other)?),
                Target::Failed => return Err(unmade()),
            }
        }
    }
}

fn unmade() -> io::Error {
    io::Error::other("the file could not be made")
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
        self.send(bytes)
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
