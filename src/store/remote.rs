//! Object stores, called from compute threads: each call blocks on a shared runtime.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{
    Error as StoreError, GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
};
use tokio::runtime::Runtime;

use super::answer::failed;
use super::folder::{Backend, Created, Entry, Lock, wrong_size};
use super::retry::Retry;
use super::upload::Upload;
use super::writer::FileSink;
use crate::error::{Error, Result};

/// Bytes fetched at a time by a sequential reader.
const READ_AHEAD_BYTES: u64 = 8 * 1024 * 1024;

/// One bucket, container or host.
#[derive(Debug, Clone)]
pub struct Remote {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) runtime: Arc<Runtime>,
    pub(super) shared: Arc<Settings>,
}

/// How a [`Remote`] is used.
#[derive(Debug)]
pub struct Settings {
    /// `s3://bucket`: what a person writes before a key.
    pub prefix: String,
    /// Larger files are uploaded in parts of this size.
    pub part_bytes: usize,
    /// Server-side copies at once.
    pub copies: usize,
    /// Tries and pauses.
    pub retry: Retry,
}

impl Remote {
    /// The objects of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, runtime: Arc<Runtime>, settings: Settings) -> Self {
        Self { store, runtime, shared: Arc::new(settings) }
    }

    fn url(&self, key: &str) -> String {
        format!("{}/{key}", self.shared.prefix)
    }

    fn failed(&self, verb: &str, key: &str, e: StoreError) -> Error {
        failed(verb, &self.url(key), e)
    }

    fn path(&self, key: &str) -> Result<Path> {
        Path::parse(key).map_err(|e| {
            Error::usage("not a key of an object store: empty parts, '.' and '..' are not allowed")
                .with("url", self.url(key))
                .because(e)
        })
    }

    fn fetch(&self, key: &str, options: GetOptions) -> Result<Option<Bytes>> {
        let path = self.path(key)?;
        let result = self.runtime.block_on(async {
            let answer = self.store.get_opts(&path, options).await?;
            let expected = answer.range.end - answer.range.start;
            Ok((whole(answer).await?, expected))
        });
        match result {
            Ok((bytes, expected)) if bytes.len() as u64 == expected => Ok(Some(bytes)),
            Ok((bytes, expected)) => Err(Error::transient("the store's answer is shorter than it says")
                .with("file", self.url(key))
                .with("bytes", bytes.len())
                .with("expected", expected)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.failed("read", key, e)),
        }
    }
}

async fn whole(answer: GetResult) -> Result<Bytes, StoreError> {
    let parts: Vec<Bytes> = answer.into_stream().try_collect().await?;
    Ok(match <[Bytes; 1]>::try_from(parts) {
        Ok([one]) => one,
        Err(parts) => parts.concat().into(),
    })
}

