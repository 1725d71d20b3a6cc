//! Which columns a format can hold, known before any work is done.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Field, IntervalUnit, Schema};

use super::{jsonl, parquet};
use crate::engine::flat;
use crate::error::{Error, Result};
use crate::spec::{Output, OutputCompression, OutputFormat};

/// Whether rows of `schema` can be written as `output` asks.
///
/// # Errors
/// `Usage`: a column that the format cannot hold, two columns of one name, no column at all, a
/// compression that the format does not have.
pub fn check_schema(output: &Output, schema: &Schema) -> Result<()> {
    check_compression(output)?;
    if schema.fields().is_empty() {
        return Err(Error::usage("the result has no column: nothing can be written"));
    }
    let mut seen = HashMap::new();
    for (number, field) in schema.fields().iter().enumerate() {
        if let Some(first) = seen.insert(field.name(), number) {
            return Err(Error::usage(format!(
                "two columns of the result are named '{}': name one of them with AS",
                field.name()
            ))
            .with("columns", format!("{} and {}", first + 1, number + 1)));
        }
    }
    for field in flat::schema(schema, flat::Views::Plain).fields() {
        check_field(output.format, field).map_err(|why| {
            Error::usage(format!(
                "column '{}' of type {} cannot be written as {}: {why}",
                field.name(),
                field.data_type(),
                output.format.extension(),
            ))
        })?;
    }
    Ok(())
}

fn check_compression(output: &Output) -> Result<()> {
    use OutputCompression as C;
    let (fits, known) = match output.format {
        OutputFormat::Parquet => (true, ""),
        OutputFormat::Csv | OutputFormat::Jsonl => {
            (matches!(output.compression, C::None | C::Gzip | C::Zstd), "none, gzip or zstd")
        }
        OutputFormat::Arrow => {
            (matches!(output.compression, C::None | C::Lz4 | C::Zstd), "none, lz4 or zstd")
        }
    };
    if fits {
        return Ok(());
    }
    Err(Error::usage(format!(
        "output.compression does not exist for {} files: use {known}",
        output.format.extension()
    )))
}

fn check_field(format: OutputFormat, field: &Field) -> Result<(), String> {
    match format {
        OutputFormat::Csv if field.data_type().is_nested() => {
            Err("CSV has no nested values; pick single fields, or write parquet or jsonl".to_owned())
        }
        OutputFormat::Csv => Ok(()),
        _ if any(field.data_type(), &|t| matches!(t, DataType::Union(..))) => {
            Err("unions are not supported; cast the column, or pick one of its types".to_owned())
        }
        OutputFormat::Jsonl => {
            // The encoder is asked by a row of NULL, which every type has.
            let array = new_null_array(field.data_type(), 1);
            let column = Field::new(field.name(), field.data_type().clone(), true);
            let row = RecordBatch::try_new(Arc::new(Schema::new(vec![column])), vec![array]);
            row.map_err(|e| e.to_string())
                .and_then(|row| jsonl::encode(&row).map_err(|_| "JSON has no such values".to_owned()))
                .map(|_| ())
        }
        OutputFormat::Arrow => Ok(()),
        OutputFormat::Parquet => {
            let unknown = |t: &DataType| matches!(t, DataType::Interval(IntervalUnit::MonthDayNano));
            if any(field.data_type(), &unknown) {
                return Err("Parquet has no such values; cast the column, for example to varchar".to_owned());
            }
            parquet::parquet_schema(&Schema::new(vec![field.clone()]))
                .map(|_| ())
                .map_err(|e| std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string))
        }
    }
}

/// Whether a type or one inside it is meant.
fn any(data_type: &DataType, is: &impl Fn(&DataType) -> bool) -> bool {
    is(data_type)
        || match data_type {
            DataType::List(f)
            | DataType::LargeList(f)
            | DataType::ListView(f)
            | DataType::LargeListView(f)
            | DataType::FixedSizeList(f, _)
            | DataType::Map(f, _) => any(f.data_type(), is),
            DataType::Struct(fields) => fields.iter().any(|f| any(f.data_type(), is)),
            _ => false,
        }
}
