//! What a command found or did, as plain data. The terminal layer renders it.

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::Serialize;

use crate::id::ShardId;
use crate::plan::{Header, Shard};

/// How a run ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It ran to the end.
    Done,
    /// A run of the very same plan had ended before: nothing was computed.
    AlreadyDone,
    /// One shard was computed again and nothing was committed.
    Replayed {
        /// The shard.
        shard: ShardId,
        /// Whether the bytes equal those of the shard's commit; `None`: it has no commit.
        same: Option<bool>,
    },
}

/// What `dp run` and `dp sql` did.
#[derive(Debug, Clone, PartialEq)]
pub struct RunReport {
    /// The run's name.
    pub run: String,
    /// The run's folder, as a person would write it.
    pub folder: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The result's folder; `None`: the result is not kept, or a shard was replayed.
    pub output: Option<String>,
    /// Files of the result.
    pub files: u64,
    /// Rows of the result.
    pub rows: u64,
    /// Bytes of the result's files.
    pub bytes: u64,
    /// Records that were left out because they could not be read.
    pub rejected: u64,
    /// Time of this process from start to end.
    pub wall: Duration,
    /// The result's columns.
    pub schema: SchemaRef,
    /// The first rows of the result, at most as many as asked for, in batches.
    pub first: Vec<RecordBatch>,
}

/// What `dp plan` found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanReport {
    /// The run's name.
    pub run: String,
    /// The run's folder; `None`: there is no place for it yet.
    pub folder: Option<String>,
    /// Whether the plan is written there.
    pub frozen: bool,
    /// The plan but for its shards.
    pub plan: Header,
    /// The memory that a process will need, in bytes; an estimate.
    pub memory_bytes: u64,
    /// What runs in each part of the statement, in order.
    pub cut: Vec<CutPart>,
    /// The shard asked for.
    pub shard: Option<Shard>,
}

/// One part of a cut statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CutPart {
    /// `map`, `reduce` or `after`.
    pub stage: String,
    /// Its operators, one line each, innermost last.
    pub steps: Vec<String>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The plan is written, nothing is committed.
    Planned,
    /// Some shards are committed.
    Started,
    /// All shards are committed, the result is not published.
    Mapped,
    /// The result is published.
    Done,
}

impl State {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Started => "started",
            Self::Mapped => "mapped",
            Self::Done => "done",
        }
    }
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// The run's name.
    pub run: String,
    /// The run's folder.
    pub folder: String,
    /// How far it is.
    pub state: State,
    /// Shards of the plan.
    pub shards: u32,
    /// Those committed.
    pub committed: u32,
    /// When it was planned, RFC 3339; `None` if the store does not say.
    pub created: Option<String>,
    /// The result's folder.
    pub output: Option<String>,
}

/// What `dp status` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusReport {
    /// The run.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// The version of dp that planned it; only that one continues it.
    pub version: String,
    /// Bytes that the plan reads.
    pub plan_bytes: u64,
    /// Rows that the committed shards read.
    pub rows_read: u64,
    /// Bytes that the committed shards read.
    pub bytes_read: u64,
    /// Records that the committed shards left out.
    pub rejected: u64,
    /// Shards without a commit that failed: the last message of each.
    pub failed: BTreeMap<u32, String>,
    /// Files, rows and bytes of the result once it is published.
    pub published: Option<Published>,
}

/// A published result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Files.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// What `dp gc` removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GcReport {
    /// The run's name.
    pub run: String,
    /// Files removed.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}
