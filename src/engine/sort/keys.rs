//! Sort keys of a batch in a form that is cheap to compare.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::compute::{SortOptions, cast};
use arrow::datatypes::{DataType, Float64Type, Int64Type, Schema, UInt64Type};
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};

use crate::error::{Error, Result};

/// What to sort by: column numbers, most significant first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKeys {
    /// Columns and their direction and place of NULLs.
    pub columns: Vec<(usize, SortOptions)>,
}

/// Makes [`Keys`].
pub struct KeyEncoder {
    columns: Vec<usize>,
    how: How,
}

enum How {
    /// One number of up to 64 bits: compared as it is.
    Number(SortOptions),
    /// Anything else: rows whose bytes compare like the keys.
    Rows(RowConverter),
}

impl KeyEncoder {
    /// An encoder for batches of `schema`, which has no dictionaries.
    pub fn new(schema: &Schema, keys: &SortKeys) -> Result<Self> {
        let columns: Vec<usize> = keys.columns.iter().map(|(column, _)| *column).collect();
        if let Some(bad) = columns.iter().find(|c| **c >= schema.fields().len()) {
            return Err(Error::internal("a sort key is no column of its input").with("column", bad));
        }
        if let [(column, options)] = keys.columns[..]
            && number_type(schema.field(column).data_type()).is_some()
        {
            return Ok(Self { columns, how: How::Number(options) });
        }
        let fields: Vec<SortField> = keys
            .columns
            .iter()
            .map(|(c, options)| SortField::new_with_options(schema.field(*c).data_type().clone(), *options))
            .collect();
        let rows = RowConverter::new(fields)
            .map_err(|e| Error::usage("these columns have no order: sort by others").because(e))?;
        Ok(Self { columns, how: How::Rows(rows) })
    }

    /// The keys of all rows of a batch.
    pub fn encode(&self, batch: &RecordBatch) -> Result<Keys> {
        let columns: Vec<ArrayRef> = self.columns.iter().map(|c| batch.column(*c).clone()).collect();
        match &self.how {
            How::Number(options) => match columns.first() {
                Some(column) => numbers(column, *options),
                None => Err(Error::internal("a sort has no key")),
            },
            How::Rows(converter) => converter
                .convert_columns(&columns)
                .map(Keys::Rows)
                .map_err(|e| Error::internal("sort keys cannot be made").because(e)),
        }
    }
}

/// The 64-bit type that holds all values of a type in the same order.
fn number_type(data_type: &DataType) -> Option<DataType> {
    use DataType as T;
    match data_type {
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::Date32 | T::Date64 | T::Timestamp(..) => Some(T::Int64),
        T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 => Some(T::UInt64),
        T::Float32 | T::Float64 => Some(T::Float64),
        _ => None,
    }
}

fn numbers(column: &ArrayRef, options: SortOptions) -> Result<Keys> {
    const SIGN: u64 = 1 << 63;
    let wide = number_type(column.data_type()).ok_or_else(|| Error::internal("a sort key is no number"))?;
    let column = cast(column, &wide).map_err(|e| Error::internal("a sort key is no number").because(e))?;
    let mut values: Vec<u64> = match wide {
        DataType::Int64 => {
            column.as_primitive::<Int64Type>().values().iter().map(|v| v.cast_unsigned() ^ SIGN).collect()
        }
        DataType::UInt64 => column.as_primitive::<UInt64Type>().values().to_vec(),
        // The total order of IEEE 754: negative numbers upside down, then positive ones.
        _ => column
            .as_primitive::<Float64Type>()
            .values()
            .iter()
            .map(|v| if v.is_sign_negative() { !v.to_bits() } else { v.to_bits() ^ SIGN })
            .collect(),
    };
    if options.descending {
        for value in &mut values {
            *value = !*value;
        }
    }
    let nulls = column.nulls().filter(|n| n.null_count() > 0).cloned();
    Ok(Keys::Numbers { values, nulls, nulls_first: options.nulls_first })
}

/// The keys of a batch's rows. Keys of one encoder can be compared with each other.
pub enum Keys {
    /// Numbers whose unsigned order is the key's order.
    Numbers {
        /// One a row; meaningless where the row is NULL.
        values: Vec<u64>,
        /// Which rows are not NULL.
        nulls: Option<NullBuffer>,
        /// Where NULLs go.
        nulls_first: bool,
    },
    /// Bytes whose order is the keys' order.
    Rows(Rows),
}

/// The first part of a key: equal heads of numbers are equal keys, those of rows may still differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    /// 0: NULL first, 1: a value, 2: NULL last, 3: behind the end.
    pub class: u8,
    /// The number, or the row's first 8 bytes.
    pub prefix: u64,
}

impl Head {
    /// Greater than every key.
    pub const END: Self = Self { class: 3, prefix: 0 };
}

/// One key on its own.
pub enum Bound {
    /// Of numbers.
    Number(Head),
    /// Of rows.
    Row(OwnedRow),
}

impl Keys {
    /// The head of a row's key.
    pub fn head(&self, row: usize) -> Head {
        match self {
            Self::Numbers { nulls: Some(nulls), nulls_first, .. } if nulls.is_null(row) => {
                Head { class: if *nulls_first { 0 } else { 2 }, prefix: 0 }
            }
            Self::Numbers { values, .. } => Head { class: 1, prefix: values[row] },
            Self::Rows(rows) => Head { class: 1, prefix: prefix(rows.row(row).as_ref()) },
        }
    }

    /// Compares what heads leave open.
    pub fn compare_tails(&self, row: usize, other: &Self, other_row: usize) -> Ordering {
        match (self, other) {
            (Self::Rows(a), Self::Rows(b)) => a.row(row).cmp(&b.row(other_row)),
            _ => Ordering::Equal,
        }
    }

    /// A copy of one key.
    pub fn bound(&self, row: usize) -> Bound {
        match self {
            Self::Numbers { .. } => Bound::Number(self.head(row)),
            Self::Rows(rows) => Bound::Row(rows.row(row).owned()),
        }
    }

    /// For each row whether its key is less than `bound`.
    pub fn below(&self, bound: &Bound) -> Vec<bool> {
        match (self, bound) {
            (Self::Numbers { values, .. }, Bound::Number(head)) => {
                (0..values.len()).map(|row| self.head(row) < *head).collect()
            }
            (Self::Rows(rows), Bound::Row(bound)) => rows.iter().map(|row| row < bound.row()).collect(),
            // Keys of two encoders are never compared.
            (Self::Numbers { values, .. }, Bound::Row(_)) => vec![true; values.len()],
            (Self::Rows(rows), Bound::Number(_)) => vec![true; rows.num_rows()],
        }
    }

    /// Bytes that the keys take.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Numbers { values, .. } => values.len() as u64 * 8,
            Self::Rows(rows) => rows.size() as u64,
        }
    }
}

/// The first 8 bytes, most significant first; short keys are filled with zeros.
fn prefix(bytes: &[u8]) -> u64 {
    if let Some(first) = bytes.first_chunk::<8>() {
        return u64::from_be_bytes(*first);
    }
    let mut padded = [0; 8];
    for (to, from) in padded.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_be_bytes(padded)
}
