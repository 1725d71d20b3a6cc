//! Rows as a table for people, or as JSON objects. Pure.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ArrayWriter;
use arrow::json::writer::WriterBuilder;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow::util::pretty::pretty_format_batches;
use serde_json::Value;

use crate::error::{Error, Result};

use super::super::failure::printable;

/// Characters of a cell and columns of a table before they are shortened: what a screen takes.
const MAX_CELL: usize = 60;
const MAX_COLUMNS: usize = 20;

/// The rows as a table that ends with a line end. Unless `wide`, floats have six digits, long texts are cut
/// and columns beyond [`MAX_COLUMNS`] are only counted.
pub(super) fn table(schema: &SchemaRef, batches: &[RecordBatch], wide: bool) -> Result<String> {
    let columns = if wide { schema.fields().len() } else { schema.fields().len().min(MAX_COLUMNS) };
    if columns == 0 {
        return Ok(String::new());
    }
    let fields = schema.fields().iter().take(columns);
    let names = fields.map(|f| Field::new(shown(f.name(), wide), DataType::Utf8, true)).collect::<Vec<_>>();
    let names = Arc::new(Schema::new(names));
    let mut texts = vec![RecordBatch::new_empty(Arc::clone(&names))];
    for batch in batches {
        let cells =
            batch.columns().iter().take(columns).map(|c| cells(c, wide)).collect::<Result<Vec<_>, _>>();
        texts.push(cells.and_then(|c| RecordBatch::try_new(Arc::clone(&names), c)).map_err(unprintable)?);
    }
    let hidden = schema.fields().len() - columns;
    let note = if hidden == 0 { String::new() } else { format!("{hidden} more columns: -o wide\n") };
    Ok(format!("{}\n{note}", pretty_format_batches(&texts).map_err(unprintable)?))
}

/// The rows as JSON objects. Decimals of more digits than a JSON reader keeps are strings.
pub(super) fn objects(batches: &[RecordBatch]) -> Result<Vec<Value>> {
    let mut writer: ArrayWriter<Vec<u8>> = WriterBuilder::new().with_explicit_nulls(true).build(Vec::new());
    for batch in batches {
        let batch = exact_decimals(batch).map_err(unprintable)?;
        writer.write(&batch).map_err(unprintable)?;
    }
    writer.finish().map_err(unprintable)?;
    let text = writer.into_inner();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_slice(&text).map_err(|e| Error::internal("the first rows are no JSON").because(e))
}

fn unprintable(e: ArrowError) -> Error {
    Error::internal("the first rows of the result cannot be printed").because(e)
}

