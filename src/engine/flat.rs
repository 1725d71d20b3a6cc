//! Flat forms of column types: without dictionaries and runs, and if asked without views. Flat
//! columns can be concatenated, cut and written compactly, whatever they were cut from.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::Buffer;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};

use crate::error::{Error, Result};

/// What becomes of view columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Views {
    /// They stay.
    Keep,
    /// Strings and bytes with 32-bit offsets: what every reader knows.
    Plain,
    /// Strings and bytes with 64-bit offsets: any batch fits.
    Large,
}

/// `schema` without dictionaries and runs, at any depth; names, nullability and metadata stay.
#[must_use]
pub fn schema(schema: &Schema, views: Views) -> SchemaRef {
    let fields: Fields = schema.fields().iter().map(|f| field(f, views)).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn field(from: &FieldRef, views: Views) -> FieldRef {
    let data_type = flat_type(from.data_type(), views);
    if &data_type == from.data_type() {
        return Arc::clone(from);
    }
    let nullable = from.is_nullable() || has_null_values(from.data_type());
    let to = Field::new(from.name(), data_type, nullable).with_metadata(from.metadata().clone());
    Arc::new(to)
}

/// Whether the values that a run-end encoded column repeats may be NULL.
fn has_null_values(data_type: &DataType) -> bool {
    matches!(data_type, DataType::RunEndEncoded(_, values) if values.is_nullable())
}

fn flat_type(data_type: &DataType, views: Views) -> DataType {
    match (data_type, views) {
        (DataType::Dictionary(_, values), _) => flat_type(values, views),
        (DataType::RunEndEncoded(_, values), _) => flat_type(values.data_type(), views),
        (DataType::Utf8View, Views::Plain) => DataType::Utf8,
        (DataType::Utf8View, Views::Large) => DataType::LargeUtf8,
        (DataType::BinaryView, Views::Plain) => DataType::Binary,
        (DataType::BinaryView, Views::Large) => DataType::LargeBinary,
        (DataType::List(f) | DataType::ListView(f), _) => DataType::List(field(f, views)),
        (DataType::LargeList(f) | DataType::LargeListView(f), _) => DataType::LargeList(field(f, views)),
        (DataType::FixedSizeList(f, n), _) => DataType::FixedSizeList(field(f, views), *n),
        (DataType::Struct(fields), _) => DataType::Struct(fields.iter().map(|f| field(f, views)).collect()),
        (DataType::Map(f, sorted), _) => DataType::Map(field(f, views), *sorted),
        (other, _) => other.clone(),
    }
}

/// The same rows with the columns' types of `schema`, which is a flat form of the batch's schema,
/// or the other way round.
///
/// # Errors
/// A column that has no such form, for example more distinct values than a dictionary's keys can
/// count, or more than 2 GiB of text in a plain column.
pub fn cast(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    if batch.num_columns() != schema.fields().len() {
        return Err(Error::internal("a batch has another number of columns than its schema")
            .with("columns", batch.num_columns())
            .with("expected", schema.fields().len()));
    }
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, to)| cast_column(column, to))
        .collect::<Result<Vec<_>>>()?;
    from_columns(schema, columns, batch.num_rows())
}

/// A batch of `rows` rows, also when it has no column.
///
/// # Errors
/// Columns that do not fit the schema: a defect of the caller.
pub fn from_columns(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|e| Error::internal("a batch does not fit its schema").because(e))
}

fn cast_column(column: &ArrayRef, to: &Field) -> Result<ArrayRef> {
    if column.data_type() == to.data_type() {
        return Ok(Arc::clone(column));
    }
    // Not safe: a value that does not fit is an error, never a NULL.
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, to.data_type(), &options).map_err(|e| {
        Error::bad_data(format!("column '{}' cannot be held as {}", to.name(), to.data_type())).because(e)
    })
}

/// The batch with view columns that hold on to much more than they show copied into buffers of
/// their own, so that what is counted is what is held.
#[must_use]
pub fn compact(batch: RecordBatch) -> RecordBatch {
    if !batch.columns().iter().any(wasteful) {
        return batch;
    }
    let rows = batch.num_rows();
    let (schema, columns, _) = batch.clone().into_parts();
    let columns = columns
        .into_iter()
        .map(|column| match column.data_type() {
            DataType::Utf8View if wasteful(&column) => Arc::new(column.as_string_view().gc()) as ArrayRef,
            DataType::BinaryView if wasteful(&column) => Arc::new(column.as_binary_view().gc()),
            _ => column,
        })
        .collect();
    from_columns(&schema, columns, rows).unwrap_or(batch)
}

