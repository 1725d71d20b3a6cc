//! Statistics of row groups for pruning: only what can be trusted.

use arrow::array::{Array, ArrayRef, UInt64Array, new_null_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Field};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::basic::Type as Physical;
use parquet::file::metadata::RowGroupMetaData;

use super::footer::{Footer, footer};
use super::guarded;
use crate::error::{Error, Result};
use crate::plan::{Bounds, ScannedFile, StatsSource, Table, Unit, UnitStats};
use crate::store::client::Stores;
use crate::store::concurrent::concurrently;
use crate::store::source;

/// Takes statistics from the footers that planning has read, and reads those again that did not
/// fit into the process's cache.
pub struct FooterStats {
    stores: Stores,
}

impl FooterStats {
    /// Statistics of files on `stores`.
    #[must_use]
    pub fn new(stores: Stores) -> Self {
        Self { stores }
    }
}

impl StatsSource for FooterStats {
    fn stats(
        &self,
        table: &Table,
        files: &[ScannedFile],
        units: &[Unit],
        columns: &[String],
    ) -> Result<UnitStats> {
        let mut stats = UnitStats::new(files, units);
        if units.is_empty() {
            return Ok(stats);
        }
        let fields = columns.iter().map(|c| table.schema.field_with_name(c));
        let fields: Vec<&Field> = fields.collect::<Result<_, _>>().map_err(|e| {
            Error::internal("statistics of a column are wanted that the table does not have").because(e)
        })?;
        let runs: Vec<&[Unit]> = units.chunk_by(|a, b| a.file == b.file).collect();
        let per_file = concurrently(&runs, |run| {
            let file = run.first().and_then(|u| files.get(u.file));
            let file = file.ok_or_else(|| Error::internal("statistics of an unknown file are wanted"))?;
            let groups: Vec<usize> = run.iter().filter_map(|u| u.row_group).collect();
            if groups.len() < run.len() {
                return fields.iter().map(|f| Ok(unknown(f, run.len()))).collect();
            }
            let source = source::open_file(&self.stores, &file.path, file.bytes, file.etag.as_deref())?;
            let footer = footer(source.as_ref(), file.etag.as_deref())?;
            fields
                .iter()
                .map(|f| bounds(&footer, f, &groups).map_err(|e| e.with("file", &file.path)))
                .collect()
        })?;
        for (position, field) in fields.iter().enumerate() {
            let parts: Vec<&Bounds> = per_file.iter().filter_map(|b: &Vec<Bounds>| b.get(position)).collect();
            stats.columns.insert(field.name().clone(), joined(&parts)?);
        }
        Ok(stats)
    }
}

fn joined(parts: &[&Bounds]) -> Result<Bounds> {
    let all = |get: fn(&Bounds) -> &dyn Array| {
        concat(&parts.iter().map(|b| get(b)).collect::<Vec<_>>())
            .map_err(|e| Error::internal("statistics of files have different types").because(e))
    };
    Ok(Bounds {
        min: all(|b| b.min.as_ref())?,
        max: all(|b| b.max.as_ref())?,
        nulls: parts.iter().flat_map(|b| b.nulls.iter()).collect(),
    })
}

fn unknown(field: &Field, units: usize) -> Bounds {
    let nothing = new_null_array(field.data_type(), units);
    Bounds { min: ArrayRef::clone(&nothing), max: nothing, nulls: UInt64Array::new_null(units) }
}

/// Bounds of one column in the stated row groups of one file.
fn bounds(footer: &Footer, field: &Field, groups: &[usize]) -> Result<Bounds> {
    let all = footer.metadata().row_groups();
    let groups: Vec<&RowGroupMetaData> = groups.iter().filter_map(|g| all.get(*g)).collect();
    let schema = footer.arrow.schema();
    if schema.index_of(field.name()).is_err() {
        let rows = groups.iter().map(|g| Some(g.num_rows().unsigned_abs()));
        return Ok(Bounds { nulls: rows.collect(), ..unknown(field, groups.len()) });
    }
    let what = "the statistics in the Parquet footer are damaged";
    let each = || groups.iter().copied();
    let (converter, nulls) = guarded(what, || {
        let converter = StatisticsConverter::try_new(field.name(), schema, footer.arrow.parquet_schema())?
            .with_missing_null_counts_as_zero(false);
        let nulls = converter.row_group_null_counts(each())?;
        Ok::<_, parquet::errors::ParquetError>((converter, nulls))
    })?;
    let trusted = converter.parquet_column_index().is_some_and(|leaf| trusted(footer, leaf, &groups));
    if !trusted {
        return Ok(Bounds { nulls, ..unknown(field, groups.len()) });
    }
    let (min, max) = guarded(what, || {
        let (min, max) = (converter.row_group_mins(each())?, converter.row_group_maxes(each())?);
        // A value that does not fit becomes NULL, which is unknown.
        let (min, max) = (cast(&min, field.data_type())?, cast(&max, field.data_type())?);
        Ok::<_, parquet::errors::ParquetError>((min, max))
    })?;
    Ok(Bounds { min, max, nulls })
}

/// Whether the bounds of a column order its values as the engine does.
fn trusted(footer: &Footer, leaf: usize, groups: &[&RowGroupMetaData]) -> bool {
    let parquet = footer.arrow.parquet_schema();
    let root = footer.arrow.schema().field(parquet.get_column_root_idx(leaf));
    let signed = match parquet.column(leaf).physical_type() {
        // NaN is not counted in the bounds of floats, but compares greater (or less) than all else.
        // INT96 has no defined order.
        Physical::FLOAT | Physical::DOUBLE | Physical::INT96 => return false,
        Physical::BOOLEAN | Physical::INT32 | Physical::INT64 => !matches!(
            root.data_type(),
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64
        ),
        Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => false,
    };
    let ordered = footer.metadata().file_metadata().column_orders().is_some();
    // The old fields, and files that do not state their order, compare as signed bytes.
    let old = |g: &&RowGroupMetaData| {
        g.column(leaf).statistics().is_some_and(parquet::file::statistics::Statistics::is_min_max_deprecated)
    };
    root.data_type() != &DataType::Float16 && (signed || (ordered && !groups.iter().any(old)))
}
