//! An object store that fails as real ones do, by a seed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

/// The seeded source of faults of one client.
#[derive(Debug)]
pub struct Faults {
    state: AtomicU64,
    /// Faults in a thousand operations.
    per_mille: u64,
}

impl Faults {
    pub fn new(seed: u64, per_mille: u64) -> Arc<Self> {
        Arc::new(Self { state: AtomicU64::new(seed), per_mille })
    }

    /// splitmix64.
    pub fn random(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `kinds` faults, or none.
    fn draw(&self, kinds: u64) -> Option<u64> {
        (self.random() % 1000 < self.per_mille).then(|| self.random() % kinds)
    }
}

fn fails(what: &'static str) -> Error {
    Error::Generic { store: "faulty", source: what.into() }
}

/// A client of a shared store.
#[derive(Debug)]
pub struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    faults: Arc<Faults>,
}

impl FaultyStore {
    pub fn new(inner: Arc<dyn ObjectStore>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }

    /// A write: refused, or lost on its way, or done and its answer lost.
    async fn write<T>(&self, op: impl Future<Output = Result<T>>) -> Result<T> {
        match self.faults.draw(3) {
            Some(0) => Err(fails("503 slow down")),
            Some(1) => Err(fails("timed out before the request arrived")),
            Some(_) => {
                let _ = op.await;
                Err(fails("the answer was lost"))
            }
            None => op.await,
        }
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if options.mode == PutMode::Create {
            let path = at.to_string();
            match self.faults.draw(4) {
                Some(0) => return Err(Error::AlreadyExists { path, source: "409 conflict".into() }),
                Some(1) => return Err(Error::Precondition { path, source: "412".into() }),
                _ => (),
            }
        }
        self.write(self.inner.put_opts(at, payload, options)).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.write(self.inner.put_multipart_opts(at, options)).await?;
        Ok(Box::new(FaultyUpload { inner, faults: Arc::clone(&self.faults) }))
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        let head = options.head;
        let fault = self.faults.draw(3);
        if fault == Some(0) {
            return Err(fails("503 slow down"));
        }
        let answer = self.inner.get_opts(at, options).await?;
        if fault.is_none() || head {
            return Ok(answer);
        }
        let (meta, range, attributes) =
            (answer.meta.clone(), answer.range.clone(), answer.attributes.clone());
        let bytes = answer.bytes().await?;
        let cut = bytes.slice(..bytes.len() / 2);
        let mut parts: Vec<Result<Bytes>> = vec![Ok(cut)];
        if fault == Some(1) {
            parts.push(Err(fails("the connection was reset")));
        }
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::iter(parts).boxed()),
            meta,
            range,
            attributes,
        })
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let faults = Arc::clone(&self.faults);
        let inner = Arc::clone(&self.inner);
        paths
            .then(move |path| {
                let (inner, faults) = (Arc::clone(&inner), Arc::clone(&faults));
                async move {
                    let path = path?;
                    let fault = faults.draw(2);
                    if fault == Some(0) {
                        return Err(fails("503 slow down"));
                    }
                    let one = stream::iter([Ok(path)]).boxed();
                    let done = inner.delete_stream(one).next().await;
                    match (fault, done) {
                        (None, Some(done)) => done,
                        _ => Err(fails("the answer was lost")),
                    }
                }
            })
            .boxed()
    }

    /// Torn listings end with an error or, worse, look whole.
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let all = self.inner.list(prefix);
        match self.faults.draw(2) {
            None => all,
            Some(0) => {
                let torn = stream::iter([Err(fails("the listing broke off"))]);
                all.take(usize::try_from(self.faults.random() % 3).unwrap_or(0)).chain(torn).boxed()
            }
            Some(_) => {
                let faults = Arc::clone(&self.faults);
                all.filter(move |_| futures::future::ready(faults.random().is_multiple_of(2))).boxed()
            }
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut all = self.inner.list_with_delimiter(prefix).await?;
        match self.faults.draw(2) {
            None => (),
            Some(0) => return Err(fails("the listing broke off")),
            Some(_) => all.objects.retain(|_| self.faults.random().is_multiple_of(2)),
        }
        Ok(all)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.write(self.inner.copy_opts(from, to, options)).await
    }
}

#[derive(Debug)]
struct FaultyUpload {
    inner: Box<dyn MultipartUpload>,
    faults: Arc<Faults>,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        if self.faults.draw(1).is_some() {
            return Box::pin(async { Err(fails("503 slow down")) });
        }
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        match self.faults.draw(2) {
            Some(0) => Err(fails("503 slow down")),
            Some(_) => {
                let _ = self.inner.complete().await;
                Err(fails("the answer was lost"))
            }
            None => self.inner.complete().await,
        }
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
