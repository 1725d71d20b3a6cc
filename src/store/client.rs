//! The stores of a process: one client per endpoint, one small runtime, made when first needed.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use object_store::ObjectStore;
use tokio::runtime::{Builder, Runtime};

use super::endpoint;
use super::folder::{Backend, Folder};
use super::local::Local;
use super::remote::{Remote, Settings};
use super::retry::Retry;
use crate::error::{Error, Result};
use crate::spec::{Location, Scheme};

/// How stores are reached.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The process's environment, from which credentials and endpoints are taken. Nothing else
    /// below `cli` reads the environment.
    pub env: Vec<(String, String)>,
    /// Objects larger than this are uploaded in parts of this size (bytes).
    pub part_bytes: usize,
    /// Server-side copies at once.
    pub copies: usize,
    /// Tries of an operation on an object store, and the pauses between them.
    pub tries: u32,
    /// The first pause; it doubles up to `max_pause`.
    pub pause: Duration,
    /// The longest pause.
    pub max_pause: Duration,
    /// Seed of the pauses' jitter.
    pub seed: u64,
}

impl Default for StoreOptions {
    /// No environment; parts of 8 MiB (at most 10,000 parts: 80 GB); 8 tries over about 20 seconds.
    fn default() -> Self {
        Self {
            env: Vec::new(),
            part_bytes: 8 * 1024 * 1024,
            copies: 16,
            tries: 8,
            pause: Duration::from_millis(100),
            max_pause: Duration::from_secs(5),
            seed: 0,
        }
    }
}

/// Threads that wait for object stores. They only move bytes.
const RUNTIME_THREADS: usize = 2;

type Key = (Scheme, String);

/// All stores of a process. Cheap to clone.
#[derive(Clone)]
pub struct Stores(Arc<Inner>);

struct Inner {
    options: StoreOptions,
    local: Arc<dyn Backend>,
    scratch: Arc<dyn Backend>,
    clients: Mutex<HashMap<Key, Arc<dyn ObjectStore>>>,
    runtime: OnceLock<Arc<Runtime>>,
}

impl Stores {
    /// Stores with these options. Connects to nothing.
    ///
    /// # Errors
    /// `Usage` when a number of the options is zero.
    pub fn new(options: StoreOptions) -> Result<Self> {
        if options.part_bytes == 0 || options.tries == 0 {
            return Err(Error::usage("a store needs parts of at least one byte and at least one try"));
        }
        let seed = options.seed;
        Ok(Self(Arc::new(Inner {
            options,
            local: Arc::new(Local::new(true, Retry::local(seed))),
            scratch: Arc::new(Local::new(false, Retry::local(seed))),
            clients: Mutex::default(),
            runtime: OnceLock::new(),
        })))
    }

    /// The same, with `store` behind the URLs of one bucket or host: for tests.
    #[must_use]
    pub fn with_store(self, scheme: Scheme, authority: &str, store: Arc<dyn ObjectStore>) -> Self {
        self.clients().insert((scheme, authority.to_owned()), store);
        self
    }

    /// The folder at `location`; what is written to it survives a power failure.
    ///
    /// # Errors
    /// `Usage` or `Stop` when the settings for the store are wrong or missing.
    pub fn folder(&self, location: &Location) -> Result<Folder> {
        let backend = match location.scheme() {
            Scheme::File => Arc::clone(&self.0.local),
            _ => self.remote(location)?,
        };
        Ok(Folder::new(backend, location.clone()))
    }

    /// The folder at `location` for what need not survive a power failure.
    ///
    /// # Errors
    /// As [`Stores::folder`].
    pub fn scratch(&self, location: &Location) -> Result<Folder> {
        match location.scheme() {
            Scheme::File => Ok(Folder::new(Arc::clone(&self.0.scratch), location.clone())),
            _ => self.folder(location),
        }
    }

    /// The client for the endpoint of `location`, made on first use. Local files have one too; it
    /// leaves out files whose names end in `#` and digits, so list local files with `std`.
    ///
    /// # Errors
    /// As [`Stores::folder`].
    pub fn client(&self, location: &Location) -> Result<Arc<dyn ObjectStore>> {
        let key = (location.scheme(), location.authority().to_owned());
        let mut clients = self.clients();
        if let Some(client) = clients.get(&key) {
            return Ok(Arc::clone(client));
        }
        let client = endpoint::connect(location, &self.0.options.env)?;
        clients.insert(key, Arc::clone(&client));
        Ok(client)
    }

    /// The runtime on which object stores are awaited, made on first use. Never compute on it.
    ///
    /// # Errors
    /// `Transient` when the system gives no threads.
    pub fn runtime(&self) -> Result<Arc<Runtime>> {
        if let Some(runtime) = self.0.runtime.get() {
            return Ok(Arc::clone(runtime));
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(RUNTIME_THREADS)
            .thread_name("dp-fetch")
            .enable_all()
            .build()
            .map_err(|e| Error::transient("cannot start the threads that fetch").because(e))?;
        Ok(Arc::clone(self.0.runtime.get_or_init(|| Arc::new(runtime))))
    }

    /// Waits for `future` on this thread, which must not be one of the runtime's own.
    ///
    /// # Errors
    /// As [`Stores::runtime`].
    pub fn block_on<F: Future>(&self, future: F) -> Result<F::Output> {
        Ok(self.runtime()?.block_on(future))
    }

    /// How operations on object stores are tried again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        let o = &self.0.options;
        Retry::new(o.tries, o.pause, o.max_pause, o.seed)
    }

    fn remote(&self, location: &Location) -> Result<Arc<dyn Backend>> {
        let prefix = format!("{}://{}", location.scheme().name(), location.authority());
        let settings = Settings {
            prefix,
            part_bytes: self.0.options.part_bytes,
            copies: self.0.options.copies,
            retry: self.retry(),
        };
        Ok(Arc::new(Remote::new(self.client(location)?, self.runtime()?, settings)))
    }

    fn clients(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<dyn ObjectStore>>> {
        self.0.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Stores {
    /// Says nothing of the environment, which holds credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stores")
    }
}
