//! The plan as data: what a run reads and how it is cut. Frozen, content-addressed, never edited.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

use crate::id::ShardId;
use crate::spec::{Csv, Format, Job, TextCompression};

/// The number of the plan's format on disk.
pub const PLAN_FORMAT: u32 = 1;

/// Everything of a plan but its shards, which lie in blocks of [`SHARDS_PER_BLOCK`] beside it, so
/// that a process reads the header and one or two blocks however large the plan is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// [`PLAN_FORMAT`].
    pub format: u32,
    /// The version of dp that planned; only the same version continues the run.
    pub version: String,
    /// The plan's digest (hex): covers what decides the output bytes.
    pub digest: String,
    /// When the plan was frozen, in milliseconds since the epoch; the digest does not cover it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_millis: Option<i64>,
    /// The job.
    pub job: Job,
    /// The instant (microseconds since the epoch, UTC) that `now()` and its kin mean, if the
    /// statement uses them.
    pub now_micros: Option<i64>,
    /// The inputs, in the order of [`Job::inputs`].
    pub inputs: Vec<Table>,
    /// The side tables, in the order of [`Job::tables`], with all their splits.
    pub tables: Vec<SideTable>,
    /// Hash buckets into which grouped partials are cut.
    pub buckets: u32,
    /// Number of shards.
    pub shards: u32,
    /// Cost of each block of shards, in bytes to read.
    pub block_costs: Vec<u64>,
    /// Sums over all shards, and what was left out.
    pub totals: Totals,
}

/// Shards in one block of the plan.
pub const SHARDS_PER_BLOCK: u32 = 256;

/// A set of files with one schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// Its name in SQL.
    pub name: String,
    /// The files' format.
    pub format: Format,
    /// How text is compressed; a file's own extension may say otherwise, see [`Split::compression`].
    pub csv: Csv,
    /// Columns of all files, then the columns from `key=value` folders.
    #[serde(with = "super::schema_json")]
    pub schema: SchemaRef,
    /// How many columns at the end of the schema come from folders.
    pub hive_columns: usize,
}

/// A side table: read whole by every process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SideTable {
    /// Its schema and format.
    pub table: Table,
    /// All its splits.
    pub splits: Vec<Split>,
    /// Rows, counted when planned; decides the sides of joins in every process alike.
    pub rows: u64,
    /// Bytes of its files.
    pub bytes: u64,
}

/// The splits that are committed, retried and resumed together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shard {
    /// Dense from 0.
    pub id: ShardId,
    /// In plan order: by input, path, offset.
    pub splits: Vec<Split>,
}

/// A contiguous piece of one input file: what one rayon thread takes at one go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Split {
    /// Position of its table in [`Header::inputs`] (or in [`Header::tables`] for a side table).
    pub input: u32,
    /// The file, as a URL or an absolute local path.
    pub path: String,
    /// The file's size in bytes.
    pub file_bytes: u64,
    /// What identifies the file's content; read again and compared when it is opened.
    pub etag: Option<String>,
    /// Which part of the file.
    pub extent: Extent,
    /// How the text is compressed. `none` for Parquet.
    pub compression: TextCompression,
    /// Values of the folder columns, in schema order; `None` is NULL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folder_values: Vec<Option<String>>,
    /// Rows, where the format states them.
    pub rows: Option<u64>,
    /// Bytes to read (estimated from the projected columns for Parquet).
    pub bytes: u64,
}

/// Which part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Extent {
    /// Row groups `start..end`.
    RowGroups {
        /// First.
        start: u32,
        /// Behind the last.
        end: u32,
    },
    /// The records that begin in bytes `start..end` of an uncompressed text file. Where the first
    /// one begins is found by the worker, and proved by the commit records.
    Bytes {
        /// First byte.
        start: u64,
        /// Behind the last byte.
        end: u64,
    },
    /// The whole file.
    Whole,
}

/// Sums over a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Files listed.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// Bytes that the shards read.
    pub bytes: u64,
    /// Rows in the shards' splits; `None` if a format does not state them.
    pub rows: Option<u64>,
    /// Files left out because the predicate excludes all their rows.
    pub pruned_files: u64,
    /// Row groups left out (those of pruned files too).
    pub pruned_row_groups: u64,
    /// Rows left out.
    pub pruned_rows: u64,
    /// Bytes of files and row groups left out.
    pub pruned_bytes: u64,
    /// Why, per condition: the condition's text -> files and row groups it excluded.
    pub pruned_by: BTreeMap<String, u64>,
    /// Splits.
    pub splits: u64,
    /// The most expensive shard, in bytes to read.
    pub largest_shard: u64,
}

/// A whole plan in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Its header.
    pub header: Header,
    /// All its shards.
    pub shards: Vec<Shard>,
}

impl Split {
    /// What the split costs: bytes to read, plus a constant for opening it.
    #[must_use]
    pub const fn cost(&self) -> u64 {
        const OPEN_COST_BYTES: u64 = 64 * 1024;
        self.bytes.saturating_add(OPEN_COST_BYTES)
    }
}

impl Shard {
    /// What the shard costs: the sum over its splits.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.splits.iter().map(Split::cost).fold(0, u64::saturating_add)
    }
}
