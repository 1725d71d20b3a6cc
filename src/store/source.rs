//! Ranges of one pinned file.

mod local;
mod pool;
mod remote;

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::plan::Split;
use crate::spec::Location;
use crate::store::client::Stores;

pub use local::{LocalSource, etag};
pub use remote::RemoteSource;

/// Reads ranges of one file whose size and etag were pinned by the plan. Blocking; called from
/// compute threads.
pub trait ByteSource: Send + Sync {
    /// The file, as a person would write it.
    fn path(&self) -> &str;

    /// The file's size in bytes.
    fn size(&self) -> u64;

    /// Exactly the bytes of `range`, which lies within the file.
    ///
    /// # Errors
    /// `Stop` when the file is gone, may not be read or is not the planned one; `Transient` when
    /// the store fails.
    fn read(&self, range: Range<u64>) -> Result<Bytes>;

    /// Exactly the bytes of each range, in order; adjacent ranges may be fetched as one.
    ///
    /// # Errors
    /// As [`ByteSource::read`].
    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        ranges.iter().map(|r| self.read(r.clone())).collect()
    }
}

/// Opens the file of a split and checks that it is the planned one.
///
/// # Errors
/// `Stop` if it is gone, may not be read or has changed; `Transient` when the store fails.
pub fn open(stores: &Stores, split: &Split) -> Result<Arc<dyn ByteSource>> {
    open_file(stores, &split.path, split.file_bytes, split.etag.as_deref())
}

/// Opens a file by its listed path, size and etag.
///
/// # Errors
/// As [`open`].
pub fn open_file(stores: &Stores, path: &str, bytes: u64, etag: Option<&str>) -> Result<Arc<dyn ByteSource>> {
    // Local paths are as listed: `://` in one of them makes no URL of it.
    if path.starts_with('/') {
        return Ok(Arc::new(LocalSource::open(path, Some((bytes, etag)))?));
    }
    let location = Location::parse(path, Path::new("/"))?;
    Ok(Arc::new(RemoteSource::new(stores, &location, bytes, etag)?))
}

/// The error of a local file or folder that could not be opened, listed or read.
pub(super) fn io_error(error: io::Error, path: &Path) -> Error {
    let known = match error.kind() {
        io::ErrorKind::NotFound => Error::stop("no such file or folder"),
        io::ErrorKind::PermissionDenied => Error::stop("no permission to read this file or folder"),
        io::ErrorKind::IsADirectory => Error::stop("this is a folder, not a file"),
        io::ErrorKind::NotADirectory => {
            Error::stop("no such file: a part of its path is a file, not a folder")
        }
        io::ErrorKind::InvalidFilename => Error::stop("no such file: no name can be as long as this"),
        _ if error.raw_os_error() == Some(libc::ELOOP) => {
            Error::stop("no such file: symbolic links of its path lead in a circle")
        }
        _ => Error::transient("the file or folder cannot be read"),
    };
    known.with("file", path.display()).because(error)
}

/// The error of a file that is not the one that was planned.
pub(super) fn changed(path: &str) -> Error {
    Error::stop("the file changed after the run was planned: plan again to read the new one")
        .with("file", path)
}
