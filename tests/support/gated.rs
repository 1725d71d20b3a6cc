//! A store whose operations, of two publishers, happen in exactly the order that a test lays down.

use std::io::Read;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use bytes::Bytes;
use dp::store::folder::{Backend, Created, Entry, Lock};
use dp::store::retry::Retry;
use dp::store::writer::FileSink;
use dp::{Error, Result};

/// Where a publisher stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Between two operations.
    Running,
    /// Before an operation.
    Waiting,
    /// At its end.
    Ended,
}

#[derive(Debug)]
struct State {
    at: [At; 2],
    turn: Option<usize>,
    crashed: [bool; 2],
    at_clock: [bool; 2],
}

/// Lets one publisher at a time do one operation.
#[derive(Debug)]
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

impl Gate {
    pub fn new() -> Arc<Self> {
        let state = State { at: [At::Running; 2], turn: None, crashed: [false; 2], at_clock: [false; 2] };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the gate")
    }

    /// Waits for this publisher's turn and does `op`; or fails, if it has crashed.
    pub fn pass<T>(&self, who: usize, op: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut state = self.lock();
        if state.crashed[who] {
            return Err(Error::stop("crashed"));
        }
        state.at[who] = At::Waiting;
        self.changed.notify_all();
        while state.turn != Some(who) && !state.crashed[who] {
            state = self.changed.wait(state).expect("no test panics while it holds the gate");
        }
        if state.crashed[who] {
            state.at[who] = At::Running;
            return Err(Error::stop("crashed"));
        }
        let result = op();
        state.turn = None;
        state.at[who] = At::Running;
        self.changed.notify_all();
        result
    }

    /// Looking at the clock as an operation.
    pub fn look_at_clock(&self, who: usize, look: impl FnOnce() -> u64) -> u64 {
        self.lock().at_clock[who] = true;
        let result = self.pass(who, || Ok(look()));
        self.lock().at_clock[who] = false;
        result.unwrap_or(u64::MAX)
    }

    /// Whether `who`, which waits, waits before looking at the clock.
    pub fn is_at_clock(&self, who: usize) -> bool {
        self.lock().at_clock[who]
    }

    /// This publisher does nothing more.
    pub fn end(&self, who: usize) {
        self.lock().at[who] = At::Ended;
        self.changed.notify_all();
    }

    /// Which publishers wait before an operation, once none runs.
    pub fn waiting(&self) -> Vec<usize> {
        let mut state = self.lock();
        while state.turn.is_some() || state.at.contains(&At::Running) {
            state = self.changed.wait(state).expect("no test panics while it holds the gate");
        }
        (0..2).filter(|who| state.at[*who] == At::Waiting).collect()
    }

    /// Lets `who`, which waits, do one operation.
    pub fn step(&self, who: usize) {
        self.lock().turn = Some(who);
        self.changed.notify_all();
    }

    /// From now on every operation of `who` fails and does nothing.
    pub fn crash(&self, who: usize) {
        let mut state = self.lock();
        state.crashed[who] = true;
        if state.at[who] == At::Waiting {
            state.at[who] = At::Running;
        }
        self.changed.notify_all();
    }
}

/// The store of one publisher behind the gate.
#[derive(Debug)]
pub struct Gated {
    pub inner: Arc<dyn Backend>,
    pub gate: Arc<Gate>,
    pub who: usize,
    pub retry: Retry,
}

impl Gated {
    fn pass<T>(&self, op: impl FnOnce(&dyn Backend) -> Result<T>) -> Result<T> {
        self.gate.pass(self.who, || op(&*self.inner))
    }
}

impl Backend for Gated {
    fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.pass(|b| b.get(key))
    }

    fn read_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        self.pass(|b| b.read_range(key, range))
    }

    fn size(&self, key: &str) -> Result<Option<u64>> {
        self.pass(|b| b.size(key))
    }

    fn create(&self, key: &str, bytes: Bytes) -> Result<Created> {
        self.pass(|b| b.create(key, bytes))
    }

    fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        self.pass(|b| b.put(key, bytes))
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.pass(|b| b.delete(key))
    }

    fn remove_folder(&self, key: &str) -> Result<()> {
        self.pass(|b| b.remove_folder(key))
    }

    fn list(&self, key: &str) -> Result<Vec<Entry>> {
        self.pass(|b| b.list(key))
    }

    fn children(&self, key: &str) -> Result<Vec<Entry>> {
        self.pass(|b| b.children(key))
    }

    fn sink(&self, key: &str) -> Result<Box<dyn FileSink>> {
        self.pass(|b| b.sink(key))
    }

    fn place(&self, from: &str, to: &str, bytes: u64, replace: bool) -> Result<Created> {
        self.pass(|b| b.place(from, to, bytes, replace))
    }

    /// Changes nothing that another publisher sees.
    fn sync(&self, key: &str) -> Result<()> {
        self.inner.sync(key)
    }

    fn lock(&self, key: &str) -> Result<Lock> {
        self.pass(|b| b.lock(key))
    }

    fn reader(&self, key: &str) -> Result<Box<dyn Read + Send>> {
        self.pass(|b| b.reader(key))
    }

    fn retry(&self) -> &Retry {
        &self.retry
    }

    fn copies_at_once(&self) -> usize {
        1
    }
}
