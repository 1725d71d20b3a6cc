//! Local files, by plain system calls: no thread hop, no listing, few calls per record.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::TempPath;

use super::folder::{Backend, Created, Entry, Lock, wrong_size};
use super::retry::Retry;
use super::writer::FileSink;
use crate::error::{Error, Kind, Result};

/// Files being created have this prefix until they are complete. Listings skip them.
pub const TEMP_PREFIX: &str = ".dp-tmp-";

/// The local file system.
#[derive(Debug)]
pub struct Local {
    durable: bool,
    retry: Retry,
}

impl Local {
    /// With `durable`, a finished file survives a power failure; otherwise only the process.
    #[must_use]
    pub const fn new(durable: bool, retry: Retry) -> Self {
        Self { durable, retry }
    }

    /// After a file was synced: makes its name durable, and those of the `made` folders above it.
    /// In this order the sync of the file has done the work for the folders on the usual file
    /// systems, where each sync of something new is a commit of the journal.
    fn sync_names(path: &Path, made: usize) -> io::Result<()> {
        path.ancestors().skip(1).take(made + 1).try_for_each(|folder| File::open(folder)?.sync_all())
    }

    fn try_create(&self, path: &Path, bytes: &[u8]) -> io::Result<Created> {
        let temp = temp_path(path);
        let (mut file, _) = open_new(&temp)?;
        let temp = TempPath::try_from_path(temp)?;
        file.write_all(bytes)?;
        if self.durable {
            file.sync_data()?;
        }
        drop(file);
        match temp.persist_noclobber(path) {
            Ok(()) => Ok(Created::New),
            Err(e) if e.error.kind() == ErrorKind::AlreadyExists => Ok(Created::Exists),
            Err(e) => Err(e.error),
        }
    }
}

/// Opens a new file for writing and says how many folders it had to make for it.
fn open_new(path: &Path) -> io::Result<(File, usize)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    match options.open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let made = path.parent().map_or(Ok(0), make_folders)?;
            Ok((options.open(path)?, made))
        }
        other => Ok((other?, 0)),
    }
}

/// Like `create_dir_all`; says how many folders it made.
fn make_folders(folder: &Path) -> io::Result<usize> {
    match fs::create_dir(folder) {
        Ok(()) => Ok(1),
        Err(e) if e.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(0),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let made = make_folders(folder.parent().ok_or(e)?)?;
            match fs::create_dir(folder) {
                Err(e) if e.kind() != ErrorKind::AlreadyExists => Err(e),
                _ => Ok(made + 1),
            }
        }
        Err(e) => Err(e),
    }
}

fn try_place(from: &Path, to: &Path, replace: bool) -> io::Result<Created> {
    match link(from, to) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => (),
        Err(e) if e.kind() == ErrorKind::NotFound && from.exists() => {
            if let Some(parent) = to.parent() {
                make_folders(parent)?;
            }
            return link(from, to).map(|()| Created::New);
        }
        other => return other.map(|()| Created::New),
    }
    let (a, b) = (fs::symlink_metadata(from)?, fs::symlink_metadata(to)?);
    if (a.dev(), a.ino()) == (b.dev(), b.ino()) {
        return Ok(Created::New);
    }
    if !replace {
        return Ok(Created::Exists);
    }
    fs::remove_file(to)?;
    link(from, to).map(|()| Created::New)
}

/// A hard link; a copy made by the kernel where the file system has no hard links.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(e)
            if matches!(
                e.raw_os_error(),
                Some(libc::EPERM | libc::ENOTSUP | libc::EMLINK | libc::ENOSYS)
            ) =>
        {
            let temp = temp_path(to);
            let guard = TempPath::try_from_path(&temp)?;
            fs::copy(from, &temp)?;
            File::open(&temp)?.sync_all()?;
            guard.persist_noclobber(to).map_err(|e| e.error)
        }
        other => other,
    }
}

fn temp_path(path: &Path) -> PathBuf {
    path.with_file_name(format!("{TEMP_PREFIX}{}", uuid::Uuid::new_v4().simple()))
}

