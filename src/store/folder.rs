//! A folder on a local file system or an object store: the few operations that a run needs.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::retry::Retry;
use super::writer::{FileSink, FileWriter};
use crate::error::{Error, Result};
use crate::spec::Location;

/// What a create-only write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The object is there now, with these bytes.
    New,
    /// There was one before; it is unchanged.
    Exists,
}

/// A file of a listing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its path, relative to the folder that was listed from.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// The right to publish into a folder, as far as the file system can give it.
pub enum Lock {
    /// Held until this is dropped or the process ends.
    Held(Box<dyn Send + Sync>),
    /// Another process holds it.
    Busy,
    /// This store has no locks.
    Unsupported,
}

/// The operations of one store. Keys are absolute local paths or object keys. Blocking; called from
/// compute threads.
///
/// Errors: `Stop` for what a person must repair (permission, disk full), `Transient` for what may
/// pass. After `Transient` a write may have happened or not.
pub trait Backend: fmt::Debug + Send + Sync {
    /// The whole object; `None` when it is absent.
    ///
    /// # Errors
    /// See the trait.
    fn get(&self, key: &str) -> Result<Option<Bytes>>;

    /// Exactly the bytes of `range`; an absent object or a range beyond its end is an error.
    ///
    /// # Errors
    /// See the trait.
    fn read_range(&self, key: &str, range: Range<u64>) -> Result<Bytes>;

    /// The object's size; `None` when it is absent.
    ///
    /// # Errors
    /// See the trait.
    fn size(&self, key: &str) -> Result<Option<u64>>;

    /// Writes an object if there is none, whole or not at all.
    ///
    /// # Errors
    /// See the trait.
    fn create(&self, key: &str, bytes: Bytes) -> Result<Created>;

    /// Writes an object over what is there: for what nothing depends on.
    ///
    /// # Errors
    /// See the trait.
    fn put(&self, key: &str, bytes: Bytes) -> Result<()>;

    /// Removes an object; an absent one is fine.
    ///
    /// # Errors
    /// See the trait.
    fn delete(&self, key: &str) -> Result<()>;

    /// Removes everything below `key`; an absent folder is fine.
    ///
    /// # Errors
    /// See the trait.
    fn remove_folder(&self, key: &str) -> Result<()>;

    /// All files below `key`, at any depth, sorted; names are relative to `key`.
    ///
    /// # Errors
    /// See the trait.
    fn list(&self, key: &str) -> Result<Vec<Entry>>;

    /// Files and folders directly below `key`, sorted; names of folders end in `/`.
    ///
    /// # Errors
    /// See the trait.
    fn children(&self, key: &str) -> Result<Vec<Entry>>;

    /// Begins a new object that appears when it is finished.
    ///
    /// # Errors
    /// See the trait.
    fn sink(&self, key: &str) -> Result<Box<dyn FileSink>>;

    /// Makes `to` the object `from` without moving bytes through this process; both stay. What
    /// else is at `to` is replaced if `replace` says so; otherwise the answer is `Exists`.
    ///
    /// # Errors
    /// See the trait; `Stop` if `from` is absent or has not `bytes` bytes.
    fn place(&self, from: &str, to: &str, bytes: u64, replace: bool) -> Result<Created>;

    /// Makes what was done to the names in a folder survive a power failure.
    ///
    /// # Errors
    /// See the trait.
    fn sync(&self, key: &str) -> Result<()>;

    /// Tries to take the lock at `key`; does not wait.
    ///
    /// # Errors
    /// See the trait.
    fn lock(&self, key: &str) -> Result<Lock>;

    /// A sequential reader of the whole object.
    ///
    /// # Errors
    /// See the trait; `Stop` if it is absent.
    fn reader(&self, key: &str) -> Result<Box<dyn Read + Send>>;

    /// How operations on this store are tried again.
    fn retry(&self) -> &Retry;

    /// Copies that the store should make at once; 1 where each takes no time.
    fn copies_at_once(&self) -> usize;
}

