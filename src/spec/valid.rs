//! What a job spec means: validated, with defaults filled in. Everything after `spec` takes only
//! these types.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::cluster::Kubernetes;
use super::location::Location;
use super::schedule::Schedule;

/// A validated job. It is stored in the plan; what does not decide the output bytes
/// (`resources`, `work`) is left out of the plan's digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// `metadata.name`.
    pub name: String,
    /// The datasets that are cut into shards: `input` alone, or `inputs` in the order of the spec.
    pub inputs: Vec<Dataset>,
    /// Side tables, read whole by every process.
    pub tables: Vec<Dataset>,
    /// The statement, parameters filled in.
    pub sql: String,
    /// The parameters' values, as filled in.
    pub params: BTreeMap<String, String>,
    /// Where the result goes. `None` only for `dp sql` without `--out`.
    pub output: Option<Output>,
    /// How the input is cut.
    pub shards: Shards,
    /// What happens to bad records and failing shards.
    pub errors: Errors,
    /// Limits of a process. Not in the digest.
    pub resources: Resources,
    /// Where the runs' folders lie, if the spec says so. Not in the digest.
    pub work: Option<Location>,
    /// How it runs on a cluster. Not in the plan.
    #[serde(skip)]
    pub kubernetes: Kubernetes,
    /// When it is due. Not in the plan.
    #[serde(skip)]
    pub schedule: Option<Schedule>,
}

/// A set of files read as one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dataset {
    /// The table's name in SQL.
    pub name: String,
    /// Files, folders or globs.
    pub urls: Vec<Location>,
    /// As stated; otherwise known from the files' extensions.
    pub format: Option<Format>,
    /// As stated; otherwise known from the files' extensions.
    pub compression: Option<TextCompression>,
    /// Columns and types, when stated: then nothing is inferred.
    pub schema: Option<Vec<Column>>,
    /// Whether `key=value` folders become columns.
    pub hive: bool,
    /// How CSV is written.
    pub csv: Csv,
    /// Whether no file at all is an empty table (else an error).
    pub allow_empty: bool,
}

/// A column of a stated schema. Columns may be NULL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, in the words of [`super::types`].
    #[serde(rename = "type", with = "super::types::as_text")]
    pub data_type: DataType,
}

/// The formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Delimited text.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// How text input is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextCompression {
    /// Not at all: such files can be cut.
    None,
    /// gzip, several members included.
    Gzip,
    /// Zstandard, several frames included.
    Zstd,
}

/// How CSV is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Csv {
    /// Between fields.
    pub delimiter: u8,
    /// Around fields; `None`: quotes have no meaning.
    pub quote: Option<u8>,
    /// Before a quote inside quotes; `None`: the quote is doubled.
    pub escape: Option<u8>,
    /// Whether each file begins with the columns' names.
    pub header: bool,
    /// Unquoted texts that mean NULL, besides the empty field.
    pub null_strings: Vec<String>,
    /// Lines that begin with it are no records.
    pub comment: Option<u8>,
}

impl Default for Csv {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: Some(b'"'),
            escape: None,
            header: true,
            null_strings: Vec::new(),
            comment: None,
        }
    }
}

/// Where and how the result is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The folder.
    pub url: Location,
    /// The files' format.
    pub format: OutputFormat,
    /// The files' compression.
    pub compression: OutputCompression,
    /// A file is closed when it has reached this many bytes.
    pub target_file_bytes: u64,
    /// Rows of a Parquet row group.
    pub row_group_rows: usize,
    /// What to do when the folder already holds a result of another plan.
    pub if_exists: IfExists,
}

/// The formats that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// Apache Parquet.
    Parquet,
    /// Delimited text with a header line.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Arrow IPC file format.
    Arrow,
}

impl OutputFormat {
    /// The extension of plain files of this format.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Arrow => "arrow",
        }
    }
}

/// How output is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputCompression {
    /// Not at all.
    None,
    /// Zstandard: Parquet pages, Arrow buffers, or the whole text file (`.zst`).
    Zstd,
    /// Snappy: Parquet only.
    Snappy,
    /// LZ4: Parquet (`lz4_raw`) and Arrow.
    Lz4,
    /// gzip: Parquet pages or the whole text file (`.gz`).
    Gzip,
}

/// What to do when the output folder already holds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IfExists {
    /// Refuse.
    Fail,
    /// Replace a result that dp wrote.
    Replace,
}

/// How the input is cut into shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shards {
    /// Bytes of input that a shard should read.
    pub target_bytes: u64,
    /// Exactly this many shards (fewer if the input cannot be cut so fine), instead of `target_bytes`.
    pub count: Option<u32>,
}

/// What happens to bad records and failing shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Errors {
    /// Tries of a shard whose failure may be transient.
    pub attempts: u32,
    /// What happens to a record that cannot be read.
    pub bad_records: BadRecords,
    /// The run fails when more records than this were rejected.
    pub max_bad_records: Option<u64>,
}

/// What happens to a record that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BadRecords {
    /// The shard fails.
    Fail,
    /// It is counted and left out.
    Skip,
}

/// Limits of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// Bytes of memory; `None`: from the cgroup or the machine.
    pub memory: Option<u64>,
    /// Threads; `None`: from the cgroup or the machine.
    pub cpu: Option<u32>,
    /// Bytes of local disk that a pod may use for spilling; `None`: no limit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scratch: Option<u64>,
    /// Bytes up to which the memory of pods is raised where it ran out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<u64>,
    /// Seconds after which a stage on a cluster is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<u64>,
}
