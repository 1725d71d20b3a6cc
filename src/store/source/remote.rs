//! Objects of an object store, read by ranges under the planned etag.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Error as StoreError, GetOptions, GetRange, ObjectStore};

use super::{ByteSource, changed};
use crate::error::{Error, Result};
use crate::spec::Location;
use crate::store::answer::failed;
use crate::store::client::Stores;

/// Larger ranges are fetched in pieces of this size: one connection to an object store is slow.
const PIECE_BYTES: u64 = 8 * 1024 * 1024;
/// Pieces of one call that are in flight at one time.
const IN_FLIGHT: usize = 8;

/// An object.
pub struct RemoteSource {
    stores: Stores,
    client: Arc<dyn ObjectStore>,
    key: Path,
    path: String,
    size: u64,
    etag: Option<String>,
}

impl RemoteSource {
    /// The object at `location`, which was `size` bytes long under `etag` when it was planned.
    /// Nothing is requested yet.
    ///
    /// # Errors
    /// Wrong settings of the store; a path that is no key.
    pub fn new(stores: &Stores, location: &Location, size: u64, etag: Option<&str>) -> Result<Self> {
        let path = location.to_string();
        let key = Path::parse(location.path())
            .map_err(|e| Error::usage("not a key of an object store").with("file", &path).because(e))?;
        let client = stores.client(location)?;
        Ok(Self { stores: stores.clone(), client, key, path, size, etag: etag.map(str::to_owned) })
    }

    async fn fetch(&self, range: Range<u64>) -> Result<Bytes> {
        let length = range.end - range.start;
        // A weak etag never matches a precondition; it is compared with the answer's below.
        let strong = self.etag.clone().filter(|e| !e.starts_with("W/"));
        let options =
            GetOptions { range: Some(GetRange::Bounded(range)), if_match: strong, ..GetOptions::default() };
        let answer = self.client.get_opts(&self.key, options).await.map_err(|e| self.error(e))?;
        let other = |now: &String| self.etag.as_ref().is_some_and(|planned| planned != now);
        if answer.meta.size != self.size || answer.meta.e_tag.as_ref().is_some_and(other) {
            return Err(changed(&self.path));
        }
        let bytes = answer.bytes().await.map_err(|e| self.error(e))?;
        if bytes.len() as u64 == length {
            return Ok(bytes);
        }
        Err(Error::transient("the store's answer has not the length that was asked for")
            .with("file", &self.path)
            .with("bytes", bytes.len())
            .with("expected", length))
    }

    fn error(&self, error: StoreError) -> Error {
        match error {
            StoreError::Precondition { .. } => changed(&self.path),
            other => failed("read", &self.path, other),
        }
    }
}

fn pieces(range: &Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
    let end = range.end;
    let step = usize::try_from(PIECE_BYTES).unwrap_or(usize::MAX);
    (range.start..end).step_by(step).map(move |start| start..end.min(start.saturating_add(PIECE_BYTES)))
}

impl ByteSource for RemoteSource {
    fn path(&self) -> &str {
        &self.path
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let mut parts = self.read_ranges(std::slice::from_ref(&range))?;
        parts.pop().ok_or_else(|| Error::internal("a range was not read").with("file", &self.path))
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if let Some(bad) = ranges.iter().find(|r| r.start > r.end || r.end > self.size) {
            return Err(
                Error::internal(format!("a read of {bad:?} is outside of the file")).with("file", &self.path)
            );
        }
        let wanted: Vec<Range<u64>> = ranges.iter().flat_map(pieces).collect();
        let once = |piece: Range<u64>| async move {
            // The client tries failed requests again by itself, but not an answer that breaks off.
            match self.fetch(piece.clone()).await {
                Err(e) if e.kind() == crate::error::Kind::Transient => self.fetch(piece).await,
                other => other,
            }
        };
        let fetched = stream::iter(wanted).map(once).buffered(IN_FLIGHT).try_collect::<Vec<Bytes>>();
        let mut fetched = self.stores.block_on(fetched)??.into_iter();
        Ok(ranges.iter().map(|range| joined(fetched.by_ref().take(pieces(range).count()))).collect())
    }
}

fn joined(mut parts: impl Iterator<Item = Bytes>) -> Bytes {
    let Some(first) = parts.next() else { return Bytes::new() };
    let Some(second) = parts.next() else { return first };
    let mut all = BytesMut::from(first);
    all.extend_from_slice(&second);
    parts.for_each(|p| all.extend_from_slice(&p));
    all.freeze()
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;
    use object_store::{ObjectStoreExt, PutPayload};

    use super::*;
    use crate::error::Kind;
    use crate::spec::Scheme;
    use crate::store::client::StoreOptions;

    fn put(store: &InMemory, stores: &Stores, bytes: Vec<u8>) -> String {
        let key = Path::from("d/x.bin");
        let put = store.put(&key, PutPayload::from(bytes));
        stores.block_on(put).expect("runtime").expect("put").e_tag.expect("an etag")
    }

    #[test]
    fn ranges_of_the_planned_object_only() {
        let store = Arc::new(InMemory::new());
        let stores = Stores::new(StoreOptions::default()).expect("stores");
        let stores = stores.with_store(Scheme::S3, "b", Arc::clone(&store) as Arc<dyn ObjectStore>);
        let bytes: Vec<u8> = (0..3 * PIECE_BYTES + 5).map(|i| (i % 251) as u8).collect();
        let etag = put(&store, &stores, bytes.clone());
        let location = Location::parse("s3://b/d/x.bin", std::path::Path::new("/")).expect("a location");
        let size = bytes.len() as u64;
        let source = RemoteSource::new(&stores, &location, size, Some(&etag)).expect("a source");
        let ranges = [0..3, 7..7, 1..size, PIECE_BYTES..PIECE_BYTES * 2];
        let read = source.read_ranges(&ranges).expect("read");
        let at = |byte: u64| usize::try_from(byte).expect("a small file");
        for (range, read) in ranges.iter().zip(read) {
            assert_eq!(read, bytes[at(range.start)..at(range.end)]);
        }
        assert_eq!(source.read(0..size + 1).expect_err("outside").kind(), Kind::Internal);
        let other_size = RemoteSource::new(&stores, &location, size - 1, None).expect("a source");
        assert_eq!(other_size.read(0..1).expect_err("another size").kind(), Kind::Stop);
        put(&store, &stores, vec![0; bytes.len()]);
        let error = source.read(0..3).expect_err("changed");
        assert_eq!(error.kind(), Kind::Stop);
        assert!(error.to_string().contains("s3://b/d/x.bin"), "{error}");
    }
}