fn wasteful(column: &ArrayRef) -> bool {
    let (held, used) = match column.data_type() {
        DataType::Utf8View => {
            let views = column.as_string_view();
            (views.data_buffers().iter().map(Buffer::len).sum(), views.total_buffer_bytes_used())
        }
        DataType::BinaryView => {
            let views = column.as_binary_view();
            (views.data_buffers().iter().map(Buffer::len).sum(), views.total_buffer_bytes_used())
        }
        _ => (0_usize, 0),
    };
    held > used.saturating_mul(2).saturating_add(1024)
}

/// About how many bytes the rows of a batch take; what they share with other batches counts once
/// per batch and only as far as it is used.
#[must_use]
pub fn bytes(batch: &RecordBatch) -> u64 {
    batch.columns().iter().map(|c| column_bytes(c) as u64).sum()
}

fn column_bytes(column: &ArrayRef) -> usize {
    match column.data_type() {
        DataType::Utf8View => column.len() * 16 + column.as_string_view().total_buffer_bytes_used(),
        DataType::BinaryView => column.len() * 16 + column.as_binary_view().total_buffer_bytes_used(),
        _ => column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{DictionaryArray, Int32Array, ListArray, StringViewArray, StructArray};
    use arrow::datatypes::Int32Type;

    fn batch() -> RecordBatch {
        let dict: DictionaryArray<Int32Type> =
            vec![Some("a"), None, Some("a"), Some("b")].into_iter().collect();
        let views =
            StringViewArray::from(vec![Some("short"), None, Some("longer than twelve bytes"), Some("")]);
        let item = Arc::new(Field::new("item", dict.data_type().clone(), true));
        let offsets = arrow::buffer::OffsetBuffer::from_lengths([1, 0, 3, 0]);
        let list = ListArray::new(item, offsets, Arc::new(dict.clone()), None);
        let inner: Fields = vec![Field::new("v", DataType::Utf8View, true)].into();
        let nested = StructArray::new(inner, vec![Arc::new(views.clone())], None);
        RecordBatch::try_from_iter(vec![
            ("d", Arc::new(dict) as ArrayRef),
            ("v", Arc::new(views)),
            ("l", Arc::new(list)),
            ("s", Arc::new(nested)),
        ])
        .expect("batch")
    }

    #[test]
    fn flattens_and_restores() {
        let batch = batch();
        for views in [Views::Keep, Views::Plain, Views::Large] {
            let flat = schema(batch.schema_ref(), views);
            assert!(!format!("{flat:?}").contains("Dictionary"), "{flat:?}");
            let there = cast(&batch, &flat).expect("flat");
            let back = cast(&there, batch.schema_ref()).expect("back");
            assert_eq!(back.schema(), batch.schema());
            assert_eq!(cast(&back, &flat).expect("again"), there);
        }
    }

    #[test]
    fn a_dictionary_that_is_too_small_is_an_error() {
        let many = RecordBatch::try_from_iter(vec![(
            "x",
            Arc::new(Int32Array::from_iter_values(0..300)) as ArrayRef,
        )])
        .expect("batch");
        let to = DataType::Dictionary(Box::new(DataType::UInt8), Box::new(DataType::Int32));
        let small = Arc::new(Schema::new(vec![Field::new("x", to, true)]));
        let error = cast(&many, &small).expect_err("301 values do not fit 8-bit keys");
        assert!(error.message().contains("column 'x'"), "{error}");
    }

    #[test]
    fn slices_are_counted_by_what_they_show() {
        let long = StringViewArray::from_iter_values((0..1000).map(|i| format!("a long enough text {i}")));
        let whole = RecordBatch::try_from_iter(vec![("v", Arc::new(long) as ArrayRef)]).expect("batch");
        let slice = whole.slice(10, 10);
        assert!(bytes(&slice) * 50 < bytes(&whole));
        let compacted = compact(slice.clone());
        assert_eq!(compacted, slice);
        assert!(compacted.get_array_memory_size() * 20 < slice.get_array_memory_size());
    }
}