impl Backend for Local {
    fn get(&self, key: &str) -> Result<Option<Bytes>> {
        match fs::read(key) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed("read", key, e)),
        }
    }

    fn read_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        let read = || {
            let mut file = File::open(key)?;
            let length = range.end.saturating_sub(range.start);
            file.seek(SeekFrom::Start(range.start))?;
            let mut bytes = Vec::new();
            file.take(length).read_to_end(&mut bytes)?;
            if (bytes.len() as u64) < length {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            Ok(Bytes::from(bytes))
        };
        read().map_err(|e| failed("read", key, e))
    }

    fn size(&self, key: &str) -> Result<Option<u64>> {
        match fs::metadata(key) {
            Ok(meta) => Ok(meta.is_file().then_some(meta.len())),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed("look at", key, e)),
        }
    }

    fn create(&self, key: &str, bytes: Bytes) -> Result<Created> {
        self.try_create(Path::new(key), &bytes).map_err(|e| failed("write", key, e))
    }

    fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        let path = Path::new(key);
        let write = || {
            let temp = temp_path(path);
            let (mut file, _) = open_new(&temp)?;
            let temp = TempPath::try_from_path(temp)?;
            file.write_all(&bytes)?;
            temp.persist(path).map_err(|e| e.error)
        };
        write().map_err(|e| failed("write", key, e))
    }

    fn delete(&self, key: &str) -> Result<()> {
        match fs::remove_file(key) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(failed("remove", key, e)),
            _ => Ok(()),
        }
    }

    fn remove_folder(&self, key: &str) -> Result<()> {
        match fs::remove_dir_all(key) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(failed("remove", key, e)),
            _ => Ok(()),
        }
    }

    fn list(&self, key: &str) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        walk(Path::new(key), "", &mut entries).map_err(|e| failed("list", key, e))?;
        entries.sort_unstable();
        Ok(entries)
    }

    fn children(&self, key: &str) -> Result<Vec<Entry>> {
        children(Path::new(key)).map_err(|e| failed("list", key, e))
    }

    fn sink(&self, key: &str) -> Result<Box<dyn FileSink>> {
        let path = PathBuf::from(key);
        let (file, made) = open_new(&path).map_err(|e| failed("write", key, e))?;
        Ok(Box::new(LocalSink { file, path, made, durable: self.durable, finished: false }))
    }

    fn place(&self, from: &str, to: &str, bytes: u64, replace: bool) -> Result<Created> {
        match fs::metadata(from) {
            Ok(meta) if meta.len() == bytes => (),
            Ok(meta) => return Err(wrong_size(from, meta.len(), bytes)),
            Err(e) => return Err(failed("publish", from, e)),
        }
        try_place(Path::new(from), Path::new(to), replace).map_err(|e| failed("publish", to, e))
    }

    fn sync(&self, key: &str) -> Result<()> {
        if !self.durable {
            return Ok(());
        }
        File::open(key).and_then(|f| f.sync_all()).map_err(|e| failed("sync", key, e))
    }

    fn lock(&self, key: &str) -> Result<Lock> {
        try_lock(Path::new(key)).map_err(|e| failed("lock", key, e))
    }

    fn reader(&self, key: &str) -> Result<Box<dyn Read + Send>> {
        let file = File::open(key).map_err(|e| failed("read", key, e))?;
        Ok(Box::new(io::BufReader::with_capacity(256 * 1024, file)))
    }

    fn retry(&self) -> &Retry {
        &self.retry
    }

    fn copies_at_once(&self) -> usize {
        1
    }
}