impl Backend for Remote {
    fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.fetch(key, GetOptions::default())
    }

    fn read_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        let length = range.end.saturating_sub(range.start);
        if length == 0 {
            return Ok(Bytes::new());
        }
        let end = range.end;
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let bytes = match self.fetch(key, options) {
            Ok(found) => found.ok_or_else(|| self.absent(key))?,
            // Stores answer a range behind the end with an error of no certain kind.
            Err(e) => match self.size(key) {
                Ok(Some(size)) if size < end => return Err(self.too_short(key)),
                _ => return Err(e),
            },
        };
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(self.too_short(key)) }
    }

    fn size(&self, key: &str) -> Result<Option<u64>> {
        let path = self.path(key)?;
        match self.runtime.block_on(self.store.head(&path)) {
            Ok(meta) => Ok(Some(meta.size)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.failed("look at", key, e)),
        }
    }

    fn create(&self, key: &str, bytes: Bytes) -> Result<Created> {
        let path = self.path(key)?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.runtime.block_on(self.store.put_opts(&path, bytes.into(), options)) {
            Ok(_) => Ok(Created::New),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => Ok(Created::Exists),
            Err(e) => Err(self.failed("create", key, e)),
        }
    }

    fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        let path = self.path(key)?;
        let put = self.runtime.block_on(self.store.put(&path, bytes.into()));
        put.map(drop).map_err(|e| self.failed("write", key, e))
    }

    fn delete(&self, key: &str) -> Result<()> {
        let path = self.path(key)?;
        match self.runtime.block_on(self.store.delete(&path)) {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(e) => Err(self.failed("remove", key, e)),
        }
    }

    fn remove_folder(&self, key: &str) -> Result<()> {
        for entry in self.list(key)? {
            self.delete(&format!("{key}/{}", entry.name))?;
        }
        Ok(())
    }

    fn list(&self, key: &str) -> Result<Vec<Entry>> {
        let path = self.path(key)?;
        let found = self.runtime.block_on(self.store.list(Some(&path)).try_collect::<Vec<_>>());
        let found = found.map_err(|e| self.failed("list", key, e))?;
        let skip = if path.as_ref().is_empty() { 0 } else { path.as_ref().len() + 1 };
        let mut entries: Vec<Entry> = found
            .into_iter()
            .filter_map(|meta| {
                let name = meta.location.as_ref().get(skip..)?;
                Some(Entry { name: name.to_owned(), bytes: meta.size })
            })
            .collect();
        entries.sort_unstable();
        Ok(entries)
    }

    fn children(&self, key: &str) -> Result<Vec<Entry>> {
        let path = self.path(key)?;
        let found = self.runtime.block_on(self.store.list_with_delimiter(Some(&path)));
        let found = found.map_err(|e| self.failed("list", key, e))?;
        let folders = found.common_prefixes.iter().filter_map(|p| p.filename().map(|n| (format!("{n}/"), 0)));
        let files = found.objects.iter().filter_map(|o| Some((o.location.filename()?.to_owned(), o.size)));
        let mut found: Vec<Entry> = folders.chain(files).map(|(name, bytes)| Entry { name, bytes }).collect();
        found.sort_unstable();
        Ok(found)
    }

    fn sink(&self, key: &str) -> Result<Box<dyn FileSink>> {
        Ok(Box::new(Upload::new(self.clone(), self.path(key)?, self.url(key))))
    }

    fn place(&self, from: &str, to: &str, bytes: u64, replace: bool) -> Result<Created> {
        match self.size(from)? {
            Some(there) if there == bytes => (),
            Some(there) => return Err(wrong_size(&self.url(from), there, bytes)),
            None => return Err(self.absent(from)),
        }
        if !replace && self.size(to)?.is_some_and(|there| there != bytes) {
            return Ok(Created::Exists);
        }
        let (source, target) = (self.path(from)?, self.path(to)?);
        match self.runtime.block_on(self.store.copy(&source, &target)) {
            Ok(()) => (),
            Err(StoreError::NotFound { .. }) => return Err(self.absent(from)),
            Err(e) => return Err(self.failed("publish", to, e)),
        }
        match self.size(to)? {
            Some(now) if now == bytes => Ok(Created::New),
            now => Err(Error::transient("a published file has not the size that its record states")
                .with("file", self.url(to))
                .with("bytes", now.map_or_else(|| "none".to_owned(), |n| n.to_string()))
                .with("expected", bytes)),
        }
    }

    /// An acknowledged write is durable.
    fn sync(&self, _key: &str) -> Result<()> {
        Ok(())
    }

    fn lock(&self, _key: &str) -> Result<Lock> {
        Ok(Lock::Unsupported)
    }

    fn reader(&self, key: &str) -> Result<Box<dyn Read + Send>> {
        let size = self.size(key)?.ok_or_else(|| self.absent(key))?;
        let remote =
            RemoteReader { source: self.clone(), key: key.to_owned(), at: 0, size, block: Bytes::new() };
        Ok(Box::new(remote))
    }

    fn retry(&self) -> &Retry {
        &self.shared.retry
    }

    fn copies_at_once(&self) -> usize {
        self.shared.copies
    }
}

impl Remote {
    fn too_short(&self, key: &str) -> Error {
        Error::stop("a file is shorter than expected: it was cut off or changed").with("file", self.url(key))
    }

    fn absent(&self, key: &str) -> Error {
        Error::stop("a file does not exist").with("file", self.url(key))
    }
}

/// Reads an object block by block; a failed block is fetched again.
struct RemoteReader {
    source: Remote,
    key: String,
    at: u64,
    size: u64,
    block: Bytes,
}

impl Read for RemoteReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.block.is_empty() && self.at < self.size {
            let end = self.size.min(self.at + READ_AHEAD_BYTES);
            let read = || self.source.read_range(&self.key, self.at..end);
            self.block = self.source.shared.retry.idempotent(read).map_err(io::Error::other)?;
            self.at = end;
        }
        let count = into.len().min(self.block.len());
        into[..count].copy_from_slice(&self.block.split_to(count));
        Ok(count)
    }
}
