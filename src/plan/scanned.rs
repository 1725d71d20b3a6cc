//! What listing and looking into the files has found: the input of [`super::build()`].

use std::sync::Arc;

use super::prune::{Unit, UnitStats};
use super::types::Table;
use crate::error::Result;
use crate::spec::TextCompression;

/// A table, its files in plan order (sorted by path), and what else is known of them.
#[derive(Clone)]
pub struct ScannedTable {
    /// Name, format and the schema of all files.
    pub table: Table,
    /// The files, sorted by path.
    pub files: Vec<ScannedFile>,
    /// Rows, where they were counted or all files state them.
    pub rows: Option<u64>,
    /// What a person should know, e.g. that a folder column hides a column of the files.
    pub notes: Vec<String>,
    /// Gives statistics of row groups.
    pub stats: Arc<dyn StatsSource>,
}

/// One listed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedFile {
    /// As a URL or an absolute local path.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// What identifies its content.
    pub etag: Option<String>,
    /// How the text is compressed; `none` for Parquet.
    pub compression: TextCompression,
    /// Values of the folder columns, in schema order; `None` is NULL.
    pub folder_values: Vec<Option<String>>,
    /// Its row groups; none for text.
    pub row_groups: Vec<RowGroup>,
}

/// What the plan needs of a row group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowGroup {
    /// Its rows.
    pub rows: u64,
    /// Compressed bytes of each column of the table's schema, without the folder columns; 0 for a
    /// column that the file does not have.
    pub column_bytes: Box<[u64]>,
}

/// Looks statistics of row groups up.
pub trait StatsSource: Send + Sync {
    /// Bounds of the named columns (not folder columns) in each of `units`, as types of the table.
    /// Columns of which nothing is known are left out.
    ///
    /// # Errors
    /// When a file's footer has to be read again and that fails.
    fn stats(
        &self,
        table: &Table,
        files: &[ScannedFile],
        units: &[Unit],
        columns: &[String],
    ) -> Result<UnitStats>;
}

/// The source for formats without statistics.
#[derive(Debug)]
pub struct NoStats;

impl StatsSource for NoStats {
    fn stats(&self, _: &Table, files: &[ScannedFile], units: &[Unit], _: &[String]) -> Result<UnitStats> {
        Ok(UnitStats::new(files, units))
    }
}

impl std::fmt::Debug for ScannedTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScannedTable")
            .field("table", &self.table)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}
