//! Writing one object: a single put when it is small, else parts sent in the background.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error as StoreError, MultipartUpload, ObjectStoreExt};
use tokio::task::JoinHandle;

use super::answer::failed;
use super::remote::Remote;
use super::writer::FileSink;
use crate::error::{Error, Result};

/// Parts of one object in flight; with the one being filled this bounds the writer's memory.
const PARTS_IN_FLIGHT: usize = 3;

type Part = JoinHandle<Result<(), StoreError>>;

/// An object being written under a name that no one else writes.
pub(super) struct Upload {
    to: Remote,
    path: Path,
    url: String,
    filling: Vec<u8>,
    written: u64,
    parts: VecDeque<Part>,
    multipart: Option<Box<dyn MultipartUpload>>,
}

impl Upload {
    pub(super) fn new(to: Remote, path: Path, url: String) -> Self {
        Self { to, path, url, filling: Vec::new(), written: 0, parts: VecDeque::new(), multipart: None }
    }

    fn send_part(&mut self) -> Result<()> {
        if self.multipart.is_none() {
            let begun = self.to.runtime.block_on(self.to.store.put_multipart(&self.path));
            self.multipart = Some(begun.map_err(|e| failed("write", &self.url, e))?);
        }
        while self.parts.len() >= PARTS_IN_FLIGHT {
            self.await_part()?;
        }
        if let Some(multipart) = &mut self.multipart {
            let part = multipart.put_part(Bytes::from(std::mem::take(&mut self.filling)).into());
            self.parts.push_back(self.to.runtime.spawn(part));
        }
        Ok(())
    }

    fn await_part(&mut self) -> Result<()> {
        let Some(part) = self.parts.pop_front() else { return Ok(()) };
        match self.to.runtime.block_on(part) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => Err(failed("write", &self.url, e)),
            Err(e) => Err(Error::internal("an upload was lost").with("file", &self.url).because(e)),
        }
    }

    /// One put; the name is ours alone, so that it may be repeated.
    fn put_whole(&mut self) -> Result<()> {
        let bytes = Bytes::from(std::mem::take(&mut self.filling));
        self.to.shared.retry.idempotent(|| {
            let put = self.to.store.put(&self.path, bytes.clone().into());
            self.to.runtime.block_on(put).map(drop).map_err(|e| failed("write", &self.url, e))
        })
    }

    /// Servers answer a repeated completion differently, so that an ambiguous one is settled by
    /// looking at the object.
    fn complete(&mut self) -> Result<()> {
        while !self.parts.is_empty() {
            self.await_part()?;
        }
        let Some(multipart) = &mut self.multipart else { return Ok(()) };
        let error = match self.to.runtime.block_on(multipart.complete()) {
            Ok(_) => None,
            Err(e) => Some(failed("write", &self.url, e)),
        };
        let size = self.to.shared.retry.idempotent(|| {
            let head = self.to.runtime.block_on(self.to.store.head(&self.path));
            match head {
                Ok(meta) => Ok(Some(meta.size)),
                Err(StoreError::NotFound { .. }) => Ok(None),
                Err(e) => Err(failed("look at", &self.url, e)),
            }
        })?;
        if size != Some(self.written) {
            return Err(error.unwrap_or_else(|| {
                Error::transient("a written file has not the size that was written").with("file", &self.url)
            }));
        }
        self.multipart = None;
        Ok(())
    }
}

impl FileSink for Upload {
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = self.to.shared.part_bytes.saturating_sub(self.filling.len()).max(1).min(bytes.len());
            let (now, rest) = bytes.split_at(room);
            self.filling.extend_from_slice(now);
            bytes = rest;
            // The last part is kept: a file of one part is put whole.
            if self.filling.len() >= self.to.shared.part_bytes && !bytes.is_empty() {
                self.send_part().map_err(io::Error::other)?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if self.multipart.is_none() {
            return self.put_whole();
        }
        if !self.filling.is_empty() {
            self.send_part()?;
        }
        self.complete()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        for part in self.parts.drain(..) {
            part.abort();
        }
        if let Some(mut multipart) = self.multipart.take() {
            // Best effort: stores drop what was never completed.
            self.to.runtime.spawn(async move { multipart.abort().await });
        }
    }
}