/// The kernel drops the lock when the process ends, however it ends.
fn try_lock(path: &Path) -> io::Result<Lock> {
    if let Some(parent) = path.parent() {
        make_folders(parent)?;
    }
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => (),
        Err(fs::TryLockError::WouldBlock) => return Ok(Lock::Busy),
        Err(fs::TryLockError::Error(e)) => {
            let missing = e.kind() == ErrorKind::Unsupported
                || matches!(e.raw_os_error(), Some(libc::ENOLCK | libc::ENOTSUP | libc::ENOSYS));
            return if missing { Ok(Lock::Unsupported) } else { Err(e) };
        }
    }
    // Someone may have removed the file meanwhile: then the next process locks another one.
    let (held, named) = (file.metadata()?, fs::metadata(path));
    match named {
        Ok(named) if (held.dev(), held.ino()) == (named.dev(), named.ino()) => Ok(Lock::Held(Box::new(file))),
        Ok(_) => Ok(Lock::Busy),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Lock::Busy),
        Err(e) => Err(e),
    }
}

struct LocalSink {
    file: File,
    path: PathBuf,
    made: usize,
    durable: bool,
    finished: bool,
}

impl FileSink for LocalSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if self.durable {
            self.file
                .sync_data()
                .and_then(|()| Local::sync_names(&self.path, self.made))
                .map_err(|e| failed("write", &self.path.to_string_lossy(), e))?;
        }
        self.finished = true;
        Ok(())
    }
}

impl Drop for LocalSink {
    fn drop(&mut self) {
        if !self.finished {
            // Best effort: what stays is swept with its attempt.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// All files below `folder`; an absent folder is empty. Folders behind symbolic links are not
/// entered.
fn walk(folder: &Path, prefix: &str, into: &mut Vec<Entry>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let file_name = entry.file_name();
        let file_name = file_name.to_string_lossy();
        if file_name.starts_with(TEMP_PREFIX) {
            continue;
        }
        let name = format!("{prefix}{file_name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), into)?;
            continue;
        }
        match entry.metadata() {
            Ok(meta) => into.push(Entry { name, bytes: meta.len() }),
            Err(e) if e.kind() == ErrorKind::NotFound => (),
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn children(folder: &Path) -> io::Result<Vec<Entry>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(TEMP_PREFIX) {
            continue;
        }
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => found.push(Entry { name: name + "/", bytes: 0 }),
            Ok(meta) => found.push(Entry { name, bytes: meta.len() }),
            Err(e) if e.kind() == ErrorKind::NotFound => (),
            Err(e) => return Err(e),
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn failed(verb: &str, key: &str, e: io::Error) -> Error {
    let (kind, text) = explain(&e);
    Error::new(kind, format!("cannot {verb} a file: {text}")).with("file", key).because(e)
}

/// What an I/O error means and what to do about it.
pub(super) fn explain(e: &io::Error) -> (Kind, &'static str) {
    match e.kind() {
        ErrorKind::NotFound => (Kind::Stop, "it does not exist"),
        ErrorKind::PermissionDenied => {
            (Kind::Stop, "permission denied: give this user the right, or choose another place")
        }
        ErrorKind::StorageFull => {
            (Kind::Stop, "the disk is full: free space or choose another place, then resume")
        }
        ErrorKind::QuotaExceeded => (Kind::Stop, "the disk quota is used up: free space, then resume"),
        ErrorKind::FileTooLarge => (Kind::Stop, "the file is larger than the file system or a limit allows"),
        ErrorKind::ReadOnlyFilesystem => (Kind::Stop, "the file system is read-only: choose another place"),
        ErrorKind::NotADirectory => (Kind::Stop, "a part of its path is a file, not a folder"),
        ErrorKind::IsADirectory => (Kind::Stop, "it is a folder, not a file"),
        ErrorKind::InvalidFilename => (Kind::Stop, "the file system does not take a name as long as this"),
        ErrorKind::InvalidInput => (Kind::Stop, "the file system does not take this name"),
        ErrorKind::UnexpectedEof => (Kind::Stop, "it is shorter than expected: it was cut off or changed"),
        ErrorKind::AlreadyExists => (Kind::Stop, "there is one of this name already"),
        _ if matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
            (Kind::Stop, "too many open files: raise the limit (ulimit -n) or use fewer threads")
        }
        _ => (Kind::Transient, "the system reports an error"),
    }
}
