//! From the columns of a file to the columns of the table: found, widened, missing or constant.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Schema, SchemaRef};

use crate::error::{Error, Result};
use crate::plan::{Split, Table, hive};

/// Where a column of the result comes from.
#[derive(Debug)]
enum Origin {
    /// The decoded column at this position, cast if its type is another one.
    Decoded(usize),
    /// A value that all rows share: the array is at least as long as any batch.
    Constant(ArrayRef),
}

/// How batches of a file become batches of the table.
#[derive(Debug)]
pub(super) struct Columns {
    /// The projected columns.
    pub(super) schema: SchemaRef,
    /// Top-level columns of the file that are decoded, ascending.
    pub(super) roots: Vec<usize>,
    origins: Vec<Origin>,
}

impl Columns {
    pub(super) fn new(
        table: &Table,
        split: &Split,
        file: &Schema,
        projection: &[usize],
        batch_rows: usize,
    ) -> Result<Self> {
        let schema = table.schema.project(projection).map_err(|e| {
            Error::internal("a projection names a column that the table does not have").because(e)
        })?;
        let own = table.schema.fields().len().saturating_sub(table.hive_columns);
        let found =
            |i: &usize| (*i < own).then(|| file.index_of(table.schema.field(*i).name()).ok()).flatten();
        let mut roots: Vec<usize> = projection.iter().filter_map(found).collect();
        roots.sort_unstable();
        roots.dedup();
        let origin = |index: &usize| {
            let field = table.schema.field(*index);
            if let Some(folder) = index.checked_sub(own) {
                let value = split.folder_values.get(folder).ok_or_else(|| {
                    Error::internal("a split of the plan lacks the value of a folder column")
                        .with("column", field.name())
                })?;
                return Ok(Origin::Constant(hive::constant(field, value.as_deref(), batch_rows)?));
            }
            let position = found(index).and_then(|root| roots.binary_search(&root).ok());
            Ok(position.map_or_else(
                || Origin::Constant(new_null_array(field.data_type(), batch_rows)),
                Origin::Decoded,
            ))
        };
        let origins = projection.iter().map(origin).collect::<Result<_>>()?;
        Ok(Self { schema: Arc::new(schema), roots, origins })
    }

    /// A batch of the table from the decoded columns, which have `rows` rows.
    pub(super) fn assemble(&self, decoded: &[ArrayRef], rows: usize) -> Result<RecordBatch> {
        let arrays = self.origins.iter().zip(self.schema.fields()).map(|(origin, field)| match origin {
            Origin::Constant(array) => Ok(array.slice(0, rows.min(array.len()))),
            Origin::Decoded(position) => {
                let array =
                    decoded.get(*position).ok_or_else(|| Error::internal("the decoder left out a column"))?;
                if array.data_type() == field.data_type() {
                    return Ok(Arc::clone(array));
                }
                let strict = CastOptions { safe: false, ..CastOptions::default() };
                cast_with_options(array, field.data_type(), &strict).map_err(|e| {
                    Error::bad_data(format!(
                        "a value of type {} does not fit the table's type {}",
                        array.data_type(),
                        field.data_type()
                    ))
                    .with("column", field.name())
                    .because(e)
                })
            }
        });
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|e| Error::internal("a decoded batch does not fit the table's schema").because(e))
    }
}
