//! What the lower layers report: values only, no formatting. The terminal layer renders them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::id::{AttemptId, ShardId, TaskId};

/// Something that happened during a run.
#[derive(Debug, Clone)]
pub enum Event {
    /// Planning has found this much input so far.
    Listed {
        /// Input files.
        files: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// A run begins or goes on.
    RunStarted {
        /// The run's name.
        run: String,
        /// The run's folder, as a person would write it.
        folder: String,
        /// All shards of the plan.
        shards: u32,
        /// Those already committed by an earlier process.
        committed: u32,
        /// Bytes that the plan reads.
        bytes: u64,
        /// Rows that the plan reads, when all formats state them.
        rows: Option<u64>,
    },
    /// Work on a shard begins.
    ShardStarted {
        /// The shard.
        shard: ShardId,
    },
    /// A morsel was read and processed.
    Morsel {
        /// Its shard.
        shard: ShardId,
        /// Rows read.
        rows: u64,
        /// Bytes read from the input.
        bytes: u64,
        /// Records rejected.
        rejected: u64,
    },
    /// A named step of a task was reached; see [`Step`].
    Step {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: AttemptId,
        /// The step.
        step: Step,
    },
    /// A shard is committed.
    ShardDone {
        /// The shard.
        shard: ShardId,
        /// Time from its first morsel to its commit.
        took: Duration,
    },
    /// A shard failed; the run goes on with the others.
    ShardFailed {
        /// The shard.
        shard: ShardId,
        /// What happened.
        message: String,
    },
    /// The reduce task begins.
    ReduceStarted,
    /// The run's files are at their final place.
    Published {
        /// Files.
        files: u64,
        /// Rows in them.
        rows: u64,
        /// Bytes in them.
        bytes: u64,
    },
    /// Something that a person should know but that does not stop the run.
    Warning(String),
}

/// The points of an attempt at which a crash is tested and which a log names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The first rows of one of the attempt's splits are in memory.
    Fetched,
    /// All rows are processed; nothing is written.
    BeforeWrite,
    /// The attempt's data is written and synced; there is no record of it.
    AfterWrite,
    /// The commit record is written.
    Committed,
    /// Reduce has checked all commit records.
    ReduceChecked,
    /// Reduce's output data is written; the manifest is not.
    ReduceWritten,
    /// The manifest is written.
    ManifestWritten,
    /// The claim on the output is written.
    PublishClaimed,
    /// One file, not the last, is at its final name.
    PublishedOne,
    /// All files are at their final names; `_SUCCESS` is not there.
    PublishedAll,
    /// `_SUCCESS` is written.
    Done,
}

impl Step {
    /// Every step, in the order of a run.
    pub const ALL: [Self; 11] = [
        Self::Fetched,
        Self::BeforeWrite,
        Self::AfterWrite,
        Self::Committed,
        Self::ReduceChecked,
        Self::ReduceWritten,
        Self::ManifestWritten,
        Self::PublishClaimed,
        Self::PublishedOne,
        Self::PublishedAll,
        Self::Done,
    ];

    /// Its name in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fetched => "fetched",
            Self::BeforeWrite => "before-write",
            Self::AfterWrite => "after-write",
            Self::Committed => "committed",
            Self::ReduceChecked => "reduce-checked",
            Self::ReduceWritten => "reduce-written",
            Self::ManifestWritten => "manifest-written",
            Self::PublishClaimed => "publish-claimed",
            Self::PublishedOne => "published-one",
            Self::PublishedAll => "published-all",
            Self::Done => "done",
        }
    }
}

/// Where events go. Cheap to clone; called from many threads.
#[derive(Clone)]
pub struct Sink(Arc<dyn Fn(Event) + Send + Sync>);

impl Sink {
    /// A sink that calls `f` for each event.
    pub fn new(f: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(f))
    }

    /// A sink that drops everything.
    #[must_use]
    pub fn none() -> Self {
        Self::new(|_| ())
    }

    /// Reports one event.
    pub fn emit(&self, event: Event) {
        (self.0)(event);
    }
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sink")
    }
}

/// A wish from outside that the work ends soon. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Asks for the end. It cannot be taken back.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the end was asked for.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Waits for `time` to pass, for what sends no event when it happens: another process, a store.
    ///
    /// # Errors
    /// `Interrupted`, soon after [`Interrupt::set`] was called.
    pub fn wait(&self, time: Duration) -> Result<()> {
        const LOOK: Duration = Duration::from_millis(50);
        let began = Instant::now();
        while let Some(left) = time.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
            self.check()?;
            std::thread::park_timeout(left.min(LOOK));
        }
        self.check()
    }

    /// To be called wherever work can be left: at least every 200 ms.
    ///
    /// # Errors
    /// `Interrupted`, once [`Interrupt::set`] was called.
    pub fn check(&self) -> Result<()> {
        if self.is_set() { Err(Error::new(Kind::Interrupted, "interrupted")) } else { Ok(()) }
    }
}
