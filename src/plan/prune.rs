//! Leaving out files and row groups that the job's predicate excludes.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, UInt64Array};

use super::hive;
use super::scanned::{ScannedFile, ScannedTable};
use crate::error::{Error, Result};

/// Units whose statistics are in memory at one time.
const UNITS_AT_ONCE: usize = 16 * 1024;

/// What can be left out by itself: a row group, or a whole text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Position of the file in [`ScannedTable::files`].
    pub file: usize,
    /// The row group; `None` for text.
    pub row_group: Option<usize>,
}

/// What is known of the rows of some units, one element per unit.
#[derive(Debug, Clone)]
pub struct UnitStats {
    /// Number of rows; NULL if unknown.
    pub rows: UInt64Array,
    /// By column name. A column that is not here may hold anything.
    pub columns: BTreeMap<String, Bounds>,
}

/// Bounds of a column in each unit, of the table's column type. Strings may be truncated: bounds
/// need not be values of the column. NULL elements are unknown. Columns that the file stores as
/// floats have no bounds, since writers leave NaN out of them.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// No value is below it.
    pub min: ArrayRef,
    /// No value is above it.
    pub max: ArrayRef,
    /// Number of NULLs, exact.
    pub nulls: UInt64Array,
}

/// A predicate that can tell from statistics that a unit has no row for which it is true.
pub trait Excludes: Send + Sync {
    /// The columns of the table whose statistics it looks at.
    fn columns(&self) -> &[String];

    /// For each unit: why none of its rows can match, or `None` if one may.
    ///
    /// # Errors
    /// A predicate that cannot be evaluated.
    fn excluded(&self, units: &UnitStats) -> Result<Vec<Option<String>>>;

    /// Whether it never excludes anything.
    fn is_trivial(&self) -> bool;
}

impl UnitStats {
    /// Row counts only.
    #[must_use]
    pub fn new(files: &[ScannedFile], units: &[Unit]) -> Self {
        let rows = units
            .iter()
            .map(|u| files.get(u.file).and_then(|f| f.row_groups.get(u.row_group?)).map(|group| group.rows));
        Self { rows: rows.collect(), columns: BTreeMap::new() }
    }
}

/// All units of a table in plan order. Zero-byte files and empty row groups have no rows and are
/// units like others, so that nothing is lost between here and the splits.
#[must_use]
pub fn units(files: &[ScannedFile]) -> Vec<Unit> {
    let mut units = Vec::new();
    for (file, f) in files.iter().enumerate() {
        if f.row_groups.is_empty() {
            units.push(Unit { file, row_group: None });
        }
        units.extend((0..f.row_groups.len()).map(|g| Unit { file, row_group: Some(g) }));
    }
    units
}

/// Why each of `units` is left out, or `None` where it is kept.
///
/// # Errors
/// Footers that cannot be read again, predicates that cannot be evaluated.
pub fn prune(table: &ScannedTable, units: &[Unit], by: &dyn Excludes) -> Result<Vec<Option<String>>> {
    if by.is_trivial() || by.columns().is_empty() {
        return Ok(vec![None; units.len()]);
    }
    let schema = &table.table.schema;
    let own = schema.fields().len().saturating_sub(table.table.hive_columns);
    let in_files = |c: &String| schema.index_of(c).is_ok_and(|i| i < own);
    let stated: Vec<String> = by.columns().iter().filter(|c| in_files(c)).cloned().collect();
    let mut reasons = Vec::with_capacity(units.len());
    for some in units.chunks(UNITS_AT_ONCE) {
        let mut stats = if stated.is_empty() {
            UnitStats::new(&table.files, some)
        } else {
            table.stats.stats(&table.table, &table.files, some, &stated)?
        };
        for (index, field) in schema.fields().iter().enumerate().skip(own) {
            if by.columns().contains(field.name()) {
                let bounds = folder_bounds(table, some, index, index - own, &stats.rows)?;
                stats.columns.insert(field.name().clone(), bounds);
            }
        }
        let answers = by.excluded(&stats)?;
        if answers.len() != some.len() {
            return Err(Error::internal("pruning answered for another number of row groups"));
        }
        reasons.extend(answers);
    }
    Ok(reasons)
}

fn folder_bounds(
    table: &ScannedTable,
    units: &[Unit],
    column: usize,
    folder: usize,
    rows: &UInt64Array,
) -> Result<Bounds> {
    let value = |u: &Unit| table.files.get(u.file).and_then(|f| f.folder_values.get(folder)?.as_deref());
    let exact = hive::array(table.table.schema.field(column), units.iter().map(value))?;
    let nulls = units.iter().zip(rows).map(|(u, rows)| if value(u).is_some() { Some(0) } else { rows });
    Ok(Bounds { min: ArrayRef::clone(&exact), max: exact, nulls: nulls.collect() })
}
