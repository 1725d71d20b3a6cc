//! Where the bytes of an output file go.

use std::io::{self, Write};

use crate::error::{Error, Kind, Result};

/// A file in the making. What was written is nothing until it is finished.
pub trait FileSink: Write + Send {
    /// Makes the file complete and durable.
    ///
    /// # Errors
    /// What the store gives.
    fn finish(self: Box<Self>) -> Result<FileDone>;
}

/// A finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDone {
    /// Its size in bytes.
    pub bytes: u64,
    /// The BLAKE3 hash of its bytes, as text.
    pub blake3: String,
}

/// A sink that counts.
pub(super) struct Counted {
    pub sink: Box<dyn FileSink>,
    pub bytes: u64,
}

impl Counted {
    pub fn new(sink: Box<dyn FileSink>) -> Self {
        Self { sink, bytes: 0 }
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// The error of a write: the store's own one if there is one inside.
pub(super) fn write_failed(e: io::Error) -> Error {
    match e.downcast::<Error>() {
        Ok(own) => own,
        Err(e) => {
            let kind = match e.kind() {
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::ReadOnlyFilesystem => Kind::Stop,
                _ => Kind::Transient,
            };
            Error::new(kind, "an output file cannot be written").because(e)
        }
    }
}

/// The error of an encoder that writes by itself: a failed write is told from a value that the
/// format cannot hold.
pub(super) fn encode_failed(e: impl std::error::Error + Send + Sync + 'static) -> Error {
    let mut source = e.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            let kind = io
                .get_ref()
                .and_then(|s| s.downcast_ref::<Error>())
                .map_or_else(|| write_failed(io.kind().into()).kind(), Error::kind);
            return Error::new(kind, "an output file cannot be written").because(e);
        }
        source = inner.source();
    }
    super::encoding(e)
}
