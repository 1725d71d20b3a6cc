//! Which fields of a file are decoded, and which columns they become.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::{Field, FieldRef};

use super::csv::CsvDecoder;
use super::cutter::{UNWANTED, Want};
use super::fault::shown;
use super::head::Head;
use super::jsonl::JsonDecoder;
use super::reader::{Decode, Output};
use super::value;
use crate::error::{Error, Result};
use crate::plan::{Split, Table};
use crate::spec::{Format, types};

/// How the records of one file become the columns that are asked for.
pub(super) struct Layout {
    pub(super) want: Want,
    pub(super) outputs: Vec<Output>,
    pub(super) decoder: Box<dyn Decode>,
}

impl Layout {
    /// The columns of `projection`, positions in the table's schema; folder columns at its end.
    ///
    /// # Errors
    /// `BadData` when the header or a folder's value does not fit the table's schema.
    pub(super) fn new(
        table: &Table,
        split: &Split,
        head: &Head,
        projection: &[usize],
        batch_rows: usize,
    ) -> Result<Self> {
        let fields = table.schema.fields();
        let own = fields.len().saturating_sub(table.hive_columns);
        let mut decoded: Vec<FieldRef> = Vec::new();
        let mut known: HashMap<usize, usize> = HashMap::new();
        let found = match table.format {
            Format::Jsonl => (0..own).map(Some).collect(),
            Format::Csv | Format::Parquet => {
                fields_of(table, own, head).map_err(|e| e.with("file", &split.path))?
            }
        };
        let width = head.names.as_ref().map_or(own, Vec::len);
        let mut slots = if table.format == Format::Jsonl { vec![0] } else { vec![UNWANTED; width] };
        let mut outputs = Vec::with_capacity(projection.len());
        for &position in projection {
            let field = fields.get(position).ok_or_else(|| {
                Error::internal(format!("column {position} is not in table '{}'", table.name))
            })?;
            if position >= own {
                let value = split.folder_values.get(position - own).and_then(Option::as_deref);
                let constant = folder(field, value).map_err(|e| e.with("file", &split.path))?;
                outputs.push(Output::Constant(constant));
                continue;
            }
            let Some(number) = found.get(position).copied().flatten() else {
                outputs.push(Output::Constant(new_null_array(field.data_type(), 1)));
                continue;
            };
            let slot = *known.entry(position).or_insert_with(|| {
                decoded.push(Arc::clone(field));
                decoded.len() - 1
            });
            outputs.push(Output::Decoded(slot));
            if table.format != Format::Jsonl
                && let Some(place) = slots.get_mut(number)
            {
                *place = u32::try_from(slot).unwrap_or(UNWANTED);
            }
        }
        let width = if table.format == Format::Jsonl { 1 } else { decoded.len() };
        let decoder: Box<dyn Decode> = match table.format {
            Format::Jsonl => Box::new(JsonDecoder::new(decoded, batch_rows)?),
            Format::Csv | Format::Parquet => {
                Box::new(CsvDecoder { columns: decoded, null_strings: table.csv.null_strings.clone() })
            }
        };
        Ok(Self { want: Want { slots, width }, outputs, decoder })
    }
}

/// For each of the table's own columns: the number of its field in the file's records, if it is
/// there. Without a header the fields are the columns in the schema's order.
fn fields_of(table: &Table, own: usize, head: &Head) -> Result<Vec<Option<usize>>> {
    let Some(names) = &head.names else { return Ok((0..own).map(Some).collect()) };
    let fields = table.schema.fields();
    let positions: HashMap<&str, usize> =
        fields.iter().enumerate().map(|(i, field)| (field.name().as_str(), i)).collect();
    let mut found = vec![None; own];
    for (number, name) in names.iter().enumerate() {
        match positions.get(name.as_str()) {
            // A column that a folder gives, too: the folder's value holds.
            Some(position) if *position >= own => (),
            Some(position) => found[*position] = Some(number),
            None => {
                return Err(Error::bad_data(format!(
                    "the header names column '{}', which table '{}' does not have: add it under schema, or leave \
                     the file out",
                    shown(name),
                    table.name
                )));
            }
        }
    }
    Ok(found)
}

/// A folder's value as a column of one row.
fn folder(field: &Field, value: Option<&str>) -> Result<ArrayRef> {
    let (array, bad) = value::column(std::iter::once(value), field.data_type())?;
    if bad.is_empty() {
        return Ok(array);
    }
    Err(Error::bad_data(format!(
        "the folder {}={} is no {}: state the column's type under schema",
        field.name(),
        shown(value.unwrap_or_default()),
        types::name(field.data_type())
    )))
}