fn cells(column: &ArrayRef, wide: bool) -> Result<ArrayRef, ArrowError> {
    let options = FormatOptions::new().with_null("NULL").with_display_error(true);
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
    let text = |row: usize| match column.data_type() {
        _ if wide || column.is_null(row) => formatter.value(row).to_string(),
        DataType::Float64 => short_float(column.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => short_float(f64::from(column.as_primitive::<Float32Type>().value(row))),
        _ => formatter.value(row).to_string(),
    };
    let texts = (0..column.len()).map(|row| Some(shown(&text(row), wide)));
    Ok(Arc::new(texts.collect::<StringArray>()))
}

/// On one line, without terminal codes, and cut unless `wide`.
fn shown(text: &str, wide: bool) -> String {
    let cut = text.char_indices().nth(MAX_CELL).map(|(at, _)| at);
    let (kept, mark) = match cut {
        Some(at) if !wide => (text.split_at(at).0, "…"),
        _ => (text, ""),
    };
    format!("{}{mark}", printable(kept).replace('\n', "\\n"))
}

/// Six digits that count, and two decimals of larger numbers, without zeros at the end.
fn short_float(x: f64) -> String {
    let size = x.abs();
    if !x.is_finite() || x == 0.0 {
        return x.to_string();
    }
    if !(1e-4..1e15).contains(&size) {
        return format!("{x:.5e}");
    }
    let decimals = [(1e3, 2), (1e2, 3), (1e1, 4), (1e0, 5), (1e-1, 6), (1e-2, 7), (1e-3, 8)];
    let decimals = decimals.iter().find(|(bound, _)| size >= *bound).map_or(9, |(_, n)| *n);
    let text = format!("{x:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn exact_decimals(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let wide = |t: &DataType| matches!(t, DataType::Decimal128(p, _) | DataType::Decimal256(p, _) if *p > 15);
    let schema = batch.schema();
    let mut fields = Vec::with_capacity(schema.fields().len());
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        if wide(field.data_type()) {
            fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, true)));
            columns.push(cast(column, &DataType::Utf8)?);
        } else {
            fields.push(Arc::clone(field));
            columns.push(Arc::clone(column));
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Decimal128Array, Float64Array, Int64Array};

    use super::*;

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn a_table_shows_nulls_and_short_floats() {
        let rows = batch(vec![
            ("name", Arc::new(StringArray::from(vec![Some("a\u{1b}[0m\nb"), None]))),
            ("delay", Arc::new(Float64Array::from(vec![Some(12.345_678_9), None]))),
        ]);
        let want = "\
+---------------+---------+
| name          | delay   |
+---------------+---------+
| a\\u{1b}[0m\\nb | 12.3457 |
| NULL          | NULL    |
+---------------+---------+
";
        assert_eq!(table(&rows.schema(), std::slice::from_ref(&rows), false).unwrap(), want);
        let wide = table(&rows.schema(), std::slice::from_ref(&rows), true).unwrap();
        assert!(wide.contains("12.3456789"), "{wide}");
    }

    #[test]
    fn long_texts_and_wide_tables_are_shortened_unless_wide() {
        let long: ArrayRef = Arc::new(StringArray::from(vec!["é".repeat(100)]));
        let names: Vec<String> = (0..25).map(|i| format!("c{i:02}")).collect();
        let rows = batch(names.iter().map(|n| (n.as_str(), Arc::clone(&long))).collect());
        let text = table(&rows.schema(), std::slice::from_ref(&rows), false).unwrap();
        assert!(text.contains(&format!("{}…", "é".repeat(60))), "{text}");
        assert!(text.contains("c19") && !text.contains("c20"), "{text}");
        assert!(text.ends_with("5 more columns: -o wide\n"), "{text}");
        let text = table(&rows.schema(), std::slice::from_ref(&rows), true).unwrap();
        assert!(text.contains(&"é".repeat(100)) && text.contains("c24"), "{text}");
    }

    #[test]
    fn no_rows_leave_the_names() {
        let rows = batch(vec![("n", Arc::new(Int64Array::from(Vec::<i64>::new())))]);
        assert_eq!(table(&rows.schema(), &[], false).unwrap(), "+---+\n| n |\n+---+\n+---+\n");
        assert_eq!(objects(&[]).unwrap(), Vec::<Value>::new());
        assert_eq!(table(&Arc::new(Schema::empty()), &[], false).unwrap(), "");
    }

    #[test]
    fn floats_are_short() {
        for (x, want) in [
            (0.0, "0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1 + 0.2, "0.3"),
            (1_234.567_89, "1234.57"),
            (99_999.96, "99999.96"),
            (1_234_567.891, "1234567.89"),
            (999.999_96, "1000"),
            (1e14, "100000000000000"),
            (0.000_123_456_789, "0.000123457"),
            (1e-9, "1.00000e-9"),
            (1.5e300, "1.50000e300"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(short_float(x), want);
        }
    }

    #[test]
    fn objects_keep_every_digit() {
        let decimal = |p: u8, n: i128| {
            Arc::new(Decimal128Array::from(vec![n]).with_precision_and_scale(p, 2).unwrap()) as ArrayRef
        };
        let rows = batch(vec![
            ("big", decimal(38, 12_345_678_901_234_567_890)),
            ("small", decimal(15, 1250)),
            ("n", Arc::new(Int64Array::from(vec![i64::MAX]))),
            ("x", Arc::new(Float64Array::from(vec![f64::NAN]))),
            ("none", Arc::new(StringArray::from(vec![None::<&str>]))),
        ]);
        let text = Value::Array(objects(&[rows]).unwrap()).to_string();
        assert_eq!(
            text,
            "[{\"big\":\"123456789012345678.90\",\"small\":12.5,\"n\":9223372036854775807,\"x\":null,\"none\":null}]"
        );
    }
}
