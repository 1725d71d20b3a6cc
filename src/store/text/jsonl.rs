//! Columns from JSON lines: checked strictly, decoded to text by arrow-json, then typed.
//!
//! The types are not left to arrow-json: it reads 2.5 as the integer 2 and cuts decimals short.
//! A key that stands twice in an object has its last value.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StringViewArray, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;

use super::csv::valid;
use super::cutter::Batch;
use super::fault::{Fault, shown};
use super::json::{Check, walk};
use super::reader::{Decode, Decoded};
use super::records::Grammar;
use super::value;
use crate::error::{Error, Result};

/// Decodes the wanted members of each line's object.
pub(super) struct JsonDecoder {
    columns: Vec<FieldRef>,
    as_text: SchemaRef,
    rows: usize,
    decoder: Decoder,
}

/// A value that is not of its type.
struct Bad {
    row: usize,
    text: String,
    data_type: DataType,
}

impl JsonDecoder {
    /// Of batches of at most `rows` lines.
    ///
    /// # Errors
    /// `Usage` for a type that JSON cannot be read as.
    pub(super) fn new(columns: Vec<FieldRef>, rows: usize) -> Result<Self> {
        let fields: Vec<Field> = columns.iter().map(|f| text_field(f)).collect();
        let as_text = Arc::new(Schema::new(fields));
        let decoder = decoder(&as_text, rows)?;
        Ok(Self { columns, as_text, rows, decoder })
    }

    /// The lines as columns of text, or what is wrong with one of them.
    fn block<'a>(&mut self, lines: impl Iterator<Item = &'a [u8]>) -> Result<Vec<ArrayRef>, ArrowError> {
        for line in lines {
            self.decoder.decode(line)?;
        }
        Ok(self.decoder.flush()?.map_or_else(Vec::new, |batch| batch.columns().to_vec()))
    }

    /// Finds the lines whose members have another shape than their columns.
    fn misshapen(&mut self, lines: &[&[u8]], faults: &mut BTreeMap<usize, Fault>) -> Result<()> {
        self.decoder = decoder(&self.as_text, self.rows)?;
        for (row, line) in lines.iter().enumerate() {
            if let Err(error) = self.block(std::iter::once(*line)) {
                let why = error.to_string();
                let why = why.strip_prefix("Json error: ").unwrap_or(&why);
                // Scalars of all types are decoded as text: the reader of the message knows of none.
                let why = why.replace("expected string got", "expected a plain value, not");
                faults.entry(row).or_insert_with(|| Fault::Json(shown(&why)));
                self.decoder = decoder(&self.as_text, self.rows)?;
            }
        }
        Ok(())
    }
}

impl Decode for JsonDecoder {
    fn decode(&mut self, _: Grammar, text: &mut [u8], batch: &mut Batch) -> Result<Decoded> {
        let (text, mut faults) = valid(text, batch);
        let mut lines: Vec<&[u8]> = Vec::with_capacity(batch.records.len());
        for (row, span) in batch.columns.iter().flatten().enumerate() {
            let line = &text.as_bytes()[span.range()];
            if let Err(why) = walk(line, &mut Check) {
                faults.entry(row).or_insert(Fault::Json(why));
            }
            lines.push(if faults.contains_key(&row) { b"{}" } else { line });
        }
        if self.columns.is_empty() || lines.is_empty() {
            return Ok((Vec::new(), faults));
        }
        let mut texts = self.block(lines.iter().copied());
        if texts.is_err() {
            self.misshapen(&lines, &mut faults)?;
            for row in faults.keys() {
                lines[*row] = b"{}";
            }
            texts = self.block(lines.iter().copied());
        }
        let texts =
            texts.map_err(|e| Error::internal("lines that decode one by one do not together").because(e))?;
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (field, texts) in self.columns.iter().zip(&texts) {
            let (array, bad) = typed(texts, field.data_type())?;
            arrays.push(array);
            for Bad { row, text, data_type } in bad {
                let column = field.name().clone();
                faults.entry(row).or_insert(Fault::Value { column, text, data_type });
            }
        }
        Ok((arrays, faults))
    }
}

fn decoder(schema: &SchemaRef, rows: usize) -> Result<Decoder> {
    ReaderBuilder::new(Arc::clone(schema))
        .with_batch_size(rows.max(1))
        .with_coerce_primitive(true)
        .build_decoder()
        .map_err(|e| Error::usage("JSON cannot be read with this schema").because(e))
}

/// The same shape with text in the place of each scalar.
fn text_field(field: &Field) -> Field {
    let data_type = match field.data_type() {
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|f| Arc::new(text_field(f))).collect::<Fields>())
        }
        DataType::List(item) => DataType::List(Arc::new(text_field(item))),
        _ => DataType::Utf8View,
    };
    Field::new(field.name(), data_type, true)
}

/// `texts` as values of `data_type`.
fn typed(texts: &ArrayRef, data_type: &DataType) -> Result<(ArrayRef, Vec<Bad>)> {
    let mut bad = Vec::new();
    let array: ArrayRef = match (data_type, texts.data_type()) {
        (DataType::Struct(fields), DataType::Struct(_)) => {
            let texts = texts.as_struct();
            let mut children = Vec::with_capacity(fields.len());
            for (field, child) in fields.iter().zip(texts.columns()) {
                let (child, bad_children) = typed(child, field.data_type())?;
                children.push(child);
                bad.extend(bad_children);
            }
            let nulls = texts.nulls().cloned();
            let array = StructArray::try_new_with_length(fields.clone(), children, nulls, texts.len());
            Arc::new(array.map_err(misfit)?)
        }
        (DataType::List(item), DataType::List(_)) => {
            let texts = texts.as_list::<i32>();
            let (items, bad_items) = typed(texts.values(), item.data_type())?;
            for item in bad_items {
                let row = texts
                    .value_offsets()
                    .partition_point(|end| usize::try_from(*end).is_ok_and(|e| e <= item.row));
                bad.push(Bad { row: row.saturating_sub(1), ..item });
            }
            let (offsets, nulls) = (texts.offsets().clone(), texts.nulls().cloned());
            Arc::new(ListArray::try_new(Arc::clone(item), offsets, items, nulls).map_err(misfit)?)
        }
        (_, DataType::Utf8View) => return scalars(texts.as_string_view(), data_type),
        (wanted, _) => return Err(Error::internal(format!("JSON text has no shape for {wanted}"))),
    };
    Ok((array, bad))
}

fn scalars(texts: &StringViewArray, data_type: &DataType) -> Result<(ArrayRef, Vec<Bad>)> {
    let (array, mut rows) = value::column(texts.iter(), data_type)?;
    if !matches!(data_type, DataType::Utf8View | DataType::Utf8 | DataType::BinaryView) {
        // JSON has a NULL of its own: an empty string is no number.
        rows.extend(texts.iter().enumerate().filter(|(_, text)| *text == Some("")).map(|(row, _)| row));
    }
    let bad = rows.into_iter().map(|row| Bad {
        row,
        text: texts.value(row).to_owned(),
        data_type: data_type.clone(),
    });
    Ok((array, bad.collect()))
}

fn misfit(error: ArrowError) -> Error {
    Error::internal("the parts of a JSON column do not fit").because(error)
}
