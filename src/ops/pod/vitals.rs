//! What a pod says about itself while it works: the termination message, which names the shards in
//! flight from the first moment on, so that a kill without warning can be pinned on them; a heartbeat;
//! the end of its log.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::Error;
use crate::event::{Event, Sink};
use crate::id::ShardId;
use crate::store::commit::RunFolder;
use crate::store::layout;

/// Between two heartbeats.
const BEAT: Duration = Duration::from_secs(10);

/// What Kubernetes keeps of a termination message.
const MESSAGE_BYTES: usize = 4096;

/// Most bytes of a log that are kept.
const LOG_BYTES: usize = 256 << 10;

/// The last lines that a process has logged. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct LogTail(Arc<Mutex<(VecDeque<String>, usize)>>);

impl LogTail {
    /// Takes a line.
    pub fn push(&self, line: &str) {
        let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tail.1 += line.len() + 1;
        tail.0.push_back(line.to_owned());
        while tail.1 > LOG_BYTES {
            let Some(gone) = tail.0.pop_front() else { break };
            tail.1 -= gone.len() + 1;
        }
    }

    fn text(&self) -> String {
        let tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tail.0.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}

/// Which pod this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The stage.
    pub stage: &'static str,
    /// The completion index.
    pub index: u32,
    /// The pod's name, or what else tells this process from others.
    pub pod: String,
    /// Its node.
    pub node: Option<String>,
}

/// The signs of life of one pod.
#[derive(Debug)]
pub struct Vitals {
    shared: Arc<Shared>,
    beats: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    post: Post,
    message: Option<File>,
    log: LogTail,
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    run: Option<RunFolder>,
    in_flight: BTreeSet<ShardId>,
    shards: u32,
    done: u32,
    failed: u32,
    rows: u64,
    bytes: u64,
    over: bool,
}

impl Vitals {
    /// Begins: the message says at once which pod this is.
    #[must_use]
    pub fn new(post: Post, message: Option<&Path>, log: LogTail) -> Self {
        let open = |path: &Path| OpenOptions::new().write(true).create(true).truncate(false).open(path).ok();
        let message = message.and_then(open);
        let shared = Shared { post, message, log, state: Mutex::default(), woken: Condvar::new() };
        shared.say(&shared.lock(), None);
        Self { shared: Arc::new(shared), beats: Mutex::new(None) }
    }

    /// A sink that keeps the account and passes everything on.
    #[must_use]
    pub fn watch(&self, inner: &Sink) -> Sink {
        let (shared, inner) = (Arc::clone(&self.shared), inner.clone());
        Sink::new(move |event| {
            shared.record(&event);
            inner.emit(event);
        })
    }

    /// Begins to write heartbeats and the end of the log into the run's folder.
    pub fn beat(&self, run: &RunFolder) {
        self.shared.lock().run = Some(run.clone());
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name("heartbeat".to_owned()).spawn(move || shared.beats());
        *self.beats.lock().unwrap_or_else(PoisonError::into_inner) = thread.ok();
    }

