//! A healthy store that looks, after each change, at what a reader of the output folder would see.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use serde_json::Value;

/// Its changes happen one after the other.
#[derive(Debug, Default, Clone)]
pub struct Watched(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    store: InMemory,
    changing: tokio::sync::Mutex<()>,
    torn: Mutex<Option<String>>,
    looks: Mutex<u64>,
}

impl Watched {
    /// Fails if a reader could ever have seen a mark without exactly its files. How often a mark was seen.
    #[track_caller]
    pub fn never_torn(&self) -> u64 {
        assert_eq!(*self.0.torn.lock().unwrap_or_else(PoisonError::into_inner), None);
        *self.0.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn change<T>(&self, change: impl Future<Output = T>, what: String) -> T {
        let _one = self.0.changing.lock().await;
        let done = change.await;
        if let Err(why) = self.look().await {
            let mut torn = self.0.torn.lock().unwrap_or_else(PoisonError::into_inner);
            torn.get_or_insert(format!("after {what}: {why}"));
        }
        done
    }

    async fn look(&self) -> std::result::Result<(), String> {
        let Some(mark) = self.get_file("_SUCCESS").await else { return Ok(()) };
        *self.0.looks.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let mark: Value = serde_json::from_slice(&mark).map_err(|e| e.to_string())?;
        for file in mark["files"].as_array().ok_or("no files")? {
            let name = file["name"].as_str().ok_or("no name")?;
            let bytes = self.get_file(name).await.ok_or_else(|| format!("{name} is not there"))?;
            if file["blake3"] != blake3::hash(&bytes).to_hex().as_str() {
                return Err(format!("{name} holds {}", String::from_utf8_lossy(&bytes)));
            }
        }
        Ok(())
    }

    async fn get_file(&self, name: &str) -> Option<bytes::Bytes> {
        self.0.store.get(&Path::from(format!("out/{name}"))).await.ok()?.bytes().await.ok()
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

#[async_trait]
impl ObjectStore for Watched {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.change(self.0.store.put_opts(at, payload, options), format!("put {at}")).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.store.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.store.get_opts(at, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        paths
            .then(move |path| {
                let store = store.clone();
                async move {
                    let path = path?;
                    store.change(store.0.store.delete(&path), format!("delete {path}")).await?;
                    Ok(path)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.change(self.0.store.copy_opts(from, to, options), format!("copy to {to}")).await
    }
}
