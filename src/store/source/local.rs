//! Local files, read with pread: a mapped file that shrinks would kill the process.

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use bytes::Bytes;

use super::{ByteSource, changed, io_error, pool};
use crate::error::{Error, Result};

/// What identifies the content of a local file, as object stores do with an etag: time of the last
/// change in nanoseconds, size and inode, in hexadecimal.
#[must_use]
pub fn etag(meta: &Metadata) -> String {
    let nanos = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
    format!("{nanos:x}-{:x}-{:x}", meta.size(), meta.ino())
}

/// A local file, opened once.
#[derive(Debug)]
pub struct LocalSource {
    file: File,
    path: String,
    size: u64,
    etag: String,
}

impl LocalSource {
    /// Opens the file; `planned` is the size and the etag that the plan holds.
    ///
    /// # Errors
    /// `Stop` if it is gone, may not be read, is no regular file or is not the planned one.
    pub fn open(path: &str, planned: Option<(u64, Option<&str>)>) -> Result<Self> {
        let place = Path::new(path);
        let meta = place.metadata().map_err(|e| io_error(e, place))?;
        if !meta.is_file() {
            // Opening a pipe would wait for its writer.
            return Err(Error::stop("this is not a regular file").with("file", path));
        }
        let file = File::open(place).map_err(|e| io_error(e, place))?;
        let meta = file.metadata().map_err(|e| io_error(e, place))?;
        let source = Self { file, path: path.to_owned(), size: meta.size(), etag: etag(&meta) };
        match planned {
            Some((size, _)) if size != source.size => Err(changed(path)),
            Some((_, Some(tag))) if tag != source.etag => Err(changed(path)),
            _ => Ok(source),
        }
    }
}

impl ByteSource for LocalSource {
    fn path(&self) -> &str {
        &self.path
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let length = range.end.checked_sub(range.start).filter(|_| range.end <= self.size);
        let length = length.and_then(|l| usize::try_from(l).ok()).ok_or_else(|| {
            Error::internal(format!("a read of {range:?} is outside of the file")).with("file", &self.path)
        })?;
        let read = pool::filled(length, |buffer| self.file.read_exact_at(buffer, range.start));
        let bytes = match read {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Err(changed(&self.path)),
            other => other.map_err(|e| io_error(e, Path::new(&self.path)))?,
        };
        // A file that is written in place while it is read has the same inode: look again.
        let meta = self.file.metadata().map_err(|e| io_error(e, Path::new(&self.path)))?;
        if etag(&meta) == self.etag { Ok(bytes) } else { Err(changed(&self.path)) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::error::Kind;

    fn temp() -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a b#1%20ü.bin").to_string_lossy().into_owned();
        fs::write(&path, b"0123456789").expect("write");
        (dir, path)
    }

    #[test]
    fn reads_ranges_and_refuses_those_outside() {
        let (_dir, path) = temp();
        let source = LocalSource::open(&path, None).expect("open");
        assert_eq!(source.read(2..5).expect("read"), "234");
        assert_eq!(source.read(0..10).expect("read"), "0123456789");
        assert_eq!(source.read(4..4).expect("read"), "");
        assert_eq!(source.read(5..11).expect_err("outside").kind(), Kind::Internal);
        let parts = source.read_ranges(&[0..1, 9..10]).expect("read");
        assert_eq!(parts, ["0", "9"]);
    }

    #[test]
    fn a_changed_file_is_named() {
        let (_dir, path) = temp();
        let tag = etag(&fs::metadata(&path).expect("metadata"));
        let source = LocalSource::open(&path, Some((10, Some(&tag)))).expect("the planned file");
        for planned in [(9, None), (10, Some("1-2-3"))] {
            let error = LocalSource::open(&path, Some(planned)).expect_err("not the planned file");
            assert_eq!(error.kind(), Kind::Stop);
            assert!(error.to_string().contains(&path), "{error}");
        }
        fs::OpenOptions::new().write(true).open(&path).and_then(|f| f.set_len(4)).expect("truncate");
        assert_eq!(source.read(0..10).expect_err("truncated").kind(), Kind::Stop);
        assert_eq!(source.read(0..2).expect_err("changed").kind(), Kind::Stop);
    }

    #[test]
    fn what_cannot_be_opened_stops_the_run() {
        let (dir, path) = temp();
        let missing = format!("{path}.x");
        let folder = dir.path().to_string_lossy().into_owned();
        for bad in [missing, folder] {
            assert_eq!(LocalSource::open(&bad, None).expect_err("bad").kind(), Kind::Stop);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("chmod");
        // The superuser may read everything.
        if fs::read(&path).is_err() {
            assert_eq!(LocalSource::open(&path, None).expect_err("denied").kind(), Kind::Stop);
        }
    }
}