/// A folder. Cheap to clone. All paths are relative to it, with `/` between parts.
#[derive(Debug, Clone)]
pub struct Folder {
    backend: Arc<dyn Backend>,
    location: Location,
}

impl Folder {
    /// A folder at `location` of a store.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>, location: Location) -> Self {
        Self { backend, location }
    }

    /// Where it is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The folder `rel` below it.
    #[must_use]
    pub fn sub(&self, rel: &str) -> Self {
        Self { backend: Arc::clone(&self.backend), location: self.location.join(rel) }
    }

    /// How operations on this folder are tried again.
    #[must_use]
    pub fn retry(&self) -> &Retry {
        self.backend.retry()
    }

    /// How many [`Folder::link_or_copy`] to call at once, from as many threads.
    #[must_use]
    pub fn copies_at_once(&self) -> usize {
        self.backend.copies_at_once().max(1)
    }

    /// The store behind it.
    #[must_use]
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    fn key(&self, rel: &str) -> String {
        let base = self.location.path().trim_end_matches('/');
        match (base.is_empty(), rel.is_empty()) {
            (_, true) if base.is_empty() => self.location.path().to_owned(),
            (_, true) => base.to_owned(),
            (true, _) if self.location.as_local().is_none() => rel.to_owned(),
            _ => format!("{base}/{rel}"),
        }
    }

    /// The whole file; `None` when it is absent.
    ///
    /// # Errors
    /// `Stop` or `Transient`, naming the file.
    pub fn get(&self, rel: &str) -> Result<Option<Bytes>> {
        self.retry().idempotent(|| self.backend.get(&self.key(rel)))
    }

    /// Exactly the bytes of `range`.
    ///
    /// # Errors
    /// As [`Folder::get`]; `Stop` when the file is absent or shorter.
    pub fn read_range(&self, rel: &str, range: Range<u64>) -> Result<Bytes> {
        self.retry().idempotent(|| self.backend.read_range(&self.key(rel), range.clone()))
    }

    /// The file's size; `None` when it is absent.
    ///
    /// # Errors
    /// As [`Folder::get`].
    pub fn size(&self, rel: &str) -> Result<Option<u64>> {
        self.retry().idempotent(|| self.backend.size(&self.key(rel)))
    }

    /// Whether the file is there.
    ///
    /// # Errors
    /// As [`Folder::get`].
    pub fn exists(&self, rel: &str) -> Result<bool> {
        Ok(self.size(rel)?.is_some())
    }

    /// Writes a file if there is none. One raw try: after `Exists` and after an error nothing is
    /// known about who wrote what is there; see [`super::record::create_once`].
    ///
    /// # Errors
    /// As [`Folder::get`]; after `Transient` the file may be there or not.
    pub fn create(&self, rel: &str, bytes: Bytes) -> Result<Created> {
        self.backend.create(&self.key(rel), bytes)
    }

    /// Writes a file over what is there. One try: for advisory files, which the next one replaces.
    ///
    /// # Errors
    /// As [`Folder::get`].
    pub fn put(&self, rel: &str, bytes: Bytes) -> Result<()> {
        self.backend.put(&self.key(rel), bytes)
    }

    /// Removes a file; an absent one is fine.
    ///
    /// # Errors
    /// As [`Folder::get`].
    pub fn delete(&self, rel: &str) -> Result<()> {
        self.retry().idempotent(|| self.backend.delete(&self.key(rel)))
    }

    /// Removes the folder `rel` and all in it; an absent one is fine.
    ///
    /// # Errors
    /// As [`Folder::get`]; `Internal` for an empty `rel`.
    pub fn remove_folder(&self, rel: &str) -> Result<()> {
        if rel.trim_matches('/').is_empty() {
            return Err(Error::internal("asked to remove a whole output or work folder"));
        }
        self.retry().idempotent(|| self.backend.remove_folder(&self.key(rel)))
    }

    /// Removes this folder and all in it; an absent one is fine.
    ///
    /// # Errors
    /// As [`Folder::get`].
    pub fn remove(&self) -> Result<()> {
        self.retry().idempotent(|| self.backend.remove_folder(&self.key("")))
    }

    /// All files below the folder `rel` (all of this one if empty), at any depth, sorted by name;
    /// names are relative to `rel`. An absent folder is empty.
    ///
    /// # Errors
    /// As [`Folder::get`].
    pub fn list(&self, rel: &str) -> Result<Vec<Entry>> {
        self.retry().idempotent(|| self.backend.list(&self.key(rel)))
    }

    /// Files and folders directly below this folder, sorted by name; names of folders end in `/`.
    ///
    /// # Errors
    /// As [`Folder::get`].
    pub fn children(&self) -> Result<Vec<Entry>> {
        self.retry().idempotent(|| self.backend.children(&self.key("")))
    }

    /// Begins a new file. Its name must not be in use. Dropped unfinished, it is removed.
    ///
    /// # Errors
    /// As [`Folder::get`].
    pub fn writer(&self, rel: &str) -> Result<FileWriter> {
        Ok(FileWriter::new(self.backend.sink(&self.key(rel))?, self.name(rel)))
    }

    /// Like [`Folder::writer`], but the file is made only for more than `most` bytes.
    #[must_use]
    pub fn writer_keeping(&self, rel: &str, most: usize) -> FileWriter {
        let (backend, key) = (Arc::clone(&self.backend), self.key(rel));
        FileWriter::keeping(most, Box::new(move || backend.sink(&key)), self.name(rel))
    }

    /// Makes `to` the same file as `from` (both relative to this folder) without moving its bytes
    /// through this process: a hard link, or a copy made by the store. `bytes` is the size of
    /// `from`. What else is at `to` is replaced if `replace` says so; otherwise: `Exists`. One try; it
    /// may be repeated.
    ///
    /// # Errors
    /// As [`Folder::get`]; `Stop` if `from` is absent or has another size.
    pub fn link_or_copy(&self, from: &str, to: &str, bytes: u64, replace: bool) -> Result<Created> {
        self.backend.place(&self.key(from), &self.key(to), bytes, replace)
    }

    /// Makes created, linked and removed names of this folder survive a power failure.
    ///
    /// # Errors
    /// As [`Folder::get`].
    pub fn sync(&self) -> Result<()> {
        self.backend.sync(&self.key(""))
    }

    /// Tries to take the lock file `rel`; does not wait.
    ///
    /// # Errors
    /// As [`Folder::get`].
    pub fn lock(&self, rel: &str) -> Result<Lock> {
        self.backend.lock(&self.key(rel))
    }

    /// A sequential reader of the whole file.
    ///
    /// # Errors
    /// As [`Folder::get`]; `Stop` if it is absent.
    pub fn reader(&self, rel: &str) -> Result<Box<dyn Read + Send>> {
        self.retry().idempotent(|| self.backend.reader(&self.key(rel)))
    }

    /// The file `rel` as a person would write it.
    #[must_use]
    pub fn name(&self, rel: &str) -> String {
        self.location.join(rel).to_string()
    }
}

/// The error of a format writer or reader over a [`FileWriter`] or a reader of this module: its
/// kind comes from the I/O error at the bottom of its causes.
pub fn classify(error: impl Into<Box<dyn std::error::Error + Send + Sync>>, what: &'static str) -> Error {
    let error = error.into();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&*error);
    while let Some(e) = cause {
        if let Some(ours) = e.downcast_ref::<Error>() {
            return Error::new(ours.kind(), format!("{what}: {ours}"));
        }
        if let Some(io) = e.downcast_ref::<io::Error>() {
            if let Some(ours) = io.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
                return Error::new(ours.kind(), format!("{what}: {ours}"));
            }
            let (kind, text) = super::local::explain(io);
            return Error::new(kind, format!("{what}: {text}")).because(error);
        }
        cause = e.source();
    }
    Error::internal(what).because(error)
}

/// A committed file is not what its record says.
pub(super) fn wrong_size(name: &str, there: u64, expected: u64) -> Error {
    Error::stop("a file of the run has not the size that its record states: run the job under another name")
        .with("file", name)
        .with("bytes", there)
        .with("expected", expected)
}
