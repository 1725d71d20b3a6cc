//! CSV after RFC 4180 with line feeds: a header line; NULL is the empty field, the empty text is
//! `""`. With a single column NULL is `""` too: an empty line would be no record for most readers.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::text::TextFormat;
use crate::error::Result;

pub(super) const FORMAT: TextFormat = TextFormat { header, encode };

fn header(schema: &Schema) -> Vec<u8> {
    let mut line = String::new();
    for (number, field) in schema.fields().iter().enumerate() {
        if number > 0 {
            line.push(',');
        }
        quote(field.name(), &mut line);
    }
    line.push('\n');
    line.into_bytes()
}

fn encode(batch: &RecordBatch) -> Result<Vec<u8>> {
    // Values that cannot be shown are errors, not texts about errors.
    let options = FormatOptions::new().with_display_error(false);
    let columns = batch
        .columns()
        .iter()
        .map(|column| Cells::new(column, &options))
        .collect::<Result<Vec<_>, _>>()
        .map_err(super::encoding)?;
    let mut text = String::with_capacity(batch.num_rows() * columns.len() * 8);
    let mut scratch = String::new();
    for row in 0..batch.num_rows() {
        for (number, column) in columns.iter().enumerate() {
            if number > 0 {
                text.push(',');
            }
            if !column.is_null(row) {
                column.write(row, &mut text, &mut scratch).map_err(super::encoding)?;
            } else if columns.len() == 1 {
                text.push_str("\"\"");
            }
        }
        text.push('\n');
    }
    Ok(text.into_bytes())
}

/// The values of a column as text.
struct Cells<'a> {
    column: &'a ArrayRef,
    nulls: Option<arrow::buffer::NullBuffer>,
    how: How<'a>,
}

enum How<'a> {
    Utf8,
    LargeUtf8,
    View,
    /// Shown without anything to quote.
    Plain(ArrayFormatter<'a>),
    Other(ArrayFormatter<'a>),
}

impl<'a> Cells<'a> {
    fn new(column: &'a ArrayRef, options: &FormatOptions<'a>) -> Result<Self, ArrowError> {
        let data_type = column.data_type();
        let how = match data_type {
            DataType::Utf8 => How::Utf8,
            DataType::LargeUtf8 => How::LargeUtf8,
            DataType::Utf8View => How::View,
            t if t.is_numeric() || matches!(t, DataType::Boolean | DataType::Date32) => {
                How::Plain(ArrayFormatter::try_new(column, options)?)
            }
            _ => How::Other(ArrayFormatter::try_new(column, options)?),
        };
        Ok(Self { column, nulls: column.logical_nulls(), how })
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|n| n.is_null(row))
    }

    fn write(&self, row: usize, out: &mut String, scratch: &mut String) -> Result<(), ArrowError> {
        match &self.how {
            How::Utf8 => quote(self.column.as_string::<i32>().value(row), out),
            How::LargeUtf8 => quote(self.column.as_string::<i64>().value(row), out),
            How::View => quote(self.column.as_string_view().value(row), out),
            How::Plain(formatter) => formatter.value(row).write(out as &mut dyn Write)?,
            How::Other(formatter) => {
                scratch.clear();
                formatter.value(row).write(scratch as &mut dyn Write)?;
                quote(scratch, out);
            }
        }
        Ok(())
    }
}

/// Appends a field, in quotes where they are needed.
fn quote(field: &str, out: &mut String) {
    let plain = |b: u8| !matches!(b, b',' | b'"' | b'\n' | b'\r');
    if !field.is_empty() && field.bytes().all(plain) {
        out.push_str(field);
        return;
    }
    out.push('"');
    for (number, part) in field.split('"').enumerate() {
        if number > 0 {
            out.push_str("\"\"");
        }
        out.push_str(part);
    }
    out.push('"');
}