    /// The last words: why it ends; then the last heartbeat.
    pub fn end(self, error: Option<&Error>) {
        if let Some(error) = error {
            let line = json!({ "event": "error", "exitCode": error.kind().exit_code(), "message": error.to_string() });
            self.shared.log.push(&line.to_string());
        }
        let mut state = self.shared.lock();
        self.shared.say(&state, error);
        state.over = true;
        drop(state);
        self.shared.woken.notify_all();
        if let Some(thread) = self.beats.into_inner().unwrap_or_else(PoisonError::into_inner) {
            // A panic of it was shown, and costs nothing but the heartbeat.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, event: &Event) {
        let mut state = self.lock();
        match event {
            Event::RunStarted { shards, committed, .. } => {
                state.shards = *shards;
                state.done = *committed;
            }
            Event::ShardStarted { shard } => {
                state.in_flight.insert(*shard);
            }
            Event::Morsel { rows, bytes, .. } => {
                state.rows += rows;
                state.bytes += bytes;
                return;
            }
            Event::ShardDone { shard, .. } => {
                state.in_flight.remove(shard);
                state.done += 1;
            }
            Event::ShardFailed { shard, .. } => {
                state.in_flight.remove(shard);
                state.failed += 1;
            }
            _ => return,
        }
        self.say(&state, None);
    }

    /// Written in one piece over what is there: a kill finds the old text or the new one.
    fn say(&self, state: &State, error: Option<&Error>) {
        let Some(file) = &self.message else { return };
        let shards: Vec<u32> = state.in_flight.iter().map(|s| s.0).collect();
        let mut words = json!({ "stage": self.post.stage, "index": self.post.index, "inFlight": shards });
        if let Some(run) = &state.run {
            words["run"] = json!(run.name);
        }
        if let Some(error) = error {
            words["exitCode"] = json!(error.kind().exit_code());
            words["error"] = json!(cut(&error.to_string(), MESSAGE_BYTES / 2));
        }
        let text = words.to_string();
        let text = if text.len() > MESSAGE_BYTES { cut(&text, MESSAGE_BYTES) } else { &text };
        // Where there is no such file nobody reads it.
        if file.write_all_at(text.as_bytes(), 0).is_ok() {
            let _ = file.set_len(text.len() as u64);
        }
    }

    fn beats(&self) {
        loop {
            let state = self.lock();
            let over = state.over;
            let beat = self.heartbeat(&state);
            let run = state.run.clone();
            drop(state);
            if let Some(run) = run {
                self.upload(&run, &beat);
            }
            if over {
                return;
            }
            let state = self.lock();
            if !state.over {
                drop(self.woken.wait_timeout(state, BEAT).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    /// Advisory: nothing but reports depends on it, and the next one replaces it.
    fn upload(&self, run: &RunFolder, beat: &Value) {
        let post = &self.post;
        let _ = run.work.put(&layout::heartbeat(post.stage, post.index), format!("{beat}\n").into());
        let log = self.log.text();
        if !log.is_empty() {
            let _ = run.work.put(&layout::log(post.stage, post.index, &post.pod), log.into());
        }
    }

    fn heartbeat(&self, state: &State) -> Value {
        json!({
            "format": 1,
            "pod": self.post.pod,
            "node": self.post.node,
            "atMillis": chrono::Utc::now().timestamp_millis(),
            "inFlight": state.in_flight.iter().map(|s| s.0).collect::<Vec<_>>(),
            "shards": state.shards,
            "done": state.done,
            "failed": state.failed,
            "rows": state.rows,
            "bytes": state.bytes,
            "over": state.over,
        })
    }
}

/// The first bytes of a text, cut between characters.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post() -> Post {
        Post { stage: "map", index: 3, pod: "p".to_owned(), node: None }
    }

    #[test]
    fn the_message_names_the_shards_in_flight() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("message");
        let vitals = Vitals::new(post(), Some(&file), LogTail::default());
        let said = || std::fs::read_to_string(&file).unwrap();
        assert_eq!(said(), "{\"stage\":\"map\",\"index\":3,\"inFlight\":[]}");
        let sink = vitals.watch(&Sink::none());
        for shard in [7, 5] {
            sink.emit(Event::ShardStarted { shard: ShardId(shard) });
        }
        assert_eq!(said(), "{\"stage\":\"map\",\"index\":3,\"inFlight\":[5,7]}");
        sink.emit(Event::ShardDone { shard: ShardId(5), took: Duration::ZERO });
        assert_eq!(said(), "{\"stage\":\"map\",\"index\":3,\"inFlight\":[7]}");
        vitals.end(Some(&Error::bad_data("row 3 ä".repeat(2000))));
        let last: Value = serde_json::from_str(&said()).unwrap();
        assert_eq!(last["exitCode"], 10);
        assert!(said().len() <= MESSAGE_BYTES);
    }

    #[test]
    fn a_log_keeps_its_end() {
        let log = LogTail::default();
        for n in 0..100_000 {
            log.push(&format!("line {n}"));
        }
        let text = log.text();
        assert!(text.len() <= LOG_BYTES && text.len() > LOG_BYTES / 2);
        assert!(text.ends_with("line 99999\n"));
        assert!(text.starts_with("line "));
    }
}
