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
pub fn write_failed(e: io::Error) -> Error {
    match e.downcast::<Error>() {
        Ok(own) => own,
        Err(e) => {
            let (kind, text) = meaning(e.kind());
            Error::new(kind, text).because(e)
        }
    }
}

/// What a failed write means and what to do about it.
const fn meaning(kind: io::ErrorKind) -> (Kind, &'static str) {
    match kind {
        io::ErrorKind::StorageFull => {
            (Kind::Stop, "an output file cannot be written, the disk is full: free space, then resume")
        }
        io::ErrorKind::QuotaExceeded => (
            Kind::Stop,
            "an output file cannot be written, the disk quota is used up: free space, then resume",
        ),
        io::ErrorKind::FileTooLarge => (
            Kind::Stop,
            "an output file is larger than the file system or a limit allows: set a smaller output.targetFileSize, or \
             write elsewhere",
        ),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => (
            Kind::Stop,
            "an output file cannot be written: give this user the right, or choose another place",
        ),
        _ => (Kind::Transient, "an output file cannot be written"),
    }
}

/// The error of an encoder that writes by itself: a failed write is told from a value that the
/// format cannot hold.
pub(super) fn encode_failed(e: impl std::error::Error + Send + Sync + 'static) -> Error {
    let mut source = e.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            let own = io.get_ref().and_then(|s| s.downcast_ref::<Error>());
            let (kind, text) = own
                .map_or_else(|| meaning(io.kind()), |own| (own.kind(), "an output file cannot be written"));
            return Error::new(kind, text).because(e);
        }
        source = inner.source();
    }
    super::encoding(e)
}
